using System.Globalization;
using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Jobs;
using KlosetOperator.Runs;
using KlosetOperator.Runtime.Apply;
using KlosetWorker.Contract;

namespace KlosetOperator.Restores;

/// <summary>What runs change in the status of a PhotoRestore, and the status from facts and decision. Pure.</summary>
internal static class RestoreStatuses
{
    /// <summary>
    /// A restore has no next slot and writes no snapshot: what is incomplete waits for a person, and what got lost is done
    /// again, which the worker's journal makes harmless.
    /// </summary>
    public static Verdict Strict(Verdict verdict) => verdict switch
    {
        { Outcome: Outcomes.Lost } => verdict with { Outcome = Outcomes.Failed, Retry = RetryClass.BackOff },
        { Retry: RetryClass.NextSlot } => verdict with { Retry = RetryClass.Terminal },
        { Retry: RetryClass.Approval, Result.Plan: null } => verdict with { Retry = RetryClass.Terminal }, // nothing to approve
        _ => verdict,
    };

    public static PhotoRestoreStatus Apply(PhotoRestoreStatus status, PhotoRestore restore, Verdict verdict, DateTimeOffset time)
    {
        var result = verdict.Result;
        var wasPlan = restore.Spec.Target.GooglePhotos is not null && status.Plan is null;
        var resolved = result?.SnapshotId is { Length: > 0 } id
            ? (status.Resolved ?? new ResolvedSnapshot()) with { SnapshotID = id, Snapshot = id.Length > 8 ? id[..8] : id }
            : status.Resolved;
        return status with
        {
            Resolved = resolved,
            Plan = result?.Plan is { } plan
                ? new PlanStatus
                {
                    Items = plan.Items,
                    Bytes = plan.Bytes,
                    Days = plan.Days,
                    LikelyDuplicates = plan.LikelyDuplicates,
                    Losses = plan.Losses?.Take(10).Select(loss => loss.Length <= 512 ? loss : loss[..512]).ToArray(),
                    Hash = plan.Hash,
                }
                : status.Plan,
            Result = result?.Restored is { } restored
                ? new RestoreResultStatus { Items = restored.Items, Bytes = restored.Bytes, Skipped = restored.Skipped, Failed = restored.Failed }
                : status.Result,
            CompletionTime = !wasPlan && verdict.Outcome is Outcomes.Succeeded or Outcomes.NothingNew ? time : status.CompletionTime,
            Actions = result?.Actions is { Count: > 0 } actions
                ? [.. actions.Take(5).Select(action => new ActionStatus { Kind = action.Kind, Message = Messages.Cap(action.Message), Url = action.Url, Deadline = action.Deadline })]
                : null,
        };
    }

    public static PhotoRestoreStatus Build(RestoreFacts facts, RunStep step)
    {
        var (decision, active) = (step.Decision, step.Active);
        var known = facts.Known;
        var cancelled = decision is RunDecision.Wait { Reason: Reasons.Cancelled };
        var completion = known.CompletionTime ?? (cancelled ? facts.Now : null);
        var actions = Actions(facts, step);
        var status = known with
        {
            ObservedGeneration = facts.Restore.Metadata.Generation,
            StartTime = known.StartTime ?? active?.StartTime,
            CompletionTime = completion,
            ConsecutiveFailures = facts.History.ConsecutiveFailures,
            RetryAfter = facts.History.RetryAfter,
            StalledOn = facts.History.StalledOn,
            Runs = facts.History.Runs.Count > 0 ? facts.History.Runs : null,
            Active = active,
            Actions = actions.Count > 0 ? actions : null,
            Progress = Progress(facts, active, completion, cancelled),
            Handled = StallMark.Annotation(facts.Restore.Metadata, Annotations.Retry) is { } retry ? new HandledRequests { Retry = retry } : known.Handled,
        };
        return status with { Conditions = Conditions(facts, status, step, cancelled) };
    }

