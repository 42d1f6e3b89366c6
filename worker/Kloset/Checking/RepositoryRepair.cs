using System.Buffers;
using Kloset.Envelopes;
using Kloset.Packfiles;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.States;
using Kloset.Storage;

namespace Kloset.Checking;

/// <summary>
/// Writes lost or damaged states anew from the indexes that packfiles carry themselves. It only ever adds: blobs get places, packfiles are declared;
/// nothing is deleted, and a damaged state is kept aside before a whole one takes its name (clients that read it when it was whole keep what they
/// know; the others could not open the repository with it).
/// </summary>
internal sealed class RepositoryRepair(Repository repository, RepairOptions options, IProgress<CheckProgress>? progress)
{
    private const string AsidePrefix = "kloset-operator/damaged/";

    private readonly List<string> _remarks = [];
    private HashSet<Mac> _present = [];

    private sealed record Candidate(Mac Id, PackfileIndex Index, bool Declared, List<PackfileRecord> Missing);

    public async Task<RepairReport> RunAsync(CancellationToken cancellationToken)
    {
        if (options.DryRun)
            return await RepairAsync(null, cancellationToken);
        await using var held = await repository.LockExclusiveAsync(cancellationToken);
        return await RepairAsync(held, cancellationToken);
    }

    private RepositoryIndex NewIndex() => new(() => repository.Services.ScratchFolder);

    private async Task<RepairReport> RepairAsync(Locks.RepositoryLock? held, CancellationToken cancellationToken)
    {
        var damaged = await FindDamagedStatesAsync(cancellationToken);
        // What the states that can be read say, and nothing else.
        using var index = NewIndex();
        await new StateLoader(repository.Store, repository.Codec, () => repository.Services.ScratchFolder).LoadAsync(index, cancellationToken);
        var before = index.Snapshots().ToHashSet();
        var candidates = await FindCandidatesAsync(index, cancellationToken);
        var lost = index.LostStates().Where(id => damaged.TrueForAll(d => d.Id != id)).ToList();
        var chosen = await ChooseAsync(candidates, before, damaged.Count > 0 || lost.Count > 0, cancellationToken);
        var back = chosen.Snapshots.Where(id => !before.Contains(id)).Order().ToList();
        if (chosen.Candidates.Count == 0 && damaged.Count == 0 && lost.Count == 0)
            return new RepairReport(options.DryRun, 0, 0, [], [], _remarks);
        if (held?.HasLapsed == true)
            throw new RepositoryException(RepositoryFailure.LockLapsed, "The lock lapsed while packfiles were read: nothing was changed; run the repair again.");
        // A damaged or lost state's name is taken over, so that no client stumbles over it or misses it any more; else the state gets a name of its own.
        List<Mac> names = [.. damaged.Select(d => d.Id), .. lost];
        if (names.Count == 0)
            names.Add(repository.Services.Random.NextMac());
        var keys = new List<string>();
        for (var i = 0; i < names.Count; i++)
        {
            keys.Add(StateLoader.KeyOf(names[i]));
            if (!options.DryRun)
                await WriteAsync(index, names[i], i < damaged.Count ? damaged[i].Bytes : null, i == 0 ? chosen : (chosen with { Candidates = [] }), cancellationToken);
        }

        foreach (var id in lost)
            _remarks.Add($"{StateLoader.KeyOf(in id)} is lost: other states name it as the one before them.");
        if (damaged.Count > 0 || lost.Count > 0)
        {
            _remarks.Add(
                "Deletions that a damaged or lost state held are lost with it: snapshots that were removed may be listed again, and can be removed again.");
        }

        if (!options.DryRun)
            await repository.RefreshAsync(cancellationToken);
        return new RepairReport(
            options.DryRun, chosen.Candidates.Count, chosen.Candidates.Sum(c => c.Missing.LongCount(r => r.Type != BlobType.Random)), keys, back, _remarks);
    }

