using Kloset.Snapshots;

namespace KlosetWorker;

/// <summary>What our snapshots say of themselves in tags and context; kept stable, since lost results are looked up by it.</summary>
internal static class SnapshotMarks
{
    /// <summary>Tag of an anchor: a real snapshot that the run wrote on its way.</summary>
    public const string IncompleteTag = "incomplete";

    public const string GooglePhotosType = "googlephotos";

    public const string FolderType = "folder";

    /// <summary>Context keys.</summary>
    public const string RunId = "RunId";

    public const string Items = "Items";

    public const string Bytes = "Bytes";

    public const string Missing = "Missing";

    public const string Outcome = "Outcome";

    public static bool IsIncomplete(SnapshotHeader header) => header.Tags?.Contains(IncompleteTag, StringComparer.Ordinal) ?? false;

    public static string? Find(SnapshotHeader header, string key) =>
        header.Context?.FirstOrDefault(pair => pair.Key == key) is { Key: not null } pair ? pair.Value : null;

    /// <summary>
    /// A time for the next snapshot of a lineage: now, but always after the one before it, since the newest is told by its time. Clocks go
    /// back, and an anchor and the end of a small run are milliseconds apart.
    /// </summary>
    public static DateTimeOffset After(Snapshot? basis, DateTimeOffset now) =>
        basis?.Header.Timestamp.ToDateTimeOffset().AddMilliseconds(1) is { } earliest && earliest > now ? earliest : now;

    /// <summary>The newest snapshot of a lineage, anchors included; null when it has none.</summary>
    public static SnapshotHeader? Newest(IEnumerable<SnapshotHeader> snapshots, string type, string origin, string directory) =>
        snapshots.LastOrDefault(header => header.Sources is { Count: > 0 }
            && header.Source.Type == type && header.Source.Origin == origin && header.Source.Directory == directory);
}
