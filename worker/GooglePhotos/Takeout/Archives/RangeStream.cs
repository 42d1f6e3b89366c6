using System.Buffers;

namespace GooglePhotos.Takeout.Archives;

/// <summary>Fills the destination from the given offset, or throws.</summary>
public delegate Task ReadRange(long offset, Memory<byte> destination, CancellationToken ct);

/// <summary>
/// A seekable stream over range reads. It fetches windows, so that the entries of an archive read in their order cost one request per
/// window and not one per entry. After a jump the first window is small: who picks sidecars out of a part does not pay for the films
/// between them.
/// </summary>
/// <param name="windowBytes">8 MiB keeps requests few; the memory is held while the stream is open.</param>
/// <param name="verify">Throws when the file is not the one that was listed any more; null where every range proves it.</param>
/// <param name="owned">Given back with the stream.</param>
public sealed class RangeStream(
    long length, ReadRange read, int windowBytes = 8 << 20, Func<CancellationToken, Task>? verify = null, IDisposable? owned = null) : Stream
{
    private const int WindowAfterJump = 256 << 10;

    private byte[]? _window;
    private long _windowStart;
    private int _windowLength;
    private long _position;
    private (long Start, long End) _expected;
    private bool _ended;
    private ArchiveChangedException? _changed;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position
    {
        get => _position;
        set => _position = value;
    }

    /// <summary>
    /// Says which bytes will be read next: a window that begins among them ends with them. Who picks small files out of a part fetches
    /// neither what lies behind them nor one after the other what lies together.
    /// </summary>
    public void Expect(long start, long end) => _expected = (start, end);

    /// <summary>Asks whether what was read so far is of one content. At the end of the file it is asked without being told to.</summary>
    /// <exception cref="ArchiveChangedException"/>
    public Task VerifyAsync(CancellationToken ct) => _changed is not null ? throw _changed : verify?.Invoke(ct) ?? Task.CompletedTask;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_position >= length || buffer.IsEmpty)
        {
            return 0;
        }

        if (_position < _windowStart || _position >= _windowStart + _windowLength)
        {
            _window ??= ArrayPool<byte>.Shared.Rent((int)Math.Min(windowBytes, Math.Max(length, 1)));
            bool sequential = _position == _windowStart + _windowLength;
            long window = _position >= _expected.Start && _position < _expected.End
                ? _expected.End - _position
                : sequential ? windowBytes : WindowAfterJump;
            int wanted = (int)Math.Min(Math.Min(window, _window.Length), length - _position);
            _windowLength = 0;
            try
            {
                await read(_position, _window.AsMemory(0, wanted), cancellationToken);
            }
            catch (ArchiveChangedException changed)
            {
                _changed = changed;
                throw;
            }

            _windowStart = _position;
            _windowLength = wanted;
        }

        int within = (int)(_position - _windowStart);
        int count = Math.Min(buffer.Length, _windowLength - within);
        _window.AsMemory(within, count).CopyTo(buffer);
        _position += count;
        if (_position == length && !_ended)
        {
            _ended = true;
            await VerifyAsync(cancellationToken);
        }

        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer.AsMemory(offset, count), CancellationToken.None).AsTask().GetAwaiter().GetResult();

    public override long Seek(long offset, SeekOrigin origin) => _position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => _position + offset,
        _ => length + offset,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (_window is { } window)
        {
            _window = null;
            _windowLength = 0;
            ArrayPool<byte>.Shared.Return(window);
        }

        if (disposing)
        {
            owned?.Dispose();
        }

        base.Dispose(disposing);
    }
}
