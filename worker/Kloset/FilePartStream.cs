using Microsoft.Win32.SafeHandles;

namespace Kloset;

/// <summary>Some bytes of a file, which stays open when this is disposed of.</summary>
internal sealed class FilePartStream(SafeFileHandle file, long start, long length) : ForwardStream
{
    private long _position;

    public override long Length => length;

    public override int Read(Span<byte> buffer)
    {
        var read = RandomAccess.Read(file, buffer[..(int)Math.Min(buffer.Length, length - _position)], start + _position);
        _position += read;
        return read;
    }
}
