namespace Kloset.Snapshots;

/// <summary>A content whose object is looked up when the first byte is asked for.</summary>
internal sealed class DeferredObjectStream(long length, Func<CancellationToken, Task<ObjectStream>> open) : Stream
{
    private ObjectStream? _content;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => _content?.Length ?? length;

    public override long Position
    {
        get => _content?.Position ?? 0;
        set => throw new NotSupportedException("The content of an object is read forward only.");
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        _content ??= open(CancellationToken.None).GetAwaiter().GetResult();
        return _content.Read(buffer);
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _content ??= await open(cancellationToken);
        return await _content.ReadAsync(buffer, cancellationToken);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("The content of an object is read forward only.");

    public override void SetLength(long value) => throw new NotSupportedException("The content of an object cannot be changed.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("The content of an object cannot be changed.");

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _content?.Dispose();
        base.Dispose(disposing);
    }
}
