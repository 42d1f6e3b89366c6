namespace Kloset.Snapshots;

/// <summary>An opened snapshot. All methods may be called concurrently. Damage is a <see cref="Repositories.RepositoryException"/>.</summary>
public sealed class Snapshot
{
    internal Snapshot(SnapshotHeader header) => Header = header;

    public SnapshotHeader Header { get; }

    public SnapshotId Id => Header.Id;

    /// <summary>
    /// Everything at and below <paramref name="root"/>, parents before children; within a directory by name. Reads the dirpacks,
    /// or the tree when the snapshot has none.
    /// </summary>
    public IAsyncEnumerable<Entry> WalkAsync(EntryPath root, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>The direct children of a directory, by name.</summary>
    public IAsyncEnumerable<Entry> ListAsync(EntryPath directory, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <returns>Null when there is no such path.</returns>
    public Task<Entry?> FindAsync(EntryPath path, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>The chunks of a stored content.</summary>
    public Task<ObjectRecord> ReadObjectAsync(Mac id, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>
    /// The content of a regular file: every chunk's MAC and that of the whole are checked before the end is reported; prefetches.
    /// Has a length, cannot seek. Reading throws <see cref="Repositories.RepositoryException"/> (Damaged).
    /// </summary>
    public Stream OpenRead(Entry entry) => throw new NotImplementedException();

    /// <summary>What could not be read when the snapshot was made, by path.</summary>
    public IAsyncEnumerable<EntryError> ListErrorsAsync(CancellationToken cancellationToken) => throw new NotImplementedException();

    public IAsyncEnumerable<ExtendedAttribute> ListExtendedAttributesAsync(CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <returns>Null when the snapshot has no summary for this directory.</returns>
    public Task<DirectorySummary?> FindSummaryAsync(EntryPath directory, CancellationToken cancellationToken) => throw new NotImplementedException();
}
