using System.Globalization;
using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Jobs;
using KlosetOperator.Runs;
using KlosetOperator.Runtime.Apply;

namespace KlosetOperator.Backups;

/// <summary>The status of a PhotoBackup from the facts and the decision, and when time alone will change it. Pure.</summary>
internal static class BackupStatuses
{
    private static readonly TimeSpan TakeoutObjective = TimeSpan.FromDays(75);
    private static readonly TimeSpan LibraryObjective = TimeSpan.FromHours(36);

    /// <param name="status">What is known, with the results of ended runs applied.</param>
    public static PhotoBackupStatus Build(BackupFacts facts, PhotoBackupStatus status, RunStep step, DateTimeOffset? tokenEnds)
    {
        var backup = facts.Backup;
        var actions = BackupActions.All(facts, status, step, tokenEnds);
        var result = status with
        {
            ObservedGeneration = backup.Metadata.Generation,
            EffectiveSchedule = facts.Schedule is { } schedule ? Describe(backup.Spec, schedule) : null,
            ConsecutiveFailures = facts.History.ConsecutiveFailures,
            RetryAfter = facts.History.RetryAfter,
            StalledOn = facts.History.StalledOn,
            Runs = facts.History.Runs.Count > 0 ? facts.History.Runs : null,
            Actions = actions.Count > 0 ? actions : null,
            Active = step.Active,
            Picker = step.Active?.Asks is { Kind: BackupActions.PickPhotos } asks ? new PickerStatus { Uri = asks.Url, Expires = asks.Deadline } : null,
            Handled = Handled(facts),
            NextRunTime = NextRun(facts, step.Shown),
        };
        return result with { Conditions = Conditions(facts, result, step) };
    }

    public static TimeSpan? Objective(PhotoBackupSpec spec) => spec switch
    {
        { Objective.MaxAge: { } age } => GoDuration.Parse(age),
        { Source.Takeout: not null } => TakeoutObjective,
        { Source.Library: not null } => LibraryObjective,
        _ => null,
    };

    /// <summary>The next moment at which the status changes without anything else changing.</summary>
    public static DateTimeOffset? NextDeadline(BackupFacts facts, PhotoBackupStatus status, DateTimeOffset? tokenEnds)
    {
        var moments = new[]
        {
            status.NextRunTime,
            status.CoveredThrough is { } covered && Objective(facts.Backup.Spec) is { } age ? covered + age + TimeSpan.FromSeconds(1) : null,
            status.Exports?.ScheduleEnds - BackupActions.WarnOfScheduleEnd,
            tokenEnds - BackupActions.WarnOfTokenEnd,
        };
        return moments.Where(moment => moment > facts.Now).Min();
    }

    private static string Describe(PhotoBackupSpec spec, Schedules.EffectiveSchedule schedule)
    {
        if (spec.Source.Picker is not null)
        {
            return "on request";
        }

        var text = schedule.Text + (schedule.Jitter > TimeSpan.Zero ? $" +{GoDuration.Format(schedule.Jitter)}" : "");
        return spec.Schedule?.Windows is { Count: > 0 } windows ? $"{text} in {string.Join(", ", windows.Select(window => $"{window.From}-{window.To}"))}" : text;
    }

    private static HandledRequests? Handled(BackupFacts facts)
    {
        var before = facts.Backup.Status?.Handled;
        var wanted = StallMark.Annotation(facts.Backup.Metadata, Annotations.Run);
        var run = wanted is not null && facts.Jobs.Any(job => job.Request == wanted) ? wanted : before?.Run;
        var retry = StallMark.Annotation(facts.Backup.Metadata, Annotations.Retry) ?? before?.Retry;
        var forget = facts.ApprovedForget is { } hash && facts.Jobs.Any(job => job.Request == BackupFacts.ApprovalOf(hash)) ? hash : before?.ApproveForget;
        return run is null && retry is null && forget is null ? null : new HandledRequests { Run = run, Retry = retry, ApproveForget = forget };
    }

    private static DateTimeOffset? NextRun(BackupFacts facts, RunDecision decision) => decision switch
    {
        RunDecision.Wait { Reason: Reasons.Suspended or Reasons.WaitingForRequest } => null,
        RunDecision.Wait { Until: { } until } => until,
        RunDecision.Stop => null,
        _ when facts.Backup.Spec.Source.Picker is not null => null,
        _ => facts.Schedule?.NextDue(facts.Created, facts.Now)?.Due,
    };

    private static IReadOnlyList<V1Condition> Conditions(BackupFacts facts, PhotoBackupStatus status, RunStep step)
    {
        var conditions = new Conditions(facts.Backup.Status?.Conditions, facts.Backup.Metadata.Generation, facts.Now);
        SetReady(conditions, facts, status, step.Decision);
        SetProtected(conditions, facts, status);
        SetComplete(conditions, facts.Backup, status);
        RunConditions.SetRunning(conditions, step.Shown);
        RunConditions.SetActionRequired(conditions, status.Actions);
        return [.. conditions.ToList()];
    }

