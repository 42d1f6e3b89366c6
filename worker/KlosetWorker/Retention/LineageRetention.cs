using Kloset.Repositories;
using Kloset.Retention;
using Kloset.Snapshots;

namespace KlosetWorker.Retention;

/// <summary>What is asked of one lineage.</summary>
internal sealed record RetentionRequest
{
    public required Lineage Lineage { get; init; }

    /// <summary>Null: only anchors that a complete snapshot supersedes go.</summary>
    public RetentionPolicy? Policy { get; init; }

    /// <summary>Hashes of waves that a person approved.</summary>
    public IReadOnlyCollection<string> Approved { get; init; } = [];

    /// <summary>Complete snapshots that the same run has just written.</summary>
    public int Added { get; init; }

    public bool DryRun { get; init; }
}

/// <param name="Forgotten">What went, or in a dry run would go.</param>
/// <param name="Waiting">Hash to approve; null when nothing waits.</param>
/// <param name="WaitingSnapshots">Those that the hash stands for.</param>
/// <param name="Shrunk">Why forgetting is frozen; null when it is not.</param>
internal sealed record RetentionReport(
    Lineage Lineage, RetentionPlan Plan, IReadOnlyList<SnapshotId> Forgotten, string? Waiting, IReadOnlyList<SnapshotId> WaitingSnapshots, string? Shrunk);

/// <summary>Applies a policy to a lineage: plans, asks for an approval where one is needed, and forgets the rest.</summary>
internal sealed class LineageRetention(Repository repository, TimeProvider time)
{
    /// <summary>A restore renews its pin at every try; a pin this old belongs to one that nobody goes on with.</summary>
    private static readonly TimeSpan RestorePinLife = TimeSpan.FromDays(60);

    public async Task<RetentionReport> ApplyAsync(RetentionRequest request, CancellationToken cancellationToken)
    {
        var lineage = (await repository.ListSnapshotsAsync(cancellationToken)).Where(header => Lineage.Of(header) == request.Lineage).ToArray();
        var pinned = await PinnedAsync(cancellationToken);
        var plan = RetentionPlanner.Plan(
            lineage.Select(header => new RetentionCandidate(header.Id, header.Timestamp.ToDateTimeOffset(), !SnapshotMarks.IsIncomplete(header), IsPinned(header, pinned))),
            request.Policy);
        var shrunk = plan.CompleteForgotten > 0 ? await SourceShrinkage.FindAsync(repository, lineage, cancellationToken) : null;
        var waves = new ForgetWaves(repository.Store);
        // Whoever looked by a dry run stored no wave; then the plan must still be the same.
        var present = plan.Forgotten.Except(plan.Allowed(new HashSet<SnapshotId>(), request.Added, shrunk is not null)).ToArray();
        var approved = new HashSet<SnapshotId>();
        foreach (var hash in request.Approved)
        {
            approved.UnionWith(hash == RetentionPlan.HashOf(present) ? present : await waves.FindAsync(hash, cancellationToken));
        }

        var allowed = plan.Allowed(approved, request.Added, frozen: shrunk is not null);
        var waiting = plan.Forgotten.Except(allowed).ToArray();
        var hashToApprove = waiting.Length == 0 ? null
            : request.DryRun ? RetentionPlan.HashOf(waiting)
            : await waves.ProposeAsync(waiting, cancellationToken);
        if (!request.DryRun)
        {
            await repository.ForgetAsync([.. allowed], cancellationToken);
            foreach (var hash in request.Approved.Where(hash => hash != hashToApprove))
            {
                await waves.RemoveAsync(hash, cancellationToken);
            }
        }

        return new(request.Lineage, plan, allowed, hashToApprove, waiting, shrunk);
    }

    /// <summary>Snapshots that must stay for somebody's sake.</summary>
    public async Task<IReadOnlySet<SnapshotId>> PinnedAsync(CancellationToken cancellationToken)
    {
        var oldest = time.GetUtcNow() - RestorePinLife;
        return (await new SnapshotPins(repository.Store).ListAsync(cancellationToken))
            .Where(pin => !pin.Holder.StartsWith(SnapshotPins.RestoreHolder, StringComparison.Ordinal) || pin.Since >= oldest)
            .Select(pin => pin.Snapshot)
            .ToHashSet();
    }

    public static bool IsPinned(SnapshotHeader header, IReadOnlySet<SnapshotId> pinned) =>
        pinned.Contains(header.Id) || (header.Tags?.Contains(SnapshotPins.Tag, StringComparer.Ordinal) ?? false);
}
