using System.IO.Pipelines;
using System.Buffers.Binary;
using Kloset.Msgpack;
using Kloset.Repositories;
using Kloset.Snapshots;

namespace Kloset.Writing.Trees;

/// <summary>
/// Builds the trees of a snapshot as a streaming merge of a basis with changes. A directory without changes of its own keeps its listing and, when
/// nothing below it changed, its summary; no unchanged object is opened. Memory grows with the number of directories, not of files.
/// </summary>
/// <remarks>
/// The way of the data: changes are sorted by path; directory by directory they are merged with the basis' listing, which gives the new listing, the
/// counters, and the changed keys of the other trees; then each tree is stored from right to left as a merge of the basis' tree with those keys.
/// </remarks>
internal sealed class TreeBuilder : IDisposable
{
    private static readonly byte[] XattrSuffix = ":"u8.ToArray();

    private readonly IBlobSink _sink;
    private readonly SnapshotTree? _basis;
    private readonly Snapshot? _snapshot;
    private readonly ChangeJournal _journal;
    private readonly DirectoryTable _directories = new();
    private readonly SortedDictionary<EntryPath, string> _errors = [];
    private readonly BackwardFile _entries;
    private readonly ExternalSorter _contentTypes;
    private readonly ExternalSorter _attributes;
    private readonly MsgpackWriter _encoder = new();
    private readonly string _folder;

    private TreeBuilder(IBlobSink sink, Snapshot? basis, WriterOptions options)
    {
        _sink = sink;
        _snapshot = basis;
        _basis = basis?.Tree;
        _folder = Directory.CreateTempSubdirectory("kloset-tree-").FullName;
        if (options.CacheDirectory is { } cache)
        {
            Directory.Delete(_folder);
            _folder = Path.Combine(cache, Path.GetFileName(_folder));
            Directory.CreateDirectory(_folder);
        }

        var share = Math.Max(1 << 20, options.SortBufferBytes / 4);
        _journal = new ChangeJournal(_folder, share * 2);
        _entries = new BackwardFile(_folder);
        _contentTypes = new ExternalSorter(Descending, _folder, share);
        _attributes = new ExternalSorter(Descending, _folder, share);
    }

    /// <param name="basis">A snapshot with all three indexes is merged as it is; one without is read entry by entry.</param>
    /// <param name="errors">Beside those among the changes.</param>
    public static async Task<TreeResult> BuildAsync(
        IBlobSink sink,
        Snapshot? basis,
        IAsyncEnumerable<TreeChange> changes,
        IReadOnlyList<EntryError> errors,
        WriterOptions options,
        CancellationToken cancellationToken)
    {
        var whole = basis is { Tree: { Dirpacks: not null, Summaries: not null, ContentTypes: not null } };
        using var builder = new TreeBuilder(sink, whole ? basis : null, options);
        if (basis is not null && !whole)
            await builder.ReadAsync(basis, cancellationToken);
        await foreach (var change in changes.WithCancellation(cancellationToken))
            builder._journal.Add(change);
        foreach (var error in errors)
            builder._journal.Add(new PutError(error.Path, error.Message));
        return await builder.BuildAsync(cancellationToken);
    }

