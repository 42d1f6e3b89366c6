using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Jobs;
using KlosetOperator.Runs;
using KlosetOperator.Runtime.Apply;
using KlosetWorker.Contract;

namespace KlosetOperator.Tests.Jobs;

public sealed class JobViewsTests
{
    public enum Disaster
    {
        NodeSilent,
        NodeLost,
        PhaseUnknown,
        Evicted,
        PodGone,
        DeadlineExceeded,
        BackoffLimitExceeded,
        EndedWithoutItsPod,
        JobDeleted,
    }

    public static TheoryData<RunKind, Disaster> Disasters
    {
        get
        {
            var all = new TheoryData<RunKind, Disaster>();
            foreach (var kind in Enum.GetValues<RunKind>())
            {
                foreach (var disaster in Enum.GetValues<Disaster>())
                {
                    all.Add(kind, disaster);
                }
            }

            return all;
        }
    }

    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_Job_of_somebody_else_is_none_of_ours() => Assert.Null(JobViews.Of(new V1Job { Metadata = new V1ObjectMeta { Name = "x" } }, [], Now));

    [Fact]
    public void An_end_is_judged_once_the_pod_has_told_or_a_minute_has_passed()
    {
        var job = Job("Complete");
        var early = JobViews.Of(job, [Pod("p", exitCode: null)], Now)!;
        Assert.False(early.IsJudgeable(Now));
        Assert.True(early.IsJudgeable(Now.AddMinutes(2)));
        var told = JobViews.Of(job, [Pod("p", exitCode: 0)], Now)!;
        Assert.True(told.IsJudgeable(Now));
        Assert.Equal(0, told.End!.ExitCode);
    }

    [Fact]
    public void A_crashed_pod_does_not_speak_for_the_one_after_it()
    {
        var view = JobViews.Of(Job("Complete"), [Pod("a", exitCode: 137, age: 10), Pod("b", exitCode: null, age: 1)], Now)!;
        Assert.Null(view.End!.ExitCode);
        Assert.False(view.IsJudgeable(Now));
    }

    [Fact]
    public void A_pod_that_contradicts_its_Job_is_waited_for() =>
        Assert.Null(JobViews.Of(Job("Complete"), [Pod("a", exitCode: 137)], Now)!.End!.ExitCode);

    [Theory]
    [InlineData("Pending", "PodScheduled", "False", 11, Reasons.Unschedulable, nameof(JobPhase.Starting))]
    [InlineData("Pending", "PodScheduled", "False", 1, Reasons.Starting, nameof(JobPhase.Starting))]
    [InlineData("Running", "Ready", "Unknown", 1, Reasons.NodeUnreachable, nameof(JobPhase.Unknown))]
    [InlineData("Running", "Ready", "True", 1, Reasons.BackingUp, nameof(JobPhase.Running))]
    public void What_the_pod_waits_for_is_said(string phase, string condition, string status, int age, string reason, string expected)
    {
        var pod = Pod("p", null, age);
        pod.Status = new V1PodStatus { Phase = phase, Conditions = [new V1PodCondition { Type = condition, Status = status }] };
        var view = JobViews.Of(Job(null), [pod], Now)!;
        Assert.Equal((reason, expected), (view.Reason, view.Phase.ToString()));
    }

    [Theory]
    [InlineData("ErrImagePull", 0, Reasons.ImageUnavailable, "imagePullSecrets")]
    [InlineData("ImagePullBackOff", 0, Reasons.ImageUnavailable, "imagePullSecrets")]
    [InlineData("InvalidImageName", 0, Reasons.ImageUnavailable, "imagePullSecrets")]
    [InlineData("ErrImageNeverPull", 0, Reasons.ImageUnavailable, "imagePullSecrets")]
    [InlineData("CreateContainerConfigError", 0, Reasons.ContainerNotCreated, "describe pod p")]
    [InlineData("ContainerCreating", 1, Reasons.Starting, "Waits for its pod")]
    [InlineData("ContainerCreating", 2, Reasons.Starting, "describe pod p")] // a registry that does not answer is no error for minutes
    public void Why_the_container_does_not_begin_is_said_at_once_and_where_to_look(string waiting, int age, string reason, string says)
    {
        var view = JobViews.Of(Job(null), [Waiting(waiting, age)], Now)!;
        Assert.Equal(reason, view.Reason);
        Assert.Contains(says, view.Message, StringComparison.Ordinal);
        var conditions = new Conditions(null, 1, Now);
        RunConditions.SetRunning(conditions, new RunDecision.Follow(view));
        Assert.Equal(reason == Reasons.Starting ? "True" : "False", Assert.Single(conditions.ToList()).Status);
    }

    [Theory]
    [InlineData("ImagePullBackOff", true)]
    [InlineData("CreateContainerConfigError", true)]
    [InlineData("ContainerCreating", false)]
    public void A_Job_that_can_never_begin_makes_room_for_one_with_what_is_set_now(string waiting, bool givenUp)
    {
        Assert.False(JobViews.Of(Job(null), [Waiting(waiting, age: 29)], Now)!.IsGivenUp(Now));
        Assert.Equal(givenUp, JobViews.Of(Job(null), [Waiting(waiting, age: 30)], Now)!.IsGivenUp(Now));
    }