    private static string? Progress(RestoreFacts facts, ActiveRun? active, DateTimeOffset? completion, bool cancelled) =>
        cancelled ? Reasons.Cancelled
        : completion is not null ? facts.Known.Progress == Reasons.Cancelled ? Reasons.Cancelled : "100 %"
        : active is not null ? ActiveRuns.Percent(active) ?? facts.Known.Progress
        : facts.Known.Progress;

    private static IReadOnlyList<ActionStatus> Actions(RestoreFacts facts, RunStep step) => step.Decision switch
    {
        _ when step.Active?.Asks is { } asks => [asks],
        RunDecision.Wait { Reason: Reasons.WaitingForApproval } wait =>
            [new ActionStatus { Kind = "ApprovePlan", Message = Messages.Cap(wait.Message) }],
        _ when RunActions.Of(step.Decision, facts.History) is { } action => [action],
        _ => facts.Known.CompletionTime is null ? facts.Known.Actions ?? [] : [],
    };

    /// <summary>What the worker said of a restore that succeeded, besides that it did.</summary>
    private static string Remark(RunHistory history) =>
        history.Newest?.Message?.Replace(ExitCodes.Find((int)ExitCode.Ok)!.Meaning, "", StringComparison.Ordinal).Trim() is { Length: > 0 } said ? $" {said}" : "";

    private static IReadOnlyList<V1Condition> Conditions(
        RestoreFacts facts, PhotoRestoreStatus status, RunStep step, bool cancelled)
    {
        var conditions = new Conditions(facts.Restore.Status?.Conditions, facts.Restore.Metadata.Generation, facts.Now);
        var ended = status.CompletionTime is not null;
        cancelled |= ended && status.Progress == Reasons.Cancelled;
        if (cancelled)
        {
            conditions.Set(ConditionTypes.Succeeded, false, Reasons.Cancelled, "The restore was cancelled. What was restored before stays.");
        }
        else if (ended)
        {
            conditions.Set(
                ConditionTypes.Succeeded, true, "Succeeded",
                status.Result is { } result
                    ? string.Create(CultureInfo.InvariantCulture, $"Restored {result.Items} items ({Messages.Bytes(result.Bytes ?? 0)}) of snapshot {status.Resolved?.Snapshot}.{Remark(facts.History)}")
                    : "The restore did what it had to do.");
        }
        else if (step.Decision is RunDecision.Stop failed)
        {
            conditions.Set(ConditionTypes.Succeeded, false, failed.Reason, failed.Message);
        }
        else if (step.Shown is RunDecision.Wait waits)
        {
            // In the column of reasons: a restore that waits must not look like one that works.
            conditions.Set(ConditionTypes.Succeeded, null, waits.Reason, waits.Message);
        }
        else
        {
            conditions.Set(ConditionTypes.Succeeded, null, Reasons.Progressing, "The restore has not ended yet.");
        }

        _ = step.Shown switch
        {
            RunDecision.Stop stop => conditions.Set(ConditionTypes.Ready, false, stop.Reason, stop.Message).MarkStalled(stop.Reason, stop.Message),
            _ when ended => conditions.Set(ConditionTypes.Ready, true, Reasons.Reconciled, "The restore has ended.").MarkSettled(),
            RunDecision.Wait wait => conditions.Set(ConditionTypes.Ready, false, wait.Reason, wait.Message).MarkReconciling(wait.Reason, wait.Message),
            RunDecision.Follow { Job: { IsStuck: true } stuck } => conditions.Set(ConditionTypes.Ready, false, stuck.Reason, stuck.Message).MarkReconciling(stuck.Reason, stuck.Message),
            RunDecision.Follow follow => conditions.Set(ConditionTypes.Ready, false, Reasons.Restoring, "The restore is being made.")
                .MarkReconciling(follow.Job.Reason, follow.Job.Message.Length > 0 ? follow.Job.Message : "The restore is being made."),
            _ => conditions.Set(ConditionTypes.Ready, false, Reasons.Progressing, "The restore has not ended yet.").MarkReconciling(Reasons.Progressing, "The restore has not ended yet."),
        };
        RunConditions.SetRunning(conditions, step.Shown);
        RunConditions.SetActionRequired(conditions, status.Actions);
        return [.. conditions.ToList()];
    }
}
