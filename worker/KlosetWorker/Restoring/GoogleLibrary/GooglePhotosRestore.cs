using System.Text.Json;
using GooglePhotos.Credentials;
using GooglePhotos.Library;
using GooglePhotos.Services;
using Kloset.Repositories;
using Kloset.Snapshots;
using KlosetWorker.Access;
using KlosetWorker.Catalog;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.GoogleAccounts;
using KlosetWorker.Progress;

namespace KlosetWorker.Restoring.GoogleLibrary;

internal sealed record GoogleRestoreOptions
{
    /// <summary>Names the journal; the same id goes on where it ended.</summary>
    public required string RestoreId { get; init; }

    /// <summary>The account that is written into, as people know it.</summary>
    public required string Target { get; init; }

    /// <summary>For temporary files.</summary>
    public required string CacheFolder { get; init; }

    public long RequestsPerDay { get; init; } = LibraryLimits.RequestsPerDay;

    /// <summary>Everything goes up as it is, dates and places that the files lack are lost. A person has to say so.</summary>
    public bool WithoutCorrections { get; init; }
}

/// <summary>How a restore ended: always with a report of what is in the library by now.</summary>
/// <param name="Error">Why it is not whole; null when it is.</param>
internal sealed record GoogleRestoreEnd(GoogleRestoreReport Report, WorkerException? Error);

/// <summary>
/// Puts a plan into a Google Photos library: items in the order they were taken, a look whether they are there, then albums. Each step is in the journal
/// before and after; a restore that ended anywhere goes on when it is run again.
/// </summary>
internal sealed class GooglePhotosRestore(OpenRepository open, Snapshot snapshot, GoogleSignIn signIn, GoogleCalls calls, GoogleRestoreOptions options, TimeProvider time, ProgressTracker tracker)
{
    /// <summary>Requests that stay free of each day, so that what was uploaded can be made items of.</summary>
    private const int Reserve = 10;

    /// <summary>Upload tokens live for a day, and temporary files need room.</summary>
    private const long BatchBytes = 1L << 30;

    private const int MaxNamed = 100;

    private readonly SealedObjects _objects = new(open.Repository);

    /// <summary>Reads the catalog only.</summary>
    public static async Task<UploadPlan> PlanAsync(Snapshot snapshot, UploadRequest request, CancellationToken cancellationToken)
    {
        var manifest = await CatalogReader.ReadManifestAsync(snapshot, cancellationToken)
            ?? throw new WorkerException(ErrorCatalogue.InvalidArguments, $"Snapshot {snapshot.Id.Short} is no photo library: only those go to Google Photos.");
        var sightings = await CatalogReader.ReadSightingsAsync(snapshot, cancellationToken);
        var planner = new UploadPlanner(request with
        {
            Albums = manifest.Albums,
            CannotShow = manifest.CannotShow,
            Missing = sightings.Select(sighting => sighting.Id).ToHashSet(StringComparer.Ordinal),
        });
        await foreach (var (item, _, _) in CatalogReader.ReadAsync(snapshot, request.Query.WantsYear, cancellationToken))
        {
            planner.Add(item);
        }

        return planner.Finish();
    }

