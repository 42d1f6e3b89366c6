using System.Buffers.Binary;
using Kloset.Msgpack;
using Kloset.Repositories;
using Kloset.Snapshots;

namespace Kloset.Writing;

/// <summary>
/// Builds the trees of a snapshot: the basis' dirpacks and trees as streams, merged with sorted changes. Directories are held in memory,
/// entries are not. What no change touches is taken over without being opened: a directory's dirpack and summary as they are, entries as
/// (path, identifier) pairs of the basis' own trees.
/// </summary>
internal sealed class SnapshotBuilder : IDisposable
{
    private const byte PutKind = 1;
    private const byte RemoveKind = 2;
    private const uint SynthesisedMode = GoFileMode.Directory | 0x1E8; // 0750, as the reference gives to directories that it makes up
    private const byte DeletedFlag = 0;
    private const byte PresentFlag = 1;

    private readonly WritingSession _session;
    private readonly SnapshotTree? _basis;
    private readonly SnapshotTree? _attributesOf;
    private readonly ExternalSorter _changes;
    private readonly ExternalSorter _entryDeltas;
    private readonly ExternalSorter _typeDeltas;
    private readonly ExternalSorter _xattrs;
    private readonly MsgpackWriter _writer = new(2048);

    /// <summary>Directories of the basis with their dirpacks.</summary>
    private readonly Dictionary<EntryPath, Mac> _basisDirectories = [];
    private readonly Dictionary<EntryPath, Mac> _basisSummaries = [];

    /// <summary>Directories that changes put (true) or remove (false).</summary>
    private readonly Dictionary<EntryPath, bool> _putDirectories = [];

    /// <summary>Directories of the basis that something else takes the place of, or nothing.</summary>
    private readonly HashSet<EntryPath> _removed = [];

    /// <summary>Directories whose own records change.</summary>
    private readonly HashSet<EntryPath> _touched = [];

    private readonly HashSet<EntryPath> _parentsOfPuts = [];

    private readonly Dictionary<EntryPath, (Mac? Id, string Message)> _errors = [];
    private readonly Dictionary<EntryPath, Mac> _newDirpacks = [];
    private readonly Dictionary<EntryPath, Mac> _newSummaries = [];
    private readonly HashSet<Mac> _newXattrs = [];
    private readonly HashSet<string> _forgottenXattrs = [];
    private bool _basisHasXattrs;

    /// <param name="basis">Must be one that <see cref="CanExtend"/>.</param>
    /// <param name="attributesOf">A tree that comes as changes, and whose extended attributes are to be kept.</param>
    public SnapshotBuilder(WritingSession session, SnapshotTree? basis, SnapshotTree? attributesOf, Func<string> folder)
    {
        _session = session;
        _basis = basis;
        _attributesOf = attributesOf ?? basis;
        var buffer = session.Options.SortBufferBytes;
        _changes = new ExternalSorter(folder, buffer, descending: false);
        _entryDeltas = new ExternalSorter(folder, buffer, descending: true);
        _typeDeltas = new ExternalSorter(folder, buffer, descending: true);
        _xattrs = new ExternalSorter(folder, buffer, descending: true);
    }

    public void Dispose()
    {
        _changes.Dispose();
        _entryDeltas.Dispose();
        _typeDeltas.Dispose();
        _xattrs.Dispose();
    }

    /// <summary>Whether this engine can go on from a tree as it is; otherwise it is read through and written anew.</summary>
    public static bool CanExtend(SnapshotTree tree) => tree is { Dirpacks: not null, Summaries: not null, ContentTypes: not null };

