namespace Kloset.States;

/// <summary>What becomes of a place when those in memory move to a file.</summary>
internal enum SlotFate
{
    /// <summary>It is where it stays.</summary>
    Settled,

    /// <summary>It is claimed and has no place yet: it stays in memory.</summary>
    Claimed,

    /// <summary>Nobody will ever ask for it.</summary>
    Dropped,
}

/// <summary>
/// All places of blobs by (type, identifier): the newest in a table in memory; when that is full they move to a sorted file, and files of one
/// size are merged. Small repositories never make a file. Not safe for concurrent use, apart from walks over <see cref="Sorted"/>.
/// </summary>
/// <param name="folder">Where files are made; asked for when the first one is needed.</param>
/// <param name="fateOf">By ordinal of the packfile.</param>
/// <param name="capacity">Places in memory, at about 55 bytes each.</param>
internal sealed class BlobPlaces(Func<string> folder, Func<int, SlotFate> fateOf, int capacity) : IDisposable
{
    /// <summary>Three quarters of a power of two, where the table would grow: 21 MB.</summary>
    public const int DefaultCapacity = 3 << 17;

    /// <summary>Runs of one level before they are merged: each question asks every run's filter, and each merge writes every record again.</summary>
    private const int RunsPerLevel = 8;

    private readonly List<BlobRun> _runs = [];
    private readonly List<(int Number, BlobSlot Place)> _found = [];
    private BlobTable _recent = new();
    private int _unsettled;
    private int _inRuns;
    private bool _numbered;

    /// <summary>Places, some of which may be the same one said twice.</summary>
    public int Count => _inRuns + _recent.Count;

    /// <summary>
    /// As <see cref="Count"/>; from now on each place keeps its number, which is smaller. What is added later stays in memory.
    /// </summary>
    public int Number()
    {
        _numbered = true;
        return Count;
    }

    /// <summary>All places of a blob; valid until the next call.</summary>
    public List<(int Number, BlobSlot Place)> Find(BlobType type, in Mac id)
    {
        _found.Clear();
        var first = 0;
        foreach (var run in _runs)
        {
            run.Find(type, in id, first, _found);
            first += run.Count;
        }

        for (var slot = _recent.First(type, in id, out var position); slot >= 0; slot = _recent.Next(type, in id, ref position))
            _found.Add((first + slot, _recent[slot]));
        return _found;
    }

    /// <summary>Adds a place unless the table in memory has it; of what files say twice, one is dropped when they are merged.</summary>
    /// <returns>Whether it was added.</returns>
    public bool Add(in BlobSlot place)
    {
        for (var slot = _recent.First(place.Type, place.Id, out var position); slot >= 0; slot = _recent.Next(place.Type, place.Id, ref position))
        {
            if (_recent[slot].Packfile == place.Packfile)
                return false;
        }

        if (_recent.Count >= capacity + _unsettled && !_numbered)
            Spill();
        _recent.Add(in place);
        return true;
    }

    /// <summary>Gives a claimed blob its place.</summary>
    /// <param name="claimed">The packfile under which it was claimed.</param>
    public bool TryPlace(int claimed, in BlobSlot place)
    {
        for (var slot = _recent.First(place.Type, place.Id, out var position); slot >= 0; slot = _recent.Next(place.Type, place.Id, ref position))
        {
            if (_recent[slot].Packfile != claimed)
                continue;
            _recent[slot] = place;
            return true;
        }

        return false;
    }

    public BlobSlot this[int number]
    {
        get
        {
            foreach (var run in _runs)
            {
                if (number < run.Count)
                {
                    BlobSlot place = default;
                    run.Read(number, new Span<BlobSlot>(ref place));
                    return place;
                }

                number -= run.Count;
            }

            return _recent[number];
        }
    }

    /// <summary>Calls for each place, in no particular order, with its number.</summary>
    public void ForEach(Action<int, BlobSlot> visit)
    {
        var number = 0;
        foreach (var run in _runs)
        {
            for (var cursor = new Cursor(run); cursor.MoveNext();)
                visit(number++, cursor.Current);
        }

        for (var slot = 0; slot < _recent.Count; slot++)
            visit(number + slot, _recent[slot]);
    }

    /// <summary>
    /// All places in order, each once, as they are now. Begin and end the walk under the owner's lock (<see cref="SortedPlaces.Dispose"/>); steps
    /// need none, as long as nothing is claimed and placed meanwhile.
    /// </summary>
    public SortedPlaces Sorted() => new(_runs, _recent);

    /// <summary>Takes over a run that was made elsewhere.</summary>
    public void Adopt(BlobRun run)
    {
        _runs.Add(run);
        _inRuns += run.Count;
    }

