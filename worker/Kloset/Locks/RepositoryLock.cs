using System.Buffers;
using Kloset.Repositories;
using Kloset.Storage;

namespace Kloset.Locks;

/// <summary>The lock times of the format; a client with others would break the agreement with plakar.</summary>
internal static class LockTimes
{
    public static TimeSpan RefreshInterval { get; } = TimeSpan.FromMinutes(5);

    /// <summary>As old as this, a lock is gone, whoever holds it.</summary>
    public static TimeSpan StaleAfter { get; } = TimeSpan.FromMinutes(10);

    /// <summary>Our own lock counts as lapsed this much earlier: clocks differ, and the put of a state takes time.</summary>
    public static TimeSpan Margin { get; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a writer that lost its lock waits for somebody else's exclusive one: longer than a dead one can last.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromMinutes(15);

    public static TimeSpan Retry { get; } = TimeSpan.FromSeconds(10);
}

/// <summary>
/// A lock of this process: written first, then checked against the others, refreshed in the background, deleted at the end whatever happens.
/// </summary>
public sealed class RepositoryLock : IAsyncDisposable
{
    private readonly IStore _store;
    private readonly BlobCodec _codec;
    private readonly EngineServices _services;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _writing = new(1, 1);
    private Task _refreshing = Task.CompletedTask;
    private DateTimeOffset _written;
    private bool _released;

    private RepositoryLock(IStore store, BlobCodec codec, EngineServices services, Mac id, bool exclusive)
    {
        _store = store;
        _codec = codec;
        _services = services;
        Id = id;
        Exclusive = exclusive;
    }

    public Mac Id { get; }

    public bool Exclusive { get; }

    /// <summary>Nobody refreshed it in time: others may take it for gone.</summary>
    public bool HasLapsed => _services.Time.GetUtcNow() - _written >= LockTimes.StaleAfter - LockTimes.Margin;

    internal DateTimeOffset LastWritten => _written;

    /// <summary>Whether it was refreshed in time and is still there: a client whose clock is ahead may have taken it for stale and deleted it.</summary>
    internal async Task<bool> IsHeldAsync(CancellationToken cancellationToken)
    {
        if (HasLapsed)
            return false;
        var key = LockCodec.KeyOf(Id);
        await foreach (var item in _store.ListAsync(key, cancellationToken))
        {
            if (item.Key == key)
                return !HasLapsed;
        }

        return false;
    }

    internal static async Task<RepositoryLock> AcquireAsync(
        IStore store, BlobCodec codec, EngineServices services, bool exclusive, CancellationToken cancellationToken)
    {
        var taken = new RepositoryLock(store, codec, services, services.Random.NextMac(), exclusive);
        try
        {
            await taken.TakeAsync(cancellationToken);
        }
        catch
        {
            await taken.DisposeAsync();
            throw;
        }

        taken._refreshing = taken.RefreshAsync();
        return taken;
    }

    /// <summary>Locks again after a lapse, with all checks. What was known before must be verified by the caller.</summary>
    internal async Task TakeAgainAsync(CancellationToken cancellationToken)
    {
        try
        {
            await TakeAsync(cancellationToken);
        }
        catch
        {
            // What stands in the store must not keep others away, nor count as held here.
            _written = DateTimeOffset.MinValue;
            await TryDeleteAsync();
            throw;
        }
    }

    /// <summary>All locks in the store, unreadable ones too.</summary>
    internal static async Task<IReadOnlyList<LockInfo>> ListAsync(IStore store, BlobCodec codec, TimeProvider time, CancellationToken cancellationToken)
    {
        var locks = new List<LockInfo>();
        await foreach (var item in store.ListAsync(LockCodec.Prefix, cancellationToken))
        {
            if (!Mac.TryParse(item.Key.AsSpan(LockCodec.Prefix.Length), out var id))
                continue;
            using var stored = new PooledBuffer(512);
            try
            {
                await StoreReading.ReadAllAsync(store, item.Key, stored, cancellationToken);
                var record = LockCodec.Open(codec, stored.Span);
                var stale = time.GetUtcNow() - record.Timestamp.ToDateTimeOffset() >= LockTimes.StaleAfter;
                locks.Add(new LockInfo(id, record.Timestamp, record.HostName, record.Exclusive, stale, null));
            }
            catch (StoreException exception) when (exception.Failure == StoreFailure.NotFound)
            {
                // Released since it was listed.
            }
            catch (MalformedException exception)
            {
                var stale = time.GetUtcNow() - item.LastModified >= LockTimes.StaleAfter;
                locks.Add(new LockInfo(id, Timestamp.From(item.LastModified), "", false, stale, exception.Message));
            }
        }

        return locks;
    }

    public async ValueTask DisposeAsync()
    {
        if (_released)
            return;
        _released = true;
        await _stop.CancelAsync();
        await _refreshing;
        await TryDeleteAsync();
        _stop.Dispose();
    }

    private async Task TryDeleteAsync()
    {
        await _writing.WaitAsync(CancellationToken.None);
        try
        {
            await _store.DeleteAsync(LockCodec.KeyOf(Id), CancellationToken.None);
        }
        catch (StoreException)
        {
            // It goes stale in ten minutes; the work that it guarded is done or has failed for its own reason.
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task TakeAsync(CancellationToken cancellationToken)
    {
        // Write first, look second: two contenders may both fail, but never both succeed.
        await WriteAsync(refresh: false, cancellationToken);
        foreach (var other in await ListAsync(_store, _codec, _services.Time, cancellationToken))
        {
            if (other.Id == Id)
                continue;
            if (other.Stale)
            {
                await _store.DeleteAsync(LockCodec.KeyOf(other.Id), cancellationToken);
                continue;
            }

            if (other.Unreadable is { } problem)
            {
                throw new RepositoryException(
                    RepositoryFailure.Locked,
                    $"The lock {LockCodec.KeyOf(other.Id)} in {_store.Location} cannot be read ({problem}); it counts as gone {LockTimes.StaleAfter.TotalMinutes:0} minutes after it was written.");
            }

            if (Exclusive || other.Exclusive)
            {
                var what = other.Exclusive ? "exclusive lock (maintenance)" : "lock (a backup)";
                throw new RepositoryException(
                    RepositoryFailure.Locked,
                    $"{other.HostName} holds an {what} on {_store.Location} since {other.Timestamp}; it is released when that work ends, or counts as gone when it is not refreshed for {LockTimes.StaleAfter.TotalMinutes:0} minutes.".Replace("an lock", "a lock", StringComparison.Ordinal));
            }
        }
    }

    private async Task WriteAsync(bool refresh, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            // A lapsed lock is not revived silently: somebody may have seen it stale. Its holder takes it again, with checks.
            if (refresh && HasLapsed)
                return;
            var now = _services.Time.GetUtcNow();
            using var sealedLock = LockCodec.Seal(_codec, new LockRecord(LockRecord.CurrentVersion, Timestamp.From(now), _services.HostName, Exclusive));
            await _store.PutAsync(LockCodec.KeyOf(Id), new ReadOnlySequence<byte>(sealedLock.Memory), cancellationToken);
            _written = now;
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task RefreshAsync()
    {
        try
        {
            using var timer = new PeriodicTimer(LockTimes.RefreshInterval, _services.Time);
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                try
                {
                    await WriteAsync(refresh: true, _stop.Token);
                }
                catch (StoreException)
                {
                    // Tried again at the next tick; when that fails too, the lock lapses and the holder notices before it commits.
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }
}
