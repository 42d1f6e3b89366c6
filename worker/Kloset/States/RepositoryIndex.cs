using Kloset.Snapshots;

namespace Kloset.States;

/// <summary>Where a packfile stands. Only what is usable counts for reading and deduplication.</summary>
internal sealed class PackfileStatus
{
    public Mac Id { get; set; }

    /// <summary>A PACKFILE entry names it.</summary>
    public bool Declared { get; set; }

    /// <summary>A DELETE entry names it. Identifiers are never reused, so this is for ever, whatever the order of states.</summary>
    public bool Deleted { get; set; }

    public bool Coloured { get; set; }

    /// <summary>A listing of the store did not show it.</summary>
    public bool Missing { get; set; }

    /// <summary>The writing session that fills it, or has stored and not declared it yet; 0 when none does.</summary>
    public int Session { get; set; }

    /// <summary>The file is in the store.</summary>
    public bool Stored { get; set; }

    /// <summary>End of the last known blob, from the payload's start: bytes that surely exist.</summary>
    public long DataEnd { get; set; }

    public Mac IntroducedBy { get; set; }

    public long Time { get; set; }

    /// <summary>A live snapshot needs it although it is coloured; its colour is about to be taken back.</summary>
    public bool Rescued { get; set; }

    public bool IsVisible => Declared && !Deleted && (!Coloured || Rescued) && !Missing;

    public bool IsReadable => IsVisible || (Session != 0 && Stored);

    /// <summary>Sessions do not count on what another one may never declare.</summary>
    public bool IsKnownTo(int session) => IsVisible || (Session != 0 && Session == session);
}

/// <param name="Ordinal">The packfile's number in this index.</param>
/// <param name="Offset">From the start of the packfile's payload.</param>
internal readonly record struct BlobLocation(int Ordinal, Mac Packfile, long Offset, uint Length, long DataEnd);

/// <param name="Pending">Ordinal of the packfile that stands for "claimed, not placed yet".</param>
internal readonly record struct IndexSession(int Id, int Pending);

/// <summary>
/// The union of all states: which blob is where, which packfiles and snapshots are deleted. The outcome does not depend on the order in
/// which states are applied (format document, section 10.1). Safe for concurrent use.
/// </summary>
internal sealed class RepositoryIndex : IDisposable
{
    private readonly Lock _lock = new();
    private readonly BlobPlaces _blobs;
    private readonly List<PackfileStatus> _packfiles = [];
    private readonly Dictionary<Mac, int> _ordinals = [];
    private readonly Dictionary<(byte Type, Mac Id), (long Time, bool Coloured, long Since)> _colours = [];
    private readonly HashSet<(BlobType Type, Mac Blob, Mac Packfile)> _deletedLocations = [];
    private readonly List<(Mac Snapshot, int Ordinal)> _snapshots = [];
    private readonly HashSet<Mac> _states = [];
    private readonly HashSet<Mac> _parents = [];
    private readonly HashSet<int> _pending = [];
    private readonly HashSet<Mac> _covered = [];
    private readonly Func<string> _folder;
    private int _sessions;
    private (long Time, Mac Id) _newest = (long.MinValue, Mac.Zero);

    /// <param name="folder">Where files of the index are made when it outgrows memory; default the system's temporary folder.</param>
    /// <param name="placesInMemory">How many places of blobs are held in memory.</param>
    public RepositoryIndex(Func<string>? folder = null, int placesInMemory = BlobPlaces.DefaultCapacity)
    {
        _folder = folder ?? Path.GetTempPath;
        _blobs = new BlobPlaces(_folder, FateOf, placesInMemory);
    }

    /// <summary>The newest state by its trailer's time: the parent of the next one.</summary>
    public Mac NewestState
    {
        get
        {
            lock (_lock)
                return _newest.Id;
        }
    }

    /// <summary>The trailer's time of <see cref="NewestState"/>, in unix nanoseconds.</summary>
    public long NewestTime
    {
        get
        {
            lock (_lock)
                return _newest.Time;
        }
    }

    public int StateCount
    {
        get
        {
            lock (_lock)
                return _states.Count;
        }
    }

    public bool HasState(in Mac id)
    {
        lock (_lock)
            return _states.Contains(id);
    }

