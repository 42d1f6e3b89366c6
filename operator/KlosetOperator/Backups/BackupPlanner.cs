using KlosetOperator.Api;
using KlosetOperator.Jobs;
using KlosetOperator.Runs;
using KlosetWorker.Contract;

namespace KlosetOperator.Backups;

#pragma warning disable CA1859 // all policies have one shape, so that they can stand in one list

/// <summary>
/// What a PhotoBackup is to do next: a list of policies of which the first that has an opinion decides. A pure function of the
/// objects and the time.
/// </summary>
internal static class BackupPlanner
{
    private static readonly Func<BackupFacts, RunDecision?>[] Policies =
    [
        ActiveJob,              // one run at a time, whatever else is wrong
        Deleted,
        Duplicate,              // two lineages of one account would forget each other's snapshots
        UnusableSchedule,
        Stalled,                // terminal failures wait for a change
        Suspended,
        UnusableRepository,
        MissingReference,
        LostRun,                // a lost result is looked up before anything new starts
        Requested,              // a person's wish ignores back-off and windows
        BackingOff,
        Unfinished,             // what paused or failed goes on
        OnRequestOnly,
        First,                  // the first backup does not wait for the night
        Scheduled,
    ];

    public static RunDecision Decide(BackupFacts facts)
    {
        foreach (var policy in Policies)
        {
            if (policy(facts) is { } decision)
            {
                return decision is RunDecision.Start start ? new RunDecision.Start(start.Order with { Sequence = facts.History.Next }) : decision;
            }
        }

        var next = facts.Schedule?.NextDue(After(facts), facts.Now);
        return new RunDecision.Wait(Reasons.Idle, "Nothing is due.", next?.Due);
    }

    private static RunDecision? ActiveJob(BackupFacts facts) =>
        facts.Jobs.Where(job => job.IsActive).OrderBy(job => job.Created).FirstOrDefault() switch
        {
            null => null,
            var job when job.IsGivenUp(facts.Now) => new RunDecision.End(job),
            var job => new RunDecision.Follow(job),
        };

    private static RunDecision? Deleted(BackupFacts facts) =>
        facts.Backup.Metadata.DeletionTimestamp is null ? null : new RunDecision.Wait(Reasons.Idle, "The PhotoBackup is being deleted. Its snapshots stay.");

    private static RunDecision? Duplicate(BackupFacts facts) =>
        facts.OlderTwin is null
            ? null
            : new RunDecision.Stop(
                Reasons.DuplicateAccount,
                $"PhotoBackup '{facts.OlderTwin}' backs up the same account into the same repository from the same kind of source. Delete one of the two.");

    private static RunDecision? UnusableSchedule(BackupFacts facts) =>
        facts.Schedule is null ? new RunDecision.Stop(Reasons.InvalidSchedule, $"{facts.ScheduleError ?? "The schedule is not usable."} Correct spec.schedule.") : null;

    private static RunDecision? Stalled(BackupFacts facts) =>
        facts.History.StalledOn is { } stalled ? new RunDecision.Stop(stalled.Reason ?? Reasons.WorkerCrashed, stalled.Message ?? "") : null;

    private static RunDecision? Suspended(BackupFacts facts) =>
        facts.Backup.Spec.Suspend ? new RunDecision.Wait(Reasons.Suspended, "spec.suspend is set: no new run is started.") : null;

    private static RunDecision? UnusableRepository(BackupFacts facts) =>
        facts.Repository.IsUsable ? null : new RunDecision.Wait(facts.Repository.Reason!, facts.Repository.Message, IsReady: false);

    private static RunDecision? MissingReference(BackupFacts facts) =>
        facts.References.Missing is null ? null : new RunDecision.Wait(facts.References.Reason, facts.References.Message, IsReady: false);

