using Kloset.Configuration;
using Kloset.Envelopes;
using Kloset.Packfiles;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.States;
using Kloset.Storage;

namespace Kloset.Checking;

/// <summary>
/// One check run: what is listed, what the snapshots need, what the packfiles hold. Damage that only reading the packfiles shows is told to the
/// snapshots and paths that need it by a second walk, which a whole repository never takes.
/// </summary>
internal sealed class RepositoryChecker(Repository repository, CheckOptions options, IProgress<CheckProgress>? progress)
{
    /// <summary>Packfiles that are read at the same time: a few keep a network busy even for one core; each takes some megabytes.</summary>
    private const int LeastReaders = 3, MostReaders = 8;

    private readonly List<CheckFinding> _findings = [];
    private readonly DamageLedger _ledger = new(repository.Index);
    private readonly Dictionary<Mac, StoreItem> _present = [];
    private bool _isArchive;
    private long _stateBytes;

    private RepositoryIndex Index => repository.Index;

    public async Task<CheckReport> RunAsync(CancellationToken cancellationToken)
    {
        await repository.RefreshAsync(cancellationToken);
        await CheckConfigurationAsync(cancellationToken);
        await CheckLocksAsync(cancellationToken);
        await CheckInventoryAsync(cancellationToken);
        var ids = options.Snapshots ?? Index.Snapshots();
        var walk = new SnapshotCheck(repository.Blobs, _ledger, repository.Services.Parallelism);
        if (options.Level >= CheckLevel.Structure)
            await WalkAsync(walk, ids, "structure", cancellationToken);
        var problems = await CheckStatesAsync(cancellationToken);
        var packfiles = new PackfileCheck(repository.Store, repository.Blobs, _ledger);
        var rotation = DataRotation.Start;
        if (options.Level >= CheckLevel.Data)
        {
            var before = _ledger.Count;
            rotation = await CheckPackfilesAsync(packfiles, walk, cancellationToken);
            if (_ledger.Count > before)
                await WalkAsync(new SnapshotCheck(repository.Blobs, _ledger, repository.Services.Parallelism), ids, "damage", cancellationToken);
        }

        await TellStatesAsync(problems, cancellationToken);
        _findings.AddRange(walk.Notes);
        _findings.AddRange(_ledger.ToFindings(options.Level >= CheckLevel.Structure && options.Snapshots is null));
        return new CheckReport(options.Level, _findings, ids.Count, walk.Files, walk.Chunks, packfiles.BytesRead + _stateBytes, rotation.Position)
        {
            AllDataRead = rotation.LastRound,
        };
    }

    private async Task WalkAsync(SnapshotCheck walk, IReadOnlyList<SnapshotId> ids, string stage, CancellationToken cancellationToken)
    {
        var done = 0;
        foreach (var id in ids)
        {
            progress?.Report(new CheckProgress(stage, done++, ids.Count));
            await walk.RunAsync(id, cancellationToken);
        }
    }

    private async Task CheckConfigurationAsync(CancellationToken cancellationToken)
    {
        // It was read when the repository was opened; since then it may have changed.
        try
        {
            using var resource = new PooledBuffer(1024);
            await StoreReading.ReadAllAsync(repository.Store, Repository.ConfigurationKey, resource, cancellationToken);
            var configuration = ConfigurationCodec.Read(resource.Span);
            // Of an encrypted repository the key is also that of the MACs.
            if (!ConfigurationCodec.HasValidTag(resource.Span, configuration.Encryption is null ? [] : repository.Codec.MacKey))
                throw new MalformedException("its content does not match its tag");
        }
        catch (Exception exception) when (exception is RepositoryException or MalformedException or StoreException { Failure: StoreFailure.NotFound })
        {
            _findings.Add(new CheckFinding(
                CheckFindingKind.Damaged, Repository.ConfigurationKey,
                $"CONFIG is damaged: {exception.Message.TrimEnd('.')}. Nothing can be opened without it; put back a copy of it before this process ends.",
                [.. Index.Snapshots().Order()], [], 0));
        }
    }

    private async Task CheckLocksAsync(CancellationToken cancellationToken)
    {
        foreach (var found in await repository.ListLocksAsync(cancellationToken))
        {
            if (found.Unreadable is { } problem)
            {
                _findings.Add(new CheckFinding(
                    CheckFindingKind.Warning, $"locks/{found.Id}", $"The lock locks/{found.Id} cannot be read ({problem}); other clients refuse to write while it is there.", [], [], 0));
            }
        }
    }