    private async Task<List<(Mac Id, byte[] Bytes)>> FindDamagedStatesAsync(CancellationToken cancellationToken)
    {
        var damaged = new List<(Mac, byte[])>();
        await foreach (var item in repository.Store.ListAsync(StateLoader.Prefix, cancellationToken))
        {
            if (!Mac.TryParse(item.Key.AsSpan(item.Key.LastIndexOf('/') + 1), out var id))
                continue;
            if (await repository.States.FindProblemAsync(item, cancellationToken) is null)
                continue;
            // Read again: a memory or a network that flips bits must not cost a whole state.
            using var bytes = new PooledBuffer(1 << 16);
            await StoreReading.ReadAllAsync(repository.Store, item.Key, bytes, cancellationToken);
            try
            {
                StateLoader.Parse(repository.Codec, bytes.Span);
                _remarks.Add($"{item.Key} was read damaged once and whole the next time: look at the network, the storage or the memory between here and there.");
                continue;
            }
            catch (MalformedException exception)
            {
                RefuseNewer(item.Key, bytes.Span);
                _remarks.Add($"{item.Key} is damaged: {exception.Message}.");
            }

            damaged.Add((id, bytes.ToArray()));
        }

        return damaged;
    }

    /// <summary>What only looks damaged because a newer program wrote it is not touched.</summary>
    private static void RefuseNewer(string key, ReadOnlySpan<byte> state)
    {
        if (state.Length < StorageEnvelope.HeaderSize)
            return;
        try
        {
            StorageEnvelope.ReadBareHeader(state, ResourceType.State, StateParser.NewestVersion);
        }
        catch (MalformedException exception) when (exception.Message.Contains("newer", StringComparison.Ordinal))
        {
            throw new RepositoryException(RepositoryFailure.Unsupported, $"{key} cannot be repaired by this program: {exception.Message}.", exception);
        }
        catch (MalformedException)
        {
            // Damaged indeed.
        }
    }

