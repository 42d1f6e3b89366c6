using System.Buffers;
using CsCheck;
using Kloset.Compression;
using Kloset.Encryption;
using Kloset.Hashing;
using Kloset.Tests.Chunking;

namespace Kloset.Tests.Encryption;

public class StreamCipherTests
{
    private static readonly byte[] Key = ChunkVectors.XorShift(42, 32);

    // Section 21.3 of the format description.
    [Fact]
    public void The_constructed_vector_of_the_format()
    {
        byte[] key = Convert.FromHexString("58adf8f2eb38053b06b6d9365fd8f5de698bcfc69f2c02c0ba8d8c4634816db0");
        const string Expected =
            "96c3f5fa2bb8f4d578a49cab73c4857a6d66c636f8503c25078fffba8f831c53197f3ad4b79bdc6c"
            + "a0a1a2a3a4a5a6a7a8a9aaab" + "18964c3bca374255a2d5323d6bc3326e6f38d10a4a67c54948b8b69a26";
        foreach (AesGcmSivPath path in AesGcmSivPaths.Supported)
        {
            using StreamCipher cipher = new(key, new StreamCipherParameters(), Counting, path);
            ArrayBufferWriter<byte> sealedStream = new();
            cipher.Seal("hello kloset\n"u8, sealedStream);
            Assert.Equal(Expected, Convert.ToHexStringLower(sealedStream.WrittenSpan));
            Assert.Equal(81, cipher.SealedLength(13));
            ArrayBufferWriter<byte> clear = new();
            cipher.Open(sealedStream.WrittenSpan, clear);
            Assert.Equal("hello kloset\n"u8.ToArray(), clear.WrittenSpan.ToArray());
        }

        byte[] mac = new byte[32];
        Blake3.KeyedHash(key, [], mac);
        Assert.Equal("a02654cb71f610343bbe4d948f9deea6b7f2e12c76b017ecf14ee465ffe06ec9", Convert.ToHexStringLower(mac));

        static void Counting(Span<byte> destination)
        {
            // The sub-key and the nonce of the only record.
            Assert.Equal(44, destination.Length);
            for (int i = 0; i < destination.Length; i++)
            {
                destination[i] = (byte)(i < 32 ? i : 0xA0 + i - 32);
            }
        }
    }

    // A chunk as plakar stored it (fixture "encrypted").
    [Fact]
    public void A_chunk_that_plakar_sealed_opens_and_decompresses()
    {
        byte[] key = Convert.FromHexString("1f8beb8290030b6977ce161db1c76f615c95040f03ced997f4fd053152ef9c93");
        byte[] stored = Convert.FromHexString(
            "26981dacf4d974c49843a5557cdf56c3f9d1e9740dc33e80a5bba233f9960a405e439bf6dfcc4a63"
            + "1569c78d27d7a792c2a447ec"
            + "786abb591ff4f44056d020eec599d177f7c301ee50aca8d018bb4fcb6c865ddde0160386da2bf4"
            + "1dbcf5e4db687e0309ca537f151b9520");
        using StreamCipher cipher = new(key, new StreamCipherParameters(), NoRandomness);
        ArrayBufferWriter<byte> frame = new();
        cipher.Open(stored, frame);
        Assert.Equal(
            "04224d186470b9140000804b6c6f736574206669787475726520747265650a0000000096541638", Convert.ToHexStringLower(frame.WrittenSpan));
        ArrayBufferWriter<byte> clear = new();
        Lz4Frame.Decompress(frame.WrittenSpan, clear, 1000);
        Assert.Equal("Kloset fixture tree\n"u8.ToArray(), clear.WrittenSpan.ToArray());
        byte[] mac = new byte[32];
        Blake3.KeyedHash(key, clear.WrittenSpan, mac);
        Assert.Equal("a960ca8fa63aa3fb8c26127cc1b437422019d154af9e052338df34044f2343ef", Convert.ToHexStringLower(mac));
    }

    [Theory]
    [InlineData(StreamCipherParameters.AesKeyWrap, 40)]
    [InlineData(StreamCipherParameters.AesGcm, 60)]
    public void An_empty_stream_is_the_wrapped_key_alone(string subKeyAlgorithm, int length)
    {
        using StreamCipher cipher = new(Key, new StreamCipherParameters(subKeyAlgorithm), Seeded());
        ArrayBufferWriter<byte> sealedStream = new();
        cipher.Seal([], sealedStream);
        Assert.Equal(length, sealedStream.WrittenCount);
        Assert.Equal(length, cipher.SealedLength(0));
        ArrayBufferWriter<byte> clear = new();
        cipher.Open(sealedStream.WrittenSpan, clear);
        Assert.Equal(0, clear.WrittenCount);
    }

