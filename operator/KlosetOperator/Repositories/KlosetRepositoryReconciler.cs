using System.Collections.Concurrent;
using k8s.Models;
using KlosetOperator.Admission;
using KlosetOperator.Api;
using KlosetOperator.Api.Schema;
using KlosetOperator.Jobs;
using KlosetOperator.Options;
using KlosetOperator.References;
using KlosetOperator.Runs;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Apply;
using KlosetOperator.Runtime.Cache;
using KlosetOperator.Runtime.Control;
using KlosetOperator.Runtime.Events;
using KlosetOperator.Schedules;
using KlosetWorker.Contract;

namespace KlosetOperator.Repositories;

/// <summary>Creates or adopts the repository, keeps its schedules, and judges its health by the Jobs of everybody who uses it.</summary>
[EntityRbac(ApiGroup.Name, "klosetrepositories", RbacVerb.List | RbacVerb.Watch)]
[EntityRbac(ApiGroup.Name, "klosetrepositories/status", RbacVerb.Patch)]
[EntityRbac("", "secrets", RbacVerb.List | RbacVerb.Watch)]
[EntityRbac("", "configmaps", RbacVerb.List | RbacVerb.Watch)]
[EntityRbac("", "persistentvolumeclaims", RbacVerb.List | RbacVerb.Watch)]
internal sealed class KlosetRepositoryReconciler(
    ICache<KlosetRepository> repositories,
    ICache<PhotoBackup> backups,
    ICache<PhotoRestore> restores,
    ICache<V1Job> jobs,
    ICache<V1Pod> pods,
    ReferencedObjects references,
    JobLauncher launcher,
    RunCycle cycle,
    IEntityQueue<PhotoBackup> backupQueue,
    IEntityQueue<PhotoRestore> restoreQueue,
    IStatusApplier statuses,
    IEventRecorder events,
    OperatorOptions options,
    ClusterIdentity cluster,
    TimeProvider time) : IEntityController<KlosetRepository>
{
    public const string IdentityIndex = "identity";
    public const string JobRepositoryIndex = "repository";
    private static readonly TimeSpan DefaultJitter = TimeSpan.FromMinutes(30);

    /// <summary>Slices end after six hours, so that maintenance gets its turn by itself; what still runs after a day is paused.</summary>
    private static readonly TimeSpan PauseJobsAfter = TimeSpan.FromHours(24);

    /// <summary>References as they were at the last look, by repository: who uses it must know when they change.</summary>
    private readonly ConcurrentDictionary<string, string> _seen = new();

    public async Task<ReconcileResult> ReconcileAsync(KlosetRepository entity, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var (facts, breaker) = Gather(entity, now);
        bool IsRecorded(JobView job) => RepositoryStatuses.Knows(facts.Known, facts.History, job);
        cycle.Announce(
            entity, Runs(entity.Status, entity.Status?.Runs), Runs(facts.Known, facts.History.Runs),
            run => $"{char.ToUpperInvariant(run.Kind[0])}{run.Kind[1..]}{run.Outcome}");
        if (facts.Jobs.FirstOrDefault(job => !job.IsActive && !job.IsJudgeable(now) && !IsRecorded(job)) is { } unjudged)
        {
            return new ReconcileResult.After(RunFolding.Patience(unjudged, now));
        }

        var decision = RepositoryPlanner.Decide(facts);
        var step = await cycle.CarryOutAsync(
            entity, entity.Status?.Active, facts.Jobs, decision, MaxJobs(entity), order => Request(entity, facts, order), cancellationToken).ConfigureAwait(false);
        facts = facts with { Jobs = step.Jobs };
        if (decision is RunDecision.Start { Order: { Kind: RunKind.Maintain } order } && step.Refused is not null && now - order.Due >= PauseJobsAfter)
        {
            await PauseJobsAsync(entity, cancellationToken).ConfigureAwait(false);
        }

        var status = RepositoryStatuses.Build(facts, step, breaker);
        cycle.AnnounceWait(entity, entity.Status?.Conditions, status.Conditions!);
        await statuses.ApplyAsync(entity, status, cancellationToken).ConfigureAwait(false);
        foreach (var group in facts.Jobs.GroupBy(job => job.Kind))
        {
            await cycle.SweepAsync(entity, group, IsRecorded, cancellationToken).ConfigureAwait(false);
        }

        WakeUsers(entity, facts.References.Hash);
        var deadline = new[] { RepositoryStatuses.NextDeadline(facts), decision is RunDecision.Start start ? start.Order.Due + PauseJobsAfter : null }.Where(moment => moment > now).Min();
        return new ReconcileResult.After(step.Pause(deadline, options.ProgressInterval, now));
    }

    private int MaxJobs(KlosetRepository repository) =>
        repository.Spec.Backend.Volume is { } volume && !references.IsShared(repository.Metadata.NamespaceProperty, volume.ClaimName)
            ? 1
            : repository.Spec.Concurrency?.MaxJobs ?? 4;

    /// <summary>Maintenance that waited for a day gets its turn. A queue of Kueue's keeps the say over its own Jobs.</summary>
    private async Task PauseJobsAsync(KlosetRepository repository, CancellationToken cancellationToken)
    {
        foreach (var job in jobs.ByIndex(JobRepositoryIndex, NamespacedName.Of(repository).ToString())
            .Where(job => job.Metadata.Labels?.ContainsKey(Labels.KueueQueue) != true)
            .Select(job => JobViews.Of(job, pods.OwnedBy(job.Metadata.Uid), time.GetUtcNow()))
            .OfType<JobView>()
            .Where(job => job.Phase is JobPhase.Starting or JobPhase.Running && job.Ticket?.Exclusive == false))
        {
            try
            {
                await launcher.PauseAsync(repository.Metadata.NamespaceProperty, job, cancellationToken).ConfigureAwait(false);
                events.Record(repository, EventKind.Normal, Reasons.WaitingForMaintenance, "Pause", $"Paused Job '{job.Name}': maintenance waits since a day.");
            }
            catch (ApiException gone) when (gone.IsNotFound || gone.IsConflict)
            {
                // It ended meanwhile.
            }
        }
    }

    private (RepositoryFacts Facts, DateTimeOffset? Breaker) Gather(KlosetRepository repository, DateTimeOffset now)
    {
        var (metadata, spec) = (repository.Metadata, repository.Spec);
        var used = references.Look(metadata.NamespaceProperty, ReferencesOf.Repository(spec));
        var mark = StallMark.Of(metadata, used.Hash);
        var own = launcher.JobsOf(metadata.Uid);
        var status = repository.Status ?? new KlosetRepositoryStatus();
        var history = RunHistory.Of(status, mark);
        foreach (var job in own.Where(job => job.IsJudgeable(now)).OrderBy(job => job.Created))
        {
            if (RepositoryStatuses.Knows(status, history, job))
            {
                continue;
            }

            var verdict = Verdict.Of(job.RunId, job.End!);
            if (job.Kind == RunKind.Create)
            {
                // Creating again is harmless, so a lost result is a failure that is tried again.
                verdict = verdict.Outcome == Outcomes.Lost ? verdict with { Outcome = Outcomes.Failed } : verdict;
                history = history.Fold(job, verdict, mark, metadata.Uid, RepositoryStatuses.RingSize);
            }

            status = RepositoryStatuses.Apply(status, job, verdict);
        }

        if (RunFolding.Vanished(status.Active, own, history) is { Kind: "create" } gone)
        {
            history = RunFolding.FoldVanished(history, gone, Outcomes.Failed, now, RepositoryStatuses.RingSize);
        }

        var ends = jobs.ByIndex(JobRepositoryIndex, $"{metadata.NamespaceProperty}/{metadata.Name}")
            .Select(job => JobViews.Of(job, pods.OwnedBy(job.Metadata.Uid), now))
            .OfType<JobView>()
            .Where(job => job.IsJudgeable(now))
            .OrderByDescending(job => job.End!.Time)
            .ThenByDescending(job => job.Created)
            .ThenBy(job => job.Name, StringComparer.Ordinal) // always the same one, whoever looks
            .Select(job => (job.End!.Time, Verdict: Verdict.Of(job.RunId, job.End)))
            .ToList();
        status = RepositoryStatuses.WithTotals(status, ends.Select(end => end.Verdict.Result).FirstOrDefault(result => result?.Repository is not null));

        EffectiveSchedule? maintenance = null, check = null;
        string? error = null;
        try
        {
            maintenance = EffectiveSchedule.Parse(spec.Maintenance?.Schedule, "H H * * 0", DefaultJitter, metadata.Uid + "/maintenance");
            check = EffectiveSchedule.Parse(spec.Check?.Schedule, "H H * * *", DefaultJitter, metadata.Uid + "/check");
        }
        catch (InvalidScheduleException invalid)
        {
            error = invalid.Message;
        }

        return (
            new RepositoryFacts
            {
                Repository = repository,
                References = used,
                OlderTwin = OlderTwin(repository, status.RepositoryID),
                Jobs = own,
                History = history.Hearing(mark, repository.Status?.Handled),
                Known = status,
                Maintenance = maintenance,
                Check = check,
                ScheduleError = error,
                Self = RunFiles.Owner(cluster.Name, metadata),
                Now = now,
                StartedAt = options.StartedAt,
            },
            status.RepositoryID is null ? null : CircuitBreaker.OpenSince(ends));
    }

    private string? OlderTwin(KlosetRepository repository, string? identity) => identity is null
        ? null
        : repositories.ByIndex(IdentityIndex, identity)
            .Where(other => other.Metadata.Uid != repository.Metadata.Uid && other.Metadata.DeletionTimestamp is null)
            .Where(other => Age(other).CompareTo(Age(repository)) < 0)
            .OrderBy(Age)
            .Select(other => $"{other.Metadata.NamespaceProperty}/{other.Metadata.Name}")
            .FirstOrDefault();

    private static (DateTime?, string) Age(KlosetRepository repository) => (repository.Metadata.CreationTimestamp, repository.Metadata.Uid);

    private JobRequest Request(KlosetRepository repository, RepositoryFacts facts, RunOrder order)
    {
        var metadata = repository.Metadata;
        var mounts = new MountPlan();
        return new JobRequest
        {
            Owner = repository,
            Prefix = "klr",
            RepositoryName = metadata.Name,
            Location = RepositoryLocations.Describe(repository.Spec.Backend),
            Order = order,
            RunFile = new RunFile
            {
                Kind = order.Kind,
                RunId = order.RunId(metadata.Uid),
                Repository = RunFiles.Repository(repository, mounts, cluster.Name, maintains: order.Kind == RunKind.Maintain),
                Check = order.Kind == RunKind.Check ? RepositoryPlanner.CheckOf(repository, facts) : null,
                Maintain = order.Kind == RunKind.Maintain ? new RunMaintain() : null,
                Limits = RunFiles.Limits(repository, null, facts.Now),
            },
            Mounts = mounts,
            Ticket = new AdmissionTicket($"{metadata.NamespaceProperty}/{metadata.Name}", null, null, Exclusive: order.Kind == RunKind.Maintain),
        };
    }

    /// <summary>A new passphrase or certificate may end the stall of everybody who uses the repository.</summary>
    private void WakeUsers(KlosetRepository repository, string hash)
    {
        var key = $"{repository.Metadata.NamespaceProperty}/{repository.Metadata.Name}";
        if (_seen.TryGetValue(key, out var before) && before == hash)
        {
            return;
        }

        _seen[key] = hash;
        if (before is null)
        {
            return;
        }

        foreach (var backup in backups.ByIndex(Hosting.Indexes.Repository, key))
        {
            backupQueue.Enqueue(NamespacedName.Of(backup));
        }

        foreach (var restore in restores.List(repository.Metadata.NamespaceProperty))
        {
            restoreQueue.Enqueue(NamespacedName.Of(restore));
        }
    }

    private static IEnumerable<RunRecord> Runs(KlosetRepositoryStatus? status, IReadOnlyList<RunRecord>? creation) =>
        (creation ?? []).Concat(status?.Check?.Runs ?? []).Concat(status?.Maintenance?.Runs ?? []);
}
