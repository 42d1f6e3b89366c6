using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.States;

namespace Kloset.Checking;

/// <summary>
/// Walks snapshots: every header, tree node, entry, listing, summary, error, attribute and object is read and compared with its MAC, and every
/// chunk has a place. Damage goes to the ledger with the snapshots and paths that it affects, and the walk goes on beside it.
/// </summary>
internal sealed class SnapshotCheck(BlobReader blobs, DamageLedger ledger, int parallelism)
{
    /// <summary>Objects and chunks that were found whole, by their numbers in the index.</summary>
    private readonly HashSet<int> _late = [];
    private readonly System.Collections.BitArray _whole = new(blobs.Index.SlotCount);

    public long Files { get; private set; }

    public long Chunks { get; private set; }

    public List<CheckFinding> Notes { get; } = [];

    /// <summary>Told of every blob that is needed, when somebody wants to know.</summary>
    public Action<BlobType, Mac>? Touched { get; init; }

    /// <summary>Whether the listings of directories are compared with the tree, record by record.</summary>
    public bool ComparesListings { get; init; } = true;

    private RepositoryIndex Index => blobs.Index;

    /// <summary>Whether a snapshot that was walked needs a chunk or object, by its number in the index.</summary>
    public bool IsNeeded(int slot) => IsWhole(slot);

    public async Task RunAsync(SnapshotId id, CancellationToken cancellationToken)
    {
        SnapshotHeader header;
        Touched?.Invoke(BlobType.Snapshot, id.Value);
        try
        {
            header = await blobs.ReadAsync(BlobType.Snapshot, id.Value, HeaderCodec.Read, cancellationToken);
            if (header.Id != id)
                throw RepositoryException.Damaged($"The header of snapshot {id} is damaged: it calls itself {header.Id}.");
        }
        catch (Exception exception) when (TreeSurvey.IsDamage(exception))
        {
            ledger.Report(BlobType.Snapshot, id.Value, exception.Message).Affect(id, null);
            return;
        }

        var snapshot = new Snapshot(header, blobs, parallelism);
        if (snapshot.Trees.Count == 0)
            ledger.Report(BlobType.Snapshot, id.Value, $"Snapshot {id} has no source; other clients stop at it.").Affect(id, null);
        if (Index.FindAll(BlobType.Signature, id.Value).Count > 0)
            await GuardAsync(BlobType.Signature, id.Value, id, null, () => SignatureAsync(id, cancellationToken));
        foreach (var tree in snapshot.Trees)
        {
            foreach (var index in (tree.Source.Indexes ?? []).Where(i => i.Name is not (SnapshotIndex.ContentType or SnapshotIndex.Dirpack or SnapshotIndex.Summary)))
            {
                Notes.Add(new CheckFinding(
                    CheckFindingKind.Warning, $"snapshot {id}", $"Snapshot {id} has an index named '{index.Name}'; plakar's maintenance stops at it.", [id], [], 0));
            }

            await new Walk(this, snapshot, tree).RunAsync(cancellationToken);
        }
    }

    private async Task SignatureAsync(SnapshotId id, CancellationToken cancellationToken)
    {
        using var buffer = new PooledBuffer(64);
        Touched?.Invoke(BlobType.Signature, id.Value);
        await blobs.ReadAsync(BlobType.Signature, id.Value, buffer, cancellationToken);
        if (buffer.Length != 64)
            throw RepositoryException.Damaged(BlobType.Signature, id.Value, $"The signature of snapshot {id} has {buffer.Length} bytes instead of 64.");
    }

    private bool IsWhole(int slot) => slot >= 0 && (slot < _whole.Length ? _whole[slot] : _late.Contains(slot));

    private void MarkWhole(int slot)
    {
        // A writer in the same process may add blobs while this runs.
        if (slot >= _whole.Length)
            _late.Add(slot);
        else if (slot >= 0)
            _whole[slot] = true;
    }

