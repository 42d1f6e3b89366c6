using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Kloset.Encryption;

/// <summary>RFC 8452 on the processor's instructions for AES and carry-less multiplication.</summary>
internal static class AesGcmSivHardware
{
    private const int BlockSize = 16;

    [SkipLocalsInit]
    public static void Encrypt(
        in AesRoundKeys key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext, Span<byte> tag, bool wide)
    {
        Unsafe.SkipInit(out AesRoundKeys recordKey);
        Vector128<byte> authentication = DeriveKeys(in key, nonce, ref recordKey);
        Vector128<byte> computed = Tag(in recordKey, authentication, nonce, plaintext, wide);
        computed.CopyTo(tag);
        ApplyKeyStream(in recordKey, computed, plaintext, ciphertext);
        recordKey.Clear();
    }

    [SkipLocalsInit]
    public static void Decrypt(
        in AesRoundKeys key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, Span<byte> plaintext,
        Span<byte> expectedTag, bool wide)
    {
        Unsafe.SkipInit(out AesRoundKeys recordKey);
        Vector128<byte> authentication = DeriveKeys(in key, nonce, ref recordKey);
        ApplyKeyStream(in recordKey, Vector128.Create(tag), ciphertext, plaintext);
        Tag(in recordKey, authentication, nonce, plaintext, wide).CopyTo(expectedTag);
        recordKey.Clear();
    }

