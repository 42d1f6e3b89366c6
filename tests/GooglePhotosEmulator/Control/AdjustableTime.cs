namespace GooglePhotosEmulator.Control;

/// <summary>The system's clock, set forward. What waits by real time still does.</summary>
public sealed class AdjustableTime : TimeProvider
{
    private long _ahead;

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddTicks(Interlocked.Read(ref _ahead));

    public void Advance(TimeSpan by) => Interlocked.Add(ref _ahead, by.Ticks);
}
