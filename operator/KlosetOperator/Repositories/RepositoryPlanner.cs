using System.Globalization;
using KlosetOperator.Api;
using KlosetOperator.Backups;
using KlosetOperator.Jobs;
using KlosetOperator.References;
using KlosetOperator.Runs;
using KlosetOperator.Schedules;
using KlosetWorker.Contract;

namespace KlosetOperator.Repositories;

#pragma warning disable CA1859 // all policies have one shape, so that they can stand in one list

/// <summary>All that a decision about a KlosetRepository depends on.</summary>
internal sealed record RepositoryFacts
{
    public required KlosetRepository Repository { get; init; }

    public required ReferenceState References { get; init; }

    /// <summary>An older KlosetRepository with the same identity.</summary>
    public string? OlderTwin { get; init; }

    public required IReadOnlyList<JobView> Jobs { get; init; }

    /// <summary>Of creating or adopting.</summary>
    public required RunHistory History { get; init; }

    /// <summary>What is known, with the results of ended runs applied.</summary>
    public required KlosetRepositoryStatus Known { get; init; }

    /// <summary>The name under which this operator owns the repository.</summary>
    public required string Self { get; init; }

    /// <summary>Another cluster forgets and maintains, and this one was not told to take over.</summary>
    public bool IsOwnedElsewhere => Known.Owner is { } owner && owner != Self && StallMark.Annotation(Repository.Metadata, Annotations.TakeOver) != owner;

    public EffectiveSchedule? Maintenance { get; init; }

    public EffectiveSchedule? Check { get; init; }

    public string? ScheduleError { get; init; }

    public required DateTimeOffset Now { get; init; }

    /// <summary>When this operator started.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    public DateTimeOffset Created => BackupFacts.Utc(Repository.Metadata.CreationTimestamp) ?? Now;

    /// <summary>It was opened, and where it lies now.</summary>
    public bool IsOpened => Known.RepositoryID is not null && (Known.Location is null || Known.Location == RepositoryLocations.Describe(Repository.Spec.Backend));

    public string? Request =>
        StallMark.Annotation(Repository.Metadata, Annotations.Run) is { Length: > 0 } value
        && value != Repository.Status?.Handled?.Run
        && Jobs.All(job => job.Request != value)
            ? value
            : null;
}

/// <summary>What a KlosetRepository is to do next: the first policy that has an opinion decides. Pure.</summary>
internal static class RepositoryPlanner
{
    private static readonly Func<RepositoryFacts, RunDecision?>[] Policies =
    [
        ActiveJob,
        Deleted,
        Duplicate,
        UnusableSchedule,
        Stalled,
        MissingReference,
        Suspended,
        BackingOff,
        Unopened,
        Requested,
        MaintenanceDue,
        CheckDue,
    ];

    public static RunDecision Decide(RepositoryFacts facts)
    {
        foreach (var policy in Policies)
        {
            if (policy(facts) is { } decision)
            {
                return decision is RunDecision.Start start ? new RunDecision.Start(start.Order with { Sequence = RunHistory.NextAfter(RunsOf(start.Order.Kind, facts)) }) : decision;
            }
        }

        var next = new[] { NextMaintenance(facts), Next(facts.Check, facts.Known.Check, facts) }.Min();
        return new RunDecision.Wait(Reasons.Idle, "Nothing is due.", next);
    }

    /// <summary>Null where another cluster maintains.</summary>
    public static DateTimeOffset? NextMaintenance(RepositoryFacts facts) => facts.IsOwnedElsewhere ? null : Next(facts.Maintenance, facts.Known.Maintenance, facts);

    /// <summary>When the next one is due: a retry after a failure, else the schedule's next slot.</summary>
    public static DateTimeOffset? Next(EffectiveSchedule? schedule, RecurringStatus? status, RepositoryFacts facts)
    {
        if (Retry(status, facts) is { } retry && retry > facts.Now)
        {
            return retry;
        }

        if (Missed(schedule, status, facts) is var (slot, release))
        {
            if (release > facts.Now)
            {
                return release;
            }

            // An operator that came when the slot had long been due has put it off. The status keeps to that, whoever writes it.
            if (status?.NextTime is { } told && schedule!.IsPromise(told, slot, facts.Now))
            {
                return told;
            }
        }

        return schedule?.NextDue(After(status, facts), facts.Now)?.Due;
    }

