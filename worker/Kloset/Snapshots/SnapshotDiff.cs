using System.Runtime.CompilerServices;
using Kloset.Repositories;

namespace Kloset.Snapshots;

public enum DifferenceKind
{
    Added,
    Removed,

    /// <summary>Another content, link target or kind of file.</summary>
    Changed,

    /// <summary>The same content with other times, modes, owners or attributes.</summary>
    Attributes,
}

/// <param name="From">Null when it was added.</param>
/// <param name="To">Null when it was removed.</param>
public sealed record Difference(EntryPath Path, DifferenceKind Kind, Entry? From, Entry? To);

/// <summary>What differs between two trees: both are walked side by side, and only entries whose MACs differ are read.</summary>
public static class SnapshotDiff
{
    /// <summary>Differences at and below <paramref name="root"/>, in the order of the tree: fewer slashes first, then by bytes.</summary>
    /// <exception cref="RepositoryException">Damaged.</exception>
    public static async IAsyncEnumerable<Difference> CompareAsync(
        Snapshot from, Snapshot to, EntryPath root, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        for (var tree = 0; tree < Math.Max(from.Trees.Count, to.Trees.Count); tree++)
        {
            var left = tree < from.Trees.Count ? from.Trees[tree] : null;
            var right = tree < to.Trees.Count ? to.Trees[tree] : null;
            if (left is not null && right is not null && left.Source.Root == right.Source.Root)
                continue;
            await foreach (var difference in CompareAsync(left, right, from.Blobs, to.Blobs, root, cancellationToken))
                yield return difference;
        }
    }

    private static async IAsyncEnumerable<Difference> CompareAsync(
        SnapshotTree? from, SnapshotTree? to, BlobReader fromBlobs, BlobReader toBlobs, EntryPath root, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var left = Walk(from).GetAsyncEnumerator(cancellationToken);
        await using var right = Walk(to).GetAsyncEnumerator(cancellationToken);
        var hasLeft = await left.MoveNextAsync();
        var hasRight = await right.MoveNextAsync();
        while (hasLeft || hasRight)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var order = !hasLeft ? 1 : !hasRight ? -1 : PathOrder.ByDepth(left.Current.Key, right.Current.Key);
            var path = EntryPath.FromBytes(order <= 0 ? left.Current.Key : right.Current.Key);
            if (path.IsAtOrBelow(root))
            {
                var before = order <= 0 ? left.Current.Value : (Mac?)null;
                var after = order >= 0 ? right.Current.Value : (Mac?)null;
                if (before != after && await ClassifyAsync(path, before, after, fromBlobs, toBlobs, cancellationToken) is { } difference)
                    yield return difference;
            }

            if (order <= 0)
                hasLeft = await left.MoveNextAsync();
            if (order >= 0)
                hasRight = await right.MoveNextAsync();
        }

        async IAsyncEnumerable<KeyValuePair<byte[], Mac>> Walk(SnapshotTree? tree)
        {
            if (tree is null)
                yield break;
            await foreach (var item in tree.Entries.WalkAsync(descending: false, cancellationToken))
                yield return item;
        }
    }

    private static async Task<Difference?> ClassifyAsync(
        EntryPath path, Mac? before, Mac? after, BlobReader fromBlobs, BlobReader toBlobs, CancellationToken cancellationToken)
    {
        var from = before is { } left ? await fromBlobs.ReadAsync(BlobType.VfsEntry, left, EntryCodec.Read, cancellationToken) : null;
        var to = after is { } right ? await toBlobs.ReadAsync(BlobType.VfsEntry, right, EntryCodec.Read, cancellationToken) : null;
        if (from is null || to is null)
            return new Difference(path, from is null ? DifferenceKind.Added : DifferenceKind.Removed, from, to);
        if (from.Kind != to.Kind || from.SymlinkTarget != to.SymlinkTarget || !await SameContentAsync(from, to, fromBlobs, toBlobs, cancellationToken))
            return new Difference(path, DifferenceKind.Changed, from, to);
        return SameAttributes(from, to) ? null : new Difference(path, DifferenceKind.Attributes, from, to);
    }

    private static async Task<bool> SameContentAsync(Entry from, Entry to, BlobReader fromBlobs, BlobReader toBlobs, CancellationToken cancellationToken)
    {
        if (from.Kind != EntryKind.File || from.Object == to.Object)
            return true;
        if (from.Size != to.Size || from.Object.IsZero || to.Object.IsZero)
            return false;
        // Two programs describe one content in two ways (type, entropy): what counts is the MAC of the content.
        var left = await fromBlobs.ReadAsync(BlobType.Object, from.Object, ObjectCodec.Read, cancellationToken);
        var right = await toBlobs.ReadAsync(BlobType.Object, to.Object, ObjectCodec.Read, cancellationToken);
        return left.ContentMac == right.ContentMac;
    }

    /// <summary>What a person would see: not how the content is described, nor where its source kept it.</summary>
    private static bool SameAttributes(Entry from, Entry to) =>
        from.Mode == to.Mode && from.ModTime == to.ModTime && from.UserId == to.UserId && from.GroupId == to.GroupId && from.UserName == to.UserName
        && from.GroupName == to.GroupName && from.FileAttributes == to.FileAttributes
        && (from.ExtendedAttributes ?? []).SequenceEqual(to.ExtendedAttributes ?? []) && (from.Tags ?? []).SequenceEqual(to.Tags ?? []);
}