    private async Task<T?> ReadAsync<T>(
        BlobType type, Mac id, SnapshotId snapshot, EntryPath? path, BlobParser<T> parse, CancellationToken cancellationToken)
        where T : class
    {
        if (ledger.Find(type, in id) is { } known)
        {
            known.Affect(snapshot, path);
            return null;
        }

        Touched?.Invoke(type, id);
        try
        {
            return await blobs.ReadAsync(type, id, parse, cancellationToken);
        }
        catch (Exception exception) when (TreeSurvey.IsDamage(exception))
        {
            ledger.Report(type, in id, exception.Message).Affect(snapshot, path);
            return null;
        }
    }

    /// <summary>The damage is that of the blob which the failure names, or else of the one that was asked for.</summary>
    private async Task GuardAsync(BlobType type, Mac id, SnapshotId snapshot, EntryPath? path, Func<Task> check)
    {
        try
        {
            await check();
        }
        catch (Exception exception) when (TreeSurvey.IsDamage(exception))
        {
            var blob = (exception as RepositoryException)?.Blob ?? (type, id);
            ledger.Report(blob.Type, in blob.Id, exception.Message).Affect(snapshot, path);
        }
    }

    private async Task ObjectAsync(SnapshotId snapshot, Mac id, EntryPath path, CancellationToken cancellationToken)
    {
        // A whole object is looked at once; a damaged one tells each of its paths.
        if (ledger.Find(BlobType.Object, in id) is null && IsWhole(Index.SlotOf(BlobType.Object, in id)))
            return;
        var item = await ReadAsync(BlobType.Object, id, snapshot, path, ObjectCodec.Read, cancellationToken);
        if (item is null)
            return;
        var whole = true;
        foreach (var chunk in item.Chunks ?? [])
        {
            Chunks++;
            if (ledger.Find(BlobType.Chunk, chunk.ContentMac) is { } known)
            {
                known.Affect(snapshot, path);
                whole = false;
                continue;
            }

            Touched?.Invoke(BlobType.Chunk, chunk.ContentMac);
            var slot = Index.SlotOf(BlobType.Chunk, chunk.ContentMac);
            if (slot < 0)
            {
                ledger.Report(BlobType.Chunk, chunk.ContentMac, blobs.NotThere(BlobType.Chunk, chunk.ContentMac).Message).Affect(snapshot, path);
                whole = false;
            }
            else
                MarkWhole(slot);
        }

        if (whole)
            MarkWhole(Index.SlotOf(BlobType.Object, in id));
    }

    /// <summary>One tree of one snapshot.</summary>
    private sealed class Walk(SnapshotCheck check, Snapshot snapshot, SnapshotTree tree)
    {
        private readonly SnapshotId _id = snapshot.Id;
        private readonly TreeSurvey _entries = new(check.Blobs, check.Ledger, TreeKind.Vfs, tree.Source.Root, snapshot.Id) { Touched = check.Touched };

        public async Task RunAsync(CancellationToken cancellationToken)
        {
            await foreach (var (key, entryId) in _entries.WalkAsync(cancellationToken))
                await EntryAsync(EntryPath.IsClean(key) ? EntryPath.FromBytes(key) : EntryPath.Root, entryId, cancellationToken);
            await foreach (var (key, value) in Survey(TreeKind.Errors, tree.Source.Errors).WalkAsync(cancellationToken))
                await check.ReadAsync(BlobType.ErrorEntry, value, _id, PathOf(key), ObjectCodec.ReadError, cancellationToken);
            await foreach (var (_, value) in Survey(TreeKind.Xattrs, tree.Source.ExtendedAttributes).WalkAsync(cancellationToken))
            {
                if (await check.ReadAsync(BlobType.XattrEntry, value, _id, null, ObjectCodec.ReadXattr, cancellationToken) is { } attribute)
                    await check.ObjectAsync(_id, attribute.Object, attribute.Path, cancellationToken);
            }

            if (tree.Summaries is { } summaries)
            {
                await foreach (var (key, value) in Survey(TreeKind.Index, summaries.Root).WalkAsync(cancellationToken))
                    await check.ReadAsync(BlobType.VfsSummary, value, _id, PathOf(key), SummaryCodec.Read, cancellationToken);
            }

            if (tree.ContentTypes is { } types)
            {
                await foreach (var _ in Survey(TreeKind.Index, types.Root).WalkAsync(cancellationToken))
                {
                }
            }

            if (tree.Dirpacks is { } dirpacks)
            {
                await foreach (var (key, value) in Survey(TreeKind.Index, dirpacks.Root).WalkAsync(cancellationToken))
                    await DirpackAsync(PathOf(key), value, cancellationToken);
            }
        }