    /// <summary>Applies a parsed state as a whole.</summary>
    /// <param name="locations">
    /// Shows the visitor more locations of it. They come first: where that fails, they are in packfiles that nothing has declared yet, or that hold them anyway.
    /// </param>
    public void Apply(in Mac stateId, StateContent content, Action<IStateVisitor>? locations = null)
    {
        lock (_lock)
        {
            if (_states.Contains(stateId))
                return;
            locations?.Invoke(new LocationVisitor(this));
            _states.Add(stateId);
            if (content.Trailer.Time > _newest.Time)
                _newest = (content.Trailer.Time, stateId);
            if (!content.Parent.IsZero)
                _parents.Add(content.Parent);
            foreach (ref readonly var entry in content.Deletes.AsReadOnlySpan())
            {
                switch (entry.Kind)
                {
                    case StateEntryKind.Packfile:
                        _packfiles[OrdinalOf(entry.Packfile)].Deleted = true;
                        break;
                    case StateEntryKind.Location:
                        DeleteLocation((BlobType)entry.BlobType, entry.Blob, entry.Packfile);
                        break;
                    default:
                        Colour(entry.BlobType, entry.Blob, content.Trailer.Time, coloured: false, since: 0);
                        break;
                }
            }

            foreach (ref readonly var entry in content.Packfiles.AsReadOnlySpan())
            {
                var packfile = _packfiles[OrdinalOf(entry.Packfile)];
                if (packfile.Declared)
                    continue;
                packfile.Declared = true;
                packfile.IntroducedBy = entry.State;
                packfile.Time = entry.Time;
            }

            foreach (ref readonly var entry in content.Coloured.AsReadOnlySpan())
                Colour(entry.Type, entry.Id, content.Trailer.Time, coloured: true, since: entry.Time);
            foreach (var block in content.Locations)
            {
                foreach (ref readonly var entry in block.AsReadOnlySpan())
                    AddLocation(in entry);
            }
        }
    }

    /// <summary>The places of a blob that can be read, first the one with the smallest packfile identifier.</summary>
    public bool TryFind(BlobType type, in Mac id, out BlobLocation location)
    {
        location = default;
        var found = false;
        lock (_lock)
        {
            foreach (var (_, place) in _blobs.Find(type, in id))
            {
                if (!_packfiles[place.Packfile].IsReadable || IsDeleted(in place))
                    continue;
                var candidate = ToLocation(in place);
                if (!found || candidate.Packfile < location.Packfile)
                    location = candidate;
                found = true;
            }
        }

        return found;
    }

    /// <summary>All places of a blob, whether they can be read or not.</summary>
    public IReadOnlyList<(BlobLocation Location, PackfileStatus Packfile)> FindAll(BlobType type, in Mac id)
    {
        var all = new List<(BlobLocation, PackfileStatus)>();
        lock (_lock)
        {
            foreach (var (_, place) in _blobs.Find(type, in id))
            {
                if (!_pending.Contains(place.Packfile) && !IsDeleted(in place) && !all.Exists(p => p.Item1.Ordinal == place.Packfile))
                    all.Add((ToLocation(in place), _packfiles[place.Packfile]));
            }
        }

        return all;
    }

    /// <summary>Starts a writing session.</summary>
    public IndexSession BeginSession()
    {
        lock (_lock)
        {
            var session = ++_sessions;
            // Blobs that are claimed and not placed yet belong to a packfile that never comes to be.
            _packfiles.Add(new PackfileStatus { Session = session });
            _pending.Add(_packfiles.Count - 1);
            return new IndexSession(session, _packfiles.Count - 1);
        }
    }

    /// <summary>Whether a blob exists for deduplication: visible, or claimed by this session.</summary>
    public bool IsKnown(IndexSession session, BlobType type, in Mac id)
    {
        lock (_lock)
            return FindKnown(session.Id, type, in id) is not null;
    }

    /// <summary>
    /// Claims a blob for writing. False: it is known already (stored, or being written by this session); <paramref name="packfile"/> is then the
    /// ordinal of its packfile. True: the caller must write and <see cref="Place"/> it.
    /// </summary>
    public bool TryClaim(IndexSession session, BlobType type, in Mac id, out int packfile)
    {
        lock (_lock)
        {
            var known = FindKnown(session.Id, type, in id);
            packfile = known ?? session.Pending;
            if (known is null)
                _blobs.Add(new BlobSlot(id, session.Pending, 0, BlobSlot.Pack(0, type)));
            return known is null;
        }
    }

    /// <summary>A packfile of this session, to be filled.</summary>
    public int OpenPackfile(IndexSession session)
    {
        lock (_lock)
        {
            _packfiles.Add(new PackfileStatus { Session = session.Id });
            return _packfiles.Count - 1;
        }
    }

