using Kloset.Repositories;
using Kloset.Retention;
using Kloset.Snapshots;
using KlosetWorker.Catalog;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Output;
using KlosetWorker.Restoring;

namespace KlosetWorker.Running;

/// <summary>Gives back a snapshot, or a selection of it.</summary>
internal sealed class RestoreRun(RunContext context) : IRun
{
    public async Task<RunEnd> ExecuteAsync()
    {
        var restore = context.Order.Restore!;
        if (restore.GooglePhotos is { } library)
        {
            return await new GooglePhotosRestoreRun(context, library).ExecuteAsync();
        }

        await using var open = await context.OpenAsync();
        await using var guard = await context.WaitForLockAsync(() => RestoreGuard.TakeAsync(open, SnapshotPins.RestoreHolder + restore.RestoreId, context.Control.Abort));
        var snapshot = await open.Repository.OpenSnapshotAsync(await ChooseAsync(context, open.Repository), context.Control.Abort);
        await guard.PinAsync(snapshot.Id, context.Control.Abort);
        var query = CatalogQuery.From(restore.Select);
        var root = EntryPath.Parse(snapshot.Header.Source.Directory);
        if (query.IsEmpty)
        {
            var summary = snapshot.Header.Source.Summary;
            context.Tracker.Expect((long)summary.TotalFiles, (long)summary.TotalSize);
        }

        var options = new RestoreOptions { ExistingFiles = restore.ExistingFiles, HardLinks = restore.HardLinks };
        await using var bucket = restore.Target is { S3: { } s3 } ? context.OpenBucket(s3) : null;
        IRestore target = bucket is null
            ? new FolderRestore(snapshot, new TargetFolder(context.Volumes.Resolve(restore.Target!.Volume!)), options, context.Tracker)
            : new BucketRestore(snapshot, bucket, options, context.Tracker);
        var entries = new RestoreSelection(snapshot, query, restore.Edition ?? Edition.Both).EntriesAsync(root, withCatalog: false, context.Control.Abort);
        var report = await target.RunAsync(entries, root, context.Control.Stop, context.Control.Abort);
        var (outcome, error, message) = report switch
        {
            { Stopped: true } => (RunOutcome.Paused, ErrorCatalogue.Paused, "The restore was stopped; the next try goes on from what is there."),
            { Failed: > 0 } => (RunOutcome.Incomplete, ErrorCatalogue.RestoreIncomplete,
                $"{Text.Count(report.Failed, "file")} could not be restored; the first: {(report.Warnings.Count > 0 ? report.Warnings[0] : "unknown")}"),
            { Files: 0, AlreadyThere: 0, Skipped: 0 } when !query.IsEmpty => (RunOutcome.Failed, ErrorCatalogue.NothingSelected,
                $"The selection matches nothing in snapshot {snapshot.Id.Short}."),
            _ => (RunOutcome.Succeeded, (ErrorInfo?)null, Remark(snapshot.Header)),
        };
        if (outcome != RunOutcome.Paused)
        {
            await guard.UnpinAsync(snapshot.Id, context.Control.Abort);
        }

        var result = new RunResult
        {
            RunId = context.Order.RunId,
            Outcome = outcome,
            Reason = error?.Code ?? "Succeeded",
            Message = message,
            Hint = error?.Remedy,
            SnapshotId = snapshot.Id.ToString(),
            Restored = new(report.Files + report.AlreadyThere, report.Bytes, report.Skipped, report.Failed),
            Warnings = report.Warnings.Count > 0 ? [.. report.Warnings.Take(5)] : null,
            Transfer = new(open.Store.Counters.BytesRead, 0, report.Files, open.Store.Counters.Requests, context.Tracker.Elapsed.TotalSeconds),
        };
        return new(await context.DescribeAsync(open, result), error?.ExitCode ?? ExitCode.Ok);
    }

    /// <summary>What a person must know of a restore that did all it could: it came out of an anchor, or is not all. Null for a whole snapshot.</summary>
    internal static string? Remark(SnapshotHeader snapshot) =>
        SnapshotMarks.IsIncomplete(snapshot) ? "That snapshot is incomplete: the backup that made it had not ended. Restore again when it has."
        : snapshot.Sources is { Count: > 1 } sources
            ? $"That snapshot has {sources.Count} sources, and this is the first of them ({sources[0].Type} {sources[0].Origin}:{sources[0].Directory}); no program restores the others."
        : null;

    internal static async Task<SnapshotId> ChooseAsync(RunContext context, Repository repository)
    {
        var restore = context.Order.Restore!;
        if (restore.SnapshotId is { } text)
        {
            return await repository.ResolveSnapshotAsync(text, context.Control.Abort);
        }

        // Whole snapshots first; an anchor is better than nothing, since the first backup of a large library takes days.
        var lineage = (await repository.ListSnapshotsAsync(context.Control.Abort))
            .Where(header => header.Source.Origin == context.Order.Account!.Id && (restore.AsOf is not { } asOf || header.Timestamp.ToDateTimeOffset() <= asOf))
            .ToArray();
        var chosen = lineage.LastOrDefault(header => !SnapshotMarks.IsIncomplete(header)) ?? lineage.LastOrDefault();
        return chosen?.Id ?? throw new WorkerException(
            ErrorCatalogue.SnapshotNotFound,
            restore.AsOf is { } time ? $"Account {context.Order.Account!.Id} has no snapshot at or before {Text.Time(time)}." : $"Account {context.Order.Account!.Id} has no snapshot.");
    }
}
