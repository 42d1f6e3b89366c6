using Kloset.Snapshots;

namespace KlosetWorker.Output;

/// <summary>Snapshots of one source belong together: same type, origin and directory.</summary>
internal static class Lineages
{
    /// <param name="snapshots">Oldest first.</param>
    public static IReadOnlyList<LineageOutput> Of(IEnumerable<SnapshotHeader> snapshots) =>
    [
        .. snapshots.Where(header => header.Sources is { Count: > 0 })
            .GroupBy(header => (header.Source.Type, header.Source.Origin, header.Source.Directory))
            .OrderBy(group => group.Key)
            .Select(group => new LineageOutput(
                group.Key.Type, group.Key.Origin, group.Key.Directory, group.LongCount(), group.Last().Timestamp.ToDateTimeOffset(), SnapshotMarks.IsIncomplete(group.Last()))),
    ];
}
