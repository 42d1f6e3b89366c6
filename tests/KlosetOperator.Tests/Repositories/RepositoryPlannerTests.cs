using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Jobs;
using KlosetOperator.References;
using KlosetOperator.Repositories;
using KlosetOperator.Runs;
using KlosetOperator.Schedules;
using KlosetWorker.Contract;

namespace KlosetOperator.Tests.Repositories;

public sealed class RepositoryPlannerTests
{
    private static readonly DateTimeOffset Created = new(2026, 11, 2, 12, 0, 0, TimeSpan.Zero); // a Monday

    [Fact]
    public void A_repository_is_made_before_anything_else() =>
        Assert.Equal(RunKind.Create, Assert.IsType<RunDecision.Start>(RepositoryPlanner.Decide(Facts(Created, id: null))).Order.Kind);

    [Fact]
    public void A_repository_that_lies_elsewhere_is_looked_for_there_before_it_is_used()
    {
        var known = new KlosetRepositoryStatus { RepositoryID = "id", Location = "s3://old.example.net/photos/" };
        var facts = Facts(Created, known: known);
        Assert.Equal(RunKind.Create, Assert.IsType<RunDecision.Start>(RepositoryPlanner.Decide(facts)).Order.Kind);
        Assert.Equal("False", Of(Build(facts), ConditionTypes.Ready).Status);
        var found = RepositoryStatuses.Apply(
            known, Job(RunKind.Create, Created, Created) with { Location = "volume://kloset/" },
            Good with { Result = new RunResult { RunId = "", Outcome = RunOutcome.Succeeded, Reason = "Adopted", RepositoryId = Guid.Empty } });
        Assert.IsType<RunDecision.Wait>(RepositoryPlanner.Decide(Facts(Created, known: found)));
    }

    [Fact]
    public void Neither_check_nor_maintenance_is_due_on_the_day_of_creation() =>
        Assert.Equal(new DateTimeOffset(2026, 11, 3, 4, 0, 0, TimeSpan.Zero), Assert.IsType<RunDecision.Wait>(RepositoryPlanner.Decide(Facts(Created))).Until);

