using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Jobs;
using KlosetOperator.References;
using KlosetOperator.Repositories;
using KlosetOperator.Runs;
using KlosetOperator.Schedules;
using KlosetOperator.Tests.States;
using KlosetWorker.Contract;

namespace KlosetOperator.Tests.Repositories;

/// <summary>What a KlosetRepository says in every state: can it be used, is it sound, what is done or waited for and why, what must a person do.</summary>
public sealed class RepositoryStatesTests
{
    private static readonly DateTimeOffset Created = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
    private static readonly KlosetRepositoryStatus Opened = new()
    {
        RepositoryID = "6f1c0000-0000-4000-8000-000000000001",
        KeyFingerprint = "ab12",
        Totals = new RepositoryTotalsStatus { Snapshots = 12, StoredBytes = 900_000_000_000, Stored = "838.2 GiB" },
    };

    [Fact]
    public void Every_state_answers_in_words_that_somebody_approved()
    {
        var book = new StateBook("Repositories/states.approved.txt");
        foreach (var (name, facts, step, breaker) in States())
        {
            var status = RepositoryStatuses.Build(facts, step ?? Look(facts), breaker);
            var entity = facts.Repository with { Status = status };
            book.Write(name, entity, status.Conditions!, status.Actions);
            var again = facts with { Repository = entity };
            Assert.Equal(status, RepositoryStatuses.Build(again, step ?? Look(again), breaker) with { Conditions = status.Conditions, Actions = status.Actions });
        }

        book.IsApproved();
    }

    private static IEnumerable<(string Name, RepositoryFacts Facts, RunStep? Step, DateTimeOffset? Breaker)> States()
    {
        var fresh = Facts(known: new KlosetRepositoryStatus());
        yield return ("it is being created", fresh, Following(fresh, Job(RunKind.Create)), null);
        foreach (var (reason, message) in new[]
        {
            (Reasons.ImageUnavailable, "The worker's image 'x' cannot be pulled. Correct the operator's setting of it, or give spec.job.imagePullSecrets; kubectl describe pod klr-family-x tells why."),
            (Reasons.ContainerNotCreated, "The worker's container cannot be made; kubectl describe pod klr-family-x tells more: x"),
            (Reasons.Unschedulable, "No node takes pod 'klr-family-x': 0/3 nodes are available."),
        })
        {
            yield return ($"its pod does not begin: {reason}", fresh, Following(fresh, Job(RunKind.Create) with { Phase = JobPhase.Starting, Reason = reason, Message = message }), null);
        }

        foreach (var row in ExitCodes.All.Where(row => row.Retry is RetryClass.BackOff or RetryClass.Terminal))
        {
            var ended = fresh with { Now = Created.AddSeconds(30), History = new RunHistory().Fold(Ended(RunKind.Create, (int)row.Code), Judge((int)row.Code), StallMark.Of(fresh.Repository.Metadata, ""), "uid") };
            yield return ($"creating it ended with {(int)row.Code} ({row.Reason})", ended, null, null);
        }

        yield return ("all is well, and the passphrase was never written down", Facts(), null, null);
        yield return ("all is well", Facts(annotations: new() { [Annotations.PassphraseConfirmed] = "ab12" }, known: Opened with { Check = Good(), Maintenance = Good() }), null, null);
        yield return ("it is checked", Facts(), Following(Facts(), Job(RunKind.Check)), null);
        yield return ("it is maintained", Facts(), Following(Facts(), Job(RunKind.Maintain)), null);
        yield return ("maintenance waits for the Jobs of others", Facts(now: Created.AddDays(3)), Refused(Facts(now: Created.AddDays(3))), null);
        yield return ("a check was missed while the operator was away", Facts(now: Created.AddDays(3).AddSeconds(1), startedAt: Created.AddDays(3)), null, null);
        yield return ("the check found damage", Facts(known: Opened with { Check = Bad("RepositoryDamaged", "3 packfiles are damaged. Run `kloset repair`.") }), null, null);
        yield return ("the check could not read the store", Facts(known: Opened with { Check = Bad("StoreUnreachable", "The store does not answer. Look at the network.") }), null, null);
        yield return ("it is another cluster's", Facts(known: Opened with { Owner = "other/photos/family" }), null, null);
        yield return ("nothing was maintained or checked for long", Facts(now: Created.AddDays(40), startedAt: Created) with { Maintenance = null, Check = null }, null, null);
        yield return ("the store is out", Facts(), null, Created);
        yield return ("it is suspended", Facts(suspend: true), null, null);
        yield return ("its Secret is not there", Facts() with { References = new ReferenceState(new Reference(ReferenceKind.Secret, "kloset-family"), "h") }, null, null);
        yield return ("it is the younger of two", Facts() with { OlderTwin = "photos/older" }, null, null);
        yield return ("a schedule cannot be understood", Facts() with { ScheduleError = "There is no time zone 'Moon'; write for example Europe/Zurich." }, null, null);
    }

