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
    private long _contentBefore;
    private long _storedBefore;
    private long _lastCost;

    /// <param name="content">Bytes of new content that the session has taken in so far; they may still be on their way to the store.</param>
    public bool IsDue(bool partFinished, long content)
    {
        var elapsed = time.GetElapsedTime(_since);
        var affordable = _lastCost <= (content - _contentBefore) * Share;
        return elapsed >= Longest || ((partFinished || elapsed >= Interval) && affordable && content > _contentBefore);
    }

    /// <summary>An anchor was cut, and everything is stored.</summary>
    /// <param name="content">As in <see cref="IsDue"/>.</param>
    /// <param name="stored">Bytes that the session has stored so far, contents and trees.</param>
    public void Written(long content, long stored)
    {
        _since = time.GetTimestamp();
        _lastCost = Math.Max(0, stored - _storedBefore - (content - _contentBefore));
        _contentBefore = content;
        _storedBefore = stored;
    }
}
