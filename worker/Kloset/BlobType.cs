namespace Kloset;

/// <summary>Kinds of blobs and stored resources. Source: format document, section 8.</summary>
internal enum BlobType : byte
{
    Snapshot = 5,
    Signature = 6,
    Object = 7,
    Chunk = 9,
    VfsTree = 10,
    VfsNode = 11,
    VfsEntry = 12,
    ErrorTree = 13,
    ErrorNode = 14,
    ErrorEntry = 15,
    XattrTree = 16,
    XattrNode = 17,
    XattrEntry = 18,
    IndexTree = 19,
    IndexNode = 20,
    VfsSummary = 21,
    Random = 255,
}

internal static class BlobTypes
{
    public const uint Version = 0x00010000;

    /// <summary>As plakar's diagnostics name them.</summary>
    public static string NameOf(BlobType type) => type switch
    {
        BlobType.Snapshot => "snapshot",
        BlobType.Signature => "signature",
        BlobType.Object => "object",
        BlobType.Chunk => "chunk",
        BlobType.VfsTree => "vfs-btree",
        BlobType.VfsNode => "vfs-node",
        BlobType.VfsEntry => "vfs-entry",
        BlobType.ErrorTree => "error-btree",
        BlobType.ErrorNode => "error-node",
        BlobType.ErrorEntry => "error-entry",
        BlobType.XattrTree => "xattr-btree",
        BlobType.XattrNode => "xattr-node",
        BlobType.XattrEntry => "xattr-entry",
        BlobType.IndexTree => "btree-root",
        BlobType.IndexNode => "btree-node",
        BlobType.VfsSummary => "vfs-summary",
        BlobType.Random => "random",
        _ => "type-" + (int)type,
    };
}