    public void Dispose()
    {
        _journal.Dispose();
        _entries.Dispose();
        _contentTypes.Dispose();
        _attributes.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static int Descending(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) => b.SequenceCompareTo(a);

    /// <summary>Puts every entry of a basis that has no indexes to build upon.</summary>
    private async Task ReadAsync(Snapshot basis, CancellationToken cancellationToken)
    {
        await foreach (var entry in basis.WalkAsync(EntryPath.Root, cancellationToken))
            _journal.Add(new PutEntry(entry.Path, entry));
        await foreach (var error in basis.ListErrorsAsync(cancellationToken))
            _journal.Add(new PutError(error.Path, error.Message));
    }

    private async Task<TreeResult> BuildAsync(CancellationToken cancellationToken)
    {
        if (_basis is not null)
        {
            await _directories.LoadAsync(_basis, cancellationToken);
            await foreach (var error in _basis.ListErrorsAsync(cancellationToken))
                _errors[error.Path] = error.Message;
        }

        AddMissingDirectories();
        await MergeDirectoriesAsync(cancellationToken);
        MergeErrors();
        var summary = await StoreSummariesAsync(cancellationToken);
        var root = await StoreEntriesAsync(cancellationToken);
        var contentTypes = await StoreContentTypesAsync(cancellationToken);
        var attributes = await StoreAttributesAsync(cancellationToken);
        var dirpacks = await StoreDirectoryIndexAsync(node => node.Dirpack!.Value, cancellationToken);
        var summaries = await StoreDirectoryIndexAsync(node => node.SummaryId!.Value, cancellationToken);
        return new TreeResult(
            root,
            attributes,
            await StoreErrorsAsync(cancellationToken),
            [
                new SnapshotIndex(SnapshotIndex.ContentType, "btree", contentTypes),
                new SnapshotIndex(SnapshotIndex.Dirpack, "btree", dirpacks),
                new SnapshotIndex(SnapshotIndex.Summary, "btree", summaries),
            ],
            summary);
    }

    private void AddMissingDirectories()
    {
        foreach (var path in _journal.NeededDirectories.Append(EntryPath.Root).Distinct())
        {
            if (!_directories.Contains(path) || IsRemoved(path))
                _journal.AddMissingDirectory(path);
        }

        bool IsRemoved(EntryPath path)
        {
            if (_journal.Removed.Count == 0)
                return false;
            for (var current = path; !current.IsRoot; current = current.Parent)
            {
                if (_journal.Removed.Contains(current))
                    return true;
            }

            return false;
        }
    }

    /// <summary>Goes through the changes directory by directory, ancestors first.</summary>
    private async Task MergeDirectoriesAsync(CancellationToken cancellationToken)
    {
        var group = new List<SortedChange>();
        foreach (var change in _journal.Sort())
        {
            if (change.Path.IsRoot)
            {
                await PutRootAsync(change, cancellationToken);
                continue;
            }

            if (group.Count > 0 && group[0].Path.Parent != change.Path.Parent)
            {
                await MergeDirectoryAsync(group[0].Path.Parent, group, cancellationToken);
                group.Clear();
            }

            group.Add(change);
        }

        if (group.Count > 0)
            await MergeDirectoryAsync(group[0].Path.Parent, group, cancellationToken);
        foreach (var node in _directories.All.Where(node => node.Dirpack is null))
            node.Dirpack = await _sink.PutDirpackAsync(Stream.Null, cancellationToken);
    }

    private async Task PutRootAsync(SortedChange change, CancellationToken cancellationToken)
    {
        if (!_directories.Contains(EntryPath.Root))
            _directories.Add(EntryPath.Root);
        var id = await _sink.PutBlobAsync(BlobType.VfsEntry, change.Entry!, cancellationToken);
        _entries.Add(EntryPath.Root.Bytes, id);
    }

    private async Task MergeDirectoryAsync(EntryPath path, List<SortedChange> changes, CancellationToken cancellationToken)
    {
        if (!_directories.Contains(path) && changes.TrueForAll(change => change.Entry is null))
            return; // removals below what is gone already
        var node = _directories.Get(path);
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 4 << 20, resumeWriterThreshold: 1 << 20));
        var own = new SummaryCounters();
        var storing = _sink.PutDirpackAsync(pipe.Reader.AsStream(), cancellationToken);
        try
        {
            await MergeListingAsync(node, changes, own, pipe.Writer, cancellationToken);
            await pipe.Writer.CompleteAsync();
        }
        catch (Exception exception)
        {
            await pipe.Writer.CompleteAsync(exception);
            await storing.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            throw;
        }

