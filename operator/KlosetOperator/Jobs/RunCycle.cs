using k8s;
using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Runs;
using KlosetOperator.Runtime.Apply;
using KlosetOperator.Runtime.Events;

namespace KlosetOperator.Jobs;

/// <summary>What came of carrying out a decision.</summary>
/// <param name="Decision">As it is now: a run that was started is followed, one that cannot be made is a stop.</param>
/// <param name="Refused">Why a run that is wanted could not start, or go on, if admission refused it.</param>
/// <param name="Jobs">The object's Jobs, with the one that was just created.</param>
/// <param name="Active">The run that is active, if one is. A Job that is given up stays until it is gone, and is then a lost run.</param>
internal sealed record RunStep(RunDecision Decision, RunDecision.Wait? Refused, IReadOnlyList<JobView> Jobs, ActiveRun? Active)
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(6);

    /// <summary>Admission wakes who may start; this is for what it cannot see.</summary>
    private static readonly TimeSpan RefusedPause = TimeSpan.FromMinutes(5);

    /// <summary>What people are told.</summary>
    public RunDecision Shown => Refused ?? Decision;

    /// <summary>How long until the next look.</summary>
    /// <param name="deadline">When the status changes without anything else changing.</param>
    public TimeSpan Pause(DateTimeOffset? deadline, TimeSpan progressInterval, DateTimeOffset now)
    {
        var most = Active is not null ? progressInterval : Refused is not null ? RefusedPause : LongestPause;
        var until = new[] { deadline, (Shown as RunDecision.Wait)?.Until }.Min() is { } moment ? moment - now : most;
        return until > most ? most : until < TimeSpan.FromMilliseconds(100) ? TimeSpan.FromMilliseconds(100) : until;
    }
}

/// <summary>
/// What all kinds with runs have in common: admission and creation of the Job that a planner wants, following it, ending it, saying in
/// Events what came of it, and sweeping up after it.
/// </summary>
internal sealed partial class RunCycle(JobLauncher launcher, ProgressReader progress, IEventRecorder events, TimeProvider time, ILogger<RunCycle> logger)
{
    /// <summary>Of what is no news.</summary>
    private static readonly string[] Silent = [Reasons.Idle, Reasons.Initialising, Reasons.Pending];

    private static readonly string[] Alarming =
    [
        Reasons.ImageUnavailable, Reasons.ContainerNotCreated, Reasons.Unschedulable, Reasons.NodeUnreachable, Reasons.StoreUnavailable,
        Reasons.SecretMissing, Reasons.ConfigMapMissing, Reasons.ClaimMissing, Reasons.RepositoryMissing, Reasons.BackupMissing,
    ];

