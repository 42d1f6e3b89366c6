using GooglePhotos.Credentials;
using GooglePhotos.Drive;
using GooglePhotos.Takeout.Archives;
using Kloset.Repositories;
using Kloset.Retention;
using Kloset.Storage;
using KlosetWorker.Access;
using KlosetWorker.Backups;
using KlosetWorker.Commands;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.GoogleAccounts;
using KlosetWorker.Maintenance;
using KlosetWorker.Retention;
using KlosetWorker.Takeout;

namespace KlosetWorker.Running;

/// <summary>Backs up the source of one account.</summary>
internal sealed class BackupRun(RunContext context) : IRun
{
    private readonly GoogleAccess _google = new(context.Host, context.Tracker);
    private readonly List<RunAction> _warnings = [];

    public async Task<RunEnd> ExecuteAsync()
    {
        var backup = context.Order.Backup!;
        var request = await RequestAsync(backup);
        context.Tracker.Phase = "Enumerating";

        // Look first, open later: an unchanged listing ends the run before a key is derived.
        if (request.Source is TakeoutSource takeout && backup.IngestedDigest is { } ingested
            && (await TakeoutLocations.ListAsync(takeout, context.Control.Abort)).Digest(request.AcceptedGaps) == ingested)
        {
            return new(new() { RunId = context.Order.RunId, Outcome = RunOutcome.NothingNew, Reason = "NothingNew", IngestedDigest = ingested }, ExitCode.Ok);
        }

        context.Tracker.Phase = "Opening";
        await using var open = await context.OpenAsync();
        await RequireHistoryAsync(open, backup.History);
        var report = await context.WaitForLockAsync(
            () => new Backup(open, context.Host.Time, context.Tracker).RunAsync(request, context.Control.Stop, context.Control.Abort));
        var retention = await RetainAsync(open, report, request);
        var error = report.Outcome == RunOutcome.Paused && report.Error is not { ExitCode: ExitCode.Paused } ? ErrorCatalogue.Paused : report.Error;
        var actions = await ActionsAsync(request.Source, report);
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
            Actions = Approval(retention.Report).Concat(actions).Take(5).ToArray() is { Length: > 0 } asked ? asked : null,
            Warnings = retention.Warnings.Concat(report.Warnings).Take(5).ToArray() is { Length: > 0 } warnings ? warnings : null,
            ResumeAfter = report.ResumeAfter,
            Transfer = new(report.BytesRead, report.BytesStored, request.Source is FolderSource ? report.FilesRead : report.ItemsNew, open.Store.Counters.Requests, context.Tracker.Elapsed.TotalSeconds),
        };
        return new(await context.DescribeAsync(open, result), error?.ExitCode ?? ExitCode.Ok);
    }

    /// <summary>
    /// A repository that the account's snapshots were not brought to would get a second first backup, and everything would look fine.
    /// </summary>
    private async Task RequireHistoryAsync(OpenRepository open, RunHistoryMark? mark)
    {
        if (mark is null)
        {
            return;
        }

        var lineage = (await open.Repository.ListSnapshotsAsync(context.Control.Abort)).Where(header => header.Source.Origin == context.Order.Account!.Id);
        if (!lineage.Any(header => header.Id.ToString() == mark.SnapshotId || (header.Timestamp.ToDateTimeOffset() - mark.Time).Duration() < TimeSpan.FromSeconds(1)))
        {
            throw new WorkerException(
                ErrorCatalogue.HistoryMissing,
                $"The repository at {open.Store.Location} does not hold the snapshot {mark.SnapshotId[..Math.Min(8, mark.SnapshotId.Length)]} of '{context.Order.Account!.Id}', which is the newest that was written.");
        }
    }

    /// <summary>What the source wants done, and what its Drive does.</summary>
    private async Task<RunAction[]> ActionsAsync(BackupSource source, BackupReport report)
    {
        var actions = report.Actions.Concat(_warnings).Concat(_google.Replaced).ToList();
        foreach (var drive in source is TakeoutSource takeout ? takeout.Locations.OfType<DriveTakeoutStorage>() : [])
        {
            if (await DriveSpace.LookAsync(drive, report.Exports, context.Control.Abort) is { } full)
            {
                actions.Add(full);
            }
        }

        return [.. actions];
    }

    private async Task<BackupRequest> RequestAsync(RunBackup backup) => new()
    {
        Source = await SourceAsync(backup),
        Origin = context.Order.Account!.Id,
        Email = context.Order.Account.Email,
        RunId = context.Order.RunId,
        IngestedDigest = backup.IngestedDigest,
        Selection = backup.Selection,
        AcceptedGaps = backup.AcceptedGaps ?? [],
        CacheFolder = context.CacheFolder,
    };

    private async Task<BackupSource> SourceAsync(RunBackup backup) => backup switch
    {
        { Folder: { } folder } => new FolderSource(Folder(folder)),
        { Takeout: { } locations } => new TakeoutSource(await StoragesAsync(locations), TimeSpan.FromSeconds(backup.SettleSeconds)),
        { LibraryCredentialsSecret: { } secret } => await _google.OpenLibraryAsync(Credential(secret), context.Order.Account!.Email, unattended: true, context.Control.Abort),
        { PickerCredentialsSecret: { } secret } => await _google.OpenPickerAsync(
            Credential(secret), context.Order.Account!.Email, unattended: true, backup.PickerMaxItems, tell: null, context.Control.Abort),
        _ => throw new WorkerException(ErrorCatalogue.InvalidRunFile, "The backup names no source."),
    };

    private async Task<IReadOnlyList<ITakeoutStorage>> StoragesAsync(IReadOnlyList<RunLocation> locations)
    {
        var storages = new List<ITakeoutStorage>();
        foreach (var location in locations)
        {
            storages.Add(await StorageAsync(location));
        }

        return storages;
    }

    private async Task<ITakeoutStorage> StorageAsync(RunLocation location) => location switch
    {
        { Volume: { } volume } => new LocalTakeoutStorage(Folder(volume)),
        { S3: { } s3 } => new StoreTakeoutStorage(context.OpenBucket(s3)),
        { GoogleDrive: { } drive } => await _google.OpenDriveAsync(
            Credential(drive.CredentialsSecret), drive.FolderId, context.Order.Account!.Email, unattended: true, context.Control.Abort),
        _ => throw new WorkerException(ErrorCatalogue.InvalidRunFile, "A location must be a volume, a bucket or a folder of Google Drive."),
    };

    private GoogleCredentialFile Credential(string secret)
    {
        var file = GoogleAccess.FromSecret(context.Secrets, secret);
        if (_google.Warning(file) is { } warning)
        {
            _warnings.Add(warning);
        }

        return file;
    }

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
