using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kloset.Hashing;

/// <summary>
/// The tree over the chunks of 1024 bytes. The input is taken in segments of 64 chunks: the chunks of a segment are compressed as
/// many at a time as the processor allows, then its parents level by level, an odd one being promoted, which gives exactly the
/// tree that BLAKE3 defines. Whole segments meet on a stack of chaining values, at most one for each level.
/// </summary>
internal static class Blake3Tree
{
    public const int BlockSize = 64;
    public const int ChunkSize = 1024;
    public const int BlocksPerChunk = ChunkSize / BlockSize;
    public const int ValueSize = 32;
    public const int SegmentChunks = 64;
    public const int SegmentSize = SegmentChunks * ChunkSize;

    /// <summary>Levels above a segment that an input of 2^64 bytes can have.</summary>
    public const int StackDepth = 48;

    public static void Hash(Blake3Path path, in Blake3Words key, uint flags, ReadOnlySpan<byte> data, Span<byte> destination)
    {
        if (data.Length <= ChunkSize)
        {
            LastChunk(path, in key, data, 0, flags, Blake3Flags.Root, ref MemoryMarshal.GetReference(destination));
        }
        else if (data.Length <= SegmentSize)
        {
            RootSegment(path, in key, flags, data, ref MemoryMarshal.GetReference(destination));
        }
        else
        {
            LongHash(path, in key, flags, data, destination);
        }
    }

    [SkipLocalsInit]
    private static void LongHash(Blake3Path path, in Blake3Words key, uint flags, ReadOnlySpan<byte> data, Span<byte> destination)
    {
        Unsafe.SkipInit(out Blake3Stack stack);
        stack.Clear();
        while (data.Length > SegmentSize)
        {
            stack.PushSegment(path, in key, flags, data[..SegmentSize]);
            data = data[SegmentSize..];
        }

        stack.Finish(path, in key, flags, data, destination);
    }

    /// <summary>The chaining value of a segment (1 byte to 64 chunks) that is not the whole input.</summary>
    [SkipLocalsInit]
    public static void Segment(
        Blake3Path path, in Blake3Words key, uint flags, ReadOnlySpan<byte> data, ulong firstChunk, ref byte destination)
    {
        Span<byte> values = stackalloc byte[SegmentChunks * ValueSize];
        int count = Reduce(path, in key, flags, values, Leaves(path, in key, flags, data, firstChunk, values), 1);
        Debug.Assert(count == 1);
        Unsafe.CopyBlockUnaligned(ref destination, ref MemoryMarshal.GetReference(values), ValueSize);
    }

    /// <summary>The hash of an input that is one segment of more than one chunk.</summary>
    [SkipLocalsInit]
    public static void RootSegment(Blake3Path path, in Blake3Words key, uint flags, ReadOnlySpan<byte> data, ref byte destination)
    {
        Span<byte> values = stackalloc byte[SegmentChunks * ValueSize];
        int count = Reduce(path, in key, flags, values, Leaves(path, in key, flags, data, 0, values), 2);
        Debug.Assert(count == 2);
        Parent(path, in key, flags | Blake3Flags.Root, ref MemoryMarshal.GetReference(values), ref destination);
    }

    /// <summary>Compresses the 64 bytes of two chaining values.</summary>
    public static void Parent(Blake3Path path, in Blake3Words key, uint flags, ref byte children, ref byte destination)
    {
        Blake3Words value = key;
        Blake3Compression.Compress(path, ref value, ref children, BlockSize, 0, flags | Blake3Flags.Parent);
        Unsafe.WriteUnaligned(ref destination, value);
    }

    /// <summary>The chaining value of a chunk of 0 to 1024 bytes, or the hash when <paramref name="rootFlag"/> is set.</summary>
    public static void LastChunk(
        Blake3Path path, in Blake3Words key, ReadOnlySpan<byte> data, ulong counter, uint flags, uint rootFlag, ref byte destination)
    {
        Blake3Words value = key;
        uint blockFlags = flags | Blake3Flags.ChunkStart;
        while (data.Length > BlockSize)
        {
            Blake3Compression.Compress(path, ref value, ref MemoryMarshal.GetReference(data), BlockSize, counter, blockFlags);
            blockFlags = flags;
            data = data[BlockSize..];
        }

        blockFlags |= Blake3Flags.ChunkEnd | rootFlag;
        if (data.Length == BlockSize)
        {
            Blake3Compression.Compress(path, ref value, ref MemoryMarshal.GetReference(data), BlockSize, counter, blockFlags);
        }
        else
        {
            Span<byte> padded = stackalloc byte[BlockSize];
            padded.Clear();
            data.CopyTo(padded);
            Blake3Compression.Compress(path, ref value, ref MemoryMarshal.GetReference(padded), data.Length, counter, blockFlags);
        }

        Unsafe.WriteUnaligned(ref destination, value);
    }

