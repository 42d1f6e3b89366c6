using System.Diagnostics.CodeAnalysis;
using KlosetOperator.Runtime.Diagnostics;

namespace KlosetOperator.Runtime.Queue;

/// <summary>How urgent a key is.</summary>
internal enum QueuePriority
{
    /// <summary>Something changed.</summary>
    Normal,

    /// <summary>Only a look: the initial list, a resync. Waits behind everything else.</summary>
    Low,
}

/// <summary>
/// Keys that want attention. A key waits at most once, is never with two workers, and comes back when it was added
/// while a worker had it. client-go's work queue with controller-runtime's lanes.
/// </summary>
internal sealed class WorkQueue<TKey> : IQueueObserver, IDisposable
    where TKey : notnull
{
    private readonly Lock _lock = new();
    private readonly Queue<TKey> _normal = new();
    private readonly Queue<TKey> _low = new();

    /// <summary>Keys that wait, with their lane and since when. A key in a lane's queue counts only if this agrees.</summary>
    private readonly Dictionary<TKey, Waiting> _waiting = [];

    /// <summary>Keys added while a worker has them.</summary>
    private readonly Dictionary<TKey, QueuePriority> _again = [];
    private readonly Dictionary<TKey, long> _processing = [];
    private readonly DelayHeap<TKey> _delayed;
    private readonly ItemBackoff<TKey> _backoff = new();
    private readonly SemaphoreSlim _available = new(0);
    private readonly CancellationTokenSource _closed = new();
    private readonly TimeProvider _time;
    private readonly RuntimeMetrics? _metrics;
    private readonly KeyValuePair<string, object?> _label;
    private bool _disposed;

    public WorkQueue(string name, TimeProvider time, RuntimeMetrics? metrics = null)
    {
        Name = name;
        _time = time;
        _metrics = metrics;
        _label = new KeyValuePair<string, object?>("name", name);
        _delayed = new DelayHeap<TKey>(time, key => Add(key));
        metrics?.Register(this);
    }

    public string Name { get; }

    public int Depth
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Count;
            }
        }
    }

    public double UnfinishedSeconds
    {
        get
        {
            lock (_lock)
            {
                return _processing.Values.Sum(started => _time.GetElapsedTime(started).TotalSeconds);
            }
        }
    }

    public double LongestSeconds
    {
        get
        {
            lock (_lock)
            {
                return _processing.Values.Select(started => _time.GetElapsedTime(started).TotalSeconds).DefaultIfEmpty().Max();
            }
        }
    }

    public void Add(TKey key, QueuePriority priority = QueuePriority.Normal)
    {
        lock (_lock)
        {
            if (_closed.IsCancellationRequested)
            {
                return;
            }

            if (_processing.ContainsKey(key))
            {
                _again[key] = _again.TryGetValue(key, out var before) && before < priority ? before : priority;
                return;
            }

            if (_waiting.TryGetValue(key, out var waiting))
            {
                if (priority < waiting.Priority)
                {
                    _waiting[key] = waiting with { Priority = priority };
                    Lane(priority).Enqueue(key);
                }

                return;
            }

            _metrics?.QueueAdds.Add(1, _label);
            _waiting.Add(key, new Waiting(priority, _time.GetTimestamp()));
            Lane(priority).Enqueue(key);
        }

        _available.Release();
    }

    /// <summary>Adds after a time. Of several times for one key the earliest wins.</summary>
    public void AddAfter(TKey key, TimeSpan delay)
    {
        if (delay <= TimeSpan.Zero)
        {
            Add(key);
        }
        else if (!_closed.IsCancellationRequested)
        {
            _delayed.Add(key, delay);
        }
    }

    /// <summary>Adds after the key's back-off, which grows with every call until <see cref="Forget"/>.</summary>
    /// <param name="atLeast">A longer wait that somebody asked for.</param>
    /// <param name="atMost">Where the back-off ends for this kind of failure, when that is earlier than for others.</param>
    public void AddRateLimited(TKey key, TimeSpan? atLeast = null, TimeSpan? atMost = null)
    {
        TimeSpan delay;
        lock (_lock)
        {
            delay = _backoff.Next(key, atMost);
        }

        _metrics?.QueueRetries.Add(1, _label);
        AddAfter(key, atLeast > delay ? atLeast.Value : delay);
    }

    public void Forget(TKey key)
    {
        lock (_lock)
        {
            _backoff.Forget(key);
        }
    }

    /// <summary>The next key, which is the caller's until <see cref="Done"/>. Nothing once the queue is closed.</summary>
    public async Task<(bool Taken, TKey Key)> TakeAsync(CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closed.Token);
        try
        {
            await _available.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_closed.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return (false, default!);
        }

        lock (_lock)
        {
            if (!TryNext(_normal, QueuePriority.Normal, out var key) && !TryNext(_low, QueuePriority.Low, out key))
            {
                throw new System.Diagnostics.UnreachableException("There is one permit per waiting key.");
            }

            _waiting.Remove(key, out var waiting);
            _processing.Add(key, _time.GetTimestamp());
            _metrics?.QueueDuration.Record(_time.GetElapsedTime(waiting.Since).TotalSeconds, _label);
            return (true, key);
        }
    }

    /// <summary>Gives a key back. If it was added meanwhile it waits again.</summary>
    public void Done(TKey key)
    {
        bool again;
        QueuePriority priority;
        lock (_lock)
        {
            if (!_processing.Remove(key, out var started))
            {
                return;
            }

            _metrics?.WorkDuration.Record(_time.GetElapsedTime(started).TotalSeconds, _label);
            again = _again.Remove(key, out priority);
        }

        if (again)
        {
            Add(key, priority);
        }
    }

    /// <summary>Gives out nothing more. Keys with workers stay theirs.</summary>
    public void Close()
    {
        _closed.Cancel();
        _delayed.Dispose();
    }

    public void Dispose()
    {
        // A container that knows the queue under two names disposes of it twice.
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return;
        }

        Close();
        _available.Dispose();
        _closed.Dispose();
    }

    private Queue<TKey> Lane(QueuePriority priority) => priority == QueuePriority.Normal ? _normal : _low;

    private bool TryNext(Queue<TKey> lane, QueuePriority priority, [MaybeNullWhen(false)] out TKey key)
    {
        while (lane.TryDequeue(out key))
        {
            // Entries of keys that moved to the other lane are left behind.
            if (_waiting.TryGetValue(key, out var waiting) && waiting.Priority == priority)
            {
                return true;
            }
        }

        return false;
    }

    private readonly record struct Waiting(QueuePriority Priority, long Since);
}
