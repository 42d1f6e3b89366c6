using System.Security.Cryptography.X509Certificates;

namespace Kloset.Storage.S3;

/// <summary>How a bucket is reached. The location (host, bucket, prefix) comes from <see cref="Endpoint"/>, <see cref="Bucket"/> and <see cref="Prefix"/>.</summary>
public sealed record S3Options
{
    /// <summary>`https://host[:port]` or `http://host[:port]`; null is Amazon's own endpoint of <see cref="Region"/>.</summary>
    public Uri? Endpoint { get; init; }

    public required string Bucket { get; init; }

    /// <summary>Without leading slash; empty, or ending in one slash. See <see cref="NormalizePrefix"/>.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Region that requests are signed for.</summary>
    public string Region { get; init; } = "us-east-1";

    /// <summary>Null takes the identity of the environment (environment variables, web identity, instance).</summary>
    public S3Credentials? Credentials { get; init; }

    /// <summary>The bucket is the first label of the host name, instead of the first segment of the path.</summary>
    public bool VirtualHost { get; init; }

    /// <summary>Certificates that are trusted besides the system's roots.</summary>
    public X509Certificate2Collection? TrustedCertificates { get; init; }

    /// <summary>Storage class of new packfiles and states; CONFIG and locks stay in the bucket's default.</summary>
    public string? StorageClass { get; init; }

    /// <summary>Key of 32 bytes for SSE-C, in base64. Needs https.</summary>
    public string? ServerSideEncryptionCustomerKey { get; init; }

    /// <summary>Asks for SSE-S3 or SSE-KMS: `AES256` or `aws:kms`.</summary>
    public string? ServerSideEncryption { get; init; }

    /// <summary>Key of SSE-KMS; null leaves it to the bucket or the server.</summary>
    public string? ServerSideEncryptionKmsKey { get; init; }

    /// <summary>Locks on CONFIG, packfiles and states; null puts none.</summary>
    public ObjectLockPolicy? ObjectLock { get; init; }

    /// <summary>Shows the bucket as its versions of this time were, and writes nothing; null shows it as it is.</summary>
    public DateTimeOffset? AsOf { get; init; }

    /// <summary>How often a request is tried again, with exponential back-off and jitter.</summary>
    public int MaxRetries { get; init; } = 8;

    /// <summary>How long one try of a request may go without a byte of the body accepted and without an answer.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Shared by all stores of a process; null sends as fast as the line takes it.</summary>
    public BandwidthLimit? UploadLimit { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The options of a location; credentials and the rest are added by `with`.</summary>
    public static S3Options For(S3Location location) =>
        new() { Endpoint = location.Endpoint, Bucket = location.Bucket, Prefix = NormalizePrefix(location.Prefix) };

    /// <summary>Leading and doubled slashes removed, one slash at the end; empty stays empty.</summary>
    public static string NormalizePrefix(string? prefix)
    {
        var segments = (prefix ?? "").Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (segments.Contains("..") || segments.Contains("."))
        {
            throw new ArgumentException($"the prefix '{prefix}' has a segment '.' or '..'", nameof(prefix));
        }

        return segments.Length == 0 ? "" : string.Join('/', segments) + "/";
    }
}

/// <summary>Does not print itself: neither in a log nor in a record's text.</summary>
public sealed class S3Credentials(string accessKey, string secretKey, string? sessionToken = null)
{
    public string AccessKey { get; } = accessKey;

    public string SecretKey { get; } = secretKey;

    public string? SessionToken { get; } = sessionToken;

    public override string ToString() => "S3Credentials(…)";
}
