using System.Runtime.CompilerServices;
using Kloset.Repositories;

namespace Kloset.Snapshots;

/// <summary>An opened snapshot. All methods may be called concurrently. Damage is a <see cref="RepositoryException"/>.</summary>
/// <remarks>The methods speak of the first source; the others, which hardly any snapshot has, are in <see cref="Trees"/>.</remarks>
public sealed class Snapshot
{
    private readonly BlobReader _blobs;
    private readonly int _parallelism;

    internal Snapshot(SnapshotHeader header, BlobReader blobs, int parallelism)
    {
        Header = header;
        _blobs = blobs;
        _parallelism = parallelism;
        Trees = [.. (header.Sources ?? []).Select(source => new SnapshotTree(this, source, blobs))];
    }

    public SnapshotHeader Header { get; }

    public SnapshotId Id => Header.Id;

    /// <summary>One for each source.</summary>
    public IReadOnlyList<SnapshotTree> Trees { get; }

    internal SnapshotTree Tree => Trees.Count > 0 ? Trees[0] : throw RepositoryException.Damaged($"Snapshot {Id} has no source.");

    internal BlobReader Blobs => _blobs;

    /// <inheritdoc cref="SnapshotTree.WalkAsync"/>
    public IAsyncEnumerable<Entry> WalkAsync(EntryPath root, CancellationToken cancellationToken) => Tree.WalkAsync(root, cancellationToken);

    /// <inheritdoc cref="SnapshotTree.ListAsync"/>
    public IAsyncEnumerable<Entry> ListAsync(EntryPath directory, CancellationToken cancellationToken) => Tree.ListAsync(directory, cancellationToken);

    /// <inheritdoc cref="SnapshotTree.FindAsync"/>
    public Task<Entry?> FindAsync(EntryPath path, CancellationToken cancellationToken) => Tree.FindAsync(path, cancellationToken);

    /// <summary>The chunks of a stored content.</summary>
    public Task<ObjectRecord> ReadObjectAsync(Mac id, CancellationToken cancellationToken) =>
        _blobs.ReadAsync(BlobType.Object, id, ObjectCodec.Read, cancellationToken).AsTask();

    /// <summary>
    /// The content of a regular file: every chunk's MAC and that of the whole are checked before the end is reported; prefetches.
    /// Has a length, cannot seek. Reading throws <see cref="RepositoryException"/> (Damaged).
    /// </summary>
    public Stream OpenRead(Entry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        if (entry.Kind != EntryKind.File)
            throw new InvalidOperationException($"{entry.Path} is not a regular file.");
        if (entry.Object.IsZero)
            throw RepositoryException.Damaged($"{entry.Path} has no content in snapshot {Id.Short}.");
        return new DeferredObjectStream(entry.Size, async token => await OpenObjectAsync(entry.Object, entry.Path.ToString(), token));
    }

    /// <inheritdoc cref="SnapshotTree.ListErrorsAsync"/>
    public IAsyncEnumerable<EntryError> ListErrorsAsync(CancellationToken cancellationToken) => Tree.ListErrorsAsync(cancellationToken);

    /// <inheritdoc cref="SnapshotTree.ListExtendedAttributesAsync"/>
    public IAsyncEnumerable<ExtendedAttribute> ListExtendedAttributesAsync(CancellationToken cancellationToken) =>
        Tree.ListExtendedAttributesAsync(cancellationToken);

    /// <inheritdoc cref="SnapshotTree.FindSummaryAsync"/>
    public Task<DirectorySummary?> FindSummaryAsync(EntryPath directory, CancellationToken cancellationToken) =>
        Tree.FindSummaryAsync(directory, cancellationToken);

    /// <param name="depth">Runs of chunks that are fetched ahead, some MiB each; null: enough to keep all processors busy.</param>
    internal async Task<ObjectStream> OpenObjectAsync(Mac id, string name, CancellationToken cancellationToken, int? depth = null) =>
        new(_blobs, await ReadObjectAsync(id, cancellationToken), name, depth ?? (_parallelism + 1));
}

/// <summary>One tree of a snapshot: entries, errors, attributes, summaries.</summary>
public sealed class SnapshotTree
{
    private readonly Snapshot _snapshot;
    private readonly BlobReader _blobs;

    internal SnapshotTree(Snapshot snapshot, SnapshotSource source, BlobReader blobs)
    {
        _snapshot = snapshot;
        _blobs = blobs;
        Source = source;
        Entries = new TreeReader(blobs, TreeKind.Vfs, source.Root);
        Errors = new TreeReader(blobs, TreeKind.Errors, source.Errors);
        Xattrs = new TreeReader(blobs, TreeKind.Xattrs, source.ExtendedAttributes);
        Dirpacks = Index(SnapshotIndex.Dirpack);
        Summaries = Index(SnapshotIndex.Summary);
        ContentTypes = Index(SnapshotIndex.ContentType);
    }

    public SnapshotSource Source { get; }

    internal TreeReader Entries { get; }

    internal TreeReader Errors { get; }

    internal TreeReader Xattrs { get; }

    internal TreeReader? Dirpacks { get; }

    internal TreeReader? Summaries { get; }

    internal TreeReader? ContentTypes { get; }

