using Kloset.Locks;
using Kloset.Retention;
using Kloset.Snapshots;
using Kloset.Storage;
using KlosetWorker.Access;

namespace KlosetWorker.Restoring;

/// <summary>
/// What keeps a snapshot whole while it is restored: a shared lock holds off maintenance, and a pin, which outlives a paused restore, holds off
/// forgetting. From a store that can only be read, people must be able to restore all the same.
/// </summary>
internal sealed class RestoreGuard : IAsyncDisposable
{
    private readonly RepositoryLock? _lock;
    private readonly SnapshotPins? _pins;
    private readonly string _holder;

    private RestoreGuard(RepositoryLock? taken, SnapshotPins? pins, string holder)
    {
        _lock = taken;
        _pins = pins;
        _holder = holder;
    }

    /// <summary>Why there is no lock; null when there is one.</summary>
    public string? Warning { get; private init; }

    /// <param name="holder">Of the pin; null sets none.</param>
    /// <exception cref="Kloset.Repositories.RepositoryException">Locked.</exception>
    public static async Task<RestoreGuard> TakeAsync(OpenRepository open, string? holder, CancellationToken cancellationToken)
    {
        try
        {
            var taken = await open.Repository.LockSharedAsync(cancellationToken);
            return new(taken, holder is null ? null : new SnapshotPins(open.Store), holder ?? "");
        }
        catch (StoreException readOnly) when (readOnly.Failure is StoreFailure.AccessDenied or StoreFailure.Invalid or StoreFailure.Full)
        {
            return new(null, null, "") { Warning = $"No lock could be put, so a maintenance may remove what is being read: {readOnly.Message}" };
        }
    }

    public Task PinAsync(SnapshotId snapshot, CancellationToken cancellationToken) => _pins?.AddAsync(snapshot, _holder, cancellationToken) ?? Task.CompletedTask;

    public Task UnpinAsync(SnapshotId snapshot, CancellationToken cancellationToken) => _pins?.RemoveAsync(snapshot, _holder, cancellationToken) ?? Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_lock is not null)
        {
            await _lock.DisposeAsync();
        }
    }
}
