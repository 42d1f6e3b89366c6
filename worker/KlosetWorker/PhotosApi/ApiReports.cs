using GooglePhotos.Services;
using KlosetWorker.Backups;
using KlosetWorker.Catalog;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Output;

namespace KlosetWorker.PhotosApi;

/// <summary>From what was taken in to what a run says.</summary>
internal static class ApiReports
{
    /// <param name="covered">Time of a complete listing.</param>
    public static BackupReport Of(ApiLibrary library, Manifest manifest, bool stopped, GoogleServiceException? held, DateTimeOffset? covered)
    {
        var totals = ManifestSummary.Library(manifest);
        var (outcome, error, message) = (stopped, held, totals.Missing > 0) switch
        {
            (true, _, _) => (RunOutcome.Paused, ErrorCatalogue.Cancelled, "The backup was stopped; what was read is in an incomplete snapshot, and the next backup goes on from it."),
            (_, { } later, _) => (RunOutcome.Paused, GoogleTranslation.Translate(later).Error, later.Message + " What was read is saved."),
            (_, _, true) => (RunOutcome.Incomplete, ErrorCatalogue.LibraryIncomplete,
                $"{Text.Count(totals.Missing, "thing")} missing; the first: {manifest.Missing[0].Name}: {manifest.Missing[0].Reason}"),
            _ => (library.ItemsNew == 0 && ReferenceEquals(manifest, library.Before) ? RunOutcome.NothingNew : RunOutcome.Succeeded, (ErrorInfo?)null, (string?)null),
        };
        var exports = ManifestSummary.Exports(manifest);
        return new(
            outcome, error, message, library.SnapshotId, manifest.Counts.Files, manifest.Counts.Bytes, library.ItemsNew, library.BytesRead, 0, totals.Missing, [.. library.Warnings.Take(50)])
        {
            Library = totals,
            Exports = manifest.Sets.Count == 0 && covered is not null ? exports with { CoveredThrough = covered } : exports,
            ItemsNew = library.ItemsNew,
            ResumeAfter = held?.ResumeAfter,
        };
    }
}
