using System.Diagnostics;
using System.Globalization;
using Kloset.Writing;
using KlosetWorker.Access;
using KlosetWorker.Contract;
using KlosetWorker.Folders;
using KlosetWorker.Output;
using KlosetWorker.PhotosApi;
using KlosetWorker.Progress;
using KlosetWorker.Takeout;

namespace KlosetWorker.Backups;

/// <summary>One backup into an open repository, of whatever kind.</summary>
internal sealed class Backup(OpenRepository open, TimeProvider time, ProgressTracker tracker)
{
    /// <summary>A pod has little memory, and a sort of many small runs is as fast as one of few.</summary>
    private const int SortBufferBytes = 4 << 20;

    public async Task<BackupReport> RunAsync(BackupRequest request, CancellationToken stop, CancellationToken cancellationToken)
    {
        var options = new WriterOptions { CacheDirectory = request.CacheFolder, SortBufferBytes = SortBufferBytes };
        await using var writer = await open.Repository.BeginWriteAsync(options, cancellationToken);
        return request.Source switch
        {
            FolderSource folder => await FolderAsync(writer, request, folder.Path, stop, cancellationToken),
            TakeoutSource takeout => await new TakeoutBackup(open.Repository, writer, time, tracker, request, takeout).RunAsync(stop, cancellationToken),
            LibrarySource or PickerSource => await ApiAsync(writer, request, stop, cancellationToken),
            _ => throw new UnreachableException(),
        };
    }

    private async Task<BackupReport> ApiAsync(RepositoryWriter writer, BackupRequest request, CancellationToken stop, CancellationToken cancellationToken)
    {
        await using var library = await ApiLibrary.OpenAsync(open.Repository, writer, time, tracker, request, cancellationToken);
        await using var listed = request.Source is LibrarySource client ? new LibraryBackup(library, client, new(open.Repository), time, tracker, request) : null;
        var report = request.Source switch
        {
            LibrarySource => await listed!.RunAsync(stop, cancellationToken),
            PickerSource source => await new PickerBackup(library, source, time, tracker).RunAsync(stop, cancellationToken),
            _ => throw new UnreachableException(),
        };
        return report with { BytesStored = writer.Statistics.BytesStored };
    }

    private async Task<BackupReport> FolderAsync(RepositoryWriter writer, BackupRequest request, string folder, CancellationToken stop, CancellationToken cancellationToken)
    {
        var snapshots = await open.Repository.ListSnapshotsAsync(cancellationToken);
        var basis = SnapshotMarks.Newest(snapshots, SnapshotMarks.FolderType, request.Origin, folder) is { } newest
            ? await open.Repository.OpenSnapshotAsync(newest.Id, cancellationToken)
            : null;
        var draft = new SnapshotDraft
        {
            Type = SnapshotMarks.FolderType,
            Origin = request.Origin,
            Directory = folder,
            Tags = request.Tags,
            Timestamp = SnapshotMarks.After(basis, time.GetUtcNow()),
            Context = SnapshotContext.Of(request.RunId),
        };
        var result = await new FolderBackup(writer, tracker, request.Readers).RunAsync(folder, draft, basis, stop, cancellationToken);
        var (outcome, error) = result switch
        {
            { Stopped: true } => (RunOutcome.Paused, ErrorCatalogue.Cancelled),
            { Errors: > 0 } => (RunOutcome.Incomplete, ErrorCatalogue.FilesUnreadable),
            _ => (RunOutcome.Succeeded, (ErrorInfo?)null),
        };
        return new(
            outcome,
            error,
            result.Stopped ? "The backup was stopped; what was read is in an incomplete snapshot, and the next backup goes on from it."
                : result.Errors > 0 ? $"{Text.Count(result.Errors, "file")} could not be read; the first: {First(result.Warnings)}" : null,
            result.Snapshot.Id.ToString(),
            (long)result.Snapshot.Source.Summary.TotalFiles,
            (long)result.Snapshot.Source.Summary.TotalSize,
            result.FilesRead,
            result.BytesRead,
            writer.Statistics.BytesStored,
            result.Errors,
            result.Warnings);
    }

    private static string First(IReadOnlyList<string> warnings) => warnings.Count > 0 ? warnings[0] : "unknown";
}

/// <summary>The context of a header: who made it and for which run.</summary>
internal static class SnapshotContext
{
    public static List<KeyValuePair<string, string>> Of(string? runId)
    {
        List<KeyValuePair<string, string>> context =
        [
            new("Client", "kloset/" + (typeof(SnapshotContext).Assembly.GetName().Version?.ToString(3) ?? "0.0.0")),
            new("OperatingSystem", OperatingSystem.IsLinux() ? "linux" : OperatingSystem.IsMacOS() ? "darwin" : "windows"),
            new("Architecture", System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()),
            new("NumCPU", Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture)),
        ];
        if (runId is not null)
        {
            context.Add(new(SnapshotMarks.RunId, runId));
        }

        return context;
    }
}
