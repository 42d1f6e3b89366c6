using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using CsCheck;
using Kloset.Chunking;
using Kloset.Hashing;

namespace Kloset.Tests.Chunking;

public class FastCdcTests
{
    [Fact]
    public void The_gear_table_is_the_formats()
    {
        byte[] table = new byte[256 * 8];
        for (int i = 0; i < 256; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(table.AsSpan(i * 8), GearTable.Words[i]);
        }

        Assert.Equal(
            "c4e8f68dd1d035055021eec0298fdf67af2b77a8b690d418533cdb3970760372", Convert.ToHexStringLower(SHA256.HashData(table)));
    }

    [Fact]
    public void Masks_are_spread_from_the_top()
    {
        Assert.Equal(0xAAAAAAAAAAA00000, FastCdc.Spaced(22));
        Assert.Equal(0x9249249249249000, FastCdc.Spaced(18));
    }

    [Fact]
    public void Cut_points_are_those_that_plakar_recorded()
    {
        using JsonDocument vectors = ChunkVectors.Read("chunker-vectors.json");
        int compared = 0;
        foreach (JsonElement vector in vectors.RootElement.GetProperty("vectors").EnumerateArray())
        {
            int length = vector.GetProperty("length").GetInt32();
            byte[] data = vector.GetProperty("generator").GetString() switch
            {
                "sha256ctr" => ChunkVectors.Sha256Counter(vector.GetProperty("seed").GetUInt64(), length),
                "zeros" => new byte[length],
                _ => ChunkVectors.Ramp(vector.GetProperty("period").GetInt32(), length),
            };
            Assert.Equal(vector.GetProperty("sha256").GetString(), Convert.ToHexStringLower(SHA256.HashData(data)));
            Assert.Equal(Lengths(vector.GetProperty("chunk_lengths")), Cut(new FastCdc(ChunkingParameters.Default), data));
            compared++;
        }

        Assert.Equal(24, compared);
    }

    [Fact]
    public void Cut_points_and_hashes_are_those_of_the_reference_library_at_all_sizes()
    {
        using JsonDocument vectors = ChunkVectors.Read("fastcdc-vectors.json");
        int compared = 0;
        foreach (JsonElement vector in vectors.RootElement.GetProperty("vectors").EnumerateArray())
        {
            byte[] data = ChunkVectors.Generate(vector.GetProperty("generator").GetString()!, vector.GetProperty("size").GetInt32());
            Assert.Equal(vector.GetProperty("sha256").GetString(), Convert.ToHexStringLower(SHA256.HashData(data)));
            ChunkingParameters parameters = new(
                ChunkingParameters.FastCdcV1, vector.GetProperty("min_size").GetUInt32(), vector.GetProperty("normal_size").GetUInt32(),
                vector.GetProperty("max_size").GetUInt32());
            List<int> lengths = Cut(new FastCdc(parameters), data);
            Assert.Equal(Lengths(vector.GetProperty("chunk_lengths")), lengths);
            int at = 0;
            byte[] hash = new byte[32];
            foreach ((int length, JsonElement expected) in lengths.Zip(vector.GetProperty("chunk_blake3_first_64").EnumerateArray()))
            {
                Blake3.Hash(data.AsSpan(at, length), hash);
                Assert.Equal(expected.GetString(), Convert.ToHexStringLower(hash));
                at += length;
            }

            compared++;
        }

        Assert.Equal(28, compared);
    }

    [Fact]
    public void The_fast_scan_cuts_where_the_definition_does()
    {
        Gen.Select(Gen.Int[0, 30_000], Gen.Int[64, 3000], Gen.Int[1, 5], Gen.ULong, Gen.Int[1, 256]).Sample(
            (length, min, growth, seed, alphabet) =>
            {
                byte[] data = ChunkVectors.XorShift(seed | 1, length);
                for (int i = 0; i < data.Length; i++)
                {
                    data[i] = (byte)(data[i] % alphabet);
                }

                foreach (string algorithm in (string[])[ChunkingParameters.FastCdcV1, ChunkingParameters.FastCdcLegacy])
                {
                    ChunkingParameters parameters = new(algorithm, (uint)min, (uint)(min * (growth + 1)), (uint)(min * (growth + 1) * 3));
                    Assert.Equal(Defined(parameters, data), new FastCdc(parameters).NextCut(data));
                }

                return true;
            },
            iter: 3000, seed: "0000KVdVoW5U", threads: 1);
    }

    /// <summary>However the stream comes in: a cut that is told early is the one that the whole look-ahead gives.</summary>
    [Theory]
    [InlineData(ChunkingParameters.FastCdcV1)]
    [InlineData(ChunkingParameters.UltraCdc)]
    public void A_cut_that_is_decided_early_is_the_same_cut(string algorithm)
    {
        Chunker chunker = Chunker.Create(new ChunkingParameters(algorithm, 2048, 4096, 32768));
        byte[] data = new byte[400_000];
        Random random = new(7);
        random.NextBytes(data);
        // A part with so little in it that chunks grow to the largest size.
        data.AsSpan(100_000, 100_000).Fill(7);
        bool early = false;
        foreach (int step in (int[])[1000, 4096, 12_288, 32_768])
        {
            List<int> lengths = [];
            int start = 0, seen = 0;
            while (start < data.Length)
            {
                seen = Math.Min(data.Length, seen + step);
                int cut = chunker.TryNextCut(data.AsSpan(start, Math.Min(seen - start, 32768)));
                early |= cut > 0 && seen - start < 32768;
                if (cut == 0 && seen == data.Length)
                {
                    cut = chunker.NextCut(data.AsSpan(start, Math.Min(seen - start, 32768)));
                }

                if (cut > 0)
                {
                    lengths.Add(cut);
                    start += cut;
                    seen = Math.Max(seen, start);
                }
            }

            Assert.Equal(Cut(chunker, data), lengths);
        }

        Assert.Equal(algorithm == ChunkingParameters.FastCdcV1, early);
    }

