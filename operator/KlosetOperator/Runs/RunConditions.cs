using System.Globalization;
using KlosetOperator.Api;
using KlosetOperator.Runtime.Apply;

namespace KlosetOperator.Runs;

/// <summary>The conditions that all kinds with runs have. Pure.</summary>
internal static class RunConditions
{
    /// <summary>`Running`: what is done, or waited for and why.</summary>
    public static void SetRunning(Conditions conditions, RunDecision decision) => _ = decision switch
    {
        RunDecision.Follow { Job: { Phase: JobPhase.Running } job } => conditions.Set(ConditionTypes.Running, true, job.Reason, Attempt(job)),
        RunDecision.Follow { Job: { Phase: JobPhase.Unknown } job } => conditions.Set(ConditionTypes.Running, null, job.Reason, job.Message),
        RunDecision.Follow { Job: { Phase: JobPhase.Suspended or JobPhase.Ending } or { IsStuck: true } } and { Job: var job } => conditions.Set(ConditionTypes.Running, false, job.Reason, job.Message),
        RunDecision.Follow { Job: var job } => conditions.Set(ConditionTypes.Running, true, job.Reason, job.Message),
        RunDecision.Start => conditions.Set(ConditionTypes.Running, true, Reasons.Starting, "The Job is created."),
        RunDecision.Wait wait => conditions.Set(ConditionTypes.Running, false, wait.Reason, wait.Message),
        RunDecision.Stop stop => conditions.Set(ConditionTypes.Running, false, stop.Reason, stop.Message),
        RunDecision.End end => conditions.Set(ConditionTypes.Running, false, Reasons.Cancelled, $"Job '{end.Job.Name}' is being deleted."),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>`ActionRequired`: the first of what a person must do.</summary>
    public static void SetActionRequired(Conditions conditions, IReadOnlyList<ActionStatus>? actions) => conditions.Set(
        ConditionTypes.ActionRequired,
        actions is { Count: > 0 },
        actions is { Count: > 0 } ? actions[0].Kind : Reasons.NothingToDo,
        actions is { Count: > 0 } ? actions[0].Message ?? actions[0].Kind : "Nobody has to do anything.");

    private static string Attempt(JobView job) =>
        string.Create(CultureInfo.InvariantCulture, $"Job '{job.Name}', attempt {job.Attempt} for the slot of {Messages.Time(job.Slot)}.");
}
