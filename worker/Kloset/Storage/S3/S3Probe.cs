using System.Net;
using System.Security.Cryptography;
using Amazon.S3;
using Amazon.S3.Model;

namespace Kloset.Storage.S3;

/// <summary>Finds out what a bucket can do, with one small object below `kloset-operator/` that is removed again.</summary>
internal sealed class S3Probe(AmazonS3Client client, S3Options options, HttpClient http, Func<string, Stream, PutObjectRequest> newPut, TimeProvider time)
{
    private const string Folder = "kloset-operator/probe/";

    public async Task<S3Capabilities> RunAsync(bool mayWrite, CancellationToken cancellationToken)
    {
        var skew = await ClockSkewAsync(cancellationToken);
        var versioning = await AskAsync(
            async () => (await client.GetBucketVersioningAsync(options.Bucket, cancellationToken)).VersioningConfig?.Status == VersionStatus.Enabled ? S3Support.Yes : S3Support.No);
        var (objectLock, retention) = await ObjectLockAsync(cancellationToken);
        var (conditional, checksums, problem) = mayWrite ? await WriteAsync(cancellationToken) : (S3Support.Unknown, S3Support.Unknown, null);
        return new S3Capabilities(conditional, checksums, versioning, objectLock, retention, skew, problem);
    }

    private async Task<TimeSpan?> ClockSkewAsync(CancellationToken cancellationToken)
    {
        try
        {
            // Any answer carries the server's time, also a refusal.
            using var request = new HttpRequestMessage(HttpMethod.Head, options.Endpoint ?? new Uri($"https://s3.{options.Region}.amazonaws.com"));
            var asked = time.GetUtcNow();
            using var answer = await http.SendAsync(request, cancellationToken);
            return answer.Headers.Date is { } date ? asked + ((time.GetUtcNow() - asked) / 2) - date : null;
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException { InnerException: TimeoutException })
        {
            return null;
        }
    }

    private async Task<(S3Support Lock, string? Retention)> ObjectLockAsync(CancellationToken cancellationToken)
    {
        try
        {
            var answer = await client.GetObjectLockConfigurationAsync(new GetObjectLockConfigurationRequest { BucketName = options.Bucket }, cancellationToken);
            var configuration = answer.ObjectLockConfiguration;
            if (configuration?.ObjectLockEnabled != ObjectLockEnabled.Enabled)
            {
                return (S3Support.No, null);
            }

            var rule = configuration.Rule?.DefaultRetention;
            return (S3Support.Yes, rule is null ? null : $"{rule.Mode} {(rule.Years is > 0 ? $"{rule.Years} years" : $"{rule.Days} days")}");
        }
        catch (AmazonS3Exception exception) when (exception.ErrorCode == "ObjectLockConfigurationNotFoundError" || exception.StatusCode == HttpStatusCode.NotFound)
        {
            return (S3Support.No, null);
        }
        catch (AmazonS3Exception)
        {
            return (S3Support.Unknown, null);
        }
    }

    private async Task<(S3Support Conditional, S3Support Checksums, string? Problem)> WriteAsync(CancellationToken cancellationToken)
    {
        var key = Folder + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
        var content = "kloset probe"u8.ToArray();
        try
        {
            await client.PutObjectAsync(newPut(key, new MemoryStream(content)), cancellationToken);
        }
        catch (AmazonS3Exception exception)
        {
            return (S3Support.Unknown, S3Support.Unknown, exception.Message);
        }

        try
        {
            var conditional = await AskAsync(async () =>
            {
                var second = newPut(key, new MemoryStream(content));
                second.IfNoneMatch = "*";
                return await IsRefusedAsync(second, cancellationToken);
            });
            var checksums = await AskAsync(async () =>
            {
                var wrong = newPut(key, new MemoryStream(content));
                wrong.ChecksumCRC32 = "AAAAAA=="; // of no such content
                return await IsRefusedAsync(wrong, cancellationToken);
            });
            return (conditional, checksums, null);
        }
        finally
        {
            try
            {
                await client.DeleteObjectAsync(options.Bucket, options.Prefix + key, CancellationToken.None);
            }
            catch (AmazonS3Exception)
            {
                // A few bytes that stay; the place tells what they are.
            }
        }
    }

    private async Task<S3Support> IsRefusedAsync(PutObjectRequest request, CancellationToken cancellationToken)
    {
        try
        {
            await client.PutObjectAsync(request, cancellationToken);
            return S3Support.No;
        }
        catch (AmazonS3Exception exception) when (exception.StatusCode is HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict or HttpStatusCode.BadRequest)
        {
            return S3Support.Yes;
        }
    }

    private static async Task<S3Support> AskAsync(Func<Task<S3Support>> question)
    {
        try
        {
            return await question();
        }
        catch (AmazonS3Exception exception) when (exception.StatusCode == HttpStatusCode.NotImplemented)
        {
            return S3Support.No;
        }
        catch (AmazonS3Exception)
        {
            return S3Support.Unknown;
        }
    }
}
