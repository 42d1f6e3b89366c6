namespace KlosetWorker.Tests.GoogleAccounts;

/// <summary>The system's time, only faster: whoever waits for a minute waits for a part of a second. It can also jump.</summary>
internal sealed class HastyTime(double speed) : TimeProvider
{
    private readonly long _started = System.GetTimestamp();
    private readonly DateTimeOffset _begin = new(2026, 11, 2, 18, 0, 0, TimeSpan.Zero);
    private long _jumped;

    public void Jump(TimeSpan time) => Interlocked.Add(ref _jumped, time.Ticks);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => (System.GetElapsedTime(_started) * speed).Ticks + Interlocked.Read(ref _jumped);

    public override DateTimeOffset GetUtcNow() => _begin + new TimeSpan(GetTimestamp());

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        System.CreateTimer(callback, state, Shorter(dueTime), Shorter(period));

    private TimeSpan Shorter(TimeSpan time) => time <= TimeSpan.Zero ? time : TimeSpan.FromMilliseconds(Math.Max(1, time.TotalMilliseconds / speed));
}
