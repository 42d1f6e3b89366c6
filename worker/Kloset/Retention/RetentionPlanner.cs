using System.Globalization;

namespace Kloset.Retention;

/// <summary>
/// Decides what of a lineage stays. Pure, and independent of the time at which it is asked: a late or repeated run decides the same.
/// </summary>
public static class RetentionPlanner
{
    /// <param name="policy">Null: every complete snapshot stays, and only anchors that a newer complete snapshot supersedes go.</param>
    public static RetentionPlan Plan(IEnumerable<RetentionCandidate> lineage, RetentionPolicy? policy)
    {
        ArgumentNullException.ThrowIfNull(lineage);
        var snapshots = lineage.OrderByDescending(snapshot => snapshot.Time).ThenByDescending(snapshot => snapshot.Id).ToArray();
        var newestComplete = Array.FindIndex(snapshots, snapshot => snapshot.IsComplete);
        var reasons = snapshots.Select(_ => new List<string>()).ToArray();
        for (var i = 0; i < snapshots.Length; i++)
        {
            if (i == 0)
                reasons[i].Add("newest");
            if (i == newestComplete && i > 0)
                reasons[i].Add("newest complete");
            if (snapshots[i].IsPinned)
                reasons[i].Add("pinned");
            if (!snapshots[i].IsComplete && i > 0 && (newestComplete < 0 || i < newestComplete))
                reasons[i].Add("no complete one is newer");
        }

        var complete = Enumerable.Range(0, snapshots.Length).Where(i => snapshots[i].IsComplete).ToArray();
        if (policy is null)
        {
            foreach (var i in complete)
                reasons[i].Add("no policy");
        }
        else
            Apply(policy, snapshots, complete, reasons);
        return new RetentionPlan([.. snapshots.Select((snapshot, i) => new RetentionVerdict(snapshot, reasons[i]))]);
    }

    /// <param name="complete">Places of the complete snapshots, newest first.</param>
    private static void Apply(RetentionPolicy policy, RetentionCandidate[] snapshots, int[] complete, List<string>[] reasons)
    {
        foreach (var i in complete.Take(policy.KeepLast))
            reasons[i].Add("last");
        Fill("hourly", policy.KeepHourly, time => time.Ticks / TimeSpan.TicksPerHour);
        Fill("daily", policy.KeepDaily, time => time.Ticks / TimeSpan.TicksPerDay);
        Fill("weekly", policy.KeepWeekly, time => (ISOWeek.GetYear(time) * 100L) + ISOWeek.GetWeekOfYear(time));
        Fill("monthly", policy.KeepMonthly, time => (time.Year * 12L) + time.Month);
        Fill("yearly", policy.KeepYearly, time => time.Year);
        if (policy.KeepWithin > TimeSpan.Zero && complete.Length > 0)
        {
            var newest = snapshots[complete[0]].Time;
            foreach (var i in complete.Where(i => newest - snapshots[i].Time <= policy.KeepWithin))
                reasons[i].Add("within");
        }

        void Fill(string rule, int count, Func<DateTime, long> bucketOf)
        {
            long? last = null;
            foreach (var i in complete)
            {
                var bucket = bucketOf(snapshots[i].Time.UtcDateTime);
                if (bucket == last)
                    continue;
                if (count-- <= 0)
                    break;
                last = bucket;
                reasons[i].Add(rule);
            }
        }
    }
}
