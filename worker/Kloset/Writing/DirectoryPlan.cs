using Kloset.Snapshots;

namespace Kloset.Writing;

/// <summary>
/// Which directories the new tree has, which of them change, and how much of the basis has to be looked at for it: decided from the paths of the
/// basis' directories and of the changes alone.
/// </summary>
internal sealed class DirectoryPlan
{
    private readonly Dictionary<EntryPath, Mac> _dirpacks = [];
    private readonly Dictionary<EntryPath, Mac> _summaries = [];

    /// <summary>Directories that changes put (true) or remove (false).</summary>
    private readonly Dictionary<EntryPath, bool> _put = [];

    /// <summary>Directories of the basis that something else takes the place of, or nothing.</summary>
    private readonly HashSet<EntryPath> _removed = [];

    /// <summary>Directories whose own records change.</summary>
    private readonly HashSet<EntryPath> _touched = [];

    private readonly HashSet<EntryPath> _parentsOfPuts = [];

    /// <summary>The dirpacks of the basis by directory.</summary>
    public IReadOnlyDictionary<EntryPath, Mac> BasisDirpacks => _dirpacks;

    /// <summary>The summaries of the basis by directory.</summary>
    public IReadOnlyDictionary<EntryPath, Mac> BasisSummaries => _summaries;

    public void AddBasisDirpack(EntryPath directory, Mac dirpack) => _dirpacks.Add(directory, dirpack);

    public void AddBasisSummary(EntryPath directory, Mac summary) => _summaries.Add(directory, summary);

    /// <summary>Something in a directory changes.</summary>
    public void Touch(EntryPath directory) => _touched.Add(directory);

    public void Remove(EntryPath path)
    {
        if (path.IsRoot)
            throw new InvalidOperationException("The root of a tree cannot be removed.");
        Replace(path);
        Touch(path.Parent);
    }

    public void PutDirectory(EntryPath path)
    {
        // What the basis held below it stays removed when a removal came before.
        _put[path] = true;
        PutIn(path);
    }

    public void PutOther(EntryPath path)
    {
        if (path.IsRoot)
            throw new InvalidOperationException("The root of a tree is a directory.");
        Replace(path);
        PutIn(path);
    }

    public bool IsRemoved(EntryPath path)
    {
        if (_removed.Count == 0)
            return false;
        for (var at = path; ; at = at.Parent)
        {
            if (_removed.Contains(at))
                return true;
            if (at.IsRoot)
                return false;
        }
    }

    public bool IsRemovedPath(byte[] path) => _removed.Count > 0 && EntryPath.IsClean(path) && IsRemoved(EntryPath.FromBytes(path));

    public bool IsRemovedType(byte[] key) => _removed.Count > 0 && TreeKeys.PathOfType(key) is { } path && IsRemovedPath(path);

    /// <summary>All directories of the new tree, and those of them that nobody put: something is put below them.</summary>
    public (HashSet<EntryPath> All, List<EntryPath> Missing) Complete()
    {
        var all = new HashSet<EntryPath>(_dirpacks.Count + _put.Count + 1);
        foreach (var path in _dirpacks.Keys)
        {
            if (!IsRemoved(path))
                all.Add(path);
        }

        foreach (var (path, present) in _put)
        {
            if (present)
                all.Add(path);
        }

        var missing = new List<EntryPath>();
        var needed = new Stack<EntryPath>(all.Where(p => !p.IsRoot).Select(p => p.Parent).Concat(_parentsOfPuts).Append(EntryPath.Root).Distinct());
        while (needed.TryPop(out var path))
        {
            if (!all.Add(path))
                continue;
            missing.Add(path);
            if (!path.IsRoot)
                needed.Push(path.Parent);
        }

        return (all, missing);
    }

    /// <summary>Directories whose summary changes, because of their own records or because of something below.</summary>
    public HashSet<EntryPath> FindDirty(IEnumerable<EntryPath> directories)
    {
        var dirty = new HashSet<EntryPath> { EntryPath.Root };
        foreach (var path in _touched.Concat(directories.Where(IsNew)))
        {
            for (var at = path; dirty.Add(at);)
                at = at.Parent;
        }

        return dirty;
    }

    /// <summary>Whether a directory's records are written anew; <paramref name="basis"/> is the dirpack that they go on from.</summary>
    public bool HasNewRecords(EntryPath directory, out Mac? basis)
    {
        basis = IsNew(directory) ? null : _dirpacks[directory];
        return basis is null || _touched.Contains(directory);
    }

    /// <summary>Whether the basis' summary of a directory goes into one that changes: as a clean child, or as what its own records say.</summary>
    public bool NeedsBasisSummary(EntryPath directory, HashSet<EntryPath> dirty) =>
        !IsNew(directory) && (dirty.Contains(directory) ? !_touched.Contains(directory) : dirty.Contains(directory.Parent));

    private bool IsNew(EntryPath directory) => !_dirpacks.ContainsKey(directory) || IsRemoved(directory);

    private void Replace(EntryPath path)
    {
        if (_dirpacks.ContainsKey(path))
            _removed.Add(path);
        if (_put.ContainsKey(path))
            _put[path] = false;
    }

    private void PutIn(EntryPath path)
    {
        if (path.IsRoot)
            return;
        Touch(path.Parent);
        _parentsOfPuts.Add(path.Parent);
    }
}