    /// <summary>Where a claimed blob went.</summary>
    public void Place(IndexSession session, BlobType type, in Mac id, int packfile, long offset, uint length)
    {
        lock (_lock)
        {
            if (!_blobs.TryPlace(session.Pending, new BlobSlot(id, packfile, length, BlobSlot.Pack(offset, type))))
                throw new InvalidOperationException("A blob was placed that nobody claimed.");
            var status = _packfiles[packfile];
            status.DataEnd = Math.Max(status.DataEnd, offset + length);
            if (type == BlobType.Snapshot)
                _snapshots.Add((id, packfile));
        }
    }

    /// <summary>A packfile of this session is in the store.</summary>
    public void MarkStored(int packfile, in Mac id)
    {
        lock (_lock)
        {
            var status = _packfiles[packfile];
            status.Id = id;
            status.Stored = true;
            _ordinals.Add(id, packfile);
        }
    }

    /// <summary>This session's state that declares these packfiles is in the store.</summary>
    public void MarkDeclared(IEnumerable<int> packfiles, in Mac state, long time)
    {
        lock (_lock)
        {
            foreach (var ordinal in packfiles)
            {
                var status = _packfiles[ordinal];
                status.Declared = true;
                status.Session = 0;
                status.IntroducedBy = state;
                status.Time = time;
            }

            _states.Add(state);
            if (time > _newest.Time)
                _newest = (time, state);
        }
    }

    /// <summary>Forgets what a session claimed and never declared.</summary>
    public void EndSession(IndexSession session)
    {
        lock (_lock)
        {
            foreach (var packfile in _packfiles)
            {
                if (packfile.Session == session.Id)
                    packfile.Session = 0;
            }
        }
    }

    /// <summary>Compares what states declare with what the store holds.</summary>
    public void MarkMissing(HashSet<Mac> present)
    {
        lock (_lock)
        {
            foreach (var packfile in _packfiles)
            {
                if (packfile.Declared)
                    packfile.Missing = !present.Contains(packfile.Id);
            }
        }
    }

    public bool IsVisible(IndexSession session, int packfile)
    {
        lock (_lock)
            return _packfiles[packfile].IsKnownTo(session.Id);
    }

    /// <summary>Nobody has marked or removed this packfile, whether it is declared or not.</summary>
    public bool IsUnmarked(int packfile)
    {
        lock (_lock)
            return _packfiles[packfile] is { Deleted: false, Coloured: false };
    }

    /// <summary>Snapshots that exist and are not deleted.</summary>
    public IReadOnlyList<SnapshotId> Snapshots()
    {
        lock (_lock)
        {
            return
            [
                .. _snapshots
                    .Where(s => _packfiles[s.Ordinal] is { Declared: true, Deleted: false } && !IsColoured(ColouredEntry.Snapshot, s.Snapshot))
                    .Select(s => new SnapshotId(s.Snapshot)).Distinct(),
            ];
        }
    }

    /// <summary>Snapshots with a deletion mark, and when it was set (unix nanoseconds).</summary>
    public IReadOnlyDictionary<Mac, long> DeletedSnapshots()
    {
        lock (_lock)
            return _colours.Where(c => c.Key.Type == ColouredEntry.Snapshot && c.Value.Coloured).ToDictionary(c => c.Key.Id, c => c.Value.Since);
    }

    /// <summary>Packfiles that are declared and not deleted, with the time since when they are coloured, if they are.</summary>
    public IReadOnlyList<(PackfileStatus Packfile, long? ColouredSince)> Packfiles()
    {
        lock (_lock)
        {
            return
            [
                .. _packfiles.Where(p => p is { Declared: true, Deleted: false }).Select(p =>
                    (p, _colours.TryGetValue((ColouredEntry.Packfile, p.Id), out var colour) && colour.Coloured ? colour.Since : (long?)null)),
            ];
        }
    }

    /// <summary>All packfiles that any state speaks of, deleted and undeclared ones too, with the time since when they are coloured, if they are.</summary>
    public IReadOnlyList<(PackfileStatus Packfile, long? ColouredSince)> MentionedPackfiles()
    {
        lock (_lock)
        {
            return
            [
                .. _ordinals.Values.Select(ordinal => _packfiles[ordinal]).Where(p => p.Session == 0).Select(p =>
                    (p, _colours.TryGetValue((ColouredEntry.Packfile, p.Id), out var colour) && colour.Coloured ? colour.Since : (long?)null)),
            ];
        }
    }

