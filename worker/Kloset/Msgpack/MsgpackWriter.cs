using System.Buffers.Binary;

namespace Kloset.Msgpack;

/// <summary>
/// Writes the format's msgpack profile (format document, section 4): fixed-width integers except Go's `int`, nil apart from empty.
/// The buffer is kept between uses; see <see cref="Reset"/>.
/// </summary>
internal sealed class MsgpackWriter(int capacity = 512)
{
    private byte[] _buffer = new byte[capacity];
    private int _length;

    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _length);

    public ReadOnlyMemory<byte> WrittenMemory => _buffer.AsMemory(0, _length);

    public int Length => _length;

    public void Reset() => _length = 0;

    public byte[] ToArray() => Written.ToArray();

    public void MapHeader(int count) => Header(count, 0x80, 0xDE, 0xDF);

    public void ArrayHeader(int count) => Header(count, 0x90, 0xDC, 0xDD);

    public void Nil() => Grow(1)[0] = 0xC0;

    /// <summary>An ASCII field name shorter than 32 bytes.</summary>
    public void Key(ReadOnlySpan<byte> name)
    {
        var span = Grow(1 + name.Length);
        span[0] = (byte)(0xA0 | name.Length);
        name.CopyTo(span[1..]);
    }

    public void Text(ReadOnlySpan<byte> text)
    {
        switch (text.Length)
        {
            case < 32:
                Grow(1)[0] = (byte)(0xA0 | text.Length);
                break;
            case < 256:
                var one = Grow(2);
                one[0] = 0xD9;
                one[1] = (byte)text.Length;
                break;
            case < 65536:
                var two = Grow(3);
                two[0] = 0xDA;
                BinaryPrimitives.WriteUInt16BigEndian(two[1..], (ushort)text.Length);
                break;
            default:
                var four = Grow(5);
                four[0] = 0xDB;
                BinaryPrimitives.WriteInt32BigEndian(four[1..], text.Length);
                break;
        }

        text.CopyTo(Grow(text.Length));
    }

    public void String(string text)
    {
        if (System.Text.Ascii.IsValid(text) && text.Length <= 256)
        {
            Span<byte> bytes = stackalloc byte[text.Length];
            System.Text.Encoding.ASCII.GetBytes(text, bytes);
            Text(bytes);
        }
        else
            Text(LosslessText.Encode(text));
    }

    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        switch (bytes.Length)
        {
            case < 256:
                var one = Grow(2);
                one[0] = 0xC4;
                one[1] = (byte)bytes.Length;
                break;
            case < 65536:
                var two = Grow(3);
                two[0] = 0xC5;
                BinaryPrimitives.WriteUInt16BigEndian(two[1..], (ushort)bytes.Length);
                break;
            default:
                var four = Grow(5);
                four[0] = 0xC6;
                BinaryPrimitives.WriteInt32BigEndian(four[1..], bytes.Length);
                break;
        }

        bytes.CopyTo(Grow(bytes.Length));
    }

    public void Mac(in Mac mac) => Bytes(Kloset.Mac.BytesOf(in mac));

    public void Uuid(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        Bytes(bytes);
    }

    public void UInt8(byte value)
    {
        var span = Grow(2);
        span[0] = 0xCC;
        span[1] = value;
    }

    public void UInt16(ushort value)
    {
        var span = Grow(3);
        span[0] = 0xCD;
        BinaryPrimitives.WriteUInt16BigEndian(span[1..], value);
    }

    public void UInt32(uint value)
    {
        var span = Grow(5);
        span[0] = 0xCE;
        BinaryPrimitives.WriteUInt32BigEndian(span[1..], value);
    }

    public void UInt64(ulong value)
    {
        var span = Grow(9);
        span[0] = 0xCF;
        BinaryPrimitives.WriteUInt64BigEndian(span[1..], value);
    }

    public void Int64(long value)
    {
        var span = Grow(9);
        span[0] = 0xD3;
        BinaryPrimitives.WriteInt64BigEndian(span[1..], value);
    }

    /// <summary>Go's machine `int`: the shortest code.</summary>
    public void CompactInt(long value)
    {
        switch (value)
        {
            case >= 0 and <= 0x7F:
            case >= -32 and < 0:
                Grow(1)[0] = unchecked((byte)value);
                break;
            case >= 0 and <= byte.MaxValue:
                UInt8((byte)value);
                break;
            case >= 0 and <= ushort.MaxValue:
                UInt16((ushort)value);
                break;
            case >= 0 and <= uint.MaxValue:
                UInt32((uint)value);
                break;
            case >= 0:
                UInt64((ulong)value);
                break;
            case >= sbyte.MinValue:
                var one = Grow(2);
                one[0] = 0xD0;
                one[1] = unchecked((byte)value);
                break;
            case >= short.MinValue:
                var two = Grow(3);
                two[0] = 0xD1;
                BinaryPrimitives.WriteInt16BigEndian(two[1..], (short)value);
                break;
            case >= int.MinValue:
                var four = Grow(5);
                four[0] = 0xD2;
                BinaryPrimitives.WriteInt32BigEndian(four[1..], (int)value);
                break;
            default:
                Int64(value);
                break;
        }
    }

    public void Double(double value)
    {
        var span = Grow(9);
        span[0] = 0xCB;
        BinaryPrimitives.WriteDoubleBigEndian(span[1..], value);
    }

    public void Bool(bool value) => Grow(1)[0] = value ? (byte)0xC3 : (byte)0xC2;

    public void Time(Timestamp time)
    {
        if (time.Seconds is >= 0 and <= 0x3_FFFF_FFFF)
        {
            var packed = ((ulong)time.Nanoseconds << 34) | (ulong)time.Seconds;
            if (packed <= uint.MaxValue)
            {
                var four = Grow(6);
                four[0] = 0xD6;
                four[1] = 0xFF;
                BinaryPrimitives.WriteUInt32BigEndian(four[2..], (uint)packed);
                return;
            }

            var eight = Grow(10);
            eight[0] = 0xD7;
            eight[1] = 0xFF;
            BinaryPrimitives.WriteUInt64BigEndian(eight[2..], packed);
            return;
        }

        var twelve = Grow(15);
        twelve[0] = 0xC7;
        twelve[1] = 12;
        twelve[2] = 0xFF;
        BinaryPrimitives.WriteUInt32BigEndian(twelve[3..], (uint)time.Nanoseconds);
        BinaryPrimitives.WriteInt64BigEndian(twelve[7..], time.Seconds);
    }

    /// <summary>Bytes that are msgpack already.</summary>
    public void Raw(ReadOnlySpan<byte> encoded) => encoded.CopyTo(Grow(encoded.Length));

    private void Header(int count, byte fix, byte code16, byte code32)
    {
        switch (count)
        {
            case < 16:
                Grow(1)[0] = (byte)(fix | count);
                break;
            case < 65536:
                var two = Grow(3);
                two[0] = code16;
                BinaryPrimitives.WriteUInt16BigEndian(two[1..], (ushort)count);
                break;
            default:
                var four = Grow(5);
                four[0] = code32;
                BinaryPrimitives.WriteInt32BigEndian(four[1..], count);
                break;
        }
    }

    private Span<byte> Grow(int count)
    {
        if (_buffer.Length - _length < count)
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + count));
        var span = _buffer.AsSpan(_length, count);
        _length += count;
        return span;
    }
}
