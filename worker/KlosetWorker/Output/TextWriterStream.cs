using System.Text;

namespace KlosetWorker.Output;

/// <summary>UTF-8 bytes into a writer of text, piece by piece: a report of a large library is never a string as a whole.
/// Forward only, as a terminal or a pipe is: what reads, seeks or asks for a length has the wrong stream.</summary>
internal sealed class TextWriterStream(TextWriter writer) : Stream
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private readonly char[] _characters = new char[8 << 10];

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            _decoder.Convert(buffer, _characters, flush: false, out var read, out var written, out _);
            writer.Write(_characters, 0, written);
            buffer = buffer[read..];
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
        // what is decoded is written
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