        private static EntryPath PathOf(byte[] key) => EntryPath.IsClean(key) ? EntryPath.FromBytes(key) : EntryPath.Root;

        private TreeSurvey Survey(TreeKind kind, Mac root) => new(check.Blobs, check.Ledger, kind, root, _id) { Touched = check.Touched };

        private async Task EntryAsync(EntryPath path, Mac entryId, CancellationToken cancellationToken)
        {
            var entry = await check.ReadAsync(BlobType.VfsEntry, entryId, _id, path, EntryCodec.Read, cancellationToken);
            if (entry is null)
                return;
            if (entry.Path != path)
            {
                check.Ledger.Report(
                    BlobType.VfsEntry, in entryId, $"The {BlobReader.Describe(BlobType.VfsEntry, in entryId)} calls itself {entry.Path}, and the tree calls it {path}.").Affect(_id, path);
                return;
            }

            if (entry.Kind == EntryKind.Directory && check.ComparesListings && tree.Dirpacks is { } dirpacks)
            {
                await check.GuardAsync(BlobType.IndexTree, dirpacks.Root, _id, path, async () =>
                {
                    if (await dirpacks.FindAsync(path.Bytes.ToArray(), cancellationToken) is null)
                        throw RepositoryException.Damaged($"Snapshot {_id} has no listing of {path}.");
                });
            }

            if (entry.Kind != EntryKind.File)
                return;
            check.Files++;
            if (entry.Object.IsZero)
                check.Ledger.Report(BlobType.VfsEntry, in entryId, $"{path} has no content in snapshot {_id}.").Affect(_id, path);
            else
                await check.ObjectAsync(_id, entry.Object, path, cancellationToken);
        }

        /// <summary>A listing against the tree: every record must be what the tree names at that path.</summary>
        private async Task DirpackAsync(EntryPath directory, Mac dirpack, CancellationToken cancellationToken)
        {
            await check.ObjectAsync(_id, dirpack, directory, cancellationToken);
            if (!check.ComparesListings)
                return;
            await check.GuardAsync(BlobType.Object, dirpack, _id, directory, async () =>
            {
                await foreach (var record in tree.FramesAsync(dirpack, directory, cancellationToken))
                {
                    if (check.Blobs.Codec.ComputeMac(record.Entry.Span) != record.EntryId)
                        throw RepositoryException.Damaged($"The listing of {directory} in snapshot {_id} holds an entry that does not match its MAC.");
                    var entry = BlobReader.Parse(BlobType.VfsEntry, record.EntryId, record.Entry.Span, EntryCodec.Read);
                    var path = entry.Path;
                    if (_entries.Unseen.Count > 0 && _entries.DamageAt(path.Bytes) is { } damage)
                    {
                        // The tree cannot be seen here; the listing tells which paths are meant.
                        damage.Affect(_id, path);
                        if (entry.Kind == EntryKind.File && !entry.Object.IsZero)
                            await check.ObjectAsync(_id, entry.Object, path, cancellationToken);
                        continue;
                    }

                    // Readers of listings and readers of the tree must see the same snapshot.
                    if (entry.ParentPath != directory || await tree.Entries.FindAsync(path.Bytes.ToArray(), cancellationToken) != record.EntryId)
                        throw RepositoryException.Damaged($"The listing of {directory} in snapshot {_id} and its tree disagree about {path}.");
                }
            });
        }
    }

    private BlobReader Blobs => blobs;

    private DamageLedger Ledger => ledger;
}