    [Fact]
    public void Settings_choose_the_chunker_and_unknown_ones_cut_as_version_1()
    {
        byte[] data = ChunkVectors.XorShift(9, 200_000);
        ChunkingParameters v1 = new("fastcdc-v1.0.0", 1024, 4096, 32768);
        Assert.Equal(Cut(new FastCdc(v1), data), Cut(Chunker.Create(v1 with { Algorithm = "FASTCDC-V1.0.0" }), data));
        Assert.Equal(Cut(new FastCdc(v1), data), Cut(Chunker.Create(v1 with { Algorithm = "of tomorrow" }), data));
        Assert.NotEqual(Cut(new FastCdc(v1), data), Cut(Chunker.Create(v1 with { Algorithm = "fastcdc" }), data));
        Assert.IsType<UltraCdc>(Chunker.Create(v1 with { Algorithm = "UltraCDC" }));
    }

    [Fact]
    public void UltraCdc_cuts_where_the_reference_library_does()
    {
        using JsonDocument vectors = ChunkVectors.Read("ultracdc-vectors.json");
        foreach (JsonElement vector in vectors.RootElement.GetProperty("vectors").EnumerateArray())
        {
            byte[] data = ChunkVectors.Generate(vector.GetProperty("generator").GetString()!, vector.GetProperty("size").GetInt32());
            ChunkingParameters parameters = new(
                ChunkingParameters.UltraCdc, vector.GetProperty("min_size").GetUInt32(), vector.GetProperty("normal_size").GetUInt32(),
                vector.GetProperty("max_size").GetUInt32());
            Assert.Equal(Lengths(vector.GetProperty("chunk_lengths")), Cut(Chunker.Create(parameters), data));
        }
    }

    [Fact]
    public void UltraCdc_keeps_its_sizes_and_cuts_runs_of_equal_words()
    {
        ChunkingParameters parameters = new(ChunkingParameters.UltraCdc, 2048, 10240, 65536);
        Chunker chunker = Chunker.Create(parameters);
        List<int> random = Cut(chunker, ChunkVectors.XorShift(5, 1 << 20));
        Assert.Equal(1 << 20, random.Sum());
        Assert.All(random.SkipLast(1), length => Assert.InRange(length, 2048, 65536));
        // A word at 2048, then 64 equal ones.
        Assert.Equal(2048 + 8 + (64 * 8), chunker.NextCut(new byte[65536]));
        for (int length = 0; length < 2080; length++)
        {
            Assert.InRange(chunker.NextCut(new byte[length]), Math.Min(length, 2048), length);
        }
    }

    [Theory]
    [InlineData(0, 1024, 4096)]
    [InlineData(63, 1024, 4096)]
    [InlineData(1024, 1024, 4096)]
    [InlineData(512, 4096, 4096)]
    [InlineData(512, 4096, 0x40000001)]
    public void Sizes_that_cannot_work_are_refused_by_name(uint min, uint normal, uint max)
    {
        NotSupportedException refused = Assert.Throws<NotSupportedException>(() => new FastCdc(new("fastcdc-v1.0.0", min, normal, max)));
        Assert.Contains(max.ToString(System.Globalization.CultureInfo.InvariantCulture), refused.Message, StringComparison.Ordinal);
    }

    // Section 11.1 of the format description, word for word.
    private static int Defined(ChunkingParameters parameters, byte[] data)
    {
        int n = data.Length;
        int min = (int)parameters.MinSize, normal = (int)parameters.NormalSize, max = (int)parameters.MaxSize;
        if (n <= min)
        {
            return n;
        }

        if (n >= max)
        {
            n = max;
        }
        else if (n <= normal)
        {
            normal = n;
        }

        bool fixedMasks = parameters.Algorithm == ChunkingParameters.FastCdcLegacy || (min == 2048 && normal == 8192 && max == 65536);
        int bits = (int)Math.Floor(Math.Log2(parameters.NormalSize));
        ulong strict = fixedMasks ? 0x0003590703530000 : FastCdc.Spaced(bits + 2);
        ulong lax = fixedMasks ? 0x0000D90003530000 : FastCdc.Spaced(bits - 2);
        ulong fingerprint = 0;
        ulong mask = strict;
        for (int i = min; i < n; i++)
        {
            if (i == normal)
            {
                mask = lax;
            }

            fingerprint = (fingerprint << 1) + GearTable.Words[data[i]];
            if ((fingerprint & mask) == 0)
            {
                return i;
            }
        }

        return n;
    }

    private static List<int> Cut(Chunker chunker, ReadOnlySpan<byte> data)
    {
        List<int> lengths = [];
        do
        {
            int length = chunker.NextCut(data[..(int)Math.Min((uint)data.Length, chunker.Parameters.MaxSize)]);
            lengths.Add(length);
            data = data[length..];
        }
        while (!data.IsEmpty);

        return lengths;
    }

    private static List<int> Lengths(JsonElement array) => [.. array.EnumerateArray().Select(length => length.GetInt32())];
}
