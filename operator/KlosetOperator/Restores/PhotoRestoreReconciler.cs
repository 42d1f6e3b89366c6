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
using KlosetWorker.Contract;

namespace KlosetOperator.Restores;

/// <summary>Resolves what is to be restored, follows the planner, and tells the status.</summary>
[EntityRbac(ApiGroup.Name, "photorestores", RbacVerb.List | RbacVerb.Watch)]
[EntityRbac(ApiGroup.Name, "photorestores/status", RbacVerb.Patch)]
internal sealed class PhotoRestoreReconciler(
    ICache<PhotoBackup> backups,
    ICache<KlosetRepository> repositories,
    ReferencedObjects references,
    JobLauncher launcher,
    RunCycle cycle,
    IStatusApplier statuses,
    OperatorOptions options,
    ClusterIdentity cluster,
    TimeProvider time) : IEntityController<PhotoRestore>
{
    public async Task<ReconcileResult> ReconcileAsync(PhotoRestore entity, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var source = Resolve(entity);
        var facts = Gather(entity, source, now);
        cycle.Announce(entity, entity.Status?.Runs, facts.History.Runs, run => $"Run{run.Outcome}");
        if (RunFolding.Unjudged(facts.Jobs, facts.History, now) is { } unjudged)
        {
            return new ReconcileResult.After(RunFolding.Patience(unjudged, now));
        }

        var step = await cycle.CarryOutAsync(
            entity, entity.Status?.Active, facts.Jobs, RestorePlanner.Decide(facts), facts.Repository.MaxJobs, order => Request(entity, source, facts, order), cancellationToken,
            isCancelled: entity.Spec.Cancel, isSuspended: IsQueued(entity) ? null : entity.Spec.Suspend).ConfigureAwait(false);
        var status = RestoreStatuses.Build(facts, step);
        cycle.AnnounceWait(entity, entity.Status?.Conditions, status.Conditions!);
        await statuses.ApplyAsync(entity, status, cancellationToken).ConfigureAwait(false);
        await cycle.SweepAsync(entity, facts.Jobs, facts.History.Knows, cancellationToken).ConfigureAwait(false);
        return facts.Known.CompletionTime is not null && step.Active is null
            ? ReconcileResult.Done.Instance
            : new ReconcileResult.After(step.Pause(null, options.ProgressInterval, now));
    }

    /// <summary>When the newest snapshot was made that a PhotoBackup knows of. Its list of them may not have fitted into a result.</summary>
    public static DateTimeOffset? NewestSnapshot(PhotoBackup backup) => (backup.Status?.Snapshots ?? []).Select(snapshot => (DateTimeOffset?)snapshot.Time)
        .Concat((backup.Status?.Runs ?? []).Where(run => run.SnapshotID is not null).Select(run => run.CompletionTime))
        .Max();

    /// <summary>Kueue decides when its Jobs are suspended; ours would fight with it.</summary>
    private static bool IsQueued(PhotoRestore restore) => restore.Metadata.Labels?.ContainsKey(Labels.KueueQueue) == true;

    private Source Resolve(PhotoRestore restore)
    {
        var (spec, @namespace) = (restore.Spec.Source, restore.Metadata.NamespaceProperty);
        if (spec.BackupRef is not { } backupRef)
        {
            var name = spec.RepositoryRef!.Name;
            return new(repositories.Get(new NamespacedName(@namespace, name)), name, new RunAccount(spec.Account!.Id), null, null, null);
        }

        return backups.Get(new NamespacedName(@namespace, backupRef.Name)) is { } backup
            ? new(
                repositories.Get(new NamespacedName(@namespace, backup.Spec.RepositoryRef.Name)), backup.Spec.RepositoryRef.Name,
                new RunAccount(backup.Spec.Account.Id), backup.Spec.Job, NewestSnapshot(backup), null)
            : new(null, "", new RunAccount("?"), null, null, $"PhotoBackup '{backupRef.Name}' is not in this namespace. Create it, or name repositoryRef and account instead.");
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

        var history = RunHistory.Of(status, mark);
        foreach (var job in RunFolding.Ended(jobs, history, now))
        {
            var verdict = RestoreStatuses.Strict(Verdict.Of(job.RunId, job.End!));
            history = history.Fold(job, verdict, mark, metadata.Uid);
            status = RestoreStatuses.Apply(status, restore, verdict, job.End!.Time);
        }

        if (RunFolding.Vanished(status.Active, jobs, history) is { } gone && !restore.Spec.Cancel)
        {
            history = RunFolding.FoldVanished(history, gone, Outcomes.Failed, now);
        }

        var facts = new RestoreFacts
        {
            Restore = restore,
            SourceError = source.Error,
            NewestSnapshot = source.NewestSnapshot,
            Repository = RepositoryHealth.Of(
                source.Repository, source.RepositoryName,
                source.Repository?.Spec.Backend.Volume is { } volume && references.IsShared(metadata.NamespaceProperty, volume.ClaimName)),
            References = used,
            Jobs = jobs,
            History = history.Hearing(mark, restore.Status?.Handled),
            Known = status,
            Now = now,
        };
        return facts.SnapshotCame ? facts with { History = facts.History.Reopened() } : facts;
    }

    private JobRequest Request(PhotoRestore restore, Source source, RestoreFacts facts, RunOrder order)
    {
        var (metadata, repository) = (restore.Metadata, source.Repository!);
        var mounts = new MountPlan();
        var run = new RunFile
        {
            Kind = order.Kind,
            RunId = order.RunId(metadata.Uid),
            Repository = RunFiles.Repository(repository, mounts, cluster.Name) with { Create = false },
            Account = source.Account,
            Restore = RunFiles.Restore(restore, facts.Known.Resolved?.SnapshotID, facts.NeedsPlan, mounts),
            Limits = RunFiles.Limits(repository, null, facts.Now),
        };
        var google = restore.Spec.Target.GooglePhotos?.Account;
        return new JobRequest
        {
            Owner = restore,
            Prefix = "phr",
            RepositoryName = source.RepositoryName,
            Location = RepositoryLocations.Describe(repository.Spec.Backend),
            Order = order,
            RunFile = run,
            Mounts = mounts,
            Ticket = new AdmissionTicket(
                $"{metadata.NamespaceProperty}/{source.RepositoryName}",
                google is null ? null : $"google/{google.Email ?? $"{metadata.NamespaceProperty}/{google.Id}"}", // one writer per account of Google
                google is null ? null : references.QuotaGroup(metadata.NamespaceProperty, [google.CredentialsSecretRef.Name]),
                Exclusive: false),
            Template = source.Template,
        };
    }

    /// <param name="NewestSnapshot">When the PhotoBackup made it, as far as it knows.</param>
    /// <param name="Error">Why it cannot be resolved.</param>
    private sealed record Source(KlosetRepository? Repository, string RepositoryName, RunAccount Account, JobSpec? Template, DateTimeOffset? NewestSnapshot, string? Error);
}
