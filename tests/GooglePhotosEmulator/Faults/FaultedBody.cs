namespace GooglePhotosEmulator.Faults;

/// <summary>An answer's body that ends in a cut connection, flows slowly or has a wrong byte.</summary>
internal sealed class FaultedBody(HttpContext http, Stream inner, Fault fault, TimeProvider time) : Stream
{
    private long _written;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Flush() => inner.Flush();

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("answers are written asynchronously");

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var start = _written;
        _written += buffer.Length;
        switch (fault)
        {
            case Fault.LoseAnswer:
                http.Abort();
                return;
            case Fault.CutAnswer cut when _written >= cut.AfterBytes:
                var allowed = (int)Math.Max(0, cut.AfterBytes - start);
                await inner.WriteAsync(buffer[..allowed], cancellationToken);
                await inner.FlushAsync(cancellationToken);
                http.Abort();
                return;
            case Fault.Corrupt corrupt when corrupt.AtByte >= start && corrupt.AtByte < _written:
                var copy = buffer.ToArray();
                copy[(int)(corrupt.AtByte - start)] ^= 0x5A;
                await inner.WriteAsync(copy, cancellationToken);
                return;
            case Fault.Slow slow:
                await inner.WriteAsync(buffer, cancellationToken);
                await inner.FlushAsync(cancellationToken);
                await Task.Delay(TimeSpan.FromSeconds(buffer.Length / (double)slow.BytesPerSecond), time, cancellationToken);
                return;
            default:
                await inner.WriteAsync(buffer, cancellationToken);
                return;
        }
    }
}
