using Kloset.Envelopes;
using Kloset.Locks;
using Kloset.Packfiles;
using Kloset.Repositories;
using Kloset.States;
using Kloset.Storage;

namespace Kloset.Maintenance;

/// <summary>
/// One maintenance: what no snapshot needs is marked, and removed a grace period later. Nothing is ever moved or packed anew, because another
/// client may know a blob by its place. Interrupted anywhere, it has removed nothing that anybody needs, and the next one finishes its work.
/// </summary>
internal sealed class RepositoryMaintenance(Repository repository, MaintenanceOptions options, IProgress<MaintenanceProgress>? progress)
{
    private const int Concurrency = 8;

    /// <summary>Enough of a packfile's end for its footer, whatever the encoding.</summary>
    private const int Tail = PackfileIndex.MaxEncodedFooter + StorageEnvelope.TagSize + 4;

    private readonly List<string> _warnings = [];

    private RepositoryIndex Index => repository.Index;

    public async Task<MaintenanceReport> RunAsync(CancellationToken cancellationToken)
    {
        if (options.DryRun)
            return await RunLockedAsync(null, cancellationToken);
        await using var exclusive = await repository.LockExclusiveAsync(cancellationToken);
        return await RunLockedAsync(exclusive, cancellationToken);
    }

    private async Task<MaintenanceReport> RunLockedAsync(RepositoryLock? exclusive, CancellationToken cancellationToken)
    {
        await repository.RefreshAsync(cancellationToken);
        repository.RefuseProblems("Nothing is removed");
        var present = await ListPackfilesAsync(cancellationToken);
        Index.MarkMissing([.. present.Keys]);
        try
        {
            var needed = await FindNeededAsync(cancellationToken);
            var facts = await GatherAsync(present, needed, cancellationToken);
            var snapshots = Index.Snapshots().Count;
            if (exclusive is null)
                return Report(snapshots, facts, 0);
            await RescueAsync(exclusive, facts[PackfileFate.Rescue], cancellationToken);
            await MarkAsync(exclusive, facts[PackfileFate.Mark], cancellationToken);
            await RemoveAsync(exclusive, facts[PackfileFate.Remove].ToList(), facts[PackfileFate.Leftover].ToList(), cancellationToken);
            await SettleAsync(exclusive, [.. facts[PackfileFate.Remove], .. facts[PackfileFate.Leftover], .. facts[PackfileFate.Settle]], cancellationToken);
            progress?.Report(new MaintenanceProgress("extending", 0, 0));
            var extended = await ObjectLockExtension.RunAsync(repository, always: true, cancellationToken);
            progress?.Report(new MaintenanceProgress("index", 0, 0));
            await SealedIndex.WriteAsync(repository, cancellationToken);
            return Report(snapshots, facts, extended);
        }
        finally
        {
            Index.EndRescue();
        }
    }

    private async Task<Dictionary<Mac, StoreItem>> ListPackfilesAsync(CancellationToken cancellationToken)
    {
        var present = new Dictionary<Mac, StoreItem>();
        await foreach (var item in repository.Store.ListAsync("packfiles/", cancellationToken))
        {
            if (Mac.TryParse(item.Key.AsSpan(item.Key.LastIndexOf('/') + 1), out var id))
                present[id] = item;
        }

        return present;
    }

    private async Task<IReadOnlySet<Mac>> FindNeededAsync(CancellationToken cancellationToken)
    {
        var live = new LiveBlobs(repository);
        var snapshots = Index.Snapshots();
        for (var i = 0; i < snapshots.Count; i++)
        {
            progress?.Report(new MaintenanceProgress("snapshots", i, snapshots.Count));
            await live.AddAsync(snapshots[i], cancellationToken);
        }

        progress?.Report(new MaintenanceProgress("snapshots", snapshots.Count, snapshots.Count));
        return live.Packfiles;
    }

