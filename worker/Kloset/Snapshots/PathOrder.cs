namespace Kloset.Snapshots;

/// <summary>
/// The two orders of keys in B+trees. Bytewise is unsigned comparison. Path order puts fewer slashes first, then compares bytewise, so that
/// the children of a directory stand together. Source: format document, section 13.1.
/// </summary>
internal static class PathOrder
{
    public static int Bytewise(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) => a.SequenceCompareTo(b);

    public static int ByDepth(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        var depth = a.Count((byte)'/').CompareTo(b.Count((byte)'/'));
        return depth != 0 ? depth : a.SequenceCompareTo(b);
    }
}

internal delegate int KeyComparison(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b);

/// <summary>One of the six kinds of trees.</summary>
internal sealed record TreeKind(BlobType Root, BlobType Node, KeyComparison Compare, bool IsOrdered)
{
    public static TreeKind Vfs { get; } = new(BlobType.VfsTree, BlobType.VfsNode, PathOrder.ByDepth, true);

    public static TreeKind Errors { get; } = new(BlobType.ErrorTree, BlobType.ErrorNode, PathOrder.Bytewise, true);

    /// <summary>plakar inserts in path order and searches bytewise: these keys come in no order that can be relied on.</summary>
    public static TreeKind Xattrs { get; } = new(BlobType.XattrTree, BlobType.XattrNode, PathOrder.Bytewise, false);

    public static TreeKind Index { get; } = new(BlobType.IndexTree, BlobType.IndexNode, PathOrder.Bytewise, true);
}
