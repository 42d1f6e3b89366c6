using System.Buffers.Binary;
using Kloset.Envelopes;
using Kloset.Repositories;

namespace Kloset.Packfiles;

/// <summary>One blob of a packfile's index. Offsets count from the start of the payload, 16 bytes into the file.</summary>
internal readonly record struct PackfileRecord(BlobType Type, uint Version, Mac Id, long Offset, uint Length, uint Flags)
{
    public const int Size = 56;

    public static PackfileRecord Read(ReadOnlySpan<byte> bytes)
    {
        var type = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        var offset = BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]);
        if (type > byte.MaxValue)
            throw new MalformedException($"its index names a blob of type {type}");
        if (offset > long.MaxValue)
            throw new MalformedException($"its index names the offset {offset}");
        return new PackfileRecord(
            (BlobType)type, BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]), new Mac(bytes.Slice(8, Mac.Size)), (long)offset,
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[48..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[52..]));
    }

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)Type);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], Version);
        Id.CopyTo(bytes[8..]);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[40..], Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[48..], Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[52..], Flags);
    }
}

/// <param name="Time">Unix nanoseconds; maintenance judges orphans by it.</param>
/// <param name="IndexOffset">From the payload's start; the length of the blob area.</param>
internal readonly record struct PackfileFooter(long Time, uint Count, long IndexOffset, Mac IndexMac, uint Flags)
{
    public const int Size = 56;

    public static PackfileFooter Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
            throw new MalformedException($"its footer has {bytes.Length} bytes");
        var offset = BinaryPrimitives.ReadUInt64LittleEndian(bytes[12..]);
        if (offset > long.MaxValue)
            throw new MalformedException($"its footer names the offset {offset}");
        return new PackfileFooter(
            BinaryPrimitives.ReadInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]), (long)offset,
            new Mac(bytes.Slice(20, Mac.Size)), BinaryPrimitives.ReadUInt32LittleEndian(bytes[52..]));
    }

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteInt64LittleEndian(bytes, Time);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], Count);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[12..], IndexOffset);
        IndexMac.CopyTo(bytes[20..]);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[52..], Flags);
    }
}

/// <summary>A packfile's end, decoded and checked.</summary>
internal sealed record PackfileIndex(PackfileFooter Footer, IReadOnlyList<PackfileRecord> Records)
{
    public const uint NewestVersion = 0x00010000;

    /// <summary>More footer than 56 bytes can ever take, whatever the encoding.</summary>
    public const int MaxEncodedFooter = 4096;

    public static string KeyOf(in Mac id)
    {
        var hex = id.ToString();
        return $"packfiles/{hex[..2]}/{hex}";
    }

    /// <param name="payload">The payload, or a tail of it of at least <see cref="MaxEncodedFooter"/> + 4 bytes.</param>
    public static PackfileFooter ReadFooter(BlobCodec codec, ReadOnlySpan<byte> payload)
    {
        var length = (int)FooterLength(payload, payload.Length);
        using var clear = new PooledBuffer();
        codec.Decode(payload[^(4 + length)..^4], clear, PackfileFooter.Size);
        return PackfileFooter.Read(clear.Span);
    }

    private static uint FooterLength(ReadOnlySpan<byte> payload, long total)
    {
        if (payload.Length < 4)
            throw new MalformedException("it is too short for a packfile");
        var length = BinaryPrimitives.ReadUInt32LittleEndian(payload[^4..]);
        return length <= MaxEncodedFooter && length <= total - 4
            ? length
            : throw new MalformedException($"its footer claims {length} bytes");
    }

    /// <param name="payload">The payload, or its tail of which <paramref name="skipped"/> bytes are missing in front.</param>
    /// <returns>Null when the tail does not reach back to the index; <paramref name="needed"/> says how long it must be.</returns>
    public static PackfileIndex? Read(BlobCodec codec, ReadOnlySpan<byte> payload, long skipped, out long needed)
    {
        needed = 0;
        var total = skipped + payload.Length;
        var footerLength = FooterLength(payload, total);
        if (payload.Length < 4 + footerLength)
        {
            needed = 4 + footerLength;
            return null;
        }

        var footer = ReadFooter(codec, payload);
        var indexEnd = total - 4 - footerLength;
        if (footer.IndexOffset > indexEnd)
            throw new MalformedException($"its index should start at {footer.IndexOffset}, behind its end");
        if (footer.IndexOffset < skipped)
        {
            needed = total - footer.IndexOffset;
            return null;
        }

        // Each record stands for at least one stored byte or an empty encoding; a lying count cannot ask for more than the encoding may hold.
        var indexSize = (long)footer.Count * PackfileRecord.Size;
        if (indexSize > int.MaxValue)
            throw new MalformedException($"its index claims {footer.Count} records");
        using var index = new PooledBuffer();
        codec.Decode(payload[(int)(footer.IndexOffset - skipped)..^(4 + (int)footerLength)], index, indexSize);
        if (index.Length != indexSize)
            throw new MalformedException($"its index has {index.Length} bytes where {footer.Count} records need {indexSize}");
        if (codec.ComputeMac(index.Span) != footer.IndexMac)
            throw new MalformedException("its index does not match its MAC");
        var records = new List<PackfileRecord>((int)footer.Count);
        for (var at = 0; at < index.Length; at += PackfileRecord.Size)
        {
            var record = PackfileRecord.Read(index.Span.Slice(at, PackfileRecord.Size));
            if (record.Offset > footer.IndexOffset || record.Length > footer.IndexOffset - record.Offset)
                throw new MalformedException($"its index places a blob at {record.Offset} + {record.Length}, outside the blobs");
            records.Add(record);
        }

        return new PackfileIndex(footer, records);
    }

    /// <summary>Checks the envelope of a whole packfile, and reads its index.</summary>
    public static PackfileIndex ReadWhole(BlobCodec codec, ReadOnlySpan<byte> file)
    {
        StorageEnvelope.ReadHeader(file, ResourceType.Packfile, NewestVersion);
        if (codec.ComputeMac(file[..^StorageEnvelope.TagSize]) != new Mac(file[^StorageEnvelope.TagSize..]))
            throw new MalformedException("its content does not match its tag");
        return Read(codec, StorageEnvelope.Payload(file), 0, out _)!;
    }
}
