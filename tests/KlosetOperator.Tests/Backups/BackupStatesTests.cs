using KlosetOperator.Api;
using KlosetOperator.Repositories;
using KlosetOperator.References;
using KlosetOperator.Runs;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Tests.States;
using KlosetWorker.Contract;

namespace KlosetOperator.Tests.Backups;

/// <summary>
/// What `kubectl get` and `kubectl describe` say in every state: protected through when, complete, doing or waiting for what and why, and
/// what a person must do. A change of any word shows in `states.approved.txt`; KLOSET_APPROVE=1 writes it anew.
/// </summary>
public sealed class BackupStatesTests
{
    [Fact]
    public void Every_state_answers_the_four_questions_in_words_that_somebody_approved()
    {
        var book = new StateBook("Backups/states.approved.txt");
        foreach (var (name, make) in States())
        {
            var world = make();
            book.Write(name, world.Backup, world.Status.Conditions!, world.Status.Actions);

            // Looking again says the same: no message holds a number that only time changes.
            var before = ApiJson.ToNode(world.Status)!.ToJsonString();
            world.Again();
            Assert.Equal(before, ApiJson.ToNode(world.Status)!.ToJsonString());
        }

        book.IsApproved();
    }

    private static IEnumerable<(string Name, Func<BackupWorld> Make)> States()
    {
        yield return ("the first run has been ordered", () => Make());
        yield return ("it runs, and tells how far", () => Make(world => world.Jobs[world.ActiveJob!.Name] = world.ActiveJob! with { Phase = JobPhase.Running }));
        foreach (var (reason, message) in new[]
        {
            (Reasons.Unschedulable, "No node takes pod 'phb-alice-x': 0/3 nodes are available."), (Reasons.ImageUnavailable, "The worker's image cannot be pulled: ErrImagePull."),
        })
        {
            yield return ($"its pod does not start: {reason}", () => Make(world => world.Jobs[world.ActiveJob!.Name] = world.ActiveJob! with { Phase = JobPhase.Starting, Reason = reason, Message = message }));
        }

        yield return ("its node is dead", () => Make(world => world.Jobs[world.ActiveJob!.Name] = world.ActiveJob! with
        {
            Phase = JobPhase.Unknown,
            Reason = Reasons.NodeUnreachable,
            Message = "The node of pod 'phb-alice-x' does not answer.",
            UnreachableSince = world.Now,
        }));
        yield return ("it is paused for maintenance", () => Make(world => world.Jobs[world.ActiveJob!.Name] = world.ActiveJob! with
        {
            Phase = JobPhase.Suspended,
            IsPaused = true,
            Reason = Reasons.WaitingForMaintenance,
            Message = "Paused at an anchor, so that maintenance that is long due gets the repository.",
        }));
        yield return ("all is well", () => Make(world => world.EndWell()));
        yield return ("something is missing", () => Make(world => world.EndWell(RunOutcome.Incomplete, missing: 3)));
        yield return ("what is missing was accepted", () => Make(world => world.EndWell(RunOutcome.Incomplete, missing: 3), world => world.Annotate(Annotations.AcceptGap, "gap-3")));
        yield return ("the library shrank", () => Make(world => world.End(0, Result with { Library = new LibraryTotals(10, 100, Shrunk: true), Exports = new ExportsSummary(BackupWorld.Start) })));
        yield return ("no export has come", () => Make(world => world.End(3, Result with { Outcome = RunOutcome.Incomplete, Reason = "SourceEmpty", Message = "There is no export at /kloset/sources/drop." })));
        yield return ("the first export is arriving", () => Make(world => world.End(4, Result with { Outcome = RunOutcome.Paused, Reason = "ExportArriving", Message = "takeout-1 may still be arriving; what is there is saved.", Library = new LibraryTotals(10, 100), ResumeAfter = BackupWorld.Start.AddMinutes(30) })));
        yield return ("no full export was ever seen", () => Make(world => world.End(0, Result with { Library = new LibraryTotals(10, 100), Exports = new ExportsSummary() })));
        yield return ("the last export is too old", () => Make(world => world.EndWell(covered: BackupWorld.Start.AddDays(-80))));
        yield return ("the schedule of exports ends soon", () => Make(world => world.End(0, Result with { Library = new LibraryTotals(100, 1), Exports = new ExportsSummary(BackupWorld.Start, ScheduleEnds: BackupWorld.Start.AddDays(20)) })));
        yield return ("the grant ends tomorrow", () => Make(world => world.EndWell(), world => world.TokenEnds = BackupWorld.Start.AddDays(1)));
        yield return ("forgetting waits for a person", () => Make(world => world.End(15, Result with { Reason = "ApprovalNeeded", Library = new LibraryTotals(100, 1), Exports = new ExportsSummary(BackupWorld.Start), Forget = new ForgetTotals(0, 12, "wave-1") })));
        yield return ("a quota is used up", () => Make(world => world.End(4, Result with { Outcome = RunOutcome.Paused, Reason = "Paused", Message = "The day's quota is used up.", QuotaGroup = "g", ResumeAfter = BackupWorld.Start.AddHours(19) })));
        foreach (var row in ExitCodes.All.Where(row => row.Retry is RetryClass.BackOff or RetryClass.Terminal))
        {
            yield return ($"a run ended with {(int)row.Code} ({row.Reason})", () => Make(world => world.End((int)row.Code)));
        }

        yield return ("a run crashed", () => Make(world => world.End(139)));
        yield return ("a run used too much memory", () => Make(world =>
        {
            world.End(137);
            var job = world.Jobs.Values.Single();
            world.Jobs[job.Name] = job with { End = job.End! with { OutOfMemory = true } };
        }));
        yield return ("a result was lost and is looked up", () => Make(world => world.End(0)));
        yield return ("the history stayed behind", () => Make(
            world => world.EndWell(),
            world =>
            {
                world.HasMoved = true;
                world.Annotate(Annotations.Run, "look");
            },
            world => world.End(10, Result with { Outcome = RunOutcome.Failed, Reason = Reasons.HistoryMissing, Message = "The repository at s3://new/ does not hold the snapshot aaaaaaaa of 'alice'." })));
        yield return ("it is suspended", () => Make(world => world.EndWell(), world => world.Change(spec => spec with { Suspend = true })));
        yield return ("the window is closed", () => New(spec => spec with { Schedule = new ScheduleSpec { Cron = "0 3 * * *", Windows = [new ScheduleWindow { From = "22:00", To = "06:00" }] } }));
        yield return ("other Jobs fill the repository", () => New(null, world => world.Refusal = new RunDecision.Wait(Reasons.WaitingForSlot, "The repository allows 4 Jobs at the same time.")));
        yield return ("another Job works for the account", () => New(null, world => world.Refusal = new RunDecision.Wait(Reasons.WaitingForAccount, "Another Job works for the same account.")));
        yield return ("the repository is not there", () => New(null, world => world.Repository = RepositoryHealth.Of(null, "family", false)));
        yield return ("a Secret is not there", () => New(null, world => world.References = new ReferenceState(new Reference(ReferenceKind.Secret, "google-alice"), "h")));
        yield return ("it is the younger of two", () => New(null, world => world.OlderTwin = "alice-old"));
        yield return ("the schedule cannot be understood", () => New(spec => spec with { Schedule = new ScheduleSpec { Cron = "0 3 31 2 *" } }));
        yield return ("a picker waits to be asked", () => New(Picker));
        yield return ("a picker asks", () => New(Picker, world =>
        {
            world.Annotate(Annotations.Run, "pick");
            world.Asks = new ActionStatus { Kind = "PickPhotos", Message = "Pick the photos behind the link.", Url = "https://photos.google.com/picker/abc", Deadline = BackupWorld.Start.AddHours(1) };
        }));
    }

    private static readonly RunResult Result = new() { RunId = "", Outcome = RunOutcome.Succeeded, Reason = "Succeeded" };

    private static PhotoBackupSpec Picker(PhotoBackupSpec spec) => spec with { Source = new BackupSource { Picker = new PickerSource { CredentialsSecretRef = new NameRef { Name = "g" } } }, Schedule = null };

    /// <summary>A first run is ordered; after each step the operator looks.</summary>
    private static BackupWorld Make(params Action<BackupWorld>[] steps) => New(null, [_ => { }, .. steps]);

    private static BackupWorld New(Func<PhotoBackupSpec, PhotoBackupSpec>? change, params Action<BackupWorld>[] steps)
    {
        var world = new BackupWorld(change: change);
        foreach (var step in steps.Length > 0 ? steps : [_ => { }])
        {
            step(world);
            world.Again();
        }

        return world;
    }
}
