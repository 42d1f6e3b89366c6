using KlosetOperator.Schedules;

namespace KlosetOperator.Runs;

/// <summary>How long to wait after failures in a row: 1 min, doubled each time, 6 h at most, less up to a tenth that differs by object.</summary>
internal static class BackOff
{
    public static readonly TimeSpan First = TimeSpan.FromMinutes(1);
    public static readonly TimeSpan Longest = TimeSpan.FromHours(6);

    /// <param name="failures">From 1.</param>
    public static TimeSpan After(int failures, string uid)
    {
        var exponent = Math.Clamp(failures - 1, 0, 10);
        var whole = TimeSpan.FromTicks(Math.Min(First.Ticks << exponent, Longest.Ticks));
        return whole - StableHash.Within(whole / 10, $"{uid}/{failures}");
    }
}