    // RFC 8452, section 4: the first halves of six encrypted counter blocks.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Vector128<byte> DeriveKeys(in AesRoundKeys key, ReadOnlySpan<byte> nonce, ref AesRoundKeys recordKey)
    {
        ref byte at = ref MemoryMarshal.GetReference(nonce);
        Vector128<uint> block = Vector128.Create(
            0, Unsafe.ReadUnaligned<uint>(ref at), Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref at, 4)),
            Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref at, 8)));
        Vector128<uint> one = Vector128.CreateScalar(1u);
        Vector128<byte> b0 = AesInstructions.First(in key, block.AsByte());
        Vector128<byte> b1 = AesInstructions.First(in key, (block += one).AsByte());
        Vector128<byte> b2 = AesInstructions.First(in key, (block += one).AsByte());
        Vector128<byte> b3 = AesInstructions.First(in key, (block += one).AsByte());
        Vector128<byte> b4 = AesInstructions.First(in key, (block += one).AsByte());
        Vector128<byte> b5 = AesInstructions.First(in key, (block += one).AsByte());
        for (int i = 1; i < 14; i++)
        {
            Vector128<byte> round = AesInstructions.Key(in key, i);
            b0 = AesInstructions.Round(b0, round);
            b1 = AesInstructions.Round(b1, round);
            b2 = AesInstructions.Round(b2, round);
            b3 = AesInstructions.Round(b3, round);
            b4 = AesInstructions.Round(b4, round);
            b5 = AesInstructions.Round(b5, round);
        }

        b0 = AesInstructions.Last(in key, b0);
        b1 = AesInstructions.Last(in key, b1);
        b2 = AesInstructions.Last(in key, b2);
        b3 = AesInstructions.Last(in key, b3);
        b4 = AesInstructions.Last(in key, b4);
        b5 = AesInstructions.Last(in key, b5);
        recordKey.Expand(FirstHalves(b2, b3), FirstHalves(b4, b5));
        return FirstHalves(b0, b1);
    }

    private static Vector128<byte> FirstHalves(Vector128<byte> a, Vector128<byte> b) => CarrylessProduct.LowerHalves(a.AsUInt64(), b.AsUInt64()).AsByte();

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Vector128<byte> Tag(
        in AesRoundKeys recordKey, Vector128<byte> authentication, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext, bool wide)
    {
        PolyvalHardware polyval = new(authentication.AsUInt64());
        int whole = plaintext.Length & ~(BlockSize - 1);
        polyval.Update(plaintext[..whole], wide);
        if (whole < plaintext.Length)
        {
            Span<byte> padded = stackalloc byte[BlockSize];
            padded.Clear();
            plaintext[whole..].CopyTo(padded);
            polyval.Update(padded, wide: false);
        }

        Vector128<byte> sum = polyval.Finish(Vector128.Create(0, (ulong)plaintext.Length * 8)).AsByte();
        Span<byte> paddedNonce = stackalloc byte[BlockSize];
        nonce.CopyTo(paddedNonce);
        paddedNonce[12..].Clear();
        sum ^= Vector128.Create((ReadOnlySpan<byte>)paddedNonce);
        sum &= Vector128.Create(ulong.MaxValue, long.MaxValue).AsByte();
        return recordKey.EncryptBlock(sum);
    }

    // Counter mode from the tag with its last bit set; the counter is the first 32-bit word and wraps by itself.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ApplyKeyStream(in AesRoundKeys key, Vector128<byte> tag, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        Vector128<uint> counter = (tag | Vector128.Create(0, 1UL << 63).AsByte()).AsUInt32();
        Vector128<uint> one = Vector128.CreateScalar(1u);
        ref byte from = ref MemoryMarshal.GetReference(source);
        ref byte to = ref MemoryMarshal.GetReference(destination);
        nint length = source.Length;
        nint at = 0;
        for (; at <= length - (8 * BlockSize); at += 8 * BlockSize)
        {
            Vector128<byte> b0 = AesInstructions.First(in key, counter.AsByte());
            Vector128<byte> b1 = AesInstructions.First(in key, (counter + one).AsByte());
            Vector128<byte> b2 = AesInstructions.First(in key, (counter + Vector128.CreateScalar(2u)).AsByte());
            Vector128<byte> b3 = AesInstructions.First(in key, (counter + Vector128.CreateScalar(3u)).AsByte());
            Vector128<byte> b4 = AesInstructions.First(in key, (counter + Vector128.CreateScalar(4u)).AsByte());
            Vector128<byte> b5 = AesInstructions.First(in key, (counter + Vector128.CreateScalar(5u)).AsByte());
            Vector128<byte> b6 = AesInstructions.First(in key, (counter + Vector128.CreateScalar(6u)).AsByte());
            Vector128<byte> b7 = AesInstructions.First(in key, (counter + Vector128.CreateScalar(7u)).AsByte());
            counter += Vector128.CreateScalar(8u);
            for (int i = 1; i < 14; i++)
            {
                Vector128<byte> round = AesInstructions.Key(in key, i);
                b0 = AesInstructions.Round(b0, round);
                b1 = AesInstructions.Round(b1, round);
                b2 = AesInstructions.Round(b2, round);
                b3 = AesInstructions.Round(b3, round);
                b4 = AesInstructions.Round(b4, round);
                b5 = AesInstructions.Round(b5, round);
                b6 = AesInstructions.Round(b6, round);
                b7 = AesInstructions.Round(b7, round);
            }

            ref byte f = ref Unsafe.Add(ref from, at);
            ref byte t = ref Unsafe.Add(ref to, at);
            (Vector128.LoadUnsafe(ref f) ^ AesInstructions.Last(in key, b0)).StoreUnsafe(ref t);
            (Vector128.LoadUnsafe(ref f, 16) ^ AesInstructions.Last(in key, b1)).StoreUnsafe(ref t, 16);
            (Vector128.LoadUnsafe(ref f, 32) ^ AesInstructions.Last(in key, b2)).StoreUnsafe(ref t, 32);
            (Vector128.LoadUnsafe(ref f, 48) ^ AesInstructions.Last(in key, b3)).StoreUnsafe(ref t, 48);
            (Vector128.LoadUnsafe(ref f, 64) ^ AesInstructions.Last(in key, b4)).StoreUnsafe(ref t, 64);
            (Vector128.LoadUnsafe(ref f, 80) ^ AesInstructions.Last(in key, b5)).StoreUnsafe(ref t, 80);
            (Vector128.LoadUnsafe(ref f, 96) ^ AesInstructions.Last(in key, b6)).StoreUnsafe(ref t, 96);
            (Vector128.LoadUnsafe(ref f, 112) ^ AesInstructions.Last(in key, b7)).StoreUnsafe(ref t, 112);
        }

        for (; at <= length - BlockSize; at += BlockSize)
        {
            Vector128<byte> stream = key.EncryptBlock(counter.AsByte());
            counter += one;
            (Vector128.LoadUnsafe(ref Unsafe.Add(ref from, at)) ^ stream).StoreUnsafe(ref Unsafe.Add(ref to, at));
        }

        if (at < length)
        {
            Span<byte> stream = stackalloc byte[BlockSize];
            key.EncryptBlock(counter.AsByte()).CopyTo(stream);
            for (int i = 0; at + i < length; i++)
            {
                Unsafe.Add(ref to, at + i) = (byte)(Unsafe.Add(ref from, at + i) ^ stream[i]);
            }
        }
    }
}
