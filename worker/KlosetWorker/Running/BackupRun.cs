using GooglePhotos.Takeout.Archives;
using KlosetWorker.Backups;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Takeout;

namespace KlosetWorker.Running;

/// <summary>Backs up the source of one account.</summary>
internal sealed class BackupRun(RunContext context) : IRun
{
    public async Task<RunEnd> ExecuteAsync()
    {
        context.RefuseImmutability();
        var backup = context.Order.Backup!;
        var request = Request(backup);
        context.Tracker.Phase = "Enumerating";

        // Look first, open later: an unchanged listing ends the run before a key is derived.
        if (request.Source is TakeoutSource takeout && backup.IngestedDigest is { } ingested
            && (await TakeoutLocations.ListAsync(takeout, context.Control.Abort)).Digest == ingested)
        {
            return new(new() { RunId = context.Order.RunId, Outcome = RunOutcome.NothingNew, Reason = "NothingNew", IngestedDigest = ingested }, ExitCode.Ok);
        }

        context.Tracker.Phase = "Opening";
        await using var open = await context.OpenAsync();
        var report = await context.WaitForLockAsync(
            () => new Backup(open, context.Host.Time, context.Tracker).RunAsync(request, context.Control.Stop, context.Control.Abort));
        var error = report.Outcome == RunOutcome.Paused ? ErrorCatalogue.Paused : report.Error;
        var result = new RunResult
        {
            RunId = context.Order.RunId,
            Outcome = report.Outcome,
            Reason = error?.Code ?? (report.Outcome == RunOutcome.NothingNew ? "NothingNew" : "Succeeded"),
            Message = report.Message,
            Hint = error?.Remedy,
            SnapshotId = report.SnapshotId,
            IngestedDigest = report.IngestedDigest,
            Library = report.Library ?? new LibraryTotals(report.Files, report.Bytes, report.Errors),
            Exports = report.Exports,
            Actions = report.Actions.Count > 0 ? [.. report.Actions.Take(5)] : null,
            Warnings = Ignored().Concat(report.Warnings).Take(5).ToArray() is { Length: > 0 } warnings ? warnings : null,
            ResumeAfter = report.ResumeAfter,
            Transfer = new(report.BytesRead, report.BytesStored, request.Source is FolderSource ? report.FilesRead : report.ItemsNew, open.Store.Counters.Requests, context.Tracker.Elapsed.TotalSeconds),
        };
        return new(await context.DescribeAsync(open, result), error?.ExitCode ?? ExitCode.Ok);
    }

    private BackupRequest Request(RunBackup backup) => new()
    {
        Source = Source(backup),
        Origin = context.Order.Account!.Id,
        Email = context.Order.Account.Email,
        RunId = context.Order.RunId,
        IngestedDigest = backup.IngestedDigest,
        Selection = backup.Selection,
        AcceptedGaps = backup.AcceptedGaps ?? [],
        CacheFolder = context.CacheFolder,
    };

    private BackupSource Source(RunBackup backup) => backup switch
    {
        { Folder: { } folder } => new FolderSource(Folder(folder)),
        { Takeout: { } locations } => new TakeoutSource([.. locations.Select(Storage)], TimeSpan.FromSeconds(backup.SettleSeconds)),
        _ => throw new WorkerException(ErrorCatalogue.Unsupported, "This worker cannot read the Library or the Picker API."),
    };

    private ITakeoutStorage Storage(RunLocation location) => location switch
    {
        { Volume: { } volume } => new LocalTakeoutStorage(Folder(volume)),
        { S3: { } s3 } => new StoreTakeoutStorage(context.OpenBucket(s3)),
        _ => throw new WorkerException(ErrorCatalogue.Unsupported, "This worker cannot read Google Drive."),
    };

    private string Folder(RunVolume volume)
    {
        var path = context.Volumes.Resolve(volume);
        return Directory.Exists(path)
            ? path
            : throw new WorkerException(ErrorCatalogue.SourceNotFound, $"The volume '{volume.Name}' has no folder {volume.Path}.");
    }

    /// <summary>What was asked for and is not done, where leaving it undone loses nothing.</summary>
    private IEnumerable<string> Ignored()
    {
        if (context.Order.Backup?.Retention is not null)
        {
            yield return "Retention is not applied by this worker: every snapshot is kept.";
        }
    }
}
