using KlosetOperator.Api;
using KlosetOperator.Backups;
using KlosetWorker.Contract;

namespace KlosetOperator.Tests.Backups;

public sealed class BackupStatusesTests
{
    [Fact]
    public void Protection_ends_at_the_second_that_the_objective_says_and_the_deadline_is_known()
    {
        var world = new BackupWorld(change: spec => spec with { Objective = new ObjectiveSpec { MaxAge = "48h" } });
        world.Reconcile();
        var covered = world.Now.AddHours(-1);
        world.EndWell(covered: covered);
        world.Reconcile();
        Assert.Equal("True", world.Condition(ConditionTypes.Protected).Status);
        world.Now = covered.AddHours(48);
        world.Change(spec => spec with { Suspend = true });
        world.Reconcile();
        Assert.Equal("True", world.Condition(ConditionTypes.Protected).Status);
        var deadline = BackupStatuses.NextDeadline(world.Facts!, world.Status, null);
        Assert.Equal(covered.AddHours(48).AddSeconds(1), deadline);
        world.Now = deadline!.Value;
        world.Reconcile();
        Assert.Equal(("False", Reasons.ObjectiveMissed), (world.Condition(ConditionTypes.Protected).Status, world.Condition(ConditionTypes.Protected).Reason));
        Assert.Equal("True", world.Condition(ConditionTypes.Ready).Status);
    }

