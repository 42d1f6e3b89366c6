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
using KlosetOperator.Schedules;
using KlosetOperator.Telemetry;
using KlosetWorker.Contract;

namespace KlosetOperator.Backups;

/// <summary>Gathers the facts, lets the planner decide, does the one thing that it says, and writes what is known into the status.</summary>
[EntityRbac(ApiGroup.Name, "photobackups", RbacVerb.List | RbacVerb.Watch)]
[EntityRbac(ApiGroup.Name, "photobackups/status", RbacVerb.Patch)]
internal sealed partial class PhotoBackupReconciler(
    ICache<PhotoBackup> backups,
    ICache<KlosetRepository> repositories,
    ReferencedObjects references,
    JobLauncher launcher,
    ProgressReader progress,
    AdmissionLedger ledger,
    IStatusApplier statuses,
    IEventRecorder events,
    OperatorMetrics metrics,
    OperatorOptions options,
    TimeProvider time,
    ILogger<PhotoBackupReconciler> logger) : IEntityController<PhotoBackup>
{
    public const string AccountIndex = "account";
    private const string DefaultCron = "H H * * *";
    private static readonly TimeSpan DefaultJitter = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(6);

    /// <summary>The value under which twins find each other.</summary>
    public static string AccountKey(PhotoBackup backup) =>
        $"{backup.Metadata.NamespaceProperty}/{backup.Spec.RepositoryRef.Name}/{backup.Spec.Account.Id}/{SourceKind(backup.Spec)}";

    public async Task<ReconcileResult> ReconcileAsync(PhotoBackup entity, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var (facts, known) = Gather(entity, now);
        foreach (var run in facts.History.Runs.Where(run => (entity.Status?.Runs ?? []).All(before => before.Id != run.Id || before.Outcome != run.Outcome)).Reverse())
        {
            Announce(entity, run);
        }

        if (RunFolding.Unjudged(facts.Jobs, facts.History, now) is { } unjudged)
        {
            return new ReconcileResult.After(Shorter(unjudged.End!.BelievedAfter - now, TimeSpan.FromSeconds(5)));
        }

        var decision = BackupPlanner.Decide(facts);
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
            launcher.Withdraw(PhotoBackup.KubeKind, entity.Metadata);
        }

        if (decision is RunDecision.End { Job.Phase: not JobPhase.Ending } end)
        {
            await launcher.GiveUpAsync(entity.Metadata.NamespaceProperty, end.Job, cancellationToken).ConfigureAwait(false);
        }

        // A Job that is given up stays in the status until it is gone, and is then a lost run.
        var watched = decision switch { RunDecision.Follow follow => follow.Job, RunDecision.End given => given.Job, _ => null };
        var active = watched is null ? null : await FollowAsync(entity, watched, now, cancellationToken).ConfigureAwait(false);
        var tokenEnds = references.GrantEnds(entity);
        var status = BackupStatuses.Build(facts, known, decision, active, refused, tokenEnds);
        AnnounceWait(entity, status);
        await statuses.ApplyAsync(entity, status, cancellationToken).ConfigureAwait(false);
        await launcher.SweepAsync(entity.Metadata.NamespaceProperty, facts.Jobs, facts.History.Knows, cancellationToken).ConfigureAwait(false);
        return new ReconcileResult.After(Pause(BackupStatuses.NextDeadline(facts, status, refused ?? decision, tokenEnds), active is not null, refused is not null, now));
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

        foreach (var job in RunFolding.Ended(jobs, history, now))
        {
            if (!history.Asks(job))
            {
                continue;
            }

            var verdict = Verdict.Of(job.RunId, job.End!);
            history = history.Fold(job, verdict, mark, metadata.Uid);
            status = BackupResults.Apply(status, spec, verdict, job.End!.Time);
            if (verdict.Result is { QuotaGroup: { } group, ResumeAfter: { } until })
            {
                ledger.PauseQuota(group, until);
            }
        }

        if (RunFolding.Vanished(status.Active, jobs, history) is { } gone)
        {
            history = RunFolding.FoldVanished(history, gone, Outcomes.Lost, now);
        }

        if (mark.Retry is not null && mark.Retry != status.Handled?.Retry)
        {
            history = history with { RetryAfter = null };
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
            History = history,
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

    private Task<Launch> StartAsync(PhotoBackup backup, BackupFacts facts, RunOrder order, CancellationToken cancellationToken)
    {
        var (metadata, spec) = (backup.Metadata, backup.Spec);
        var repository = repositories.Get(new NamespacedName(metadata.NamespaceProperty, spec.RepositoryRef.Name))!;
        var mounts = new MountPlan();
        var run = new RunFile
        {
            Kind = order.Kind,
            RunId = order.RunId(metadata.Uid),
            Repository = RunFiles.Repository(repository, mounts, options.ClusterName),
            Account = new RunAccount(spec.Account.Id, spec.Account.Email),
            Backup = order.Kind == RunKind.Backup ? RunFiles.Backup(backup, mounts) : null,
            Inspect = order.LostRunId is { } lost ? new RunInspect(lost) : null,
            Limits = RunFiles.Limits(repository, facts.Schedule?.Closing(facts.Now), facts.Now),
        };
        var key = $"{metadata.NamespaceProperty}/{spec.RepositoryRef.Name}";
        return launcher.StartAsync(
            new JobRequest
            {
                Owner = backup,
                Prefix = "phb",
                RepositoryName = spec.RepositoryRef.Name,
                Order = order,
                RunFile = run,
                Mounts = mounts,
                Ticket = new AdmissionTicket(key, $"{key}/{spec.Account.Id}", ReferencesOf.GoogleSecrets(spec).Select(name => $"{metadata.NamespaceProperty}/{name}").FirstOrDefault(), Exclusive: false),
                Template = spec.Job,
            },
            facts.Repository.MaxJobs,
            cancellationToken);
    }

    private async Task<ActiveRun> FollowAsync(PhotoBackup backup, JobView job, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var before = backup.Status?.Active;
        var news = await progress.ReadAsync(
            backup.Metadata.NamespaceProperty, job, before?.RunID == job.RunId ? before.ProgressTime : null, cancellationToken).ConfigureAwait(false);
        return ActiveRuns.Of(job, before, news, now);
    }

    private void Announce(PhotoBackup backup, RunRecord run)
    {
        metrics.RunEnded(run);
        LogRunEnded(backup.Metadata.NamespaceProperty, backup.Metadata.Name, run.Id, run.Outcome, run.Reason);
        var good = run.Outcome is Outcomes.Succeeded or Outcomes.NothingNew or Outcomes.Paused;
        events.Record(
            backup, good ? EventKind.Normal : EventKind.Warning, good ? $"Run{run.Outcome}" : run.Reason ?? run.Outcome, "Run",
            run.Message is { Length: > 0 } message ? message : $"The run ended: {run.Outcome}.");
    }

    private void AnnounceWait(PhotoBackup backup, PhotoBackupStatus status)
    {
        var before = backup.Status?.Conditions?.FirstOrDefault(condition => condition.Type == ConditionTypes.Running);
        var after = status.Conditions!.First(condition => condition.Type == ConditionTypes.Running);
        if (after.Status != "True" && after.Reason is not Reasons.Idle && after.Reason != before?.Reason)
        {
            var warning = Runtime.Apply.Conditions.IsTrue(status.Conditions, ConditionTypes.Stalled) || !Runtime.Apply.Conditions.IsTrue(status.Conditions, ConditionTypes.Ready);
            events.Record(backup, warning ? EventKind.Warning : EventKind.Normal, after.Reason, "Wait", after.Message);
        }
    }

    private static string SourceKind(PhotoBackupSpec spec) =>
        spec.Source.Takeout is not null ? "takeout" : spec.Source.Library is not null ? "library" : "picker";

    private TimeSpan Pause(DateTimeOffset? deadline, bool active, bool refused, DateTimeOffset now)
    {
        var pause = deadline is { } moment ? Shorter(moment - now, LongestPause) : LongestPause;
        return active ? Shorter(pause, options.ProgressInterval) : refused ? Shorter(pause, TimeSpan.FromMinutes(1)) : pause;
    }

    private static TimeSpan Shorter(TimeSpan left, TimeSpan right) =>
        left < TimeSpan.FromMilliseconds(100) ? TimeSpan.FromMilliseconds(100) : left < right ? left : right;

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Run {RunId} of PhotoBackup {Namespace}/{Name} ended: {Outcome} ({Reason})")]
    private partial void LogRunEnded(string @namespace, string name, string runId, string outcome, string? reason);
}