    public async Task<GoogleRestoreEnd> RunAsync(UploadPlan plan, CancellationToken stop, CancellationToken cancellationToken)
    {
        var folder = Path.Combine(options.CacheFolder, "kloset-google-" + Path.GetRandomFileName());
        Directory.CreateDirectory(folder);
        await using var budget = new RequestBudget("Google Photos", options.RequestsPerDay, time, new QuotaLedger(_objects, signIn.File, QuotaLedger.LibraryRequests));
        var google = new GoogleWrites(signIn.Library(), calls, budget, time);
        var journal = await RestoreJournal.OpenAsync(_objects, options.RestoreId, cancellationToken);
        if (journal.Header is { } header && header.Target != options.Target)
        {
            throw new WorkerException(ErrorCatalogue.InvalidArguments, $"The restore {options.RestoreId} was begun into {header.Target}; for another account make another restore.");
        }

        var verification = new LibraryVerification(google, journal, tracker);
        var albums = new AlbumRestore(google, journal, tracker);
        ItemUpload? upload = null;
        WorkerException? error = null;
        IReadOnlyList<string> lost = [];
        var stopped = false;
        try
        {
            await using var claim = await AccountClaim.TakeAsync(_objects, time, options.Target, options.RestoreId, cancellationToken);
            await using var exif = options.WithoutCorrections || plan.Items.Count == 0 ? null : await ExifTool.StartAsync(time, cancellationToken);
            upload = new(google, Uploader(google), new(snapshot, exif, folder, tracker), journal, tracker, time);
            await BeginAsync(plan, journal, verification, exif, cancellationToken);
            tracker.Phase = "Restoring";
            stopped = !await UploadAllAsync(plan, journal, upload, claim, budget, stop, cancellationToken);
            if (!stopped)
            {
                tracker.Phase = "Checking";
                lost = await verification.VerifyAsync(plan.Items.ToDictionary(item => item.Key, StringComparer.Ordinal), cancellationToken);
                foreach (var album in plan.Albums)
                {
                    await claim.RenewAsync(cancellationToken);
                    await albums.RestoreAsync(album, cancellationToken);
                }

                foreach (var album in plan.Albums)
                {
                    await albums.VerifyAsync(album, cancellationToken);
                }
            }
        }
        catch (Exception exception) when (exception is not OperationCanceledException || cancellationToken.IsCancellationRequested)
        {
            if (cancellationToken.IsCancellationRequested)
            {
                throw;
            }

            error = ErrorTranslation.Translate(exception);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        var report = Report(plan, journal, upload, verification, albums, lost, stopped);
        await _objects.PutAsync($"restore/{options.RestoreId}/report", JsonSerializer.SerializeToUtf8Bytes(report, JournalJson.Default.GoogleRestoreReport), cancellationToken);
        return new(report, error ?? Shortfall(report));
    }

    private MediaUploader Uploader(GoogleWrites google) => new(google.Service, calls, time, _ => tracker.Moved())
    {
        ResumableFrom = UploadPlanner.ResumableFrom,
        Request = google.Budget.TakeAsync,
    };

    /// <summary>What was there before, while nothing of ours is: only so can the report tell the two apart later.</summary>
    private async Task BeginAsync(UploadPlan plan, RestoreJournal journal, LibraryVerification verification, ExifTool? exif, CancellationToken cancellationToken)
    {
        tracker.Phase = "Enumerating";
        if (!journal.KnowsBefore)
        {
            var before = new HashSet<string>(StringComparer.Ordinal);
            await foreach (var item in verification.ListAsync(cancellationToken))
            {
                before.Add(RestoreJournal.Short(item.Id!));
            }

            await journal.AppendAsync([new() { Header = new(plan.Hash, plan.Items.Count, snapshot.Id.ToString(), options.Target, exif?.Version), Before = [.. before] }], cancellationToken);
        }
        else if (journal.Header?.Plan != plan.Hash)
        {
            await journal.AppendAsync([new() { Header = new(plan.Hash, plan.Items.Count, snapshot.Id.ToString(), options.Target, exif?.Version) }], cancellationToken);
        }

        tracker.Expect(plan.Items.Count, plan.Bytes);
        var settled = plan.Items.Where(item => journal.Item(item.Key)?.IsSettled == true).ToArray();
        tracker.AddItems(settled.Length);
        tracker.AddBytes(settled.Sum(item => item.Size));
    }

    /// <returns>False when it was told to stop.</returns>
    private async Task<bool> UploadAllAsync(
        UploadPlan plan, RestoreJournal journal, ItemUpload upload, AccountClaim claim, RequestBudget budget, CancellationToken stop, CancellationToken cancellationToken)
    {
        var open = plan.Items.Where(item => journal.Item(item.Key)?.IsSettled != true).ToArray();
        for (var at = 0; at < open.Length;)
        {
            if (stop.IsCancellationRequested)
            {
                return false;
            }

            var room = await budget.LeftAsync(cancellationToken) - Reserve;
            if (room < 2)
            {
                throw new WorkerException(GoogleErrorCatalogue.DayQuota, $"The daily budget of {budget.PerDay} requests to Google Photos is used up.")
                {
                    ResumeAfter = QuotaDay.NextReset(time.GetUtcNow()),
                };
            }

            tracker.EtaAtLeast = QuotaWait(open.Length - at, room, budget.PerDay);
            await claim.RenewAsync(cancellationToken);
            var (batch, bytes, cost) = (new List<PlannedItem>(), 0L, 0L);
            while (at < open.Length && batch.Count < LibraryLimits.Batch && (batch.Count == 0 || bytes + open[at].Size <= BatchBytes)
                && (batch.Count == 0 || cost + Cost(open[at]) <= room))
            {
                bytes += open[at].Size;
                cost += Cost(open[at]);
                batch.Add(open[at++]);
            }

            await upload.UploadAsync(batch, cancellationToken);
        }

        return true;
    }

    private static long Cost(PlannedItem item) => item.Size < UploadPlanner.ResumableFrom ? 1 : 2;

    /// <summary>How long the quota alone makes it take: the night that ends today, and a day for each further portion.</summary>
    private TimeSpan QuotaWait(long items, long today, long perDay)
    {
        var later = items + (items / LibraryLimits.Batch) - today;
        return later <= 0 ? TimeSpan.Zero : QuotaDay.NextReset(time.GetUtcNow()) - time.GetUtcNow() + (TimeSpan.FromDays(1) * (later / perDay));
    }

    private GoogleRestoreReport Report(
        UploadPlan plan, RestoreJournal journal, ItemUpload? upload, LibraryVerification verification, AlbumRestore albums, IReadOnlyList<string> lost, bool stopped)
    {
        var known = plan.Items.Select(item => (Item: item, State: journal.Item(item.Key))).ToArray();
        var there = known.Where(pair => pair.State?.MediaItemId is not null).ToArray();
        var failed = known
            .Select(pair => (pair.Item, Reason: pair.State?.MediaItemId is not null ? null
                : pair.State?.Refused ?? upload?.Failed.GetValueOrDefault(pair.Item.Key) ?? (lost.Contains(pair.Item.Key) ? "it was made and is gone again" : null)))
            .Where(pair => pair.Reason is not null)
            .Select(pair => new LeftOut(pair.Item.Path, pair.Reason!))
            .ToArray();
        return new()
        {
            Plan = plan.Hash,
            SnapshotId = snapshot.Id.ToString(),
            Target = options.Target,
            Planned = plan.Items.Count,
            Items = there.Length,
            Bytes = there.Sum(pair => pair.Item.Size),
            Verified = verification.Verified,
            AlreadyThere = there.Count(pair => pair.State!.Existed),
            AlreadyThereInvisible = there.Count(pair => pair.State!.Hidden),
            Corrected = there.Count(pair => pair.State!.Corrected),
            Uncorrected = [.. there.Where(pair => pair.State!.Uncorrected is not null).Select(pair => new LeftOut(pair.Item.Path, pair.State!.Uncorrected!)).Take(MaxNamed)],
            Failed = [.. failed.Take(MaxNamed)],
            FailedCount = failed.Length,
            LeftOut = [.. plan.LeftOut.Take(MaxNamed)],
            LeftOutCount = plan.LeftOut.Count,
            Albums = plan.Albums.Count(album => journal.Album(album.Folder)?.AlbumId is not null),
            AlbumProblems = albums.Problems,
            Losses = plan.Losses,
            Requests = calls.Sent,
            Stopped = stopped,
        };
    }

    private static WorkerException? Shortfall(GoogleRestoreReport report) => report switch
    {
        { Stopped: true } => new(ErrorCatalogue.Paused, "The restore was stopped; the next try goes on from what is there."),
        { FailedCount: > 0 } => new(
            ErrorCatalogue.RestoreIncomplete, $"{Output.Text.Count(report.FailedCount, "item")} could not be restored; the first: {report.Failed[0].Path}: {report.Failed[0].Reason}"),
        _ => null,
    };
}