    public async Task<SnapshotSource> BuildAsync(SnapshotDraft draft, IAsyncEnumerable<TreeChange> changes, CancellationToken cancellationToken)
    {
        var directory = EntryPath.Parse(draft.Directory);
        await LoadBasisAsync(cancellationToken);
        await foreach (var change in changes.WithCancellation(cancellationToken))
            await TakeAsync(change);
        foreach (var error in draft.Errors)
            TakeError(error.Path, error.Message);
        var directories = await CompleteDirectoriesAsync();
        if (Array.BinarySearch(directories, directory, AsSubtree.Comparer) < 0)
            throw new InvalidOperationException($"The snapshot's directory {directory} is not a directory of its tree.");
        var summary = await MergeDirectoriesAsync(directories, cancellationToken);
        var dirpacks = await WriteDirectoryIndexAsync(directories, _newDirpacks, _basisDirectories, cancellationToken);
        var summaries = await WriteDirectoryIndexAsync(directories, _newSummaries, _basisSummaries, cancellationToken);
        var entries = await WriteMergedAsync(TreeKind.Vfs, _basis?.Entries, _entryDeltas, key => key[2..], IsRemovedPath, PathKey, cancellationToken);
        var types = await WriteMergedAsync(TreeKind.Index, _basis?.ContentTypes, _typeDeltas, key => key, IsRemovedTypeKey, key => key, cancellationToken);
        var xattrs = await WriteXattrsAsync(cancellationToken);
        var errors = await WriteErrorsAsync();
        return new SnapshotSource
        {
            Type = draft.Type,
            Origin = draft.Origin,
            Directory = directory.ToString(),
            Root = entries,
            ExtendedAttributes = xattrs,
            Errors = errors,
            Indexes =
            [
                new SnapshotIndex(SnapshotIndex.ContentType, "btree", types),
                new SnapshotIndex(SnapshotIndex.Dirpack, "btree", dirpacks),
                new SnapshotIndex(SnapshotIndex.Summary, "btree", summaries),
            ],
            Summary = summary,
        };
    }

    private async Task LoadBasisAsync(CancellationToken cancellationToken)
    {
        if (_attributesOf is not null)
        {
            await foreach (var (key, id) in _attributesOf.Xattrs.WalkAsync(descending: false, cancellationToken))
            {
                _basisHasXattrs = true;
                AddDelta(_xattrs, key, id);
            }
        }

        if (_basis is null)
            return;
        await foreach (var (key, id) in _basis.Dirpacks!.WalkAsync(descending: false, cancellationToken))
            _basisDirectories.Add(EntryPath.FromBytes(key), id);
        await foreach (var (key, id) in _basis.Summaries!.WalkAsync(descending: false, cancellationToken))
            _basisSummaries.Add(EntryPath.FromBytes(key), id);
        await foreach (var (key, id) in _basis.Errors.WalkAsync(descending: false, cancellationToken))
            _errors[EntryPath.FromBytes(key)] = (id, "");
        if (await _basis.Entries.FindAsync("/"u8.ToArray(), cancellationToken) is null)
            throw RepositoryException.Damaged("The basis has no root directory.");
    }

    private async ValueTask TakeAsync(TreeChange change)
    {
        switch (change)
        {
            case PutError error:
                TakeError(error.Path, error.Message);
                return;
            case Remove remove:
                if (remove.Path.IsRoot)
                    throw new InvalidOperationException("The root of a tree cannot be removed.");
                Touch(remove.Path);
                if (_basisDirectories.ContainsKey(remove.Path))
                    _removed.Add(remove.Path);
                if (_putDirectories.ContainsKey(remove.Path))
                    _putDirectories[remove.Path] = false;
                _changes.Add(ChangeKey(remove.Path), [RemoveKind]);
                return;
            default:
                await PutAsync(ToEntry(change), change switch
                {
                    PutFile file => file.ExtendedAttributes,
                    PutEntry put => put.ExtendedAttributes,
                    _ => [],
                });
                return;
        }
    }

    private void TakeError(EntryPath path, string message)
    {
        _errors[path] = (null, message);
        _touched.Add(path.Parent);
    }

