using System.Buffers;
using System.IO.Compression;
using Kloset.Compression;
using Kloset.Tests.Chunking;

namespace Kloset.Tests.Compression;

public class GzipMemberTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100_000)]
    public void Comes_back_and_is_a_valid_member(int length)
    {
        byte[] clear = ChunkVectors.Ramp(777, length);
        ArrayBufferWriter<byte> stored = new();
        GzipMember.Compress(clear, stored);
        Assert.True(stored.WrittenCount >= 20);
        Assert.Equal(0x1F, stored.WrittenSpan[0]);
        Assert.Equal(clear, Decompress(stored.WrittenSpan, length));
        using GZipStream other = new(new MemoryStream(stored.WrittenSpan.ToArray()), CompressionMode.Decompress);
        using MemoryStream decoded = new();
        other.CopyTo(decoded);
        Assert.Equal(clear, decoded.ToArray());
    }

    [Fact]
    public void Too_much_nothing_and_damage_are_refused()
    {
        ArrayBufferWriter<byte> stored = new();
        GzipMember.Compress(new byte[1000], stored);
        byte[] member = stored.WrittenSpan.ToArray();
        Assert.Throws<InvalidDataException>(() => Decompress(member, 999));
        Assert.Throws<InvalidDataException>(() => Decompress([], 999));
        for (int length = 1; length < member.Length; length++)
        {
            Assert.Throws<InvalidDataException>(() => Decompress(member.AsSpan(0, length), 1000));
        }

        member[^6] ^= 1;
        Assert.Throws<InvalidDataException>(() => Decompress(member, 1000));
    }

    private static byte[] Decompress(ReadOnlySpan<byte> stored, long maxSize)
    {
        ArrayBufferWriter<byte> output = new();
        GzipMember.Decompress(stored, output, maxSize);
        return output.WrittenSpan.ToArray();
    }
}
