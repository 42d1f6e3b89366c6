using System.Buffers;
using System.Runtime.CompilerServices;
using Kloset.Storage;

namespace Kloset.Tests.Storage;

/// <summary>Fails the n-th call, before or after it took effect, and works again from then on.</summary>
internal sealed class FaultyStore(IStore inner, int failAt, bool takesEffect, StoreFailure failure = StoreFailure.Unreachable) : IStore
{
    private int _calls;

    public int Calls => _calls;

    public string Location => inner.Location;

    public StoreCounters Counters => inner.Counters;

    public Task InitializeAsync(CancellationToken cancellationToken) => DoAsync(() => inner.InitializeAsync(cancellationToken));

    public async IAsyncEnumerable<StoreItem> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // A listing breaks off in its middle.
        var fails = Interlocked.Increment(ref _calls) == failAt;
        var left = takesEffect ? 1 : 0;
        await foreach (var item in inner.ListAsync(prefix, cancellationToken))
        {
            if (fails && left-- == 0)
                throw Failure();
            yield return item;
        }

        if (fails)
            throw Failure();
    }

    public async Task<Stream> OpenReadAsync(string key, CancellationToken cancellationToken)
    {
        Stream? stream = null;
        await DoAsync(async () => stream = await inner.OpenReadAsync(key, cancellationToken));
        return stream!;
    }

    public Task ReadRangeAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken) =>
        DoAsync(() => inner.ReadRangeAsync(key, offset, destination, cancellationToken));

    public Task PutAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken) => DoAsync(() => inner.PutAsync(key, content, cancellationToken));

    public async Task<bool> PutIfAbsentAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken)
    {
        var first = false;
        await DoAsync(async () => first = await inner.PutIfAbsentAsync(key, content, cancellationToken));
        return first;
    }

    public Task DeleteAsync(string key, CancellationToken cancellationToken) => DoAsync(() => inner.DeleteAsync(key, cancellationToken));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task DoAsync(Func<Task> call)
    {
        var fails = Interlocked.Increment(ref _calls) == failAt;
        if (!fails || takesEffect)
            await call();
        if (fails)
            throw Failure();
    }

    private StoreException Failure() => new(failure, $"Call {failAt} failed.");
}

/// <summary>The decorator changes nothing when it does not fail.</summary>
public sealed class FaultyStoreTests : StoreContract
{
    protected override Task<IStore> NewStoreAsync() => Task.FromResult<IStore>(new FaultyStore(new MemoryStore(), 0, false));
}
