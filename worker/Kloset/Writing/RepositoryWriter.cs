using Kloset.Snapshots;

namespace Kloset.Writing;

/// <summary>
/// One locked writing session; many snapshots possible. Objects may be written concurrently, also during a commit. Disposing it deletes the
/// lock; what was not committed or checkpointed is forgotten.
/// </summary>
public sealed class RepositoryWriter : IAsyncDisposable
{
    private RepositoryWriter()
    {
    }

    internal static Task<RepositoryWriter> BeginAsync(Kloset.Repositories.Repository repository, WriterOptions options, CancellationToken ct) => throw new NotImplementedException();

    public WriterStatistics Statistics => throw new NotImplementedException();

    /// <summary>Chunks, deduplicates, seals and packs a content. The stream is read to its end and not disposed.</summary>
    public Task<StoredObject> WriteObjectAsync(Stream content, ObjectOptions options, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>True when the OBJECT blob is stored and visible, or was written by this session.</summary>
    public bool HasObject(Mac id) => throw new NotImplementedException();

    /// <summary>Stores all that is packed so far and puts a state: it becomes known to the next run even if this one never commits.</summary>
    public Task CheckpointAsync(CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>
    /// Writes a snapshot: <paramref name="basis"/> with <paramref name="changes"/> applied. Untouched directories are taken over as they are.
    /// When it returns, the snapshot is durable and visible, and may be the basis of the next one.
    /// </summary>
    public Task<SnapshotHeader> CommitAsync(
        SnapshotDraft draft, Snapshot? basis, IAsyncEnumerable<TreeChange> changes, CancellationToken cancellationToken) => throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
