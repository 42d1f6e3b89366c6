using System.Buffers.Binary;

namespace GooglePhotos.Takeout.Archives;

/// <summary>
/// Finds files in a zip whose directory is gone (a cut download), by walking from local header to local header. Where a header does not
/// name the packed size, the data descriptor behind the content is searched: it repeats that size, which makes a false hit all but
/// impossible. One pass.
/// </summary>
internal static class ZipRecovery
{
    /// <returns>The end of what was understood.</returns>
    internal static async Task<long> ScanAsync(Stream archive, ArchiveLimits limits, Action<ZipEntry> onEntry, CancellationToken ct)
    {
        long length = archive.Length;
        long at = 0;
        byte[] header = new byte[30];
        for (int count = 0; count < limits.MaxEntriesPerPart && at + 30 <= length; count++)
        {
            archive.Position = at;
            await archive.ReadExactlyAsync(header, ct);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header) != 0x04034b50)
            {
                break;
            }

            ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(6));
            ushort method = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(8));
            uint crc = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(14));
            long compressed = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(18));
            long size = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(22));
            int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(26));
            int extraLength = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(28));
            long data = at + 30 + nameLength + extraLength;
            if (data > length)
            {
                break;
            }

            byte[] names = new byte[nameLength + extraLength];
            await archive.ReadExactlyAsync(names, ct);
            ReadOnlyMemory<byte> extra = names.AsMemory(nameLength);
            while (extra.Length >= 4)
            {
                int fieldLength = BinaryPrimitives.ReadUInt16LittleEndian(extra.Span[2..]);
                if (fieldLength > extra.Length - 4)
                {
                    break;
                }

                if (BinaryPrimitives.ReadUInt16LittleEndian(extra.Span) == 1 && fieldLength >= 16 && size == uint.MaxValue)
                {
                    size = BinaryPrimitives.ReadInt64LittleEndian(extra.Span[4..]);
                    compressed = BinaryPrimitives.ReadInt64LittleEndian(extra.Span[12..]);
                }

                extra = extra[(4 + fieldLength)..];
            }

            long next = data + compressed;
            if ((flags & 8) != 0)
            {
                (long End, uint Crc, long Compressed, long Size)? descriptor = await FindDescriptorAsync(archive, data, ct);
                if (descriptor is not { } found)
                {
                    break;
                }

                (next, crc, compressed, size) = found;
            }

            if (compressed < 0 || next > length)
            {
                break;
            }

            ushort time = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(10));
            ushort date = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(12));
            onEntry(new ZipEntry(EntryNames.Decode(names.AsSpan(0, Math.Min(nameLength, limits.MaxNameBytes))), at, compressed, size, crc, method, flags, 0,
                ZipDirectory.DosTime(date, time)));
            at = next;
        }

        return length;
    }

    private static async Task<(long End, uint Crc, long Compressed, long Size)?> FindDescriptorAsync(Stream archive, long data, CancellationToken ct)
    {
        byte[] buffer = new byte[256 << 10];
        int held = 0;
        long start = data;
        archive.Position = data;
        while (true)
        {
            int read = await archive.ReadAtLeastAsync(buffer.AsMemory(held), buffer.Length - held, throwOnEndOfStream: false, ct);
            held += read;
            int at = 0;
            while (true)
            {
                int hit = buffer.AsSpan(at, held - at).IndexOf("PK\u0007\u0008"u8);
                if (hit < 0 || at + hit + 24 > held)
                {
                    // A descriptor at the very end has no next header behind it and is the short form.
                    if (hit >= 0 && read < buffer.Length - (held - read) && at + hit + 16 <= held && Short(buffer.AsSpan(at + hit), start + at + hit - data) is { } last)
                    {
                        return (start + at + hit + 16, last.Crc, last.Compressed, last.Size);
                    }

                    break;
                }

                at += hit;
                long distance = start + at - data;
                if (BinaryPrimitives.ReadInt64LittleEndian(buffer.AsSpan(at + 8)) == distance)
                {
                    return (start + at + 24, BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(at + 4)), distance, BinaryPrimitives.ReadInt64LittleEndian(buffer.AsSpan(at + 16)));
                }

                if (Short(buffer.AsSpan(at), distance) is { } found)
                {
                    return (start + at + 16, found.Crc, found.Compressed, found.Size);
                }

                at += 4;
            }

            if (read == 0)
            {
                return null;
            }

            int keep = Math.Min(held, 27);
            buffer.AsSpan(held - keep, keep).CopyTo(buffer);
            start += held - keep;
            held = keep;
        }
    }

    private static (uint Crc, long Compressed, long Size)? Short(ReadOnlySpan<byte> descriptor, long distance) =>
        BinaryPrimitives.ReadUInt32LittleEndian(descriptor[8..]) == distance
            ? (BinaryPrimitives.ReadUInt32LittleEndian(descriptor[4..]), distance, BinaryPrimitives.ReadUInt32LittleEndian(descriptor[12..]))
            : null;
}
