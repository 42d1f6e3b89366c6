using System.Threading.Channels;
using Kloset.Chunking;
using Kloset.Hashing;
using Kloset.Repositories;
using Kloset.States;

namespace Kloset.Writing;

/// <summary>What everything that writes in one session shares: the claims, the sealers, the packfiles, the counters.</summary>
internal sealed class WritingSession : IAsyncDisposable
{
    private readonly Channel<ChunkJob> _jobs;
    private readonly Task[] _sealers;
    private readonly Lock _lock = new();
    private readonly HashSet<int> _used = [];

    /// <summary>Blobs that are claimed and not packed yet, by the parity of the epoch of their claim.</summary>
    private readonly int[] _pending = new int[2];
    private readonly SemaphoreSlim _settling = new(1, 1);
    private TaskCompletionSource? _settled;
    private int _epoch;
    private long _bytesRead;
    private long _chunksNew;
    private long _chunksKnown;
    private long _objectsNew;
    private long _objectsKnown;

    public WritingSession(Repository repository, IndexSession index, WriterOptions options)
    {
        Repository = repository;
        Index = index;
        Options = options;
        Sink = new PackfileSink(repository, index, options);
        Chunker = CreateChunker(repository.Configuration.Chunking);
        Parallelism = repository.Services.Parallelism;
        _jobs = Channel.CreateBounded<ChunkJob>(new BoundedChannelOptions(Parallelism * 2) { SingleReader = Parallelism == 1 });
        _sealers = [.. Enumerable.Range(0, Parallelism).Select(_ => Task.Run(SealAsync))];
    }

    public Repository Repository { get; }

    public IndexSession Index { get; }

    public WriterOptions Options { get; }

    public PackfileSink Sink { get; }

    public Chunker Chunker { get; }

    public int Parallelism { get; }

    public BlobCodec Codec => Repository.Codec;

    /// <summary>Packfiles of others that this session deduplicated against: they must still be there when it commits.</summary>
    public IReadOnlyList<int> UsedPackfiles
    {
        get
        {
            lock (_lock)
                return [.. _used];
        }
    }

    /// <summary>Stores a blob unless it is known.</summary>
    /// <returns>Whether it was new.</returns>
    public async ValueTask<bool> StoreAsync(PackfileLane lane, BlobType type, Mac id, ReadOnlyMemory<byte> clear)
    {
        Sink.ThrowIfFailed();
        if (!TryClaim(type, in id, out var epoch))
            return false;
        try
        {
            using var stored = new PooledBuffer(clear.Length + 512);
            Codec.Encode(clear.Span, stored);
            await Sink.AppendAsync(lane, type, in id, stored.Span);
            Packed(epoch);
        }
        catch (Exception exception)
        {
            // The claim cannot be taken back: others count on it already.
            Sink.Fail(exception);
            throw;
        }

        return true;
    }

    /// <summary>As <see cref="StoreAsync"/>, with the MAC of the content as identifier.</summary>
    public async ValueTask<Mac> StoreByContentAsync(PackfileLane lane, BlobType type, ReadOnlyMemory<byte> clear)
    {
        var id = Codec.ComputeMac(clear.Span);
        var isNew = await StoreAsync(lane, type, id, clear);
        if (type == BlobType.Object)
            Interlocked.Increment(ref isNew ? ref _objectsNew : ref _objectsKnown);
        return id;
    }

    public ValueTask EnqueueAsync(ChunkJob job) => _jobs.Writer.WriteAsync(job);

    /// <summary>MAC, entropy, claim, encoding of one chunk. What was claimed must be appended by the caller.</summary>
    public void Process(ChunkJob job)
    {
        var clear = job.Clear.Span;
        job.Id = Codec.ComputeMac(clear);
        job.Entropy = job.WithEntropy ? ShannonEntropy.Compute(clear) : 0;
        job.IsNew = TryClaim(BlobType.Chunk, job.Id, out var epoch);
        job.Epoch = epoch;
        Interlocked.Increment(ref job.IsNew ? ref _chunksNew : ref _chunksKnown);
        if (!job.IsNew)
            return;
        try
        {
            job.Stored = new PooledBuffer(job.Clear.Length + 1024);
            Codec.Encode(clear, job.Stored);
        }
        catch (Exception exception)
        {
            Sink.Fail(exception);
            throw;
        }
    }

