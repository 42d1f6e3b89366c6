using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Kloset.Locks;
using Kloset.Msgpack;
using Kloset.Packfiles;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.States;

namespace Kloset.Writing;

/// <summary>
/// One locked writing session; many snapshots possible. Objects may be written concurrently, also during a commit. Disposing it deletes the
/// lock; what was not committed or checkpointed is forgotten.
/// </summary>
public sealed class RepositoryWriter : IAsyncDisposable
{
    /// <summary>Entries in one state, at 90 bytes: larger ones are split, because a state is written and read as a whole, and 4 MiB are enough for that.</summary>
    private const int MaxStateEntries = 46_000;

    private readonly Repository _repository;
    private readonly WriterOptions _options;
    private readonly RepositoryLock _lock;
    private readonly WritingSession _session;
    private readonly SemaphoreSlim _committing = new(1, 1);
    private readonly SemaphoreSlim _stateWriting = new(1, 1);
    private readonly HashSet<SnapshotId> _bases = [];
    private readonly HashSet<int> _declared = [];
    private readonly Lazy<string> _folder;
    private DateTimeOffset _lastState;
    private long _states;
    private bool _disposed;

    private RepositoryWriter(Repository repository, WriterOptions options, RepositoryLock taken)
    {
        _repository = repository;
        _options = options;
        _lock = taken;
        _session = new WritingSession(repository, repository.Index.BeginSession(), options);
        _session.Sink.Declare = () => PutStatesAsync(CancellationToken.None);
        _lastState = repository.Services.Time.GetUtcNow();
        _folder = new Lazy<string>(() =>
        {
            if (options.CacheDirectory is not { } cache)
                return Directory.CreateTempSubdirectory("kloset-").FullName;
            var folder = Path.Combine(cache, "writing-" + _lock!.Id.ToString()[..16]);
            Directory.CreateDirectory(folder);
            return folder;
        });
    }

    public WriterStatistics Statistics => _session.Statistics(Interlocked.Read(ref _states));

    internal static async Task<RepositoryWriter> BeginAsync(Repository repository, WriterOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        // Lock first, look second: what is read from here on cannot be taken away by a maintenance that starts later.
        var taken = await repository.LockSharedAsync(cancellationToken);
        try
        {
            await LoadAsync(repository, cancellationToken);
            return new RepositoryWriter(repository, options, taken);
        }
        catch
        {
            await taken.DisposeAsync();
            throw;
        }
    }

    /// <summary>Chunks, deduplicates, seals and packs a content. The stream is read to its end and not disposed.</summary>
    public async Task<StoredObject> WriteObjectAsync(Stream content, ObjectOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentNullException.ThrowIfNull(options);
        ObjectDisposedException.ThrowIf(_disposed, this);
        _session.Sink.ThrowIfFailed();
        var lane = _session.Sink.RentDataLane();
        StoredObject stored;
        try
        {
            long? expected = content.CanSeek ? content.Length - content.Position : null;
            using var assembler = new ObjectAssembler(_session, lane, options, isListing: false, expected);
            while (true)
            {
                var memory = assembler.GetMemory();
                int read;
                try
                {
                    var reading = content.ReadAsync(memory, cancellationToken);
                    read = reading.IsCompleted ? await reading : await WhilePackingAsync(reading, assembler);
                }
                catch
                {
                    // The source's failure is not the session's: what is sealed already is packed, so that its claims hold.
                    await assembler.DrainAsync();
                    throw;
                }

                if (read == 0)
                    break;
                options.Tee?.Invoke(memory[..read]);
                _session.CountRead(read);
                await assembler.AdvanceAsync(read);
            }

            stored = await assembler.FinishAsync();
        }
        finally
        {
            _session.Sink.ReturnDataLane(lane);
        }

        if (_repository.Services.Time.GetUtcNow() - _lastState >= _options.CheckpointInterval && _session.Sink.HasStored)
            await PutStatesAsync(cancellationToken);
        return stored;
    }

    /// <summary>While the source keeps us waiting, nothing that is claimed stays unpacked.</summary>
    private static async Task<int> WhilePackingAsync(ValueTask<int> reading, ObjectAssembler assembler)
    {
        var read = reading.AsTask();
        try
        {
            await assembler.DrainAsync();
        }
        catch
        {
            // The source still writes into our buffer.
            await read.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            throw;
        }

        return await read;
    }

    /// <summary>True when the OBJECT blob is stored and visible, or was written by this session.</summary>
    public bool HasObject(Mac id) => _repository.Index.IsKnown(_session.Index, BlobType.Object, in id);

