using Kloset.Snapshots;

namespace Kloset.Copying;

/// <summary>What to copy, and how.</summary>
public sealed record CopyOptions
{
    /// <summary>Snapshots of the source; those that the target has are passed over.</summary>
    public required IReadOnlyList<SnapshotId> Snapshots { get; init; }

    /// <summary>Where sorted runs are spilled; see <see cref="Writing.WriterOptions.CacheDirectory"/>.</summary>
    public string? CacheDirectory { get; init; }

    /// <summary>Knows the files whose content names objects: under another key these have other identifiers.</summary>
    public IDerivedContents? Derived { get; init; }
}

/// <summary>Contents that follow from others and must be written anew in another repository.</summary>
public interface IDerivedContents
{
    bool IsDerived(EntryPath path);

    /// <summary>The content as the target is to hold it; called after all other files of the snapshot were copied.</summary>
    Task<Stream> RewriteAsync(EntryPath path, Stream content, IObjectTranslation objects, CancellationToken cancellationToken);
}

/// <summary>From identifiers of the source's objects to those of the target's.</summary>
public interface IObjectTranslation
{
    /// <param name="path">Where the snapshot holds the object.</param>
    /// <returns>Null when neither this run copied it nor the snapshot holds it there.</returns>
    ValueTask<Mac?> FindAsync(Mac source, EntryPath path, CancellationToken cancellationToken);
}

/// <param name="Snapshot">The one being copied.</param>
public sealed record CopyProgress(SnapshotId Snapshot, long Files, long Bytes);

/// <summary>What a copy did.</summary>
/// <param name="Present">Snapshots that the target had already.</param>
/// <param name="Files">Files whose content was read.</param>
/// <param name="BytesRead">Of their contents.</param>
/// <param name="BytesStored">In the target.</param>
public sealed record CopyReport(
    IReadOnlyList<SnapshotId> Copied, IReadOnlyList<SnapshotId> Present, long Files, long BytesRead, long BytesStored);
