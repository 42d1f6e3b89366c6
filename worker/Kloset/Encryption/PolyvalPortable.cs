using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Kloset.Encryption;

/// <summary>POLYVAL (RFC 8452, section 3) in integers, in constant time. See <see cref="PolyvalHardware"/> for the arithmetic.</summary>
internal struct PolyvalPortable
{
    private readonly ulong _keyLow;
    private readonly ulong _keyHigh;
    private readonly ulong _reversedKeyLow;
    private readonly ulong _reversedKeyHigh;
    private ulong _low;
    private ulong _high;

    public PolyvalPortable(ReadOnlySpan<byte> key)
    {
        _keyLow = BinaryPrimitives.ReadUInt64LittleEndian(key);
        _keyHigh = BinaryPrimitives.ReadUInt64LittleEndian(key[8..]);
        _reversedKeyLow = ReverseBits(_keyLow);
        _reversedKeyHigh = ReverseBits(_keyHigh);
    }

    /// <summary>Takes whole blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Update(ReadOnlySpan<byte> blocks)
    {
        for (; !blocks.IsEmpty; blocks = blocks[16..])
        {
            ulong low = _low ^ BinaryPrimitives.ReadUInt64LittleEndian(blocks);
            ulong high = _high ^ BinaryPrimitives.ReadUInt64LittleEndian(blocks[8..]);
            ulong reversedLow = ReverseBits(low);
            ulong reversedHigh = ReverseBits(high);

            // Karatsuba, twice: once for the low halves of the three products, once on reversed operands for the high halves.
            ulong lowLow = LowProduct(low, _keyLow);
            ulong highLow = LowProduct(high, _keyHigh);
            ulong middleLow = LowProduct(low ^ high, _keyLow ^ _keyHigh) ^ lowLow ^ highLow;
            ulong lowHigh = HighProduct(reversedLow, _reversedKeyLow);
            ulong highHigh = HighProduct(reversedHigh, _reversedKeyHigh);
            ulong middleHigh = HighProduct(reversedLow ^ reversedHigh, _reversedKeyLow ^ _reversedKeyHigh) ^ lowHigh ^ highHigh;

            ulong word0 = lowLow;
            ulong word1 = lowHigh ^ middleLow;
            ulong word2 = highLow ^ middleHigh;
            ulong word3 = highHigh;

            // Fold word 0, then word 1, by x^63 + x^62 + x^57 of the words above.
            word1 ^= (word0 << 63) ^ (word0 << 62) ^ (word0 << 57);
            word2 ^= word0 ^ (word0 >> 1) ^ (word0 >> 2) ^ (word0 >> 7);
            word2 ^= (word1 << 63) ^ (word1 << 62) ^ (word1 << 57);
            word3 ^= word1 ^ (word1 >> 1) ^ (word1 >> 2) ^ (word1 >> 7);
            _low = word2;
            _high = word3;
        }
    }

    public readonly void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, _low);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], _high);
    }

    // The lower 64 bits of a carry-less product. With only every fourth bit set, at most 16 terms meet in a column; a carry of 16 leaves
    // its four bits only out of the topmost column, where it falls off.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong LowProduct(ulong a, ulong b)
    {
        const ulong Mask = 0x1111111111111111;
        ulong a0 = a & Mask, a1 = a & (Mask << 1), a2 = a & (Mask << 2), a3 = a & (Mask << 3);
        ulong b0 = b & Mask, b1 = b & (Mask << 1), b2 = b & (Mask << 2), b3 = b & (Mask << 3);
        ulong c0 = (a0 * b0) ^ (a1 * b3) ^ (a2 * b2) ^ (a3 * b1);
        ulong c1 = (a0 * b1) ^ (a1 * b0) ^ (a2 * b3) ^ (a3 * b2);
        ulong c2 = (a0 * b2) ^ (a1 * b1) ^ (a2 * b0) ^ (a3 * b3);
        ulong c3 = (a0 * b3) ^ (a1 * b2) ^ (a2 * b1) ^ (a3 * b0);
        return (c0 & Mask) | (c1 & (Mask << 1)) | (c2 & (Mask << 2)) | (c3 & (Mask << 3));
    }

    // The product of reversed operands is the reversed product, so its low half holds the high half, one bit up.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong HighProduct(ulong reversedA, ulong reversedB) => ReverseBits(LowProduct(reversedA, reversedB)) >> 1;

    private static ulong ReverseBits(ulong value)
    {
        value = ((value >> 1) & 0x5555555555555555) | ((value & 0x5555555555555555) << 1);
        value = ((value >> 2) & 0x3333333333333333) | ((value & 0x3333333333333333) << 2);
        value = ((value >> 4) & 0x0F0F0F0F0F0F0F0F) | ((value & 0x0F0F0F0F0F0F0F0F) << 4);
        return BinaryPrimitives.ReverseEndianness(value);
    }
}
