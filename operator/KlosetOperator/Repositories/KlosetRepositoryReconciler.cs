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
internal sealed partial class KlosetRepositoryReconciler(
    ICache<KlosetRepository> repositories,
    ICache<PhotoBackup> backups,
    ICache<PhotoRestore> restores,
    ICache<V1Job> jobs,
    ICache<V1Pod> pods,
    ReferencedObjects references,
    JobLauncher launcher,
    ProgressReader progress,
    IEntityQueue<PhotoBackup> backupQueue,
    IEntityQueue<PhotoRestore> restoreQueue,
    IStatusApplier statuses,
    IEventRecorder events,
    OperatorOptions options,
    TimeProvider time,
    ILogger<KlosetRepositoryReconciler> logger) : IEntityController<KlosetRepository>
{
    public const string IdentityIndex = "identity";
    public const string JobRepositoryIndex = "repository";
    private static readonly TimeSpan DefaultJitter = TimeSpan.FromMinutes(30);

    /// <summary>References as they were at the last look, by repository: who uses it must know when they change.</summary>
    private readonly ConcurrentDictionary<string, string> _seen = new();

    public async Task<ReconcileResult> ReconcileAsync(KlosetRepository entity, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var (facts, breaker) = Gather(entity, now);
        AnnounceNew(entity, facts);
        if (facts.Jobs.FirstOrDefault(job => !job.IsActive && !job.IsJudgeable(now) && !RepositoryStatuses.Knows(facts.Known, facts.History, job)) is { } unjudged)
        {
            var left = unjudged.End!.BelievedAfter - now;
            return new ReconcileResult.After(left < TimeSpan.FromSeconds(5) ? left + TimeSpan.FromMilliseconds(100) : TimeSpan.FromSeconds(5));
        }

        var decision = RepositoryPlanner.Decide(facts);
        RunDecision.Wait? refused = null;
        if (decision is RunDecision.Start start)
        {
            switch (await StartAsync(entity, facts, start.Order, cancellationToken).ConfigureAwait(false))
            {
                case Launch.Started started:
                    facts = facts with { Jobs = [.. facts.Jobs.Where(job => job.Name != started.Job.Name), started.Job] };
                    decision = new RunDecision.Follow(started.Job);
                    break;
                case Launch.Waiting waiting:
                    refused = waiting.Wait;
                    break;
                case Launch.Refused no:
                    decision = new RunDecision.Stop(no.Reason, no.Message);
                    break;
            }
        }
        else
        {
            launcher.Withdraw(KlosetRepository.KubeKind, entity.Metadata);
        }

        if (decision is RunDecision.End { Job.Phase: not JobPhase.Ending } end)
        {
            await launcher.GiveUpAsync(entity.Metadata.NamespaceProperty, end.Job, cancellationToken).ConfigureAwait(false);
        }

        var active = (decision switch { RunDecision.Follow follow => follow.Job, RunDecision.End given => given.Job, _ => null }) is { } job
            ? ActiveRuns.Of(
                job, entity.Status?.Active,
                await progress.ReadAsync(
                    entity.Metadata.NamespaceProperty, job, entity.Status?.Active is { } before && before.RunID == job.RunId ? before.ProgressTime : null, cancellationToken).ConfigureAwait(false),
                now)
            : null;
        var status = RepositoryStatuses.Build(
            facts, decision, active, refused, breaker, $"{options.ClusterName}/{entity.Metadata.NamespaceProperty}/{entity.Metadata.Name}");
        await statuses.ApplyAsync(entity, status, cancellationToken).ConfigureAwait(false);
        foreach (var group in facts.Jobs.GroupBy(job => job.Kind))
        {
            await launcher.SweepAsync(
                entity.Metadata.NamespaceProperty, [.. group],
                job => RepositoryStatuses.Knows(facts.Known, facts.History, job), cancellationToken).ConfigureAwait(false);
        }

        WakeUsers(entity, facts.References.Hash);
        return Next(refused ?? decision, active is not null, refused is not null, now);
    }

    private ReconcileResult.After Next(RunDecision decision, bool active, bool refused, DateTimeOffset now)
    {
        var pause = decision is RunDecision.Wait { Until: { } until } ? until - now : TimeSpan.FromHours(6);
        var most = active ? options.ProgressInterval : refused ? TimeSpan.FromMinutes(1) : TimeSpan.FromHours(6);
        return new ReconcileResult.After(pause > most ? most : pause < TimeSpan.FromMilliseconds(100) ? TimeSpan.FromMilliseconds(100) : pause);
    }

    private (RepositoryFacts Facts, DateTimeOffset? Breaker) Gather(KlosetRepository repository, DateTimeOffset now)
    {
        var (metadata, spec) = (repository.Metadata, repository.Spec);
        var used = references.Look(metadata.NamespaceProperty, ReferencesOf.Repository(spec));
        var mark = StallMark.Of(metadata, used.Hash);
        var own = launcher.JobsOf(metadata.Uid);
        var status = repository.Status ?? new KlosetRepositoryStatus();
        var history = new RunHistory
        {
            Runs = status.Runs ?? [],
            ConsecutiveFailures = status.ConsecutiveFailures ?? 0,
            RetryAfter = status.RetryAfter,
            StalledOn = status.StalledOn,
        };
        if (history.StalledOn is { } stalled && !StallMark.Holds(stalled, mark))
        {
            history = history.Reopened();
        }
        else if (mark.Retry is not null && mark.Retry != status.Handled?.Retry)
        {
            history = history with { RetryAfter = null };
        }

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
            .Select(job => (job.End!.Time, Verdict: Verdict.Of(job.RunId, job.End)))
            .OrderByDescending(end => end.Time)
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
                History = history,
                Known = status,
                Maintenance = maintenance,
                Check = check,
                ScheduleError = error,
                Now = now,
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

    private Task<Launch> StartAsync(KlosetRepository repository, RepositoryFacts facts, RunOrder order, CancellationToken cancellationToken)
    {
        var metadata = repository.Metadata;
        var mounts = new MountPlan();
        var run = new RunFile
        {
            Kind = order.Kind,
            RunId = order.RunId(metadata.Uid),
            Repository = RunFiles.Repository(repository, mounts, options.ClusterName, maintains: order.Kind == RunKind.Maintain),
            Check = order.Kind == RunKind.Check ? RepositoryPlanner.CheckOf(repository, facts) : null,
            Maintain = order.Kind == RunKind.Maintain ? new RunMaintain() : null,
            Limits = RunFiles.Limits(repository, null, facts.Now),
        };
        var shared = repository.Spec.Backend.Volume is not { } volume || references.IsShared(metadata.NamespaceProperty, volume.ClaimName);
        return launcher.StartAsync(
            new JobRequest
            {
                Owner = repository,
                Prefix = "klr",
                RepositoryName = metadata.Name,
                Order = order,
                RunFile = run,
                Mounts = mounts,
                Ticket = new AdmissionTicket($"{metadata.NamespaceProperty}/{metadata.Name}", null, null, Exclusive: order.Kind == RunKind.Maintain),
            },
            shared ? repository.Spec.Concurrency?.MaxJobs ?? 4 : 1,
            cancellationToken);
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

    private void AnnounceNew(KlosetRepository repository, RepositoryFacts facts)
    {
        var before = Runs(repository.Status, repository.Status?.Runs).Select(run => run.Id).ToHashSet();
        foreach (var run in Runs(facts.Known, facts.History.Runs).Where(run => !before.Contains(run.Id)).Reverse())
        {
            LogRunEnded(repository.Metadata.NamespaceProperty, repository.Metadata.Name, run.Kind, run.Id, run.Outcome, run.Reason);
            var good = run.Outcome is Outcomes.Succeeded or Outcomes.NothingNew or Outcomes.Paused;
            events.Record(
                repository, good ? EventKind.Normal : EventKind.Warning, good ? $"{char.ToUpperInvariant(run.Kind[0])}{run.Kind[1..]}{run.Outcome}" : run.Reason ?? run.Outcome, "Run",
                run.Message is { Length: > 0 } message ? message : $"The run ended: {run.Outcome}.");
        }
    }

    private static IEnumerable<RunRecord> Runs(KlosetRepositoryStatus? status, IReadOnlyList<RunRecord>? creation) =>
        (creation ?? []).Concat(status?.Check?.Runs ?? []).Concat(status?.Maintenance?.Runs ?? []);

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Run {RunId} ({Kind}) of KlosetRepository {Namespace}/{Name} ended: {Outcome} ({Reason})")]
    private partial void LogRunEnded(string @namespace, string name, string kind, string runId, string outcome, string? reason);
}
