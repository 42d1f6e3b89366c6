using Kloset.Snapshots;

namespace Kloset.Writing.Trees;

/// <summary>The directories of the new tree. They are few beside the files, so they are held in memory.</summary>
internal sealed class DirectoryTable
{
    private readonly Dictionary<EntryPath, DirectoryNode> _nodes = [];
    private readonly HashSet<EntryPath> _cut = [];

    public IEnumerable<DirectoryNode> All => _nodes.Values;

    /// <summary>Directories of the basis that are gone with all that was below them; what they held must not be taken over.</summary>
    public IReadOnlySet<EntryPath> Cut => _cut;

    /// <summary>Takes over the directories of a basis that has all three indexes.</summary>
    public async Task LoadAsync(SnapshotTree basis, CancellationToken cancellationToken)
    {
        await foreach (var (key, dirpack) in basis.Dirpacks!.WalkAsync(descending: false, cancellationToken))
        {
            var path = EntryPath.FromBytes(key);
            _nodes[path] = new DirectoryNode(path) { Dirpack = dirpack };
        }

        await foreach (var (key, summary) in basis.Summaries!.WalkAsync(descending: false, cancellationToken))
        {
            if (_nodes.TryGetValue(EntryPath.FromBytes(key), out var node))
                node.SummaryId = summary;
        }

        foreach (var node in _nodes.Values.Where(node => node.SummaryId is null))
            node.IsDirty = true;
    }

    public bool Contains(EntryPath path) => _nodes.ContainsKey(path);

    /// <exception cref="InvalidOperationException">Something was put below what is not a directory.</exception>
    public DirectoryNode Get(EntryPath path) =>
        _nodes.GetValueOrDefault(path) ?? throw new InvalidOperationException($"{path} is not a directory, but something was put below it.");

    /// <summary>A directory that the basis does not have.</summary>
    public void Add(EntryPath path) => _nodes[path] = new DirectoryNode(path) { Own = new SummaryCounters(), IsDirty = true };

    /// <summary>Forgets a directory of the basis and everything below it.</summary>
    public void CutOff(EntryPath path)
    {
        _cut.Add(path);
        foreach (var below in _nodes.Keys.Where(candidate => candidate.IsAtOrBelow(path)).ToList())
            _nodes.Remove(below);
    }

    /// <summary>True when an ancestor of the path was cut off.</summary>
    public bool IsBelowCut(ReadOnlySpan<byte> path)
    {
        if (_cut.Count == 0)
            return false;
        var lookup = EntryPath.FromBytes(path);
        while (!lookup.IsRoot)
        {
            lookup = lookup.Parent;
            if (_cut.Contains(lookup))
                return true;
        }

        return false;
    }

    /// <summary>Marks the directory and its ancestors.</summary>
    public void MarkDirty(EntryPath path)
    {
        for (var current = path; ; current = current.Parent)
        {
            if (_nodes.TryGetValue(current, out var node))
                node.IsDirty = true;
            if (current.IsRoot)
                return;
        }
    }
}
