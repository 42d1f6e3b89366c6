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
using KlosetOperator.Schedules;
using KlosetOperator.Telemetry;
using KlosetWorker.Contract;

namespace KlosetOperator.Backups;

/// <summary>Gathers the facts, lets the planner decide, does the one thing that it says, and writes what is known into the status.</summary>
[EntityRbac(ApiGroup.Name, "photobackups", RbacVerb.List | RbacVerb.Watch)]
[EntityRbac(ApiGroup.Name, "photobackups/status", RbacVerb.Patch)]
internal sealed class PhotoBackupReconciler(
    ICache<PhotoBackup> backups,
    ICache<KlosetRepository> repositories,
    ReferencedObjects references,
    JobLauncher launcher,
    RunCycle cycle,
    IStatusApplier statuses,
    OperatorMetrics metrics,
    OperatorOptions options,
    ClusterIdentity cluster,
    TimeProvider time) : IEntityController<PhotoBackup>
{
    public const string AccountIndex = "account";
    private const string DefaultCron = "H H * * *";
    private static readonly TimeSpan DefaultJitter = TimeSpan.FromMinutes(30);

    /// <summary>The value under which twins find each other.</summary>
    public static string AccountKey(PhotoBackup backup) =>
        $"{backup.Metadata.NamespaceProperty}/{backup.Spec.RepositoryRef.Name}/{backup.Spec.Account.Id}/{SourceKind(backup.Spec)}";

    public async Task<ReconcileResult> ReconcileAsync(PhotoBackup entity, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var (facts, known) = Gather(entity, now);
        foreach (var run in cycle.Announce(entity, entity.Status?.Runs, facts.History.Runs, run => $"Run{run.Outcome}"))
        {
            metrics.RunEnded(run);
        }

        if (RunFolding.Unjudged(facts.Jobs, facts.History, now) is { } unjudged)
        {
            return new ReconcileResult.After(RunFolding.Patience(unjudged, now));
        }

        var step = await cycle.CarryOutAsync(
            entity, entity.Status?.Active, facts.Jobs, BackupPlanner.Decide(facts), facts.Repository.MaxJobs, order => Request(entity, facts, order), cancellationToken).ConfigureAwait(false);
        facts = facts with { Jobs = step.Jobs };
        var tokenEnds = references.GrantEnds(entity);
        var status = BackupStatuses.Build(facts, known, step, tokenEnds);
        cycle.AnnounceWait(entity, entity.Status?.Conditions, status.Conditions!);
        await statuses.ApplyAsync(entity, status, cancellationToken).ConfigureAwait(false);
        await cycle.SweepAsync(entity, facts.Jobs, facts.History.Knows, cancellationToken).ConfigureAwait(false);
        return new ReconcileResult.After(step.Pause(BackupStatuses.NextDeadline(facts, status, tokenEnds), options.ProgressInterval, now));
    }

    private (BackupFacts Facts, PhotoBackupStatus Known) Gather(PhotoBackup backup, DateTimeOffset now)
    {
        var (metadata, spec) = (backup.Metadata, backup.Spec);
        var repository = repositories.Get(new NamespacedName(metadata.NamespaceProperty, spec.RepositoryRef.Name));
        var used = references.Look(
            metadata.NamespaceProperty, [.. ReferencesOf.Backup(spec), .. repository is null ? [] : ReferencesOf.Repository(repository.Spec)]);
        var mark = StallMark.Of(metadata, used.Hash);
        var jobs = launcher.JobsOf(metadata.Uid);
        var status = backup.Status ?? new PhotoBackupStatus();
        var history = RunHistory.Of(status, mark);
        foreach (var job in RunFolding.Ended(jobs, history, now))
        {
            if (!history.Asks(job))
            {
                continue;
            }

            var verdict = Verdict.Of(job.RunId, job.End!);
            history = history.Fold(job, verdict, mark, metadata.Uid);
            status = BackupResults.Apply(status, spec, verdict, job);
        }

        if (RunFolding.Vanished(status.Active, jobs, history) is { } gone)
        {
            history = RunFolding.FoldVanished(history, gone, Outcomes.Lost, now);
        }

        EffectiveSchedule? schedule = null;
        string? error = null;
        try
        {
            schedule = EffectiveSchedule.Parse(spec.Schedule, DefaultCron, DefaultJitter, metadata.Uid);
        }
        catch (InvalidScheduleException invalid)
        {
            error = invalid.Message;
        }

        var facts = new BackupFacts
        {
            Backup = backup,
            Repository = RepositoryHealth.Of(
                repository, spec.RepositoryRef.Name,
                repository?.Spec.Backend.Volume is { } volume && references.IsShared(metadata.NamespaceProperty, volume.ClaimName)),
            Schedule = schedule,
            ScheduleError = error,
            References = used,
            OlderTwin = OlderTwin(backup),
            Jobs = jobs,
            History = history.Hearing(mark, backup.Status?.Handled),
            HasMoved = HasMoved(status, repository),
            Now = now,
            StartedAt = options.StartedAt,
        };
        return (facts, status);
    }

    private string? OlderTwin(PhotoBackup backup) => backups.ByIndex(AccountIndex, AccountKey(backup))
        .Where(other => other.Metadata.Uid != backup.Metadata.Uid && other.Metadata.DeletionTimestamp is null)
        .Where(other => Age(other).CompareTo(Age(backup)) < 0)
        .OrderBy(Age)
        .Select(other => other.Metadata.Name)
        .FirstOrDefault();

    private static (DateTime?, string) Age(PhotoBackup backup) => (backup.Metadata.CreationTimestamp, backup.Metadata.Uid);

    /// <summary>The account's snapshots were written into another repository, or the repository lies elsewhere since.</summary>
    private static bool HasMoved(PhotoBackupStatus status, KlosetRepository? repository) =>
        status.RepositoryID is { } held && repository?.Status?.RepositoryID is { } id
        && (held != id || (status.RepositoryLocation is { } place && place != RepositoryLocations.Describe(repository.Spec.Backend)));

    private JobRequest Request(PhotoBackup backup, BackupFacts facts, RunOrder order)
    {
        var (metadata, spec) = (backup.Metadata, backup.Spec);
        var repository = repositories.Get(new NamespacedName(metadata.NamespaceProperty, spec.RepositoryRef.Name))!;
        var mounts = new MountPlan();
        var run = new RunFile
        {
            Kind = order.Kind,
            RunId = order.RunId(metadata.Uid),
            Repository = RunFiles.Repository(repository, mounts, cluster.Name),
            Account = new RunAccount(spec.Account.Id, spec.Account.Email),
            Backup = order.Kind == RunKind.Backup ? RunFiles.Backup(backup, facts.HasMoved, mounts) : null,
            Inspect = order.LostRunId is { } lost ? new RunInspect(lost) : null,
            Limits = RunFiles.Limits(repository, facts.Schedule?.Closing(facts.Now), facts.Now),
        };
        var key = $"{metadata.NamespaceProperty}/{spec.RepositoryRef.Name}";
        return new JobRequest
        {
            Owner = backup,
            Prefix = "phb",
            RepositoryName = spec.RepositoryRef.Name,
            Location = RepositoryLocations.Describe(repository.Spec.Backend),
            Order = order,
            RunFile = run,
            Mounts = mounts,
            Ticket = new AdmissionTicket(key, $"{key}/{spec.Account.Id}", references.QuotaGroup(metadata.NamespaceProperty, ReferencesOf.GoogleSecrets(spec)), Exclusive: false),
            Template = spec.Job,
        };
    }

    private static string SourceKind(PhotoBackupSpec spec) =>
        spec.Source.Takeout is not null ? "takeout" : spec.Source.Library is not null ? "library" : "picker";
}
