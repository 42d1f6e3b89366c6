using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace Kloset.Compression;

/// <summary>gzip in the place of LZ4 (<c>Compression.Algorithm = "GZIP"</c>): readable and writable, though no command creates such repositories.</summary>
public static class GzipMember
{
    // A valid member of nothing: the runtime writes no byte at all for an empty stream, which other readers refuse.
    private static ReadOnlySpan<byte> Empty =>
        [0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 0xFF, 0x03, 0x00, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>Writes <paramref name="clear"/> as one member.</summary>
    public static void Compress(ReadOnlySpan<byte> clear, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (clear.IsEmpty)
        {
            output.Write(Empty);
            return;
        }

        using GZipStream gzip = new(new BufferWriterStream(output), CompressionLevel.Optimal);
        gzip.Write(clear);
    }

    /// <summary>Writes what one member holds.</summary>
    /// <exception cref="InvalidDataException">The member is damaged, cut short, or holds more than <paramref name="maxSize"/> bytes.</exception>
    public static unsafe void Decompress(ReadOnlySpan<byte> stored, IBufferWriter<byte> output, long maxSize)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentOutOfRangeException.ThrowIfNegative(maxSize);
        if (stored.Length < Empty.Length)
        {
            throw new InvalidDataException($"A gzip stream of {stored.Length} bytes is too short: it is damaged.");
        }

        fixed (byte* start = stored)
        {
            using UnmanagedMemoryStream source = new(start, stored.Length);
            using GZipStream gzip = new(source, CompressionMode.Decompress);
            // The runtime does not miss a checksum that was cut off, so it is checked here.
            Crc32 checksum = new();
            long total = 0;
            while (true)
            {
                Span<byte> clear = output.GetSpan(4096);
                int read = gzip.Read(clear);
                if (read == 0)
                {
                    break;
                }

                total += read;
                if (total > maxSize)
                {
                    throw new InvalidDataException("A gzip stream holds more bytes than its place in the repository allows.");
                }

                checksum.Append(clear[..read]);
                output.Advance(read);
            }

            if (BinaryPrimitives.ReadUInt32LittleEndian(stored[^8..]) != checksum.GetCurrentHashAsUInt32()
                || BinaryPrimitives.ReadUInt32LittleEndian(stored[^4..]) != (uint)total)
            {
                throw new InvalidDataException("A gzip stream is damaged: its checksum is wrong or missing.");
            }
        }
    }

    private sealed class BufferWriterStream(IBufferWriter<byte> output) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(byte[] buffer, int offset, int count) => output.Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer) => output.Write(buffer);

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
