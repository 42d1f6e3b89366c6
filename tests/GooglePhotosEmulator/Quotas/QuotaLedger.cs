namespace GooglePhotosEmulator.Quotas;

/// <summary>Counts what was used in the current minute and in the current day of the Pacific time zone.</summary>
internal sealed class QuotaLedger(TimeProvider time)
{
    private static readonly TimeZoneInfo Pacific = FindPacific();
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (long Window, long Used)> _used = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _running = new(StringComparer.Ordinal);

    /// <summary>The day that quotas of a day belong to.</summary>
    public static DateOnly PacificDay(DateTimeOffset time) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(time, Pacific).DateTime);

    /// <returns>False when the limit is reached; then nothing is counted.</returns>
    public bool TakeFromMinute(string name, long? limit, long cost = 1) => Take(name, time.GetUtcNow().ToUnixTimeSeconds() / 60, limit, cost);

    public bool TakeFromDay(string name, long? limit, long cost = 1) => Take(name, PacificDay(time.GetUtcNow()).DayNumber, limit, cost);

    public long UsedToday(string name)
    {
        lock (_gate)
        {
            return _used.TryGetValue(name, out var entry) && entry.Window == PacificDay(time.GetUtcNow()).DayNumber ? entry.Used : 0;
        }
    }

    /// <returns>Null when as many run as may; else to be disposed when the work is done.</returns>
    public IDisposable? Enter(string name, int? limit)
    {
        lock (_gate)
        {
            var running = _running.GetValueOrDefault(name);
            if (running >= limit)
            {
                return null;
            }

            _running[name] = running + 1;
        }

        return new Running(this, name);
    }

    private bool Take(string name, long window, long? limit, long cost)
    {
        lock (_gate)
        {
            var used = _used.TryGetValue(name, out var entry) && entry.Window == window ? entry.Used : 0;
            if (used + cost > limit)
            {
                return false;
            }

            _used[name] = (window, used + cost);
            return true;
        }
    }

    private static TimeZoneInfo FindPacific() =>
        TimeZoneInfo.TryFindSystemTimeZoneById("America/Los_Angeles", out var zone)
            ? zone
            : TimeZoneInfo.CreateCustomTimeZone("Pacific", TimeSpan.FromHours(-8), "Pacific", "Pacific"); // a machine without time zone data

    private sealed class Running(QuotaLedger ledger, string name) : IDisposable
    {
        private int _done;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _done, 1) == 0)
            {
                lock (ledger._gate)
                {
                    ledger._running[name]--;
                }
            }
        }
    }
}
