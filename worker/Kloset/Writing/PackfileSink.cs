using Kloset.Packfiles;
using Kloset.Repositories;
using Kloset.States;
using Kloset.Storage;

namespace Kloset.Writing;

/// <summary>A packfile that is durable in the store and not declared by a state yet.</summary>
/// <param name="Records">Its index, 56 bytes a blob.</param>
internal sealed record StoredPackfile(int Ordinal, Mac Id, long Time, byte[] Records);

/// <summary>One packfile at a time is filled in a lane; what goes through one lane lies together.</summary>
internal sealed class PackfileLane
{
    public Lock Lock { get; } = new();

    public PackfileBuilder? Builder { get; set; }

    public int Ordinal { get; set; }

    /// <summary>Completes when the last full packfile is on its way: until then nobody goes on filling the next one.</summary>
    public Task Admitted { get; set; } = Task.CompletedTask;

    /// <summary>Objects being written through this lane.</summary>
    public int Users { get; set; }
}

/// <summary>
/// Collects sealed blobs in packfiles, data apart from metadata, and stores the full ones in the background. A failed upload fails everything
/// that follows: blobs that others count on would be missing.
/// </summary>
internal sealed class PackfileSink : IAsyncDisposable
{
    private const int LargestPackfile = 32 << 20;

    /// <summary>Blobs in one packfile: the index, 56 bytes each, is held, encoded and told to a state as a whole, and 2 MiB are enough for that.</summary>
    private const int MostBlobs = 36_000;

    /// <summary>Records of stored packfiles that may wait for a state before one is put.</summary>
    private const int MaxWaitingRecords = 40_000;

    private readonly Repository _repository;
    private readonly IndexSession _session;
    private readonly long _maxSize;
    private readonly SemaphoreSlim _slots;
    private readonly PackfileLane[] _dataLanes;
    private readonly Lock _lock = new();
    private readonly HashSet<Task> _uploads = [];
    private readonly List<StoredPackfile> _stored = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Exception? _failure;
    private long _bytesStored;
    private long _packfiles;
    private int _waitingRecords;

    public PackfileSink(Repository repository, IndexSession session, WriterOptions options)
    {
        _repository = repository;
        _session = session;
        // Packfiles may be smaller than the configuration allows, and several are in memory at the same time.
        _maxSize = options.PackfileBytes ?? (long)Math.Clamp(repository.Configuration.Packfile.MaxSize, 1 << 20, LargestPackfile);
        _slots = new SemaphoreSlim(Math.Max(1, options.ConcurrentUploads));
        _dataLanes = [.. Enumerable.Range(0, Math.Clamp(repository.Services.Parallelism, 1, 2)).Select(_ => new PackfileLane())];
    }

    public PackfileLane Metadata { get; } = new();

    /// <summary>Puts a state with what is stored, when so much waits for one that it weighs. Set before anything is written.</summary>
    public Func<Task>? Declare { get; set; }

    public long BytesStored => Interlocked.Read(ref _bytesStored);

    public long Packfiles => Interlocked.Read(ref _packfiles);

    /// <summary>The lane with the fewest users, so that the chunks of one object mostly lie together.</summary>
    public PackfileLane RentDataLane()
    {
        lock (_lock)
        {
            var lane = _dataLanes.MinBy(l => l.Users)!;
            lane.Users++;
            return lane;
        }
    }

    public void ReturnDataLane(PackfileLane lane)
    {
        lock (_lock)
            lane.Users--;
    }

    /// <summary>Adds a claimed blob. Waits when too many packfiles are on their way.</summary>
    public ValueTask AppendAsync(PackfileLane lane, BlobType type, in Mac id, ReadOnlySpan<byte> stored)
    {
        ThrowIfFailed();
        Task admitted;
        lock (lane.Lock)
        {
            if (lane.Builder is null)
            {
                var configuration = _repository.Configuration;
                lane.Builder = new PackfileBuilder(
                    _repository.Codec, _repository.Services.Random, (2L * configuration.Chunking.MaxSize) + (4 << 20));
                lane.Ordinal = _repository.Index.OpenPackfile(_session);
            }

            var offset = lane.Builder.Append(type, in id, stored);
            _repository.Index.Place(_session, type, in id, lane.Ordinal, offset, (uint)stored.Length);
            if (lane.Builder.BlobBytes > _maxSize || lane.Builder.Count >= MostBlobs)
            {
                // Before the lane is free again: whoever flushes must find it among the uploads.
                var before = lane.Admitted;
                lane.Admitted = BeginUpload(lane.Builder, lane.Ordinal);
                lane.Admitted = before.IsCompleted ? lane.Admitted : Task.WhenAll(before, lane.Admitted);
                lane.Builder = null;
            }

            admitted = lane.Admitted;
        }

        return admitted.IsCompleted ? ValueTask.CompletedTask : new ValueTask(admitted);
    }

