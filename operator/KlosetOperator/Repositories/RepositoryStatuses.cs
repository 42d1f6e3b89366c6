using System.Globalization;
using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Jobs;
using KlosetOperator.Runs;
using KlosetOperator.Runtime.Apply;
using KlosetWorker.Contract;

namespace KlosetOperator.Repositories;

/// <summary>What runs change in the status of a KlosetRepository, and the status from facts and decision. Pure.</summary>
internal static class RepositoryStatuses
{
    public const int RingSize = 3;

    /// <summary>Maintenance and checks that did not succeed for this long are overdue, whatever their schedules say.</summary>
    private static readonly TimeSpan Overdue = TimeSpan.FromDays(35);

    /// <summary>A Job of the repository itself ended.</summary>
    public static KlosetRepositoryStatus Apply(KlosetRepositoryStatus status, JobView job, Verdict verdict) => job.Kind switch
    {
        RunKind.Maintain => status with { Maintenance = Fold(status.Maintenance, job, verdict) },
        RunKind.Check => status with { Check = Fold(status.Check, job, verdict) },
        RunKind.Create when verdict.Outcome == Outcomes.Succeeded && verdict.Result?.RepositoryId is { } id =>
            status with { RepositoryID = id.ToString(), Location = job.Location, KeyFingerprint = verdict.Result.KeyFingerprint ?? status.KeyFingerprint },
        _ => status,
    };

    public static bool Knows(KlosetRepositoryStatus status, RunHistory creation, JobView job) => job.Kind switch
    {
        RunKind.Maintain => RunHistory.IsRecorded(status.Maintenance?.Runs, job),
        RunKind.Check => RunHistory.IsRecorded(status.Check?.Runs, job),
        _ => creation.Knows(job),
    };

    /// <summary>Any Job on the repository, of whatever object, may bring newer totals.</summary>
    public static KlosetRepositoryStatus WithTotals(KlosetRepositoryStatus status, RunResult? newest) => newest?.Repository is { } totals
        ? status with
        {
            Totals = new RepositoryTotalsStatus
            {
                Snapshots = totals.Snapshots,
                Packfiles = totals.Packfiles,
                StoredBytes = totals.StoredBytes,
                Stored = Messages.Bytes(totals.StoredBytes),
            },
            KeyFingerprint = newest.KeyFingerprint ?? status.KeyFingerprint,
            Owner = totals.Owner,
        }
        : status;

    public static KlosetRepositoryStatus Build(RepositoryFacts facts, RunStep step, DateTimeOffset? breaker)
    {
        var known = facts.Known;
        var wanted = StallMark.Annotation(facts.Repository.Metadata, Annotations.Run);
        var handled = new HandledRequests
        {
            Run = wanted is not null && facts.Jobs.Any(job => job.Request == wanted) ? wanted : facts.Repository.Status?.Handled?.Run,
            Retry = StallMark.Annotation(facts.Repository.Metadata, Annotations.Retry) ?? facts.Repository.Status?.Handled?.Retry,
        };
        var status = known with
        {
            ObservedGeneration = facts.Repository.Metadata.Generation,
            Active = step.Active,
            BreakerOpenSince = breaker,
            Runs = facts.History.Runs.Count > 0 ? facts.History.Runs : null,
            ConsecutiveFailures = facts.History.ConsecutiveFailures,
            RetryAfter = facts.History.RetryAfter,
            StalledOn = facts.History.StalledOn,
            Handled = handled.Run is null && handled.Retry is null ? null : handled,
            Maintenance = (known.Maintenance ?? new RecurringStatus()) with { NextTime = RepositoryPlanner.NextMaintenance(facts) },
            Check = (known.Check ?? new RecurringStatus()) with { NextTime = RepositoryPlanner.Next(facts.Check, known.Check, facts) },
            Actions = RunActions.Of(step.Decision, facts.History) is { } action ? [action]
                : IsDamaged(known) ? [new ActionStatus { Kind = "RepairRepository", Message = known.Check!.Runs![0].Message }]
                : null,
        };
        return status with { Conditions = Conditions(facts, status, step) };
    }

    /// <summary>When something becomes overdue.</summary>
    public static DateTimeOffset? NextDeadline(RepositoryFacts facts) =>
        new[] { facts.Known.Maintenance, facts.Known.Check }
            .Select(status => (DateTimeOffset?)((status?.LastSuccessTime ?? facts.Created) + Overdue + TimeSpan.FromSeconds(1)))
            .Where(moment => moment > facts.Now)
            .Min();

    private static RecurringStatus Fold(RecurringStatus? before, JobView job, Verdict verdict)
    {
        var status = before ?? new RecurringStatus();
        var end = job.End!;
        var good = verdict.Outcome is Outcomes.Succeeded or Outcomes.NothingNew;
        var neutral = verdict.Outcome is Outcomes.Paused or Outcomes.Cancelled;
        return status with
        {
            LastTime = end.Time,
            LastSuccessTime = good ? end.Time : status.LastSuccessTime,
            ConsecutiveFailures = good ? 0 : neutral ? status.ConsecutiveFailures : (status.ConsecutiveFailures ?? 0) + 1,
            Runs =
            [
                new RunRecord
                {
                    Id = job.RunId,
                    Kind = RunHistory.KindName(job.Kind),
                    Slot = job.Slot,
                    Attempt = job.Attempt,
                    Sequence = job.Sequence ?? RunHistory.NextAfter(status.Runs),
                    StartTime = job.Created,
                    CompletionTime = end.Time,
                    Outcome = verdict.Outcome,
                    Reason = verdict.Reason,
                    Message = Messages.Cap(verdict.Message),
                    BytesRead = verdict.Result?.Check?.BytesRead ?? verdict.Result?.Transfer?.BytesRead,
                    StorageRequests = verdict.Result?.Transfer?.StorageRequests,
                },
                .. (status.Runs ?? []).Take(RingSize - 1),
            ],
        };
    }