    private async ValueTask PutAsync(Entry entry, IReadOnlyList<KeyValuePair<string, StoredObject>> attributes)
    {
        var path = entry.Path;
        var isDirectory = entry.Kind == EntryKind.Directory;
        if (isDirectory)
        {
            // What the basis held below it stays removed when a removal came before.
            _putDirectories[path] = true;
        }
        else
        {
            if (path.IsRoot)
                throw new InvalidOperationException("The root of a tree is a directory.");
            if (_basisDirectories.ContainsKey(path))
                _removed.Add(path);
            if (_putDirectories.ContainsKey(path))
                _putDirectories[path] = false;
        }

        _writer.Reset();
        EntryCodec.Write(_writer, entry);
        if (path.IsRoot)
        {
            var id = await _session.StoreByContentAsync(_session.Sink.Metadata, BlobType.VfsEntry, _writer.WrittenMemory);
            AddDelta(_entryDeltas, PathKey(path.Bytes), id);
            return;
        }

        Touch(path);
        _parentsOfPuts.Add(path.Parent);
        var value = new byte[1 + _writer.Length];
        value[0] = PutKind;
        _writer.Written.CopyTo(value.AsSpan(1));
        _changes.Add(ChangeKey(path), value);
        foreach (var (name, content) in attributes)
        {
            _writer.Reset();
            ObjectCodec.Write(_writer, new ExtendedAttribute(path, name, content.Size, 0, content.Id));
            var attribute = await _session.StoreByContentAsync(_session.Sink.Metadata, BlobType.XattrEntry, _writer.WrittenMemory);
            _newXattrs.Add(attribute);
            AddDelta(_xattrs, [.. path.Bytes, .. LosslessText.Encode(name), (byte)':'], attribute);
        }
    }

    /// <summary>A path that is put or removed anew has no error any more, unless one follows.</summary>
    private void Touch(EntryPath path)
    {
        _touched.Add(path.Parent);
        _errors.Remove(path);
    }

