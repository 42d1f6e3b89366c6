using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Backups;
using KlosetOperator.Jobs;
using KlosetOperator.References;
using KlosetOperator.Repositories;
using KlosetOperator.Runs;
using KlosetOperator.Schedules;
using KlosetWorker.Contract;

namespace KlosetOperator.Tests.Backups;

/// <summary>One PhotoBackup, its Jobs and a clock: what the reconciler does, without an API server.</summary>
internal sealed class BackupWorld
{
    public static readonly DateTimeOffset Start = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);
    private readonly string _uid;
    private int _generation = 1;

    public BackupWorld(string? cron = "0 3 * * *", Func<PhotoBackupSpec, PhotoBackupSpec>? change = null, int number = 1)
    {
        _uid = $"0b2f6a1e-0000-4000-8000-{number:d12}";
        var spec = new PhotoBackupSpec
        {
            RepositoryRef = new NameRef { Name = "family" },
            Account = new AccountSpec { Id = "alice" },
            Source = new BackupSource
            {
                Takeout = new TakeoutSource { Locations = [new TakeoutLocation { Volume = new VolumeLocation { ClaimName = "drop" } }] },
            },
            Schedule = cron is null ? null : new ScheduleSpec { Cron = cron },
        };
        Backup = new PhotoBackup
        {
            Metadata = new V1ObjectMeta
            {
                Name = "alice",
                NamespaceProperty = "photos",
                Uid = _uid,
                Generation = 1,
                CreationTimestamp = Start.UtcDateTime,
                Annotations = new Dictionary<string, string>(),
            },
            Spec = change?.Invoke(spec) ?? spec,
        };
    }

    public PhotoBackup Backup { get; private set; }

    public PhotoBackupStatus Status => Backup.Status ?? new PhotoBackupStatus();

    public DateTimeOffset Now { get; set; } = Start;

    public DateTimeOffset StartedAt { get; set; } = Start;

    public RepositoryHealth Repository { get; set; } = new(null, "", 4);

    public ReferenceState References { get; set; } = new(null, "secrets-1");

    public string? OlderTwin { get; set; }

    public bool HasMoved { get; set; }

    /// <summary>What admission says to whoever wants to start.</summary>
    public RunDecision.Wait? Refusal { get; set; }

    /// <summary>What the running worker asks a person to do.</summary>
    public ActionStatus? Asks { get; set; }

    public DateTimeOffset? TokenEnds { get; set; }

    public Dictionary<string, JobView> Jobs { get; } = [];

    public BackupFacts? Facts { get; private set; }

    /// <summary>One look of the reconciler. With <paramref name="lostStatus"/> the operator dies before it writes the status.</summary>
    public RunDecision Reconcile(bool lostStatus = false)
    {
        var mark = StallMark.Of(Backup.Metadata, References.Hash);
        var jobs = Jobs.Values.OrderBy(job => job.Created).ToList();
        var known = Status;
        var history = RunHistory.Of(known, mark);
        foreach (var job in RunFolding.Ended(jobs, history, Now))
        {
            if (!history.Asks(job))
            {
                continue;
            }

            var verdict = Verdict.Of(job.RunId, job.End!);
            history = history.Fold(job, verdict, mark, _uid);
            known = BackupResults.Apply(known, Backup.Spec, verdict, job);
        }

        if (RunFolding.Vanished(known.Active, jobs, history) is { } gone)
        {
            history = RunFolding.FoldVanished(history, gone, Outcomes.Lost, Now);
        }

        EffectiveSchedule? schedule = null;
        string? error = null;
        try
        {
            schedule = EffectiveSchedule.Parse(Backup.Spec.Schedule, "H H * * *", TimeSpan.FromMinutes(30), _uid);
        }
        catch (InvalidScheduleException invalid)
        {
            error = invalid.Message;
        }

        Facts = new BackupFacts
        {
            Backup = Backup,
            Repository = Repository,
            Schedule = schedule,
            ScheduleError = error,
            References = References,
            OlderTwin = OlderTwin,
            Jobs = jobs,
            History = history,
            HasMoved = HasMoved,
            Now = Now,
            StartedAt = StartedAt,
        };
        var decision = BackupPlanner.Decide(Facts);
        if (decision is RunDecision.Start start && Refusal is null)
        {
            var job = Create(start.Order);
            Facts = Facts with { Jobs = [.. jobs.Where(other => other.Name != job.Name), job] };
            decision = new RunDecision.Follow(job);
        }

        var watched = decision switch { RunDecision.Follow follow => follow.Job, RunDecision.End given => given.Job, _ => null };
        var active = watched is null ? null : ActiveRuns.Of(watched, known.Active, null, Now) with { Asks = Asks };
        var status = BackupStatuses.Build(Facts, known, new RunStep(decision, decision is RunDecision.Start ? Refusal : null, Facts.Jobs, active), TokenEnds);
        if (!lostStatus)
        {
            Backup = Backup with { Status = status };
        }

        return decision;
    }

    /// <summary>Another look, at the same moment.</summary>
    public void Again() => Reconcile();

    public JobView? ActiveJob => Jobs.Values.FirstOrDefault(job => job.IsActive);

    /// <summary>The active Job ends.</summary>
    public void End(int? exitCode, RunResult? result = null)
    {
        var job = ActiveJob!;
        Jobs[job.Name] = job with
        {
            Phase = JobPhase.Finished,
            End = new RunEnd
            {
                Time = Now,
                ExitCode = exitCode,
                JobSucceeded = exitCode == 0,
                TerminationMessage = result is null ? null : RunResult.ToJson(result with { RunId = job.RunId }),
            },
        };
    }

    public void EndWell(RunOutcome outcome = RunOutcome.Succeeded, long missing = 0, DateTimeOffset? covered = null) => End(
        outcome == RunOutcome.Incomplete ? 3 : 0,
        new RunResult
        {
            RunId = "",
            Outcome = outcome,
            Reason = outcome.ToString(),
            IngestedDigest = "digest",
            Library = new LibraryTotals(100, 1000, missing, missing > 0 ? $"gap-{missing}" : null, missing > 0 ? ["part 3"] : null),
            Exports = new ExportsSummary(covered ?? Now.AddDays(-1), "2026-11-20", 1),
        });

    public void Annotate(string name, string value) => Backup = Backup with
    {
        Metadata = Copy(Backup.Metadata, annotations: new Dictionary<string, string>(Backup.Metadata.Annotations!) { [name] = value }),
    };

    public void Change(Func<PhotoBackupSpec, PhotoBackupSpec> change) => Backup = Backup with
    {
        Spec = change(Backup.Spec),
        Metadata = Copy(Backup.Metadata, ++_generation),
    };

    public V1Condition Condition(string type) => Status.Conditions!.Single(condition => condition.Type == type);

    private JobView Create(RunOrder order)
    {
        var name = order.JobName("phb", "alice", _uid);
        if (!Jobs.TryGetValue(name, out var job))
        {
            Jobs.Add(name, job = new JobView
            {
                Name = name,
                Uid = name,
                RunId = order.RunId(_uid),
                Kind = order.Kind,
                Slot = order.Slot,
                Attempt = order.Attempt,
                Sequence = order.Sequence,
                Created = Now,
                Phase = JobPhase.Running,
                Reason = JobViews.RunningReason(order.Kind),
                Request = order.Request,
                LostRunId = order.LostRunId,
            });
        }

        return job;
    }

    private static V1ObjectMeta Copy(V1ObjectMeta metadata, long? generation = null, IDictionary<string, string>? annotations = null) => new()
    {
        Name = metadata.Name,
        NamespaceProperty = metadata.NamespaceProperty,
        Uid = metadata.Uid,
        CreationTimestamp = metadata.CreationTimestamp,
        Generation = generation ?? metadata.Generation,
        Annotations = annotations ?? metadata.Annotations,
    };
}