    private static void SetReady(Conditions conditions, BackupFacts facts, PhotoBackupStatus status, RunDecision decision) => _ = decision switch
    {
        RunDecision.Stop stop => conditions.Set(ConditionTypes.Ready, false, stop.Reason, stop.Message).MarkStalled(stop.Reason, stop.Message),
        RunDecision.Wait { IsReady: false } wait => NotReady(conditions, wait.Reason, wait.Message),

        // While it is looked for again, it is still not found.
        RunDecision.Follow or RunDecision.Start when facts.IsHistoryMissing => NotReady(conditions, Reasons.HistoryMissing, facts.History.Newest!.Message ?? ""),
        RunDecision.Wait { Reason: Reasons.Suspended } wait => conditions.Set(ConditionTypes.Ready, true, wait.Reason, wait.Message).MarkSettled(),
        _ => conditions.Set(ConditionTypes.Ready, true, Reasons.Armed, $"Looks at the source by the schedule {status.EffectiveSchedule}.").MarkSettled(),
    };

    private static Conditions NotReady(Conditions conditions, string reason, string message) =>
        conditions.Set(ConditionTypes.Ready, false, reason, message).MarkReconciling(reason, message);

    private static void SetProtected(Conditions conditions, BackupFacts facts, PhotoBackupStatus status)
    {
        if (facts.IsHistoryMissing)
        {
            conditions.Set(ConditionTypes.Protected, false, Reasons.HistoryMissing, "The repository that spec.repositoryRef names does not hold what was backed up.");
        }
        else if (Objective(facts.Backup.Spec) is not { } age)
        {
            conditions.Set(ConditionTypes.Protected, null, Reasons.NeverCovered, "A picker holds what was picked; without spec.objective nothing can be said.");
        }
        else if (status.CoveredThrough is not { } covered)
        {
            conditions.Set(ConditionTypes.Protected, false, Reasons.NeverCovered, NeverCovered(status));
        }
        else if (facts.Now - covered <= age)
        {
            conditions.Set(ConditionTypes.Protected, true, Reasons.WithinObjective, $"Covered through {Messages.Time(covered)}; good until {Messages.Time(covered + age)}.");
        }
        else
        {
            conditions.Set(
                ConditionTypes.Protected, false, Reasons.ObjectiveMissed,
                $"Covered through {Messages.Time(covered)} only, which is older than {GoDuration.Format(age)}. {Remedy(facts.Backup.Spec, status)}");
        }
    }

    private static string NeverCovered(PhotoBackupStatus status) => (status.LastCheckedTime, status.Library) switch
    {
        (null, null) => "Nothing is backed up yet.",
        (null, _) => "What has come so far is saved; it protects once an export is whole.",
        (_, null) => "No export has come yet: make an export of everything.",
        _ => "No unbroken chain of exports yet: make an export of everything.",
    };

    private static string Remedy(PhotoBackupSpec spec, PhotoBackupStatus status) =>
        status.ConsecutiveFailures > 0 ? "Runs fail: see status.runs."
        : spec.Source.Takeout is not null ? "No newer export has come: look at Google's schedule of exports."
        : "See status.runs.";

    private static void SetComplete(Conditions conditions, PhotoBackup backup, PhotoBackupStatus status)
    {
        var library = status.Library;
        if (library?.Shrunk == true)
        {
            conditions.Set(ConditionTypes.Complete, false, Reasons.LibraryShrunk, "The source suddenly holds far less than the library. What is held stays, and nothing is forgotten; status.actions says where to look.");
        }
        else if (library is { Missing: > 0 })
        {
            var accepted = library.GapHash is { Length: > 0 } hash && StallMark.Annotation(backup.Metadata, Annotations.AcceptGap) == hash;
            var names = library.MissingNames is { Count: > 0 } some ? ": " + string.Join(", ", some) : "";
            conditions.Set(
                ConditionTypes.Complete, accepted, accepted ? Reasons.GapAccepted : Reasons.ItemsMissing,
                string.Create(CultureInfo.InvariantCulture, $"{library.Missing} missing{names}"));
        }
        else if (status.Runs?.FirstOrDefault(run => run.Outcome is Outcomes.Succeeded or Outcomes.NothingNew or Outcomes.Waiting or Outcomes.Incomplete) is { Outcome: Outcomes.Incomplete } run)
        {
            conditions.Set(ConditionTypes.Complete, false, run.Reason ?? Reasons.ItemsMissing, run.Message ?? "");
        }
        else if (library is null && status.LastSuccessTime is null)
        {
            conditions.Set(ConditionTypes.Complete, null, Reasons.NoSnapshot, "Nothing is backed up yet.");
        }
        else
        {
            conditions.Set(ConditionTypes.Complete, true, Reasons.NothingMissing, "Nothing is known to be missing.");
        }
    }
}
