using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Jobs;
using KlosetOperator.References;
using KlosetOperator.Repositories;
using KlosetOperator.Restores;
using KlosetOperator.Runs;
using KlosetOperator.Tests.States;
using KlosetWorker.Contract;

namespace KlosetOperator.Tests.Restores;

/// <summary>What a PhotoRestore says in every state: did it succeed, how far is it, what is done or waited for and why, what must a person do.</summary>
public sealed class RestoreStatesTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);
    private static readonly RestoreTarget Google = new() { GooglePhotos = new GooglePhotosTarget { Account = new TargetAccount { Id = "alice", CredentialsSecretRef = new NameRef { Name = "g" } } } };

    [Fact]
    public void Every_state_answers_in_words_that_somebody_approved()
    {
        var book = new StateBook("Restores/states.approved.txt");
        foreach (var (name, facts, step) in States())
        {
            var status = RestoreStatuses.Build(facts, step ?? Look(facts));
            book.Write(name, facts.Restore with { Status = status }, status.Conditions!, status.Actions);
        }

        book.IsApproved();
    }

    private static IEnumerable<(string Name, RestoreFacts Facts, RunStep? Step)> States()
    {
        yield return ("it runs", Facts(), Following(Job() with { Phase = JobPhase.Running }, new RunProgress { Phase = "Restoring", ItemsDone = 40, ItemsTotal = 100, BytesDone = 42, BytesTotal = 100, EtaSeconds = 12_000 }));
        yield return ("its pod does not begin", Facts(), Following(Job() with { Phase = JobPhase.Starting, Reason = Reasons.ImageUnavailable, Message = "The worker's image 'x' cannot be pulled. Correct the operator's setting of it, or give spec.job.imagePullSecrets; kubectl describe pod p tells why." }));
        yield return ("its node is dead", Facts(), Following(Job() with { Phase = JobPhase.Unknown, Reason = Reasons.NodeUnreachable, Message = "The node of pod 'p' does not answer." }));
        yield return ("it is suspended while it runs", Facts(spec => spec with { Suspend = true }), Following(Job() with { Phase = JobPhase.Suspended, Reason = Reasons.Suspended, Message = "The Job is suspended, by its queue or by a person." }));
        yield return ("it was suspended before it began", Facts(spec => spec with { Suspend = true }), null);
        yield return ("it succeeded", After(0, RunOutcome.Succeeded, new RestoreTotals(100, 1_000_000)), null);
        yield return ("some could not be restored", After(3, RunOutcome.Incomplete, new RestoreTotals(99, 999_000, Failed: 1), "IMG_0001.HEIC cannot be read."), null);
        foreach (var row in ExitCodes.All.Where(row => row.Retry is RetryClass.BackOff or RetryClass.Terminal))
        {
            yield return ($"a run ended with {(int)row.Code} ({row.Reason})", After((int)row.Code), null);
        }

        yield return ("the day's quota is used up", After(4, RunOutcome.Paused, new RestoreTotals(9000, 1), "The day's quota is used up.", resume: Now.AddHours(19)), null);
        yield return ("a plan waits for approval", Facts(spec => spec with { Target = Google }, new PhotoRestoreStatus { Plan = new PlanStatus { Items = 48_213, Bytes = 210_000_000_000, Days = 5, Hash = "abc" } }), null);
        yield return ("it was cancelled", Facts(spec => spec with { Cancel = true }), null);
        yield return ("it is being cancelled", Facts(spec => spec with { Cancel = true }), new RunStep(new RunDecision.End(Job()), null, [], ActiveRuns.Of(Job(), null, null, Now)));
        yield return ("its PhotoBackup has no snapshot yet", Missed(), null);
        yield return ("there was no snapshot at the time that it names", Missed(spec => spec with { Source = spec.Source with { Latest = null, AsOf = Now.AddYears(-1) } }), null);
        yield return ("its PhotoBackup is not there", Facts() with { SourceError = "PhotoBackup 'alice' is not in this namespace. Create it, or name repositoryRef and account instead." }, null);
        yield return ("its repository is not ready", Facts() with { Repository = RepositoryHealth.Of(null, "family", false) }, null);
        yield return ("its claim is not there", Facts() with { References = new ReferenceState(new Reference(ReferenceKind.Claim, "out"), "h") }, null);
        yield return ("other Jobs fill the repository", Facts(), new RunStep(RestorePlanner.Decide(Facts()), new RunDecision.Wait(Reasons.WaitingForSlot, "The repository allows 4 Jobs at the same time."), [], null));
    }

    private static RunStep Look(RestoreFacts facts) => new(RestorePlanner.Decide(facts), null, facts.Jobs, null);

    private static RunStep Following(JobView job, RunProgress? progress = null) => new(new RunDecision.Follow(job), null, [job], ActiveRuns.Of(job, null, progress, Now));

    private static JobView Job() => new()
    {
        Name = "phr-back-x",
        Uid = "job",
        RunId = "run",
        Kind = RunKind.Restore,
        Slot = Now,
        Attempt = 1,
        Created = Now,
        Phase = JobPhase.Running,
        Reason = Reasons.Restoring,
    };

    /// <summary>A run ended so, and the operator looks.</summary>
    private static RestoreFacts After(int code, RunOutcome outcome = RunOutcome.Failed, RestoreTotals? totals = null, string? message = null, DateTimeOffset? resume = null)
    {
        var facts = Facts();
        var result = totals is null
            ? null
            : new RunResult { RunId = "run", Outcome = outcome, Reason = outcome.ToString(), Message = message, SnapshotId = new string('a', 64), Restored = totals, ResumeAfter = resume };
        var job = Job() with
        {
            Phase = JobPhase.Finished,
            End = new RunEnd { Time = Now, ExitCode = code, JobSucceeded = code == 0, TerminationMessage = result is null ? null : RunResult.ToJson(result) },
        };
        var verdict = RestoreStatuses.Strict(Verdict.Of("run", job.End));
        return facts with
        {
            History = facts.History.Fold(job, verdict, StallMark.Of(facts.Restore.Metadata, ""), "uid"),
            Known = RestoreStatuses.Apply(facts.Known, facts.Restore, verdict, Now),
        };
    }

    /// <summary>A run found no snapshot.</summary>
    private static RestoreFacts Missed(Func<PhotoRestoreSpec, PhotoRestoreSpec>? change = null)
    {
        var facts = Facts(change);
        var verdict = new Verdict(Outcomes.Failed, nameof(ErrorCatalogue.SnapshotNotFound), "There is no such snapshot.", RetryClass.Terminal);
        var job = Job() with { Phase = JobPhase.Finished, End = new RunEnd { Time = Now, ExitCode = 2, JobSucceeded = false } };
        return facts with { History = facts.History.Fold(job, verdict, StallMark.Of(facts.Restore.Metadata, ""), "uid") };
    }

    private static RestoreFacts Facts(Func<PhotoRestoreSpec, PhotoRestoreSpec>? change = null, PhotoRestoreStatus? known = null)
    {
        var spec = new PhotoRestoreSpec
        {
            Source = new RestoreSource { BackupRef = new NameRef { Name = "alice" }, Latest = true },
            Target = new RestoreTarget { Volume = new VolumeLocation { ClaimName = "out" } },
        };
        return new()
        {
            Restore = new PhotoRestore
            {
                Metadata = new V1ObjectMeta { Name = "back", NamespaceProperty = "photos", Uid = "uid", CreationTimestamp = Now.UtcDateTime, Generation = 1 },
                Spec = change?.Invoke(spec) ?? spec,
            },
            Repository = new RepositoryHealth(null, "", 4),
            References = new ReferenceState(null, ""),
            Jobs = [],
            History = new RunHistory(),
            Known = known ?? new PhotoRestoreStatus(),
            Now = Now,
        };
    }
}
