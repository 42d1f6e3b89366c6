using System.Buffers.Text;

namespace GooglePhotos.Takeout.Archives;

/// <summary>
/// The unpacked bytes of a tgz on their way to the runtime's tar reader, which trusts them. Refuses what no photo is: bytes that hardly
/// cost any packed ones (a bomb), and long names or attributes of a size that the reader would hold in memory. It also remembers each
/// name as the bytes that it is: the reader replaces what is not UTF-8, and two different names become one.
/// </summary>
/// <param name="packedSoFar">Packed bytes that were consumed so far.</param>
internal sealed class GuardedTarStream(Stream unpacked, Func<long> packedSoFar, ArchiveLimits limits) : ForwardStream
{
    private const int BlockSize = 512;
    private const int MaxAttributeBytes = 1 << 20;

    private readonly byte[] _header = new byte[BlockSize];
    private int _headerLength;
    private long _skip;
    private long _sinceUnpacked;
    private long _sincePacked;
    private readonly MemoryStream _attribute = new();
    private byte _attributeType;
    private int _attributeLeft;
    private byte[]? _longName;
    private byte[] _name = [];

    /// <summary>The name in the header that was read last, as <see cref="EntryNames"/> carries names.</summary>
    public string EntryName => EntryNames.Decode(_name);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read = await unpacked.ReadAsync(buffer, cancellationToken);
        Watch(buffer.Span[..read]);
        return read;
    }

    public override int Read(Span<byte> buffer)
    {
        int read = unpacked.Read(buffer);
        Watch(buffer[..read]);
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            unpacked.Dispose();
            _attribute.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Watch(ReadOnlySpan<byte> bytes)
    {
        _sinceUnpacked += bytes.Length;
        if (_sinceUnpacked > limits.BombFloorBytes)
        {
            long packed = packedSoFar();
            if (_sinceUnpacked / limits.MaxRatio > packed - _sincePacked)
            {
                throw new InvalidDataException($"it unpacks {packed - _sincePacked} bytes to {_sinceUnpacked} and more.");
            }

            (_sinceUnpacked, _sincePacked) = (0, packed);
        }

        while (!bytes.IsEmpty)
        {
            if (_skip > 0)
            {
                int now = (int)Math.Min(_skip, bytes.Length);
                _skip -= now;
                Collect(bytes[..now]);
                bytes = bytes[now..];
                continue;
            }

            int take = Math.Min(bytes.Length, BlockSize - _headerLength);
            bytes[..take].CopyTo(_header.AsSpan(_headerLength));
            _headerLength += take;
            bytes = bytes[take..];
            if (_headerLength == BlockSize)
            {
                _headerLength = 0;
                Follow();
            }
        }
    }

    /// <summary>A header is complete: how long is what follows, and who would hold it in memory?</summary>
    private void Follow()
    {
        long size = SizeOf(_header.AsSpan(124, 12));
        byte type = _header[156];
        if (size > MaxAttributeBytes && (type is (byte)'x' or (byte)'g' or (byte)'L' or (byte)'K'))
        {
            throw new InvalidDataException($"it has a name or attributes of {size} bytes.");
        }

        // Links and folders have no content, whatever their size says.
        bool empty = type is (byte)'1' or (byte)'2' or (byte)'3' or (byte)'4' or (byte)'5' or (byte)'6';
        _skip = empty || size <= 0 ? 0 : (size + BlockSize - 1) / BlockSize * BlockSize;
        if (type is (byte)'x' or (byte)'L')
        {
            _attribute.SetLength(0);
            (_attributeType, _attributeLeft) = (type, (int)Math.Max(0, size));
        }
        else if (type is not ((byte)'g' or (byte)'K'))
        {
            _name = _longName ?? NameOf(_header);
            _longName = null;
        }
    }

    private void Collect(ReadOnlySpan<byte> bytes)
    {
        if (_attributeLeft == 0)
        {
            return;
        }

        int take = Math.Min(_attributeLeft, bytes.Length);
        _attribute.Write(bytes[..take]);
        _attributeLeft -= take;
        if (_attributeLeft == 0)
        {
            ReadOnlySpan<byte> whole = _attribute.GetBuffer().AsSpan(0, (int)_attribute.Length);
            _longName = _attributeType == (byte)'L' ? whole.TrimEnd((byte)0).ToArray() : PathIn(whole) ?? _longName;
        }
    }

    /// <summary>Of records "length key=value\n", the value of the last "path".</summary>
    private static byte[]? PathIn(ReadOnlySpan<byte> records)
    {
        byte[]? path = null;
        while (Utf8Parser.TryParse(records, out int length, out int digits) && length > digits + 1 && length <= records.Length)
        {
            ReadOnlySpan<byte> record = records[(digits + 1)..(length - 1)];
            if (record.StartsWith("path="u8))
            {
                path = record[5..].ToArray();
            }

            records = records[length..];
        }

        return path;
    }

    private static byte[] NameOf(ReadOnlySpan<byte> header)
    {
        ReadOnlySpan<byte> name = UntilZero(header[..100]);
        ReadOnlySpan<byte> prefix = header[257..].StartsWith("ustar\0"u8) ? UntilZero(header[345..500]) : [];
        return prefix.IsEmpty ? name.ToArray() : [.. prefix, (byte)'/', .. name];
    }

    private static ReadOnlySpan<byte> UntilZero(ReadOnlySpan<byte> field) => field.IndexOf((byte)0) is >= 0 and int end ? field[..end] : field;

    /// <summary>Octal text, or from 8 GiB on a number in base 256 whose first bit is set.</summary>
    private static long SizeOf(ReadOnlySpan<byte> field)
    {
        long size = 0;
        if ((field[0] & 0x80) != 0)
        {
            foreach (byte digit in field[4..])
            {
                size = (size << 8) | digit;
            }

            return size;
        }

        foreach (byte digit in field.Trim((byte)' ').Trim((byte)0))
        {
            if (digit is < (byte)'0' or > (byte)'7')
            {
                break;
            }

            size = (size << 3) | (uint)(digit - '0');
        }

        return size;
    }
}