    /// <summary>Stores all that is packed so far and puts a state: it becomes known to the next run even if this one never commits.</summary>
    public async Task CheckpointAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        await _session.SettleAsync(cancellationToken);
        await _session.Sink.FlushAsync(cancellationToken);
        await PutStatesAsync(cancellationToken);
    }

    /// <summary>
    /// Writes a snapshot: <paramref name="basis"/> with <paramref name="changes"/> applied. Untouched directories are taken over as they are.
    /// When it returns, the snapshot is durable and visible, and may be the basis of the next one.
    /// </summary>
    /// <exception cref="InvalidOperationException">The changes contradict one another, or the draft names a directory that is not in the tree.</exception>
    /// <exception cref="RepositoryException">LockLapsed: run again. Damaged: something of the basis that is needed cannot be read.</exception>
    public async Task<SnapshotHeader> CommitAsync(
        SnapshotDraft draft, Snapshot? basis, IAsyncEnumerable<TreeChange> changes, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(draft);
        ArgumentNullException.ThrowIfNull(changes);
        ObjectDisposedException.ThrowIf(_disposed, this);
        await _committing.WaitAsync(cancellationToken);
        try
        {
            var time = _repository.Services.Time;
            var begun = time.GetUtcNow();
            var started = draft.Started ?? draft.Timestamp ?? begun;
            if (basis is not null)
                _bases.Add(basis.Id);
            var canExtend = basis is not null && SnapshotBuilder.CanExtend(basis.Tree);
            using var builder = new SnapshotBuilder(
                _session, canExtend ? basis!.Tree : null, canExtend ? null : basis?.Tree, () => _folder.Value);
            var all = basis is null || canExtend ? changes : Prepend(basis, changes, cancellationToken);
            var source = await builder.BuildAsync(draft, all, cancellationToken);
            var duration = time.GetUtcNow() - (started < begun ? started : begun);
            var header = draft.Copies is { } original ? original with { Sources = [source with { Context = original.Source.Context }] } : new SnapshotHeader
            {
                Id = new SnapshotId(_repository.Services.Random.NextMac()),
                Timestamp = Timestamp.From(draft.Timestamp ?? started),
                DurationNanoseconds = Math.Max(0, duration.Ticks) * 100,
                Name = draft.Name,
                Category = draft.Category,
                Environment = draft.Environment,
                Perimeter = draft.Perimeter,
                Job = draft.Job,
                Tags = draft.Tags,
                Context = CompleteContext(draft.Context),
                Sources = [source],
            };
            var writer = new MsgpackWriter(4096);
            HeaderCodec.Write(writer, header);
            // Last of all blobs; the state that names it is the commit.
            await _session.StoreAsync(_session.Sink.Metadata, BlobType.Snapshot, header.Id.Value, writer.WrittenMemory);
            await _session.SettleAsync(cancellationToken);
            await _session.Sink.FlushAsync(cancellationToken);
            await PutStatesAsync(cancellationToken);
            return header;
        }
        finally
        {
            _committing.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        try
        {
            await _session.DisposeAsync();
        }
        finally
        {
            await _lock.DisposeAsync();
            if (_folder.IsValueCreated && Directory.Exists(_folder.Value))
                Directory.Delete(_folder.Value, recursive: true);
        }

        _committing.Dispose();
        _stateWriting.Dispose();
    }

    private static async Task LoadAsync(Repository repository, CancellationToken cancellationToken)
    {
        await repository.RefreshAsync(cancellationToken);
        repository.RefuseProblems("Nothing is written");
        repository.Index.MarkMissing(await ListPackfilesAsync(repository, cancellationToken));
    }

    private static async Task<HashSet<Mac>> ListPackfilesAsync(Repository repository, CancellationToken cancellationToken)
    {
        var present = new HashSet<Mac>();
        await foreach (var item in repository.Store.ListAsync("packfiles/", cancellationToken))
        {
            if (Mac.TryParse(item.Key.AsSpan(item.Key.LastIndexOf('/') + 1), out var id))
                present.Add(id);
        }

        return present;
    }

    /// <summary>Declares all packfiles that are durable. Each state is complete in itself: blobs and packfile together.</summary>
    private async Task PutStatesAsync(CancellationToken cancellationToken)
    {
        await _stateWriting.WaitAsync(cancellationToken);
        try
        {
            var stored = _session.Sink.TakeStored();
            if (stored.Count == 0)
                return;
            try
            {
                await EnsureLockedAsync(stored, cancellationToken);
                for (var start = 0; start < stored.Count;)
                {
                    var end = start;
                    long entries = 0;
                    do
                        entries += stored[end++].Records.Length / PackfileRecord.Size;
                    while (end < stored.Count && entries + (stored[end].Records.Length / PackfileRecord.Size) <= MaxStateEntries);
                    await PutStateAsync(stored.Skip(start).Take(end - start).ToList());
                    start = end;
                }
            }
            catch (Exception exception)
            {
                // Packfiles that were taken and not declared are lost to this session.
                _session.Sink.Fail(exception);
                throw;
            }

            _lastState = _repository.Services.Time.GetUtcNow();
        }
        finally
        {
            _stateWriting.Release();
        }
    }

    private async Task PutStateAsync(List<StoredPackfile> packfiles)
    {
        var id = _repository.Services.Random.NextMac();
        var now = Timestamp.From(_repository.Services.Time.GetUtcNow()).UnixNanoseconds;
        using var builder = new StateBuilder(_repository.Index.NewestState);
        foreach (var packfile in packfiles)
        {
            for (var at = 0; at < packfile.Records.Length; at += PackfileRecord.Size)
            {
                var record = PackfileRecord.Read(packfile.Records.AsSpan(at, PackfileRecord.Size));
                builder.Location(new LocationEntry(record.Type, record.Version, record.Id, packfile.Id, record.Offset, record.Length, record.Flags));
            }
        }

        foreach (var packfile in packfiles)
            builder.Packfile(new PackfileEntry(packfile.Id, id, now));
        builder.Trailer(new StateTrailer(StateParser.NewestVersion, now, _repository.Id));
        using var resource = StateLoader.Seal(_repository.Codec, builder.Journal);
        // Not cancelled half-way: whether a state is there must be known.
        await _repository.Store.PutAsync(StateLoader.KeyOf(in id), StateLoader.Sequence(resource), CancellationToken.None);
        _repository.Index.MarkDeclared(packfiles.Select(p => p.Ordinal), in id, now);
        _declared.UnionWith(packfiles.Select(p => p.Ordinal));
        Interlocked.Increment(ref _states);
    }

    /// <summary>
    /// Fencing: a lock that was not refreshed in time may have been taken for gone, and a maintenance may have run. Then lock again, look again, and
    /// check that all that this session counts on is still there.
    /// </summary>
    private async Task EnsureLockedAsync(IReadOnlyList<StoredPackfile> stored, CancellationToken cancellationToken)
    {
        if (await _lock.IsHeldAsync(cancellationToken))
            return;
        await LockAgainAsync(cancellationToken);
        await LoadAsync(_repository, cancellationToken);
        var present = await ListPackfilesAsync(_repository, cancellationToken);
        var snapshots = _repository.Index.Snapshots();
        // What earlier states of this session declared counts as much as what others had: the objects written so far lie there.
        var lost = _session.UsedPackfiles.Concat(_declared).Any(ordinal => !_repository.Index.IsVisible(_session.Index, ordinal))
            || stored.Any(packfile => !present.Contains(packfile.Id) || !_repository.Index.IsUnmarked(packfile.Ordinal))
            || _bases.Any(id => !snapshots.Contains(id));
        if (lost)
        {
            throw new RepositoryException(
                RepositoryFailure.LockLapsed,
                $"The lock on {_repository.Store.Location} was lost, because it could not be refreshed for {LockTimes.StaleAfter.TotalMinutes:0} minutes or a clock is wrong, and what this run counts on was cleaned up meanwhile. Nothing was committed; run again.");
        }
    }

    /// <summary>A maintenance that runs meanwhile ends by itself; hours of work are worth waiting for it.</summary>
    private async Task LockAgainAsync(CancellationToken cancellationToken)
    {
        var time = _repository.Services.Time;
        var started = time.GetTimestamp();
        while (true)
        {
            try
            {
                await _lock.TakeAgainAsync(cancellationToken);
                return;
            }
            catch (RepositoryException locked) when (locked.Failure == RepositoryFailure.Locked && time.GetElapsedTime(started) < LockTimes.Patience)
            {
                await Task.Delay(LockTimes.Retry, time, cancellationToken);
            }
        }
    }

    /// <summary>A basis without our indexes is read through and written anew.</summary>
    private static async IAsyncEnumerable<TreeChange> Prepend(
        Snapshot basis, IAsyncEnumerable<TreeChange> changes, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var entry in basis.WalkAsync(EntryPath.Root, cancellationToken))
            yield return new PutEntry(entry.Path, entry);
        await foreach (var error in basis.ListErrorsAsync(cancellationToken))
            yield return new PutError(error.Path, error.Message);
        await foreach (var change in changes.WithCancellation(cancellationToken))
            yield return change;
    }

    /// <summary>What plakar's commands like to show, where the caller does not say it.</summary>
    private List<KeyValuePair<string, string>> CompleteContext(IReadOnlyList<KeyValuePair<string, string>> given)
    {
        var context = new List<KeyValuePair<string, string>>(given);
        Add("Hostname", _repository.Services.HostName);
        Add("OperatingSystem", OperatingSystem.IsLinux() ? "linux" : OperatingSystem.IsMacOS() ? "darwin" : "windows");
        Add("Architecture", RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "amd64" : RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant());
        Add("NumCPU", Environment.ProcessorCount.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Add("ProcessID", Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Add("Client", "kloset-operator");
        return context;

        void Add(string key, string value)
        {
            if (!context.Exists(p => p.Key == key))
                context.Add(new(key, value));
        }
    }
}