    private async Task<ILookup<PackfileFate, PackfileFacts>> GatherAsync(
        Dictionary<Mac, StoreItem> present, IReadOnlySet<Mac> needed, CancellationToken cancellationToken)
    {
        var facts = new List<PackfileFacts>();
        foreach (var (packfile, since) in Index.MentionedPackfiles())
        {
            var item = present.GetValueOrDefault(packfile.Id);
            facts.Add(new PackfileFacts(
                packfile.Id, item?.Size, packfile.Declared, packfile.Deleted, needed.Contains(packfile.Id),
                packfile.Declared || item is null ? TimeOf(packfile.Time) : await OrphanTimeAsync(packfile.Id, item, cancellationToken),
                since is { } time ? TimeOf(time) : null));
        }

        var mentioned = facts.Select(packfile => packfile.Id).ToHashSet();
        foreach (var (id, item) in present.Where(item => !mentioned.Contains(item.Key)))
            facts.Add(new PackfileFacts(id, item.Size, false, false, false, await OrphanTimeAsync(id, item, cancellationToken), null));
        var orphansStay = Index.LostStates() is { Count: > 0 } lost;
        if (orphansStay)
            _warnings.Add($"The state {StateLoader.KeyOf(Index.LostStates()[0])} is lost, or was never stored here: packfiles that no state names stay, because they may be what is left of it. Run `kloset check`.");
        var now = repository.Services.Time.GetUtcNow();
        var decided = new List<(PackfileFate Fate, PackfileFacts Facts)>();
        foreach (var packfile in facts)
        {
            var (fate, known) = (MaintenancePlanner.Decide(packfile, now, options.GracePeriod, orphansStay), packfile);
            if (fate == PackfileFate.Remove && packfile.Size is not null && repository.Store.ObjectLock is { } locks)
            {
                known = packfile with { RetainedUntil = await locks.RetainedUntilAsync(PackfileIndex.KeyOf(packfile.Id), cancellationToken) };
                fate = MaintenancePlanner.Decide(known, now, options.GracePeriod, orphansStay);
            }

            decided.Add((fate, known));
        }

        return decided.ToLookup(packfile => packfile.Fate, packfile => packfile.Facts);
    }

    /// <summary>When a packfile was written that no state names: its own footer says so, or, when that cannot be read, the store.</summary>
    private async Task<DateTimeOffset> OrphanTimeAsync(Mac id, StoreItem item, CancellationToken cancellationToken)
    {
        var tail = new byte[Math.Min(Tail, item.Size)];
        try
        {
            await repository.Store.ReadRangeAsync(item.Key, item.Size - tail.Length, tail, cancellationToken);
            var footer = PackfileIndex.ReadFooter(repository.Codec, tail.AsSpan(0, Math.Max(0, tail.Length - StorageEnvelope.TagSize)));
            return TimeOf(footer.Time);
        }
        catch (MalformedException exception)
        {
            _warnings.Add($"The packfile {PackfileIndex.KeyOf(in id)}, which no state names, is damaged: {exception.Message}.");
            return item.LastModified;
        }
        catch (StoreException exception) when (exception.Failure == StoreFailure.NotFound)
        {
            return item.LastModified; // removed since it was listed
        }
    }

    private async Task RescueAsync(RepositoryLock exclusive, IEnumerable<PackfileFacts> packfiles, CancellationToken cancellationToken)
    {
        var rescued = packfiles.ToList();
        if (rescued.Count == 0)
            return;
        await EnsureHeldAsync(exclusive, cancellationToken);
        await StateWriter.PutAsync(repository, state =>
        {
            foreach (var packfile in rescued)
                state.Delete(new DeleteEntry(StateEntryKind.Coloured, ColouredEntry.Packfile, packfile.Id, Mac.Zero));
        });
    }

    private async Task MarkAsync(RepositoryLock exclusive, IEnumerable<PackfileFacts> packfiles, CancellationToken cancellationToken)
    {
        var marked = packfiles.ToList();
        if (marked.Count == 0)
            return;
        await EnsureHeldAsync(exclusive, cancellationToken);
        var now = Timestamp.From(repository.Services.Time.GetUtcNow()).UnixNanoseconds;
        await StateWriter.PutAsync(repository, state =>
        {
            foreach (var packfile in marked)
                state.Coloured(new ColouredEntry(ColouredEntry.Packfile, packfile.Id, now));
        });
    }

