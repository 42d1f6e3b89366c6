using Kloset.Repositories;
using Kloset.Snapshots;
using KlosetWorker.Files;
using KlosetWorker.Progress;

namespace KlosetWorker.Exporting;

internal sealed record ExportReport(long Files, long Bytes, IReadOnlyList<string> Warnings);

/// <summary>Streams entries of a snapshot into an archive. Every byte is verified on the way; damage ends the export, because a hole would look like a file.</summary>
internal sealed class SnapshotExport(Snapshot snapshot, IExportFormat format, ProgressTracker tracker)
{
    private const int MaxWarnings = 50;

    /// <exception cref="RepositoryException">Damaged.</exception>
    public async Task<ExportReport> RunAsync(IAsyncEnumerable<Entry> entries, EntryPath root, CancellationToken cancellationToken)
    {
        tracker.Phase = "Exporting";
        long files = 0, bytes = 0;
        var warnings = new List<string>();
        await foreach (var entry in entries.WithCancellation(cancellationToken))
        {
            if (entry.Path == root && entry.Kind == EntryKind.Directory)
            {
                continue;
            }

            var name = entry.Path.Bytes[(root.IsRoot ? 1 : root.Bytes.Length + 1)..].ToArray();
            await using var content = entry.Kind == EntryKind.File ? new LengthCheckedStream(snapshot.OpenRead(entry), entry, tracker) : null;
            if (await format.AddAsync(name, entry, content, cancellationToken) is { } remark && warnings.Count < MaxWarnings)
            {
                warnings.Add(remark);
            }

            if (entry.Kind == EntryKind.File)
            {
                files++;
                bytes += entry.Size;
                tracker.AddItems(1);
            }
        }

        await format.FinishAsync(cancellationToken);
        return new ExportReport(files, bytes, warnings);
    }
}
