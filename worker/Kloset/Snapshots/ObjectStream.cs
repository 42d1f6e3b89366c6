using Kloset.Repositories;
using Kloset.States;

namespace Kloset.Snapshots;

/// <summary>
/// The content of an object, chunk by chunk. Chunks that lie together are fetched together, ahead of the reader, and decoded in parallel. Each
/// chunk's MAC is checked before a byte of it is handed out, that of the whole before the end is.
/// </summary>
internal sealed class ObjectStream : Stream
{
    private const int MaxRun = 4 << 20;

    private readonly BlobReader _blobs;
    private readonly ObjectRecord _object;
    private readonly string _name;
    private readonly IReadOnlyList<ChunkRecord> _chunks;
    private readonly int _depth;
    private readonly CancellationTokenSource _stop = new();
    private readonly Queue<Task<Run>> _ahead = new();
    private readonly MacHasher? _hasher;
    private int _scheduled;
    private Run? _run;
    private int _chunkOfRun;
    private int _offsetInChunk;
    private long _position;
    private bool _ended;
    private bool _disposed;

    /// <param name="depth">Runs that are fetched at the same time.</param>
    public ObjectStream(BlobReader blobs, ObjectRecord item, string name, int depth)
    {
        _blobs = blobs;
        _object = item;
        _name = name;
        _chunks = item.Chunks ?? [];
        _depth = Math.Max(1, depth);
        Length = item.Size;
        // One chunk's MAC is the MAC of the whole.
        if (_chunks.Count > 1)
            _hasher = blobs.Codec.CreateHasher();
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length { get; }

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException("The content of an object is read forward only.");
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        var available = FillAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult();
        return Copy(available, buffer);
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var available = await FillAsync(cancellationToken);
        return Copy(available, buffer.Span);
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
        if (disposing && !_disposed)
        {
            _disposed = true;
            _stop.Cancel();
            _run?.Dispose();
            _run = null;
            foreach (var task in _ahead)
            {
                _ = task.ContinueWith(
                    t =>
                    {
                        if (t.IsCompletedSuccessfully)
                            t.Result.Dispose();
                        else
                            _ = t.Exception;
                    },
                    CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }

            _hasher?.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Copy(ReadOnlyMemory<byte> available, Span<byte> buffer)
    {
        var count = Math.Min(available.Length, buffer.Length);
        available.Span[..count].CopyTo(buffer);
        _offsetInChunk += count;
        _position += count;
        return count;
    }

    /// <returns>Bytes that can be handed out; empty at the end.</returns>
    private async ValueTask<ReadOnlyMemory<byte>> FillAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        while (!_ended)
        {
            if (_run is not null)
            {
                if (_offsetInChunk < _run[_chunkOfRun].Length)
                    return _run[_chunkOfRun][_offsetInChunk..];
                _offsetInChunk = 0;
                if (++_chunkOfRun < _run.Count)
                {
                    _hasher?.Append(_run[_chunkOfRun].Span);
                    continue;
                }

                _run.Dispose();
                _run = null;
            }

            Schedule();
            if (_ahead.Count == 0)
            {
                Finish();
                break;
            }

            _run = await _ahead.Peek().WaitAsync(cancellationToken);
            _ = _ahead.Dequeue();
            Schedule();
            _chunkOfRun = 0;
            _hasher?.Append(_run[0].Span);
        }

        return default;
    }

    private void Finish()
    {
        _ended = true;
        var mac = _hasher is not null ? _hasher.Finish()
            : _chunks.Count == 1 ? _chunks[0].ContentMac
            : _blobs.Codec.ComputeMac([]);
        if (mac != _object.ContentMac)
            throw RepositoryException.Damaged($"The content of {_name} is damaged: its chunks are whole, but together they do not match its MAC.");
    }

    private void Schedule()
    {
        while (_ahead.Count < _depth && _scheduled < _chunks.Count)
        {
            var first = _scheduled;
            var locations = new List<BlobLocation?>();
            long clear = 0;
            // A run: neighbours in one packfile, up to a few MiB, so that one request fetches them.
            do
            {
                var chunk = _chunks[_scheduled];
                BlobLocation? location = _blobs.Index.TryFind(BlobType.Chunk, chunk.ContentMac, out var found) ? found : null;
                if (locations.Count > 0)
                {
                    var previous = locations[^1];
                    if (location is not { } here || previous is not { } before || here.Ordinal != before.Ordinal || here.Offset != before.Offset + before.Length
                        || clear + chunk.Length > MaxRun)
                        break;
                }

                locations.Add(location);
                clear += chunk.Length;
                _scheduled++;
            }
            while (_scheduled < _chunks.Count);

            // The first run of a small object is not worth another thread.
            var task = ReadRunAsync(first, locations, onThreadPool: _chunks.Count > 1);
            _ahead.Enqueue(task);
        }
    }

    private async Task<Run> ReadRunAsync(int first, List<BlobLocation?> locations, bool onThreadPool)
    {
        if (onThreadPool)
            await Task.Yield();
        var token = _stop.Token;
        var run = new Run(locations.Count);
        try
        {
            var fetched = false;
            using var stored = new PooledBuffer(64);
            if (locations.Count > 1)
                fetched = await _blobs.TryFetchAsync(locations[0]!.Value, locations[^1]!.Value, stored, token);
            for (var i = 0; i < locations.Count; i++)
            {
                var chunk = _chunks[first + i];
                var clear = new PooledBuffer((int)Math.Min(chunk.Length, 16 << 20) + 64);
                run.Add(clear);
                var ok = false;
                if (fetched)
                {
                    var location = locations[i]!.Value;
                    var bytes = stored.Memory.Slice((int)(location.Offset - locations[0]!.Value.Offset), (int)location.Length);
                    ok = _blobs.TryDecode(BlobType.Chunk, chunk.ContentMac, bytes.Span, clear);
                }

                if (!ok)
                {
                    clear.Clear();
                    await _blobs.ReadAsync(BlobType.Chunk, chunk.ContentMac, clear, token);
                }

                if (clear.Length != chunk.Length)
                    throw RepositoryException.Damaged($"The content of {_name} is damaged: a chunk has {clear.Length} bytes instead of {chunk.Length}.");
            }

            return run;
        }
        catch (RepositoryException exception)
        {
            run.Dispose();
            var message = $"The content of {_name} cannot be read. {exception.Message}";
            throw exception.Blob is { } blob ? RepositoryException.Damaged(blob.Type, blob.Id, message, exception) : RepositoryException.Damaged(message, exception);
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    private sealed class Run(int capacity) : IDisposable
    {
        private readonly List<PooledBuffer> _buffers = new(capacity);

        public int Count => _buffers.Count;

        public ReadOnlyMemory<byte> this[int index] => _buffers[index].Memory;

        public void Add(PooledBuffer buffer) => _buffers.Add(buffer);

        public void Dispose()
        {
            foreach (var buffer in _buffers)
                buffer.Dispose();
            _buffers.Clear();
        }
    }
}