    /// <summary>States that others name as their parents, and that were never read: each of them is lost.</summary>
    public IReadOnlyList<Mac> LostStates()
    {
        lock (_lock)
            return [.. _parents.Where(parent => !_states.Contains(parent)).Order()];
    }

    /// <summary>
    /// The packfiles that must stay for a blob's sake: all that hold it and are usable, because another client may count on any of them. When
    /// none is usable, those that are only coloured; they are marked as rescued, and the blob can be read from then on.
    /// </summary>
    /// <returns>False when the blob is nowhere.</returns>
    public bool Need(BlobType type, in Mac id, HashSet<Mac> needed)
    {
        lock (_lock)
        {
            var found = false;
            foreach (var (_, place) in _blobs.Find(type, in id))
            {
                if (!_packfiles[place.Packfile].IsVisible || IsDeleted(in place))
                    continue;
                needed.Add(_packfiles[place.Packfile].Id);
                found = true;
            }

            if (found)
                return true;
            foreach (var (_, place) in _blobs.Find(type, in id))
            {
                if (IsDeleted(in place) || _packfiles[place.Packfile] is not { Declared: true, Deleted: false, Missing: false } packfile)
                    continue;
                packfile.Rescued = true;
                needed.Add(packfile.Id);
                found = true;
            }

            return found;
        }
    }

    /// <summary>Forgets what was rescued and not written down.</summary>
    public void EndRescue()
    {
        lock (_lock)
        {
            foreach (var packfile in _packfiles)
                packfile.Rescued = false;
        }
    }

    /// <summary>Whether a state declares a packfile, and whether one deletes it.</summary>
    public (bool Declared, bool Deleted) StandingOf(in Mac packfile)
    {
        lock (_lock)
            return _ordinals.TryGetValue(packfile, out var ordinal) ? (_packfiles[ordinal].Declared, _packfiles[ordinal].Deleted) : (false, false);
    }

    /// <summary>Whether a state places, or placed and removed, the blob in exactly this packfile.</summary>
    public bool HasPlace(BlobType type, in Mac id, in Mac packfile)
    {
        lock (_lock)
        {
            if (!_ordinals.TryGetValue(packfile, out var ordinal))
                return false;
            foreach (var (_, place) in _blobs.Find(type, in id))
            {
                if (place.Packfile == ordinal)
                    return true;
            }

            return _deletedLocations.Contains((type, id, packfile));
        }
    }

    /// <summary>Every usable place, by identifier. Do not call while a session writes.</summary>
    public IEnumerable<(BlobType Type, Mac Id, BlobLocation Location)> VisibleBlobs()
    {
        SortedPlaces places;
        lock (_lock)
            places = _blobs.Sorted();
        try
        {
            while (places.MoveNext())
            {
                (BlobType, Mac, BlobLocation)? item = null;
                var place = places.Current;
                lock (_lock)
                {
                    if (_packfiles[place.Packfile].IsVisible && !IsDeleted(in place))
                        item = (place.Type, place.Id, ToLocation(in place));
                }

                if (item is { } found)
                    yield return found;
            }
        }
        finally
        {
            lock (_lock)
                places.Dispose();
        }
    }

    /// <summary>The usable places of all blobs, packfile by packfile, as numbers for <see cref="PlaceAt"/>: 4 bytes a blob.</summary>
    public IReadOnlyDictionary<Mac, IReadOnlyList<int>> PlacesByPackfile()
    {
        lock (_lock)
        {
            _blobs.Number();
            // Counted first: lists that grow would hold twice as much.
            var ends = new int[_packfiles.Count];
            _blobs.ForEach((_, place) =>
            {
                if (IsUsable(in place))
                    ends[place.Packfile]++;
            });
            for (var ordinal = 1; ordinal < ends.Length; ordinal++)
                ends[ordinal] += ends[ordinal - 1];
            var numbers = new int[ends.Length == 0 ? 0 : ends[^1]];
            var filled = new int[ends.Length];
            _blobs.ForEach((number, place) =>
            {
                if (IsUsable(in place))
                    numbers[(place.Packfile == 0 ? 0 : ends[place.Packfile - 1]) + filled[place.Packfile]++] = number;
            });
            var places = new Dictionary<Mac, IReadOnlyList<int>>();
            for (var ordinal = 0; ordinal < filled.Length; ordinal++)
            {
                if (filled[ordinal] > 0)
                    places.Add(_packfiles[ordinal].Id, new ArraySegment<int>(numbers, ends[ordinal] - filled[ordinal], filled[ordinal]));
            }

            return places;
        }

        bool IsUsable(ref readonly BlobSlot place) => _packfiles[place.Packfile].IsVisible && !IsDeleted(in place);
    }