        node.Dirpack = await storing;
        SummaryArithmetic.Complete(own);
        node.Own = own;
        _directories.MarkDirty(path);
    }

    /// <summary>Merges the basis' listing, which is sorted by name, with changes in the same order.</summary>
    private async Task MergeListingAsync(
        DirectoryNode node, List<SortedChange> changes, SummaryCounters own, PipeWriter output, CancellationToken cancellationToken)
    {
        var next = 0;
        if (node.Dirpack is { } dirpack)
        {
            await foreach (var frame in _basis!.FramesAsync(dirpack, node.Path, cancellationToken))
            {
                var entry = BlobReader.Parse(BlobType.VfsEntry, frame.EntryId, frame.Entry.Span, EntryCodec.Read);
                var path = entry.Path;
                while (next < changes.Count && changes[next].Path < path)
                    await PutAsync(changes[next++], null);
                if (next < changes.Count && changes[next].Path == path)
                {
                    await PutAsync(changes[next++], entry);
                    continue;
                }

                SummaryArithmetic.AddChild(own, entry);
                WriteFrame(output, frame.IsDirectory, frame.Entry.Span, frame.EntryId);
                await FlushAsync();
            }
        }

        while (next < changes.Count)
            await PutAsync(changes[next++], null);
        await output.FlushAsync(cancellationToken);

        async ValueTask PutAsync(SortedChange change, Entry? old)
        {
            _errors.Remove(change.Path); // whatever could not be read before is settled; a new error comes after the merge
            var entry = change.Entry is null ? null : BlobReader.Parse(BlobType.VfsEntry, Mac.Zero, change.Entry, EntryCodec.Read);
            if (old is not null)
                Withdraw(old, entry);
            if (entry is null)
                return;
            var id = await _sink.PutBlobAsync(BlobType.VfsEntry, change.Entry, cancellationToken);
            await AnnounceAsync(entry, id, change.Attributes, cancellationToken);
            SummaryArithmetic.AddChild(own, entry);
            WriteFrame(output, entry.Kind == EntryKind.Directory, change.Entry, id);
            await FlushAsync();
        }

        async ValueTask FlushAsync()
        {
            if (output.UnflushedBytes > 1 << 18)
                await output.FlushAsync(cancellationToken);
        }
    }

    private static void WriteFrame(PipeWriter output, bool isDirectory, ReadOnlySpan<byte> entry, Mac id)
    {
        var size = DirpackReader.HeaderSize + entry.Length + Mac.Size;
        var frame = output.GetSpan(size);
        frame[0] = isDirectory ? DirpackReader.DirectoryKind : DirpackReader.OtherKind;
        BinaryPrimitives.WriteInt32LittleEndian(frame[1..], entry.Length + Mac.Size);
        entry.CopyTo(frame[DirpackReader.HeaderSize..]);
        id.CopyTo(frame[(DirpackReader.HeaderSize + entry.Length)..]);
        output.Advance(size);
    }

    /// <summary>Takes the keys of a replaced or removed entry out of the other trees.</summary>
    private void Withdraw(Entry old, Entry? replacement)
    {
        var path = old.Path;
        if (old.Kind == EntryKind.Directory)
        {
            if (replacement?.Kind != EntryKind.Directory || _journal.Removed.Contains(path))
                _directories.CutOff(path);
        }
        else
        {
            _contentTypes.Add(ContentTypeKey(old), 0, []);
        }

        foreach (var name in old.ExtendedAttributes ?? [])
            _attributes.Add(AttributeKey(path, name), 1, []);
        if (replacement is null)
            _entries.Add(path.Bytes, null);
    }

    /// <summary>Brings the keys of a new entry into the other trees.</summary>
    private async ValueTask AnnounceAsync(Entry entry, Mac id, IReadOnlyList<ExtendedAttribute> attributes, CancellationToken cancellationToken)
    {
        var path = entry.Path;
        _entries.Add(path.Bytes, id);
        if (entry.Kind != EntryKind.Directory)
            _contentTypes.Add(ContentTypeKey(entry), 1, Mac.BytesOf(in id));
        else if (!_directories.Contains(path))
            _directories.Add(path);
        foreach (var attribute in attributes)
        {
            _encoder.Reset();
            ObjectCodec.Write(_encoder, attribute);
            var value = await _sink.PutBlobAsync(BlobType.XattrEntry, _encoder.WrittenMemory, cancellationToken);
            _attributes.Add(AttributeKey(path, attribute.Name), 2, Mac.BytesOf(in value));
        }
    }

    /// <summary>`/` + type without parameters + path. Source: format document, section 13.6.</summary>
    private static byte[] ContentTypeKey(Entry entry)
    {
        var type = entry.ContentType;
        var semicolon = type.IndexOf(';', StringComparison.Ordinal);
        return [(byte)'/', .. LosslessText.Encode(semicolon < 0 ? type : type[..semicolon]), .. entry.Path.Bytes];
    }

    /// <summary>path + name + `:`. Source: format document, section 13.7.</summary>
    private static byte[] AttributeKey(EntryPath path, string name) => [.. path.Bytes, .. LosslessText.Encode(name), .. XattrSuffix];

    private void MergeErrors()
    {
        foreach (var path in _errors.Keys.Where(path => _directories.IsBelowCut(path.Bytes)).ToList())
            _errors.Remove(path);
        foreach (var (path, message) in _journal.Errors)
        {
            _errors[path] = message;
            _directories.MarkDirty(path.Parent);
        }
    }

    private async Task<DirectorySummary> StoreSummariesAsync(CancellationToken cancellationToken)
    {
        var errorCounts = _errors.Keys.CountBy(path => path.Parent).ToDictionary();
        DirectorySummary? root = null;
        foreach (var node in _directories.All.OrderByDescending(node => node.Path.Depth))
        {
            var parentIsDirty = !node.Path.IsRoot && _directories.Get(node.Path.Parent).IsDirty;
            if (!node.IsDirty && !parentIsDirty && !node.Path.IsRoot)
                continue;
            DirectorySummary summary;
            if (node.IsDirty)
            {
                var own = node.Own ?? (node.SummaryId is { } known ? (await ReadSummaryAsync(known, cancellationToken)).Directory : await CountAsync(node, cancellationToken));
                node.Below.Errors += (ulong)errorCounts.GetValueOrDefault(node.Path);
                summary = new DirectorySummary(own, node.Below);
                _encoder.Reset();
                SummaryCodec.Write(_encoder, summary);
                node.SummaryId = await _sink.PutBlobAsync(BlobType.VfsSummary, _encoder.WrittenMemory, cancellationToken);
            }
            else
            {
                summary = await ReadSummaryAsync(node.SummaryId!.Value, cancellationToken);
            }

            if (node.Path.IsRoot)
                root = summary;
            else if (parentIsDirty)
                SummaryArithmetic.AddBelow(_directories.Get(node.Path.Parent).Below, summary);
        }

        return root!;
    }

    private ValueTask<DirectorySummary> ReadSummaryAsync(Mac id, CancellationToken cancellationToken) =>
        _snapshot!.Blobs.ReadAsync(BlobType.VfsSummary, id, SummaryCodec.Read, cancellationToken);

    /// <summary>For a directory of the basis whose summary is missing there.</summary>
    private async Task<SummaryCounters> CountAsync(DirectoryNode node, CancellationToken cancellationToken)
    {
        var own = new SummaryCounters();
        await foreach (var frame in _basis!.FramesAsync(node.Dirpack!.Value, node.Path, cancellationToken))
            SummaryArithmetic.AddChild(own, BlobReader.Parse(BlobType.VfsEntry, frame.EntryId, frame.Entry.Span, EntryCodec.Read));
        SummaryArithmetic.Complete(own);
        return own;
    }

    private async Task<Mac> StoreEntriesAsync(CancellationToken cancellationToken)
    {
        if (_basis is not null && _entries.Count == 0)
            return _basis.Source.Root;
        return await StoreMergedAsync(
            TreeKind.Vfs,
            _basis?.Entries.WalkAsync(descending: true, cancellationToken),
            _directories.IsBelowCut,
            _entries.ReadBackward(),
            cancellationToken);
    }

    private async Task<Mac> StoreContentTypesAsync(CancellationToken cancellationToken)
    {
        if (_basis is not null && _contentTypes.Count == 0 && _directories.Cut.Count == 0)
            return _basis.ContentTypes!.Root;
        return await StoreMergedAsync(
            TreeKind.Index,
            _basis?.ContentTypes!.WalkAsync(descending: true, cancellationToken),
            key => _directories.Cut.Count > 0 && _directories.IsBelowCut(PathOfContentTypeKey(key)),
            LastWords(_contentTypes),
            cancellationToken);

        // a type has one slash, so the path begins at the third
        static ReadOnlySpan<byte> PathOfContentTypeKey(ReadOnlySpan<byte> key)
        {
            var second = key[1..].IndexOf((byte)'/') + 1;
            var third = key[(second + 1)..].IndexOf((byte)'/');
            return third < 0 ? "/"u8 : key[(second + 1 + third)..];
        }
    }

    private async Task<Mac> StoreAttributesAsync(CancellationToken cancellationToken)
    {
        if (_basis is not null && _attributes.Count == 0 && _directories.Cut.Count == 0)
            return _basis.Source.ExtendedAttributes;
        if (_basis is not null)
        {
            // the reference stores these keys in another order than the one it searches by: they are sorted again
            await foreach (var (key, value) in _basis.Xattrs.WalkAsync(descending: true, cancellationToken))
            {
                if (!_directories.Cut.Any(cut => key.AsSpan().StartsWith([.. cut.Bytes, (byte)'/'])))
                    _attributes.Add(key, 0, Mac.BytesOf(in value));
            }
        }

        return await StoreMergedAsync(TreeKind.Xattrs, null, _ => false, LastWords(_attributes), cancellationToken);
    }

    private async Task<Mac> StoreErrorsAsync(CancellationToken cancellationToken)
    {
        var tree = new TreeWriter(_sink, TreeKind.Errors);
        foreach (var (path, message) in _errors.Reverse())
        {
            _encoder.Reset();
            ObjectCodec.Write(_encoder, new EntryError(path, message));
            await tree.AddAsync(path.Bytes.ToArray(), await _sink.PutBlobAsync(BlobType.ErrorEntry, _encoder.WrittenMemory, cancellationToken), cancellationToken);
        }

        return await tree.CompleteAsync(cancellationToken);
    }

    private async Task<Mac> StoreDirectoryIndexAsync(Func<DirectoryNode, Mac> value, CancellationToken cancellationToken)
    {
        var tree = new TreeWriter(_sink, TreeKind.Index);
        foreach (var node in _directories.All.OrderByDescending(node => node.Path))
            await tree.AddAsync(node.Path.Bytes.ToArray(), value(node), cancellationToken);
        return await tree.CompleteAsync(cancellationToken);
    }

    /// <summary>The last record of each key; an empty payload is a deletion.</summary>
    private static IEnumerable<(byte[] Key, Mac? Value)> LastWords(ExternalSorter sorter)
    {
        (byte[] Key, Mac? Value)? pending = null;
        foreach (var record in sorter.Sort())
        {
            if (pending is { } last && !record.Key.Span.SequenceEqual(last.Key))
                yield return last;
            pending = (record.Key.ToArray(), record.Payload.IsEmpty ? null : new Mac(record.Payload.Span));
        }

        if (pending is { } final)
            yield return final;
    }

    /// <summary>Stores a tree: the basis' keys but for those that are withdrawn, with the changes over them. Both come in descending order.</summary>
    private async Task<Mac> StoreMergedAsync(
        TreeKind kind,
        IAsyncEnumerable<KeyValuePair<byte[], Mac>>? basis,
        WithdrawnKey isWithdrawn,
        IEnumerable<(byte[] Key, Mac? Value)> changes,
        CancellationToken cancellationToken)
    {
        var tree = new TreeWriter(_sink, kind);
        using var change = changes.GetEnumerator();
        var hasChange = change.MoveNext();
        await foreach (var (key, value) in basis ?? AsyncEnumerable.Empty<KeyValuePair<byte[], Mac>>())
        {
            while (hasChange && kind.Compare(change.Current.Key, key) > 0)
                await PutChangeAsync();
            if (hasChange && kind.Compare(change.Current.Key, key) == 0)
                await PutChangeAsync();
            else if (!isWithdrawn(key))
                await tree.AddAsync(key, value, cancellationToken);
        }

        while (hasChange)
            await PutChangeAsync();
        return await tree.CompleteAsync(cancellationToken);

        async ValueTask PutChangeAsync()
        {
            var (key, value) = change.Current;
            hasChange = change.MoveNext();
            if (value is { } put)
                await tree.AddAsync(key, put, cancellationToken);
        }
    }

    private delegate bool WithdrawnKey(ReadOnlySpan<byte> key);
}
