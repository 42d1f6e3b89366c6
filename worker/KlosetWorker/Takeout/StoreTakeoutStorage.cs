using System.Runtime.CompilerServices;
using GooglePhotos.Takeout.Archives;
using Kloset.Storage;

namespace KlosetWorker.Takeout;

/// <summary>Exports in a bucket, read by ranges.</summary>
/// <param name="windowBytes">How much one request fetches: much for contents, little while only sidecars are picked out.</param>
internal sealed class StoreTakeoutStorage(IStore store, int windowBytes = 8 << 20) : ITakeoutStorage
{
    public string Location => store.Location;

    public bool SeeksAreCheap => false;

    public async IAsyncEnumerable<StoredFile> ListAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var item in store.ListAsync("", ct))
        {
            yield return new(item.Key, item.Size, item.LastModified);
        }
    }

    public Task<Stream> OpenReadAsync(StoredFile file, CancellationToken ct) =>
        Task.FromResult<Stream>(new RangeStream(
            file.Size, (offset, destination, token) => store.ReadRangeAsync(file.Path, offset, destination, token), windowBytes));
}
