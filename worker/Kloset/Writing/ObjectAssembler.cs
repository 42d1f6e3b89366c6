using Kloset.Msgpack;
using Kloset.Repositories;
using Kloset.Snapshots;

namespace Kloset.Writing;

/// <summary>
/// Turns one content into chunks and an OBJECT blob: write into <see cref="GetMemory"/>, <see cref="AdvanceAsync"/>, at last
/// <see cref="FinishAsync"/>. Chunks of large contents are sealed in parallel and packed in order; small contents stay on the calling thread.
/// </summary>
internal sealed class ObjectAssembler : IDisposable
{
    private const int FirstWindow = 64 << 10;

    private readonly WritingSession _session;
    private readonly PackfileLane _lane;
    private readonly ObjectOptions _options;
    private readonly bool _isListing;
    private readonly int _maxChunk;
    private readonly int _firstLookAhead;
    private readonly PooledBuffer _window;
    private readonly Queue<ChunkJob> _underWay = new();
    private readonly List<ChunkRecord> _chunks = [];
    private int _start;
    private int _lookAhead;
    private MacHasher? _hasher;
    private string? _contentType;
    private long _size;
    private long _newBytes;
    private double _weightedEntropy;

    /// <param name="isListing">A dirpack: no entropies, type `application/octet-stream`, as the reference writes them.</param>
    public ObjectAssembler(WritingSession session, PackfileLane lane, ObjectOptions options, bool isListing, long? expectedSize)
    {
        _session = session;
        _lane = lane;
        _options = options;
        _isListing = isListing;
        _maxChunk = (int)session.Chunker.Parameters.MaxSize;
        // All but one chunk in some thousands end here; where one does not, the window grows.
        _firstLookAhead = _lookAhead = (int)Math.Min(_maxChunk, 3L * session.Chunker.Parameters.NormalSize);
        _window = new PooledBuffer((int)Math.Clamp((expectedSize ?? FirstWindow) + 1, 1024, _firstLookAhead));
    }

    /// <summary>Where the next bytes of the content go.</summary>
    public Memory<byte> GetMemory(int sizeHint = 1)
    {
        if (_start > 0 && (_start >= _window.Length - _start || _window.Capacity - _window.Length < sizeHint))
        {
            _window.Discard(_start);
            _start = 0;
        }

        return _window.GetMemory(sizeHint);
    }

    public async ValueTask AdvanceAsync(int count)
    {
        _window.Advance(count);
        _size += count;
        while (_window.Length - _start >= _lookAhead)
            _lookAhead = await CutAsync(isEnd: false) ? _firstLookAhead : Math.Min(_maxChunk, _lookAhead * 2);
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var memory = GetMemory(Math.Min(bytes.Length, 1 << 16));
            var count = Math.Min(memory.Length, bytes.Length);
            bytes[..count].CopyTo(memory);
            await AdvanceAsync(count);
            bytes = bytes[count..];
        }
    }

    public async ValueTask<StoredObject> FinishAsync()
    {
        do
            await CutAsync(isEnd: true);
        while (_start < _window.Length);
        while (_underWay.Count > 0)
            await PackOldestAsync();
        var contentMac = _hasher?.Finish() ?? _chunks[0].ContentMac;
        var entropy = _isListing || _size == 0 ? 0 : _weightedEntropy / _size;
        var record = new ObjectRecord { ContentMac = contentMac, Chunks = _chunks, ContentType = _contentType!, Entropy = entropy };
        var writer = new MsgpackWriter(256 + (_chunks.Count * 96));
        ObjectCodec.Write(writer, record);
        var id = await _session.StoreByContentAsync(_session.Sink.Metadata, BlobType.Object, writer.WrittenMemory);
        return new StoredObject(id, contentMac, _size, _chunks.Count, entropy, _contentType!, _newBytes);
    }

    /// <summary>Packs what is being sealed: others may count on these chunks, so they must not wait for what the content brings next, or for nothing.</summary>
    public async ValueTask DrainAsync()
    {
        while (_underWay.Count > 0)
            await PackOldestAsync();
    }

    public void Dispose()
    {
        // Jobs that are not packed hold claims: whoever gives up here leaves blobs behind that were never written.
        if (_underWay.Count > 0)
            _session.Sink.Fail(new InvalidOperationException("A content was given up while its chunks were sealed."));
        foreach (var job in _underWay)
            _ = job.Done.Task.ContinueWith(_ => job.Dispose(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        _underWay.Clear();
        _hasher?.Dispose();
        _window.Dispose();
    }

    /// <returns>False when more of the content is needed to tell where the next chunk ends.</returns>
    private async ValueTask<bool> CutAsync(bool isEnd)
    {
        var rest = _window.Memory[_start..];
        if (rest.Length > _maxChunk)
            rest = rest[.._maxChunk];
        if (rest.IsEmpty && _chunks.Count + _underWay.Count > 0)
            return true;
        var length = rest.IsEmpty ? 0 : isEnd ? _session.Chunker.NextCut(rest.Span) : _session.Chunker.TryNextCut(rest.Span);
        if (length == 0 && !isEnd)
            return false;
        var piece = rest[..length];
        _contentType ??= _isListing ? ContentTypes.Unknown
            : ContentTypes.OrUnknown(_options.ContentType is { Length: > 0 } given ? given : ContentTypes.Detect(piece.Span, _options.FileName));
        var isWhole = isEnd && _chunks.Count == 0 && _underWay.Count == 0 && _start + length == _window.Length;
        if (!isWhole)
        {
            _hasher ??= _session.Codec.CreateHasher();
        }

        var copy = new PooledBuffer(Math.Max(1, length));
        copy.Write(piece.Span);
        var job = new ChunkJob(copy, withEntropy: !_isListing);
        _start += length;
        if (isWhole)
        {
            using (job)
            {
                _session.Process(job);
                await PackAsync(job);
            }

            return true;
        }

        _underWay.Enqueue(job);
        await _session.EnqueueAsync(job);
        _hasher!.Append(copy.Span);
        while (_underWay.Count > _session.Parallelism + 1)
            await PackOldestAsync();
        return true;
    }

    private async ValueTask PackOldestAsync()
    {
        var job = _underWay.Peek();
        await job.Done.Task;
        await PackAsync(job);
        _underWay.Dequeue();
        job.Dispose();
    }

    private async ValueTask PackAsync(ChunkJob job)
    {
        var length = job.Clear.Length;
        _chunks.Add(new ChunkRecord(job.Id, (uint)length, job.Entropy));
        _weightedEntropy += job.Entropy * length;
        if (!job.IsNew)
            return;
        _newBytes += length;
        try
        {
            await _session.Sink.AppendAsync(_lane, BlobType.Chunk, job.Id, job.Stored!.Span);
            _session.Packed(job.Epoch);
        }
        catch (Exception exception)
        {
            _session.Sink.Fail(exception);
            throw;
        }
    }
}
