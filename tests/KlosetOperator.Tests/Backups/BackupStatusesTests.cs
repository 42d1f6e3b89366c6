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
        var decision = world.Reconcile();
        Assert.Equal("True", world.Condition(ConditionTypes.Protected).Status);
        world.Now = covered.AddHours(48);
        world.Change(spec => spec with { Suspend = true });
        decision = world.Reconcile();
        Assert.Equal("True", world.Condition(ConditionTypes.Protected).Status);
        var deadline = BackupStatuses.NextDeadline(world.Facts!, world.Status, decision, null);
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
        var decision = world.Reconcile();
        Assert.Equal("False", world.Condition(ConditionTypes.ActionRequired).Status);
        world.Change(spec => spec with { Suspend = true });
        world.Now = ends.AddDays(-30);
        decision = world.Reconcile();
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