    public void Dispose()
    {
        foreach (var run in _runs)
            run.Release();
        _runs.Clear();
        _recent = new BlobTable();
        _inRuns = 0;
    }

    private void Spill()
    {
        var old = _recent;
        var kept = new List<BlobSlot>();
        using (var writer = new BlobRun.Writer(folder(), old.Count))
        {
            foreach (var slot in old.Sort())
            {
                ref var place = ref old[slot];
                switch (fateOf(place.Packfile))
                {
                    case SlotFate.Settled:
                        writer.Add(in place);
                        break;
                    case SlotFate.Claimed:
                        kept.Add(place);
                        break;
                    default:
                        break;
                }
            }

            if (writer.Count == 0)
            {
                _unsettled = old.Count;
                return;
            }

            Adopt(writer.Finish(level: 0));
        }

        // The same memory again, unless somebody still walks over it.
        if (old.Users == 0)
            old.Clear();
        else
            _recent = new BlobTable();
        foreach (ref readonly var place in kept.AsReadOnlySpan())
            _recent.Add(in place);
        _unsettled = kept.Count;
        for (var level = 0; _runs.Count(run => run.Level == level) >= RunsPerLevel; level++)
            Merge(level);
    }

    private void Merge(int level)
    {
        var parts = _runs.Where(run => run.Level == level).ToList();
        using var writer = new BlobRun.Writer(folder(), parts.Sum(run => run.Count));
        using (var places = new SortedPlaces(parts, new BlobTable()))
        {
            while (places.MoveNext())
                writer.Add(in places.Current);
        }

        foreach (var run in parts)
        {
            _runs.Remove(run);
            _inRuns -= run.Count;
            run.Release();
        }

        Adopt(writer.Finish(level + 1));
    }

    /// <summary>Reads a run from front to back.</summary>
    internal sealed class Cursor(BlobRun run)
    {
        private const int BufferRecords = 1024;

        private readonly BlobSlot[] _buffer = new BlobSlot[Math.Min(BufferRecords, run.Count)];
        private int _at = -1;
        private int _filled;
        private int _next;

        public ref BlobSlot Current => ref _buffer[_at];

        public bool MoveNext()
        {
            if (++_at < _filled)
                return true;
            if (_next == run.Count)
                return false;
            _filled = Math.Min(_buffer.Length, run.Count - _next);
            run.Read(_next, _buffer.AsSpan(0, _filled));
            _next += _filled;
            _at = 0;
            return true;
        }
    }
}

/// <summary>A walk over places in order; of one that is said twice the first comes.</summary>
internal sealed class SortedPlaces : IDisposable
{
    private readonly List<BlobRun> _runs;
    private readonly List<BlobPlaces.Cursor> _cursors = [];
    private readonly BlobTable _recent;
    private readonly int[] _order;
    private int _inOrder;
    private BlobSlot _current;
    private bool _started;
    private bool _disposed;

    public SortedPlaces(IEnumerable<BlobRun> runs, BlobTable recent)
    {
        _runs = [.. runs];
        foreach (var run in _runs)
            run.AddUser();
        foreach (var cursor in _runs.Select(run => new BlobPlaces.Cursor(run)))
        {
            if (cursor.MoveNext())
                _cursors.Add(cursor);
        }

        _recent = recent;
        _recent.Users++;
        _order = recent.Sort();
    }

    public ref readonly BlobSlot Current => ref _current;

    public bool MoveNext()
    {
        while (TryTake(out var next))
        {
            if (_started && BlobSlot.IsSamePlace(in _current, in next))
                continue;
            _current = next;
            _started = true;
            return true;
        }

        return false;
    }

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _recent.Users--;
        foreach (var run in _runs)
            run.Release();
        _runs.Clear();
    }

    private bool TryTake(out BlobSlot taken)
    {
        // So few that looking at each beats keeping them in order.
        var least = -1;
        for (var i = 0; i < _cursors.Count; i++)
        {
            if (least < 0 || BlobSlot.Compare(in _cursors[i].Current, in _cursors[least].Current) < 0)
                least = i;
        }

        if (_inOrder < _order.Length && (least < 0 || BlobSlot.Compare(in _recent[_order[_inOrder]], in _cursors[least].Current) < 0))
        {
            taken = _recent[_order[_inOrder++]];
            return true;
        }

        taken = default;
        if (least < 0)
            return false;
        taken = _cursors[least].Current;
        if (!_cursors[least].MoveNext())
            _cursors.RemoveAt(least);
        return true;
    }
}
