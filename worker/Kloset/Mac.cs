using System.Runtime.InteropServices;

namespace Kloset;

/// <summary>
/// 32 raw bytes: a keyed hash, or an identifier with the same shape (snapshot, packfile, state). Compared bytewise, unsigned.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public readonly struct Mac : IEquatable<Mac>, IComparable<Mac>
{
    public const int Size = 32;

    private readonly ulong _a;
    private readonly ulong _b;
    private readonly ulong _c;
    private readonly ulong _d;

    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    public Mac(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
            throw new ArgumentException($"A MAC has {Size} bytes, not {bytes.Length}.", nameof(bytes));
        this = MemoryMarshal.Read<Mac>(bytes);
    }

    public static Mac Zero => default;

    public bool IsZero => (_a | _b | _c | _d) == 0;

    /// <summary>The first eight bytes in memory order; evenly spread for hashing, of no meaning otherwise.</summary>
    internal ulong Prefix => _a;

    /// <summary>The first eight bytes as a number that orders as the bytes do.</summary>
    internal ulong SortKey => BitConverter.IsLittleEndian ? System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(_a) : _a;

    /// <summary>Bytes 8 to 23, evenly spread: for filters beside tables that use <see cref="Prefix"/>.</summary>
    internal (ulong First, ulong Second) Spread => (_b, _c);

    /// <summary>The bytes of a variable, without a copy.</summary>
    public static ReadOnlySpan<byte> BytesOf(in Mac mac) =>
        MemoryMarshal.AsBytes(new ReadOnlySpan<Mac>(in mac));

    public byte[] ToArray() => BytesOf(in this).ToArray();

    public void CopyTo(Span<byte> destination) => MemoryMarshal.Write(destination, in this);

    /// <summary>64 hexadecimal digits, upper or lower case.</summary>
    public static bool TryParse(ReadOnlySpan<char> hex, out Mac mac)
    {
        mac = default;
        if (hex.Length != Size * 2)
            return false;
        Span<byte> bytes = stackalloc byte[Size];
        if (Convert.FromHexString(hex, bytes, out _, out _) != System.Buffers.OperationStatus.Done)
            return false;
        mac = new Mac(bytes);
        return true;
    }

    /// <exception cref="FormatException">Not 64 hexadecimal digits.</exception>
    public static Mac Parse(ReadOnlySpan<char> hex) =>
        TryParse(hex, out var mac) ? mac : throw new FormatException($"'{hex}' is not 64 hexadecimal digits.");

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(BytesOf(in this));

    public bool Equals(Mac other) => _a == other._a && _b == other._b && _c == other._c && _d == other._d;

    public override bool Equals(object? obj) => obj is Mac other && Equals(other);

    public override int GetHashCode() => (int)(_a ^ (_a >> 32));

    public int CompareTo(Mac other) => BytesOf(in this).SequenceCompareTo(BytesOf(in other));

    public static bool operator ==(Mac left, Mac right) => left.Equals(right);

    public static bool operator !=(Mac left, Mac right) => !left.Equals(right);

    public static bool operator <(Mac left, Mac right) => left.CompareTo(right) < 0;

    public static bool operator <=(Mac left, Mac right) => left.CompareTo(right) <= 0;

    public static bool operator >(Mac left, Mac right) => left.CompareTo(right) > 0;

    public static bool operator >=(Mac left, Mac right) => left.CompareTo(right) >= 0;
}
