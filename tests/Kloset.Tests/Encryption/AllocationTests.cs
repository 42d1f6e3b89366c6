using System.Buffers;
using Kloset.Compression;
using Kloset.Encryption;
using Kloset.Tests.Chunking;

namespace Kloset.Tests.Encryption;

public class AllocationTests
{
    [Theory]
    [InlineData(300)]
    [InlineData(1 << 20)]
    public void Compressing_sealing_opening_and_decompressing_allocate_nothing(int length)
    {
#if DEBUG
        Assert.Skip("Unoptimised code boxes vectors.");
#endif
        Assert.SkipWhen(AesGcmSivPaths.Best == AesGcmSivPath.Portable, "The portable path asks the runtime for an AES object a record.");
        byte[] clear = ChunkVectors.XorShift(1, length);
        clear.AsSpan(0, length / 2).Clear();
        Writer frame = new(2 * length + 1000), stored = new(2 * length + 1000), opened = new(2 * length + 1000), result = new(2 * length + 1000);
        using StreamCipher cipher = new(ChunkVectors.XorShift(2, 32), new StreamCipherParameters(), new RandomPool().Fill);

        // The first calls prepare tables and pools.
        RoundTrip();
        RoundTrip();
        long before = GC.GetAllocatedBytesForCurrentThread();
        RoundTrip();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(clear, result.Written.ToArray());

        void RoundTrip()
        {
            frame.Reset();
            stored.Reset();
            opened.Reset();
            result.Reset();
            Lz4Frame.Compress(clear, frame);
            cipher.Seal(frame.Written, stored);
            cipher.Open(stored.Written, opened);
            Lz4Frame.Decompress(opened.Written, result, length);
        }
    }

    private sealed class Writer(int capacity) : IBufferWriter<byte>
    {
        private readonly byte[] _buffer = new byte[capacity];
        private int _written;

        public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _written);

        public void Reset() => _written = 0;

        public void Advance(int count) => _written += count;

        public Memory<byte> GetMemory(int sizeHint = 0) => _buffer.AsMemory(_written);

        public Span<byte> GetSpan(int sizeHint = 0) => _buffer.AsSpan(_written);
    }
}
