using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Kloset.Storage;

namespace Kloset.Tests.Storage;

/// <summary>A store in memory, for tests that open a repository thousands of times.</summary>
internal sealed class MemoryStore : IStore
{
    public ConcurrentDictionary<string, byte[]> Items { get; } = new(StringComparer.Ordinal);

    public string Location => "memory";

    public StoreCounters Counters { get; } = new();

    public Task InitializeAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async IAsyncEnumerable<StoreItem> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        foreach (var (key, bytes) in Items)
        {
            if (key.StartsWith(prefix, StringComparison.Ordinal))
                yield return new StoreItem(key, bytes.Length, DateTimeOffset.UnixEpoch);
        }
    }

    public Task<Stream> OpenReadAsync(string key, CancellationToken cancellationToken) => Task.FromResult<Stream>(new MemoryStream(Get(key), writable: false));

    public Task ReadRangeAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        var bytes = Get(key);
        if (offset + destination.Length > bytes.Length)
            throw new StoreException(StoreFailure.NotFound, $"{key} ends before byte {offset + destination.Length}.");
        bytes.AsMemory((int)offset, destination.Length).CopyTo(destination);
        return Task.CompletedTask;
    }

    public Task PutAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken)
    {
        Items[key] = content.ToArray();
        return Task.CompletedTask;
    }

    public Task<bool> PutIfAbsentAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken) =>
        Task.FromResult(Items.TryAdd(key, content.ToArray()));

    public Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        Items.TryRemove(key, out _);
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private byte[] Get(string key) => Items.TryGetValue(key, out var bytes) ? bytes : throw new StoreException(StoreFailure.NotFound, $"{key} does not exist.");
}

public sealed class MemoryStoreTests : StoreContract
{
    protected override Task<IStore> NewStoreAsync() => Task.FromResult<IStore>(new MemoryStore());
}
