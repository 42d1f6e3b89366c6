using Kloset.Repositories;
using Kloset.Snapshots;
using KlosetWorker.Catalog;
using KlosetWorker.Output;

namespace KlosetWorker.Retention;

/// <summary>
/// A source that suddenly holds far less than before: an emptied or hijacked account looks just like that, and the old snapshots are then all
/// there is. Forgetting stops until a person has looked.
/// </summary>
internal static class SourceShrinkage
{
    /// <summary>Fewer than this share of what there was is far less.</summary>
    public const double Left = 0.70;

    /// <summary>Below this many files or items a share says nothing.</summary>
    private const long Few = 10;

    /// <returns>What shrank, in words; null when nothing did.</returns>
    /// <param name="lineage">Oldest first.</param>
    public static async Task<string?> FindAsync(Repository repository, IReadOnlyList<SnapshotHeader> lineage, CancellationToken cancellationToken)
    {
        var complete = lineage.Where(header => !SnapshotMarks.IsIncomplete(header)).ToArray();
        if (complete is not [.., var newest])
        {
            return null;
        }

        if (newest.Source.Type == SnapshotMarks.GooglePhotosType)
        {
            // The library itself never shrinks; what a whole export no longer showed stands in the sightings.
            var snapshot = await repository.OpenSnapshotAsync(newest.Id, cancellationToken);
            var items = (await CatalogReader.ReadManifestAsync(snapshot, cancellationToken))?.Counts.Items ?? 0;
            var missing = items < Few ? 0 : (await CatalogReader.ReadSightingsAsync(snapshot, cancellationToken)).Count;
            return IsFarLess(items - missing, items) ? $"the newest export shows {Text.Number(items - missing)} of the library's {Text.Count(items, "item")}" : null;
        }

        var files = (long)newest.Source.Summary.TotalFiles;
        var most = complete.Max(header => (long)header.Source.Summary.TotalFiles);
        return IsFarLess(files, most) ? $"the source has {Text.Count(files, "file")}, and a snapshot that is kept has {Text.Number(most)}" : null;
    }

    public static bool IsFarLess(long now, long before) => before >= Few && now < Left * before;
}
