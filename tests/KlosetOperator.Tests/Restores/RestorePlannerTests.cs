using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Jobs;
using KlosetOperator.References;
using KlosetOperator.Repositories;
using KlosetOperator.Restores;
using KlosetOperator.Runs;
using KlosetWorker.Contract;

namespace KlosetOperator.Tests.Restores;

public sealed class RestorePlannerTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_restore_starts_at_once_and_once() => Assert.Equal(1, Assert.IsType<RunDecision.Start>(Decide(Facts())).Order.Attempt);

    [Fact]
    public void A_restore_that_ended_stays_ended()
    {
        var status = RestoreStatuses.Apply(new PhotoRestoreStatus(), Facts().Restore, Judge(0, RunOutcome.Succeeded, new RestoreTotals(7, 700)), Now);
        Assert.Equal(Reasons.Idle, Assert.IsType<RunDecision.Wait>(Decide(Facts(known: status))).Reason);
        var built = Build(Facts(known: status));
        Assert.Equal(("True", "100 %"), (Condition(built, ConditionTypes.Succeeded).Status, built.Progress));
    }

    [Fact]
    public void A_restore_out_of_a_snapshot_that_was_not_whole_says_so()
    {
        const string Remark = "That snapshot is incomplete: the backup that made it had not ended.";
        var status = RestoreStatuses.Apply(new PhotoRestoreStatus(), Facts().Restore, Judge(0, RunOutcome.Succeeded, new RestoreTotals(7, 700)), Now);
        var built = Build(Facts(known: status) with { History = new RunHistory { Runs = [new RunRecord { Id = "run", Kind = "restore", Outcome = "Succeeded", Message = Remark }] } });
        Assert.EndsWith($". {Remark}", Condition(built, ConditionTypes.Succeeded).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_incomplete_restore_is_no_success_and_waits_for_a_person()
    {
        var verdict = RestoreStatuses.Strict(Judge(3, RunOutcome.Incomplete, new RestoreTotals(6, 600, Failed: 1)));
        Assert.Equal(RetryClass.Terminal, verdict.Retry);
        var status = RestoreStatuses.Apply(new PhotoRestoreStatus(), Facts().Restore, verdict, Now);
        Assert.Null(status.CompletionTime);
        var facts = Facts(known: status) with { History = new RunHistory { StalledOn = new StalledOn { Reason = verdict.Reason, Message = verdict.Message } } };
        Assert.Equal("False", Condition(Build(facts), ConditionTypes.Succeeded).Status);
    }

    [Fact]
    public void Uploads_to_Google_are_planned_first_and_many_wait_for_the_hash()
    {
        var google = new RestoreTarget { GooglePhotos = new GooglePhotosTarget { Account = new TargetAccount { Id = "alice", CredentialsSecretRef = new NameRef { Name = "g" } } } };
        var first = Facts(target: google);
        Assert.True(first.NeedsPlan);
        var verdict = Verdict.Of("run", End(0, new RunResult { RunId = "run", Outcome = RunOutcome.Succeeded, Reason = "Succeeded", Plan = new RestorePlan(501, 1, 1, "abc") }));
        var planned = RestoreStatuses.Apply(new PhotoRestoreStatus(), first.Restore, verdict, Now);
        Assert.Null(planned.CompletionTime);
        var waiting = Facts(target: google, known: planned);
        Assert.Equal(Reasons.WaitingForApproval, Assert.IsType<RunDecision.Wait>(Decide(waiting)).Reason);
        Assert.Equal("ApprovePlan", Build(waiting).Actions!.Single().Kind);
        Assert.IsType<RunDecision.Wait>(Decide(Facts(target: google, known: planned, approved: "another")));
        Assert.IsType<RunDecision.Start>(Decide(Facts(target: google, known: planned, approved: "abc")));
        Assert.IsType<RunDecision.Start>(Decide(Facts(target: google, known: planned with { Plan = planned.Plan! with { Items = 500 } })));
    }

    [Fact]
    public void Cancel_ends_the_Job_and_then_the_restore()
    {
        var job = new JobView { Name = "j", Uid = "j", RunId = "r", Kind = RunKind.Restore, Slot = Now, Attempt = 1, Created = Now, Phase = JobPhase.Running };
        Assert.IsType<RunDecision.End>(Decide(Facts(cancel: true) with { Jobs = [job] }));
        var after = Facts(cancel: true);
        var status = Build(after);
        Assert.Equal(("False", Reasons.Cancelled), (Condition(status, ConditionTypes.Succeeded).Status, Condition(status, ConditionTypes.Succeeded).Reason));
        Assert.Equal(Now, status.CompletionTime);
        var again = Build(Facts(cancel: true, known: status));
        Assert.Equal(Reasons.Cancelled, Condition(again, ConditionTypes.Succeeded).Reason);
    }

    [Fact]
    public void The_snapshot_is_pinned_once_a_run_resolved_it()
    {
        var status = RestoreStatuses.Apply(
            new PhotoRestoreStatus(), Facts().Restore,
            Verdict.Of("run", End(4, new RunResult { RunId = "run", Outcome = RunOutcome.Paused, Reason = "Paused", SnapshotId = new string('b', 64) })), Now);
        var run = KlosetOperator.Jobs.RunFiles.Restore(Facts().Restore, status.Resolved!.SnapshotID, false, new KlosetOperator.Jobs.MountPlan());
        Assert.Equal((new string('b', 64), false), (run.SnapshotId, run.Latest));
    }

    [Fact]
    public void Without_a_snapshot_yet_it_waits_for_the_first_one_of_its_PhotoBackup_and_then_begins()
    {
        var waiting = Missed(new RestoreSource { BackupRef = new NameRef { Name = "alice" }, Latest = true });
        var wait = Assert.IsType<RunDecision.Wait>(Decide(waiting));
        Assert.Equal((Reasons.WaitingForSnapshot, false), (wait.Reason, wait.IsReady));
        Assert.Contains("'alice'", wait.Message, StringComparison.Ordinal);
        var shown = Condition(Build(waiting), ConditionTypes.Succeeded);
        Assert.Equal(("Unknown", Reasons.WaitingForSnapshot), (shown.Status, shown.Reason));
        Assert.DoesNotContain(Build(waiting).Conditions!, condition => condition.Type == ConditionTypes.Stalled);
        var order = Assert.IsType<RunDecision.Start>(Decide(waiting with { NewestSnapshot = Now.AddHours(1) })).Order;
        Assert.Equal(2, order.Attempt);

        // The PhotoBackup is taken away while it is waited for.
        Assert.Equal(Reasons.BackupMissing, Assert.IsType<RunDecision.Wait>(Decide(waiting with { SourceError = "gone" })).Reason);
    }

    [Theory]
    [InlineData("the id of none", "{\"backupRef\":{\"name\":\"alice\"},\"snapshotID\":\"ffff\"}")]
    [InlineData("a time that has passed", "{\"backupRef\":{\"name\":\"alice\"},\"asOf\":\"2026-11-01T00:00:00Z\"}")]
    [InlineData("nobody who makes one", "{\"repositoryRef\":{\"name\":\"family\"},\"account\":{\"id\":\"alice\"},\"latest\":true}")]
    public void What_will_never_be_there_is_not_waited_for(string what, string source)
    {
        Assert.NotEmpty(what);
        var facts = Missed(System.Text.Json.JsonSerializer.Deserialize<RestoreSource>(source, KlosetOperator.Runtime.Api.ApiJson.Options)!);
        foreach (var newest in new DateTimeOffset?[] { null, Now.AddHours(1) })
        {
            Assert.Equal(nameof(ErrorCatalogue.SnapshotNotFound), Assert.IsType<RunDecision.Stop>(Decide(facts with { NewestSnapshot = newest })).Reason);
        }
    }

    [Fact]
    public void A_PhotoBackup_with_snapshots_of_which_none_was_found_is_a_mistake_to_look_at() =>
        Assert.IsType<RunDecision.Stop>(Decide(Missed(new RestoreSource { BackupRef = new NameRef { Name = "alice" }, Latest = true }) with { NewestSnapshot = Now.AddDays(-1) }));

    /// <summary>A run found no snapshot.</summary>
    private static RestoreFacts Missed(RestoreSource source)
    {
        var facts = Facts();
        return facts with
        {
            Restore = facts.Restore with { Spec = facts.Restore.Spec with { Source = source } },
            History = new RunHistory
            {
                Runs = [new RunRecord { Id = "run", Kind = "restore", Attempt = 1, StartTime = Now, Outcome = Outcomes.Failed, Reason = nameof(ErrorCatalogue.SnapshotNotFound) }],
                StalledOn = new StalledOn { Generation = 1, Reason = nameof(ErrorCatalogue.SnapshotNotFound), Message = "There is no such snapshot." },
            },
        };
    }

    private static PhotoRestoreStatus Build(RestoreFacts facts) => RestoreStatuses.Build(facts, new RunStep(Decide(facts), null, facts.Jobs, null));

    private static RunDecision Decide(RestoreFacts facts) => RestorePlanner.Decide(facts);

    private static V1Condition Condition(PhotoRestoreStatus status, string type) => status.Conditions!.Single(condition => condition.Type == type);

    private static Verdict Judge(int code, RunOutcome outcome, RestoreTotals totals) =>
        Verdict.Of("run", End(code, new RunResult { RunId = "run", Outcome = outcome, Reason = outcome.ToString(), SnapshotId = new string('a', 64), Restored = totals }));

    private static RunEnd End(int code, RunResult result) =>
        new() { Time = Now, ExitCode = code, JobSucceeded = code == 0, TerminationMessage = RunResult.ToJson(result) };

    private static RestoreFacts Facts(RestoreTarget? target = null, PhotoRestoreStatus? known = null, string? approved = null, bool cancel = false) => new()
    {
        Restore = new PhotoRestore
        {
            Metadata = new V1ObjectMeta { Name = "back", NamespaceProperty = "photos", Uid = "uid", CreationTimestamp = Now.UtcDateTime, Generation = 1 },
            Spec = new PhotoRestoreSpec
            {
                Source = new RestoreSource { BackupRef = new NameRef { Name = "alice" }, Latest = true },
                Target = target ?? new RestoreTarget { Volume = new VolumeLocation { ClaimName = "out" } },
                ApprovedPlan = approved,
                Cancel = cancel,
            },
        },
        Repository = new RepositoryHealth(null, "", 4),
        References = new ReferenceState(null, ""),
        Jobs = [],
        History = new RunHistory(),
        Known = known ?? new PhotoRestoreStatus(),
        Now = Now,
    };
}
