using System.Buffers.Binary;

namespace GooglePhotos.Takeout.Archives;

/// <summary>One file of a zip part, as its central directory tells.</summary>
internal readonly record struct ZipEntry(
    string Name, long HeaderOffset, long CompressedSize, long Size, uint Crc32, ushort Method, ushort Flags, int UnixMode, DateTimeOffset Modified)
{
    internal bool IsDirectory => Name.EndsWith('/') || (UnixMode & 0xF000) == 0x4000;

    internal bool IsSpecial => (UnixMode & 0xF000) is not (0 or 0x8000 or 0x4000);
}

/// <summary>
/// Reads the central directory of a zip file (APPNOTE 4.3, with zip64). The runtime's ZipArchive hides where entries lie, decodes names
/// with losses and holds some 500 bytes an entry; offset order, whole names and a million tiny entries need our own reading. Contents
/// are inflated by the runtime.
/// </summary>
internal static class ZipDirectory
{
    private const uint EndSignature = 0x06054b50;
    private const uint Zip64LocatorSignature = 0x07064b50;
    private const uint Zip64EndSignature = 0x06064b50;
    private const uint EntrySignature = 0x02014b50;

    /// <param name="onEntry">Called for each entry in directory order.</param>
    /// <returns>Where the directory begins: no content can lie behind it; and whether it has more entries than are read from one part.</returns>
    /// <exception cref="InvalidDataException">No directory, or a broken one; the message is for people.</exception>
    internal static async Task<(long Start, bool HasMore)> ReadAsync(Stream archive, ArchiveLimits limits, Action<ZipEntry> onEntry, CancellationToken ct)
    {
        (long start, long size, long count, long delta) = await FindAsync(archive, ct);
        archive.Position = start;
        byte[] buffer = new byte[(int)Math.Min(Math.Max(size, 46), 1 << 20)];
        int held = 0;
        int at = 0;
        long left = size;
        long seen = 0;

        async Task<bool> EnsureAsync(int wanted)
        {
            if (held - at >= wanted)
            {
                return true;
            }

            buffer.AsSpan(at, held - at).CopyTo(buffer);
            held -= at;
            at = 0;
            if (buffer.Length < wanted)
            {
                Array.Resize(ref buffer, wanted);
            }

            while (held < wanted && left > 0)
            {
                int read = await archive.ReadAsync(buffer.AsMemory(held, (int)Math.Min(buffer.Length - held, left)), ct);
                if (read == 0)
                {
                    left = 0;
                    break;
                }

                held += read;
                left -= read;
            }

            return held - at >= wanted;
        }

        while (seen < limits.MaxEntriesPerPart && await EnsureAsync(46)
            && BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(at)) == EntrySignature)
        {
            int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(buffer.AsSpan(at + 28));
            int extraLength = BinaryPrimitives.ReadUInt16LittleEndian(buffer.AsSpan(at + 30));
            int commentLength = BinaryPrimitives.ReadUInt16LittleEndian(buffer.AsSpan(at + 32));
            if (!await EnsureAsync(46 + nameLength + extraLength + commentLength))
            {
                break;
            }

            onEntry(ParseEntry(buffer.AsSpan(at, 46), buffer.AsSpan(at + 46, Math.Min(nameLength, limits.MaxNameBytes)),
                buffer.AsSpan(at + 46 + nameLength, extraLength), delta));
            at += 46 + nameLength + extraLength + commentLength;
            seen++;
        }

        if (seen < Math.Min(count, limits.MaxEntriesPerPart))
        {
            throw new InvalidDataException($"its directory names {count} files but lists only {seen}");
        }

