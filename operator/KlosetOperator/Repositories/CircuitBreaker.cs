using KlosetOperator.Runs;

namespace KlosetOperator.Repositories;

/// <summary>
/// Whether a repository's store is out, judged by real Jobs alone: three ends in a row, of whatever object, that blame the
/// store. While it is open one Job at a time is let through; the first that does not blame the store closes it. Pure.
/// </summary>
internal static class CircuitBreaker
{
    public const int Threshold = 3;

    private static readonly string[] StoreReasons = ["StoreUnreachable", "StoreThrottled", "StoreFailed"];

    /// <param name="ends">Ended Jobs on the repository.</param>
    /// <returns>Since when it is open; null when it is closed.</returns>
    public static DateTimeOffset? OpenSince(IEnumerable<(DateTimeOffset Time, Verdict Verdict)> ends)
    {
        var blaming = ends.OrderByDescending(end => end.Time).TakeWhile(end => StoreReasons.Contains(end.Verdict.Reason)).ToList();
        return blaming.Count >= Threshold ? blaming[^1].Time : null;
    }
}