    /// <summary>A number that stands for the blob, smaller than <see cref="SlotCount"/>; −1 when no place of it can be read.</summary>
    public int SlotOf(BlobType type, in Mac id)
    {
        lock (_lock)
        {
            foreach (var (number, place) in _blobs.Find(type, in id))
            {
                if (_packfiles[place.Packfile].IsReadable && !IsDeleted(in place))
                    return number;
            }
        }

        return -1;
    }

    /// <summary>How many numbers there are. From the first call on a blob keeps its number, at the price of memory for blobs that are written later.</summary>
    public int SlotCount
    {
        get
        {
            lock (_lock)
                return _blobs.Number();
        }
    }

    public (BlobType Type, Mac Id, BlobLocation Location) PlaceAt(int slot)
    {
        lock (_lock)
        {
            var place = _blobs[slot];
            return (place.Type, place.Id, ToLocation(in place));
        }
    }

    /// <summary>Whether a numbered place is in a packfile that counts.</summary>
    public bool IsPlaceVisible(int slot)
    {
        lock (_lock)
        {
            var place = _blobs[slot];
            return _packfiles[place.Packfile].IsVisible && !IsDeleted(in place);
        }
    }

    /// <summary>States that no sealed index covers.</summary>
    public int UncoveredStates
    {
        get
        {
            lock (_lock)
                return _states.Count - _covered.Count;
        }
    }

    /// <summary>A sealed index with these states is in the store.</summary>
    public void MarkCovered(IEnumerable<Mac> states)
    {
        lock (_lock)
            _covered.UnionWith(states);
    }

    /// <summary>What all states say, as it is now; what sessions hold and no state says is left out. Do not call while a session writes.</summary>
    public IndexExport Export()
    {
        lock (_lock)
        {
            var ordinals = new int[_packfiles.Count];
            var packfiles = new List<SealedPackfile>(_packfiles.Count);
            for (var i = 0; i < ordinals.Length; i++)
            {
                var packfile = _packfiles[i];
                // Packfiles of sessions have no name before they are stored, and count for nothing before they are declared.
                ordinals[i] = packfile.Id.IsZero || (packfile.Stored && !packfile.Declared) ? -1 : packfiles.Count;
                if (ordinals[i] >= 0)
                    packfiles.Add(new SealedPackfile(packfile.Id, packfile.IntroducedBy, packfile.Time, packfile.DataEnd, packfile.Declared ? 1 : 0, packfile.Deleted ? 1 : 0));
            }

            var tables = new SealedTables
            {
                States = [.. _states.Order()],
                Parents = [.. _parents.Order()],
                NewestState = _newest.Id,
                NewestTime = _newest.Time,
                Packfiles = [.. packfiles],
                Colours = [.. _colours.Select(c => new SealedColour(c.Key.Id, c.Value.Time, c.Value.Since, c.Key.Type, c.Value.Coloured ? 1 : 0))],
                Deletions = [.. _deletedLocations.Select(d => new SealedDeletion(d.Blob, d.Packfile, (int)d.Type))],
                Snapshots = [.. _snapshots.Where(s => ordinals[s.Ordinal] >= 0).Select(s => new SealedSnapshot(s.Snapshot, ordinals[s.Ordinal]))],
            };
            var places = _blobs.Sorted();
            return new IndexExport(tables, places, ordinals, () =>
            {
                lock (_lock)
                    places.Dispose();
            });
        }
    }

    /// <summary>Begins to fill an empty index with what another one exported.</summary>
    public IndexImport BeginImport(SealedTables tables) => new(tables, _folder(), Adopt);

    public void Dispose()
    {
        lock (_lock)
            _blobs.Dispose();
    }