    private static RunDecision? LostRun(BackupFacts facts)
    {
        if (facts.History.Lost is not { } lost)
        {
            return null;
        }

        // Inspections leave no record of their own: their number is above those that are still there, and above the failures.
        var attempt = 1 + facts.Jobs.Where(job => job.LostRunId == lost.Id).Select(job => job.Attempt).Append(facts.History.ConsecutiveFailures).Max();
        return facts.History.Waiting(facts.Now) ?? (RunDecision)new RunDecision.Start(
            new RunOrder(RunKind.Inspect, lost.Slot ?? facts.Created, attempt, facts.History.RetryAfter ?? facts.Now) { LostRunId = lost.Id });
    }

    private static RunDecision? Requested(BackupFacts facts) =>
        (facts.Request ?? facts.Approval) is { } request
            ? new RunDecision.Start(new RunOrder(RunKind.Backup, Whole(facts.Now), 1, facts.Now) { Request = request, IsFirst = IsFirst(facts) })
            : null;

    private static RunDecision? BackingOff(BackupFacts facts) =>
        !facts.History.IsPending ? null
        : !facts.HasMoved && facts.History.Newest!.Reason == Reasons.HistoryMissing ? null // it points to where the history is again
        : facts.History.Waiting(facts.Now);

    private static RunDecision? Unfinished(BackupFacts facts)
    {
        if (!facts.History.IsPending || facts.History.Newest is not { } newest)
        {
            return null;
        }

        var slot = newest.Slot ?? facts.Created;
        return InWindow(facts, new RunOrder(RunKind.Backup, slot, NextAttempt(facts, slot), facts.History.RetryAfter ?? facts.Now) { IsFirst = IsFirst(facts) });
    }

    private static RunDecision? OnRequestOnly(BackupFacts facts) =>
        facts.Backup.Spec.Source.Picker is null
            ? null
            : new RunDecision.Wait(Reasons.WaitingForRequest, $"A picker runs only on request: set the annotation {Annotations.Run} to a new value.");

    private static RunDecision? First(BackupFacts facts) =>
        facts.History.Newest is null && facts.Backup.Status?.LastCheckedTime is null
            ? InWindow(facts, new RunOrder(RunKind.Backup, Whole(facts.Created), NextAttempt(facts, Whole(facts.Created)), facts.Created) { IsFirst = true })
            : null;

    private static RunDecision? Scheduled(BackupFacts facts)
    {
        if (facts.Schedule!.LatestDue(After(facts), facts.Now) is not { } slot)
        {
            return null;
        }

        var release = facts.Schedule.ReleaseOf(slot, facts.StartedAt, facts.Backup.Status?.NextRunTime, facts.Now);
        return release > facts.Now
            ? new RunDecision.Wait(Reasons.WaitingForSlot, "A run was missed while the operator was away. Those of all are spread over the next half hour, or over the jitter.", release)
            : InWindow(facts, new RunOrder(RunKind.Backup, slot.Time, NextAttempt(facts, slot.Time), slot.Due) { IsFirst = IsFirst(facts) });
    }

    private static RunDecision InWindow(BackupFacts facts, RunOrder order) =>
        facts.Schedule!.IsOpen(facts.Now)
            ? new RunDecision.Start(order)
            : new RunDecision.Wait(Reasons.OutsideWindow, $"Waits for the next window of the schedule, at {Messages.Time(facts.Schedule.NextOpening(facts.Now))}.", facts.Schedule.NextOpening(facts.Now));

    /// <summary>A run has seen everything up to its start, so a slot before that is not due any more.</summary>
    private static DateTimeOffset After(BackupFacts facts) => RunHistory.SeenUntil(facts.History.Runs, facts.Created, facts.Now);

    private static int NextAttempt(BackupFacts facts, DateTimeOffset slot) =>
        1 + facts.History.Runs.Where(run => run.Slot == slot).Select(run => run.Attempt ?? 1)
            .Concat(facts.Jobs.Where(job => job.Kind == RunKind.Backup && job.Slot == slot).Select(job => job.Attempt))
            .DefaultIfEmpty(0)
            .Max();

    private static bool IsFirst(BackupFacts facts) => facts.Backup.Status?.LastSuccessTime is null;

    private static DateTimeOffset Whole(DateTimeOffset time) => DateTimeOffset.FromUnixTimeSeconds(time.ToUnixTimeSeconds());
}
