using KlosetOperator.Api;
using KlosetOperator.Runs;

namespace KlosetOperator.Backups;

/// <summary>What a run's result changes in the status of a PhotoBackup. Pure.</summary>
internal static class BackupResults
{
    public static PhotoBackupStatus Apply(PhotoBackupStatus status, PhotoBackupSpec spec, Verdict verdict, JobView job)
    {
        if (verdict.Result is not { } result)
        {
            return status;
        }

        // One that waits for an approval has saved everything; only forgetting is left.
        var time = job.End!.Time;
        var succeeded = verdict.Outcome is Outcomes.Succeeded or Outcomes.NothingNew or Outcomes.Waiting;
        var looked = succeeded || verdict.Outcome == Outcomes.Incomplete;
        return status with
        {
            LastSuccessTime = succeeded ? time : status.LastSuccessTime,
            LastCheckedTime = looked ? time : status.LastCheckedTime,
            CoveredThrough = spec.Source.Takeout is not null
                ? result.Exports?.CoveredThrough ?? status.CoveredThrough
                : succeeded ? time : status.CoveredThrough,
            RepositoryID = looked ? result.RepositoryId?.ToString() ?? status.RepositoryID : status.RepositoryID,
            RepositoryLocation = looked && result.RepositoryId is not null ? job.Location : status.RepositoryLocation,
            IngestedDigest = result.IngestedDigest ?? status.IngestedDigest,
            Library = result.Library is { } library
                ? new LibraryStatus
                {
                    Items = library.Items,
                    Bytes = library.Bytes,
                    Missing = library.Missing,
                    GapHash = library.GapHash,
                    MissingNames = library.MissingNames?.Take(5).Select(name => Short(name, 512)).ToArray(),
                    Shrunk = library.Shrunk ? true : null,
                }
                : status.Library,
            Exports = result.Exports is { } exports
                ? new ExportsStatus
                {
                    Newest = Short(exports.Newest, 512),
                    Chain = exports.Chain,
                    NextExpected = exports.NextExpected,
                    ScheduleEnds = exports.ScheduleEnds,
                    SafeToDelete = exports.SafeToDelete?.Take(20).Select(name => Short(name, 512)).ToArray(),
                }
                : status.Exports,
            Snapshots = result.Snapshots is { } snapshots
                ? snapshots.Take(10).Select(snapshot => new SnapshotStatus
                {
                    Id = snapshot.Id,
                    Time = snapshot.Time,
                    Items = snapshot.Items,
                    Bytes = snapshot.Bytes,
                    Incomplete = snapshot.Incomplete ? true : null,
                }).ToArray()
                : status.Snapshots,
            Actions = looked || result.Actions is { Count: > 0 } ? BackupActions.FromWorker(result.Actions, spec) : status.Actions,
            Forget = result.Forget is { Waiting: > 0, WaitingHash: { } wave } forget ? new ForgetStatus { Snapshots = forget.Waiting, Hash = wave }
                : result.Library is not null ? null // the repository was opened, and nothing waits any more
                : status.Forget,
        };
    }

    [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(text))]
    private static string? Short(string? text, int most) => text is null || text.Length <= most ? text : text[..most];
}