    /// <summary>Structure once a week; on other days the byte budget's share, or the listing where there is no budget.</summary>
    public static RunCheck CheckOf(KlosetRepository repository, RepositoryFacts facts)
    {
        var last = facts.Known.Check?.LastSuccessTime;
        if (last is null || Week(last.Value) != Week(facts.Now))
        {
            return new RunCheck(CheckLevel.Structure);
        }

        if (repository.Spec.Check?.DataBytesPerMonth is not { } budget)
        {
            return new RunCheck(CheckLevel.Inventory);
        }

        var next = facts.Check?.NextDue(facts.Created, facts.Now)?.Due ?? facts.Now.AddDays(1);
        var share = Math.Clamp((next - facts.Now).TotalDays / 30, 1.0 / 30, 1);
        return new RunCheck(CheckLevel.Data, (long)(budget.Bytes * share));
    }

    private static int Week(DateTimeOffset time) => (ISOWeek.GetYear(time.UtcDateTime) * 100) + ISOWeek.GetWeekOfYear(time.UtcDateTime);

    private static RunDecision? ActiveJob(RepositoryFacts facts) =>
        facts.Jobs.Where(job => job.IsActive).OrderBy(job => job.Created).FirstOrDefault() switch
        {
            null => null,
            var job when job.IsGivenUp(facts.Now) => new RunDecision.End(job),
            var job => new RunDecision.Follow(job),
        };

    private static RunDecision? Deleted(RepositoryFacts facts) =>
        facts.Repository.Metadata.DeletionTimestamp is null ? null : new RunDecision.Wait(Reasons.Idle, "The KlosetRepository is being deleted. Its data stays.");

    private static RunDecision? Duplicate(RepositoryFacts facts) =>
        facts.OlderTwin is null
            ? null
            : new RunDecision.Stop(Reasons.DuplicateRepository, $"KlosetRepository '{facts.OlderTwin}' is the same repository and is older. Delete one of the two.");

    private static RunDecision? UnusableSchedule(RepositoryFacts facts) =>
        facts.ScheduleError is { } error ? new RunDecision.Stop(Reasons.InvalidSchedule, $"{error} Correct spec.maintenance.schedule or spec.check.schedule.") : null;

    private static RunDecision? Stalled(RepositoryFacts facts) =>
        facts.History.StalledOn is { } stalled ? new RunDecision.Stop(stalled.Reason ?? Reasons.WorkerCrashed, stalled.Message ?? "") : null;

    private static RunDecision? MissingReference(RepositoryFacts facts) =>
        facts.References.Missing is null ? null : new RunDecision.Wait(facts.References.Reason, facts.References.Message, IsReady: false);

    private static RunDecision? Suspended(RepositoryFacts facts) =>
        facts.Repository.Spec.Suspend ? new RunDecision.Wait(Reasons.Suspended, "spec.suspend is set: no new Job is started.") : null;

    private static RunDecision? BackingOff(RepositoryFacts facts) =>
        !facts.IsOpened && facts.History.Waiting(facts.Now) is { } wait ? wait with { IsReady = false } : null;

    private static RunDecision? Unopened(RepositoryFacts facts)
    {
        if (facts.IsOpened)
        {
            return null;
        }

        var slot = Whole(facts.Created);
        return new RunDecision.Start(new RunOrder(RunKind.Create, slot, NextAttempt(facts, RunKind.Create, slot, facts.History.Runs), facts.History.RetryAfter ?? facts.Created));
    }

    private static RunDecision? Requested(RepositoryFacts facts) =>
        facts.Request is { } request
            ? new RunDecision.Start(new RunOrder(RunKind.Check, Whole(facts.Now), 1, facts.Now) { Request = request })
            : null;

