using CsCheck;
using Kloset.Hashing;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Parameters;

namespace Kloset.Tests.Hashing;

public class Blake3Tests
{
    // The lengths of BLAKE3's official test vectors, then the borders of our own segments and vector widths.
    private static readonly int[] Lengths =
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 63, 64, 65, 127, 128, 129, 1023, 1024, 1025, 2048, 2049, 3072, 3073, 4096, 4097, 5120, 5121, 6144, 6145,
        7168, 7169, 8192, 8193, 16384, 31744, 102400,
        9216, 15360, 16383, 16385, 17408, 32768, 64512, 65535, 65536, 65537, 66560, 131071, 131072, 131073, 196608, 196609, 262144, 262145,
        300000, 458752, 524289,
    ];

    private static readonly byte[] Key = "whats the Elvish word for friend"u8.ToArray();

    public static TheoryData<string> Paths => new(Blake3Paths.Supported.Select(path => path.ToString()));

    [Fact]
    public void Every_path_of_this_processor_is_tested()
    {
        Assert.Contains(Blake3Path.Scalar, Blake3Paths.Supported);
        Assert.Contains(Blake3Paths.Best, Blake3Paths.Supported);
    }

    [Theory]
    [InlineData("", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262")]
    [InlineData("abc", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85")]
    public void Known_hashes(string text, string expected)
    {
        foreach (Blake3Path path in Blake3Paths.Supported)
        {
            byte[] hash = new byte[32];
            Blake3.Hash(path, System.Text.Encoding.ASCII.GetBytes(text), hash);
            Assert.Equal(expected, Convert.ToHexStringLower(hash));
        }
    }

    // Section 21.2 of the format description: the MAC key of a plaintext repository is the plain hash of its identifier.
    [Theory]
    [InlineData("92f9125bd67f45a080d32946af134a3e", "a2fa81d055417a909d61b62f611df0533a2662de81886b1d2dc357c1ebf48286", "kloset fixture", "473f76b5829a53872a2297bf7f714f08f97563f52cda37f7ccea60b9985f339b")]
    [InlineData("92f9125bd67f45a080d32946af134a3e", "a2fa81d055417a909d61b62f611df0533a2662de81886b1d2dc357c1ebf48286", "", "d5558dc34ad16e2dbd1ed266a580eb6da1976c045da9e20f1407c39d4b9c9e75")]
    [InlineData("00112233445566778899aabbccddeeff", "2ff58ddf3d00b27143e7960de70679f11786176dc50d3ffd688b8aa4d1bd4294", "hello kloset\n", "5ca176995c192e8e81f3ae10d206204e8ee902429de1d24e04d0a8e4bea74947")]
    [InlineData("00112233445566778899aabbccddeeff", "2ff58ddf3d00b27143e7960de70679f11786176dc50d3ffd688b8aa4d1bd4294", "", "3a77dbd14805b47c2514acb2003f0b5cc99aa7dc3ec4f608ac77a7b03ac0755f")]
    public void The_MACs_of_real_repositories(string repository, string key, string text, string mac)
    {
        foreach (Blake3Path path in Blake3Paths.Supported)
        {
            byte[] macKey = new byte[32];
            Blake3.Hash(path, Convert.FromHexString(repository), macKey);
            Assert.Equal(key, Convert.ToHexStringLower(macKey));
            byte[] hash = new byte[32];
            Blake3.KeyedHash(path, macKey, System.Text.Encoding.ASCII.GetBytes(text), hash);
            Assert.Equal(mac, Convert.ToHexStringLower(hash));
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Agrees_with_BouncyCastle_at_all_lengths_of_the_official_vectors(string pathName)
    {
        Blake3Path path = Enum.Parse<Blake3Path>(pathName);
        foreach (int length in Lengths)
        {
            byte[] data = Pattern(length);
            byte[] hash = new byte[32];
            Blake3.Hash(path, data, hash);
            Assert.Equal(Oracle(null, data), hash);
            Blake3.KeyedHash(path, Key, data, hash);
            Assert.Equal(Oracle(Key, data), hash);
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Pieces_give_the_hash_of_the_whole(string pathName)
    {
        Blake3Path path = Enum.Parse<Blake3Path>(pathName);
        byte[] data = Pattern(700_001);
        Gen.Select(Gen.Int[0, data.Length], Gen.OneOf(Gen.Int[1, 200], Gen.Int[1, 70_000], Gen.Int[60_000, 400_000]).Array[1, 8]).Sample(
            (length, steps) =>
            {
                Blake3Hasher hasher = Blake3Hasher.CreateKeyed(path, Key);
                int at = 0;
                for (int step = 0; at < length; step++)
                {
                    int taken = Math.Min(steps[step % steps.Length], length - at);
                    hasher.Append(data.AsSpan(at, taken));
                    at += taken;
                }

                byte[] expected = new byte[32];
                Blake3.KeyedHash(path, Key, data.AsSpan(0, length), expected);
                byte[] actual = new byte[32];
                hasher.GetHash(actual);
                Assert.Equal(expected, actual);
                hasher.GetHash(actual);
                Assert.Equal(expected, actual);
                return true;
            },
            iter: 60, seed: "0000KVdVoW5U", threads: 1);
    }

    [Fact]
    public void A_reset_hasher_starts_again_with_the_same_key()
    {
        Blake3Hasher hasher = Blake3Hasher.CreateKeyed(Key);
        hasher.Append(Pattern(100_000));
        hasher.Reset();
        hasher.Append(Pattern(5));
        byte[] hash = new byte[32];
        hasher.GetHash(hash);
        Assert.Equal(Oracle(Key, Pattern(5)), hash);
        Blake3Hasher plain = Blake3Hasher.Create();
        plain.GetHash(hash);
        Assert.Equal(Oracle(null, []), hash);
    }

    [Fact]
    public void Hashing_reads_unaligned_memory_and_writes_32_bytes_only()
    {
        byte[] data = Pattern(70_000);
        foreach (Blake3Path path in Blake3Paths.Supported)
        {
            byte[] expected = Oracle(null, data[3..]);
            byte[] output = new byte[40];
            Blake3.Hash(path, data.AsSpan(3), output.AsSpan(5));
            Assert.Equal(expected, output[5..37]);
            Assert.Equal(new byte[5], output[..5]);
            Assert.Equal(new byte[3], output[37..]);
        }
    }

    [Fact]
    public void One_call_allocates_nothing()
    {
#if DEBUG
        Assert.Skip("Unoptimised code boxes vectors.");
#endif
        byte[] data = Pattern(300_000);
        byte[] hash = new byte[32];
        Blake3.KeyedHash(Key, data, hash);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
        {
            Blake3.KeyedHash(Key, data, hash);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static byte[] Pattern(int length)
    {
        byte[] data = new byte[length];
        for (int i = 0; i < length; i++)
        {
            data[i] = (byte)(i % 251);
        }

        return data;
    }

    private static byte[] Oracle(byte[]? key, byte[] data)
    {
        Blake3Digest digest = new();
        if (key is not null)
        {
            digest.Init(Blake3Parameters.Key(key));
        }

        digest.BlockUpdate(data, 0, data.Length);
        byte[] hash = new byte[32];
        digest.DoFinal(hash, 0);
        return hash;
    }
}
