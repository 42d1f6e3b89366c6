using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Kloset.Encryption;

/// <summary>The 15 round keys of AES-256, expanded by the processor's instructions (FIPS 197, section 5.2).</summary>
[InlineArray(Count)]
internal struct AesRoundKeys
{
    public const int Count = 15;

    private Vector128<byte> _element0;

    public void Expand(ReadOnlySpan<byte> key32)
    {
        ref byte key = ref MemoryMarshal.GetReference(key32);
        Expand(Vector128.LoadUnsafe(ref key), Vector128.LoadUnsafe(ref key, 16));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Expand(Vector128<byte> low, Vector128<byte> high)
    {
        this[0] = low;
        this[1] = high;
        this[2] = low = Even(low, high, 0x01);
        this[3] = high = Odd(high, low);
        this[4] = low = Even(low, high, 0x02);
        this[5] = high = Odd(high, low);
        this[6] = low = Even(low, high, 0x04);
        this[7] = high = Odd(high, low);
        this[8] = low = Even(low, high, 0x08);
        this[9] = high = Odd(high, low);
        this[10] = low = Even(low, high, 0x10);
        this[11] = high = Odd(high, low);
        this[12] = low = Even(low, high, 0x20);
        this[13] = high = Odd(high, low);
        this[14] = Even(low, high, 0x40);
    }

    /// <summary>The keys of the equivalent inverse cipher.</summary>
    public readonly void Invert(ref AesRoundKeys inverse)
    {
        inverse[0] = this[14];
        for (int round = 1; round < 14; round++)
        {
            inverse[round] = AesInstructions.InverseMixColumns(this[14 - round]);
        }

        inverse[14] = this[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly Vector128<byte> EncryptBlock(Vector128<byte> block)
    {
        block = AesInstructions.First(in this, block);
        for (int round = 1; round < 14; round++)
        {
            block = AesInstructions.Round(block, AesInstructions.Key(in this, round));
        }

        return AesInstructions.Last(in this, block);
    }

    /// <summary>Decrypts with keys made by <see cref="Invert"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly Vector128<byte> DecryptBlock(Vector128<byte> block)
    {
        block = AesInstructions.First(in this, block);
        for (int round = 1; round < 14; round++)
        {
            block = AesInstructions.InverseRound(block, AesInstructions.Key(in this, round));
        }

        return AesInstructions.InverseLast(in this, block);
    }

    public void Clear() => CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes((Span<Vector128<byte>>)this));

    // RotWord commutes with SubWord; a rotation of bytes to the left is one of bits to the right in little-endian words.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Even(Vector128<byte> key, Vector128<byte> before, uint constant)
    {
        Vector128<uint> word = AesInstructions.SubLastWord(before);
        return Spread(key) ^ ((word >>> 8) ^ (word << 24) ^ Vector128.Create(constant)).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Odd(Vector128<byte> key, Vector128<byte> before) => Spread(key) ^ AesInstructions.SubLastWord(before).AsByte();

    // Each word becomes the xor of itself and all before it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Spread(Vector128<byte> key)
    {
        key ^= AesInstructions.UpOneWord(key);
        return key ^ AesInstructions.UpTwoWords(key);
    }
}
