using Kloset.Checking;
using Kloset.Locks;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Storage;
using Kloset.Writing;

namespace Kloset.Copying;

/// <summary>
/// Copies snapshots to another repository, under its key. A snapshot keeps its identifier and all that it says of itself, so a copy is known when
/// it is there and is not made twice; interrupted, the next run finds the snapshots that are whole and the chunks that a state names. Of a lineage,
/// each snapshot is copied as the difference to the one before it.
/// </summary>
internal sealed class RepositoryCopy(Repository source, Repository target, CopyOptions options, IProgress<CopyProgress>? progress)
{
    private readonly List<SnapshotId> _copied = [];
    private readonly List<SnapshotId> _present = [];

    public async Task<CopyReport> RunAsync(CancellationToken cancellationToken)
    {
        if (source.Id == target.Id)
            throw new RepositoryException(RepositoryFailure.AlreadyExists, $"{source.Store.Location} and {target.Store.Location} are the same repository {source.Id}.");
        await using var reading = await TryLockAsync(cancellationToken);
        await source.RefreshAsync(cancellationToken);
        var headers = new List<SnapshotHeader>();
        foreach (var id in options.Snapshots.Distinct())
            headers.Add((await source.OpenSnapshotAsync(id, cancellationToken)).Header);
        headers.Sort((a, b) => a.Timestamp != b.Timestamp ? a.Timestamp.CompareTo(b.Timestamp) : a.Id.CompareTo(b.Id));
        await using var writer = await target.BeginWriteAsync(new WriterOptions { CacheDirectory = options.CacheDirectory }, cancellationToken);
        var contents = new ContentCopy(writer, options.Derived);
        try
        {
            foreach (var header in headers)
            {
                if (target.Index.Snapshots().Contains(header.Id))
                    _present.Add(header.Id);
                else
                    await CopyAsync(header, writer, contents, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            await KeepAsync(writer);
            throw;
        }

        await VerifyAsync(cancellationToken);
        return new CopyReport(_copied, _present, contents.Files, contents.Bytes, writer.Statistics.BytesStored);
    }

    private async Task CopyAsync(SnapshotHeader header, RepositoryWriter writer, ContentCopy contents, CancellationToken cancellationToken)
    {
        var from = await source.OpenSnapshotAsync(header.Id, cancellationToken);
        if (from.Trees.Count != 1)
            throw new RepositoryException(RepositoryFailure.Unsupported, $"Snapshot {header.Id} has {from.Trees.Count} sources; only snapshots with one can be copied.");
        var basis = await FindBasisAsync(header, cancellationToken);
        contents.Begin(basis?.Copy, (files, bytes) => progress?.Report(new CopyProgress(header.Id, files, bytes)));
        var changes = new TreeDifference(from, basis?.Original);
        var draft = new SnapshotDraft
        {
            Type = header.Source.Type,
            Origin = header.Source.Origin,
            Directory = header.Source.Directory,
            // A signature is of the source's own bytes: the copy has none.
            Copies = header with { IdentityId = Guid.Empty, IdentityPublicKey = null },
        };
        await writer.CommitAsync(draft, basis?.Copy, contents.ChangesAsync(from, changes, source.Services.Parallelism, cancellationToken), cancellationToken);
        _copied.Add(header.Id);
    }

    /// <summary>
    /// No maintenance of the source is to take away what is being read. What cannot be written (an archive in one file, a bucket as it was at a time, one
    /// that we may only read) is read without a lock: contents are verified, and what is missing is told.
    /// </summary>
    private async Task<RepositoryLock?> TryLockAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await source.LockSharedAsync(cancellationToken);
        }
        catch (StoreException exception) when (exception.Failure is StoreFailure.AccessDenied or StoreFailure.Invalid or StoreFailure.Full)
        {
            return null;
        }
    }

    /// <summary>The newest snapshot of the lineage before this one that both repositories have.</summary>
    private async Task<(Snapshot Original, Snapshot Copy)?> FindBasisAsync(SnapshotHeader header, CancellationToken cancellationToken)
    {
        var copies = target.Index.Snapshots().ToHashSet();
        var before = (await source.ListSnapshotsAsync(cancellationToken)).LastOrDefault(other =>
            other.Id != header.Id && other.Timestamp <= header.Timestamp && copies.Contains(other.Id) && other.Sources is { Count: 1 }
            && (other.Source.Type, other.Source.Origin, other.Source.Directory) == (header.Source.Type, header.Source.Origin, header.Source.Directory));
        if (before is null)
            return null;
        var original = await source.OpenSnapshotAsync(before.Id, cancellationToken);
        var copy = await target.OpenSnapshotAsync(before.Id, cancellationToken);
        return SnapshotBuilder.CanExtend(original.Tree) && SnapshotBuilder.CanExtend(copy.Tree) ? (original, copy) : null;
    }

    /// <summary>What was stored so far is known to the next try.</summary>
    private static async Task KeepAsync(RepositoryWriter writer)
    {
        try
        {
            await writer.CheckpointAsync(CancellationToken.None);
        }
        catch (Exception exception) when (exception is RepositoryException or StoreException or InvalidOperationException)
        {
            // The interruption is what is told; chunks that no state names are stored again.
        }
    }

    /// <summary>Every tree of the copies is walked: all that they refer to is there. Contents were verified when they were read and are sealed anew.</summary>
    private async Task VerifyAsync(CancellationToken cancellationToken)
    {
        if (_copied.Count == 0)
            return;
        var report = await target.CheckAsync(new CheckOptions { Level = CheckLevel.Structure, Snapshots = _copied }, null, cancellationToken);
        if (report.Findings.FirstOrDefault(finding => finding.IsError) is { } finding)
            throw RepositoryException.Damaged($"The copy in {target.Store.Location} is not whole. {finding.Message}");
    }
}
