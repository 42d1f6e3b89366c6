namespace GooglePhotos.Takeout.Exports;

/// <summary>
/// When Google will export next, as far as past exports tell. A schedule runs every two months for one year: a full export, then
/// increments. It ends without a word, so its end is told in advance.
/// </summary>
/// <param name="NextExpected">Null when no schedule can be seen, or when it is over.</param>
/// <param name="Ends">The day after which nothing comes any more unless a person makes a new schedule; null when none can be seen.</param>
public sealed record ExportSchedule(DateTimeOffset? NextExpected, DateTimeOffset? Ends)
{
    /// <summary>Google says "every 2 months"; exports were made at the same hour of a like day.</summary>
    public const int MonthsBetweenExports = 2;

    // Exports of a schedule drift by some days; two within this are one step.
    private static readonly TimeSpan Drift = TimeSpan.FromDays(20);

    /// <param name="exports">All exports known, in any order. Selections are no part of a schedule.</param>
    public static ExportSchedule Predict(IEnumerable<(DateTimeOffset Time, ExportClass Class)> exports)
    {
        (DateTimeOffset Time, ExportClass Class)[] ordered = [.. exports.Where(e => e.Class != ExportClass.Selection).OrderBy(e => e.Time)];
        if (ordered.Length == 0)
        {
            return new ExportSchedule(null, null);
        }

        // A schedule begins with the full export that increments follow. Two full exports a schedule's step apart are two single ones.
        int start = Array.FindLastIndex(ordered, e => e.Class == ExportClass.Full);
        if (start < 0)
        {
            start = 0;
        }

        DateTimeOffset begin = ordered[start].Time;
        DateTimeOffset ends = begin.AddYears(1);
        DateTimeOffset newest = ordered[^1].Time;
        if (start == ordered.Length - 1 && ordered.Length > 1 && ordered[^2].Class == ExportClass.Increment && newest - ordered[^2].Time < Drift)
        {
            // A full export made by hand in the middle of a running schedule does not move the schedule.
            return Predict(ordered[..^1]);
        }

        DateTimeOffset next = begin;
        while (next <= newest + Drift && next < ends)
        {
            next = next.AddMonths(MonthsBetweenExports);
        }

        return new ExportSchedule(next < ends ? next : null, ends);
    }
}
