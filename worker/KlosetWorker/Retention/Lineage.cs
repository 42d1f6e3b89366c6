using Kloset.Snapshots;
using KlosetWorker.Backups;

namespace KlosetWorker.Retention;

/// <summary>The snapshots of one source: what a backup goes on from, and what a retention policy looks at.</summary>
internal sealed record Lineage(string Type, string Origin, string Directory)
{
    /// <returns>Null for a snapshot without a source, which belongs to none.</returns>
    public static Lineage? Of(SnapshotHeader header) =>
        header.Sources is [var source, ..] ? new(source.Type, source.Origin, source.Directory) : null;

    /// <summary>Where the snapshots of a backup go.</summary>
    public static Lineage Of(BackupRequest request) => request.Source switch
    {
        FolderSource folder => new(SnapshotMarks.FolderType, request.Origin, folder.Path),
        _ => new(SnapshotMarks.GooglePhotosType, request.Origin, "/"),
    };

    public override string ToString() => Directory == "/" ? $"{Type} {Origin}" : $"{Type} {Origin}:{Directory}";
}