    /// <summary>
    /// Everything at and below <paramref name="root"/>: a directory before its children, the children of one directory together and by name. Reads
    /// the dirpacks, or the tree when the snapshot has none. Nothing when there is no such path.
    /// </summary>
    public async IAsyncEnumerable<Entry> WalkAsync(EntryPath root, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var start = await FindAsync(root, cancellationToken);
        if (start is null)
            yield break;
        yield return start;
        if (start.Kind != EntryKind.Directory)
            yield break;
        var pending = new Stack<EntryPath>();
        pending.Push(root);
        var below = new List<EntryPath>();
        while (pending.TryPop(out var directory))
        {
            below.Clear();
            await foreach (var entry in ListAsync(directory, cancellationToken))
            {
                if (entry.Kind == EntryKind.Directory)
                    below.Add(entry.Path);
                yield return entry;
            }

            for (var i = below.Count - 1; i >= 0; i--)
                pending.Push(below[i]);
        }
    }

    /// <summary>The direct children of a directory, by name. Nothing when it is not a directory of the tree.</summary>
    public IAsyncEnumerable<Entry> ListAsync(EntryPath directory, CancellationToken cancellationToken) =>
        Dirpacks is null ? ListByTreeAsync(directory, cancellationToken) : ListByDirpackAsync(directory, cancellationToken);

    /// <returns>Null when there is no such path.</returns>
    public async Task<Entry?> FindAsync(EntryPath path, CancellationToken cancellationToken)
    {
        var id = await Entries.FindAsync(path.Bytes.ToArray(), cancellationToken);
        return id is null ? null : await _blobs.ReadAsync(BlobType.VfsEntry, id.Value, EntryCodec.Read, cancellationToken);
    }

    /// <summary>What could not be read when the snapshot was made, by path.</summary>
    public async IAsyncEnumerable<EntryError> ListErrorsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var (_, id) in Errors.WalkAsync(descending: false, cancellationToken))
            yield return await _blobs.ReadAsync(BlobType.ErrorEntry, id, ObjectCodec.ReadError, cancellationToken);
    }

    public async IAsyncEnumerable<ExtendedAttribute> ListExtendedAttributesAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var (_, id) in Xattrs.WalkAsync(descending: false, cancellationToken))
            yield return await _blobs.ReadAsync(BlobType.XattrEntry, id, ObjectCodec.ReadXattr, cancellationToken);
    }

    /// <summary>The value of an extended attribute.</summary>
    public async Task<Stream> OpenExtendedAttributeAsync(ExtendedAttribute attribute, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(attribute);
        return await _snapshot.OpenObjectAsync(attribute.Object, $"attribute {attribute.Name} of {attribute.Path}", cancellationToken);
    }

    /// <returns>Null when the snapshot has no summary for this directory.</returns>
    public async Task<DirectorySummary?> FindSummaryAsync(EntryPath directory, CancellationToken cancellationToken)
    {
        if (Summaries is null)
            return null;
        var id = await Summaries.FindAsync(directory.Bytes.ToArray(), cancellationToken);
        return id is null ? null : await _blobs.ReadAsync(BlobType.VfsSummary, id.Value, SummaryCodec.Read, cancellationToken);
    }

    /// <summary>The records of a directory's dirpack as they are stored.</summary>
    internal async IAsyncEnumerable<DirpackFrame> FramesAsync(Mac dirpack, EntryPath directory, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var name = $"listing of {directory}";
        // Its records take longer to go through than to fetch.
        await using var content = await _snapshot.OpenObjectAsync(dirpack, name, cancellationToken, depth: 2);
        await foreach (var frame in DirpackReader.ReadAsync(content, name, cancellationToken))
            yield return frame;
    }

    private async IAsyncEnumerable<Entry> ListByDirpackAsync(EntryPath directory, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var dirpack = await Dirpacks!.FindAsync(directory.Bytes.ToArray(), cancellationToken);
        if (dirpack is null)
        {
            var entry = await FindAsync(directory, cancellationToken);
            if (entry?.Kind == EntryKind.Directory)
                throw RepositoryException.Damaged($"Snapshot {_snapshot.Id.Short} has no listing of {directory}.");
            yield break;
        }

        await foreach (var frame in FramesAsync(dirpack.Value, directory, cancellationToken))
        {
            var entry = BlobReader.Parse(BlobType.VfsEntry, frame.EntryId, frame.Entry.Span, EntryCodec.Read);
            if (entry.ParentPath != directory || entry.Name == "/")
                throw RepositoryException.Damaged($"The listing of {directory} is damaged: it holds {entry.Path}.");
            yield return entry;
        }
    }

    /// <summary>The paths of a directory's direct children and their entries' identifiers, as the tree of entries has them.</summary>
    internal async IAsyncEnumerable<KeyValuePair<byte[], Mac>> ChildrenAsync(
        EntryPath directory, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // All children stand together; the root sorts before its own children.
        var prefix = ChildPrefix(directory);
        await foreach (var child in Entries.WalkFromAsync(prefix, cancellationToken))
        {
            if (child.Key.Length == 1)
                continue;
            if (!child.Key.AsSpan().StartsWith(prefix) || child.Key.AsSpan(prefix.Length).Contains((byte)'/'))
                yield break;
            yield return child;
        }
    }

    private async IAsyncEnumerable<Entry> ListByTreeAsync(EntryPath directory, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var (_, id) in ChildrenAsync(directory, cancellationToken))
            yield return await _blobs.ReadAsync(BlobType.VfsEntry, id, EntryCodec.Read, cancellationToken);
    }

    private static byte[] ChildPrefix(EntryPath directory) => directory.IsRoot ? [(byte)'/'] : [.. directory.Bytes, (byte)'/'];

    private TreeReader? Index(string name)
    {
        var index = Source.Indexes?.FirstOrDefault(i => i.Name == name);
        return index is null ? null : new TreeReader(_blobs, TreeKind.Index, index.Value);
    }
}
