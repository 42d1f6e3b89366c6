using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using K4os.Compression.LZ4;

namespace Kloset.Compression;

/// <summary>
/// The LZ4 frame format (version 1.6.x of its description). What is written is always one frame of independent blocks of at most 4 MiB
/// with a content checksum; what is read may be any sequence of frames: other block sizes, linked blocks, block checksums, content
/// size, skippable frames. Dictionaries are refused: the format never names one.
/// </summary>
public static class Lz4Frame
{
    private const uint Magic = 0x184D2204;
    private const uint SkippableMagic = 0x184D2A50;
    private const int BlockSize = 4 << 20;
    private const uint StoredBit = 0x80000000;

    // LZ4 spends at least one byte on 255 bytes of output; this bounds what a block may ask for before it is decoded.
    private const int MaxExpansion = 255;
    private const int DictionarySize = 64 << 10;

    /// <summary>Flags, block size, content size, checksum.</summary>
    private const int MostDescriptor = 11;

    /// <summary>No field of a frame is longer than a block.</summary>
    private const uint MostAtOnce = BlockSize + 64;

    // Version 1, independent blocks, content checksum; blocks of 4 MiB; checksum of these two bytes.
    private static ReadOnlySpan<byte> Header => [0x04, 0x22, 0x4D, 0x18, 0x64, 0x70, 0xB9];

    /// <summary>Writes <paramref name="clear"/> as one frame. A block that does not shrink is stored as it is.</summary>
    public static void Compress(ReadOnlySpan<byte> clear, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        output.Write(Header);
        for (ReadOnlySpan<byte> rest = clear; !rest.IsEmpty;)
        {
            ReadOnlySpan<byte> block = rest[..Math.Min(rest.Length, BlockSize)];
            rest = rest[block.Length..];
            Span<byte> target = output.GetSpan(sizeof(uint) + block.Length);
            // One byte less than the block: it must shrink to be worth it.
            int size = block.Length > 1 ? LZ4Codec.Encode(block, target.Slice(sizeof(uint), block.Length - 1), LZ4Level.L00_FAST) : -1;
            if (size > 0)
            {
                BinaryPrimitives.WriteInt32LittleEndian(target, size);
            }
            else
            {
                size = block.Length;
                BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)size | StoredBit);
                block.CopyTo(target[sizeof(uint)..]);
            }

