using KlosetWorker.Contract;

namespace KlosetWorker.Progress;

/// <summary>What a command has done so far. Counters may be moved from any thread.</summary>
internal sealed class ProgressTracker(TimeProvider time)
{
    private readonly long _started = time.GetTimestamp();
    private long _itemsDone;
    private long _bytesDone;
    private long _itemsTotal = -1;
    private long _bytesTotal = -1;
    private long _etaAtLeast;
    private long _lastMove = time.GetTimestamp();
    private volatile string _phase = "Opening";

    public string Phase
    {
        get => _phase;
        set
        {
            _phase = value;
            Moved();
        }
    }

    /// <summary>What a person must do meanwhile; null when there is nothing.</summary>
    public RunAction? Action
    {
        get => Volatile.Read(ref _action);
        set
        {
            Volatile.Write(ref _action, value);
            Moved();
        }
    }

    private RunAction? _action;

    public long ItemsDone => Interlocked.Read(ref _itemsDone);

    public long BytesDone => Interlocked.Read(ref _bytesDone);

    public TimeSpan Elapsed => time.GetElapsedTime(_started);

    /// <summary>What a quota makes the rest take at least, however fast it goes meanwhile.</summary>
    public TimeSpan EtaAtLeast
    {
        get => new(Interlocked.Read(ref _etaAtLeast));
        set => Interlocked.Exchange(ref _etaAtLeast, value.Ticks);
    }

    /// <summary>How long nothing has moved.</summary>
    public TimeSpan Still => time.GetElapsedTime(Interlocked.Read(ref _lastMove));

    public void Expect(long? items, long? bytes)
    {
        Interlocked.Exchange(ref _itemsTotal, items ?? -1);
        Interlocked.Exchange(ref _bytesTotal, bytes ?? -1);
        Moved();
    }

    public void AddItems(long count)
    {
        Interlocked.Add(ref _itemsDone, count);
        Moved();
    }

    public void AddBytes(long count)
    {
        Interlocked.Add(ref _bytesDone, count);
        Moved();
    }

    /// <summary>Something went on that is neither an item nor a byte of the source, such as an announced wait.</summary>
    public void Moved() => Interlocked.Exchange(ref _lastMove, time.GetTimestamp());

    public RunProgress Current()
    {
        var itemsTotal = Interlocked.Read(ref _itemsTotal);
        var bytesTotal = Interlocked.Read(ref _bytesTotal);
        return new()
        {
            Phase = Phase,
            ItemsDone = ItemsDone,
            ItemsTotal = itemsTotal < 0 ? null : itemsTotal,
            BytesDone = BytesDone,
            BytesTotal = bytesTotal < 0 ? null : bytesTotal,
            Time = time.GetUtcNow(),
            Action = Action,
            EtaSeconds = AtLeast(Eta(bytesTotal, BytesDone) ?? Eta(itemsTotal, ItemsDone)),
        };
    }

    private int? AtLeast(int? eta) => EtaAtLeast > TimeSpan.Zero ? Math.Max(eta ?? 0, (int)EtaAtLeast.TotalSeconds) : eta;

    private int? Eta(long total, long done)
    {
        var seconds = Elapsed.TotalSeconds;
        if (total < 0 || done <= 0 || seconds < 5)
        {
            return null;
        }

        return (int)Math.Min(int.MaxValue, Math.Max(0, total - done) * seconds / done);
    }
}
