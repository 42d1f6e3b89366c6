using KlosetOperator.Api;
using KlosetOperator.Backups;
using KlosetOperator.Jobs;
using KlosetOperator.References;
using KlosetOperator.Repositories;
using KlosetOperator.Runs;
using KlosetWorker.Contract;

namespace KlosetOperator.Restores;

#pragma warning disable CA1859 // all policies have one shape, so that they can stand in one list

/// <summary>All that a decision about a PhotoRestore depends on.</summary>
internal sealed record RestoreFacts
{
    public required PhotoRestore Restore { get; init; }

    /// <summary>Why the source cannot be resolved; null when it can.</summary>
    public string? SourceError { get; init; }

    /// <summary>When the newest snapshot was made that the PhotoBackup named as source knows of; null when it knows of none.</summary>
    public DateTimeOffset? NewestSnapshot { get; init; }

    public required RepositoryHealth Repository { get; init; }

    public required ReferenceState References { get; init; }

    public required IReadOnlyList<JobView> Jobs { get; init; }

    public required RunHistory History { get; init; }

    /// <summary>What is known, with the results of ended runs applied.</summary>
    public required PhotoRestoreStatus Known { get; init; }

    public required DateTimeOffset Now { get; init; }

    public DateTimeOffset Created => BackupFacts.Utc(Restore.Metadata.CreationTimestamp) ?? Now;

    public bool IsToGooglePhotos => Restore.Spec.Target.GooglePhotos is not null;

    /// <summary>Uploads cannot be taken back, so the plan comes first.</summary>
    public bool NeedsPlan => IsToGooglePhotos && Known.Plan is null;

    /// <summary>
    /// A run found no snapshot, and one may come: of a PhotoBackup, and not of a time that had passed. One that is named by its id either
    /// is there or is a mistake.
    /// </summary>
    public bool AwaitsSnapshot =>
        History.StalledOn is { Reason: nameof(ErrorCatalogue.SnapshotNotFound) }
        && Restore.Spec.Source is { BackupRef: not null, SnapshotID: null } source
        && Known.Resolved?.SnapshotID is null
        && LookedAt is { } looked
        && (source.AsOf is not { } until || until > looked);

    /// <summary>The snapshot that was awaited was made since.</summary>
    public bool SnapshotCame => AwaitsSnapshot && NewestSnapshot >= LookedAt;

    private DateTimeOffset? LookedAt => History.Newest?.StartTime ?? History.Newest?.CompletionTime;

    public bool NeedsApproval =>
        Known.Plan is { Items: > RestorePlanner.ItemsWithoutApproval } plan && Restore.Spec.ApprovedPlan != plan.Hash;
}

/// <summary>What a PhotoRestore is to do next: the first policy that has an opinion decides. Pure.</summary>
internal static class RestorePlanner
{
    /// <summary>Restores to Google Photos of more items wait for a person.</summary>
    public const long ItemsWithoutApproval = 500;

    private static readonly Func<RestoreFacts, RunDecision?>[] Policies =
    [
        CancelledWhileActive,
        ActiveJob,
        Ended,
        CancelledBefore,
        BeforeFirstSnapshot,
        Stalled,
        Suspended,
        UnresolvedSource,
        UnusableRepository,
        MissingReference,
        BackingOff,
        Unapproved,
    ];

    public static RunDecision Decide(RestoreFacts facts)
    {
        foreach (var policy in Policies)
        {
            if (policy(facts) is { } decision)
            {
                return decision;
            }
        }

        var slot = DateTimeOffset.FromUnixTimeSeconds(facts.Created.ToUnixTimeSeconds());
        var attempt = 1 + facts.History.Runs.Select(run => run.Attempt ?? 1).Concat(facts.Jobs.Select(job => job.Attempt)).DefaultIfEmpty(0).Max();
        return new RunDecision.Start(new RunOrder(RunKind.Restore, slot, attempt, facts.History.RetryAfter ?? facts.Created) { Sequence = facts.History.Next });
    }

    private static RunDecision? CancelledWhileActive(RestoreFacts facts) =>
        facts.Restore.Spec.Cancel && Active(facts) is { } job ? new RunDecision.End(job) : null;

    private static RunDecision? ActiveJob(RestoreFacts facts) => Active(facts) switch
    {
        null => null,
        var job when job.IsGivenUp(facts.Now) => new RunDecision.End(job),
        var job => new RunDecision.Follow(job),
    };

    private static RunDecision? Ended(RestoreFacts facts) =>
        facts.Known.CompletionTime is null ? null : new RunDecision.Wait(Reasons.Idle, "The restore has ended.");

    private static RunDecision? CancelledBefore(RestoreFacts facts) =>
        facts.Restore.Spec.Cancel ? new RunDecision.Wait(Reasons.Cancelled, "spec.cancel is set.") : null;

    /// <summary>A restore that is applied together with its PhotoBackup is there before the first snapshot is.</summary>
    private static RunDecision? BeforeFirstSnapshot(RestoreFacts facts) =>
        facts is { AwaitsSnapshot: true, NewestSnapshot: null, SourceError: null }
            ? new RunDecision.Wait(
                Reasons.WaitingForSnapshot,
                $"PhotoBackup '{facts.Restore.Spec.Source.BackupRef!.Name}' has no snapshot yet. The restore begins when its first one is there.", IsReady: false)
            : null;

    private static RunDecision? Stalled(RestoreFacts facts) =>
        facts is { History.StalledOn: { } stalled, SnapshotCame: false } and not { AwaitsSnapshot: true, SourceError: not null }
            ? new RunDecision.Stop(stalled.Reason ?? Reasons.WorkerCrashed, stalled.Message ?? "")
            : null;

    private static RunDecision? Suspended(RestoreFacts facts) =>
        facts.Restore.Spec.Suspend ? new RunDecision.Wait(Reasons.Suspended, "spec.suspend is set.") : null;

    private static RunDecision? UnresolvedSource(RestoreFacts facts) =>
        facts.SourceError is { } error ? new RunDecision.Wait(Reasons.BackupMissing, error, IsReady: false) : null;

    private static RunDecision? UnusableRepository(RestoreFacts facts) =>
        facts.Repository.IsUsable ? null : new RunDecision.Wait(facts.Repository.Reason!, facts.Repository.Message, IsReady: false);

    private static RunDecision? MissingReference(RestoreFacts facts) =>
        facts.References.Missing is null ? null : new RunDecision.Wait(facts.References.Reason, facts.References.Message, IsReady: false);

    private static RunDecision? BackingOff(RestoreFacts facts) => facts.History.Waiting(facts.Now);

    private static RunDecision? Unapproved(RestoreFacts facts) =>
        facts.NeedsApproval
            ? new RunDecision.Wait(
                Reasons.WaitingForApproval,
                $"{facts.Known.Plan!.Items} items would be uploaded, which no program can take back. Read status.plan, then set spec.approvedPlan: {facts.Known.Plan.Hash}")
            : null;

    private static JobView? Active(RestoreFacts facts) => facts.Jobs.Where(job => job.IsActive).OrderBy(job => job.Created).FirstOrDefault();
}
