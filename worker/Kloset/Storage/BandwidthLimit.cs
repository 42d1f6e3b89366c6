namespace Kloset.Storage;

/// <summary>
/// Spreads what all senders of one process send over time. Each asks before a piece goes out and waits for its turn; nobody saves up
/// what was not used, so a pause is never followed by a burst.
/// </summary>
/// <param name="bytesPerSecond">At least 1.</param>
public sealed class BandwidthLimit(long bytesPerSecond, TimeProvider time)
{
    private readonly Lock _gate = new();
    private long _free;

    /// <summary>Bytes that are asked for at once; small enough that senders take turns, large enough that waiting costs nothing.</summary>
    public int PieceBytes { get; } = (int)Math.Clamp(bytesPerSecond / 10, 4 << 10, 256 << 10);

    /// <summary>Returns when <paramref name="bytes"/> may go out.</summary>
    public Task WaitAsync(int bytes, CancellationToken cancellationToken)
    {
        TimeSpan wait;
        lock (_gate)
        {
            var now = time.GetTimestamp();
            var turn = Math.Max(now, _free);
            _free = turn + (long)((double)bytes / bytesPerSecond * time.TimestampFrequency);
            wait = time.GetElapsedTime(now, turn);
        }

        return wait > TimeSpan.Zero ? Task.Delay(wait, time, cancellationToken) : Task.CompletedTask;
    }
}
