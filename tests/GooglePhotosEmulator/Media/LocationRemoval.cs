using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using System.Text.RegularExpressions;

namespace GooglePhotosEmulator.Media;

/// <summary>Takes the place out of a photo's metadata, as every download over the API does; everything else stays where it was.</summary>
internal static partial class LocationRemoval
{
    private const ushort GpsTag = 0x8825;

    // metadata stands at the front of every format that carries it; a whole film need not be searched
    private const int SearchLimit = 4 * 1024 * 1024;

    /// <returns>True when a place was there.</returns>
    public static bool Remove(byte[] file)
    {
        var removed = false;
        if (IsTiff(file))
        {
            removed |= RemoveFromTiff(file);
        }

        var limit = Math.Min(file.Length, SearchLimit);
        for (var at = 0; at < limit;)
        {
            var found = file.AsSpan(at, limit - at).IndexOf("Exif\0\0"u8);
            if (found < 0)
            {
                break;
            }

            at += found + 6;
            removed |= IsTiff(file.AsSpan(at)) && RemoveFromTiff(file.AsSpan(at));
        }

        removed |= RemoveFromPng(file);
        return removed | RemoveFromXmp(file.AsSpan(0, limit));
    }

    private static bool IsTiff(ReadOnlySpan<byte> data) => data.StartsWith("II*\0"u8) || data.StartsWith("MM\0*"u8);

    private static bool RemoveFromTiff(Span<byte> tiff)
    {
        var little = tiff[0] == 'I';
        var directory = (int)Read32(tiff[4..], little);
        if (directory < 8 || directory + 2 > tiff.Length)
        {
            return false;
        }

        int count = Read16(tiff[directory..], little);
        var end = directory + 2 + (count * 12);
        if (end + 4 > tiff.Length)
        {
            return false;
        }

        for (var index = 0; index < count; index++)
        {
            var entry = directory + 2 + (index * 12);
            if (Read16(tiff[entry..], little) != GpsTag)
            {
                continue;
            }

            ClearDirectory(tiff, (int)Read32(tiff[(entry + 8)..], little), little);
            tiff[(entry + 12)..(end + 4)].CopyTo(tiff[entry..]);
            tiff[(end - 8)..(end + 4)].Clear();
            Write16(tiff[directory..], (ushort)(count - 1), little);
            return true;
        }

        return false;
    }

    private static void ClearDirectory(Span<byte> tiff, int at, bool little)
    {
        if (at < 8 || at + 2 > tiff.Length)
        {
            return;
        }

        int count = Read16(tiff[at..], little);
        for (var index = 0; index < count; index++)
        {
            var entry = at + 2 + (index * 12);
            if (entry + 12 > tiff.Length)
            {
                break;
            }

            var unit = Read16(tiff[(entry + 2)..], little) switch { 3 => 2, 4 or 9 => 4, 5 or 10 => 8, _ => 1 };
            var size = Read32(tiff[(entry + 4)..], little) * (long)unit;
            long value = Read32(tiff[(entry + 8)..], little);
            if (size > 4 && value + size <= tiff.Length)
            {
                tiff.Slice((int)value, (int)size).Clear();
            }

            tiff.Slice(entry, 12).Clear();
        }

        Write16(tiff[at..], 0, little);
    }

    private static bool RemoveFromPng(byte[] file)
    {
        if (!file.AsSpan().StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G']))
        {
            return false;
        }

        for (var at = 8; at + 12 <= file.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(at));
            if (length < 0 || at + 12L + length > file.Length)
            {
                return false;
            }

            var chunk = file.AsSpan(at + 4, 4 + length);
            if (chunk.StartsWith("eXIf"u8) && length > 8 && RemoveFromTiff(chunk[4..]))
            {
                BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(at + 8 + length), Crc32.HashToUInt32(chunk));
                return true;
            }

            at += 12 + length;
        }

        return false;
    }

    private static bool RemoveFromXmp(Span<byte> file)
    {
        var start = file.IndexOf("<x:xmpmeta"u8);
        var length = start < 0 ? -1 : file[start..].IndexOf("</x:xmpmeta>"u8);
        if (length < 0)
        {
            return false;
        }

        var packet = file.Slice(start, length);
        var matches = Places().Matches(Encoding.Latin1.GetString(packet));
        foreach (Match match in matches)
        {
            packet.Slice(match.Index, match.Length).Fill((byte)' ');
        }

        return matches.Count > 0;
    }

    private static ushort Read16(ReadOnlySpan<byte> at, bool little) =>
        little ? BinaryPrimitives.ReadUInt16LittleEndian(at) : BinaryPrimitives.ReadUInt16BigEndian(at);

    private static uint Read32(ReadOnlySpan<byte> at, bool little) =>
        little ? BinaryPrimitives.ReadUInt32LittleEndian(at) : BinaryPrimitives.ReadUInt32BigEndian(at);

    private static void Write16(Span<byte> at, ushort value, bool little)
    {
        if (little)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(at, value);
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(at, value);
        }
    }

    [GeneratedRegex("""exif:GPS\w+\s*=\s*(?:"[^"]*"|'[^']*')|<exif:(GPS\w+)[^>]*>[^<]*</exif:\1>""", RegexOptions.CultureInvariant)]
    private static partial Regex Places();
}