    private static int Leaves(
        Blake3Path path, in Blake3Words key, uint flags, ReadOnlySpan<byte> data, ulong firstChunk, Span<byte> values)
    {
        int whole = data.Length / ChunkSize;
        ref byte output = ref MemoryMarshal.GetReference(values);
        Blake3Compression.CompressMany(
            path, ref MemoryMarshal.GetReference(data), BlocksPerChunk, whole, in key, firstChunk, countsUp: true,
            flags, Blake3Flags.ChunkStart, Blake3Flags.ChunkEnd, ref output);
        ReadOnlySpan<byte> rest = data[(whole * ChunkSize)..];
        if (rest.IsEmpty)
        {
            return whole;
        }

        LastChunk(path, in key, rest, firstChunk + (ulong)whole, flags, 0, ref Unsafe.Add(ref output, whole * ValueSize));
        return whole + 1;
    }

    /// <summary>Merges neighbours, in place, until at most <paramref name="target"/> values (1 or 2) are left.</summary>
    private static int Reduce(Blake3Path path, in Blake3Words key, uint flags, Span<byte> values, int count, int target)
    {
        ref byte start = ref MemoryMarshal.GetReference(values);
        while (count > target)
        {
            int pairs = count / 2;
            // In place is safe: each batch of pairs is read whole before its results are written, and results trail the reads.
            Blake3Compression.CompressMany(
                path, ref start, 1, pairs, in key, 0, countsUp: false, flags | Blake3Flags.Parent, 0, 0, ref start);
            if ((count & 1) != 0)
            {
                Unsafe.CopyBlockUnaligned(
                    ref Unsafe.Add(ref start, pairs * ValueSize), ref Unsafe.Add(ref start, (count - 1) * ValueSize), ValueSize);
            }

            count = pairs + (count & 1);
        }

        return count;
    }
}

/// <summary>The chaining values of the complete subtrees left of the current position, largest first.</summary>
internal struct Blake3Stack
{
    [InlineArray(Blake3Tree.StackDepth * Blake3Tree.ValueSize)]
    private struct Values
    {
        private byte _element0;
    }

    private ulong _segments;
    private int _depth;
    private Values _values;

    public readonly ulong Segments => _segments;

    public void Clear()
    {
        _segments = 0;
        _depth = 0;
    }

    /// <summary>Takes a full segment. More input must follow it, else its last merge would have to carry the root flag.</summary>
    public void PushSegment(Blake3Path path, in Blake3Words key, uint flags, ReadOnlySpan<byte> segment)
    {
        Debug.Assert(segment.Length == Blake3Tree.SegmentSize);
        Span<byte> values = _values;
        ref byte start = ref MemoryMarshal.GetReference(values);
        Blake3Tree.Segment(
            path, in key, flags, segment, _segments * Blake3Tree.SegmentChunks, ref Unsafe.Add(ref start, _depth * Blake3Tree.ValueSize));
        _depth++;
        _segments++;
        // As many merges as the number of segments has trailing zero bits: binary addition on subtrees.
        for (ulong segments = _segments; (segments & 1) == 0; segments >>= 1)
        {
            _depth--;
            ref byte pair = ref Unsafe.Add(ref start, (_depth - 1) * Blake3Tree.ValueSize);
            Blake3Tree.Parent(path, in key, flags, ref pair, ref pair);
        }
    }

    /// <summary>The hash of all segments pushed and <paramref name="last"/>, which is empty only if the whole input is. Changes nothing.</summary>
    [SkipLocalsInit]
    public readonly void Finish(Blake3Path path, in Blake3Words key, uint flags, ReadOnlySpan<byte> last, Span<byte> destination)
    {
        ref byte output = ref MemoryMarshal.GetReference(destination);
        if (_depth == 0)
        {
            if (last.Length <= Blake3Tree.ChunkSize)
            {
                Blake3Tree.LastChunk(path, in key, last, 0, flags, Blake3Flags.Root, ref output);
            }
            else
            {
                Blake3Tree.RootSegment(path, in key, flags, last, ref output);
            }

            return;
        }

        Debug.Assert(!last.IsEmpty);
        Span<byte> pair = stackalloc byte[2 * Blake3Tree.ValueSize];
        ref byte left = ref MemoryMarshal.GetReference(pair);
        ref byte right = ref Unsafe.Add(ref left, Blake3Tree.ValueSize);
        Blake3Tree.Segment(path, in key, flags, last, _segments * Blake3Tree.SegmentChunks, ref right);
        ReadOnlySpan<byte> values = _values;
        for (int level = _depth - 1; level >= 0; level--)
        {
            values.Slice(level * Blake3Tree.ValueSize, Blake3Tree.ValueSize).CopyTo(pair);
            uint root = level == 0 ? Blake3Flags.Root : 0;
            Blake3Tree.Parent(path, in key, flags | root, ref left, ref level == 0 ? ref output : ref right);
        }
    }
}
