using System.Runtime.InteropServices;

namespace Kloset.States;

/// <summary>One place of a blob: 48 bytes, kept in large arrays and in files without an object each.</summary>
/// <param name="Packfile">Ordinal of the packfile.</param>
/// <param name="OffsetAndType">See <see cref="Pack"/>.</param>
[StructLayout(LayoutKind.Sequential)]
internal record struct BlobSlot(Mac Id, int Packfile, uint Length, long OffsetAndType)
{
    public const int Size = 48;

    public readonly BlobType Type => (BlobType)(OffsetAndType & 0xFF);

    public readonly long Offset => OffsetAndType >> 8;

    public static long Pack(long offset, BlobType type) => (offset << 8) | (byte)type;

    /// <summary>By identifier, then type, then packfile.</summary>
    public static int Compare(in BlobSlot a, in BlobSlot b)
    {
        var order = a.Id.SortKey.CompareTo(b.Id.SortKey);
        if (order == 0)
            order = a.Id.CompareTo(b.Id);
        if (order == 0)
            order = ((byte)a.Type).CompareTo((byte)b.Type);
        return order == 0 ? a.Packfile.CompareTo(b.Packfile) : order;
    }

    /// <summary>The same blob in the same packfile: said twice, of which the first counts.</summary>
    public static bool IsSamePlace(in BlobSlot a, in BlobSlot b) => a.Packfile == b.Packfile && a.Type == b.Type && a.Id == b.Id;
}
