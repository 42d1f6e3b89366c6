using CsCheck;
using KlosetOperator.Api;
using KlosetOperator.Runs;
using KlosetWorker.Contract;

namespace KlosetOperator.Tests.Backups;

/// <summary>Weeks of a PhotoBackup's life in which everything may happen at any look.</summary>
public sealed class BackupSimulationTests
{
    private static readonly int?[] Ends = [0, 0, 0, 2, 3, 4, 5, 6, 7, 10, 11, 12, 14, 130, 1, 137, null];

    [Fact]
    public void Whatever_happens_there_is_one_Job_a_slot_and_never_a_green_light_on_a_hole() =>
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, 16], Gen.Int[1, 600], Gen.Bool).Array[5, 60].Sample(steps =>
        {
            var world = new BackupWorld("H H * * *");
            var created = new HashSet<string>();
            foreach (var (what, end, minutes, lost) in steps)
            {
                world.Now += TimeSpan.FromMinutes(minutes);
                switch (what)
                {
                    case <= 4 when world.ActiveJob is not null:
                        if (Ends[end] is 0)
                        {
                            world.EndWell(RunOutcome.Succeeded);
                        }
                        else if (Ends[end] is 3)
                        {
                            world.EndWell(RunOutcome.Incomplete, missing: 1);
                        }
                        else
                        {
                            world.End(Ends[end]);
                        }

                        break;
                    case 5:
                        world.Annotate(Annotations.Run, $"{minutes}");
                        break;
                    case 6:
                        world.Annotate(Annotations.Retry, $"{minutes}");
                        break;
                    case 7 when world.ActiveJob is { } job:
                        world.Jobs.Remove(job.Name);
                        break;
                    case 8:
                        world.StartedAt = world.Now;
                        break;
                    case 9:
                        world.Change(spec => spec with { Suspend = !spec.Suspend });
                        break;
                    default:
                        break;
                }

                world.Reconcile(lostStatus: lost);
                world.Reconcile();

                Assert.True(world.Jobs.Values.Count(job => job.IsActive) <= 1);
                Assert.True((world.Status.Runs?.Count ?? 0) <= 10);
                Assert.Equal(world.Status.Runs?.Select(run => run.Id).Distinct().Count() ?? 0, world.Status.Runs?.Count ?? 0);
                if (world.Status.Library?.Missing > 0)
                {
                    Assert.Equal("False", world.Condition(ConditionTypes.Complete).Status);
                }

                if (world.Status.LastSuccessTime is null)
                {
                    Assert.NotEqual("True", world.Condition(ConditionTypes.Complete).Status);
                }

                Assert.Equal(world.ActiveJob is not null, world.Status.Active is not null);
            }

            // Left alone, with a worker that does well, it becomes fine again.
            if (world.Backup.Spec.Suspend)
            {
                world.Change(spec => spec with { Suspend = false });
            }

            world.Annotate(Annotations.Retry, "at last");
            for (var i = 0; i < 200 && (world.Status.Runs is not { Count: > 0 } runs || runs[0].Outcome != Outcomes.Succeeded); i++)
            {
                world.Reconcile();
                if (world.ActiveJob is not null)
                {
                    world.EndWell();
                }
                else
                {
                    world.Now += TimeSpan.FromMinutes(30);
                }
            }

            Assert.Equal(Outcomes.Succeeded, world.Status.Runs![0].Outcome);
            Assert.Equal("True", world.Condition(ConditionTypes.Ready).Status);
            Assert.Equal("True", world.Condition(ConditionTypes.Complete).Status);
        }, iter: 400, seed: "0N0XIzNsQ0O2");
}
