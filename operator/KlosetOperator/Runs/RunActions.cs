using KlosetOperator.Api;

namespace KlosetOperator.Runs;

/// <summary>What a person must do so that the runs of an object can go on. The same for all kinds. Pure.</summary>
internal static class RunActions
{
    public const string FixConfiguration = "FixConfiguration";
    public const string FreeSpace = "FreeSpace";

    /// <summary>What was put right outside the cluster, nobody tells the operator.</summary>
    public const string AfterwardsRetry = $" If that changes neither the spec nor a Secret, set the annotation {Annotations.Retry} to a new value afterwards.";

    /// <summary>Null when the runs need nobody.</summary>
    public static ActionStatus? Of(RunDecision decision, RunHistory history) => decision switch
    {
        RunDecision.Stop stop => Action(FixConfiguration, stop.Message + AfterwardsRetry),
        RunDecision.Follow { Job: { IsStuck: true } stuck } => Action(FixConfiguration, stuck.Message),
        RunDecision.Wait
        {
            Reason: Reasons.SecretMissing or Reasons.ConfigMapMissing or Reasons.ClaimMissing or Reasons.RepositoryMissing or Reasons.BackupMissing,
        } wait => Action(FixConfiguration, wait.Message),

        // While it is tried again, too: a try changes nothing about it.
        _ when history is { IsPending: true, Newest: { Reason: "TargetFull" } full } => Action(FreeSpace, full.Message ?? ""),
        _ when history is { IsPending: true, Newest: { Reason: Reasons.OutOfMemory } killed } => Action(FixConfiguration, killed.Message ?? ""),
        _ => null,
    };

    private static ActionStatus Action(string kind, string message) => new() { Kind = kind, Message = Messages.Cap(message) };
}
