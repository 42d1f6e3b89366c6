using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using CsCheck;
using Kloset.Encryption;
using Kloset.Tests.Chunking;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Modes;
using Org.BouncyCastle.Crypto.Parameters;

namespace Kloset.Tests.Encryption;

public class AesGcmSivTests
{
    private const string Key1 = "0100000000000000000000000000000000000000000000000000000000000000";
    private const string Nonce3 = "030000000000000000000000";
    private const string Key0 = "0000000000000000000000000000000000000000000000000000000000000000";
    private const string Nonce0 = "000000000000000000000000";

    public static TheoryData<string> Paths => new(AesGcmSivPaths.Supported.Select(path => path.ToString()));

    // RFC 8452, appendix C.2 (without associated data) and C.3 (the counter wraps).
    [Theory]
    [InlineData(Key1, Nonce3, "", "07f5f4169bbf55a8400cd47ea6fd400f")]
    [InlineData(Key1, Nonce3, "0100000000000000", "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28")]
    [InlineData(Key1, Nonce3, "010000000000000000000000", "9aab2aeb3faa0a34aea8e2b18ca50da9ae6559e48fd10f6e5c9ca17e")]
    [InlineData(Key1, Nonce3, "01000000000000000000000000000000", "85a01b63025ba19b7fd3ddfc033b3e76c9eac6fa700942702e90862383c6c366")]
    [InlineData(Key1, Nonce3, "0100000000000000000000000000000002000000000000000000000000000000", "4a6a9db4c8c6549201b9edb53006cba821ec9cf850948a7c86c68ac7539d027fe819e63abcd020b006a976397632eb5d")]
    [InlineData(Key1, Nonce3, "010000000000000000000000000000000200000000000000000000000000000003000000000000000000000000000000", "c00d121893a9fa603f48ccc1ca3c57ce7499245ea0046db16c53c7c66fe717e39cf6c748837b61f6ee3adcee17534ed5790bc96880a99ba804bd12c0e6a22cc4")]
    [InlineData(Key1, Nonce3, "01000000000000000000000000000000020000000000000000000000000000000300000000000000000000000000000004000000000000000000000000000000", "c2d5160a1f8683834910acdafc41fbb1632d4a353e8b905ec9a5499ac34f96c7e1049eb080883891a4db8caaa1f99dd004d80487540735234e3744512c6f90ce112864c269fc0d9d88c61fa47e39aa08")]
    [InlineData(Key0, Nonce0, "000000000000000000000000000000004db923dc793ee6497c76dcc03a98e108", "f3f80f2cf0cb2dd9c5984fcda908456cc537703b5ba70324a6793a7bf218d3eaffffffff000000000000000000000000")]
    [InlineData(Key0, Nonce0, "eb3640277c7ffd1303c7a542d02d3e4c0000000000000000", "18ce4f0b8cb4d0cac65fea8f79257b20888e53e72299e56dffffffff000000000000000000000000")]
    public void Published_vectors(string key, string nonce, string plaintext, string result)
    {
        foreach (AesGcmSivPath path in AesGcmSivPaths.Supported)
        {
            using AesGcmSiv cipher = new(Convert.FromHexString(key), path);
            byte[] clear = Convert.FromHexString(plaintext);
            byte[] output = new byte[clear.Length + 16];
            cipher.Encrypt(Convert.FromHexString(nonce), clear, output.AsSpan(0, clear.Length), output.AsSpan(clear.Length));
            Assert.Equal(result, Convert.ToHexStringLower(output));
            byte[] decrypted = new byte[clear.Length];
            Assert.True(cipher.TryDecrypt(
                Convert.FromHexString(nonce), output.AsSpan(0, clear.Length), output.AsSpan(clear.Length), decrypted));
            Assert.Equal(clear, decrypted);
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Agrees_with_BouncyCastle_at_any_length(string pathName)
    {
        AesGcmSivPath path = Enum.Parse<AesGcmSivPath>(pathName);
        Gen.Select(Gen.OneOf(Gen.Int[0, 600], Gen.Int[0, 300 << 10]), Gen.ULong).Sample(
            (length, seed) => Compare(path, length, seed | 1), iter: 60, seed: "0000KVdVoW5U", threads: 1);
        for (int length = 0; length <= 16 * 20; length++)
        {
            Compare(path, length, (ulong)length + 1);
        }
    }

    // A block counter near its end, with whole batches of blocks after it: only a tag of our choice gets there, so decryption is compared.
    [Fact]
    public void All_paths_wrap_the_counter_inside_batches()
    {
        byte[] key = ChunkVectors.XorShift(3, 32);
        byte[] nonce = ChunkVectors.XorShift(4, 12);
        byte[] ciphertext = ChunkVectors.XorShift(5, 2000);
        for (uint before = 0; before < 40; before++)
        {
            byte[] tag = ChunkVectors.XorShift(6, 16);
            BitConverter.TryWriteBytes(tag, uint.MaxValue - before);
            byte[][] streams = [.. AesGcmSivPaths.Supported.Select(path =>
            {
                byte[] plaintext = new byte[ciphertext.Length];
                byte[] expected = new byte[16];
                if (path == AesGcmSivPath.Portable)
                {
                    using System.Security.Cryptography.Aes aes = AesGcmSivPortable.CreateAes(key);
                    AesGcmSivPortable.Decrypt(aes, nonce, ciphertext, tag, plaintext, expected);
                }
                else
                {
                    AesRoundKeys keys = default;
                    keys.Expand(key);
                    AesGcmSivHardware.Decrypt(in keys, nonce, ciphertext, tag, plaintext, expected, path == AesGcmSivPath.X86Wide);
                }

                return (byte[])[.. plaintext, .. expected];
            })];
            Assert.All(streams, stream => Assert.Equal(streams[0], stream));
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Every_flipped_bit_is_refused_and_leaves_no_plaintext(string pathName)
    {
        using AesGcmSiv cipher = new(ChunkVectors.XorShift(1, 32), Enum.Parse<AesGcmSivPath>(pathName));
        byte[] nonce = ChunkVectors.XorShift(2, 12);
        byte[] stored = new byte[40 + 16];
        cipher.Encrypt(nonce, ChunkVectors.XorShift(3, 40), stored.AsSpan(0, 40), stored.AsSpan(40));
        byte[] plaintext = new byte[40];
        for (int bit = 0; bit < stored.Length * 8; bit++)
        {
            stored[bit / 8] ^= (byte)(1 << (bit % 8));
            plaintext.AsSpan().Fill(1);
            Assert.False(cipher.TryDecrypt(nonce, stored.AsSpan(0, 40), stored.AsSpan(40), plaintext));
            Assert.Equal(new byte[40], plaintext);
            stored[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.True(cipher.TryDecrypt(nonce, stored.AsSpan(0, 40), stored.AsSpan(40), plaintext));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Works_in_place(string pathName)
    {
        using AesGcmSiv cipher = new(ChunkVectors.XorShift(1, 32), Enum.Parse<AesGcmSivPath>(pathName));
        byte[] nonce = ChunkVectors.XorShift(2, 12);
        byte[] data = ChunkVectors.XorShift(3, 5000);
        byte[] expected = new byte[5000];
        byte[] tag = new byte[16];
        byte[] expectedTag = new byte[16];
        cipher.Encrypt(nonce, data, expected, expectedTag);
        cipher.Encrypt(nonce, data, data, tag);
        Assert.Equal(expected, data);
        Assert.Equal(expectedTag, tag);
        Assert.True(cipher.TryDecrypt(nonce, data, tag, data));
        Assert.Equal(ChunkVectors.XorShift(3, 5000), data);
    }

    [Fact]
    public void Disposing_clears_the_round_keys()
    {
        Assert.SkipWhen(AesGcmSivPaths.Best == AesGcmSivPath.Portable, "The portable path leaves its keys to the runtime.");
        AesGcmSiv cipher = new(ChunkVectors.XorShift(1, 32), AesGcmSivPaths.Best);
        Assert.False(AllZero(cipher));
        cipher.Dispose();
        Assert.True(AllZero(cipher));
        Assert.Throws<ObjectDisposedException>(() => cipher.Encrypt(new byte[12], [], [], new byte[16]));

        static bool AllZero(AesGcmSiv cipher)
        {
            ReadOnlySpan<Vector128<byte>> keys = cipher.Key.RoundKeys;
            return MemoryMarshal.AsBytes(keys).IndexOfAnyExcept((byte)0) < 0;
        }
    }

    private static bool Compare(AesGcmSivPath path, int length, ulong seed)
    {
        byte[] key = ChunkVectors.XorShift(seed, 32);
        byte[] nonce = ChunkVectors.XorShift(seed ^ 0x55, 12);
        byte[] clear = ChunkVectors.XorShift(seed ^ 0xFF, length);
        using AesGcmSiv cipher = new(key, path);
        byte[] output = new byte[length + 16];
        cipher.Encrypt(nonce, clear, output.AsSpan(0, length), output.AsSpan(length));
        GcmSivBlockCipher oracle = new(new AesEngine());
        oracle.Init(true, new AeadParameters(new KeyParameter(key), 128, nonce));
        oracle.ProcessBytes(clear, 0, length, null, 0);
        byte[] expected = new byte[oracle.GetOutputSize(0)];
        oracle.DoFinal(expected, 0);
        Assert.Equal(expected, output);
        byte[] decrypted = new byte[length];
        Assert.True(cipher.TryDecrypt(nonce, output.AsSpan(0, length), output.AsSpan(length), decrypted));
        Assert.Equal(clear, decrypted);
        return true;
    }
}
