using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Kloset.Encryption;

/// <summary>
/// RFC 8452 on the runtime's own AES, which uses the processor's instructions on any architecture. Nothing depends on secret indices.
/// </summary>
internal static class AesGcmSivPortable
{
    private const int BlockSize = 16;
    private const int BatchSize = 64 * BlockSize;

    /// <summary>AES for single blocks. ECB is only the building block here: RFC 8452 is made of encrypted counters.</summary>
    public static Aes CreateAes(ReadOnlySpan<byte> key)
    {
        Aes aes = Aes.Create();
        aes.SetKey(key);
        return aes;
    }

    public static void Encrypt(Aes key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext, Span<byte> tag)
    {
        Span<byte> authentication = stackalloc byte[BlockSize];
        using Aes recordKey = DeriveKeys(key, nonce, authentication);
        Tag(recordKey, authentication, nonce, plaintext, tag);
        ApplyKeyStream(recordKey, tag, plaintext, ciphertext);
        CryptographicOperations.ZeroMemory(authentication);
    }

    public static void Decrypt(
        Aes key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, Span<byte> plaintext, Span<byte> expectedTag)
    {
        Span<byte> authentication = stackalloc byte[BlockSize];
        using Aes recordKey = DeriveKeys(key, nonce, authentication);
        ApplyKeyStream(recordKey, tag, ciphertext, plaintext);
        Tag(recordKey, authentication, nonce, plaintext, expectedTag);
        CryptographicOperations.ZeroMemory(authentication);
    }

    private static Aes DeriveKeys(Aes key, ReadOnlySpan<byte> nonce, Span<byte> authentication)
    {
        Span<byte> blocks = stackalloc byte[6 * BlockSize];
        for (int i = 0; i < 6; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(blocks[(i * BlockSize)..], i);
            nonce.CopyTo(blocks[((i * BlockSize) + 4)..]);
        }

        key.EncryptEcb(blocks, blocks, PaddingMode.None);
        for (int i = 1; i < 6; i++)
        {
            blocks.Slice(i * BlockSize, 8).CopyTo(blocks[(i * 8)..]);
        }

        blocks[..BlockSize].CopyTo(authentication);
        Aes recordKey = CreateAes(blocks.Slice(BlockSize, AesGcmSiv.KeySize));
        CryptographicOperations.ZeroMemory(blocks);
        return recordKey;
    }

    private static void Tag(Aes recordKey, ReadOnlySpan<byte> authentication, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext, Span<byte> tag)
    {
        PolyvalPortable polyval = new(authentication);
        int whole = plaintext.Length & ~(BlockSize - 1);
        polyval.Update(plaintext[..whole]);
        Span<byte> block = stackalloc byte[BlockSize];
        if (whole < plaintext.Length)
        {
            block.Clear();
            plaintext[whole..].CopyTo(block);
            polyval.Update(block);
        }

        BinaryPrimitives.WriteUInt64LittleEndian(block, 0);
        BinaryPrimitives.WriteUInt64LittleEndian(block[8..], (ulong)plaintext.Length * 8);
        polyval.Update(block);
        polyval.CopyTo(block);
        for (int i = 0; i < nonce.Length; i++)
        {
            block[i] ^= nonce[i];
        }

        block[15] &= 0x7F;
        recordKey.EncryptEcb(block, tag, PaddingMode.None);
    }

    [SkipLocalsInit]
    private static void ApplyKeyStream(Aes recordKey, ReadOnlySpan<byte> tag, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        Span<byte> counter = stackalloc byte[BlockSize];
        tag.CopyTo(counter);
        counter[15] |= 0x80;
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(counter);
        Span<byte> stream = stackalloc byte[BatchSize];
        while (!source.IsEmpty)
        {
            int taken = Math.Min(source.Length, BatchSize);
            Span<byte> blocks = stream[..((taken + BlockSize - 1) & ~(BlockSize - 1))];
            for (int at = 0; at < blocks.Length; at += BlockSize)
            {
                counter.CopyTo(blocks[at..]);
                BinaryPrimitives.WriteUInt32LittleEndian(blocks[at..], count++);
            }

            recordKey.EncryptEcb(blocks, blocks, PaddingMode.None);
            Xor(source[..taken], blocks, destination);
            source = source[taken..];
            destination = destination[taken..];
        }

        CryptographicOperations.ZeroMemory(stream);
    }

    private static void Xor(ReadOnlySpan<byte> source, ReadOnlySpan<byte> stream, Span<byte> destination)
    {
        int i = 0;
        for (; i <= source.Length - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            (new Vector<byte>(source[i..]) ^ new Vector<byte>(stream[i..])).CopyTo(destination[i..]);
        }

        for (; i < source.Length; i++)
        {
            destination[i] = (byte)(source[i] ^ stream[i]);
        }
    }
}
