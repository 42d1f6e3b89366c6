using KlosetOperator.Admission;
using KlosetOperator.Api;
using KlosetOperator.Api.Schema;
using KlosetOperator.Jobs;
using KlosetOperator.Options;
using KlosetOperator.References;
using KlosetOperator.Repositories;
using KlosetOperator.Runs;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Apply;
using KlosetOperator.Runtime.Cache;
using KlosetOperator.Runtime.Control;
using KlosetOperator.Runtime.Events;
using KlosetWorker.Contract;

namespace KlosetOperator.Restores;

/// <summary>Resolves what is to be restored, follows the planner, and tells the status.</summary>
[EntityRbac(ApiGroup.Name, "photorestores", RbacVerb.List | RbacVerb.Watch)]
[EntityRbac(ApiGroup.Name, "photorestores/status", RbacVerb.Patch)]
internal sealed partial class PhotoRestoreReconciler(
    ICache<PhotoBackup> backups,
    ICache<KlosetRepository> repositories,
    ReferencedObjects references,
    JobLauncher launcher,
    ProgressReader progress,
    AdmissionLedger ledger,
    IStatusApplier statuses,
    IEventRecorder events,
    OperatorOptions options,
    TimeProvider time,
    ILogger<PhotoRestoreReconciler> logger) : IEntityController<PhotoRestore>
{
    public async Task<ReconcileResult> ReconcileAsync(PhotoRestore entity, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var source = Resolve(entity);
        var facts = Gather(entity, source, now);
        foreach (var run in facts.History.Runs.Where(run => (entity.Status?.Runs ?? []).All(before => before.Id != run.Id)).Reverse())
        {
            Announce(entity, run);
        }

        if (RunFolding.Unjudged(facts.Jobs, facts.History, now) is { } unjudged)
        {
            var left = unjudged.End!.BelievedAfter - now;
            return new ReconcileResult.After(left < TimeSpan.FromSeconds(5) ? left + TimeSpan.FromMilliseconds(100) : TimeSpan.FromSeconds(5));
        }

        var decision = RestorePlanner.Decide(facts);
        RunDecision.Wait? refused = null;
        switch (decision)
        {
            case RunDecision.Start start:
                switch (await StartAsync(entity, source, facts, start.Order, cancellationToken).ConfigureAwait(false))
                {
                    case Launch.Started started:
                        decision = new RunDecision.Follow(started.Job);
                        break;
                    case Launch.Waiting waiting:
                        refused = waiting.Wait;
                        break;
                    case Launch.Refused no:
                        decision = new RunDecision.Stop(no.Reason, no.Message);
                        break;
                }

                break;
            case RunDecision.End { Job.Phase: JobPhase.Unknown } end:
                await launcher.GiveUpAsync(entity.Metadata.NamespaceProperty, end.Job, cancellationToken).ConfigureAwait(false);
                break;
            case RunDecision.End { Job.Phase: not JobPhase.Ending } end:
                await launcher.CancelAsync(entity.Metadata.NamespaceProperty, end.Job, cancellationToken).ConfigureAwait(false);
                break;
            case RunDecision.Follow { Job.Phase: not JobPhase.Ending } follow when entity.Spec.Suspend != (follow.Job.Phase == JobPhase.Suspended) && !IsQueued(entity):
                await launcher.SuspendAsync(entity.Metadata.NamespaceProperty, follow.Job, entity.Spec.Suspend, cancellationToken).ConfigureAwait(false);
                break;
            default:
                launcher.Withdraw(PhotoRestore.KubeKind, entity.Metadata);
                break;
        }

        var active = (decision switch { RunDecision.Follow follow => follow.Job, RunDecision.End given => given.Job, _ => null }) is { } job
            ? ActiveRuns.Of(
                job, entity.Status?.Active,
                await progress.ReadAsync(
                    entity.Metadata.NamespaceProperty, job, entity.Status?.Active is { } before && before.RunID == job.RunId ? before.ProgressTime : null, cancellationToken).ConfigureAwait(false),
                now)
            : null;
        var status = RestoreStatuses.Build(facts, decision, active, refused);
        await statuses.ApplyAsync(entity, status, cancellationToken).ConfigureAwait(false);
        await launcher.SweepAsync(entity.Metadata.NamespaceProperty, facts.Jobs, facts.History.Knows, cancellationToken).ConfigureAwait(false);
        return Next(refused ?? decision, active is not null || decision is RunDecision.End, now);
    }

    /// <summary>Kueue decides when its Jobs are suspended; ours would fight with it.</summary>
    private static bool IsQueued(PhotoRestore restore) => restore.Metadata.Labels?.ContainsKey(Labels.KueueQueue) == true;

    private ReconcileResult Next(RunDecision decision, bool active, DateTimeOffset now) => (decision, active) switch
    {
        (_, true) => new ReconcileResult.After(options.ProgressInterval),
        (RunDecision.Wait { Until: { } until }, _) => new ReconcileResult.After(until > now ? until - now : TimeSpan.FromSeconds(1)),
        (RunDecision.Wait { Reason: Reasons.WaitingForSlot or Reasons.WaitingForAccount or Reasons.WaitingForMaintenance }, _) =>
            new ReconcileResult.After(TimeSpan.FromMinutes(1)),
        _ => ReconcileResult.Done.Instance,
    };

    private Source Resolve(PhotoRestore restore)
    {
        var (spec, @namespace) = (restore.Spec.Source, restore.Metadata.NamespaceProperty);
        if (spec.BackupRef is not { } backupRef)
        {
            var name = spec.RepositoryRef!.Name;
            return new(repositories.Get(new NamespacedName(@namespace, name)), name, new RunAccount(spec.Account!.Id), null, null);
        }

        return backups.Get(new NamespacedName(@namespace, backupRef.Name)) is { } backup
            ? new(
                repositories.Get(new NamespacedName(@namespace, backup.Spec.RepositoryRef.Name)), backup.Spec.RepositoryRef.Name,
                new RunAccount(backup.Spec.Account.Id), backup.Spec.Job, null)
            : new(null, "", new RunAccount("?"), null, $"PhotoBackup '{backupRef.Name}' is not in this namespace. Create it, or name repositoryRef and account instead.");
    }

    private RestoreFacts Gather(PhotoRestore restore, Source source, DateTimeOffset now)
    {
        var metadata = restore.Metadata;
        var used = references.Look(
            metadata.NamespaceProperty,
            [.. ReferencesOf.Restore(restore.Spec), .. source.Repository is null ? [] : ReferencesOf.Repository(source.Repository.Spec)]);
        var mark = StallMark.Of(metadata, used.Hash);
        var jobs = launcher.JobsOf(metadata.Uid);
        var status = restore.Status ?? new PhotoRestoreStatus();
        if (source.Error is null)
        {
            status = status with { Resolved = (status.Resolved ?? new ResolvedSnapshot()) with { Repository = source.RepositoryName, Account = source.Account.Id } };
        }

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

        foreach (var job in RunFolding.Ended(jobs, history, now))
        {
            var verdict = RestoreStatuses.Strict(Verdict.Of(job.RunId, job.End!));
            history = history.Fold(job, verdict, mark, metadata.Uid);
            status = RestoreStatuses.Apply(status, restore, verdict, job.End!.Time);
            if (verdict.Result is { QuotaGroup: { } group, ResumeAfter: { } until })
            {
                ledger.PauseQuota(group, until);
            }
        }

        if (RunFolding.Vanished(status.Active, jobs, history) is { } gone && !restore.Spec.Cancel)
        {
            history = RunFolding.FoldVanished(history, gone, Outcomes.Failed, now);
        }

        return new RestoreFacts
        {
            Restore = restore,
            SourceError = source.Error,
            Repository = RepositoryHealth.Of(
                source.Repository, source.RepositoryName,
                source.Repository?.Spec.Backend.Volume is { } volume && references.IsShared(metadata.NamespaceProperty, volume.ClaimName)),
            References = used,
            Jobs = jobs,
            History = history,
            Known = status,
            Now = now,
        };
    }

    private Task<Launch> StartAsync(PhotoRestore restore, Source source, RestoreFacts facts, RunOrder order, CancellationToken cancellationToken)
    {
        var metadata = restore.Metadata;
        var mounts = new MountPlan();
        var run = new RunFile
        {
            Kind = order.Kind,
            RunId = order.RunId(metadata.Uid),
            Repository = RunFiles.Repository(source.Repository!, mounts, options.ClusterName) with { Create = false },
            Account = source.Account,
            Restore = RunFiles.Restore(restore, facts.Known.Resolved?.SnapshotID, facts.NeedsPlan, mounts),
            Limits = RunFiles.Limits(source.Repository!, null, facts.Now),
        };
        var google = restore.Spec.Target.GooglePhotos;
        return launcher.StartAsync(
            new JobRequest
            {
                Owner = restore,
                Prefix = "phr",
                RepositoryName = source.RepositoryName,
                Order = order,
                RunFile = run,
                Mounts = mounts,
                Ticket = new AdmissionTicket(
                    $"{metadata.NamespaceProperty}/{source.RepositoryName}",
                    google is null ? null : $"google/{google.Account.Id}", // one writer per account of Google
                    google is null ? null : $"{metadata.NamespaceProperty}/{google.Account.CredentialsSecretRef.Name}",
                    Exclusive: false),
                Template = source.Template,
            },
            facts.Repository.MaxJobs,
            cancellationToken);
    }

    private void Announce(PhotoRestore restore, RunRecord run)
    {
        LogRunEnded(restore.Metadata.NamespaceProperty, restore.Metadata.Name, run.Id, run.Outcome, run.Reason);
        var good = run.Outcome is Outcomes.Succeeded or Outcomes.NothingNew or Outcomes.Paused;
        events.Record(
            restore, good ? EventKind.Normal : EventKind.Warning, good ? $"Run{run.Outcome}" : run.Reason ?? run.Outcome, "Run",
            run.Message is { Length: > 0 } message ? message : $"The run ended: {run.Outcome}.");
    }

    /// <param name="Error">Why it cannot be resolved.</param>
    private sealed record Source(KlosetRepository? Repository, string RepositoryName, RunAccount Account, JobSpec? Template, string? Error);

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Run {RunId} of PhotoRestore {Namespace}/{Name} ended: {Outcome} ({Reason})")]
    private partial void LogRunEnded(string @namespace, string name, string runId, string outcome, string? reason);
}
