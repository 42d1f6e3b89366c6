using GooglePhotos.Takeout.Archives;

namespace KlosetWorker.Backups;

/// <summary>Where a backup reads from.</summary>
internal abstract record BackupSource;

/// <param name="Path">Absolute.</param>
internal sealed record FolderSource(string Path) : BackupSource;

/// <param name="Locations">Places where archives are dropped.</param>
/// <param name="Settle">How long a set of archives without index must lie unchanged before it is taken as whole.</param>
internal sealed record TakeoutSource(IReadOnlyList<ITakeoutStorage> Locations, TimeSpan Settle) : BackupSource;
