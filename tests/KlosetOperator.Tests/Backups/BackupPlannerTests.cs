using KlosetOperator.Api;
using KlosetOperator.References;
using KlosetOperator.Repositories;
using KlosetOperator.Runs;
using KlosetWorker.Contract;

namespace KlosetOperator.Tests.Backups;

public sealed class BackupPlannerTests
{
    [Fact]
    public void The_first_backup_does_not_wait_for_the_night()
    {
        var world = new BackupWorld();
        var follow = Assert.IsType<RunDecision.Follow>(world.Reconcile());
        Assert.Equal(RunKind.Backup, follow.Job.Kind);
        Assert.Equal("True", world.Condition(ConditionTypes.Running).Status);
    }

    [Fact]
    public void After_a_success_the_next_slot_is_waited_for()
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.Now += TimeSpan.FromMinutes(10);
        world.EndWell();
        Assert.Equal(Reasons.Idle, Wait(world).Reason);
        Assert.Equal(new DateTimeOffset(2026, 11, 24, 3, 0, 0, TimeSpan.Zero), world.Status.NextRunTime);
        world.Now = world.Status.NextRunTime!.Value;
        Assert.Equal(world.Now, Assert.IsType<RunDecision.Follow>(world.Reconcile()).Job.Slot);
    }

    [Fact]
    public void A_lost_status_write_leads_to_the_same_Job()
    {
        var world = new BackupWorld();
        world.Reconcile(lostStatus: true);
        world.Reconcile(lostStatus: true);
        world.EndWell();
        world.Reconcile(lostStatus: true);
        world.Reconcile();
        Assert.Single(world.Jobs);
        Assert.Single(world.Status.Runs!);
    }

    [Theory]
    [InlineData(12, "WrongPassphrase")]
    [InlineData(5, "Unauthorized")]
    [InlineData(8, "WrongAccount")]
    [InlineData(13, "RepositoryReplaced")]
    public void A_terminal_failure_stalls_until_something_changes(int code, string reason)
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.End(code);
        Assert.Equal(reason, Assert.IsType<RunDecision.Stop>(world.Reconcile()).Reason);
        Assert.Equal(("True", reason), (world.Condition(ConditionTypes.Stalled).Status, world.Condition(ConditionTypes.Stalled).Reason));
        Assert.Equal("False", world.Condition(ConditionTypes.Ready).Status);
        Assert.Equal("True", world.Condition(ConditionTypes.ActionRequired).Status);
        world.Now += TimeSpan.FromDays(30);
        Assert.IsType<RunDecision.Stop>(world.Reconcile());
        Assert.Single(world.Jobs);
    }

    [Fact]
    public void A_stall_ends_with_a_new_Secret_a_new_spec_or_a_retry()
    {
        Action<BackupWorld>[] changes =
        [
            world => world.References = new ReferenceState(null, "secrets-2"),
            world => world.Change(spec => spec with { Job = new JobSpec() }),
            world => world.Annotate(Annotations.Retry, "now"),
        ];
        foreach (var change in changes)
        {
            var world = new BackupWorld();
            world.Reconcile();
            world.End(12);
            world.Reconcile();
            change(world);
            Assert.IsType<RunDecision.Follow>(world.Reconcile());
            Assert.Equal(2, world.Jobs.Count);
            Assert.DoesNotContain(world.Status.Conditions!, condition => condition.Type == ConditionTypes.Stalled);
        }
    }

    [Fact]
    public void Failures_back_off_and_fill_the_same_slot()
    {
        var world = new BackupWorld();
        world.Reconcile();
        var slot = world.ActiveJob!.Slot;
        for (var failures = 1; failures <= 6; failures++)
        {
            world.End(7);
            Assert.Equal(Reasons.BackingOff, Wait(world).Reason);
            Assert.Contains("NoProgress", world.Condition(ConditionTypes.Running).Message, StringComparison.Ordinal);
            Assert.Equal(failures, world.Status.ConsecutiveFailures);
            Assert.Equal("True", world.Condition(ConditionTypes.Ready).Status); // one failed night is no alarm
            world.Now = world.Status.RetryAfter!.Value;
            var job = Assert.IsType<RunDecision.Follow>(world.Reconcile()).Job;
            Assert.Equal((slot, failures + 1), (job.Slot, job.Attempt));
        }

        world.EndWell();
        world.Reconcile();
        Assert.Equal(0, world.Status.ConsecutiveFailures);
    }

    [Fact]
    public void An_export_that_is_still_arriving_is_not_called_a_quota()
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.End(4, new RunResult { RunId = "", Outcome = RunOutcome.Paused, Reason = ErrorCatalogue.ExportArriving.Code, ResumeAfter = world.Now.AddMinutes(30) });
        Assert.Equal(Reasons.WaitingForExport, Wait(world).Reason);
    }

    [Fact]
    public void A_pause_goes_on_when_it_says_and_is_no_failure()
    {
        var world = new BackupWorld();
        world.Reconcile();
        var resume = world.Now.AddHours(9);
        world.End(4, new RunResult { RunId = "", Outcome = RunOutcome.Paused, Reason = "Paused", ResumeAfter = resume });
        Assert.Equal((Reasons.WaitingForQuota, resume), (Wait(world).Reason, world.Status.NextRunTime!.Value));
        Assert.Equal(0, world.Status.ConsecutiveFailures);
        world.Now = resume;
        Assert.Equal(2, Assert.IsType<RunDecision.Follow>(world.Reconcile()).Job.Attempt);
    }

    [Fact]
    public void A_slice_that_is_over_goes_on_at_once()
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.Now += TimeSpan.FromHours(6);
        world.End(4, new RunResult { RunId = "", Outcome = RunOutcome.Paused, Reason = "Paused" });
        Assert.Equal(2, Assert.IsType<RunDecision.Follow>(world.Reconcile()).Job.Attempt);
        world.End(4, new RunResult { RunId = "", Outcome = RunOutcome.Paused, Reason = "Paused" });
        Assert.Equal(world.Now.AddMinutes(1), Wait(world).Until); // one that was hardly begun does not spin
    }

    [Fact]
    public void What_waits_for_an_approval_does_not_hold_up_the_nights()
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.End(15);
        Assert.Equal(Reasons.Idle, Wait(world).Reason);
        Assert.Equal(0, world.Status.ConsecutiveFailures);
    }

    [Fact]
    public void An_approval_of_a_forget_wave_is_carried_out_at_once_and_once()
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.End(15, Waiting("wave-1"));
        world.Reconcile();
        Assert.Null(world.ActiveJob);
        world.Annotate(Annotations.ApproveForget, "another wave");
        world.Reconcile();
        Assert.Null(world.ActiveJob);

        world.Annotate(Annotations.ApproveForget, "wave-1");
        world.Reconcile();
        Assert.NotNull(world.ActiveJob);
        Assert.Equal("wave-1", world.Status.Handled!.ApproveForget);

        // The wave is still there, whatever the reason: the nights try again, and nobody spins.
        world.End(15, Waiting("wave-1"));
        world.Reconcile();
        Assert.Null(world.ActiveJob);
        world.Jobs.Clear();
        world.Reconcile();
        Assert.Null(world.ActiveJob);

        static RunResult Waiting(string hash) => new()
        {
            RunId = "",
            Outcome = RunOutcome.Failed,
            Reason = "ApprovalNeeded",
            Library = new LibraryTotals(100, 1000, 0),
            Forget = new ForgetTotals(0, 40, hash),
        };
    }

    [Fact]
    public void A_person_s_answer_makes_the_worker_open_the_repository()
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.EndWell(RunOutcome.Incomplete, missing: 3);
        world.Reconcile();
        Assert.Equal("digest", Order().IngestedDigest);
        world.Annotate(Annotations.AcceptGap, "gap-3");
        Assert.Equal((null, "gap-3"), (Order().IngestedDigest, Order().AcceptedGaps!.Single()));
        RunBackup Order() => KlosetOperator.Jobs.RunFiles.Backup(world.Backup, false, new KlosetOperator.Jobs.MountPlan());
    }

    [Fact]
    public void An_incomplete_run_is_no_success_and_waits_for_the_next_slot()
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.EndWell(RunOutcome.Incomplete, missing: 3);
        Assert.Equal(Reasons.Idle, Wait(world).Reason);
        Assert.Null(world.Status.LastSuccessTime);
        Assert.NotNull(world.Status.LastCheckedTime);
        Assert.Equal(("False", Reasons.ItemsMissing), (world.Condition(ConditionTypes.Complete).Status, world.Condition(ConditionTypes.Complete).Reason));
    }

    [Fact]
    public void A_gap_stays_until_it_is_replaced_or_accepted_by_its_hash()
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.EndWell(RunOutcome.Incomplete, missing: 3);
        world.Reconcile();
        world.Annotate(Annotations.AcceptGap, "gap-2");
        world.Reconcile();
        Assert.Equal("False", world.Condition(ConditionTypes.Complete).Status);
        world.Annotate(Annotations.AcceptGap, "gap-3");
        world.Reconcile();
        Assert.Equal(("True", Reasons.GapAccepted), (world.Condition(ConditionTypes.Complete).Status, world.Condition(ConditionTypes.Complete).Reason));
        Assert.Equal("False", world.Condition(ConditionTypes.ActionRequired).Status);
    }

    [Fact]
    public void A_request_runs_at_once_and_is_answered_once()
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.EndWell();
        world.Reconcile();
        world.Annotate(Annotations.Run, "please");
        Assert.Equal("please", Assert.IsType<RunDecision.Follow>(world.Reconcile(lostStatus: true)).Job.Request);
        world.Reconcile();
        Assert.Equal("please", world.Status.Handled!.Run);
        world.EndWell(RunOutcome.NothingNew);
        Assert.Equal(Reasons.Idle, Wait(world).Reason);
        Assert.Equal(2, world.Jobs.Count);
    }

    [Fact]
    public void Suspend_blocks_new_runs_and_lets_the_active_one_end()
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.Change(spec => spec with { Suspend = true });
        Assert.IsType<RunDecision.Follow>(world.Reconcile());
        world.EndWell();
        Assert.Equal(Reasons.Suspended, Wait(world).Reason);
        world.Now += TimeSpan.FromDays(3);
        Assert.Equal(Reasons.Suspended, Wait(world).Reason);
        world.Change(spec => spec with { Suspend = false });
        Assert.IsType<RunDecision.Follow>(world.Reconcile());
        Assert.Equal(2, world.Jobs.Count); // three missed nights are one run
    }

    [Fact]
    public void A_lost_result_is_looked_up_before_anything_else()
    {
        var world = new BackupWorld();
        world.Reconcile();
        var lost = world.ActiveJob!.RunId;
        world.End(null);
        world.Now += TimeSpan.FromMinutes(2);
        var inspection = Assert.IsType<RunDecision.Follow>(world.Reconcile()).Job;
        Assert.Equal((RunKind.Inspect, lost), (inspection.Kind, inspection.LostRunId));
        world.EndWell();
        Assert.Equal(Reasons.Idle, Wait(world).Reason);
        Assert.Equal((lost, Outcomes.Succeeded), (world.Status.Runs![0].Id, world.Status.Runs[0].Outcome));
        Assert.Equal(100, world.Status.Library!.Items);
    }

    [Fact]
    public void A_run_on_a_dead_node_is_given_up_and_looked_up()
    {
        var world = new BackupWorld();
        world.Reconcile();
        var job = world.ActiveJob!;
        world.Jobs[job.Name] = job with { Phase = JobPhase.Unknown, Reason = Reasons.NodeUnreachable, UnreachableSince = world.Now };
        Assert.IsType<RunDecision.Follow>(world.Reconcile());
        Assert.Equal(("Unknown", Reasons.NodeUnreachable), (world.Condition(ConditionTypes.Running).Status, world.Condition(ConditionTypes.Running).Reason));
        world.Now += JobView.GiveUpAfter;
        Assert.Equal(job.Name, Assert.IsType<RunDecision.End>(world.Reconcile()).Job.Name);
        world.Jobs.Remove(job.Name);
        Assert.Equal(job.RunId, Assert.IsType<RunDecision.Follow>(world.Reconcile()).Job.LostRunId);
    }

    [Fact]
    public void An_inspection_that_failed_counts_once_however_often_it_is_looked_at()
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.Jobs.Clear();
        world.Reconcile();
        world.End(7);
        for (var looks = 0; looks < 5; looks++)
        {
            Assert.Equal(Reasons.BackingOff, Wait(world).Reason);
            Assert.Equal(1, world.Status.ConsecutiveFailures);
        }

        world.Now = world.Status.RetryAfter!.Value;
        Assert.Equal((RunKind.Inspect, 2), (world.Reconcile() as RunDecision.Follow) is { Job: { } job } ? (job.Kind, job.Attempt) : default);
    }

    [Fact]
    public void A_run_that_left_nothing_is_repeated()
    {
        var world = new BackupWorld();
        world.Reconcile();
        world.Jobs.Clear(); // somebody deleted the Job
        Assert.Equal(RunKind.Inspect, Assert.IsType<RunDecision.Follow>(world.Reconcile()).Job.Kind);
        world.End(2, new RunResult { RunId = "", Outcome = RunOutcome.Failed, Reason = "RunNotFound" });
        Assert.Equal(Reasons.BackingOff, Wait(world).Reason);
        world.Now = world.Status.RetryAfter!.Value;
        Assert.Equal(2, Assert.IsType<RunDecision.Follow>(world.Reconcile()).Job.Attempt);
    }

    [Fact]
    public void What_the_run_needs_is_waited_for_by_name()
    {
        var world = new BackupWorld { References = new ReferenceState(new Reference(ReferenceKind.Secret, "drive"), "") };
        var wait = Wait(world);
        Assert.Equal(Reasons.SecretMissing, wait.Reason);
        Assert.Contains("'drive'", wait.Message, StringComparison.Ordinal);
        Assert.Equal(("False", Reasons.SecretMissing), (world.Condition(ConditionTypes.Ready).Status, world.Condition(ConditionTypes.Ready).Reason));
        world.References = new ReferenceState(null, "");
        world.Repository = RepositoryHealth.Of(null, "family", shared: true);
        Assert.Equal(Reasons.RepositoryMissing, Wait(world).Reason);
        Assert.Empty(world.Jobs);
    }

    [Fact]
    public void The_younger_of_two_for_one_account_stalls()
    {
        var world = new BackupWorld { OlderTwin = "alice-2019" };
        var stop = Assert.IsType<RunDecision.Stop>(world.Reconcile());
        Assert.Equal(Reasons.DuplicateAccount, stop.Reason);
        Assert.Contains("alice-2019", stop.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Outside_the_window_nothing_starts_but_what_a_person_asks_for()
    {
        var world = new BackupWorld(change: spec => spec with { Schedule = new ScheduleSpec { Cron = "0 3 * * *", Windows = [new() { From = "22:00", To = "06:00" }] } });
        Assert.Equal(Reasons.OutsideWindow, Wait(world).Reason);
        Assert.Equal(new DateTimeOffset(2026, 11, 23, 22, 0, 0, TimeSpan.Zero), world.Status.NextRunTime);
        world.Annotate(Annotations.Run, "1");
        Assert.IsType<RunDecision.Follow>(world.Reconcile());
    }

    [Fact]
    public void A_picker_runs_on_request_only()
    {
        var world = new BackupWorld(change: spec => spec with { Source = new BackupSource { Picker = new PickerSource { CredentialsSecretRef = new NameRef { Name = "g" } } } });
        Assert.Equal(Reasons.WaitingForRequest, Wait(world).Reason);
        Assert.Null(world.Status.NextRunTime);
        Assert.Equal("Unknown", world.Condition(ConditionTypes.Protected).Status);
    }

    [Fact]
    public void After_an_outage_what_was_missed_is_spread_over_the_jitter()
    {
        var world = new BackupWorld(cron: null); // H H * * * with 30 minutes
        world.Reconcile();
        world.EndWell();
        world.Reconcile();
        world.Now += TimeSpan.FromDays(2);
        world.StartedAt = world.Now;
        var decision = world.Reconcile();
        var release = decision is RunDecision.Wait { Until: { } until } ? until : world.Now;
        Assert.InRange(release, world.StartedAt, world.StartedAt + TimeSpan.FromMinutes(30));
        world.Now = release;
        Assert.IsType<RunDecision.Follow>(world.Reconcile());
    }

    private static RunDecision.Wait Wait(BackupWorld world) => Assert.IsType<RunDecision.Wait>(world.Reconcile());
}