    private static RunStep Look(RepositoryFacts facts) => new(RepositoryPlanner.Decide(facts), null, facts.Jobs, null);

    private static RunStep Following(RepositoryFacts facts, JobView job) => new(new RunDecision.Follow(job), null, facts.Jobs, ActiveRuns.Of(job, null, null, facts.Now));

    private static RunStep Refused(RepositoryFacts facts) =>
        new(RepositoryPlanner.Decide(facts), new RunDecision.Wait(Reasons.WaitingForSlot, "Waits until the Jobs on the repository have ended."), facts.Jobs, null);

    private static RecurringStatus Good() => new() { LastTime = Created, LastSuccessTime = Created, Runs = [Record("Succeeded", "Succeeded", "All is well.")] };

    private static RecurringStatus Bad(string reason, string message) =>
        new() { LastTime = Created, LastSuccessTime = Created.AddDays(-1), ConsecutiveFailures = 1, Runs = [Record(Outcomes.Failed, reason, message)] };

    private static RunRecord Record(string outcome, string reason, string message) => new()
    {
        Id = "run",
        Kind = "check",
        Slot = Created,
        StartTime = Created,
        CompletionTime = Created,
        Outcome = outcome,
        Reason = reason,
        Message = message,
        Sequence = 1,
    };

    private static Verdict Judge(int code) => Verdict.Of("create", Ended(RunKind.Create, code).End!);

    private static JobView Job(RunKind kind) => new()
    {
        Name = "klr-family-x",
        Uid = "job",
        RunId = "create",
        Kind = kind,
        Slot = Created,
        Attempt = 1,
        Created = Created,
        Phase = JobPhase.Running,
        Reason = JobViews.RunningReason(kind),
    };

    private static JobView Ended(RunKind kind, int code) =>
        Job(kind) with { Phase = JobPhase.Finished, End = new RunEnd { Time = Created, JobSucceeded = code == 0, ExitCode = code } };

    private static RepositoryFacts Facts(
        KlosetRepositoryStatus? known = null, DateTimeOffset? now = null, DateTimeOffset? startedAt = null, bool suspend = false, Dictionary<string, string>? annotations = null) => new()
        {
            Repository = new KlosetRepository
            {
                Metadata = new V1ObjectMeta { Name = "family", NamespaceProperty = "photos", Uid = "uid", CreationTimestamp = Created.UtcDateTime, Generation = 1, Annotations = annotations },
                Spec = new KlosetRepositorySpec
                {
                    Backend = new RepositoryBackend { Volume = new VolumeLocation { ClaimName = "kloset" } },
                    Encryption = new RepositoryEncryption { PassphraseSecretRef = new KeyRef { Name = "kloset-family", Key = "passphrase" } },
                    Suspend = suspend,
                },
            },
            References = new ReferenceState(null, ""),
            Jobs = [],
            History = new RunHistory(),
            Known = known ?? Opened,
            Self = "home/photos/family",
            Maintenance = EffectiveSchedule.Parse(new ScheduleSpec { Cron = "0 4 * * 0" }, "", TimeSpan.Zero, "uid"),
            Check = EffectiveSchedule.Parse(new ScheduleSpec { Cron = "0 4 * * *" }, "", TimeSpan.Zero, "uid"),
            Now = now ?? Created.AddMinutes(5),
            StartedAt = startedAt ?? Created,
        };
}
