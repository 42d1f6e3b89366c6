using System.Buffers;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Storage;

namespace Kloset.Tests.Writing;

/// <summary>A store that can be out of reach for a while: every write fails then. Writes can be watched.</summary>
internal sealed class PausableStore(IStore inner) : IStore
{
    public bool IsAway { get; set; }

    /// <summary>Called before each object is put.</summary>
    public Action? Putting { get; set; }

    public string Location => inner.Location;

    public StoreCounters Counters => inner.Counters;

    public Task InitializeAsync(CancellationToken cancellationToken) => inner.InitializeAsync(cancellationToken);

    public IAsyncEnumerable<StoreItem> ListAsync(string prefix, CancellationToken cancellationToken) => inner.ListAsync(prefix, cancellationToken);

    public Task<Stream> OpenReadAsync(string key, CancellationToken cancellationToken) => inner.OpenReadAsync(key, cancellationToken);

    public Task ReadRangeAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken) =>
        inner.ReadRangeAsync(key, offset, destination, cancellationToken);

    public Task PutAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken)
    {
        Putting?.Invoke();
        return IsAway ? throw Away() : inner.PutAsync(key, content, cancellationToken);
    }

    public Task<bool> PutIfAbsentAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken) =>
        IsAway ? throw Away() : inner.PutIfAbsentAsync(key, content, cancellationToken);

    public Task DeleteAsync(string key, CancellationToken cancellationToken) => IsAway ? throw Away() : inner.DeleteAsync(key, cancellationToken);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static StoreException Away() => new(StoreFailure.Unreachable, "The store is away.");
}

internal static class RepositoryReading
{
    /// <summary>Identifiers, without the headers that may be lost.</summary>
    public static async Task<IReadOnlyList<SnapshotId>> ListSnapshotsOrWhatCanBeReadAsync(this Repository repository, CancellationToken cancellationToken)
    {
        await repository.RefreshAsync(cancellationToken);
        return [.. repository.Index.Snapshots().Where(id => repository.Index.TryFind(BlobType.Snapshot, id.Value, out _))];
    }
}
