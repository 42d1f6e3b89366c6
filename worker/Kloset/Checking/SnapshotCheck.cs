using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.States;

namespace Kloset.Checking;

/// <summary>
/// Walks snapshots: every header, tree node, entry, listing, summary, error, attribute and object is read and compared with its MAC, and every
/// chunk has a place. Damage goes to the ledger with the snapshots and paths that it affects, and the walk goes on beside it. What snapshots share
/// is looked at once: whole objects, and parts of trees below which all was whole.
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

    /// <summary>Whether the listings of directories are compared with the tree.</summary>
    public bool ComparesListings { get; init; } = true;

    public BlobReader Blobs => blobs;

    public DamageLedger Ledger => ledger;

    public VerifiedTrees Verified { get; } = new(blobs.Codec);

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

        await RunAsync(new Snapshot(header, blobs, parallelism), cancellationToken);
    }

    /// <summary>Walks what a header that was read refers to.</summary>
    public async Task RunAsync(Snapshot snapshot, CancellationToken cancellationToken)
    {
        var id = snapshot.Id;
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
    /// <returns>Whether it went through.</returns>
    public async Task<bool> GuardAsync(BlobType type, Mac id, SnapshotId snapshot, EntryPath? path, Func<Task> check)
    {
        try
        {
            await check();
            return true;
        }
        catch (Exception exception) when (TreeSurvey.IsDamage(exception))
        {
            var blob = (exception as RepositoryException)?.Blob ?? (type, id);
            ledger.Report(blob.Type, in blob.Id, exception.Message).Affect(snapshot, path);
            return false;
        }
    }

    /// <returns>Whether it is whole.</returns>
    public async Task<bool> ObjectAsync(SnapshotId snapshot, Mac id, EntryPath path, CancellationToken cancellationToken)
    {
        // A whole object is looked at once; a damaged one tells each of its paths.
        if (ledger.Find(BlobType.Object, in id) is null && IsWhole(Index.SlotOf(BlobType.Object, in id)))
            return true;
        var item = await ReadAsync(BlobType.Object, id, snapshot, path, ObjectCodec.Read, cancellationToken);
        if (item is null)
            return false;
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
        return whole;
    }

    /// <summary>One tree of one snapshot.</summary>
    private sealed class Walk(SnapshotCheck check, Snapshot snapshot, SnapshotTree tree)
    {
        private readonly SnapshotId _id = snapshot.Id;
        private readonly TreeSurvey _entries = new(check.Blobs, check.Ledger, TreeKind.Vfs, tree.Source.Root, snapshot.Id) { Touched = check.Touched };

        public async Task RunAsync(CancellationToken cancellationToken)
        {
            var entries = await EntriesAsync(cancellationToken);
            await foreach (var (key, value) in Survey(TreeKind.Errors, tree.Source.Errors).WalkAsync(cancellationToken))
                await check.ReadAsync(BlobType.ErrorEntry, value, _id, EntryPath.FromKey(key), ObjectCodec.ReadError, cancellationToken);
            await foreach (var (_, value) in Survey(TreeKind.Xattrs, tree.Source.ExtendedAttributes).WalkAsync(cancellationToken))
            {
                if (await check.ReadAsync(BlobType.XattrEntry, value, _id, null, ObjectCodec.ReadXattr, cancellationToken) is { } attribute)
                    await check.ObjectAsync(_id, attribute.Object, attribute.Path, cancellationToken);
            }

            if (tree.Summaries is { } summaries)
            {
                await foreach (var (key, value) in Survey(TreeKind.Index, summaries.Root).WalkAsync(cancellationToken))
                    await check.ReadAsync(BlobType.VfsSummary, value, _id, EntryPath.FromKey(key), SummaryCodec.Read, cancellationToken);
            }

            if (tree.ContentTypes is { } types)
            {
                var tally = new TreeTally(check.Verified, TreeRole.ContentTypes, remembersLeaves: false);
                await foreach (var _ in Survey(TreeKind.Index, types.Root).WalkAsync(cancellationToken, tally))
                {
                }
            }

            if (tree.Dirpacks is { } dirpacks)
                await new ListingCheck(check, _id, tree, dirpacks, _entries, entries).RunAsync(cancellationToken);
        }

        private async Task<TreeFacts> EntriesAsync(CancellationToken cancellationToken)
        {
            var tally = new TreeTally(check.Verified, TreeRole.Entries, remembersLeaves: true);
            await foreach (var (key, entryId) in _entries.WalkAsync(cancellationToken, tally))
            {
                var isRoot = key.Length == 1;
                tally.Add(new TreeFacts(isRoot ? default : check.Verified.Digest(key, in entryId), default, 0));
                if (!await EntryAsync(EntryPath.FromKey(key), entryId, tally, cancellationToken))
                    tally.Spoil();
            }

            check.Files += tally.Total.Files;
            return tally.Total;
        }

        private TreeSurvey Survey(TreeKind kind, Mac root) => new(check.Blobs, check.Ledger, kind, root, _id) { Touched = check.Touched };

        /// <returns>Whether it and all that it refers to is whole.</returns>
        private async Task<bool> EntryAsync(EntryPath path, Mac entryId, TreeTally tally, CancellationToken cancellationToken)
        {
            var entry = await check.ReadAsync(BlobType.VfsEntry, entryId, _id, path, EntryCodec.Read, cancellationToken);
            if (entry is null)
                return false;
            if (entry.Path != path)
            {
                check.Ledger.Report(
                    BlobType.VfsEntry, in entryId, $"The {BlobReader.Describe(BlobType.VfsEntry, in entryId)} calls itself {entry.Path}, and the tree calls it {path}.").Affect(_id, path);
                return false;
            }

            if (entry.Kind == EntryKind.Directory)
                tally.Add(new TreeFacts(default, check.Verified.Digest(path.Bytes, Mac.Zero), 0));
            if (entry.Kind != EntryKind.File)
                return true;
            tally.Add(new TreeFacts(default, default, 1));
            if (!entry.Object.IsZero)
                return await check.ObjectAsync(_id, entry.Object, path, cancellationToken);
            check.Ledger.Report(BlobType.VfsEntry, in entryId, $"{path} has no content in snapshot {_id}.").Affect(_id, path);
            return false;
        }
    }
}