    /// <summary>What states declare against what the store lists.</summary>
    private async Task CheckInventoryAsync(CancellationToken cancellationToken)
    {
        await foreach (var item in repository.Store.ListAsync("packfiles/", cancellationToken))
        {
            if (Mac.TryParse(item.Key.AsSpan(item.Key.LastIndexOf('/') + 1), out var id))
                _present[id] = item;
        }

        // A ptar names its only packfile as it likes.
        _isArchive = _present.Count == 1 && _present.ContainsKey(Mac.Zero);
        var declared = Index.Packfiles();
        progress?.Report(new CheckProgress("inventory", 0, declared.Count));
        foreach (var (packfile, _) in declared)
        {
            if (!packfile.Declared || packfile.Coloured)
                continue;
            if (!_present.TryGetValue(_isArchive ? Mac.Zero : packfile.Id, out var item))
                _ledger.ReportPackfile(packfile.Id, CheckFindingKind.Missing, "it is not in the store");
            else if (item.Size < StorageEnvelope.HeaderSize + packfile.DataEnd + StorageEnvelope.TagSize)
                _ledger.ReportPackfile(packfile.Id, CheckFindingKind.Damaged, $"it has {item.Size} bytes, and its last blob ends behind them");
        }

        if (!_isArchive)
            Index.MarkMissing([.. _present.Keys]);
    }

    /// <summary>States that cannot be used; at the full level each is read again, also those that this process knew already.</summary>
    private async Task<IReadOnlyList<StateProblem>> CheckStatesAsync(CancellationToken cancellationToken)
    {
        if (options.Level < CheckLevel.Full)
            return repository.Problems;
        var problems = new List<StateProblem>();
        await foreach (var item in repository.Store.ListAsync(StateLoader.Prefix, cancellationToken))
        {
            if (!Mac.TryParse(item.Key.AsSpan(item.Key.LastIndexOf('/') + 1), out var id))
                continue;
            _stateBytes += item.Size;
            if (await repository.States.FindProblemAsync(item, cancellationToken) is { } problem)
                problems.Add(new StateProblem(item.Key, id, problem));
        }

        foreach (var (key, problem) in await SealedIndex.VerifyAsync(repository.Store, repository.Codec, repository.Id, cancellationToken))
        {
            _findings.Add(new CheckFinding(
                CheckFindingKind.Warning, key, $"{key} is damaged: {problem}. The states that it stands for are read instead; a maintenance makes it anew.", [], [], 0));
        }

        return problems;
    }

    /// <summary>Reads packfiles: all that are listed, those that the chosen snapshots need, or as many as the budget allows.</summary>
    private async Task<DataRotation> CheckPackfilesAsync(PackfileCheck check, SnapshotCheck walk, CancellationToken cancellationToken)
    {
        var visible = Index.Packfiles().Where(p => p.Packfile.IsVisible).Select(p => p.Packfile.Id).ToHashSet();
        var wanted = options switch
        {
            { Level: CheckLevel.Full, Snapshots: null } when !_isArchive => [.. _present.Keys, .. visible],
            { Snapshots: not null } => visible.Where(id => check.Places.GetValueOrDefault(id, []).Any(walk.IsNeeded)),
            _ => visible,
        };
        var packfiles = wanted.Distinct().Where(id => !_ledger.IsPackfileMissing(in id)).Order().ToList();
        var budget = options is { Level: CheckLevel.Data, Snapshots: null } ? options.DataBytes : null;
        var rotation = budget is null ? DataRotation.Start
            : options.DataPosition is { } given ? new DataRotation(given, null, null)
            : await DataRotation.LoadAsync(repository.Store, cancellationToken);
        // Rotating: from the position to the end, then from the start.
        var split = rotation.Position is { } position ? packfiles.FindIndex(id => id >= position) : 0;
        if (split < 0)
            split = 0;
        if (split > 0)
            packfiles = [.. packfiles[split..], .. packfiles[..split]];
        var at = 0;
        await Parallel.ForEachAsync(
            Claims(), new ParallelOptions { MaxDegreeOfParallelism = Math.Clamp(repository.Services.Parallelism, LeastReaders, MostReaders), CancellationToken = cancellationToken },
            async (item, token) => await check.RunAsync(item.Id, item.Item, visible.Contains(item.Id) ? CheckFindingKind.Damaged : CheckFindingKind.Warning, token));

        if (budget is null)
            return DataRotation.Start;
        var next = rotation.After(at < packfiles.Count ? packfiles[at] : null, split > 0 && at >= packfiles.Count - split, repository.Services.Time.GetUtcNow());
        if (options.DataPosition is null && await next.SaveAsync(repository.Store, cancellationToken) is { } problem)
        {
            _findings.Add(new CheckFinding(
                CheckFindingKind.Warning, DataRotation.Key,
                $"Where this check stopped cannot be kept ({problem.TrimEnd('.')}); the next one reads the same again. It needs leave to write below kloset-operator/.", [], [], 0));
        }

        return next;

        // Taken one after the other, so that where the next check goes on is where this one took no more.
        IEnumerable<(Mac Id, StoreItem Item)> Claims()
        {
            for (long claimed = 0; at < packfiles.Count && !(budget is { } limit && claimed >= limit); at++)
            {
                progress?.Report(new CheckProgress("packfiles", at, packfiles.Count));
                if (!_present.TryGetValue(_isArchive ? Mac.Zero : packfiles[at], out var item))
                    continue;
                claimed += item.Size;
                yield return (packfiles[at], item);
            }
        }
    }