    /// <summary>Closes all packfiles and waits until everything is durable.</summary>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        foreach (var lane in _dataLanes.Append(Metadata))
        {
            var admitted = Task.CompletedTask;
            lock (lane.Lock)
            {
                if (lane.Builder is not null)
                    admitted = BeginUpload(lane.Builder, lane.Ordinal);
                lane.Builder = null;
            }

            await admitted;
        }

        Task[] uploads;
        lock (_lock)
            uploads = [.. _uploads];
        await Task.WhenAll(uploads).WaitAsync(cancellationToken);
        ThrowIfFailed();
    }

    /// <summary>Packfiles that became durable since the last call.</summary>
    public IReadOnlyList<StoredPackfile> TakeStored()
    {
        lock (_lock)
        {
            var taken = _stored.ToArray();
            _stored.Clear();
            _waitingRecords = 0;
            return taken;
        }
    }

    public bool HasStored
    {
        get
        {
            lock (_lock)
                return _stored.Count > 0;
        }
    }

    /// <summary>Completes when the session has failed.</summary>
    public Task Failed => _failed.Task;

    /// <summary>After this nothing more can be written: a claimed blob may be missing.</summary>
    public void Fail(Exception exception)
    {
        lock (_lock)
            _failure ??= exception;
        _failed.TrySetResult();
    }

    public void ThrowIfFailed()
    {
        if (_failure is not { } failure)
            return;
        throw failure switch
        {
            StoreException store => new StoreException(store.Failure, store.Message, store),
            RepositoryException repository => new RepositoryException(repository.Failure, repository.Message, repository),
            _ => new InvalidOperationException("The writing session has failed before: " + failure.Message, failure),
        };
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Task[] uploads;
        lock (_lock)
            uploads = [.. _uploads];
        await Task.WhenAll(uploads);
        foreach (var lane in _dataLanes.Append(Metadata))
        {
            lane.Builder?.Dispose();
            lane.Builder = null;
        }

        _stop.Dispose();
        _slots.Dispose();
    }

    /// <returns>Completes when the upload has a slot: those who fill packfiles wait for those who store them.</returns>
    private Task BeginUpload(PackfileBuilder builder, int ordinal)
    {
        var admitted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            var upload = AdmitAsync();
            _uploads.Add(upload);
            _ = upload.ContinueWith(
                finished =>
                {
                    lock (_lock)
                        _uploads.Remove(finished);
                },
                CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }

        return admitted.Task;

        async Task AdmitAsync()
        {
            await _slots.WaitAsync(CancellationToken.None);
            admitted.SetResult();
            await Task.Run(() => UploadAsync(builder, ordinal));
        }
    }

    /// <summary>Never throws: a failure is kept and thrown to whoever comes next.</summary>
    private async Task UploadAsync(PackfileBuilder builder, int ordinal)
    {
        try
        {
            var time = Timestamp.From(_repository.Services.Time.GetUtcNow()).UnixNanoseconds;
            var content = builder.Seal(time, out var id);
            await _repository.Store.PutAsync(PackfileIndex.KeyOf(in id), content, _stop.Token);
            Interlocked.Add(ref _bytesStored, content.Length);
            Interlocked.Increment(ref _packfiles);
            _repository.Index.MarkStored(ordinal, in id);
            bool isMuch;
            lock (_lock)
            {
                _stored.Add(new StoredPackfile(ordinal, id, time, builder.Records.ToArray()));
                _waitingRecords += builder.Count;
                isMuch = _waitingRecords >= MaxWaitingRecords;
            }

            if (isMuch && Declare is { } declare)
                await declare();
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            Fail(exception);
        }
        finally
        {
            builder.Dispose();
            _slots.Release();
        }
    }
}
