using Kloset.Maintenance;
using Kloset.Repositories;
using Kloset.Storage;
using Kloset.Storage.S3;
using KlosetWorker.Access;
using KlosetWorker.Commands;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Hosting;
using KlosetWorker.Maintenance;
using KlosetWorker.Progress;

namespace KlosetWorker.Running;

/// <summary>What every kind of run works with: the order, the mounts that it names, the repository, and the ways to end early.</summary>
internal sealed class RunContext(RunFile order, RunControl control, WorkerHost host, ProgressTracker tracker)
{
    private const int MaxSnapshots = 10;
    private static readonly TimeSpan LockPatience = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan LockRetry = TimeSpan.FromSeconds(10);

    public RunFile Order { get; } = order;

    public RunControl Control { get; } = control;

    public WorkerHost Host { get; } = host;

    public ProgressTracker Tracker { get; } = tracker;

    public MountedSecrets Secrets { get; } = new(host.Environment(WorkerEnvironment.Secrets));

    public MountedVolumes Volumes { get; } = new(host.Environment(WorkerEnvironment.Source));

    public EngineServices Services => EngineServices.System with { Time = Host.Time, CacheDirectory = CacheFolder };

    public string CacheFolder => Host.Environment(WorkerEnvironment.Cache) is { Length: > 0 } folder ? folder : Path.GetTempPath();

    public IStore OpenStore() =>
        StoreFactory.Open(Order.Repository.Backend, Secrets, Volumes, Order.Limits?.BandwidthBytesPerSecond, Host.Time, Order.Repository.Immutability);

    /// <summary>A bucket besides the repository's: exports are read from it, or files restored into it.</summary>
    public S3Store OpenBucket(RunS3 bucket) => new(StoreFactory.Options(bucket, Secrets, Order.Limits?.BandwidthBytesPerSecond, Host.Time));

    /// <summary>Opens the repository that the order names, after a look that it is the one that is expected.</summary>
    public async Task<OpenRepository> OpenAsync()
    {
        var store = OpenStore();
        if (Order.Repository.RepositoryId is { } expected)
        {
            try
            {
                var configuration = await OpenRepository.ReadConfigurationAsync(store, Control.Abort);
                if (configuration.RepositoryId != expected)
                {
                    throw new WorkerException(
                        ErrorCatalogue.RepositoryReplaced, $"The repository at {store.Location} is {configuration.RepositoryId}, and {expected} was expected.");
                }
            }
            catch
            {
                await store.DisposeAsync();
                throw;
            }
        }

        return await OpenRepository.OpenAsync(store, ReadPassphrase, Services, Control.Abort);
    }

    /// <returns>Null when the order names no passphrase: a repository without encryption.</returns>
    public Passphrase? ReadPassphrase()
    {
        if (Order.Repository.Passphrase is not { } reference)
        {
            return null;
        }

        var bytes = Secrets.Read(reference);
        var length = bytes.Length > 0 && bytes[^1] == (byte)'\n' ? bytes.Length - 1 : bytes.Length;
        return length > 0
            ? new(bytes[..length])
            : throw new WorkerException(ErrorCatalogue.SecretKeyMissing, $"The key {reference.Key} of the Secret mounted as '{reference.Secret}' is empty.");
    }

    /// <exception cref="WorkerException">NotOwner: another cluster forgets and maintains here.</exception>
    public async Task EnsureOwnerAsync(IStore store)
    {
        var takeOver = Order.Repository is { Owner: not null, TakeOverFrom: { } from }
            && await new RepositoryOwner(store, Host.Time).ReadAsync(Control.Abort) == from;
        await Ownership.EnsureAsync(store, Order.Repository.Owner, takeOver, Host.Time, Control.Abort);
    }

    /// <summary>Another writer's exclusive lock is waited for here, inside the pod, before the operator has to start another one.</summary>
    public async Task<T> WaitForLockAsync<T>(Func<Task<T>> work)
    {
        var started = Host.Time.GetTimestamp();
        while (true)
        {
            try
            {
                return await work();
            }
            catch (RepositoryException locked) when (locked.Failure == RepositoryFailure.Locked && Host.Time.GetElapsedTime(started) < LockPatience)
            {
                Tracker.Phase = "Waiting";
                await Task.Delay(LockRetry, Host.Time, Control.Stop);
            }
        }
    }

    /// <summary>Adds what every result tells: the repository's identity and size, and the newest snapshots of the lineage.</summary>
    public async Task<RunResult> DescribeAsync(IStore store, Repository repository, RunResult result)
    {
        await repository.RefreshAsync(Control.Abort);
        var totals = await repository.GetTotalsAsync(Control.Abort);
        var all = await repository.ListSnapshotsAsync(Control.Abort);
        var snapshots = all
            .Where(header => Order.Account is null || header.Source.Origin == Order.Account.Id)
            .Reverse()
            .Take(MaxSnapshots)
            .Select(header => SnapshotsCommand.Describe(header))
            .Select(snapshot => new SnapshotSummary(snapshot.Id, snapshot.Time, snapshot.Items ?? snapshot.Files, snapshot.Bytes, snapshot.Incomplete))
            .ToArray();
        return result with
        {
            RepositoryId = repository.Id,
            KeyFingerprint = repository.KeyFingerprint,
            Repository = new(all.Count(header => !SnapshotMarks.IsIncomplete(header)), totals.StoredBytes, totals.Packfiles, await new RepositoryOwner(store, Host.Time).ReadAsync(Control.Abort)),
            Snapshots = snapshots.Length > 0 ? snapshots : null,
            Transfer = result.Transfer ?? new(store.Counters.BytesRead, store.Counters.BytesWritten, 0, store.Counters.Requests, 0),
        };
    }

    public Task<RunResult> DescribeAsync(OpenRepository open, RunResult result) => DescribeAsync(open.Store, open.Repository, result);
}
