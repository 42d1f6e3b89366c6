using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Kloset.Encryption;

/// <summary>AES key wrap (RFC 3394, section 2.2, with the default initial value) for keys of 16 to 64 bytes.</summary>
internal static class AesKeyWrap
{
    /// <summary>Bytes that wrapping adds.</summary>
    public const int Overhead = 8;

    private const ulong InitialValue = 0xA6A6A6A6A6A6A6A6;
    private const int MaxWords = 8;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Wrap(AesBlockCipher keyEncryptionKey, ReadOnlySpan<byte> key, Span<byte> wrapped)
    {
        int words = Words(key.Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(wrapped.Length, key.Length + Overhead);
        Span<ulong> r = stackalloc ulong[MaxWords];
        for (int i = 0; i < words; i++)
        {
            r[i] = Unsafe.ReadUnaligned<ulong>(in key[i * 8]);
        }

        ulong a = InitialValue;
        ulong step = 1;
        for (int pass = 0; pass < 6; pass++)
        {
            for (int i = 0; i < words; i++, step++)
            {
                Vector128<ulong> block = keyEncryptionKey.Encrypt(Vector128.Create(a, r[i]).AsByte()).AsUInt64();
                // The step counter is big-endian; the words are kept as they lie in memory.
                a = block[0] ^ BinaryPrimitives.ReverseEndianness(step);
                r[i] = block[1];
            }
        }

        Unsafe.WriteUnaligned(ref wrapped[0], a);
        for (int i = 0; i < words; i++)
        {
            Unsafe.WriteUnaligned(ref wrapped[(i + 1) * 8], r[i]);
        }
    }

    /// <summary>False when the wrapped key was not made under this key-encryption key, or is damaged; <paramref name="key"/> is then cleared.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryUnwrap(AesBlockCipher keyEncryptionKey, ReadOnlySpan<byte> wrapped, Span<byte> key)
    {
        int words = Words(key.Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(wrapped.Length, key.Length + Overhead);
        ulong a = Unsafe.ReadUnaligned<ulong>(in wrapped[0]);
        Span<ulong> r = stackalloc ulong[MaxWords];
        for (int i = 0; i < words; i++)
        {
            r[i] = Unsafe.ReadUnaligned<ulong>(in wrapped[(i + 1) * 8]);
        }

        ulong step = 6 * (ulong)words;
        for (int pass = 0; pass < 6; pass++)
        {
            for (int i = words - 1; i >= 0; i--, step--)
            {
                Vector128<ulong> block = keyEncryptionKey.Decrypt(
                    Vector128.Create(a ^ BinaryPrimitives.ReverseEndianness(step), r[i]).AsByte()).AsUInt64();
                a = block[0];
                r[i] = block[1];
            }
        }

        bool authentic = a == InitialValue;
        for (int i = 0; i < words; i++)
        {
            Unsafe.WriteUnaligned(ref key[i * 8], authentic ? r[i] : 0);
        }

        CryptographicOperations.ZeroMemory(System.Runtime.InteropServices.MemoryMarshal.AsBytes(r));
        return authentic;
    }

    private static int Words(int keyLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keyLength, 16);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(keyLength, MaxWords * 8);
        ArgumentOutOfRangeException.ThrowIfNotEqual(keyLength % 8, 0);
        return keyLength / 8;
    }
}
