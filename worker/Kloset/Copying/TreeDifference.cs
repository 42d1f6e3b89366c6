using System.Runtime.CompilerServices;
using Kloset.Repositories;
using Kloset.Snapshots;

namespace Kloset.Copying;

/// <summary>
/// What a snapshot holds that an earlier one does not hold in the same form, and what it does not hold any more. Listings with the same
/// identifier are the same and are not opened.
/// </summary>
internal sealed class TreeDifference(Snapshot snapshot, Snapshot? earlier)
{
    /// <summary>An entry to put, or (null) a path to remove.</summary>
    internal readonly record struct Item(EntryPath Path, Entry? Entry);

    public async IAsyncEnumerable<Item> ItemsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (earlier is null || snapshot.Tree.Dirpacks is not { } listings)
        {
            await foreach (var entry in snapshot.WalkAsync(EntryPath.Root, cancellationToken))
                yield return new Item(entry.Path, entry);
            yield break;
        }

        var root = await snapshot.FindAsync(EntryPath.Root, cancellationToken)
            ?? throw RepositoryException.Damaged($"Snapshot {snapshot.Id} has no root directory.");
        yield return new Item(EntryPath.Root, root);
        var known = new Dictionary<EntryPath, Mac>();
        await foreach (var (key, id) in earlier.Tree.Dirpacks!.WalkAsync(descending: false, cancellationToken))
            known.Add(EntryPath.FromBytes(key), id);
        await foreach (var (key, id) in listings.WalkAsync(descending: false, cancellationToken))
        {
            var directory = EntryPath.FromBytes(key);
            Mac? before = known.TryGetValue(directory, out var other) ? other : null;
            if (before == id)
                continue;
            await foreach (var item in CompareAsync(directory, id, before, cancellationToken))
                yield return item;
        }
    }

    private async IAsyncEnumerable<Item> CompareAsync(EntryPath directory, Mac listing, Mac? before, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // By name; a directory's listing is in memory once, the other is a stream.
        var old = new Dictionary<string, Mac>(StringComparer.Ordinal);
        if (before is { } held)
        {
            await foreach (var frame in earlier!.Tree.FramesAsync(held, directory, cancellationToken))
                old[Parse(frame).Name] = frame.EntryId;
        }

        await foreach (var frame in snapshot.Tree.FramesAsync(listing, directory, cancellationToken))
        {
            var entry = Parse(frame);
            if (old.Remove(entry.Name, out var id) && id == frame.EntryId)
                continue;
            yield return new Item(directory.Append(entry.Name), entry);
        }

        foreach (var name in old.Keys)
            yield return new Item(directory.Append(name), null);
    }

    private static Entry Parse(DirpackFrame frame) => BlobReader.Parse(BlobType.VfsEntry, frame.EntryId, frame.Entry.Span, EntryCodec.Read);
}