    /// <summary>Whatever becomes of pod, node and Job, two minutes later nothing is called running that is not.</summary>
    [Theory]
    [MemberData(nameof(Disasters))]
    public void Two_minutes_after_anything_nothing_is_called_running_that_is_not(RunKind kind, Disaster disaster)
    {
        var pod = Pod("p", null, age: 10);
        pod.Status.Phase = "Running";
        V1Job job;
        switch (disaster)
        {
            case Disaster.NodeSilent:
                job = Job(null, kind);
                pod.Status.Conditions = [new V1PodCondition { Type = "Ready", Status = "Unknown", LastTransitionTime = Now.UtcDateTime }];
                break;
            case Disaster.NodeLost:
                job = Job(null, kind);
                pod.Status.Reason = "NodeLost";
                pod.Metadata.DeletionTimestamp = Now.UtcDateTime;
                break;
            case Disaster.PhaseUnknown:
                job = Job(null, kind);
                pod.Status.Phase = "Unknown";
                break;
            case Disaster.Evicted:
                job = Job(null, kind);
                pod.Status = new V1PodStatus { Phase = "Failed", Reason = "Evicted", Conditions = [new V1PodCondition { Type = "DisruptionTarget", Status = "True" }] };
                break;
            case Disaster.PodGone:
                job = Job(null, kind);
                pod = null;
                break;
            case Disaster.DeadlineExceeded:
                job = Job("Failed", kind);
                job.Status.Conditions[0].Reason = "DeadlineExceeded";
                job.Status.Conditions[0].Message = "Job was active longer than specified deadline";
                pod = null;
                break;
            case Disaster.BackoffLimitExceeded:
                job = Job("Failed", kind);
                job.Status.Conditions[0].Reason = "BackoffLimitExceeded";
                pod = Pod("p", 137);
                break;
            case Disaster.EndedWithoutItsPod:
                job = Job("Complete", kind);
                pod = null;
                break;
            default:
                job = Job(null, kind);
                job.Metadata.DeletionTimestamp = Now.UtcDateTime;
                break;
        }

        var later = Now.AddMinutes(2);
        var view = JobViews.Of(job, pod is null ? [] : [pod], later)!;
        if (view.IsActive)
        {
            var conditions = new Conditions(null, 1, later);
            RunConditions.SetRunning(conditions, new RunDecision.Follow(view));
            var running = Assert.Single(conditions.ToList());
            Assert.NotEqual(JobViews.RunningReason(kind), running.Reason);
            Assert.True(running.Status != "True" || running.Reason == Reasons.Starting, $"{running.Status} {running.Reason}: {running.Message}");
            Assert.NotEmpty(running.Message);
        }
        else
        {
            Assert.True(view.IsJudgeable(later));
            Assert.NotEqual(Outcomes.Succeeded, Verdict.Of(view.RunId, view.End!).Outcome);
        }
    }

    private static V1Pod Waiting(string reason, int age)
    {
        var pod = Pod("p", null, age);
        pod.Status = new V1PodStatus
        {
            Phase = "Pending",
            ContainerStatuses = [new V1ContainerStatus { Name = "worker", State = new V1ContainerState { Waiting = new V1ContainerStateWaiting { Reason = reason, Message = "secret not found" } } }],
        };
        return pod;
    }

    private static V1Job Job(string? condition, RunKind kind = RunKind.Backup) => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = "phb-alice-x",
            Uid = "job",
            CreationTimestamp = Now.AddMinutes(-20).UtcDateTime,
            Labels = new Dictionary<string, string> { [Labels.RunId] = "run", [Labels.RunKind] = RunHistory.KindName(kind), [Labels.Attempt] = "2" },
            Annotations = new Dictionary<string, string> { [JobBuilder.SlotAnnotation] = "2026-11-23T03:00:00Z" },
        },
        Spec = new V1JobSpec(),
        Status = condition is null
            ? null
            : new V1JobStatus { CompletionTime = Now.UtcDateTime, Conditions = [new V1JobCondition { Type = condition, Status = "True", LastTransitionTime = Now.UtcDateTime }] },
    };

    private static V1Pod Pod(string name, int? exitCode, int age = 1) => new()
    {
        Metadata = new V1ObjectMeta { Name = name, CreationTimestamp = Now.AddMinutes(-age).UtcDateTime },
        Status = new V1PodStatus
        {
            ContainerStatuses =
            [
                new V1ContainerStatus
                {
                    Name = "worker",
                    State = exitCode is { } code
                        ? new V1ContainerState { Terminated = new V1ContainerStateTerminated { ExitCode = code, FinishedAt = Now.UtcDateTime } }
                        : new V1ContainerState { Running = new V1ContainerStateRunning() },
                },
            ],
        },
    };
}
