using System.Text.Json;
using Kloset.Hashing;
using Kloset.Tests.Chunking;

namespace Kloset.Tests.Hashing;

public class ShannonEntropyTests
{
    [Fact]
    public void Nothing_has_no_entropy_and_all_byte_values_have_eight_bits()
    {
        Assert.Equal(0.0, ShannonEntropy.Compute([]));
        Assert.Equal(0.0, ShannonEntropy.Compute(new byte[1000]));
        Assert.Equal(8.0, ShannonEntropy.Compute([.. Enumerable.Range(0, 1024).Select(i => (byte)i)]));
        Assert.Equal(1.0, ShannonEntropy.Compute([1, 2, 1, 2]));
    }

    // Bit for bit: the value is part of an object's identifier.
    [Fact]
    public void Chunks_written_by_plakar_have_exactly_the_same_entropy()
    {
        using JsonDocument vectors = ChunkVectors.Read("fastcdc-vectors.json");
        int compared = 0;
        foreach (JsonElement file in vectors.RootElement.GetProperty("plain_repository").GetProperty("files").EnumerateArray())
        {
            byte[]? content = ChunkVectors.ContentOf(file);
            if (content is null)
            {
                continue;
            }

            int at = 0;
            foreach (JsonElement chunk in file.GetProperty("chunks").EnumerateArray())
            {
                int length = chunk.GetProperty("length").GetInt32();
                Assert.Equal(chunk.GetProperty("entropy").GetDouble(), ShannonEntropy.Compute(content.AsSpan(at, length)));
                at += length;
                compared++;
            }
        }

        Assert.True(compared >= 4);
    }

    [Fact]
    public void The_logarithm_is_within_one_unit_of_the_last_place_of_the_runtimes()
    {
        Random random = new(7);
        for (int i = 0; i < 100_000; i++)
        {
            double x = (1 + random.Next(8 << 20)) / (double)(8 << 20);
            double expected = Math.Log2(x);
            Assert.True(Math.Abs(GoMath.Log2(x) - expected) <= Math.Max(Math.Abs(Math.BitIncrement(expected) - expected) * 2, 1e-300));
        }
    }
}