    [Fact]
    public void Looking_and_finding_nothing_does_not_move_what_is_covered()
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.EndWell(covered: BackupWorld.Start.AddDays(-2));
        world.Reconcile();
        world.Now = world.Status.NextRunTime!.Value;
        world.Reconcile();
        world.End(0, new RunResult { RunId = "", Outcome = RunOutcome.NothingNew, Reason = "NothingNew" });
        world.Reconcile();
        Assert.Equal(BackupWorld.Start.AddDays(-2), world.Status.CoveredThrough);
        Assert.Equal(world.Now, world.Status.LastCheckedTime);
        Assert.Equal(100, world.Status.Library!.Items);
    }

    [Fact]
    public void A_schedule_of_exports_that_ends_is_warned_of_a_month_before()
    {
        var world = new BackupWorld();
        world.Reconcile();
        var ends = world.Now.AddDays(45);
        world.End(0, new RunResult { RunId = "", Outcome = RunOutcome.Succeeded, Reason = "Succeeded", Exports = new ExportsSummary(world.Now, ScheduleEnds: ends) });
        world.Reconcile();
        Assert.Equal("False", world.Condition(ConditionTypes.ActionRequired).Status);
        world.Change(spec => spec with { Suspend = true });
        world.Now = ends.AddDays(-30);
        world.Reconcile();
        Assert.Equal("RenewExportSchedule", world.Status.Actions!.Single().Kind);
        Assert.Equal(ends, world.Status.Actions!.Single().Deadline);
    }

    [Fact]
    public void Reconciling_and_Stalled_are_never_both_said()
    {
        foreach (var code in ExitCodes.All.Select(row => (int)row.Code).Append(1).Append(137))
        {
            var world = new BackupWorld();
            world.Reconcile();
            world.End(code, new RunResult { RunId = "", Outcome = code == 0 ? RunOutcome.Succeeded : RunOutcome.Failed, Reason = "Any" });
            world.Reconcile();
            var types = world.Status.Conditions!.Where(condition => condition.Status == "True").Select(condition => condition.Type).ToHashSet();
            Assert.False(types.Contains(ConditionTypes.Reconciling) && types.Contains(ConditionTypes.Stalled));
            Assert.Equal(world.Status.Conditions!.Count, world.Status.Conditions!.Select(condition => condition.Type).Distinct().Count());
        }
    }

    [Fact]
    public void A_repository_without_the_account_s_history_is_waited_for_and_never_called_protected()
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.EndWell();
        world.Reconcile();
        Assert.Equal("True", world.Condition(ConditionTypes.Protected).Status);
        world.HasMoved = true;
        world.Annotate(Annotations.Run, "look");
        world.Reconcile();
        world.End(10, new RunResult { RunId = "", Outcome = RunOutcome.Failed, Reason = Reasons.HistoryMissing, Message = "The newest snapshot is not there." });
        world.Reconcile();
        foreach (var type in new[] { ConditionTypes.Ready, ConditionTypes.Protected })
        {
            Assert.Equal(("False", Reasons.HistoryMissing), (world.Condition(type).Status, world.Condition(type).Reason));
        }

        Assert.Equal(("False", Reasons.HistoryMissing), (world.Condition(ConditionTypes.Running).Status, world.Condition(ConditionTypes.Running).Reason));
        Assert.Equal("MoveHistory", world.Condition(ConditionTypes.ActionRequired).Reason);
        Assert.DoesNotContain(world.Status.Conditions!, condition => condition.Type == ConditionTypes.Stalled);

        // It looks again by itself, and a success ends it.
        world.Now = world.Status.NextRunTime!.Value;
        Assert.IsType<KlosetOperator.Runs.RunDecision.Follow>(world.Reconcile());
        Assert.Equal("False", world.Condition(ConditionTypes.Ready).Status);
        world.EndWell();
        world.HasMoved = false;
        world.Reconcile();
        Assert.Equal("True", world.Condition(ConditionTypes.Ready).Status);
        Assert.Equal("True", world.Condition(ConditionTypes.Protected).Status);
        Assert.Null(world.Status.Actions);
    }

    [Fact]
    public void A_backup_that_points_back_to_its_history_does_not_wait()
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.EndWell();
        world.Reconcile();
        world.HasMoved = true;
        world.Annotate(Annotations.Run, "look");
        world.Reconcile();
        world.End(10, new RunResult { RunId = "", Outcome = RunOutcome.Failed, Reason = Reasons.HistoryMissing });
        world.Reconcile();
        world.HasMoved = false;
        Assert.IsType<KlosetOperator.Runs.RunDecision.Follow>(world.Reconcile());
        Assert.Equal("True", world.Condition(ConditionTypes.Ready).Status);
    }

    [Fact]
    public void A_wave_of_forgetting_waits_for_its_hash_and_for_no_other()
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.End(15, new RunResult
        {
            RunId = "",
            Outcome = RunOutcome.Succeeded,
            Reason = "ApprovalNeeded",
            Message = "Forgetting waits.",
            IngestedDigest = "digest",
            Library = new LibraryTotals(100, 1000),
            Exports = new ExportsSummary(world.Now),
            Forget = new ForgetTotals(0, 12, "wave-1"),
        });
        world.Reconcile();
        Assert.Equal((12, "wave-1"), (world.Status.Forget!.Snapshots, world.Status.Forget.Hash));
        Assert.Contains("wave-1", Assert.Single(world.Status.Actions!, action => action.Kind == "ApproveForget").Message, StringComparison.Ordinal);
        Assert.NotNull(world.Status.LastSuccessTime);
        Assert.Equal("True", world.Condition(ConditionTypes.Protected).Status);
        Assert.Null(Order().ApprovedForget);
        world.Annotate(Annotations.ApproveForget, "wave-0");
        Assert.Null(Order().ApprovedForget);
        Assert.Equal("digest", Order().IngestedDigest);
        world.Annotate(Annotations.ApproveForget, "wave-1");
        Assert.Equal((null, "wave-1"), (Order().IngestedDigest, Order().ApprovedForget));
        world.Annotate(Annotations.Run, "now");
        world.Reconcile();
        Assert.Null(world.Status.Actions);
        world.EndWell();
        world.Reconcile();

        // Carried out: the approval means nothing any more.
        Assert.Null(world.Status.Forget);
        Assert.Null(Order().ApprovedForget);
        RunBackup Order() => KlosetOperator.Jobs.RunFiles.Backup(world.Backup, false, new KlosetOperator.Jobs.MountPlan());
    }

    [Fact]
    public void Nothing_changes_in_the_status_while_nothing_happens()
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.EndWell();
        world.Reconcile();
        var before = k8s.KubernetesJson.Serialize(world.Status);
        world.Now += TimeSpan.FromHours(2);
        world.Reconcile();
        Assert.Equal(before, k8s.KubernetesJson.Serialize(world.Status));
    }
}
