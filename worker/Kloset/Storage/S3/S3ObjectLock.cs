using System.Buffers;
using System.Net;
using Amazon.S3;
using Amazon.S3.Model;

namespace Kloset.Storage.S3;

/// <summary>Object lock of a bucket: per object, set with each put, prolonged and waited for version by version.</summary>
internal sealed class S3ObjectLock(S3Store store, ObjectLockPolicy policy, TimeProvider time) : IObjectLock
{
    private const int Concurrency = 16;

    private const string ProbeKey = "kloset-operator/object-lock-probe";

    private static readonly TimeSpan ProbeRetention = TimeSpan.FromMinutes(1);

    public ObjectLockPolicy Policy => policy;

    private Amazon.S3.ObjectLockMode Mode =>
        policy.Mode == ObjectLockMode.Compliance ? Amazon.S3.ObjectLockMode.Compliance : Amazon.S3.ObjectLockMode.Governance;

    private ObjectLockRetentionMode RetentionMode =>
        policy.Mode == ObjectLockMode.Compliance ? ObjectLockRetentionMode.Compliance : ObjectLockRetentionMode.Governance;

    /// <summary>Gives a put its lock.</summary>
    public void Apply(PutObjectRequest request)
    {
        request.ObjectLockMode = Mode;
        request.ObjectLockRetainUntilDate = policy.Until(time.GetUtcNow()).UtcDateTime;
    }

    public void Apply(InitiateMultipartUploadRequest request)
    {
        request.ObjectLockMode = Mode;
        request.ObjectLockRetainUntilDate = policy.Until(time.GetUtcNow()).UtcDateTime;
    }

    public async Task ProbeAsync(CancellationToken cancellationToken)
    {
        var until = time.GetUtcNow() + ProbeRetention;
        string? version;
        DateTimeOffset? found;
        try
        {
            using var body = new ReadOnlySequenceStream(new ReadOnlySequence<byte>("object lock?"u8.ToArray()));
            var request = store.NewPut(ProbeKey, body);
            Apply(request);
            request.ObjectLockRetainUntilDate = until.UtcDateTime;
            version = (await store.AskAsync(() => store.Client.PutObjectAsync(request, cancellationToken), "put", ProbeKey)).VersionId;
            found = string.IsNullOrEmpty(version) ? null : await RetentionOfAsync(ProbeKey, version, cancellationToken);
        }
        catch (StoreException refused) when (refused.Failure is StoreFailure.Other or StoreFailure.Invalid)
        {
            throw None(refused);
        }

        // Whole seconds are all that some servers keep.
        if (found is not { } kept || kept < until - TimeSpan.FromSeconds(2))
        {
            throw None(null);
        }

        await store.DeleteAsync(ProbeKey, cancellationToken);
    }

    public async Task<DateTimeOffset?> RetainedUntilAsync(string key, CancellationToken cancellationToken)
    {
        DateTimeOffset? latest = null;
        await foreach (var version in VersionsOfAsync(key, cancellationToken))
        {
            if (!version.IsMarker && await RetentionOfAsync(key, version.VersionId, cancellationToken) is { } until && !(latest > until))
            {
                latest = until;
            }
        }

        return latest;
    }

    public async Task<int> ExtendAsync(string prefix, Func<string, bool> wanted, DateTimeOffset until, CancellationToken cancellationToken)
    {
        var first = new Dictionary<string, string>(StringComparer.Ordinal);
        await foreach (var version in S3Versions.ListAsync(store, prefix, cancellationToken))
        {
            // The list goes from new to old: the last one that is seen is the first that was written.
            if (!version.IsMarker && wanted(version.Key))
            {
                first[version.Key] = version.VersionId;
            }
        }

        await Parallel.ForEachAsync(
            first, new ParallelOptions { MaxDegreeOfParallelism = Concurrency, CancellationToken = cancellationToken },
            async (item, token) => await ExtendAsync(item.Key, item.Value, until, token));
        return first.Count;
    }

    public async Task PurgeAsync(string key, CancellationToken cancellationToken)
    {
        var versions = new List<S3Version>();
        await foreach (var version in VersionsOfAsync(key, cancellationToken))
        {
            versions.Add(version);
        }

        foreach (var version in versions)
        {
            await store.AskAsync(
                () => store.Client.DeleteObjectAsync(
                    new DeleteObjectRequest { BucketName = store.Options.Bucket, Key = store.Options.Prefix + key, VersionId = version.VersionId }, cancellationToken),
                "delete a version of",
                key);
        }
    }

    private async Task ExtendAsync(string key, string version, DateTimeOffset until, CancellationToken cancellationToken)
    {
        var request = new PutObjectRetentionRequest
        {
            BucketName = store.Options.Bucket,
            Key = store.Options.Prefix + key,
            VersionId = version,
            Retention = new ObjectLockRetention { Mode = RetentionMode, RetainUntilDate = until.UtcDateTime },
        };
        try
        {
            await store.AskAsync(() => store.Client.PutObjectRetentionAsync(request, cancellationToken), "prolong the lock of", key);
        }
        catch (StoreException refused) when (refused.Failure == StoreFailure.AccessDenied)
        {
            // A lock is never shortened; one that lasts longer is what was asked for.
            if (!(await RetentionOfAsync(key, version, cancellationToken) >= until))
            {
                throw;
            }
        }
    }

    private async Task<DateTimeOffset?> RetentionOfAsync(string key, string version, CancellationToken cancellationToken)
    {
        var request = new GetObjectRetentionRequest { BucketName = store.Options.Bucket, Key = store.Options.Prefix + key, VersionId = version };
        try
        {
            var answer = await store.AskAsync(() => store.Client.GetObjectRetentionAsync(request, cancellationToken), "read the lock of", key);
            return answer.Retention?.RetainUntilDate is { } until ? new DateTimeOffset(until.ToUniversalTime(), TimeSpan.Zero) : null;
        }
        catch (StoreException none) when (none.Failure == StoreFailure.NotFound
            || none.InnerException is AmazonS3Exception { ErrorCode: "NoSuchObjectLockConfiguration" or "ObjectLockConfigurationNotFoundError" or "InvalidRequest", StatusCode: HttpStatusCode.NotFound or HttpStatusCode.BadRequest })
        {
            return null;
        }
    }

    /// <summary>Of exactly this key, the newest first.</summary>
    private async IAsyncEnumerable<S3Version> VersionsOfAsync(
        string key, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var version in S3Versions.ListAsync(store, key, cancellationToken))
        {
            if (version.Key == key)
            {
                yield return version;
            }
        }
    }

    private StoreException None(Exception? cause) => new(
        StoreFailure.Invalid,
        $"The bucket '{store.Options.Bucket}' does not lock objects: make one with object lock, or leave immutability out.",
        cause);
}
