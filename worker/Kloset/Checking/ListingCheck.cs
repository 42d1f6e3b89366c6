using Kloset.Repositories;
using Kloset.Snapshots;

namespace Kloset.Checking;

/// <summary>
/// The listings of a tree against its entries: every record must be what the tree names at that path, every path of the tree must be listed, and
/// every directory must have a listing. Sums tell whether that is so; only when they differ is it looked up path by path.
/// </summary>
internal sealed class ListingCheck(
    SnapshotCheck check, SnapshotId id, SnapshotTree tree, TreeReader dirpacks, TreeSurvey entries, TreeFacts expected)
{
    /// <summary>Directories whose listing could not be read, which is told.</summary>
    private readonly HashSet<EntryPath> _unreadable = [];

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var tally = new TreeTally(check.Verified, TreeRole.Listings, remembersLeaves: true);
        var survey = new TreeSurvey(check.Blobs, check.Ledger, TreeKind.Index, dirpacks.Root, id) { Touched = check.Touched };
        // Behind damage of the tree its listings tell which paths are meant, so that each of them is read.
        var mayRemember = check.ComparesListings && entries.Unseen.Count == 0;
        await foreach (var (key, value) in survey.WalkAsync(cancellationToken, mayRemember ? tally : null))
        {
            tally.Add(new TreeFacts(default, check.Verified.Digest(key, Mac.Zero), 0));
            if (!await ListingAsync(EntryPath.FromKey(key), value, tally, mayRemember, cancellationToken))
                tally.Spoil();
        }

        if (!check.ComparesListings)
            return;
        var found = tally.Total;
        if (entries.Unseen.Count > 0 || found.Entries != expected.Entries)
            await CompareAsync(cancellationToken);
        if (entries.Unseen.Count > 0 || found.Directories != expected.Directories)
            await FindUnlistedAsync(cancellationToken);
    }

    /// <returns>Whether it is whole.</returns>
    private async Task<bool> ListingAsync(EntryPath directory, Mac dirpack, TreeTally tally, bool mayRemember, CancellationToken cancellationToken)
    {
        var key = check.Verified.KeyOf(TreeRole.Listing, in dirpack, directory.Bytes.ToArray(), null);
        if (mayRemember && check.Verified.TryGet(in key, out var known))
        {
            tally.Add(in known);
            return true;
        }

        var whole = await check.ObjectAsync(id, dirpack, directory, cancellationToken);
        if (!check.ComparesListings)
            return whole;
        var sum = default(UInt128);
        var read = await check.GuardAsync(BlobType.Object, dirpack, id, directory, async () =>
        {
            await foreach (var record in tree.FramesAsync(dirpack, directory, cancellationToken))
                unchecked { sum += await RecordAsync(directory, record, cancellationToken); }
        });
        if (!read)
            _unreadable.Add(directory);
        var facts = new TreeFacts(sum, default, 0);
        if (read && whole && mayRemember)
            check.Verified.Add(in key, in facts);
        tally.Add(in facts);
        return read && whole;
    }

    private async ValueTask<UInt128> RecordAsync(EntryPath directory, DirpackFrame record, CancellationToken cancellationToken)
    {
        if (check.Blobs.Codec.ComputeMac(record.Entry.Span) != record.EntryId)
            throw RepositoryException.Damaged($"The listing of {directory} in snapshot {id} holds an entry that does not match its MAC.");
        if (entries.Unseen.Count > 0)
        {
            var entry = BlobReader.Parse(BlobType.VfsEntry, record.EntryId, record.Entry.Span, EntryCodec.Read);
            if (entries.DamageAt(entry.Path.Bytes) is { } damage)
            {
                damage.Affect(id, entry.Path);
                if (entry.Kind == EntryKind.File && !entry.Object.IsZero)
                    await check.ObjectAsync(id, entry.Object, entry.Path, cancellationToken);
            }
        }

        // That the parent is this directory follows when the tree names the same entry at this path.
        return check.Verified.Digest(PathOf(directory, record).Bytes, record.EntryId);
    }

    private static EntryPath PathOf(EntryPath directory, DirpackFrame record) =>
        BlobReader.Parse(BlobType.VfsEntry, record.EntryId, record.Entry.Span, bytes =>
        {
            var name = EntryFacts.Read(bytes).Name;
            return EntryPath.IsName(name) ? directory.Append(name) : throw new MalformedException("a listing holds the root");
        });

    /// <summary>Tells where listings and tree disagree.</summary>
    private async Task CompareAsync(CancellationToken cancellationToken)
    {
        // What cannot be read is told already.
        var survey = new TreeSurvey(check.Blobs, new DamageLedger(check.Blobs.Index), TreeKind.Index, dirpacks.Root, id);
        await foreach (var (key, dirpack) in survey.WalkAsync(cancellationToken))
        {
            var directory = EntryPath.FromKey(key);
            if (_unreadable.Contains(directory))
                continue;
            await check.GuardAsync(BlobType.Object, dirpack, id, directory, async () =>
            {
                var listed = new HashSet<UInt128>();
                await foreach (var record in tree.FramesAsync(dirpack, directory, cancellationToken))
                {
                    var path = PathOf(directory, record);
                    listed.Add(check.Verified.Digest(path.Bytes, Mac.Zero));
                    if (entries.DamageAt(path.Bytes) is not null)
                        continue;
                    var entry = BlobReader.Parse(BlobType.VfsEntry, record.EntryId, record.Entry.Span, EntryCodec.Read);
                    // Readers of listings and readers of the tree must see the same snapshot.
                    if (entry.ParentPath != directory || await tree.Entries.FindAsync(path.Bytes.ToArray(), cancellationToken) != record.EntryId)
                        throw RepositoryException.Damaged($"The listing of {directory} in snapshot {id} and its tree disagree about {path}.");
                }

                if (entries.Unseen.Count > 0)
                    return;
                await foreach (var (path, _) in tree.ChildrenAsync(directory, cancellationToken))
                {
                    if (!listed.Contains(check.Verified.Digest(path, Mac.Zero)))
                        throw RepositoryException.Damaged($"The listing of {directory} in snapshot {id} lacks {EntryPath.FromKey(path)}, which its tree names.");
                }
            });
        }
    }

    /// <summary>Tells which directories have no listing.</summary>
    private async Task FindUnlistedAsync(CancellationToken cancellationToken)
    {
        var survey = new TreeSurvey(check.Blobs, new DamageLedger(check.Blobs.Index), TreeKind.Vfs, tree.Source.Root, id);
        await foreach (var (key, entryId) in survey.WalkAsync(cancellationToken))
        {
            Entry entry;
            try
            {
                entry = await check.Blobs.ReadAsync(BlobType.VfsEntry, entryId, EntryCodec.Read, cancellationToken);
            }
            catch (Exception exception) when (TreeSurvey.IsDamage(exception))
            {
                continue;
            }

            if (entry.Kind != EntryKind.Directory)
                continue;
            await check.GuardAsync(BlobType.IndexTree, dirpacks.Root, id, entry.Path, async () =>
            {
                if (await dirpacks.FindAsync(key, cancellationToken) is null)
                    throw RepositoryException.Damaged($"Snapshot {id} has no listing of {entry.Path}.");
            });
        }
    }
}