    [Fact]
    public void Any_length_comes_back_for_all_settings_and_paths()
    {
        int[] chunkSizes = [1, 100, 65536];
        string[] algorithms = [StreamCipherParameters.AesKeyWrap, StreamCipherParameters.AesGcm];
        Gen.Select(Gen.OneOf(Gen.Int[0, 500], Gen.Int[0, 300 << 10]), Gen.Int[0, 2].Select(i => chunkSizes[i]), Gen.Int[0, 1].Select(i => algorithms[i])).Sample(
            (length, chunkSize, algorithm) =>
            {
                length = chunkSize == 1 ? length % 300 : length;
                byte[] clear = ChunkVectors.XorShift((ulong)length + 1, length);
                byte[][] stored = [.. AesGcmSivPaths.Supported.Select(path =>
                {
                    using StreamCipher cipher = new(Key, new(algorithm, ChunkSize: chunkSize), Seeded(), path);
                    ArrayBufferWriter<byte> output = new();
                    cipher.Seal(clear, output);
                    Assert.Equal(cipher.SealedLength(length), output.WrittenCount);
                    return output.WrittenSpan.ToArray();
                })];
                Assert.All(stored, stream => Assert.Equal(stored[0], stream));
                foreach (AesGcmSivPath path in AesGcmSivPaths.Supported)
                {
                    using StreamCipher cipher = new(Key, new(algorithm, ChunkSize: chunkSize), NoRandomness, path);
                    ArrayBufferWriter<byte> output = new();
                    cipher.Open(stored[0], output);
                    Assert.Equal(clear, output.WrittenSpan.ToArray());
                    using Stream opened = cipher.OpenRead(new PiecewiseStream(stored[0]));
                    using MemoryStream inPieces = new();
                    opened.CopyTo(inPieces);
                    Assert.Equal(clear, inPieces.ToArray());
                }

                return true;
            },
            iter: 60, seed: "0000KVdVoW5U", threads: 1);
    }

    [Theory]
    [InlineData(StreamCipherParameters.AesKeyWrap)]
    [InlineData(StreamCipherParameters.AesGcm)]
    public void Damage_is_refused_wherever_it_is(string subKeyAlgorithm)
    {
        using StreamCipher cipher = new(Key, new(subKeyAlgorithm, ChunkSize: 20), Seeded());
        ArrayBufferWriter<byte> output = new();
        cipher.Seal(ChunkVectors.XorShift(1, 50), output);
        byte[] stored = output.WrittenSpan.ToArray();
        for (int bit = 0; bit < stored.Length * 8; bit++)
        {
            stored[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(cipher.TryOpen(stored, new ArrayBufferWriter<byte>()));
            Assert.Throws<InvalidDataException>(() => cipher.Open(stored, new ArrayBufferWriter<byte>()));
            Assert.Throws<InvalidDataException>(() => cipher.OpenRead(new PiecewiseStream(stored)).CopyTo(Stream.Null));
            stored[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        int keyBlock = (int)cipher.SealedLength(0);
        for (int length = 0; length < stored.Length; length++)
        {
            // A cut between records is a valid stream of fewer records: the format leaves its detection to what lies inside.
            bool atBorder = length >= keyBlock && (length - keyBlock) % (20 + 28) == 0;
            Assert.Equal(atBorder, cipher.TryOpen(stored.AsSpan(0, length), new ArrayBufferWriter<byte>()));
        }

        Assert.True(cipher.TryOpen(stored, new ArrayBufferWriter<byte>()));
        using StreamCipher other = new(ChunkVectors.XorShift(43, 32), new(subKeyAlgorithm, ChunkSize: 20), NoRandomness);
        Assert.False(other.TryOpen(stored, new ArrayBufferWriter<byte>()));
    }

    [Fact]
    public void Sub_keys_and_nonces_never_repeat()
    {
        using StreamCipher cipher = new(Key, new(ChunkSize: 1), System.Security.Cryptography.RandomNumberGenerator.Fill);
        HashSet<string> seen = [];
        for (int stream = 0; stream < 3; stream++)
        {
            ArrayBufferWriter<byte> output = new();
            cipher.Seal(new byte[100], output);
            Assert.True(seen.Add(Convert.ToHexString(output.WrittenSpan[..40])));
            for (int record = 0; record < 100; record++)
            {
                Assert.True(seen.Add(Convert.ToHexString(output.WrittenSpan.Slice(40 + (record * 29), 12))));
            }
        }
    }

    [Fact]
    public void Unknown_settings_are_refused_by_name()
    {
        Assert.Contains("ROT13", Refused(new("ROT13")), StringComparison.Ordinal);
        Assert.Contains("DES", Refused(new(DataAlgorithm: "DES")), StringComparison.Ordinal);
        Assert.Contains("-5", Refused(new(ChunkSize: -5)), StringComparison.Ordinal);

        static string Refused(StreamCipherParameters parameters) =>
            Assert.Throws<NotSupportedException>(() => new StreamCipher(Key, parameters, NoRandomness)).Message;
    }

    [Theory]
    [InlineData(StreamCipherParameters.AesKeyWrap)]
    [InlineData(StreamCipherParameters.AesGcm)]
    public void Disposing_clears_the_repository_key(string subKeyAlgorithm)
    {
        StreamCipher cipher = new(Key, new(subKeyAlgorithm), NoRandomness);
        Assert.SkipWhen(cipher.IsCleared, "The portable path leaves its keys to the runtime.");
        cipher.Dispose();
        Assert.True(cipher.IsCleared);
    }

    private static RandomFill Seeded()
    {
        ulong seed = 1;
        return destination =>
        {
            ChunkVectors.XorShift(seed++, destination.Length).CopyTo(destination);
        };
    }

    private static void NoRandomness(Span<byte> destination) => throw new InvalidOperationException("Opening needs no randomness.");
}