    /// <summary>Packfiles whose own index says more than the states do.</summary>
    private async Task<List<Candidate>> FindCandidatesAsync(RepositoryIndex index, CancellationToken cancellationToken)
    {
        var items = new List<(Mac Id, StoreItem Item)>();
        await foreach (var item in repository.Store.ListAsync("packfiles/", cancellationToken))
        {
            if (Mac.TryParse(item.Key.AsSpan(item.Key.LastIndexOf('/') + 1), out var id))
                items.Add((id, item));
        }

        _present = [.. items.Select(i => i.Id)];
        index.MarkMissing(_present);
        var candidates = new List<Candidate>();
        var done = 0;
        await Parallel.ForEachAsync(
            items, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancellationToken },
            async (packfile, token) =>
            {
                progress?.Report(new CheckProgress("packfiles", Interlocked.Increment(ref done), items.Count));
                var (declared, deleted) = index.StandingOf(packfile.Id);
                if (deleted)
                    return; // a sweep told it goes; identifiers are never reused
                var (own, problem) = await PackfileTail.TryReadIndexAsync(repository.Store, repository.Codec, packfile.Item, token);
                if (own is null)
                {
                    lock (candidates)
                        _remarks.Add($"{packfile.Item.Key} {(declared ? "has" : "is named by no state and has")} no index that can be read ({problem}).");
                    return;
                }

                var missing = own.Records.Where(r => !index.HasPlace(r.Type, r.Id, packfile.Id)).ToList();
                if (missing.Count > 0 || !declared)
                {
                    lock (candidates)
                        candidates.Add(new Candidate(packfile.Id, own, declared, missing));
                }
            });
        candidates.Sort((a, b) => a.Id.CompareTo(b.Id));
        return candidates;
    }

    private sealed record Choice(List<Candidate> Candidates, HashSet<SnapshotId> Hidden, List<SnapshotId> Snapshots);

    /// <summary>
    /// Which candidates are written down: all of them when a state is damaged or lost, since they were most likely its own; else those that snapshots need,
    /// because the others are what an unfinished run left behind. A snapshot that would come back with holes is left out: it was never finished.
    /// </summary>
    private async Task<Choice> ChooseAsync(List<Candidate> candidates, HashSet<SnapshotId> before, bool all, CancellationToken cancellationToken)
    {
        if (candidates.Count == 0)
            return new Choice([], [], []);
        using var trial = NewIndex();
        await new StateLoader(repository.Store, repository.Codec, () => repository.Services.ScratchFolder).LoadAsync(trial, cancellationToken);
        var content = new StateContent { Trailer = new StateTrailer(StateParser.NewestVersion, 0, repository.Id) };
        foreach (var candidate in candidates)
            AddTo(content, candidate, Mac.Zero, []);
        trial.Apply(repository.Services.Random.NextMac(), content);
        trial.MarkMissing(_present);
        var blobs = new BlobReader(repository.Store, repository.Codec, trial, repository.Configuration.Chunking.MaxSize);
        var hidden = new HashSet<SnapshotId>();
        var whole = new List<SnapshotId>();
        var needed = new HashSet<Mac>();
        foreach (var id in trial.Snapshots())
        {
            var ledger = new DamageLedger(trial);
            var touched = new HashSet<Mac>();
            var check = new SnapshotCheck(blobs, ledger, repository.Services.Parallelism)
            {
                Touched = (type, blob) =>
                {
                    if (trial.TryFind(type, in blob, out var location))
                        touched.Add(location.Packfile);
                },
            };
            await check.RunAsync(id, cancellationToken);
            if (ledger.Count > 0 && !before.Contains(id))
            {
                hidden.Add(id);
                _remarks.Add($"Snapshot {id} was never finished, or lost too much to come back: {ledger.Blobs.First().ToFinding().Message}");
                continue;
            }

            whole.Add(id);
            needed.UnionWith(touched);
        }

        return new Choice(all ? candidates : [.. candidates.Where(c => needed.Contains(c.Id))], hidden, whole);
    }

    private async Task WriteAsync(RepositoryIndex index, Mac state, byte[]? damaged, Choice chosen, CancellationToken cancellationToken)
    {
        var content = new StateContent();
        foreach (var candidate in chosen.Candidates)
            AddTo(content, candidate, state, chosen.Hidden);
        var parent = index.NewestState;
        using var journal = new StateBuilder(in parent);
        foreach (var block in content.Locations)
        {
            foreach (var entry in block)
                journal.Location(in entry);
        }

        foreach (var entry in content.Packfiles)
            journal.Packfile(in entry);
        journal.Trailer(new StateTrailer(StateParser.NewestVersion, Timestamp.From(repository.Services.Time.GetUtcNow()).UnixNanoseconds, repository.Id));
        using var resource = StateLoader.Seal(repository.Codec, journal.Journal);
        if (damaged is not null)
            await repository.Store.PutAsync(AsidePrefix + StateLoader.KeyOf(in state), new ReadOnlySequence<byte>(damaged), cancellationToken);
        await repository.Store.PutAsync(StateLoader.KeyOf(in state), StateLoader.Sequence(resource), cancellationToken);
    }

    private static void AddTo(StateContent content, Candidate candidate, in Mac state, HashSet<SnapshotId> hidden)
    {
        IStateVisitor visitor = content;
        foreach (var record in candidate.Missing)
        {
            if (record.Type is BlobType.Snapshot or BlobType.Signature && hidden.Contains(new SnapshotId(record.Id)))
                continue;
            visitor.Location(new LocationEntry(record.Type, record.Version, record.Id, candidate.Id, record.Offset, record.Length, record.Flags));
        }

        if (!candidate.Declared)
            visitor.Packfile(new PackfileEntry(candidate.Id, state, candidate.Index.Footer.Time));
    }
}
