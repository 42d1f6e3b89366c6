using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace GooglePhotos.Takeout.Archives;

/// <summary>A piece of a stream, read forward. It moves the stream's position and must be the only reader meanwhile.</summary>
internal sealed class SliceStream(Stream inner, long length) : ForwardStream
{
    private long _left = length;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_left <= 0 || buffer.IsEmpty)
        {
            return 0;
        }

        int read = await inner.ReadAsync(buffer[..(int)Math.Min(buffer.Length, _left)], cancellationToken);
        _left -= read;
        return read;
    }

    public override int Read(Span<byte> buffer)
    {
        if (_left <= 0 || buffer.IsEmpty)
        {
            return 0;
        }

        int read = inner.Read(buffer[..(int)Math.Min(buffer.Length, _left)]);
        _left -= read;
        return read;
    }
}

/// <summary>
/// Hands an entry's bytes on and proves them: not more than promised, not less, and the right CRC-32 when there is one. What the archive
/// got wrong becomes a <see cref="TakeoutDamageException"/>; what the storage got wrong goes through as it is.
/// </summary>
internal sealed class VerifiedStream(Stream inner, long size, uint? crc32, string part, string path, FindingList findings) : ForwardStream
{
    private readonly Crc32 _crc = new();
    private long _seen;
    private bool _done;

    /// <summary>True once the end was reached and everything was right.</summary>
    internal bool Proven { get; private set; }

    internal uint Crc => _crc.GetCurrentHashAsUInt32();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_done || buffer.IsEmpty)
        {
            return 0;
        }

        int read;
        try
        {
            read = await inner.ReadAsync(buffer, cancellationToken);
        }
        catch (Exception e) when (TakeoutDamageException.IsDamage(e))
        {
            throw Damage(e is ArchiveChangedException ? $"changed while it was read: {e.Message}" : $"cannot be read ({e.Message.TrimEnd('.')})", e);
        }

        return Account(buffer.Span, read);
    }

    public override int Read(Span<byte> buffer)
    {
        if (_done || buffer.IsEmpty)
        {
            return 0;
        }

        int read;
        try
        {
            read = inner.Read(buffer);
        }
        catch (Exception e) when (TakeoutDamageException.IsDamage(e))
        {
            throw Damage(e is ArchiveChangedException ? $"changed while it was read: {e.Message}" : $"cannot be read ({e.Message.TrimEnd('.')})", e);
        }

        return Account(buffer, read);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Account(Span<byte> buffer, int read)
    {
        if (read > 0)
        {
            _seen += read;
            if (_seen > size)
            {
                throw Damage($"holds more than the {size} bytes that the archive promises");
            }

            _crc.Append(buffer[..read]);
            return read;
        }

        _done = true;
        if (_seen != size)
        {
            throw Damage($"ends after {_seen} of {size} bytes");
        }

        if (crc32 is { } wanted && _crc.GetCurrentHashAsUInt32() != wanted)
        {
            throw Damage("does not have the checksum that the archive names");
        }

        Proven = true;
        return 0;
    }

    private TakeoutDamageException Damage(string what, Exception? inner = null)
    {
        _done = true;
        TakeoutFinding finding = inner is ArchiveChangedException
            ? new(FindingKind.ChangedPart, part, path, $"{EntryNames.Display(path)} in {part} {what}. It is read once it lies there unchanged.")
            : new(FindingKind.DamagedEntry, part, path, $"{EntryNames.Display(path)} in {part} {what}: download this part again.");
        findings.Add(finding);
        return new TakeoutDamageException(finding, inner);
    }
}

internal abstract class ForwardStream : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public abstract override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default);

    public abstract override int Read(Span<byte> buffer);

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }
}

internal static class ZipContent
{
    /// <summary>Opens an entry's bytes, unpacked but not verified.</summary>
    /// <param name="directoryStart">Where the central directory begins; contents end before it.</param>
    /// <exception cref="InvalidDataException">The local header is not there, or the method is unknown.</exception>
    internal static async Task<Stream> OpenAsync(Stream archive, long headerOffset, long compressedSize, ushort method, ushort flags, long directoryStart, CancellationToken ct)
    {
        byte[] header = new byte[30];
        if (headerOffset < 0 || headerOffset > directoryStart - 30)
        {
            throw new InvalidDataException("lies outside the archive");
        }

        archive.Position = headerOffset;
        await archive.ReadExactlyAsync(header, ct);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != 0x04034b50)
        {
            throw new InvalidDataException("is not where the archive's directory says");
        }

        if ((flags & 1) != 0)
        {
            throw new InvalidDataException("is encrypted");
        }

        long data = headerOffset + 30 + BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(26)) + BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(28));
        if (compressedSize < 0 || data + compressedSize > directoryStart)
        {
            throw new InvalidDataException("reaches beyond the end of the archive's contents");
        }

        archive.Position = data;
        SliceStream packed = new(archive, compressedSize);
        return method switch
        {
            0 => packed,
            8 => new DeflateStream(packed, CompressionMode.Decompress),
            _ => throw new InvalidDataException($"is packed by method {method}, which nothing here knows"),
        };
    }
}