    /// <param name="before">The run that the status calls active.</param>
    /// <param name="jobs">The object's Jobs.</param>
    /// <param name="maxJobs">Jobs that the repository allows at the same time.</param>
    /// <param name="request">Makes the Job of an order.</param>
    /// <param name="isCancelled">Whether a Job that is to end is ended in peace, with time to save what it has.</param>
    /// <param name="isSuspended">Whether the active Job is to be suspended; null leaves that to others.</param>
    public async Task<RunStep> CarryOutAsync(
        IKubernetesObject<V1ObjectMeta> owner,
        ActiveRun? before,
        IReadOnlyList<JobView> jobs,
        RunDecision decision,
        int maxJobs,
        Func<RunOrder, JobRequest> request,
        CancellationToken cancellationToken,
        bool isCancelled = false,
        bool? isSuspended = null)
    {
        var @namespace = owner.Metadata.NamespaceProperty;
        RunDecision.Wait? refused = null;
        switch (decision)
        {
            case RunDecision.Start start:
                switch (await launcher.StartAsync(request(start.Order), maxJobs, cancellationToken).ConfigureAwait(false))
                {
                    case Launch.Started started:
                        jobs = [.. jobs.Where(job => job.Name != started.Job.Name), started.Job];
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
            case RunDecision.Follow { Job: { IsPaused: true } paused } when isSuspended != true:
                refused = await launcher.ResumeAsync(owner, paused, maxJobs, cancellationToken).ConfigureAwait(false);
                break;
            case RunDecision.Follow { Job: { Phase: not JobPhase.Ending, IsPaused: false } job } when isSuspended is { } wanted && wanted != (job.Phase == JobPhase.Suspended):
                await launcher.SuspendAsync(@namespace, job, wanted, cancellationToken).ConfigureAwait(false);
                break;
            case RunDecision.End { Job: { Phase: not JobPhase.Ending } job } when isCancelled && job.Phase != JobPhase.Unknown:
                await launcher.CancelAsync(@namespace, job, cancellationToken).ConfigureAwait(false);
                break;
            case RunDecision.End { Job: { Phase: not JobPhase.Ending } job }:
                await launcher.GiveUpAsync(@namespace, job, cancellationToken).ConfigureAwait(false);
                break;
            default:
                launcher.Withdraw(owner.Kind, owner.Metadata);
                break;
        }

        var watched = decision switch { RunDecision.Follow follow => follow.Job, RunDecision.End given => given.Job, _ => null };
        var active = watched is null ? null : await FollowAsync(@namespace, watched, before, cancellationToken).ConfigureAwait(false);
        if (active?.Asks is { } asks && asks != before?.Asks)
        {
            events.Record(owner, EventKind.Normal, asks.Kind, "Ask", asks.Url is { } url ? $"{asks.Message} {url}" : asks.Message ?? asks.Kind);
        }

        return new RunStep(decision, refused, jobs, active);
    }

    /// <summary>Deletes the Jobs that are recorded and old.</summary>
    public Task SweepAsync(IKubernetesObject<V1ObjectMeta> owner, IEnumerable<JobView> jobs, Func<JobView, bool> isRecorded, CancellationToken cancellationToken) =>
        launcher.SweepAsync(owner.Metadata.NamespaceProperty, jobs, isRecorded, cancellationToken);

    /// <summary>Says what the runs came to that the status did not know yet.</summary>
    /// <param name="reason">The Event's reason of a run that went well.</param>
    public IReadOnlyList<RunRecord> Announce(
        IKubernetesObject<V1ObjectMeta> owner, IEnumerable<RunRecord>? before, IEnumerable<RunRecord> now, Func<RunRecord, string> reason)
    {
        var known = (before ?? []).Select(run => (run.Id, run.Outcome)).ToHashSet();
        var ended = now.Where(run => !known.Contains((run.Id, run.Outcome))).Reverse().ToList();
        foreach (var run in ended)
        {
            LogRunEnded(run.Id, run.Kind, owner.Kind, owner.Metadata.NamespaceProperty, owner.Metadata.Name, run.Outcome, run.Reason);
            var good = run.Outcome is Outcomes.Succeeded or Outcomes.NothingNew or Outcomes.Paused;
            events.Record(
                owner, good ? EventKind.Normal : EventKind.Warning, good ? reason(run) : run.Reason ?? run.Outcome, "Run",
                run.Message is { Length: > 0 } message ? message : $"The run ended: {run.Outcome}.");
        }

        return ended;
    }

    /// <summary>Says once what is waited for, when that is new.</summary>
    /// <param name="before">Conditions that the status has.</param>
    public void AnnounceWait(IKubernetesObject<V1ObjectMeta> owner, IReadOnlyList<V1Condition>? before, IReadOnlyList<V1Condition> now)
    {
        var what = now.FirstOrDefault(condition => condition.Type == ConditionTypes.Running) ?? now.First(condition => condition.Type == ConditionTypes.Ready);
        if (what.Status == "True" || Silent.Contains(what.Reason) || what.Reason == before?.FirstOrDefault(condition => condition.Type == what.Type)?.Reason)
        {
            return;
        }

        var warning = Alarming.Contains(what.Reason) || Conditions.IsTrue(now, ConditionTypes.Stalled)
            || (what.Type == ConditionTypes.Running && owner is PhotoBackup && !Conditions.IsTrue(now, ConditionTypes.Ready)); // a restore is ready when it has ended
        events.Record(owner, warning ? EventKind.Warning : EventKind.Normal, what.Reason, "Wait", what.Message);
    }

    private async Task<ActiveRun> FollowAsync(string @namespace, JobView job, ActiveRun? before, CancellationToken cancellationToken)
    {
        var news = await progress.ReadAsync(@namespace, job, before?.RunID == job.RunId ? before.ProgressTime : null, cancellationToken).ConfigureAwait(false);
        return ActiveRuns.Of(job, before, news, time.GetUtcNow());
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Run {RunId} ({RunKind}) of {Kind} {Namespace}/{Name} ended: {Outcome} ({Reason})")]
    private partial void LogRunEnded(string runId, string runKind, string kind, string @namespace, string name, string outcome, string? reason);
}
