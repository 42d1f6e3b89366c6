using System.Globalization;
using KlosetOperator.Api;
using KlosetOperator.Jobs;
using KlosetOperator.Runs;
using KlosetWorker.Contract;

namespace KlosetOperator.Backups;

/// <summary>What a person must do. Some the worker reports, others follow from time and status; warned early. Pure.</summary>
internal static class BackupActions
{
    public const int Most = 5;
    public static readonly TimeSpan WarnOfScheduleEnd = TimeSpan.FromDays(30);
    public static readonly TimeSpan WarnOfTokenEnd = TimeSpan.FromDays(2);

    private const string RenewExportSchedule = "RenewExportSchedule";
    private const string SignIn = "SignIn";
    private const string AcceptGap = "AcceptGap";
    private const string ApproveForget = "ApproveForget";
    private const string MoveHistory = "MoveHistory";
    private const string MakeFullExport = "MakeFullExport";
    private const string LookAtAccount = "LookAtAccount";
    private const string Takeout = "https://takeout.google.com/";
    public const string PickPhotos = "PickPhotos";

    /// <summary>Kinds that are computed here at every look, so that none outlives its cause.</summary>
    private static readonly string[] Own =
        [RenewExportSchedule, RunActions.FixConfiguration, RunActions.FreeSpace, AcceptGap, ApproveForget, MoveHistory, MakeFullExport, LookAtAccount, PickPhotos];

    public static IReadOnlyList<ActionStatus> FromWorker(IReadOnlyList<RunAction>? actions, PhotoBackupSpec spec) =>
        [.. (actions ?? []).Take(Most).Select(action => new ActionStatus
        {
            Kind = action.Kind, Who = Who(spec), Message = Messages.Cap(action.Message), Url = action.Url, Deadline = action.Deadline,
        })];

    /// <param name="tokenEnds">When the credentials of the source end, if their Secret says so.</param>
    public static IReadOnlyList<ActionStatus> All(BackupFacts facts, PhotoBackupStatus status, RunStep step, DateTimeOffset? tokenEnds)
    {
        var (backup, spec, now) = (facts.Backup, facts.Backup.Spec, facts.Now);
        var actions = new List<ActionStatus>();
        if (step.Active?.Asks is { } asks)
        {
            actions.Add(asks with { Who = Who(spec) });
        }

        if (RunActions.Of(step.Decision, facts.History) is { } needed)
        {
            var signIn = step.Decision is RunDecision.Stop { Reason: "Unauthorized" } && spec.Source.Takeout is null;
            actions.Add(signIn ? needed with { Kind = SignIn, Who = Who(spec) } : needed);
        }

        if (facts.IsHistoryMissing)
        {
            actions.Add(new ActionStatus
            {
                Kind = MoveHistory,
                Message = Messages.Cap($"{facts.History.Newest!.Message} To begin anew instead, delete this PhotoBackup and create it again."),
            });
        }

        if (tokenEnds is { } end && now >= end - WarnOfTokenEnd && actions.All(action => action.Kind != SignIn))
        {
            actions.Add(new ActionStatus
            {
                Kind = SignIn,
                Who = Who(spec),
                Deadline = end,
                Message = $"The grant ends on {Messages.Time(end)}: run `kloset login` again and replace the Secret.",
            });
        }

        actions.AddRange((status.Actions ?? []).Where(action => !Own.Contains(action.Kind) && actions.All(other => other.Kind != action.Kind)));
        if (status.Library?.Shrunk == true)
        {
            actions.Add(new ActionStatus
            {
                Kind = LookAtAccount,
                Who = Who(spec),
                Message = "The newest full export shows far less than the library holds. Look at the account: was it emptied or taken over, or was the export made of fewer albums? What is held stays, and nothing is forgotten meanwhile.",
            });
        }

        if (spec.Source.Takeout is not null && status.LastCheckedTime is { } looked && facts.History.ConsecutiveFailures == 0)
        {
            if (status.CoveredThrough is null)
            {
                actions.Add(new ActionStatus
                {
                    Kind = MakeFullExport,
                    Who = Who(spec),
                    Url = Takeout,
                    Message = status.Library is null
                        ? "No export has come yet. Make an export of everything, and after it one every two months for a year; bring its archives to where spec.source looks."
                        : "What was delivered is backed up, and is no unbroken chain from a full export on. Make an export of everything, and after it one every two months for a year.",
                });
            }
            else if (BackupStatuses.Objective(spec) is { } age && status.CoveredThrough + age < looked && !(status.Exports?.ScheduleEnds - WarnOfScheduleEnd <= now))
            {
                actions.Add(new ActionStatus
                {
                    Kind = RenewExportSchedule,
                    Who = Who(spec),
                    Url = Takeout,
                    Message = "No export has come for longer than the objective allows: look whether Google's schedule of exports still runs and whether it delivers here, or make a new one, every two months for a year.",
                });
            }
        }

        if (status.Exports?.ScheduleEnds is { } ends && now >= ends - WarnOfScheduleEnd)
        {
            actions.Add(new ActionStatus
            {
                Kind = RenewExportSchedule,
                Who = Who(spec),
                Deadline = ends,
                Url = Takeout,
                Message = $"Google's schedule of exports ends on {Messages.Day(ends)}: make a new one, every two months for a year.",
            });
        }

        if (status.Library is { Missing: > 0, GapHash: { Length: > 0 } hash } && StallMark.Annotation(backup.Metadata, Annotations.AcceptGap) != hash)
        {
            actions.Add(new ActionStatus
            {
                Kind = AcceptGap,
                Who = Who(spec),
                Message = string.Create(CultureInfo.InvariantCulture,
                    $"{status.Library.Missing} missing: replace what status.library.missingNames lists, or accept the gap with the annotation {Annotations.AcceptGap}: {hash}"),
            });
        }

        if (status.Forget is { Hash: { } wave } forget && StallMark.Annotation(backup.Metadata, Annotations.ApproveForget) != wave)
        {
            actions.Add(new ActionStatus
            {
                Kind = ApproveForget,
                Message = string.Create(CultureInfo.InvariantCulture,
                    $"Retention would forget {forget.Snapshots} snapshots at once. If that is meant, set the annotation {Annotations.ApproveForget}: {wave}"),
            });
        }

        return actions.Count <= Most ? actions : [.. actions.Take(Most)];
    }

    private static string Who(PhotoBackupSpec spec) => spec.Account.Email ?? spec.Account.Id;
}
