using KlosetOperator.Api;

namespace KlosetOperator.Runs;

/// <summary>Which runs ended since the status was written, and what became of a Job that is gone. Pure.</summary>
internal static class RunFolding
{
    /// <summary>Jobs that ended, can be judged and are not recorded yet; oldest first. Ask <see cref="RunHistory.Asks"/> before folding each.</summary>
    public static IEnumerable<JobView> Ended(IReadOnlyList<JobView> jobs, RunHistory history, DateTimeOffset now) =>
        jobs.Where(job => job.IsJudgeable(now) && !history.Knows(job)).OrderBy(job => job.Created);

    /// <summary>A Job that ended and whose pod has not told yet: nothing else is decided before it has.</summary>
    public static JobView? Unjudged(IReadOnlyList<JobView> jobs, RunHistory history, DateTimeOffset now) =>
        jobs.FirstOrDefault(job => !job.IsActive && !history.Knows(job) && !job.IsJudgeable(now));

    /// <summary>When to look again for the pod of an ended Job.</summary>
    public static TimeSpan Patience(JobView unjudged, DateTimeOffset now) =>
        unjudged.End!.BelievedAfter - now is var left && left < TimeSpan.FromSeconds(5) ? left + TimeSpan.FromMilliseconds(100) : TimeSpan.FromSeconds(5);

    /// <summary>The run that the status calls active and of which no Job and no record is left.</summary>
    public static ActiveRun? Vanished(ActiveRun? active, IReadOnlyList<JobView> jobs, RunHistory history) =>
        active is not null && active.Kind != "inspect" && jobs.All(job => job.RunId != active.RunID) && history.Runs.All(run => run.Id != active.RunID)
            ? active
            : null;

    public static RunHistory FoldVanished(RunHistory history, ActiveRun active, string outcome, DateTimeOffset now, int most = RunHistory.MostRuns) => history with
    {
        Runs =
        [
            new RunRecord
            {
                Id = active.RunID,
                Kind = active.Kind,
                Slot = active.Slot,
                Attempt = active.Attempt,
                Sequence = history.Next,
                StartTime = active.StartTime,
                CompletionTime = now,
                Outcome = outcome,
                Reason = Reasons.JobVanished,
                Message = $"Job '{active.Job}' is gone and left no result.",
            },
            .. history.Runs.Take(most - 1),
        ],
        RetryAfter = outcome == Outcomes.Failed ? now + BackOff.First : null,
    };
}
