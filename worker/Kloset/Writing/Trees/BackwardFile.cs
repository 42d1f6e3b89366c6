using System.Buffers.Binary;

namespace Kloset.Writing.Trees;

/// <summary>
/// Records written in one order and read in the other: the merge makes entries in ascending order, and trees are stored from the right.
/// Layout of a record: key, MAC, one byte, key length (u32).
/// </summary>
internal sealed class BackwardFile : IDisposable
{
    private const int TrailerSize = Mac.Size + 1 + 4;
    private const int BlockSize = 1 << 18;

    private readonly FileStream _file;

    public BackwardFile(string folder) => _file = new FileStream(
        Path.Combine(folder, $"entries-{Guid.CreateVersion7():n}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);

    public long Count { get; private set; }

    /// <param name="value">Null: the key is deleted.</param>
    public void Add(ReadOnlySpan<byte> key, Mac? value)
    {
        Span<byte> trailer = stackalloc byte[TrailerSize];
        (value ?? Mac.Zero).CopyTo(trailer);
        trailer[Mac.Size] = value is null ? (byte)0 : (byte)1;
        BinaryPrimitives.WriteInt32LittleEndian(trailer[(Mac.Size + 1)..], key.Length);
        _file.Write(key);
        _file.Write(trailer);
        Count++;
    }

    /// <summary>Last record first. Nothing may be added afterwards.</summary>
    public IEnumerable<(byte[] Key, Mac? Value)> ReadBackward()
    {
        _file.Flush();
        var block = Array.Empty<byte>();
        var blockStart = _file.Length; // file position of block[0]
        var end = _file.Length;        // end of the records that are still to come
        while (end > 0)
        {
            Have(end - TrailerSize);
            var trailer = block.AsSpan((int)(end - TrailerSize - blockStart), TrailerSize);
            var keyLength = BinaryPrimitives.ReadInt32LittleEndian(trailer[(Mac.Size + 1)..]);
            Mac? value = trailer[Mac.Size] == 0 ? null : new Mac(trailer[..Mac.Size]);
            var start = end - TrailerSize - keyLength;
            Have(start);
            var key = block.AsSpan((int)(start - blockStart), keyLength).ToArray();
            end = start;
            yield return (key, value);
        }

        void Have(long position)
        {
            if (position >= blockStart)
                return;
            var from = Math.Max(0, Math.Min(position, end - BlockSize));
            block = new byte[end - from];
            _file.Position = from;
            _file.ReadExactly(block);
            blockStart = from;
        }
    }

    public void Dispose() => _file.Dispose();
}