    private async Task RemoveAsync(
        RepositoryLock exclusive, List<PackfileFacts> removed, List<PackfileFacts> leftovers, CancellationToken cancellationToken)
    {
        if (removed.Count > 0)
        {
            await EnsureHeldAsync(exclusive, cancellationToken);
            // The colour is not taken back: in whatever order a client replays the states, the packfile is gone or marked, and never usable.
            await StateWriter.PutAsync(repository, state =>
            {
                foreach (var packfile in removed)
                    state.Delete(new DeleteEntry(StateEntryKind.Packfile, 0, Mac.Zero, packfile.Id));
            });
        }

        var files = removed.Concat(leftovers).Where(packfile => packfile.Size is not null).ToList();
        long done = 0;
        await Parallel.ForEachAsync(
            files, new ParallelOptions { MaxDegreeOfParallelism = Concurrency, CancellationToken = cancellationToken },
            async (packfile, token) =>
            {
                if (exclusive.HasLapsed)
                    throw Lapsed();
                var key = PackfileIndex.KeyOf(packfile.Id);
                if (repository.Store.ObjectLock is { } locks)
                    await locks.PurgeAsync(key, token);
                else
                    await repository.Store.DeleteAsync(key, token);
                progress?.Report(new MaintenanceProgress("removing", Interlocked.Increment(ref done), files.Count));
            });
    }

    /// <summary>
    /// plakar takes every mark for a packfile to remove, and says for each that it finds no file. So what is gone stays marked, but since a time that
    /// never comes: the old mark and the new one are exchanged in one state, so that in any order of replay one of them stands.
    /// </summary>
    private async Task SettleAsync(RepositoryLock exclusive, List<PackfileFacts> gone, CancellationToken cancellationToken)
    {
        if (gone.Count == 0)
            return;
        await EnsureHeldAsync(exclusive, cancellationToken);
        await StateWriter.PutAsync(repository, state =>
        {
            foreach (var packfile in gone)
            {
                state.Delete(new DeleteEntry(StateEntryKind.Coloured, ColouredEntry.Packfile, packfile.Id, Mac.Zero));
                state.Coloured(new ColouredEntry(ColouredEntry.Packfile, packfile.Id, MaintenancePlanner.Never.UnixNanoseconds));
            }
        });
    }

    /// <summary>Who was away for too long may have been taken for dead; what was found out then no longer holds.</summary>
    private async Task EnsureHeldAsync(RepositoryLock exclusive, CancellationToken cancellationToken)
    {
        if (!await exclusive.IsHeldAsync(cancellationToken))
            throw Lapsed();
    }

    private RepositoryException Lapsed() => new(
        RepositoryFailure.LockLapsed,
        $"The exclusive lock on {repository.Store.Location} was lost, because it could not be refreshed for {LockTimes.StaleAfter.TotalMinutes:0} minutes or a clock is wrong, so others may have started. What is left is done by the next maintenance.");

    private MaintenanceReport Report(int snapshots, ILookup<PackfileFate, PackfileFacts> facts, int extended)
    {
        var waiting = facts[PackfileFate.Wait].ToList();
        var retained = facts[PackfileFate.Retained].ToList();
        var next = waiting.Select(packfile => packfile.MarkedSince!.Value + options.GracePeriod).Concat(retained.Select(packfile => packfile.RetainedUntil!.Value)).ToList();
        return new MaintenanceReport(
            options.DryRun,
            snapshots,
            PackfileCount.Of(facts[PackfileFate.Live].Concat(facts[PackfileFate.Rescue])),
            PackfileCount.Of(facts[PackfileFate.Mark]),
            PackfileCount.Of(facts[PackfileFate.Rescue]),
            PackfileCount.Of(facts[PackfileFate.Remove].Concat(facts[PackfileFate.Leftover])),
            PackfileCount.Of(waiting),
            PackfileCount.Of(facts[PackfileFate.Young]),
            PackfileCount.Of(retained),
            next.Count > 0 ? next.Min() : null,
            extended,
            _warnings);
    }

    private static DateTimeOffset TimeOf(long unixNanoseconds) => Timestamp.FromUnixNanoseconds(unixNanoseconds).ToDateTimeOffset();
}
