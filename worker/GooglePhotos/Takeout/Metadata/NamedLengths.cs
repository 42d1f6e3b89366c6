using System.Buffers.Binary;
using System.Text;

namespace GooglePhotos.Takeout.Metadata;

/// <summary>
/// Whether the lengths and numbers that a file names for its parts fit into it. A parser takes memory for a part before it reads it, so a photo of a few bytes
/// could ask for gigabytes.
/// </summary>
internal static class NamedLengths
{
    // A picture of many tiles has some hundred.
    private const uint MostEntries = 100_000;

    /// <param name="kept">The file's beginning, or a whole box of it.</param>
    /// <param name="length">Bytes of the whole file.</param>
    internal static bool Fit(string mime, ReadOnlySpan<byte> kept, long length) => mime switch
    {
        "image/png" => Png(kept, length),
        "image/webp" or "video/x-msvideo" => Riff(kept, length),
        "image/heic" or "image/heif" or "image/avif" or "video/mp4" or "video/quicktime" or "video/3gpp" or "video/x-m4v" or "image/x-canon-cr3" =>
            Boxes(kept, length, isPicture: mime.StartsWith("image/", StringComparison.Ordinal)),
        _ => true,
    };

    /// <summary>Chunks of RFC 2083, 3.2.</summary>
    private static bool Png(ReadOnlySpan<byte> kept, long length)
    {
        for (long at = 8; at + 8 <= kept.Length;)
        {
            ReadOnlySpan<byte> chunk = kept[(int)at..];
            uint size = BinaryPrimitives.ReadUInt32BigEndian(chunk);
            if (size > length - at - 8)
            {
                return false;
            }

            at += 12L + size;
        }

        return true;
    }

    /// <summary>Chunks of RIFF, lists opened.</summary>
    private static bool Riff(ReadOnlySpan<byte> kept, long length)
    {
        for (long at = 12; at + 8 <= kept.Length;)
        {
            ReadOnlySpan<byte> type = kept.Slice((int)at, 4);
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(kept[((int)at + 4)..]);
            if (type.SequenceEqual("LIST"u8))
            {
                at += 12;
                continue;
            }

            if (size > length - at - 8)
            {
                return false;
            }

            at += 8L + size + (size & 1);
        }

        return true;
    }

    /// <summary>Boxes of ISO 14496-12 at the top; what <c>mdat</c> holds is no metadata and looks like anything.</summary>
    private static bool Boxes(ReadOnlySpan<byte> kept, long length, bool isPicture)
    {
        for (long at = 0; at + 16 <= kept.Length;)
        {
            ReadOnlySpan<byte> box = kept[(int)at..];
            ulong size = BinaryPrimitives.ReadUInt32BigEndian(box);
            if (size == 1)
            {
                size = BinaryPrimitives.ReadUInt64BigEndian(box[8..]);
            }

            int within = size >= 8 && size < (ulong)box.Length ? (int)size : box.Length;
            if (!box[4..8].SequenceEqual("mdat"u8) && !(Nested(box[..within], isPicture, isCut: size > (ulong)box.Length) && Entries(box, within, "keys"u8, 12, length) && Entries(box, within, "ilst"u8, 4, length)
                && Counts(box, within, "iinf"u8) && Counts(box, within, "iloc"u8) && Counts(box, within, "ipma"u8) && Counts(box, within, "dref"u8)))
            {
                return false;
            }

            if (size < 8 || size > long.MaxValue / 2)
            {
                return true;
            }

            at += (long)size;
        }

        return true;
    }

    /// <summary>Whether the boxes that hold others end within the one that holds them, so that no parser gets from the metadata into the pixels.</summary>
    /// <param name="isCut">More of the box lies where it is looked at as a whole, or is read as zeros.</param>
    private static bool Nested(ReadOnlySpan<byte> box, bool isPicture, bool isCut, int depth = 0)
    {
        int at = Children(box, isPicture);
        while (at >= 0 && at + 8 <= box.Length)
        {
            ReadOnlySpan<byte> child = box[at..];
            uint size = BinaryPrimitives.ReadUInt32BigEndian(child);
            if (size < 8 || size > child.Length)
            {
                // Cameras leave odd things at the end of a film's header.
                return isCut || !(isPicture || Children(child, isPicture) >= 0);
            }

            // Real files are four deep; each level is a frame of this thread's stack.
            if (depth > 16 || !Nested(child[..(int)size], isPicture, isCut: false, depth + 1))
            {
                return false;
            }

            at += (int)size;
        }

        return true;
    }

    /// <summary>Where the first box within this one begins, or -1. Films have a <c>meta</c> without version (QuickTime File Format, Metadata).</summary>
    private static int Children(ReadOnlySpan<byte> box, bool isPicture) => box.Length < 16 ? -1 : Encoding.ASCII.GetString(box[4..8]) switch
    {
        "moov" or "dinf" or "iprp" or "ipco" => 8,
        "meta" => isPicture ? 12 : 8,
        "iref" => 12,
        "iinf" => box[8] == 0 ? 14 : 16,
        "dref" => 16,
        _ => -1,
    };

    /// <summary>How many entries the boxes of a type announce. Where a count has two bytes, it cannot be too large.</summary>
    /// <param name="within">Bytes of <paramref name="kept"/> that the box may begin in.</param>
    private static bool Counts(ReadOnlySpan<byte> kept, int within, ReadOnlySpan<byte> type)
    {
        bool isLocations = type.SequenceEqual("iloc"u8);
        int count = isLocations ? 10 : 8;
        for (int found = kept[..within].IndexOf(type); found >= 0 && found + count + 4 <= kept.Length;)
        {
            byte version = kept[found + 4];
            bool isWide = isLocations ? version >= 2 : version > 0 || !type.SequenceEqual("iinf"u8);
            if (isWide && BinaryPrimitives.ReadUInt32BigEndian(kept[(found + count)..]) > MostEntries)
            {
                return false;
            }

            int next = kept[(found + 4)..within].IndexOf(type);
            found = next < 0 ? -1 : found + 4 + next;
        }

        return true;
    }

    /// <summary>Entries that begin with their length, in every box of the type. A parser follows them past the end of their box.</summary>
    /// <param name="within">Bytes of <paramref name="kept"/> that the box may begin in.</param>
    /// <param name="first">Where the first entry begins, from the type on.</param>
    private static bool Entries(ReadOnlySpan<byte> kept, int within, ReadOnlySpan<byte> type, int first, long length)
    {
        uint steps = 0; // boxes within the entries of others could make this walk the same ones over and over
        for (int found = kept[..within].IndexOf(type); found >= 0;)
        {
            for (long at = found + first; at + 4 <= kept.Length;)
            {
                if (++steps > MostEntries)
                {
                    return false;
                }

                uint size = BinaryPrimitives.ReadUInt32BigEndian(kept[(int)at..]);
                if (size < 4)
                {
                    break;
                }

                if (size > length)
                {
                    return false;
                }

                at += size;
            }

            int next = kept[(found + 4)..within].IndexOf(type);
            found = next < 0 ? -1 : found + 4 + next;
        }

        return true;
    }
}
