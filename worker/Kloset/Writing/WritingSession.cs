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
        if (!Claim(type, in id))
            return false;
        try
        {
            using var stored = new PooledBuffer(clear.Length + 512);
            Codec.Encode(clear.Span, stored);
            await Sink.AppendAsync(lane, type, in id, stored.Span);
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
        job.IsNew = Claim(BlobType.Chunk, job.Id);
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
    }

    private bool Claim(BlobType type, in Mac id)
    {
        if (Repository.Index.TryClaim(Index, type, in id, out var packfile))
            return true;
        lock (_lock)
            _used.Add(packfile);
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

    /// <summary>The encoded form of a new chunk.</summary>
    public PooledBuffer? Stored { get; set; }

    public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Dispose()
    {
        _clear.Dispose();
        Stored?.Dispose();
    }
}
