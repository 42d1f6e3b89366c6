namespace KlosetOperator.Runtime.Queue;

/// <summary>Keys that become due later; each once, at its earliest time. One timer serves all.</summary>
internal sealed class DelayHeap<TKey> : IDisposable
    where TKey : notnull
{
    // What a timer can be set to at most; a longer delay takes two steps.
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);

    private readonly Lock _lock = new();
    private readonly PriorityQueue<TKey, long> _heap = new();
    private readonly Dictionary<TKey, long> _due = [];
    private readonly TimeProvider _time;
    private readonly Action<TKey> _ready;
    private readonly ITimer _timer;
    private long _timerSetTo = long.MaxValue;
    private bool _disposed;

    public DelayHeap(TimeProvider time, Action<TKey> ready)
    {
        _time = time;
        _ready = ready;
        _timer = time.CreateTimer(static state => ((DelayHeap<TKey>)state!).Fire(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _due.Count;
            }
        }
    }

    public void Add(TKey key, TimeSpan delay)
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            // A monotonic clock: setting the wall clock neither fires nor holds back anything.
            var due = _time.GetTimestamp() + (long)(Math.Min(delay.TotalSeconds, TimeSpan.FromDays(3650).TotalSeconds) * _time.TimestampFrequency);
            if (_due.TryGetValue(key, out var known) && known <= due)
            {
                return;
            }

            _due[key] = due;
            _heap.Enqueue(key, due);
            SetTimer();
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _heap.Clear();
            _due.Clear();
        }

        _timer.Dispose();
    }

    private void Fire()
    {
        var ready = new List<TKey>();
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _timerSetTo = long.MaxValue;
            var now = _time.GetTimestamp();
            while (_heap.TryPeek(out var key, out var due) && due <= now)
            {
                _heap.Dequeue();

                // An entry that an earlier time overtook is left behind.
                if (_due.TryGetValue(key, out var wanted) && wanted == due)
                {
                    _due.Remove(key);
                    ready.Add(key);
                }
            }

            SetTimer();
        }

        foreach (var key in ready)
        {
            _ready(key);
        }
    }

    private void SetTimer()
    {
        while (_heap.TryPeek(out var key, out var due) && !(_due.TryGetValue(key, out var wanted) && wanted == due))
        {
            _heap.Dequeue();
        }

        if (_heap.TryPeek(out _, out var next) && next < _timerSetTo)
        {
            _timerSetTo = next;
            var seconds = (next - _time.GetTimestamp()) / (double)_time.TimestampFrequency;

            // Rounded up to the timer's milliseconds: fired too early it would only be set again.
            var wait = TimeSpan.FromMilliseconds(Math.Ceiling(Math.Max(0, seconds * 1000)));
            _timer.Change(wait < LongestTimer ? wait : LongestTimer, Timeout.InfiniteTimeSpan);
        }
    }
}
