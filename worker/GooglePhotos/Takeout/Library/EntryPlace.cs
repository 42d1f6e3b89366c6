using System.Buffers.Binary;
using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Exports;

namespace GooglePhotos.Takeout.Library;

/// <summary>One folder of one part: what many entries have in common, held once.</summary>
internal sealed record EntryPlace(TakeoutPart Part, string Folder, NameTable Names);

/// <summary>
/// The names of an export's files one after another, as bytes: hundreds of thousands of small arrays would take twice the memory. Not safe
/// for concurrent use.
/// </summary>
internal sealed class NameTable
{
    private const int BlockBits = 16;
    private const int BlockSize = 1 << BlockBits;
    private const int LengthBytes = sizeof(int);

    private readonly List<byte[]> _blocks = [];
    private int _used = BlockSize;

    /// <summary>Where it lies, for <see cref="Read"/>.</summary>
    internal int Add(string name)
    {
        byte[] bytes = EntryNames.Encode(name);
        if (BlockSize - _used < LengthBytes + bytes.Length)
        {
            _blocks.Add(new byte[Math.Max(BlockSize, LengthBytes + bytes.Length)]);
            _used = 0;
        }

        int position = ((_blocks.Count - 1) << BlockBits) | _used;
        Span<byte> room = _blocks[^1].AsSpan(_used);
        BinaryPrimitives.WriteInt32LittleEndian(room, bytes.Length);
        bytes.CopyTo(room[LengthBytes..]);
        _used = Math.Min(BlockSize, _used + LengthBytes + bytes.Length);
        return position;
    }

    internal string Read(int position)
    {
        ReadOnlySpan<byte> room = _blocks[position >>> BlockBits].AsSpan(position & (BlockSize - 1));
        return EntryNames.Decode(room.Slice(LengthBytes, BinaryPrimitives.ReadInt32LittleEndian(room)));
    }
}
