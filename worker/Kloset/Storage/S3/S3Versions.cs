using System.Runtime.CompilerServices;
using Amazon.S3.Model;

namespace Kloset.Storage.S3;

/// <param name="Key">Without the store's prefix.</param>
/// <param name="IsMarker">A deletion, which hides what was before it and holds nothing.</param>
internal sealed record S3Version(string Key, string VersionId, bool IsMarker, long Size, DateTimeOffset Time);

/// <summary>
/// The objects of a bucket as they were at a time. Whoever overwrote or deleted something since has only added versions; those before the time
/// are still there, and can be read.
/// </summary>
internal sealed class S3Versions(S3Store store, DateTimeOffset asOf)
{
    private readonly Lock _lock = new();
    private Task<IReadOnlyDictionary<string, S3Version>>? _versions;

    /// <summary>Every version of every key below the prefix, key by key, the newest first.</summary>
    public static async IAsyncEnumerable<S3Version> ListAsync(S3Store store, string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var request = new ListVersionsRequest { BucketName = store.Options.Bucket, Prefix = store.Options.Prefix + prefix };
        ListVersionsResponse page;
        do
        {
            page = await store.AskAsync(() => store.Client.ListVersionsAsync(request, cancellationToken), "list the versions of", prefix);
            foreach (var version in page.Versions ?? [])
            {
                var time = version.LastModified is { } modified ? new DateTimeOffset(modified.ToUniversalTime(), TimeSpan.Zero) : default;
                yield return new S3Version(version.Key[store.Options.Prefix.Length..], version.VersionId, version.IsDeleteMarker == true, version.Size ?? 0, time);
            }

            request.KeyMarker = page.NextKeyMarker;
            request.VersionIdMarker = page.NextVersionIdMarker;
        }
        while (page.IsTruncated == true);
    }

    public async Task<IEnumerable<S3Version>> ListAsync(string prefix) =>
        (await LoadAsync()).Values.Where(version => version.Key.StartsWith(prefix, StringComparison.Ordinal));

    /// <returns>Null when the key was not there at that time.</returns>
    public async Task<S3Version?> FindAsync(string key) => (await LoadAsync()).GetValueOrDefault(key);

    private Task<IReadOnlyDictionary<string, S3Version>> LoadAsync()
    {
        lock (_lock)
        {
            if (_versions is null || _versions.IsFaulted)
            {
                _versions = ReadAsync();
            }

            return _versions;
        }
    }

    private async Task<IReadOnlyDictionary<string, S3Version>> ReadAsync()
    {
        var then = new Dictionary<string, S3Version>(StringComparer.Ordinal);
        var decided = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var version in ListAsync(store, "", CancellationToken.None))
        {
            // The newest that is not younger decides: an object or a deletion.
            if (version.Time <= asOf && decided.Add(version.Key) && !version.IsMarker)
            {
                then.Add(version.Key, version);
            }
        }

        return then;
    }
}