            output.Advance(sizeof(uint) + size);
        }

        Span<byte> end = output.GetSpan(2 * sizeof(uint));
        BinaryPrimitives.WriteUInt32LittleEndian(end, 0);
        BinaryPrimitives.WriteUInt32LittleEndian(end[sizeof(uint)..], XxHash32.HashToUInt32(clear));
        output.Advance(2 * sizeof(uint));
    }

    /// <summary>Writes what <paramref name="frame"/> (one or more whole frames) holds.</summary>
    /// <param name="frame">The compressed bytes, to their end.</param>
    /// <param name="output">Takes the cleartext. What it got before an exception must not be used.</param>
    /// <param name="maxSize">The most clear bytes that are accepted.</param>
    /// <exception cref="InvalidDataException">The frames are damaged, cut short, or hold more than <paramref name="maxSize"/> bytes.</exception>
    public static void Decompress(ReadOnlySpan<byte> frame, IBufferWriter<byte> output, long maxSize)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentOutOfRangeException.ThrowIfNegative(maxSize);
        Reader reader = new() { Rest = frame };
        ReadFrames(ref reader, output, maxSize);
    }

    /// <summary>As <see cref="Decompress(ReadOnlySpan{byte}, IBufferWriter{byte}, long)"/>, holding one block of it at a time.</summary>
    public static void Decompress(Stream frame, IBufferWriter<byte> output, long maxSize)
    {
        ArgumentNullException.ThrowIfNull(frame);
        ArgumentNullException.ThrowIfNull(output);
        ArgumentOutOfRangeException.ThrowIfNegative(maxSize);
        using PooledBuffer window = new(1 << 16);
        Reader reader = new() { Source = frame, Window = window };
        ReadFrames(ref reader, output, maxSize);
    }

    private static void ReadFrames(ref Reader reader, IBufferWriter<byte> output, long maxSize)
    {
        if (reader.IsAtEnd)
        {
            throw CutShort();
        }

        while (!reader.IsAtEnd)
        {
            uint magic = reader.ReadUInt32();
            if (magic == Magic)
            {
                maxSize -= ReadFrame(ref reader, output, maxSize);
            }
            else if ((magic & 0xFFFFFFF0) == SkippableMagic)
            {
                reader.Skip(reader.ReadUInt32());
            }
            else
            {
                throw Damaged("it does not start with a known mark");
            }
        }
    }

    private static long ReadFrame(ref Reader reader, IBufferWriter<byte> output, long maxSize)
    {
        FrameDescriptor descriptor = FrameDescriptor.Read(ref reader);
        if (descriptor.ContentSize is { } announced && announced > (ulong)maxSize)
        {
            throw TooLarge();
        }

        XxHash32? contentHash = null;
        byte[]? window = null;
        int windowUsed = 0;
        long total = 0;
        try
        {
            while (true)
            {
                uint header = reader.ReadUInt32();
                if (header == 0)
                {
                    break;
                }

                bool stored = (header & StoredBit) != 0;
                uint size = header & ~StoredBit;
                if (size > descriptor.BlockMaxSize)
                {
                    throw Damaged($"a block of {size} bytes where {descriptor.BlockMaxSize} are the limit");
                }

                // What is read stays where it is until more is asked for: with it comes all that is looked at together with it.
                reader.Prepare((int)size + (3 * sizeof(uint)));
                ReadOnlySpan<byte> block = reader.Read(size);
                if (descriptor.HasBlockChecksums && reader.ReadUInt32() != XxHash32.HashToUInt32(block))
                {
                    throw Damaged("a block's checksum is wrong");
                }

                long room = maxSize - total;
                int clearLimit = stored
                    ? block.Length
                    : (int)Math.Min(Math.Min(descriptor.BlockMaxSize, (long)block.Length * MaxExpansion), room);
                if (stored && clearLimit > room)
                {
                    throw TooLarge();
                }

                if (clearLimit == 0 && !stored)
                {
                    // Blocks of nothing are legal; anything else has no room left.
                    clearLimit = 1;
                }

                Span<byte> clear;
                if (descriptor.HasLinkedBlocks)
                {
                    // Earlier output serves as the dictionary: blocks are decoded behind the last 64 KiB of it.
                    window ??= ArrayPool<byte>.Shared.Rent(DictionarySize + (int)descriptor.BlockMaxSize);
                    Span<byte> target = window.AsSpan(windowUsed, Math.Max(clearLimit, 0));
                    int length = Decode(block, target, window.AsSpan(0, windowUsed), stored);
                    clear = target[..length];
                    clear.CopyTo(output.GetSpan(Math.Max(length, 1)));
                    windowUsed += length;
                }
                else
                {
                    clear = DecodeTo(output, block, clearLimit, stored);
                }

                total += clear.Length;
                if (total > maxSize)
                {
                    throw TooLarge();
                }

                if (descriptor.HasContentChecksum)
                {
                    // Nearly every frame is one block: its hash needs no state.
                    if (contentHash is null && BinaryPrimitives.TryReadUInt32LittleEndian(reader.Rest, out uint next) && next == 0)
                    {
                        uint hash = XxHash32.HashToUInt32(clear);
                        output.Advance(clear.Length);
                        reader.ReadUInt32();
                        CheckEnd(ref reader, in descriptor, total, hash);
                        return total;
                    }

                    contentHash ??= new XxHash32();
                    contentHash.Append(clear);
                }

                output.Advance(clear.Length);
                if (window is not null && windowUsed > DictionarySize)
                {
                    window.AsSpan(windowUsed - DictionarySize, DictionarySize).CopyTo(window);
                    windowUsed = DictionarySize;
                }
            }

            CheckEnd(ref reader, in descriptor, total, contentHash?.GetCurrentHashAsUInt32() ?? XxHash32.HashToUInt32([]));
            return total;
        }
        finally
        {
            if (window is not null)
            {
                ArrayPool<byte>.Shared.Return(window);
            }
        }
    }

    // What a block may hold is far more than what it usually does, so the room that the output has anyway is tried first: who knows
    // the size of the content has made that much.
    private static Span<byte> DecodeTo(IBufferWriter<byte> output, ReadOnlySpan<byte> block, int clearLimit, bool stored)
    {
        Span<byte> target = output.GetSpan(1);
        if (!stored && target.Length >= block.Length && target.Length < clearLimit)
        {
            int length = LZ4Codec.Decode(block, target);
            if (length >= 0)
            {
                return target[..length];
            }
        }

        target = output.GetSpan(Math.Max(clearLimit, 1))[..clearLimit];
        return target[..Decode(block, target, default, stored)];
    }

    private static int Decode(ReadOnlySpan<byte> block, Span<byte> target, ReadOnlySpan<byte> dictionary, bool stored)
    {
        if (stored)
        {
            block.CopyTo(target);
            return block.Length;
        }

        int length = dictionary.IsEmpty ? LZ4Codec.Decode(block, target) : LZ4Codec.Decode(block, target, dictionary);
        return length >= 0 ? length : throw Damaged("a block is malformed or holds more than is allowed");
    }

    private static void CheckEnd(ref Reader reader, in FrameDescriptor descriptor, long total, uint hash)
    {
        if (descriptor.ContentSize is { } announced && announced != (ulong)total)
        {
            throw Damaged($"it holds {total} bytes and announces {announced}");
        }

        if (descriptor.HasContentChecksum && reader.ReadUInt32() != hash)
        {
            throw Damaged("the content's checksum is wrong");
        }
    }

    private static InvalidDataException Damaged(string what) => new($"An LZ4 frame is damaged: {what}.");

    private static InvalidDataException CutShort() => Damaged("it ends too early");

    private static InvalidDataException TooLarge() => new("An LZ4 frame holds more bytes than its place in the repository allows.");

    private ref struct Reader
    {
        public ReadOnlySpan<byte> Rest;

        /// <summary>Where more comes from, by way of <see cref="Window"/>; null: all is there.</summary>
        public Stream? Source;
        public PooledBuffer? Window;

        public bool IsAtEnd
        {
            get
            {
                Prepare(1);
                return Rest.IsEmpty;
            }
        }

        /// <summary>Gets so many bytes ready, or as many as there are. What was read before must not be used any more.</summary>
        public void Prepare(int count)
        {
            if (Source is null || Rest.Length >= count)
            {
                return;
            }

            Window!.Discard(Window.Length - Rest.Length);
            while (Window.Length < count)
            {
                int read = Source.Read(Window.GetSpan(Math.Max(count - Window.Length, 1 << 15)));
                if (read == 0)
                {
                    break;
                }

                Window.Advance(read);
            }

            Rest = Window.Span;
        }

        public ReadOnlySpan<byte> Read(uint length)
        {
            if (length > (uint)Rest.Length && length <= MostAtOnce)
            {
                Prepare((int)length);
            }

            if (length > (uint)Rest.Length)
            {
                throw CutShort();
            }

            ReadOnlySpan<byte> read = Rest[..(int)length];
            Rest = Rest[(int)length..];
            return read;
        }

        public void Skip(uint length)
        {
            while (length > 0)
            {
                Prepare(1);
                if (Rest.IsEmpty)
                {
                    throw CutShort();
                }

                int now = (int)Math.Min(length, (uint)Rest.Length);
                Rest = Rest[now..];
                length -= (uint)now;
            }
        }

        public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Read(sizeof(uint)));
    }

    private readonly record struct FrameDescriptor(
        bool HasLinkedBlocks, bool HasBlockChecksums, bool HasContentChecksum, ulong? ContentSize, uint BlockMaxSize)
    {
        public static FrameDescriptor Read(ref Reader reader)
        {
            reader.Prepare(MostDescriptor);
            ReadOnlySpan<byte> start = reader.Rest;
            byte flags = reader.Read(1)[0];
            byte blocks = reader.Read(1)[0];
            bool hasContentSize = (flags & 0x08) != 0;
            if (flags >> 6 != 1 || (flags & 0x02) != 0 || (blocks & 0x8F) != 0 || (blocks >> 4) < 4)
            {
                throw Damaged($"its descriptor {flags:x2} {blocks:x2} is not of a known version");
            }

            if ((flags & 0x01) != 0)
            {
                throw new InvalidDataException("An LZ4 frame wants a dictionary, which repositories never use.");
            }

            ulong? contentSize = hasContentSize ? BinaryPrimitives.ReadUInt64LittleEndian(reader.Read(sizeof(ulong))) : null;
            ReadOnlySpan<byte> descriptor = start[..(hasContentSize ? 10 : 2)];
            if (reader.Read(1)[0] != (byte)(XxHash32.HashToUInt32(descriptor) >> 8))
            {
                throw Damaged("its descriptor's checksum is wrong");
            }

            return new(
                HasLinkedBlocks: (flags & 0x20) == 0,
                HasBlockChecksums: (flags & 0x10) != 0,
                HasContentChecksum: (flags & 0x04) != 0,
                contentSize,
                // 4 to 7 stand for 64 KiB, 256 KiB, 1 MiB and 4 MiB.
                1u << (8 + (2 * (blocks >> 4))));
        }
    }
}
