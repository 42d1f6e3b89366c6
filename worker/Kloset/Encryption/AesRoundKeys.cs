using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using Aes = System.Runtime.Intrinsics.X86.Aes;

namespace Kloset.Encryption;

/// <summary>The 15 round keys of AES-256, expanded with AES-NI (FIPS 197, section 5.2).</summary>
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
        this[2] = low = Even(low, Aes.KeygenAssist(high, 0x01));
        this[3] = high = Odd(high, Aes.KeygenAssist(low, 0));
        this[4] = low = Even(low, Aes.KeygenAssist(high, 0x02));
        this[5] = high = Odd(high, Aes.KeygenAssist(low, 0));
        this[6] = low = Even(low, Aes.KeygenAssist(high, 0x04));
        this[7] = high = Odd(high, Aes.KeygenAssist(low, 0));
        this[8] = low = Even(low, Aes.KeygenAssist(high, 0x08));
        this[9] = high = Odd(high, Aes.KeygenAssist(low, 0));
        this[10] = low = Even(low, Aes.KeygenAssist(high, 0x10));
        this[11] = high = Odd(high, Aes.KeygenAssist(low, 0));
        this[12] = low = Even(low, Aes.KeygenAssist(high, 0x20));
        this[13] = high = Odd(high, Aes.KeygenAssist(low, 0));
        this[14] = Even(low, Aes.KeygenAssist(high, 0x40));
    }

    /// <summary>The keys of the equivalent inverse cipher.</summary>
    public readonly void Invert(ref AesRoundKeys inverse)
    {
        inverse[0] = this[14];
        for (int round = 1; round < 14; round++)
        {
            inverse[round] = Aes.InverseMixColumns(this[14 - round]);
        }

        inverse[14] = this[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly Vector128<byte> EncryptBlock(Vector128<byte> block)
    {
        block ^= this[0];
        for (int round = 1; round < 14; round++)
        {
            block = Aes.Encrypt(block, this[round]);
        }

        return Aes.EncryptLast(block, this[14]);
    }

    /// <summary>Decrypts with keys made by <see cref="Invert"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly Vector128<byte> DecryptBlock(Vector128<byte> block)
    {
        block ^= this[0];
        for (int round = 1; round < 14; round++)
        {
            block = Aes.Decrypt(block, this[round]);
        }

        return Aes.DecryptLast(block, this[14]);
    }

    public void Clear() => CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes((Span<Vector128<byte>>)this));

    // RotWord(SubWord(w)) xor rcon is the fourth word of the assist, SubWord(w) alone its third.
    private static Vector128<byte> Even(Vector128<byte> key, Vector128<byte> assist) => Spread(key) ^ Sse2.Shuffle(assist.AsUInt32(), 0xFF).AsByte();

    private static Vector128<byte> Odd(Vector128<byte> key, Vector128<byte> assist) => Spread(key) ^ Sse2.Shuffle(assist.AsUInt32(), 0xAA).AsByte();

    // Each word becomes the xor of itself and all before it.
    private static Vector128<byte> Spread(Vector128<byte> key)
    {
        key ^= Sse2.ShiftLeftLogical128BitLane(key, 4);
        return key ^ Sse2.ShiftLeftLogical128BitLane(key, 8);
    }
}
