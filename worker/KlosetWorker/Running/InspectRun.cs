using KlosetWorker.Catalog;
using KlosetWorker.Contract;

namespace KlosetWorker.Running;

/// <summary>Looks up how a run ended whose result was lost: by the run id in the context of the snapshots.</summary>
internal sealed class InspectRun(RunContext context) : IRun
{
    public async Task<RunEnd> ExecuteAsync()
    {
        await using var open = await context.OpenAsync();
        var lost = context.Order.Inspect!.LostRunId;
        var header = (await open.Repository.ListSnapshotsAsync(context.Control.Abort))
            .LastOrDefault(snapshot => SnapshotMarks.Find(snapshot, SnapshotMarks.RunId) == lost);
        var result = new RunResult { RunId = context.Order.RunId, Outcome = RunOutcome.Succeeded, Reason = ErrorCatalogue.RunNotFound.Code, Message = $"No snapshot carries the run {lost}." };
        if (header is not null)
        {
            var snapshot = await open.Repository.OpenSnapshotAsync(header.Id, context.Control.Abort);
            var manifest = await CatalogReader.ReadManifestAsync(snapshot, context.Control.Abort);
            var outcome = SnapshotMarks.IsIncomplete(header) ? RunOutcome.Paused : manifest is { Missing.Count: > 0 } ? RunOutcome.Incomplete : RunOutcome.Succeeded;
            result = result with
            {
                FoundRunId = lost,
                Outcome = outcome,
                Reason = outcome switch { RunOutcome.Paused => ErrorCatalogue.Paused.Code, RunOutcome.Incomplete => ErrorCatalogue.LibraryIncomplete.Code, _ => "Succeeded" },
                Message = null,
                SnapshotId = header.Id.ToString(),
                IngestedDigest = manifest?.IngestedDigest,
                Library = manifest is null ? null : ManifestSummary.Library(manifest),
                Exports = manifest is null ? null : ManifestSummary.Exports(manifest),
            };
        }

        return new(await context.DescribeAsync(open, result), ExitCode.Ok);
    }
}
