using System.IO.Compression;
using System.IO.Hashing;
using System.Text;

namespace GooglePhotos.Tests.Takeout;

/// <summary>Writes zip files as nobody should: any name bytes, any claim about size and checksum.</summary>
public sealed class RawZip : IDisposable
{
    private readonly MemoryStream _output = new();
    private readonly List<byte[]> _directory = [];

    public sealed record Entry(byte[] Name, byte[] Data)
    {
        public Entry(string name, byte[] data)
            : this(Encoding.UTF8.GetBytes(name), data)
        {
        }

        public bool Deflate { get; init; }

        public uint? Crc { get; init; }

        public long? Size { get; init; }

        public int UnixMode { get; init; } = 0x81A4;

        public ushort Flags { get; init; }

        public ushort? Method { get; init; }

        /// <summary>Point to this offset instead of an own header.</summary>
        public long? Offset { get; init; }
    }

    public long Position => _output.Position;

    public void Dispose() => _output.Dispose();

    public RawZip Add(Entry entry)
    {
        byte[] packed = entry.Data;
        if (entry.Deflate)
        {
            MemoryStream deflated = new();
            using (DeflateStream deflate = new(deflated, CompressionLevel.SmallestSize, leaveOpen: true))
            {
                deflate.Write(entry.Data);
            }

            packed = deflated.ToArray();
        }

        uint crc = entry.Crc ?? Crc32.HashToUInt32(entry.Data);
        uint size = (uint)(entry.Size ?? entry.Data.Length);
        ushort method = entry.Method ?? (entry.Deflate ? (ushort)8 : (ushort)0);
        long offset = entry.Offset ?? _output.Position;
        BinaryWriter writer = new(_output);
        if (entry.Offset is null)
        {
            writer.Write(0x04034b50u);
            writer.Write((ushort)20);
            writer.Write(entry.Flags);
            writer.Write(method);
            writer.Write(0x5A215A21u);
            writer.Write(crc);
            writer.Write((uint)packed.Length);
            writer.Write(size);
            writer.Write((ushort)entry.Name.Length);
            writer.Write((ushort)0);
            writer.Write(entry.Name);
            writer.Write(packed);
        }

        MemoryStream central = new();
        BinaryWriter c = new(central);
        c.Write(0x02014b50u);
        c.Write((ushort)((3 << 8) | 20));
        c.Write((ushort)20);
        c.Write(entry.Flags);
        c.Write(method);
        c.Write(0x5A215A21u);
        c.Write(crc);
        c.Write((uint)packed.Length);
        c.Write(size);
        c.Write((ushort)entry.Name.Length);
        c.Write((ushort)0);
        c.Write((ushort)0);
        c.Write((ushort)0);
        c.Write((ushort)0);
        c.Write((uint)entry.UnixMode << 16);
        c.Write((uint)offset);
        c.Write(entry.Name);
        _directory.Add(central.ToArray());
        return this;
    }

    public byte[] ToArray(int? claimedEntries = null)
    {
        long start = _output.Position;
        BinaryWriter writer = new(_output);
        foreach (byte[] entry in _directory)
        {
            writer.Write(entry);
        }

        long size = _output.Position - start;
        ushort count = (ushort)(claimedEntries ?? _directory.Count);
        bool wide = _directory.Count > ushort.MaxValue;
        if (wide)
        {
            long record = _output.Position;
            writer.Write(0x06064b50u);
            writer.Write(44L);
            writer.Write((ushort)45);
            writer.Write((ushort)45);
            writer.Write(0);
            writer.Write(0);
            writer.Write((long)_directory.Count);
            writer.Write((long)_directory.Count);
            writer.Write(size);
            writer.Write(start);
            writer.Write(0x07064b50u);
            writer.Write(0);
            writer.Write(record);
            writer.Write(1);
            count = ushort.MaxValue;
        }

        writer.Write(0x06054b50u);
        writer.Write(0);
        writer.Write(count);
        writer.Write(count);
        writer.Write((uint)size);
        writer.Write((uint)start);
        writer.Write((ushort)0);
        return _output.ToArray();
    }
}
