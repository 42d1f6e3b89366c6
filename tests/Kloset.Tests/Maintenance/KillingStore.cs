using System.Buffers;
using System.Runtime.CompilerServices;
using Kloset.Storage;

namespace Kloset.Tests.Maintenance;

/// <summary>
/// The store of a process that dies: at the n-th request it is gone, and with it all that would have come after, its clean-up included. The fatal
/// request is done or not done, and a put may leave half a temporary file.
/// </summary>
internal sealed class KillingStore(IStore inner, string root, int dieAt, Random random) : IStore
{
    private readonly Lock _lock = new();
    private readonly bool _fatalOneIsDone = random.Next(2) == 0;
    private readonly bool _leavesTemporary = random.Next(2) == 0;
    private int _requests;

    public int Requests => _requests;

    public bool IsDead => _requests >= dieAt;

    public string Location => inner.Location;

    public StoreCounters Counters => inner.Counters;

    public Task InitializeAsync(CancellationToken cancellationToken) => inner.InitializeAsync(cancellationToken);

    public async IAsyncEnumerable<StoreItem> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await DoAsync(() => Task.CompletedTask);
        await foreach (var item in inner.ListAsync(prefix, cancellationToken))
            yield return item;
    }

    public async Task<Stream> OpenReadAsync(string key, CancellationToken cancellationToken)
    {
        Stream? stream = null;
        await DoAsync(async () => stream = await inner.OpenReadAsync(key, cancellationToken));
        return stream!;
    }

    public Task ReadRangeAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken) =>
        DoAsync(() => inner.ReadRangeAsync(key, offset, destination, cancellationToken));

    public Task PutAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken) =>
        DoAsync(() => inner.PutAsync(key, content, cancellationToken), content);

    public async Task<bool> PutIfAbsentAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken)
    {
        var result = false;
        await DoAsync(async () => result = await inner.PutIfAbsentAsync(key, content, cancellationToken), content);
        return result;
    }

    public Task DeleteAsync(string key, CancellationToken cancellationToken) => DoAsync(() => inner.DeleteAsync(key, cancellationToken));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task DoAsync(Func<Task> request, ReadOnlySequence<byte>? content = null)
    {
        int number;
        lock (_lock)
            number = ++_requests;
        if (number < dieAt)
        {
            await request();
            return;
        }

        if (number == dieAt)
        {
            if (_fatalOneIsDone)
                await request();
            else if (_leavesTemporary && content is { } half)
                await File.WriteAllBytesAsync(Path.Combine(root, "packfiles", "tmp." + number), half.Slice(0, half.Length / 2).ToArray());
        }

        throw new StoreException(StoreFailure.Unreachable, "The process is dead.");
    }
}
