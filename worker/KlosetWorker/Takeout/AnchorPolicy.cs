namespace KlosetWorker.Takeout;

/// <summary>
/// When the next anchor is worth its price. An anchor's own metadata must stay under one part in a hundred of what was stored since the
/// last one, so that many small parts do not fill the repository with trees; but at the latest after six hours there is one.
/// </summary>
internal sealed class AnchorPolicy(TimeProvider time)
{
    public static readonly TimeSpan Interval = TimeSpan.FromHours(1);
    public static readonly TimeSpan Longest = TimeSpan.FromHours(6);

    private const double Share = 0.01;
    private long _since = time.GetTimestamp();
    private long _storedBefore;
    private long _lastCost;

    /// <param name="stored">Bytes that the session has stored so far.</param>
    public bool IsDue(bool partFinished, long stored)
    {
        var elapsed = time.GetElapsedTime(_since);
        var affordable = _lastCost <= (stored - _storedBefore) * Share;
        return elapsed >= Longest || ((partFinished || elapsed >= Interval) && affordable && stored > _storedBefore);
    }

    /// <param name="before">Bytes stored before the anchor was written.</param>
    /// <param name="after">Bytes stored after it.</param>
    public void Written(long before, long after)
    {
        _since = time.GetTimestamp();
        _lastCost = after - before;
        _storedBefore = after;
    }
}
