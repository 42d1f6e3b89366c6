using Kloset.Packfiles;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.States;

namespace Kloset.Checking;

/// <summary>A blob that is damaged or missing, and who needs it.</summary>
internal sealed class BlobDamage(BlobType type, Mac id, string message)
{
    private readonly HashSet<EntryPath> _paths = [];

    public BlobType Type => type;

    public Mac Id => id;

    public HashSet<SnapshotId> Snapshots { get; } = [];

    public IReadOnlyCollection<EntryPath> Paths => _paths;

    /// <summary>Paths counted once for each snapshot; those beyond the limit, too.</summary>
    public long AffectedPaths { get; private set; }

    /// <summary>Where it could be brought back from; a sentence.</summary>
    public string Remedy { get; set; } = "";

    public void Affect(SnapshotId snapshot, EntryPath? path)
    {
        Snapshots.Add(snapshot);
        if (path is not { } affected)
            return;
        AffectedPaths++;
        if (_paths.Count < CheckFinding.MaxPaths)
            _paths.Add(affected);
    }

    public CheckFinding ToFinding() => new(
        CheckFindingKind.Damaged, BlobReader.Describe(type, in id), Remedy.Length > 0 ? $"{message} {Remedy}" : message, [.. Snapshots.Order()],
        [.. _paths.Order()], AffectedPaths);
}

/// <summary>
/// Everything that is wrong, blob by blob and packfile by packfile, in bounded memory: a repository that lost all its packfiles must not cost more
/// than one that lost one.
/// </summary>
internal sealed class DamageLedger(RepositoryIndex index)
{
    /// <summary>Damaged blobs that are told apart; more are only counted.</summary>
    public const int MaxBlobs = 20_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<(BlobType Type, Mac Id), BlobDamage> _blobs = [];
    private readonly Dictionary<Mac, (CheckFindingKind Kind, string Problem)> _packfiles = [];
    private readonly BlobDamage _overflow = new(BlobType.Random, Mac.Zero, "");

    public int Count
    {
        get
        {
            lock (_lock)
                return _blobs.Count;
        }
    }

    public long Omitted { get; private set; }

    public IReadOnlyCollection<BlobDamage> Blobs => _blobs.Values;

    public BlobDamage? Find(BlobType type, in Mac id)
    {
        lock (_lock)
            return _blobs.GetValueOrDefault((type, id));
    }

    public BlobDamage Report(BlobType type, in Mac id, string message)
    {
        lock (_lock)
        {
            if (_blobs.TryGetValue((type, id), out var known))
                return known;
            if (_blobs.Count >= MaxBlobs)
            {
                Omitted++;
                return _overflow;
            }

            var damage = new BlobDamage(type, id, message);
            _blobs.Add((type, id), damage);
            return damage;
        }
    }

    /// <summary>The first problem of a packfile is the one to tell.</summary>
    public void ReportPackfile(in Mac id, CheckFindingKind kind, string problem)
    {
        lock (_lock)
            _packfiles.TryAdd(id, (kind, problem));
    }

    public bool IsPackfileMissing(in Mac id)
    {
        lock (_lock)
            return _packfiles.TryGetValue(id, out var problem) && problem.Kind == CheckFindingKind.Missing;
    }

    /// <param name="allSnapshots">Whether every snapshot was walked: only then what is affected is known as a whole.</param>
    public IEnumerable<CheckFinding> ToFindings(bool allSnapshots)
    {
        // What a packfile's damage affects is what its blobs' damage affects.
        var ofPackfile = _packfiles.Keys.ToDictionary(id => id, _ => new List<BlobDamage>());
        foreach (var damage in _blobs.Values)
        {
            foreach (var (location, _) in index.FindAll(damage.Type, damage.Id))
            {
                if (ofPackfile.TryGetValue(location.Packfile, out var list))
                    list.Add(damage);
            }
        }

        foreach (var damage in _blobs.Values)
            yield return damage.ToFinding();
        if (Omitted > 0)
        {
            yield return new CheckFinding(
                CheckFindingKind.Damaged, "blobs", $"{Omitted} more blobs are damaged or missing; they are not listed one by one.", [.. _overflow.Snapshots.Order()],
                [.. _overflow.Paths.Order()], _overflow.AffectedPaths);
        }

        foreach (var (id, (kind, problem)) in _packfiles.OrderBy(item => item.Key))
        {
            var damages = ofPackfile[id];
            var key = PackfileIndex.KeyOf(in id);
            var harmless = kind != CheckFindingKind.Warning && allSnapshots && damages.Count == 0 && Omitted == 0 ? " No snapshot needs what is lost." : "";
            yield return new CheckFinding(
                kind, key, $"The packfile {key} is {(kind == CheckFindingKind.Missing ? "missing" : "damaged")}: {problem}.{harmless}",
                [.. damages.SelectMany(d => d.Snapshots).Distinct().Order()], [.. damages.SelectMany(d => d.Paths).Distinct().Order().Take(CheckFinding.MaxPaths)],
                damages.Sum(d => d.AffectedPaths));
        }
    }
}