    private bool Adopt(SealedTables tables, BlobRun run)
    {
        lock (_lock)
        {
            if (_states.Count > 0 || _packfiles.Count > 0)
                return false;
            foreach (var sealedOne in tables.Packfiles)
            {
                _ordinals.Add(sealedOne.Id, _packfiles.Count);
                _packfiles.Add(new PackfileStatus
                {
                    Id = sealedOne.Id,
                    Declared = sealedOne.IsDeclared != 0,
                    Deleted = sealedOne.IsDeleted != 0,
                    DataEnd = sealedOne.DataEnd,
                    IntroducedBy = sealedOne.IntroducedBy,
                    Time = sealedOne.Time,
                });
            }

            foreach (var colour in tables.Colours)
                Colour((byte)colour.Type, colour.Id, colour.Time, colour.IsColoured != 0, colour.Since);
            foreach (var deletion in tables.Deletions)
                _deletedLocations.Add(((BlobType)deletion.Type, deletion.Blob, deletion.Packfile));
            foreach (var snapshot in tables.Snapshots)
                _snapshots.Add((snapshot.Id, snapshot.Packfile));
            _states.UnionWith(tables.States);
            _covered.UnionWith(tables.States);
            _parents.UnionWith(tables.Parents);
            _newest = (tables.NewestTime, tables.NewestState);
            _blobs.Adopt(run);
            return true;
        }
    }

    private sealed class LocationVisitor(RepositoryIndex index) : IStateVisitor
    {
        public void Location(in LocationEntry entry) => index.AddLocation(in entry);

        public void Coloured(in ColouredEntry entry)
        {
        }

        public void Packfile(in PackfileEntry entry)
        {
        }

        public void Delete(in DeleteEntry entry)
        {
        }
    }

    private SlotFate FateOf(int packfile) =>
        !_pending.Contains(packfile) ? SlotFate.Settled : _packfiles[packfile].Session != 0 ? SlotFate.Claimed : SlotFate.Dropped;

    private bool IsDeleted(ref readonly BlobSlot place) =>
        _deletedLocations.Count > 0 && _deletedLocations.Contains((place.Type, place.Id, _packfiles[place.Packfile].Id));

    private BlobLocation ToLocation(ref readonly BlobSlot place)
    {
        var packfile = _packfiles[place.Packfile];
        return new BlobLocation(place.Packfile, packfile.Id, place.Offset, place.Length, packfile.DataEnd);
    }

    /// <returns>The ordinal of a packfile that holds the blob or will.</returns>
    private int? FindKnown(int session, BlobType type, in Mac id)
    {
        foreach (var (_, place) in _blobs.Find(type, in id))
        {
            if (_packfiles[place.Packfile].IsKnownTo(session) && !IsDeleted(in place))
                return place.Packfile;
        }

        return null;
    }

    private void AddLocation(in LocationEntry entry)
    {
        var ordinal = OrdinalOf(entry.Packfile);
        if (_deletedLocations.Count > 0 && _deletedLocations.Contains((entry.Type, entry.Blob, entry.Packfile)))
            return;
        if (!_blobs.Add(new BlobSlot(entry.Blob, ordinal, entry.Length, BlobSlot.Pack(entry.Offset, entry.Type))))
            return;
        var packfile = _packfiles[ordinal];
        packfile.DataEnd = Math.Max(packfile.DataEnd, entry.Offset + entry.Length);
        if (entry.Type == BlobType.Snapshot)
            _snapshots.Add((entry.Blob, ordinal));
    }

    /// <summary>A deletion is for ever, whatever the order of states: places are asked for it when they are looked up.</summary>
    private void DeleteLocation(BlobType type, in Mac blob, in Mac packfile)
    {
        _deletedLocations.Add((type, blob, packfile));
        if (type != BlobType.Snapshot || !_ordinals.TryGetValue(packfile, out var ordinal))
            return;
        var gone = blob;
        _snapshots.RemoveAll(s => s.Snapshot == gone && s.Ordinal == ordinal);
    }

    private void Colour(byte type, in Mac id, long time, bool coloured, long since)
    {
        // The last event by trailer time decides. In one state deletions come before colours, so a tie leaves the colour.
        if (_colours.TryGetValue((type, id), out var known))
        {
            if (time < known.Time || (time == known.Time && !coloured))
                return;
            if (coloured && known.Coloured)
                since = Math.Min(since, known.Since);
        }

        _colours[(type, id)] = (time, coloured, since);
        if (type == ColouredEntry.Packfile)
            _packfiles[OrdinalOf(id)].Coloured = coloured;
    }

    private bool IsColoured(byte type, in Mac id) => _colours.TryGetValue((type, id), out var colour) && colour.Coloured;

    private int OrdinalOf(in Mac packfile)
    {
        if (_ordinals.TryGetValue(packfile, out var ordinal))
            return ordinal;
        ordinal = _packfiles.Count;
        _packfiles.Add(new PackfileStatus { Id = packfile });
        _ordinals.Add(packfile, ordinal);
        return ordinal;
    }
}
