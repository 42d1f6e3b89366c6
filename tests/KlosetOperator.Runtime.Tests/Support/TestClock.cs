using Microsoft.Extensions.Time.Testing;

namespace KlosetOperator.Runtime.Tests.Support;

/// <summary>A clock that stands, and knows when somebody wants to be woken next.</summary>
internal sealed class TestClock : FakeTimeProvider
{
    private readonly Lock _lock = new();
    private readonly HashSet<Timer> _timers = [];

    public TestClock()
    {
    }

    public TestClock(DateTimeOffset start)
        : base(start)
    {
    }

    /// <summary>How long until the next timer is due; null when nobody waits.</summary>
    public TimeSpan? UntilNextTimer
    {
        get
        {
            lock (_lock)
            {
                var now = GetUtcNow();
                return _timers.Select(static timer => timer.Due).Where(static due => due is not null).Min() is { } next
                    ? next > now ? next - now : TimeSpan.Zero
                    : null;
            }
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Inner = base.CreateTimer(static state => ((Timer)state!).Fire(), timer, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(TestClock clock, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;

        public ITimer? Inner { get; set; }

        public DateTimeOffset? Due { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._lock)
            {
                _period = period;
                Expect(dueTime);
            }

            // Outside of the lock: what is due at once is called from within.
            return Inner!.Change(dueTime, period);
        }

        public void Fire()
        {
            lock (clock._lock)
            {
                Expect(_period > TimeSpan.Zero ? _period : Timeout.InfiniteTimeSpan);
            }

            callback(state);
        }

        public void Dispose()
        {
            lock (clock._lock)
            {
                Expect(Timeout.InfiniteTimeSpan);
            }

            Inner!.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Expect(TimeSpan after)
        {
            if (after == Timeout.InfiniteTimeSpan)
            {
                Due = null;
                clock._timers.Remove(this);
            }
            else
            {
                Due = clock.GetUtcNow() + after;
                clock._timers.Add(this);
            }
        }
    }
}