    /// <summary>Damaged states, and packfiles that no state names: whether they belong together, and what could be brought back.</summary>
    private async Task TellStatesAsync(IReadOnlyList<StateProblem> problems, CancellationToken cancellationToken)
    {
        if (_isArchive)
        {
            foreach (var problem in problems)
                _findings.Add(new CheckFinding(CheckFindingKind.Damaged, problem.Key, $"The state {problem.Key} is damaged: {problem.Problem}.", [], [], 0));
            return;
        }

        var mentioned = Index.Packfiles().Select(p => p.Packfile.Id).ToHashSet();
        var orphans = _present.Where(p => !mentioned.Contains(p.Key)).Select(p => p.Value).ToList();
        var unplaced = _ledger.Blobs.Where(b => Index.FindAll(b.Type, b.Id).Count == 0).ToDictionary(b => (b.Type, b.Id));
        var snapshots = new HashSet<SnapshotId>();
        foreach (var item in orphans)
        {
            // Only when something is amiss is it worth looking into what an unfinished run left behind.
            PackfileIndex? index = null;
            if (problems.Count > 0 || unplaced.Count > 0)
                index = (await PackfileTail.TryReadIndexAsync(repository.Store, repository.Codec, item, cancellationToken)).Index;
            var lost = new List<BlobDamage>();
            foreach (var record in index?.Records ?? [])
            {
                if (record.Type == BlobType.Snapshot)
                    snapshots.Add(new SnapshotId(record.Id));
                if (unplaced.TryGetValue((record.Type, record.Id), out var damage))
                    lost.Add(damage);
            }

            foreach (var damage in lost)
                damage.Remedy = $"It is in {item.Key}, which no state names: `kloset check --repair` brings it back.";
            _findings.Add(lost.Count > 0
                ? new CheckFinding(
                    CheckFindingKind.Damaged, item.Key, $"{item.Key} is named by no state, and holds what snapshots need: a state was lost. `kloset check --repair` writes it anew.",
                    [.. lost.SelectMany(d => d.Snapshots).Distinct().Order()], [.. lost.SelectMany(d => d.Paths).Distinct().Order().Take(CheckFinding.MaxPaths)], lost.Sum(d => d.AffectedPaths))
                : new CheckFinding(
                    CheckFindingKind.Orphan, item.Key,
                    problems.Count > 0
                        ? $"{item.Key} is named by no state that can be read."
                        : $"{item.Key} is named by no state: a run that did not finish left it behind. Maintenance removes it.",
                    [], [], 0));
        }

        foreach (var id in Index.LostStates().Where(id => problems.All(p => p.Id != id)))
        {
            var key = StateLoader.KeyOf(in id);
            _findings.Add(new CheckFinding(
                CheckFindingKind.Warning, key,
                $"The state {key} is lost, or was never stored here: other states name it as the one before them. What snapshots miss by it is told apart; `kloset check --repair` writes it anew.", [], [], 0));
        }

        foreach (var problem in problems)
        {
            var back = unplaced.Values.Where(d => d.Remedy.Length > 0).ToList();
            var appear = snapshots.Where(id => !Index.Snapshots().Contains(id)).Order().ToList();
            var remedy = back.Count > 0 || appear.Count > 0 ? " `kloset check --repair` writes it anew from the packfiles' own indexes." : "";
            _findings.Add(new CheckFinding(
                CheckFindingKind.Damaged, problem.Key,
                $"The state {problem.Key} is damaged: {problem.Problem}." + (appear.Count > 0 ? $" Snapshots that are missing in the list may come back: {string.Join(", ", appear.Select(id => id.Short))}." : "") + remedy,
                [.. back.SelectMany(d => d.Snapshots).Concat(appear).Distinct().Order()], [.. back.SelectMany(d => d.Paths).Distinct().Order().Take(CheckFinding.MaxPaths)],
                back.Sum(d => d.AffectedPaths)));
        }
    }
}