    private static RunDecision? MaintenanceDue(RepositoryFacts facts) => facts.IsOwnedElsewhere ? null : Due(facts, RunKind.Maintain, facts.Maintenance, facts.Known.Maintenance);

    private static RunDecision? CheckDue(RepositoryFacts facts) => Due(facts, RunKind.Check, facts.Check, facts.Known.Check);

    private static RunDecision? Due(RepositoryFacts facts, RunKind kind, EffectiveSchedule? schedule, RecurringStatus? status)
    {
        if (Retry(status, facts) is { } retry && status!.Runs![0].Slot is { } slot)
        {
            return retry <= facts.Now && schedule?.IsOpen(facts.Now) != false
                ? new RunDecision.Start(new RunOrder(kind, slot, NextAttempt(facts, kind, slot, status.Runs), retry))
                : null;
        }

        return Missed(schedule, status, facts) is var (due, release) && release <= facts.Now && schedule!.IsOpen(facts.Now)
            ? new RunDecision.Start(new RunOrder(kind, due.Time, NextAttempt(facts, kind, due.Time, status?.Runs ?? []), due.Due))
            : null;
    }

    /// <summary>The slot that is due, and when it may begin.</summary>
    private static (Slot Slot, DateTimeOffset Release)? Missed(EffectiveSchedule? schedule, RecurringStatus? status, RepositoryFacts facts) =>
        schedule?.LatestDue(After(status, facts), facts.Now) is { } due ? (due, schedule.ReleaseOf(due, facts.StartedAt, status?.NextTime, facts.Now)) : null;

    /// <summary>What paused goes on, what failed for a passing reason is tried again; damage and refusals wait for the next slot.</summary>
    private static DateTimeOffset? Retry(RecurringStatus? status, RepositoryFacts facts)
    {
        if (status?.Runs is not { Count: > 0 } runs || runs[0] is not { CompletionTime: { } ended } newest)
        {
            return null;
        }

        if (ended > facts.Now)
        {
            ended = facts.Now; // a clock was set back
        }

        return newest.Outcome switch
        {
            Outcomes.Paused => ended,
            Outcomes.Lost or Outcomes.Cancelled => ended + BackOff.First,
            Outcomes.Failed when Passing(newest.Reason) => ended + BackOff.After(Math.Max(1, status.ConsecutiveFailures ?? 1), facts.Repository.Metadata.Uid),
            _ => null,
        };
    }

    private static bool Passing(string? reason) =>
        ErrorCatalogue.All.FirstOrDefault(error => error.Code == reason) is { } known
            ? ExitCodes.Find((int)known.ExitCode)?.Retry is RetryClass.BackOff or null
            : ExitCodes.All.FirstOrDefault(row => row.Reason == reason)?.Retry is RetryClass.BackOff or null;

    private static DateTimeOffset After(RecurringStatus? status, RepositoryFacts facts) => RunHistory.SeenUntil(status?.Runs, facts.Created, facts.Now);

    private static IReadOnlyList<RunRecord>? RunsOf(RunKind kind, RepositoryFacts facts) => kind switch
    {
        RunKind.Maintain => facts.Known.Maintenance?.Runs,
        RunKind.Check => facts.Known.Check?.Runs,
        _ => facts.History.Runs,
    };

    private static int NextAttempt(RepositoryFacts facts, RunKind kind, DateTimeOffset slot, IReadOnlyList<RunRecord> runs) =>
        1 + runs.Where(run => run.Slot == slot && run.Kind == RunHistory.KindName(kind)).Select(run => run.Attempt ?? 1)
            .Concat(facts.Jobs.Where(job => job.Kind == kind && job.Slot == slot).Select(job => job.Attempt))
            .DefaultIfEmpty(0)
            .Max();

    private static DateTimeOffset Whole(DateTimeOffset time) => DateTimeOffset.FromUnixTimeSeconds(time.ToUnixTimeSeconds());
}