    public void CountRead(long bytes) => Interlocked.Add(ref _bytesRead, bytes);

    public WriterStatistics Statistics(long states) => new(
        Interlocked.Read(ref _bytesRead), Sink.BytesStored, Interlocked.Read(ref _chunksNew), Interlocked.Read(ref _chunksKnown),
        Interlocked.Read(ref _objectsNew), Interlocked.Read(ref _objectsKnown), Sink.Packfiles, states);

    public async ValueTask DisposeAsync()
    {
        _jobs.Writer.TryComplete();
        await Task.WhenAll(_sealers);
        await Sink.DisposeAsync();
        Repository.Index.EndSession(Index);
        _settling.Dispose();
    }

    /// <summary>A claimed blob is in its packfile.</summary>
    public void Packed(int epoch)
    {
        lock (_lock)
        {
            if (--_pending[epoch & 1] == 0 && epoch != _epoch)
                _settled?.TrySetResult();
        }
    }

    /// <summary>
    /// Waits until every blob that is claimed now is in its packfile. A content may be finished while some of its chunks are only claimed, by
    /// another flow that came first; a snapshot of it must not be committed before they are stored.
    /// </summary>
    public async Task SettleAsync(CancellationToken cancellationToken)
    {
        await _settling.WaitAsync(cancellationToken);
        try
        {
            TaskCompletionSource settled;
            lock (_lock)
            {
                // The other parity was drained by the last call.
                var old = _epoch++;
                if (_pending[old & 1] == 0)
                    return;
                settled = _settled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            // Not cancelled: the parity must be drained before it is used again.
            await Task.WhenAny(settled.Task, Sink.Failed);
            Sink.ThrowIfFailed();
        }
        finally
        {
            _settling.Release();
        }
    }

    private bool TryClaim(BlobType type, in Mac id, out int epoch)
    {
        lock (_lock)
        {
            // Counted before anybody can see the claim.
            epoch = _epoch;
            _pending[epoch & 1]++;
        }

        if (Repository.Index.TryClaim(Index, type, in id, out var packfile))
            return true;
        lock (_lock)
            _used.Add(packfile);
        Packed(epoch);
        return false;
    }

    private async Task SealAsync()
    {
        await foreach (var job in _jobs.Reader.ReadAllAsync())
        {
            try
            {
                Process(job);
                job.Done.SetResult();
            }
            catch (Exception exception)
            {
                job.Done.SetException(exception);
            }
        }
    }

    private static Chunker CreateChunker(ChunkingParameters parameters)
    {
        try
        {
            return Chunker.Create(parameters);
        }
        catch (NotSupportedException exception)
        {
            throw new RepositoryException(RepositoryFailure.Unsupported, exception.Message, exception);
        }
    }
}

/// <summary>A chunk on its way through the sealers.</summary>
internal sealed class ChunkJob(PooledBuffer clear, bool withEntropy) : IDisposable
{
    private readonly PooledBuffer _clear = clear;

    public ReadOnlyMemory<byte> Clear => _clear.Memory;

    public bool WithEntropy => withEntropy;

    public Mac Id { get; set; }

    public double Entropy { get; set; }

    public bool IsNew { get; set; }

    /// <summary>To be handed to <see cref="WritingSession.Packed"/>.</summary>
    public int Epoch { get; set; }

    /// <summary>The encoded form of a new chunk.</summary>
    public PooledBuffer? Stored { get; set; }

    public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Dispose()
    {
        _clear.Dispose();
        Stored?.Dispose();
    }
}
