using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using CsCheck;
using K4os.Compression.LZ4.Streams;
using Kloset.Compression;
using Kloset.Tests.Chunking;

namespace Kloset.Tests.Compression;

public class Lz4FrameTests
{
    private const int MiB = 1 << 20;

    // Section 7 of the format description.
    [Fact]
    public void Nothing_is_a_frame_without_blocks() => Assert.Equal("04224d186470b900000000055dcc02", Convert.ToHexStringLower(Compress([])));

    // Section 21.4.
    [Fact]
    public void What_does_not_shrink_is_stored() =>
        Assert.Equal(
            "04224d186470b9140000804b6c6f736574206669787475726520747265650a0000000096541638",
            Convert.ToHexStringLower(Compress("Kloset fixture tree\n"u8)));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(100)]
    [InlineData(65536)]
    [InlineData((4 * MiB) - 1)]
    [InlineData(4 * MiB)]
    [InlineData((4 * MiB) + 1)]
    [InlineData((9 * MiB) + 5)]
    public void Comes_back_and_other_readers_agree(int length)
    {
        foreach (byte[] clear in (byte[][])[ChunkVectors.XorShift(3, length), new byte[length], ChunkVectors.Ramp(200, length), Mixed(length)])
        {
            byte[] frame = Compress(clear);
            Assert.Equal(clear, Decompress(frame, length));
            using LZ4DecoderStream other = LZ4Stream.Decode(new MemoryStream(frame));
            using MemoryStream decoded = new();
            other.CopyTo(decoded);
            Assert.Equal(clear, decoded.ToArray());
            Assert.True(frame.Length <= length + 15 + (4 * ((length / (4 * MiB)) + 1)));
        }
    }

    [Fact]
    public void Frames_of_other_writers_are_read()
    {
        byte[] clear = Mixed((5 * MiB) + 77);
        foreach (bool chained in (bool[])[false, true])
        {
            foreach (bool contentChecksum in (bool[])[false, true])
            {
                foreach (int blockSize in (int[])[65536, 262144, MiB, 4 * MiB])
                {
                    LZ4EncoderSettings settings = new()
                    {
                        ChainBlocks = chained,
                        ContentChecksum = contentChecksum,
                        BlockSize = blockSize,
                    };
                    using MemoryStream frame = new();
                    using (LZ4EncoderStream encoder = LZ4Stream.Encode(frame, settings, leaveOpen: true))
                    {
                        encoder.Write(clear);
                    }

                    Assert.Equal(clear, Decompress(frame.ToArray(), clear.Length));
                }
            }
        }
    }

    [Fact]
    public void Block_checksums_content_size_skippable_and_concatenated_frames_are_read()
    {
        byte[] clear = "block one, block two"u8.ToArray();
        byte[] frame = Frame(clear, announced: (ulong)clear.Length);
        Assert.Equal(clear, Decompress(frame, 1000));
        byte[] skippable = [0x5A, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3];
        Assert.Equal(clear.Concat(clear).Concat("end"u8.ToArray()), Decompress([.. skippable, .. frame, .. skippable, .. frame, .. Compress("end"u8)], 1000));

        byte[] wrongBlock = [.. frame];
        wrongBlock[19 + 4 + 1] ^= 1;
        Assert.Throws<InvalidDataException>(() => Decompress(wrongBlock, 1000));
        Assert.Throws<InvalidDataException>(() => Decompress(Frame(clear, announced: (ulong)clear.Length - 1), 1000));
        Assert.Throws<InvalidDataException>(() => Decompress(Frame(clear, announced: ulong.MaxValue), 1000));
    }

    [Fact]
    public void More_than_is_allowed_is_refused_before_it_is_written()
    {
        byte[] clear = new byte[40 * MiB];
        byte[] bomb = Compress(clear);
        Assert.True(bomb.Length < 200_000);
        Assert.Equal(clear.Length, Decompress(bomb, clear.Length).Length);
        foreach (long limit in (long[])[0, 1, MiB, (4 * MiB) - 1, 4 * MiB, clear.Length - 1])
        {
            ArrayBufferWriter<byte> output = new();
            Assert.Throws<InvalidDataException>(() => Lz4Frame.Decompress(bomb, output, limit));
            Assert.True(output.WrittenCount <= limit);
        }

        Assert.Throws<InvalidDataException>(() => Decompress(Compress(ChunkVectors.XorShift(1, 100)), 99));
    }

    [Fact]
    public void A_small_hostile_frame_gets_a_small_buffer()
    {
        byte[] frame = Compress("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"u8);
        RecordingWriter output = new();
        Lz4Frame.Decompress(frame, output, long.MaxValue);
        Assert.True(output.LargestRequest < 20_000, $"{output.LargestRequest} bytes were asked for");
    }

    [Fact]
    public void Room_for_the_content_is_enough()
    {
        byte[] clear = Mixed(300_000);
        RecordingWriter output = new() { Room = clear.Length };
        Lz4Frame.Decompress(Compress(clear), output, long.MaxValue);
        Assert.Equal(clear.Length, output.Written);
        Assert.Equal(1, output.LargestRequest);
        RecordingWriter tooSmall = new() { Room = 200_000 };
        Lz4Frame.Decompress(Compress(clear), tooSmall, long.MaxValue);
        Assert.Equal(clear.Length, tooSmall.Written);
    }

    [Fact]
    public void A_frame_cut_short_anywhere_is_refused()
    {
        byte[] frame = [.. Compress(Mixed(500)), .. Frame("linked and checked"u8.ToArray(), 18)];
        int first = Compress(Mixed(500)).Length;
        for (int length = 0; length < frame.Length; length++)
        {
            if (length == first)
            {
                continue;
            }

            Assert.Throws<InvalidDataException>(() => Decompress(frame[..length], 1000));
        }
    }

    // A flip may turn a match into one that copies the same bytes; anything else must be noticed.
    [Fact]
    public void A_flipped_bit_never_gives_other_bytes()
    {
        byte[] clear = Mixed(300);
        byte[] frame = Compress(clear);
        int unnoticed = 0;
        for (int bit = 0; bit < frame.Length * 8; bit++)
        {
            frame[bit / 8] ^= (byte)(1 << (bit % 8));
            try
            {
                Assert.Equal(clear, Decompress(frame, 1000));
                unnoticed++;
            }
            catch (InvalidDataException)
            {
            }

            frame[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.InRange(unnoticed, 0, frame.Length * 8 / 10);
    }

    [Fact]
    public void Hostile_bytes_are_refused_or_read_but_never_crash()
    {
        byte[][] seeds = [Compress(Mixed(2000)), Linked(Mixed(300_000)), Frame(Mixed(200), 200)];
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, 1 << 20].Array[1, 6], Gen.Byte.Array[6]).Sample(
            (seed, places, values) =>
            {
                byte[] frame = [.. seeds[seed]];
                for (int i = 0; i < places.Length; i++)
                {
                    frame[places[i] % frame.Length] = values[i];
                }

                RecordingWriter output = new();
                try
                {
                    Lz4Frame.Decompress(frame, output, 1_000_000);
                }
                catch (InvalidDataException)
                {
                }

                return output.Written <= 1_000_000 && output.LargestRequest <= 4 * MiB;
            },
            iter: 20_000, seed: "0000KVdVoW5U", threads: 1);
    }

    private static byte[] Mixed(int length)
    {
        byte[] data = ChunkVectors.XorShift(11, length);
        for (int at = 0; at < length; at += 1000)
        {
            data.AsSpan(at, Math.Min(600, length - at)).Fill((byte)(at / 1000));
        }

        return data;
    }

    private static byte[] Linked(byte[] clear)
    {
        using MemoryStream frame = new();
        using (LZ4EncoderStream encoder = LZ4Stream.Encode(frame, new LZ4EncoderSettings { ChainBlocks = true, BlockSize = 65536 }, leaveOpen: true))
        {
            encoder.Write(clear);
        }

        return frame.ToArray();
    }

    // Stored blocks of up to 10 bytes with block checksums, a content size and a content checksum.
    private static byte[] Frame(byte[] clear, ulong announced)
    {
        ArrayBufferWriter<byte> frame = new();
        byte[] descriptor = new byte[10];
        descriptor[0] = 0x40 | 0x20 | 0x10 | 0x08 | 0x04;
        descriptor[1] = 0x40;
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor.AsSpan(2), announced);
        frame.Write((ReadOnlySpan<byte>)[0x04, 0x22, 0x4D, 0x18]);
        frame.Write(descriptor);
        frame.Write((ReadOnlySpan<byte>)[(byte)(XxHash32.HashToUInt32(descriptor) >> 8)]);
        foreach (byte[] block in clear.Chunk(10))
        {
            Write((uint)block.Length | 0x80000000);
            frame.Write(block);
            Write(XxHash32.HashToUInt32(block));
        }

        Write(0);
        Write(XxHash32.HashToUInt32(clear));
        return frame.WrittenSpan.ToArray();

        void Write(uint value)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(frame.GetSpan(4), value);
            frame.Advance(4);
        }
    }

    private static byte[] Compress(ReadOnlySpan<byte> clear)
    {
        ArrayBufferWriter<byte> output = new();
        Lz4Frame.Compress(clear, output);
        return output.WrittenSpan.ToArray();
    }

    private static byte[] Decompress(byte[] frame, long maxSize)
    {
        ArrayBufferWriter<byte> output = new();
        InvalidDataException? refusal = null;
        try
        {
            Lz4Frame.Decompress(frame, output, maxSize);
        }
        catch (InvalidDataException exception)
        {
            refusal = exception;
        }

        // What comes in pieces is the same frame.
        ArrayBufferWriter<byte> inPieces = new();
        using PiecewiseStream pieces = new(frame);
        if (refusal is not null)
        {
            Assert.Throws<InvalidDataException>(() => Lz4Frame.Decompress(pieces, inPieces, maxSize));
            throw refusal;
        }

        Lz4Frame.Decompress(pieces, inPieces, maxSize);
        Assert.Equal(output.WrittenSpan, inPieces.WrittenSpan);
        return output.WrittenSpan.ToArray();
    }

    private sealed class RecordingWriter : IBufferWriter<byte>
    {
        private byte[] _buffer = new byte[256];

        public int Room
        {
            init => _buffer = new byte[value];
        }

        public int LargestRequest { get; private set; }

        public long Written { get; private set; }

        public void Advance(int count) => Written += count;

        public Memory<byte> GetMemory(int sizeHint = 0)
        {
            LargestRequest = Math.Max(LargestRequest, sizeHint);
            if (_buffer.Length < sizeHint)
            {
                _buffer = new byte[sizeHint];
            }

            return _buffer;
        }

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
    }
}