        return (start, count > seen);
    }

    private static ZipEntry ParseEntry(ReadOnlySpan<byte> fixedPart, ReadOnlySpan<byte> name, ReadOnlySpan<byte> extra, long delta)
    {
        ushort madeBy = BinaryPrimitives.ReadUInt16LittleEndian(fixedPart[4..]);
        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(fixedPart[8..]);
        ushort method = BinaryPrimitives.ReadUInt16LittleEndian(fixedPart[10..]);
        ushort time = BinaryPrimitives.ReadUInt16LittleEndian(fixedPart[12..]);
        ushort date = BinaryPrimitives.ReadUInt16LittleEndian(fixedPart[14..]);
        uint crc = BinaryPrimitives.ReadUInt32LittleEndian(fixedPart[16..]);
        long compressed = BinaryPrimitives.ReadUInt32LittleEndian(fixedPart[20..]);
        long size = BinaryPrimitives.ReadUInt32LittleEndian(fixedPart[24..]);
        uint attributes = BinaryPrimitives.ReadUInt32LittleEndian(fixedPart[38..]);
        long offset = BinaryPrimitives.ReadUInt32LittleEndian(fixedPart[42..]);
        DateTimeOffset? modified = null;
        while (extra.Length >= 4)
        {
            ushort id = BinaryPrimitives.ReadUInt16LittleEndian(extra);
            int length = BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]);
            if (length > extra.Length - 4)
            {
                break;
            }

            ReadOnlySpan<byte> field = extra.Slice(4, length);
            extra = extra[(4 + length)..];
            if (id == 1)
            {
                size = Take(ref field, size);
                compressed = Take(ref field, compressed);
                offset = Take(ref field, offset);
            }
            else if (id == 0x5455 && field.Length >= 5 && (field[0] & 1) != 0)
            {
                modified = DateTimeOffset.FromUnixTimeSeconds(BinaryPrimitives.ReadInt32LittleEndian(field[1..]));
            }
        }

        int mode = madeBy >> 8 == 3 ? (int)(attributes >> 16) : 0;
        return new ZipEntry(EntryNames.Decode(name), offset + delta, compressed, size, crc, method, flags, mode, modified ?? DosTime(date, time));
    }

    private static long Take(ref ReadOnlySpan<byte> field, long value)
    {
        if (value != uint.MaxValue || field.Length < 8)
        {
            return value;
        }

        long wide = BinaryPrimitives.ReadInt64LittleEndian(field);
        field = field[8..];
        return wide;
    }

    internal static DateTimeOffset DosTime(ushort date, ushort time)
    {
        int year = 1980 + (date >> 9);
        int month = Math.Clamp((date >> 5) & 15, 1, 12);
        int day = Math.Clamp(date & 31, 1, DateTime.DaysInMonth(year, month));
        return new DateTimeOffset(year, month, day, Math.Min(time >> 11, 23), Math.Min((time >> 5) & 63, 59), Math.Min((time & 31) * 2, 59), TimeSpan.Zero);
    }

    private static async Task<(long Start, long Size, long Count, long Delta)> FindAsync(Stream archive, CancellationToken ct)
    {
        long length = archive.Length;
        int tailLength = (int)Math.Min(length, 65_535 + 22 + 20);
        byte[] tail = new byte[tailLength];
        archive.Position = length - tailLength;
        await archive.ReadExactlyAsync(tail, ct);
        for (int at = tailLength - 22; at >= 0; at--)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at)) != EndSignature
                || at + 22 + BinaryPrimitives.ReadUInt16LittleEndian(tail.AsSpan(at + 20)) > tailLength)
            {
                continue;
            }

            long count = BinaryPrimitives.ReadUInt16LittleEndian(tail.AsSpan(at + 10));
            long size = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at + 12));
            long start = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at + 16));
            long end = length - tailLength + at;
            if ((count == ushort.MaxValue || size == uint.MaxValue || start == uint.MaxValue) && at >= 20
                && BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at - 20)) == Zip64LocatorSignature)
            {
                long record = BinaryPrimitives.ReadInt64LittleEndian(tail.AsSpan(at - 12));
                byte[] wide = new byte[56];
                if (record < 0 || record > length - 56)
                {
                    throw new InvalidDataException("its zip64 end record lies outside the file");
                }

                archive.Position = record;
                await archive.ReadExactlyAsync(wide, ct);
                if (BinaryPrimitives.ReadUInt32LittleEndian(wide) != Zip64EndSignature)
                {
                    throw new InvalidDataException("its zip64 end record is not where the locator says");
                }

                count = BinaryPrimitives.ReadInt64LittleEndian(wide.AsSpan(32));
                size = BinaryPrimitives.ReadInt64LittleEndian(wide.AsSpan(40));
                start = BinaryPrimitives.ReadInt64LittleEndian(wide.AsSpan(48));
                end = record;
            }

            // Bytes before the archive (a self-extractor's) move every offset by the same amount.
            long delta = end - size - start;
            if (count < 0 || size < 0 || start < 0 || delta < 0 || size > end)
            {
                throw new InvalidDataException("its directory lies outside the file");
            }

            return (start + delta, size, count, delta);
        }

        throw new InvalidDataException(length == 0 ? "it is empty" : "it has no central directory at its end: it was cut, or it is no zip file");
    }
}
