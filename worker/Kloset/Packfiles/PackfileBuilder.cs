using System.Buffers;
using System.Buffers.Binary;
using Kloset.Envelopes;
using Kloset.Repositories;

namespace Kloset.Packfiles;

/// <summary>
/// A packfile while it is filled, in pooled pieces. Begins and ends with random padding: other clients blur their reads, and a read past the
/// end of the file fails (format document, section 9.1). Not safe for concurrent use.
/// </summary>
internal sealed class PackfileBuilder : IDisposable
{
    private const int SegmentSize = SegmentPool.SegmentSize;
    private const int MaxLeading = 16 << 10;
    private const int MaxExtraTrailing = 16 << 10;

    private readonly BlobCodec _codec;
    private readonly RandomSource _random;
    private readonly int _minTrailing;
    private readonly List<byte[]> _segments = [];
    private readonly PooledBuffer _records = new(1 << 14);
    private int _used = SegmentSize;
    private long _length;

    /// <param name="largestRead">The most bytes that a reader fetches at once: it decides how much padding follows the last blob.</param>
    public PackfileBuilder(BlobCodec codec, RandomSource random, long largestRead)
    {
        _codec = codec;
        _random = random;
        _minTrailing = MinTrailing(largestRead);
        Span<byte> header = stackalloc byte[StorageEnvelope.HeaderSize];
        StorageEnvelope.WriteHeader(header, ResourceType.Packfile, PackfileIndex.NewestVersion);
        Write(header);
        AppendRandom(1 + random.NextBelow(MaxLeading));
    }

    /// <summary>Bytes of the blob area so far.</summary>
    public long BlobBytes => _length - StorageEnvelope.HeaderSize;

    public int Count => _records.Length / PackfileRecord.Size;

    /// <summary>The index so far: what a state says about the packfile's blobs.</summary>
    public ReadOnlySpan<byte> Records => _records.Span;

    /// <summary>A reader that wants L bytes may ask for up to 2^(bits(L)/2) − 1 more, all of which must exist.</summary>
    public static int MinTrailing(long largestRead)
    {
        var bits = 64 - System.Numerics.BitOperations.LeadingZeroCount((ulong)largestRead);
        return Math.Max(4096, 1 << Math.Min(20, bits / 2));
    }

    /// <returns>The blob's offset from the start of the payload.</returns>
    public long Append(BlobType type, in Mac id, ReadOnlySpan<byte> stored)
    {
        var offset = BlobBytes;
        new PackfileRecord(type, BlobTypes.Version, id, offset, (uint)stored.Length, 0).Write(_records.GetSpan(PackfileRecord.Size));
        _records.Advance(PackfileRecord.Size);
        Write(stored);
        return offset;
    }

    /// <summary>Ends the packfile. The content is valid until the builder is disposed.</summary>
    /// <param name="id">
    /// The MAC of the tag, which covers everything: as unique as the MAC of the payload, and one pass over the bytes cheaper. Nobody verifies it.
    /// </param>
    public ReadOnlySequence<byte> Seal(long unixNanoseconds, out Mac id)
    {
        AppendRandom(_minTrailing + _random.NextBelow(MaxExtraTrailing));
        var indexOffset = BlobBytes;
        using var encoded = new PooledBuffer(_records.Length + 1024);
        _codec.Encode(_records.Span, encoded);
        Write(encoded.Span);
        Span<byte> footer = stackalloc byte[PackfileFooter.Size];
        new PackfileFooter(unixNanoseconds, (uint)Count, indexOffset, _codec.ComputeMac(_records.Span), 0).Write(footer);
        encoded.Clear();
        _codec.Encode(footer, encoded);
        Write(encoded.Span);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, encoded.Length);
        Write(length);
        using (var hasher = _codec.CreateHasher())
        {
            for (var i = 0; i < _segments.Count; i++)
                hasher.Append(_segments[i].AsSpan(0, i == _segments.Count - 1 ? _used : SegmentSize));
            var tag = hasher.Finish();
            id = _codec.ComputeMac(Mac.BytesOf(in tag));
            Write(Mac.BytesOf(in tag));
        }

        return Sequence();
    }

    public void Dispose()
    {
        foreach (var segment in _segments)
            SegmentPool.Return(segment);
        _segments.Clear();
        _records.Dispose();
    }

    private void AppendRandom(int length)
    {
        using var bytes = new PooledBuffer(length);
        _random.Fill(bytes.Resize(length).Span);
        Append(BlobType.Random, _random.NextMac(), bytes.Span);
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        _length += bytes.Length;
        while (!bytes.IsEmpty)
        {
            if (_used == SegmentSize)
            {
                _segments.Add(SegmentPool.Rent());
                _used = 0;
            }

            var count = Math.Min(bytes.Length, SegmentSize - _used);
            bytes[..count].CopyTo(_segments[^1].AsSpan(_used));
            _used += count;
            bytes = bytes[count..];
        }
    }

    private ReadOnlySequence<byte> Sequence()
    {
        Piece? first = null, last = null;
        for (var i = 0; i < _segments.Count; i++)
        {
            var memory = _segments[i].AsMemory(0, i == _segments.Count - 1 ? _used : SegmentSize);
            last = last is null ? first = new Piece(memory) : last.Append(memory);
        }

        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory) => Memory = memory;

        public Piece Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Piece(memory) { RunningIndex = RunningIndex + Memory.Length };
            Next = next;
            return next;
        }
    }
}
