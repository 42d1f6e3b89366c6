using System.Buffers.Binary;

namespace Kloset.Msgpack;

/// <summary>
/// Reads the format's msgpack profile (format document, section 4) from a span. Accepts what the reference accepts: any integer code,
/// maps in any order, structs as arrays, nil for everything. Never allocates more than the input justifies.
/// </summary>
internal ref struct MsgpackReader(ReadOnlySpan<byte> input)
{
    /// <summary>Deeper nesting than any structure of the format has.</summary>
    private const int MaxDepth = 32;

    private ReadOnlySpan<byte> _rest = input;

    public readonly bool IsAtEnd => _rest.IsEmpty;

    public readonly int Remaining => _rest.Length;

    public readonly bool IsNil => !_rest.IsEmpty && _rest[0] == 0xC0;

    public bool TryReadNil()
    {
        if (!IsNil)
            return false;
        _rest = _rest[1..];
        return true;
    }

    public void ExpectEnd()
    {
        if (!_rest.IsEmpty)
            throw new MalformedException($"{_rest.Length} bytes follow the end of the structure");
    }

    /// <summary>Starts a struct: a map, an array of all fields in order, or nil.</summary>
    public StructCursor BeginStruct(byte[][] fields)
    {
        var code = TakeByte();
        switch (code)
        {
            case 0xC0:
                return new StructCursor(fields, 0, isArray: false);
            case >= 0x80 and <= 0x8F:
                return Map(code & 0x0F);
            case 0xDE:
                return Map(BinaryPrimitives.ReadUInt16BigEndian(Take(2)));
            case 0xDF:
                return Map(Length32());
            case >= 0x90 and <= 0x9F:
                return Array(code & 0x0F);
            case 0xDC:
                return Array(BinaryPrimitives.ReadUInt16BigEndian(Take(2)));
            case 0xDD:
                return Array(Length32());
            default:
                throw Unexpected("a map", code);
        }

        StructCursor Map(int count) => new(fields, count, isArray: false);

        StructCursor Array(int count) => count == fields.Length
            ? new StructCursor(fields, count, isArray: true)
            : throw new MalformedException($"a structure of {fields.Length} fields came as an array of {count}");
    }

    /// <returns>The index of the next field, or −1 at the end. Unknown fields are skipped.</returns>
    public int NextField(ref StructCursor cursor)
    {
        while (cursor.Next < cursor.Count)
        {
            var position = cursor.Next++;
            if (cursor.IsArray)
                return position;
            var key = ReadText();
            // Nearly always in declaration order, with some omitted: look from the last hit on, then from the start.
            for (var i = 0; i < cursor.Fields.Length; i++)
            {
                var candidate = cursor.Hint + i;
                if (candidate >= cursor.Fields.Length)
                    candidate -= cursor.Fields.Length;
                if (key.SequenceEqual(cursor.Fields[candidate]))
                {
                    cursor.Hint = candidate + 1 == cursor.Fields.Length ? 0 : candidate + 1;
                    return candidate;
                }
            }

            Skip();
        }

        return -1;
    }

    /// <returns>−1 for nil. At most as many as bytes remain.</returns>
    public int ReadArrayHeader()
    {
        var code = TakeByte();
        var count = code switch
        {
            0xC0 => -1,
            >= 0x90 and <= 0x9F => code & 0x0F,
            0xDC => BinaryPrimitives.ReadUInt16BigEndian(Take(2)),
            0xDD => Length32(),
            _ => throw Unexpected("a list", code),
        };
        if (count > _rest.Length)
            throw new MalformedException($"a list claims {count} elements where {_rest.Length} bytes are left");
        return count;
    }

    /// <summary>The bytes of a string or of binary data; nil is empty.</summary>
    public ReadOnlySpan<byte> ReadText()
    {
        var code = TakeByte();
        return code switch
        {
            0xC0 => default,
            >= 0xA0 and <= 0xBF => Take(code & 0x1F),
            0xC4 or 0xD9 => Take(TakeByte()),
            0xC5 or 0xDA => Take(BinaryPrimitives.ReadUInt16BigEndian(Take(2))),
            0xC6 or 0xDB => Take(Length32()),
            _ => throw Unexpected("a string", code),
        };
    }

    public string ReadString() => LosslessText.Decode(ReadText());

    /// <returns>Null for nil.</returns>
    public byte[]? ReadBytesOrNil() => TryReadNil() ? null : ReadText().ToArray();

    public Mac ReadMac()
    {
        var bytes = ReadText();
        if (bytes.Length == Mac.Size)
            return new Mac(bytes);
        if (bytes.Length > Mac.Size)
            throw new MalformedException($"a MAC of {bytes.Length} bytes");
        Span<byte> padded = stackalloc byte[Mac.Size];
        padded.Clear();
        bytes.CopyTo(padded);
        return new Mac(padded);
    }

    public Guid ReadUuid()
    {
        var bytes = ReadText();
        if (bytes.IsEmpty)
            return Guid.Empty;
        return bytes.Length == 16 ? new Guid(bytes, bigEndian: true) : throw new MalformedException($"a UUID of {bytes.Length} bytes");
    }

    public bool ReadBool()
    {
        var code = TakeByte();
        return code switch
        {
            0xC2 or 0xC0 => false,
            0xC3 => true,
            _ => throw Unexpected("a boolean", code),
        };
    }

    public ulong ReadUInt64() => unchecked((ulong)ReadInteger());

    public long ReadInt64() => ReadInteger();

    public uint ReadUInt32() => Narrow(ReadInteger(), uint.MaxValue, v => (uint)v);

    public ushort ReadUInt16() => Narrow(ReadInteger(), ushort.MaxValue, v => (ushort)v);

    public byte ReadByte() => Narrow(ReadInteger(), byte.MaxValue, v => (byte)v);

    public double ReadDouble()
    {
        if (_rest.IsEmpty)
            throw Truncated();
        switch (_rest[0])
        {
            case 0xCA:
                _rest = _rest[1..];
                return BinaryPrimitives.ReadSingleBigEndian(Take(4));
            case 0xCB:
                _rest = _rest[1..];
                return BinaryPrimitives.ReadDoubleBigEndian(Take(8));
            default:
                return ReadInteger();
        }
    }

    public Timestamp ReadTime()
    {
        var code = TakeByte();
        var length = code switch
        {
            0xC0 => 0,
            0xD6 => 4,
            0xD7 => 8,
            0xC7 => TakeByte(),
            _ => throw Unexpected("a time", code),
        };
        if (code == 0xC0)
            return Timestamp.GoZero;
        var type = (sbyte)TakeByte();
        if (type != -1)
            throw new MalformedException($"a time came as extension type {type}");
        var body = Take(length);
        Timestamp time;
        switch (length)
        {
            case 4:
                return new Timestamp(BinaryPrimitives.ReadUInt32BigEndian(body), 0);
            case 8:
                var packed = BinaryPrimitives.ReadUInt64BigEndian(body);
                time = new Timestamp((long)(packed & 0x3_FFFF_FFFF), (int)(packed >> 34));
                break;
            case 12:
                var nanoseconds = BinaryPrimitives.ReadUInt32BigEndian(body);
                if (nanoseconds > 999_999_999)
                    throw new MalformedException("a time with more than 999,999,999 nanoseconds");
                return new Timestamp(BinaryPrimitives.ReadInt64BigEndian(body[4..]), (int)nanoseconds);
            default:
                throw new MalformedException($"a time of {length} bytes");
        }

        return time.Nanoseconds is >= 0 and <= 999_999_999 ? time : throw new MalformedException("a time with more than 999,999,999 nanoseconds");
    }

    /// <summary>Skips one value of any kind.</summary>
    public void Skip() => Skip(0);

    private void Skip(int depth)
    {
        if (depth > MaxDepth)
            throw new MalformedException("nested too deeply");
        var code = TakeByte();
        switch (code)
        {
            case <= 0x7F or >= 0xE0 or 0xC0 or 0xC2 or 0xC3:
                break;
            case >= 0x80 and <= 0x8F:
                SkipMany(2L * (code & 0x0F), depth);
                break;
            case >= 0x90 and <= 0x9F:
                SkipMany(code & 0x0F, depth);
                break;
            case >= 0xA0 and <= 0xBF:
                Take(code & 0x1F);
                break;
            case 0xC4 or 0xD9:
                Take(TakeByte());
                break;
            case 0xC5 or 0xDA:
                Take(BinaryPrimitives.ReadUInt16BigEndian(Take(2)));
                break;
            case 0xC6 or 0xDB:
                Take(Length32());
                break;
            case 0xC7:
                Take(TakeByte() + 1);
                break;
            case 0xC8:
                Take(BinaryPrimitives.ReadUInt16BigEndian(Take(2)) + 1);
                break;
            case 0xC9:
                var length = Length32();
                Take(1);
                Take(length);
                break;
            case 0xCC or 0xD0:
                Take(1);
                break;
            case 0xCD or 0xD1:
                Take(2);
                break;
            case 0xCA or 0xCE or 0xD2:
                Take(4);
                break;
            case 0xCB or 0xCF or 0xD3:
                Take(8);
                break;
            case >= 0xD4 and <= 0xD8:
                Take((1 << (code - 0xD4)) + 1);
                break;
            case 0xDC:
                SkipMany(BinaryPrimitives.ReadUInt16BigEndian(Take(2)), depth);
                break;
            case 0xDD:
                SkipMany(Length32(), depth);
                break;
            case 0xDE:
                SkipMany(2L * BinaryPrimitives.ReadUInt16BigEndian(Take(2)), depth);
                break;
            case 0xDF:
                SkipMany(2L * Length32(), depth);
                break;
            default:
                throw Unexpected("a value", code);
        }
    }

    private void SkipMany(long count, int depth)
    {
        for (; count > 0; count--)
            Skip(depth + 1);
    }

    private long ReadInteger()
    {
        var code = TakeByte();
        return code switch
        {
            <= 0x7F => code,
            >= 0xE0 => (sbyte)code,
            0xC0 => 0,
            0xCC => TakeByte(),
            0xCD => BinaryPrimitives.ReadUInt16BigEndian(Take(2)),
            0xCE => BinaryPrimitives.ReadUInt32BigEndian(Take(4)),
            0xCF => unchecked((long)BinaryPrimitives.ReadUInt64BigEndian(Take(8))),
            0xD0 => (sbyte)TakeByte(),
            0xD1 => BinaryPrimitives.ReadInt16BigEndian(Take(2)),
            0xD2 => BinaryPrimitives.ReadInt32BigEndian(Take(4)),
            0xD3 => BinaryPrimitives.ReadInt64BigEndian(Take(8)),
            _ => throw Unexpected("an integer", code),
        };
    }

    private static T Narrow<T>(long value, uint max, Func<long, T> cast) =>
        value >= 0 && value <= max ? cast(value) : throw new MalformedException($"the number {value} does not fit its field");

    private int Length32()
    {
        var length = BinaryPrimitives.ReadUInt32BigEndian(Take(4));
        return length <= int.MaxValue ? (int)length : throw Truncated();
    }

    private byte TakeByte()
    {
        if (_rest.IsEmpty)
            throw Truncated();
        var value = _rest[0];
        _rest = _rest[1..];
        return value;
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if ((uint)count > (uint)_rest.Length)
            throw Truncated();
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    private static MalformedException Truncated() => new("the structure ends too early");

    private static MalformedException Unexpected(string wanted, byte code) => new($"found code 0x{code:x2} where {wanted} was expected");
}

/// <summary>Where a reader is inside a struct.</summary>
internal ref struct StructCursor(byte[][] fields, int count, bool isArray)
{
    public readonly byte[][] Fields = fields;
    public readonly int Count = count;
    public readonly bool IsArray = isArray;
    public int Next;
    public int Hint;
}

/// <summary>Field names of a struct, as bytes.</summary>
internal static class FieldNames
{
    public static byte[][] Of(params string[] names) => [.. names.Select(System.Text.Encoding.ASCII.GetBytes)];
}
