using GooglePhotos.Takeout.Archives;
using Kloset.Repositories;
using Kloset.Retention;
using Kloset.Storage;
using KlosetWorker.Access;
using KlosetWorker.Backups;
using KlosetWorker.Commands;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Maintenance;
using KlosetWorker.Retention;
using KlosetWorker.Takeout;

namespace KlosetWorker.Running;

/// <summary>Backs up the source of one account.</summary>
internal sealed class BackupRun(RunContext context) : IRun
{
    public async Task<RunEnd> ExecuteAsync()
    {
        var backup = context.Order.Backup!;
        var request = Request(backup);
        context.Tracker.Phase = "Enumerating";

        // Look first, open later: an unchanged listing ends the run before a key is derived.
        if (request.Source is TakeoutSource takeout && backup.IngestedDigest is { } ingested
            && (await TakeoutLocations.ListAsync(takeout, context.Control.Abort)).Digest(request.AcceptedGaps) == ingested)
        {
            return new(new() { RunId = context.Order.RunId, Outcome = RunOutcome.NothingNew, Reason = "NothingNew", IngestedDigest = ingested }, ExitCode.Ok);
        }

        context.Tracker.Phase = "Opening";
        await using var open = await context.OpenAsync();
        var report = await context.WaitForLockAsync(
            () => new Backup(open, context.Host.Time, context.Tracker).RunAsync(request, context.Control.Stop, context.Control.Abort));
        var retention = await RetainAsync(open, report, request);
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
            Library = (report.Library ?? new LibraryTotals(report.Files, report.Bytes, report.Errors)) with { Shrunk = retention.Report?.Shrunk is not null },
            Forget = retention.Report is { } forget && (forget.Forgotten.Count > 0 || forget.Waiting is not null)
                ? new(forget.Forgotten.Count, forget.WaitingSnapshots.Count, forget.Waiting)
                : null,
            Exports = report.Exports,
            Actions = Approval(retention.Report).Concat(report.Actions).Take(5).ToArray() is { Length: > 0 } actions ? actions : null,
            Warnings = retention.Warnings.Concat(report.Warnings).Take(5).ToArray() is { Length: > 0 } warnings ? warnings : null,
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

    /// <summary>
    /// Forgets what the policy does not keep, once a backup went well; and prolongs the object locks of what is kept. The backup is saved by then,
    /// so that what goes wrong here is told and tried again by the next run.
    /// </summary>
    private async Task<(RetentionReport? Report, IReadOnlyList<string> Warnings)> RetainAsync(OpenRepository open, BackupReport report, BackupRequest request)
    {
        var warnings = new List<string>();
        try
        {
            await open.Repository.ExtendObjectLocksAsync(context.Control.Abort);
            if (report.Outcome is not (RunOutcome.Succeeded or RunOutcome.NothingNew))
            {
                return (null, warnings);
            }

            if (await Ownership.FindOtherAsync(open.Store, context.Order.Repository.Owner, takeOver: false, context.Host.Time, context.Control.Abort) is { } owner)
            {
                warnings.Add($"Nothing was forgotten: {owner} forgets and maintains this repository.");
                return (null, warnings);
            }

            context.Tracker.Phase = "Forgetting";
            var backup = context.Order.Backup!;
            var retention = await new LineageRetention(open.Repository, context.Host.Time).ApplyAsync(
                new()
                {
                    Lineage = Lineage.Of(request),
                    Policy = Policy(backup.Retention),
                    Approved = backup.ApprovedForget is { } hash ? [hash] : [],
                    Added = report.Outcome == RunOutcome.Succeeded ? 1 : 0,
                },
                context.Control.Abort);
            if (retention.Shrunk is { } shrunk)
            {
                warnings.Add($"Nothing complete was forgotten, because {shrunk}.");
            }

            return (retention, warnings);
        }
        catch (Exception exception) when (exception is StoreException or RepositoryException)
        {
            warnings.Add($"The backup is saved, but tidying up behind it failed: {exception.Message}");
            return (null, warnings);
        }
    }

    private static RetentionPolicy? Policy(RunRetention? retention) => retention is null ? null : new()
    {
        KeepLast = retention.KeepLast,
        KeepHourly = retention.KeepHourly,
        KeepDaily = retention.KeepDaily,
        KeepWeekly = retention.KeepWeekly,
        KeepMonthly = retention.KeepMonthly,
        KeepYearly = retention.KeepYearly,
        KeepWithin = retention.KeepWithin is { Length: > 0 } within ? RetentionPolicy.ParsePeriod(within) : TimeSpan.Zero,
    };

    /// <summary>The question to a person, when forgetting waits for an answer.</summary>
    private static IEnumerable<RunAction> Approval(RetentionReport? retention)
    {
        if (retention is { Waiting: { } hash })
        {
            yield return new("ApproveForget", $"{ForgetCommand.Question(retention)} When that is meant, set the annotation kloset.dev/approve-forget: {hash}");
        }
    }
}