    private static bool IsDamaged(KlosetRepositoryStatus status) =>
        status.Check?.Runs is { Count: > 0 } runs && runs[0] is { Outcome: Outcomes.Failed, Reason: "RepositoryDamaged" };

    private static IReadOnlyList<V1Condition> Conditions(RepositoryFacts facts, KlosetRepositoryStatus status, RunStep step)
    {
        var conditions = new Conditions(facts.Repository.Status?.Conditions, facts.Repository.Metadata.Generation, facts.Now);
        switch (step.Shown)
        {
            case RunDecision.Stop stop:
                conditions.Set(ConditionTypes.Ready, false, stop.Reason, stop.Message).MarkStalled(stop.Reason, stop.Message);
                break;
            case RunDecision.Wait { IsReady: false } wait:
                var why = facts.History.Newest is { Outcome: Outcomes.Failed } failed && wait.Reason == Reasons.BackingOff ? (failed.Reason!, failed.Message!) : (wait.Reason, wait.Message);
                conditions.Set(ConditionTypes.Ready, false, why.Item1, why.Item2).MarkReconciling(wait.Reason, wait.Message);
                break;
            case var other when !facts.IsOpened:
                var (reason, message) = other switch
                {
                    // A pod that cannot begin says more than anything that was before.
                    RunDecision.Follow { Job: { IsStuck: true } stuck } => (stuck.Reason, stuck.Message),

                    // While it is tried again, why it did not work the last time says more than that it is tried.
                    RunDecision.Follow when facts.History.Newest is { Outcome: Outcomes.Failed } last => (last.Reason ?? Reasons.Initialising, last.Message ?? ""),
                    RunDecision.Follow follow => (Reasons.Initialising, follow.Job.Message.Length > 0 ? follow.Job.Message : "The repository is being created or adopted."),
                    RunDecision.Wait wait => (wait.Reason, wait.Message),
                    _ => (Reasons.Initialising, "The repository is being created or adopted."),
                };
                conditions.Set(ConditionTypes.Ready, false, reason, message).MarkReconciling(reason, message);
                break;
            case var _ when status.BreakerOpenSince is { } since:
                conditions.Set(
                    ConditionTypes.Ready, false, Reasons.StoreUnavailable,
                    $"Jobs fail because of the store since {Messages.Time(since)}. One at a time is let through until one succeeds.").MarkReconciling(Reasons.StoreUnavailable, "Waits for the store.");
                break;
            default:
                conditions.Set(ConditionTypes.Ready, true, Reasons.RepositoryOpened, Opened(facts.Repository, status)).MarkSettled();
                break;
        }

        if (facts.IsOwnedElsewhere)
        {
            conditions.Set(
                ConditionTypes.Maintained, null, Reasons.OwnedElsewhere,
                Messages.Cap($"{status.Owner} forgets and maintains this repository; this cluster ({facts.Self}) backs up, checks and restores only. To take over, set the annotation {Annotations.TakeOver}: {status.Owner}"));
        }
        else
        {
            Recurring(conditions, ConditionTypes.Maintained, status.Maintenance, facts, "Maintenance");
        }

        if (IsDamaged(status))
        {
            conditions.Set(ConditionTypes.Verified, false, Reasons.DamageFound, status.Check!.Runs![0].Message ?? "The check found damage.");
        }
        else
        {
            Recurring(conditions, ConditionTypes.Verified, status.Check, facts, "The check");
        }

        RunConditions.SetRunning(conditions, step.Shown);
        RunConditions.SetActionRequired(conditions, status.Actions);
        return [.. conditions.ToList()];
    }

    private static string Opened(KlosetRepository repository, KlosetRepositoryStatus status)
    {
        var text = $"Repository {status.RepositoryID} can be used.";
        return repository.Spec.Encryption.Mode == EncryptionMode.None
            ? text + " It is not encrypted."
            : status.KeyFingerprint is { Length: > 0 } fingerprint && StallMark.Annotation(repository.Metadata, Annotations.PassphraseConfirmed) == fingerprint
                ? text
                : text + $" The passphrase is not confirmed outside the cluster. With your copy of it run `kloset recovery-kit`, and repeat the key's fingerprint in the annotation {Annotations.PassphraseConfirmed}.";
    }

    private static void Recurring(Conditions conditions, string type, RecurringStatus? status, RepositoryFacts facts, string what)
    {
        if (status?.Runs is { Count: > 0 } runs && runs[0].Outcome is Outcomes.Failed or Outcomes.Incomplete or Outcomes.Lost && status.Runs[0] is { } newest)
        {
            conditions.Set(type, false, newest.Reason ?? Reasons.Overdue, newest.Message ?? $"{what} failed.");
        }
        else if (facts.Now - (status?.LastSuccessTime ?? facts.Created) > Overdue)
        {
            conditions.Set(type, false, Reasons.Overdue, string.Create(CultureInfo.InvariantCulture, $"{what} did not succeed for {Overdue.Days} days."));
        }
        else
        {
            conditions.Set(
                type, status?.LastSuccessTime is null ? null : true, status?.LastSuccessTime is null ? Reasons.Pending : Reasons.UpToDate,
                status?.LastSuccessTime is null ? $"{what} was not due yet." : $"{what} succeeded.");
        }
    }
}