    [Fact]
    public void While_a_repository_cannot_be_opened_the_last_failure_is_the_reason()
    {
        var failed = new RunRecord { Id = "run", Kind = "create", Outcome = Outcomes.Failed, Reason = "StoreUnreachable", Message = "No answer from https://s3.example.net.", StartTime = Created };
        var waiting = Facts(Created, id: null) with { History = new RunHistory { Runs = [failed], ConsecutiveFailures = 1, RetryAfter = Created.AddMinutes(1) } };
        var trying = waiting with { Now = Created.AddMinutes(1), Jobs = [Job(RunKind.Create, Created, Created) with { Phase = JobPhase.Running, End = null }] };
        foreach (var facts in new[] { waiting, trying })
        {
            var status = Build(facts);
            Assert.Equal(("False", "StoreUnreachable"), Of(status, ConditionTypes.Ready));
            Assert.Contains("s3.example.net", status.Conditions!.First(condition => condition.Type == ConditionTypes.Ready).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Maintenance_goes_before_the_check_and_each_fills_its_slot_once()
    {
        var sunday = new DateTimeOffset(2026, 11, 8, 5, 0, 0, TimeSpan.Zero);
        var maintain = Assert.IsType<RunDecision.Start>(RepositoryPlanner.Decide(Facts(sunday))).Order;
        Assert.Equal(RunKind.Maintain, maintain.Kind);
        var done = RepositoryStatuses.Apply(new KlosetRepositoryStatus { RepositoryID = "id" }, Job(RunKind.Maintain, maintain.Slot, sunday), Good);
        var check = Assert.IsType<RunDecision.Start>(RepositoryPlanner.Decide(Facts(sunday, known: done))).Order;
        Assert.Equal(RunKind.Check, check.Kind);
        done = RepositoryStatuses.Apply(done, Job(RunKind.Check, check.Slot, sunday), Good);
        Assert.IsType<RunDecision.Wait>(RepositoryPlanner.Decide(Facts(sunday, known: done)));
    }

    [Fact]
    public void Damage_is_said_and_does_not_hammer_the_store()
    {
        var day = new DateTimeOffset(2026, 11, 3, 5, 0, 0, TimeSpan.Zero);
        var verdict = Verdict.Of("run", new RunEnd { Time = day, ExitCode = 14, JobSucceeded = false });
        var known = RepositoryStatuses.Apply(new KlosetRepositoryStatus { RepositoryID = "id" }, Job(RunKind.Check, day.AddHours(-1), day), verdict);
        var facts = Facts(day, known: known);
        var decision = RepositoryPlanner.Decide(facts);
        Assert.IsType<RunDecision.Wait>(decision);
        var status = Build(facts);
        Assert.Equal(("False", Reasons.DamageFound), Of(status, ConditionTypes.Verified));
        Assert.Equal("True", Of(status, ConditionTypes.Ready).Status);
        Assert.NotNull(status.Actions);
    }

    [Fact]
    public void A_passing_failure_is_tried_again_after_the_back_off()
    {
        var day = new DateTimeOffset(2026, 11, 3, 5, 0, 0, TimeSpan.Zero);
        var verdict = Verdict.Of("run", new RunEnd { Time = day, ExitCode = 11, JobSucceeded = false });
        var known = RepositoryStatuses.Apply(new KlosetRepositoryStatus { RepositoryID = "id" }, Job(RunKind.Check, day.AddHours(-1), day), verdict);
        var wait = Assert.IsType<RunDecision.Wait>(RepositoryPlanner.Decide(Facts(day, known: known)));
        Assert.InRange(wait.Until!.Value, day.AddSeconds(50), day.AddMinutes(1));
        var again = Assert.IsType<RunDecision.Start>(RepositoryPlanner.Decide(Facts(wait.Until.Value, known: known))).Order;
        Assert.Equal((day.AddHours(-1), 2), (again.Slot, again.Attempt));
    }

    [Fact]
    public void Structure_is_read_once_a_week_and_the_budget_is_shared_by_the_days()
    {
        var monday = Facts(new DateTimeOffset(2026, 11, 9, 5, 0, 0, TimeSpan.Zero), known: new KlosetRepositoryStatus { RepositoryID = "id", Check = new RecurringStatus { LastSuccessTime = new DateTimeOffset(2026, 11, 8, 5, 0, 0, TimeSpan.Zero) } });
        Assert.Equal(CheckLevel.Structure, RepositoryPlanner.CheckOf(monday.Repository, monday).Level);
        var tuesday = Facts(new DateTimeOffset(2026, 11, 10, 4, 0, 0, TimeSpan.Zero), known: new KlosetRepositoryStatus { RepositoryID = "id", Check = new RecurringStatus { LastSuccessTime = new DateTimeOffset(2026, 11, 9, 5, 0, 0, TimeSpan.Zero) } });
        Assert.Equal(new RunCheck(CheckLevel.Inventory), RepositoryPlanner.CheckOf(tuesday.Repository, tuesday));
        var budget = tuesday.Repository with { Spec = tuesday.Repository.Spec with { Check = new CheckSpec { DataBytesPerMonth = ByteQuantity.Parse("30Gi") } } };
        Assert.Equal(new RunCheck(CheckLevel.Data, 1L << 30), RepositoryPlanner.CheckOf(budget, tuesday));
    }

    [Fact]
    public void Three_ends_in_a_row_that_blame_the_store_open_the_breaker_and_one_that_does_not_closes_it()
    {
        Verdict Bad() => new(Outcomes.Failed, "StoreUnreachable", "", RetryClass.BackOff);
        Assert.Null(CircuitBreaker.OpenSince([(Created, Bad()), (Created.AddHours(1), Bad())]));
        Assert.Equal(Created, CircuitBreaker.OpenSince([(Created, Bad()), (Created.AddHours(1), Bad()), (Created.AddHours(2), Bad())]));
        Assert.Null(CircuitBreaker.OpenSince([(Created, Bad()), (Created.AddHours(1), Bad()), (Created.AddHours(2), Bad()), (Created.AddHours(3), Good)]));
        var open = Build(Facts(Created), breaker: Created);
        Assert.Equal(("False", Reasons.StoreUnavailable), Of(open, ConditionTypes.Ready));
        var half = RepositoryHealth.Of(Facts(Created).Repository with { Status = open }, "family", true);
        Assert.Equal((true, 1), (half.IsUsable, half.MaxJobs));
    }

    [Fact]
    public void After_an_outage_the_checks_and_the_maintenance_of_all_do_not_begin_at_once()
    {
        var back = Created.AddDays(3);
        var releases = Enumerable.Range(0, 1000).Select(number =>
        {
            var facts = Facts(back.AddSeconds(1), startedAt: back, uid: $"uid-{number}");
            var decision = RepositoryPlanner.Decide(facts);
            if (decision is RunDecision.Start)
            {
                return back;
            }

            // It looks again when its turn is, and then it begins.
            var until = Assert.IsType<RunDecision.Wait>(decision).Until!.Value;
            Assert.IsType<RunDecision.Start>(RepositoryPlanner.Decide(facts with { Now = until }));
            return until;
        }).ToList();
        Assert.All(releases, release => Assert.InRange(release, back, back.AddMinutes(30)));
        Assert.True(releases.GroupBy(release => (int)(release - back).TotalMinutes).Max(minute => minute.Count()) < 100);

        // A restart is no outage: what is due now begins now.
        Assert.IsType<RunDecision.Start>(RepositoryPlanner.Decide(Facts(back, startedAt: Created)));
    }

    [Fact]
    public void Another_cluster_s_repository_is_not_maintained_before_somebody_says_so()
    {
        var due = Created.AddDays(7);
        var known = new KlosetRepositoryStatus { RepositoryID = "id", Owner = "other/photos/family" };
        var facts = Facts(due, known: known);
        Assert.True(facts.IsOwnedElsewhere);
        Assert.NotEqual(RunKind.Maintain, (RepositoryPlanner.Decide(facts) as RunDecision.Start)?.Order.Kind);
        var status = Build(facts);
        Assert.Equal(("Unknown", Reasons.OwnedElsewhere), Of(status, ConditionTypes.Maintained));
        Assert.Equal((null, "other/photos/family"), (status.Maintenance!.NextTime, status.Owner));

        facts.Repository.Metadata.Annotations = new Dictionary<string, string> { [Annotations.TakeOver] = "other/photos/family" };
        Assert.Equal(RunKind.Maintain, Assert.IsType<RunDecision.Start>(RepositoryPlanner.Decide(facts)).Order.Kind);
    }

    [Fact]
    public void A_volume_that_only_one_pod_can_write_to_takes_one_Job_at_a_time()
    {
        var ready = Facts(Created).Repository with { Status = Build(Facts(Created)) };
        Assert.Equal(1, RepositoryHealth.Of(ready, "family", shared: false).MaxJobs);
        Assert.Equal(4, RepositoryHealth.Of(ready, "family", shared: true).MaxJobs);
    }

    private static KlosetRepositoryStatus Build(RepositoryFacts facts, DateTimeOffset? breaker = null) =>
        RepositoryStatuses.Build(facts, new RunStep(RepositoryPlanner.Decide(facts), null, facts.Jobs, null), breaker);

    private static readonly Verdict Good = new(Outcomes.Succeeded, "Succeeded", "", RetryClass.None);

    private static (string Status, string Reason) Of(KlosetRepositoryStatus status, string type) =>
        status.Conditions!.Where(condition => condition.Type == type).Select(condition => (condition.Status, condition.Reason)).Single();

    private static JobView Job(RunKind kind, DateTimeOffset slot, DateTimeOffset ended) => new()
    {
        Name = kind.ToString(),
        Uid = kind.ToString(),
        RunId = $"{kind}-{slot}",
        Kind = kind,
        Slot = slot,
        Attempt = 1,
        Created = ended,
        Phase = JobPhase.Finished,
        End = new RunEnd { Time = ended, JobSucceeded = true },
    };

    private static RepositoryFacts Facts(DateTimeOffset now, string? id = "id", KlosetRepositoryStatus? known = null, DateTimeOffset? startedAt = null, string uid = "uid") => new()
    {
        Repository = new KlosetRepository
        {
            Metadata = new V1ObjectMeta { Name = "family", NamespaceProperty = "photos", Uid = uid, CreationTimestamp = Created.UtcDateTime, Generation = 1 },
            Spec = new KlosetRepositorySpec
            {
                Backend = new RepositoryBackend { Volume = new VolumeLocation { ClaimName = "kloset" } },
                Encryption = new RepositoryEncryption { PassphraseSecretRef = new KeyRef { Name = "kloset", Key = "passphrase" } },
            },
        },
        References = new ReferenceState(null, ""),
        Jobs = [],
        History = new RunHistory(),
        Known = known ?? new KlosetRepositoryStatus { RepositoryID = id },
        Self = "home/photos/family",
        Maintenance = EffectiveSchedule.Parse(new ScheduleSpec { Cron = "0 4 * * 0" }, "", TimeSpan.Zero, "uid"),
        Check = EffectiveSchedule.Parse(new ScheduleSpec { Cron = "0 4 * * *" }, "", TimeSpan.Zero, uid),
        Now = now,
        StartedAt = startedAt ?? Created,
    };
}