    private static Entry ToEntry(TreeChange change)
    {
        const uint SpecialBits = GoFileMode.SetUserId | GoFileMode.SetGroupId | GoFileMode.Sticky | GoFileMode.Permissions;
        var entry = new Entry { Name = change.Path.Name, ParentPath = change.Path.Parent, LinkCount = 1 };
        switch (change)
        {
            case PutFile file:
                return entry with
                {
                    Size = file.Object.Size,
                    Mode = file.Mode & SpecialBits,
                    ModTime = file.ModTime,
                    UserId = file.UserId,
                    GroupId = file.GroupId,
                    UserName = file.UserName,
                    GroupName = file.GroupName,
                    Object = file.Object.Id,
                    ContentType = file.Object.ContentType,
                    Entropy = file.Object.Entropy,
                    Chunks = (ulong)file.Object.Chunks,
                    ExtendedAttributes = file.ExtendedAttributes.Count == 0
                        ? null
                        : [.. file.ExtendedAttributes.Select(a => a.Key).OrderBy(n => LosslessText.Encode(n), Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)))],
                };
            case PutDirectory directory:
                return entry with
                {
                    Mode = GoFileMode.Directory | (directory.Mode & SpecialBits),
                    ModTime = directory.ModTime,
                    UserId = directory.UserId,
                    GroupId = directory.GroupId,
                    UserName = directory.UserName,
                    GroupName = directory.GroupName,
                };
            case PutSymlink link:
                return entry with
                {
                    Mode = GoFileMode.Symlink | 0x1FF,
                    Size = LosslessText.Encode(link.Target).Length,
                    ModTime = link.ModTime,
                    SymlinkTarget = link.Target,
                    ContentType = ContentTypes.NotRegular,
                    UserId = link.UserId,
                    GroupId = link.GroupId,
                    UserName = link.UserName,
                    GroupName = link.GroupName,
                };
            case PutEntry put:
                return put.Entry with { Name = entry.Name, ParentPath = entry.ParentPath };
            default:
                throw new ArgumentException($"A change of kind {change.GetType().Name} is not known.");
        }
    }

    /// <summary>Makes up missing parents, and returns all directories of the new tree, each before what lies below it.</summary>
    private async Task<EntryPath[]> CompleteDirectoriesAsync()
    {
        var alive = new HashSet<EntryPath>(_basisDirectories.Count + _putDirectories.Count + 1);
        foreach (var path in _basisDirectories.Keys)
        {
            if (_removed.Count == 0 || !IsRemoved(path))
                alive.Add(path);
        }

        foreach (var (path, present) in _putDirectories)
        {
            if (present)
                alive.Add(path);
        }

        var needed = new Stack<EntryPath>(alive.Where(p => !p.IsRoot).Select(p => p.Parent).Concat(_parentsOfPuts).Append(EntryPath.Root).Distinct());
        while (needed.TryPop(out var path))
        {
            if (!alive.Add(path))
                continue;
            var entry = new Entry
            {
                Name = path.Name,
                ParentPath = path.Parent,
                Mode = SynthesisedMode,
                ModTime = Timestamp.UnixEpoch,
            };
            await PutAsync(entry, []);
            if (!path.IsRoot)
                needed.Push(path.Parent);
        }

        foreach (var path in _errors.Keys.Where(p => _removed.Count > 0 && IsRemoved(p) && !alive.Contains(p.Parent)).ToList())
            _errors.Remove(path);
        var directories = alive.ToArray();
        Array.Sort(directories, AsSubtree.Comparer);
        return directories;
    }

    private async Task<DirectorySummary> MergeDirectoriesAsync(EntryPath[] directories, CancellationToken cancellationToken)
    {
        // Dirty: the summary changes, because of its own records or because of something below.
        var dirty = new HashSet<EntryPath> { EntryPath.Root };
        foreach (var path in _touched.Concat(directories.Where(d => !_basisDirectories.ContainsKey(d) || IsRemoved(d))))
        {
            for (var at = path; dirty.Add(at);)
                at = at.Parent;
        }

        var errorCounts = new Dictionary<EntryPath, ulong>();
        foreach (var path in _errors.Keys)
            errorCounts[path.Parent] = errorCounts.GetValueOrDefault(path.Parent) + 1;
        var summaries = await LoadSummariesAsync(directories, dirty, cancellationToken);
        var stack = new Stack<Frame>();
        DirectorySummary? root = null;
        using var changes = new ChangeCursor(_changes.Read());
        foreach (var directory in directories)
        {
            cancellationToken.ThrowIfCancellationRequested();
            while (stack.TryPeek(out var top) && !directory.IsAtOrBelow(top.Path))
                await CloseAsync();
            if (!dirty.Contains(directory))
            {
                if (stack.TryPeek(out var parent) && parent.Path == directory.Parent)
                    parent.Children.Add((directory, summaries[_basisSummaries[directory]]));
                continue;
            }

            var frame = new Frame(directory);
            stack.Push(frame);
            var isNew = !_basisDirectories.TryGetValue(directory, out var dirpack) || IsRemoved(directory);
            if (_touched.Contains(directory) || isNew)
                _newDirpacks[directory] = await MergeRecordsAsync(directory, isNew ? null : dirpack, frame, directories, changes, cancellationToken);
            else
                frame.Summary = frame.Summary with { Directory = summaries[_basisSummaries[directory]].Directory };
        }

        while (stack.Count > 0)
            await CloseAsync();
        return root!;

        async ValueTask CloseAsync()
        {
            var frame = stack.Pop();
            frame.Children.Sort((a, b) => a.Path.CompareTo(b.Path));
            foreach (var (_, child) in frame.Children)
                SummaryBuilder.AddBelow(frame.Summary.Below, child);
            frame.Summary.Below.Errors += errorCounts.GetValueOrDefault(frame.Path);
            if (frame.HasOwnRecords)
                SummaryBuilder.Finish(frame.Summary.Directory);
            _writer.Reset();
            SummaryCodec.Write(_writer, frame.Summary);
            _newSummaries[frame.Path] = await _session.StoreByContentAsync(_session.Sink.Metadata, BlobType.VfsSummary, _writer.WrittenMemory);
            if (stack.TryPeek(out var parent))
                parent.Children.Add((frame.Path, frame.Summary));
            else
                root = frame.Summary;
        }
    }

    /// <summary>Summaries of the basis that are needed: clean children of dirty directories, and directories that are dirty only for what lies below.</summary>
    private async Task<Dictionary<Mac, DirectorySummary>> LoadSummariesAsync(
        EntryPath[] directories, HashSet<EntryPath> dirty, CancellationToken cancellationToken)
    {
        var wanted = new HashSet<Mac>();
        foreach (var directory in directories)
        {
            if (!_basisDirectories.ContainsKey(directory) || IsRemoved(directory))
                continue;
            var needed = dirty.Contains(directory) ? !_touched.Contains(directory) : dirty.Contains(directory.Parent);
            if (!needed)
                continue;
            if (!_basisSummaries.TryGetValue(directory, out var id))
                throw RepositoryException.Damaged($"The basis has no summary of {directory}.");
            wanted.Add(id);
        }

        var loaded = new Dictionary<Mac, DirectorySummary>(wanted.Count);
        if (wanted.Count > 0)
        {
            await _session.Repository.Blobs.ReadManyAsync(
                BlobType.VfsSummary, wanted, (id, bytes) => loaded[id] = BlobReader.Parse(BlobType.VfsSummary, in id, bytes, SummaryCodec.Read), cancellationToken);
        }

        return loaded;
    }

    /// <summary>Merges one directory's records with its changes, and writes its dirpack.</summary>
    private async Task<Mac> MergeRecordsAsync(
        EntryPath directory, Mac? dirpack, Frame frame, EntryPath[] directories, ChangeCursor changes, CancellationToken cancellationToken)
    {
        frame.HasOwnRecords = true;
        var prefix = ChangePrefix(directory);
        changes.SkipBefore(prefix);
        using var output = new ObjectAssembler(_session, _session.Sink.Metadata, ObjectOptions.Default, isListing: true, expectedSize: null);
        if (dirpack is { } old)
        {
            await foreach (var record in _basis!.FramesAsync(old, directory, cancellationToken))
            {
                var name = NameOf(record);
                while (changes.TryPeekName(prefix, out var changed) && changed.Span.SequenceCompareTo(name.Span) < 0)
                    await ApplyAsync(null);
                if (changes.TryPeekName(prefix, out var same) && same.Span.SequenceEqual(name.Span))
                    await ApplyAsync(record);
                else
                {
                    await WriteRecordAsync(output, record.IsDirectory, record.Entry, record.EntryId);
                    Count(frame, record.Entry.Span);
                }
            }
        }

        while (changes.TryPeekName(prefix, out _))
            await ApplyAsync(null);
        return (await output.FinishAsync()).Id;

        async ValueTask ApplyAsync(DirpackFrame? replaced)
        {
            var (name, value) = changes.TakeLast(prefix);
            var path = directory.Append(name);
            if (replaced is { } gone)
                Forget(path, gone);
            if (value[0] == RemoveKind)
            {
                // A directory below which something is put again has been made anew, which is a later change.
                AddTombstone(_entryDeltas, PathKey(path.Bytes));
                return;
            }

            var entry = value.AsMemory(1);
            var isDirectory = EntryFacts.Read(entry.Span).IsDirectory;
            if (!isDirectory && Array.BinarySearch(directories, path, AsSubtree.Comparer) >= 0)
                throw new InvalidOperationException($"{path} is put as a file, and other entries are put below it.");
            var id = await _session.StoreByContentAsync(_session.Sink.Metadata, BlobType.VfsEntry, entry);
            AddDelta(_entryDeltas, PathKey(path.Bytes), id);
            if (!isDirectory)
                AddDelta(_typeDeltas, TypeKey(EntryFacts.Read(entry.Span).ContentType, path.Bytes), id);
            await WriteRecordAsync(output, isDirectory, entry, id);
            Count(frame, entry.Span);
        }
    }

    private static ReadOnlyMemory<byte> NameOf(DirpackFrame record)
    {
        try
        {
            return EntryFacts.Read(record.Entry.Span).Name.ToArray();
        }
        catch (MalformedException exception)
        {
            throw RepositoryException.Damaged($"The {BlobReader.Describe(BlobType.VfsEntry, record.EntryId)} is damaged: {exception.Message}.", exception);
        }
    }

    private static void Count(Frame frame, ReadOnlySpan<byte> entry)
    {
        var facts = EntryFacts.Read(entry);
        if (facts.IsDirectory)
        {
            frame.Summary.Directory.Children++;
            frame.Summary.Directory.Directories++;
        }
        else
            SummaryBuilder.AddChild(frame.Summary.Directory, in facts);
    }

    /// <summary>Takes what an entry of the basis has in the other trees out of them.</summary>
    private void Forget(EntryPath path, DirpackFrame record)
    {
        var facts = EntryFacts.Read(record.Entry.Span);
        if (!facts.IsDirectory)
            AddTombstone(_typeDeltas, TypeKey(facts.ContentType, path.Bytes));
        if (!_basisHasXattrs || !facts.HasXattrs)
            return;
        foreach (var name in EntryCodec.Read(record.Entry.Span).ExtendedAttributes ?? [])
        {
            foreach (var separator in ":@"u8)
                _forgottenXattrs.Add(Convert.ToHexString([.. path.Bytes, .. LosslessText.Encode(name), separator]));
        }
    }

    private static async ValueTask WriteRecordAsync(ObjectAssembler output, bool isDirectory, ReadOnlyMemory<byte> entry, Mac id)
    {
        var size = DirpackReader.HeaderSize + entry.Length + Mac.Size;
        var memory = output.GetMemory(size);
        memory.Span[0] = isDirectory ? DirpackReader.DirectoryKind : DirpackReader.OtherKind;
        BinaryPrimitives.WriteInt32LittleEndian(memory.Span[1..], entry.Length + Mac.Size);
        entry.CopyTo(memory[DirpackReader.HeaderSize..]);
        id.CopyTo(memory.Span[(DirpackReader.HeaderSize + entry.Length)..]);
        await output.AdvanceAsync(size);
    }

    private async Task<Mac> WriteDirectoryIndexAsync(
        EntryPath[] directories, Dictionary<EntryPath, Mac> changed, Dictionary<EntryPath, Mac> basis, CancellationToken cancellationToken)
    {
        var builder = new TreeBuilder(_session, TreeKind.Index);
        foreach (var directory in directories.OrderDescending())
        {
            cancellationToken.ThrowIfCancellationRequested();
            await builder.AddAsync(directory.Bytes.ToArray(), changed.TryGetValue(directory, out var id) ? id : basis[directory]);
        }

        return await builder.FinishAsync();
    }

    /// <summary>A tree of the basis, from right to left, with the differences applied.</summary>
    private async Task<Mac> WriteMergedAsync(
        TreeKind kind, TreeReader? basis, ExternalSorter deltas, Func<byte[], byte[]> toKey, Func<byte[], bool> isRemoved, Func<byte[], byte[]> toDelta,
        CancellationToken cancellationToken)
    {
        var builder = new TreeBuilder(_session, kind);
        using var cursor = new DeltaCursor(deltas.Read());
        if (basis is not null)
        {
            await foreach (var (key, id) in basis.WalkAsync(descending: true, cancellationToken))
            {
                var position = toDelta(key);
                while (cursor.HasCurrent && cursor.Key.AsSpan().SequenceCompareTo(position) > 0)
                    await EmitAsync();
                if (cursor.HasCurrent && cursor.Key.AsSpan().SequenceEqual(position))
                    await EmitAsync();
                else if (!isRemoved(key))
                    await builder.AddAsync(key, id);
            }
        }

        while (cursor.HasCurrent)
            await EmitAsync();
        return await builder.FinishAsync();

        async ValueTask EmitAsync()
        {
            var (key, id) = cursor.Take();
            if (id is { } present)
                await builder.AddAsync(toKey(key), present);
        }
    }

    private async Task<Mac> WriteXattrsAsync(CancellationToken cancellationToken)
    {
        var builder = new TreeBuilder(_session, TreeKind.Xattrs);
        byte[]? last = null;
        var values = new List<Mac>();
        foreach (var record in _xattrs.Read())
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (last is not null && !record.Key.Span.SequenceEqual(last))
                await EmitAsync();
            last = record.Key.ToArray();
            values.Add(new Mac(record.Value.Span[1..]));
        }

        if (last is not null)
            await EmitAsync();
        return await builder.FinishAsync();

        async ValueTask EmitAsync()
        {
            // The basis' own value was added first. It goes with its entry; what changes put stays.
            var id = values[^1];
            var gone = values.Count == 1 && (_forgottenXattrs.Contains(Convert.ToHexString(last!)) || IsRemovedPath(last!));
            values.Clear();
            if (!gone || _newXattrs.Contains(id))
                await builder.AddAsync(last!, id);
        }
    }

    private async Task<Mac> WriteErrorsAsync()
    {
        var builder = new TreeBuilder(_session, TreeKind.Errors);
        foreach (var (path, error) in _errors.OrderByDescending(e => e.Key))
        {
            var id = error.Id;
            if (id is null)
            {
                _writer.Reset();
                ObjectCodec.Write(_writer, new EntryError(path, error.Message));
                id = await _session.StoreByContentAsync(_session.Sink.Metadata, BlobType.ErrorEntry, _writer.WrittenMemory);
            }

            await builder.AddAsync(path.Bytes.ToArray(), id.Value);
        }

        return await builder.FinishAsync();
    }

    private bool IsRemoved(EntryPath path)
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

    private bool IsRemovedPath(byte[] path) => _removed.Count > 0 && EntryPath.IsClean(path) && IsRemoved(EntryPath.FromBytes(path));

    private bool IsRemovedTypeKey(byte[] key)
    {
        if (_removed.Count == 0)
            return false;
        // `/type/subtype` and then the path.
        var path = key.AsSpan();
        for (var slashes = 0; slashes < 2; slashes++)
        {
            var next = path[1..].IndexOf((byte)'/');
            if (next < 0)
                return false;
            path = path[(1 + next)..];
        }

        return IsRemovedPath(path.ToArray());
    }

    private static void AddDelta(ExternalSorter sorter, ReadOnlySpan<byte> key, Mac id)
    {
        Span<byte> value = stackalloc byte[1 + Mac.Size];
        value[0] = PresentFlag;
        id.CopyTo(value[1..]);
        sorter.Add(key, value);
    }

    private static void AddTombstone(ExternalSorter sorter, ReadOnlySpan<byte> key) => sorter.Add(key, [DeletedFlag]);

    /// <summary>Bytes that sort in path order: the depth, then the path.</summary>
    private static byte[] PathKey(ReadOnlySpan<byte> path)
    {
        var depth = path.Count((byte)'/');
        if (depth > ushort.MaxValue)
            throw new InvalidOperationException("A path has more than 65,535 names.");
        var key = new byte[2 + path.Length];
        BinaryPrimitives.WriteUInt16BigEndian(key, (ushort)depth);
        path.CopyTo(key.AsSpan(2));
        return key;
    }

    private static byte[] PathKey(byte[] path) => PathKey(path.AsSpan());

    private static byte[] TypeKey(ReadOnlySpan<byte> contentType, ReadOnlySpan<byte> path)
    {
        var end = contentType.IndexOf((byte)';');
        if (end >= 0)
            contentType = contentType[..end];
        return [(byte)'/', .. contentType, .. path];
    }

    /// <summary>The directory with a slash, then a byte that no path holds: changes come directory by directory, in the order of <see cref="AsSubtree"/>.</summary>
    private static byte[] ChangePrefix(EntryPath directory) => directory.IsRoot ? "/\0"u8.ToArray() : [.. directory.Bytes, (byte)'/', 0];

    private static byte[] ChangeKey(EntryPath path) => [.. ChangePrefix(path.Parent), .. path.NameBytes];

    private sealed class Frame(EntryPath path)
    {
        public EntryPath Path => path;

        public DirectorySummary Summary { get; set; } = new();

        public bool HasOwnRecords { get; set; }

        public List<(EntryPath Path, DirectorySummary Summary)> Children { get; } = [];
    }

    /// <summary>Orders directories so that each stands directly before all that is below it.</summary>
    private static class AsSubtree
    {
        public static Comparer<EntryPath> Comparer { get; } = Comparer<EntryPath>.Create((a, b) =>
        {
            if (a.IsRoot || b.IsRoot)
                return (a.IsRoot ? 0 : 1) - (b.IsRoot ? 0 : 1);
            ReadOnlySpan<byte> x = a.Bytes, y = b.Bytes;
            var common = x.CommonPrefixLength(y);
            // Whichever ends first goes on with a slash.
            var left = common < x.Length ? x[common] : common < y.Length ? (byte)'/' : 0;
            var right = common < y.Length ? y[common] : common < x.Length ? (byte)'/' : 0;
            return left != right ? left - right : x.Length - y.Length;
        });
    }

    private sealed class ChangeCursor : IDisposable
    {
        private readonly IEnumerator<SortedRecord> _records;
        private bool _hasCurrent;

        public ChangeCursor(IEnumerable<SortedRecord> records)
        {
            _records = records.GetEnumerator();
            _hasCurrent = _records.MoveNext();
        }

        /// <summary>Changes in directories that the new tree does not have are removals, and done with.</summary>
        public void SkipBefore(byte[] prefix)
        {
            while (_hasCurrent && _records.Current.Key.Span.SequenceCompareTo(prefix) < 0)
                _hasCurrent = _records.MoveNext();
        }

        public bool TryPeekName(byte[] prefix, out ReadOnlyMemory<byte> name)
        {
            name = default;
            if (!_hasCurrent || !_records.Current.Key.Span.StartsWith(prefix))
                return false;
            name = _records.Current.Key[prefix.Length..];
            return true;
        }

        /// <summary>Takes all changes of the current path; the last one counts.</summary>
        public (byte[] Name, byte[] Value) TakeLast(byte[] prefix)
        {
            var key = _records.Current.Key.ToArray();
            byte[] value;
            do
            {
                value = _records.Current.Value.ToArray();
                _hasCurrent = _records.MoveNext();
            }
            while (_hasCurrent && _records.Current.Key.Span.SequenceEqual(key));
            return (key[prefix.Length..], value);
        }

        public void Dispose() => _records.Dispose();
    }

    private sealed class DeltaCursor : IDisposable
    {
        private readonly IEnumerator<SortedRecord> _records;
        private bool _more;

        public DeltaCursor(IEnumerable<SortedRecord> records)
        {
            _records = records.GetEnumerator();
            _more = _records.MoveNext();
            Load();
        }

        public bool HasCurrent { get; private set; }

        public byte[] Key { get; private set; } = [];

        private Mac? Id { get; set; }

        public (byte[] Key, Mac? Id) Take()
        {
            var taken = (Key, Id);
            Load();
            return taken;
        }

        public void Dispose() => _records.Dispose();

        private void Load()
        {
            HasCurrent = _more;
            if (!_more)
                return;
            Key = _records.Current.Key.ToArray();
            do
            {
                var value = _records.Current.Value.Span;
                Id = value[0] == PresentFlag ? new Mac(value[1..]) : null;
                _more = _records.MoveNext();
            }
            while (_more && _records.Current.Key.Span.SequenceEqual(Key));
        }
    }
}
