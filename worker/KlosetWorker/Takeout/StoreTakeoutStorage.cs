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
            yield return new(item.Key, item.Size, item.LastModified, item.Version);
        }
    }

    public Task<RangeStream> OpenReadAsync(StoredFile file, CancellationToken ct) =>
        Task.FromResult(new RangeStream(file.Size, (offset, destination, token) => ReadAsync(file, offset, destination, token), windowBytes));

    /// <summary>Every range is asked for under the version that was listed, so that two contents are never mixed.</summary>
    private async Task ReadAsync(StoredFile file, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        try
        {
            await store.ReadRangeAsync(new StoreItem(file.Path, file.Size, file.Modified, file.Version), offset, destination, cancellationToken);
        }
        catch (StoreException exception) when (exception.Failure is StoreFailure.Changed or StoreFailure.NotFound)
        {
            throw new ArchiveChangedException(
                exception.Failure == StoreFailure.Changed ? $"{file.Name} has another version than the one that was listed" : $"{file.Name} was deleted", exception);
        }
    }
}
