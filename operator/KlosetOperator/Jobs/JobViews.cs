using System.Globalization;
using k8s.Models;
using KlosetOperator.Admission;
using KlosetOperator.Api;
using KlosetOperator.Runs;
using KlosetWorker.Contract;

namespace KlosetOperator.Jobs;

/// <summary>From Jobs and pods to what planners know of them. Pure.</summary>
internal static class JobViews
{
    private static readonly TimeSpan UnschedulableAfter = TimeSpan.FromMinutes(10);

    /// <summary>A pull of our image takes seconds; a registry that does not answer is called an error only after minutes.</summary>
    private static readonly TimeSpan SlowAfter = TimeSpan.FromMinutes(2);

    /// <summary>Null for a Job that is not one of our runs.</summary>
    /// <param name="pods">The Job's pods.</param>
    public static JobView? Of(V1Job job, IReadOnlyList<V1Pod> pods, DateTimeOffset now)
    {
        var (labels, annotations) = (job.Metadata.Labels, job.Metadata.Annotations);
        if (labels is null || annotations is null
            || !labels.TryGetValue(Labels.RunId, out var runId)
            || !labels.TryGetValue(Labels.RunKind, out var kindName)
            || Kind(kindName) is not { } kind
            || !annotations.TryGetValue(JobBuilder.SlotAnnotation, out var slotText)
            || !DateTimeOffset.TryParse(slotText, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var slot))
        {
            return null;
        }

        var newest = pods.OrderByDescending(pod => pod.Metadata.CreationTimestamp).ThenByDescending(pod => pod.Metadata.Name, StringComparer.Ordinal).FirstOrDefault();
        var (phase, reason, message) = Phase(job, newest, kind, now);
        return new JobView
        {
            Name = job.Metadata.Name,
            Uid = job.Metadata.Uid,
            RunId = runId,
            Kind = kind,
            Slot = slot,
            Attempt = labels.TryGetValue(Labels.Attempt, out var attempt) && int.TryParse(attempt, CultureInfo.InvariantCulture, out var number) ? number : 1,
            Sequence = annotations.TryGetValue(JobBuilder.SequenceAnnotation, out var counted) && long.TryParse(counted, CultureInfo.InvariantCulture, out var sequence) && sequence > 0 ? sequence : null,
            Created = Utc(job.Metadata.CreationTimestamp) ?? now,
            Request = annotations.TryGetValue(JobBuilder.RequestAnnotation, out var request) ? request : null,
            LostRunId = annotations.TryGetValue(JobBuilder.LostRunAnnotation, out var lost) ? lost : null,
            Phase = phase,
            Reason = reason,
            Message = message,
            Pod = phase == JobPhase.Running ? newest?.Metadata.Name : null,
            UnreachableSince = phase == JobPhase.Unknown ? Utc(PodCondition(newest!, "Ready")?.LastTransitionTime) ?? Utc(newest!.Metadata.DeletionTimestamp) : null,
            StuckSince = reason is Reasons.ImageUnavailable or Reasons.ContainerNotCreated ? Utc(newest!.Metadata.CreationTimestamp) : null,
            Ticket = Ticket(job),
            Location = annotations.TryGetValue(JobBuilder.LocationAnnotation, out var location) ? location : null,
            IsPaused = phase == JobPhase.Suspended && annotations.ContainsKey(Annotations.PausedFor),
            IsDraining = phase == JobPhase.Suspended && !IsParked(job),
            End = phase == JobPhase.Finished ? End(job, pods, now) : null,
        };
    }

    /// <summary>What the Job takes in the ledger while it is active.</summary>
    public static AdmissionTicket? Ticket(V1Job job) =>
        job.Metadata.Annotations is { } annotations && annotations.TryGetValue(Labels.Repository, out var repository)
            ? new(
                repository,
                annotations.TryGetValue(JobBuilder.AccountAnnotation, out var account) ? account : null,
                annotations.TryGetValue(JobBuilder.QuotaGroupAnnotation, out var group) ? group : null,
                job.Metadata.Labels?.TryGetValue(Labels.RunKind, out var kind) == true && kind == "maintain")
            { IsParked = IsParked(job) }
            : null;

    public static bool IsFinished(V1Job job) => Condition(job, "Complete") is not null || Condition(job, "Failed") is not null;

    /// <summary>Suspended, and no pod of it is left.</summary>
    private static bool IsParked(V1Job job) =>
        job.Spec?.Suspend == true && (job.Status?.Active ?? 0) == 0 && (job.Status?.Terminating ?? 0) == 0;

    private static RunKind? Kind(string name) =>
        Enum.GetValues<RunKind>().Cast<RunKind?>().FirstOrDefault(kind => RunHistory.KindName(kind!.Value) == name);

    private static (JobPhase Phase, string Reason, string Message) Phase(V1Job job, V1Pod? pod, RunKind kind, DateTimeOffset now)
    {
        if (IsFinished(job))
        {
            return (JobPhase.Finished, "", "");
        }

        // First: the pod of a dead node would keep a Job that is being deleted, or suspended, where it is for ever.
        if (pod is not null && (PodCondition(pod, "Ready") is { Status: "Unknown" } || pod.Status?.Reason == "NodeLost" || pod.Status?.Phase == "Unknown"))
        {
            return (JobPhase.Unknown, Reasons.NodeUnreachable, $"The node of pod '{pod.Metadata.Name}' does not answer.");
        }

        if (job.Metadata.DeletionTimestamp is not null)
        {
            return (JobPhase.Ending, Reasons.Cancelled, "The Job is being deleted.");
        }

        if (job.Spec?.Suspend == true)
        {
            return job.Metadata.Annotations?.ContainsKey(Annotations.PausedFor) == true
                ? (JobPhase.Suspended, Reasons.WaitingForMaintenance, "Paused at an anchor, so that maintenance that is long due gets the repository.")
                : (JobPhase.Suspended, Reasons.Suspended, "The Job is suspended, by its queue or by a person.");
        }

        if (pod is null)
        {
            return (JobPhase.Starting, Reasons.Starting, "Waits for its pod.");
        }

        if (pod.Status?.Phase == "Running")
        {
            return (JobPhase.Running, RunningReason(kind), "");
        }

        if (pod.Status?.Phase is "Failed" or "Succeeded")
        {
            return (JobPhase.Starting, Reasons.Starting, "Its pod has ended; waits for what the Job makes of it.");
        }

        if (PodCondition(pod, "PodScheduled") is { Status: "False" } unscheduled
            && now - (Utc(pod.Metadata.CreationTimestamp) ?? now) >= UnschedulableAfter)
        {
            return (JobPhase.Starting, Reasons.Unschedulable, Messages.Cap($"No node takes pod '{pod.Metadata.Name}'. Make room, or correct resources, nodeSelector, tolerations or claims: {unscheduled.Message}"));
        }

        var waiting = pod.Status?.ContainerStatuses?.FirstOrDefault(container => container.Name == JobBuilder.Container)?.State?.Waiting;
        var name = pod.Metadata.Name;
        return waiting?.Reason switch
        {
            "ErrImagePull" or "ImagePullBackOff" or "InvalidImageName" or "ErrImageNeverPull" or "ImageInspectError" or "RegistryUnavailable" =>
                (JobPhase.Starting, Reasons.ImageUnavailable, $"The worker's image '{Image(job)}' cannot be pulled. Correct it in the operator's settings, or give the right to pull it, by imagePullSecrets of spec.job or of the namespace's service account; kubectl describe pod {name} tells why."),
            "CreateContainerConfigError" or "CreateContainerError" or "RunContainerError" =>
                (JobPhase.Starting, Reasons.ContainerNotCreated, Messages.Cap($"The worker's container cannot be made; kubectl describe pod {name} tells more: {waiting.Message}")),
            _ when now - (Utc(pod.Metadata.CreationTimestamp) ?? now) >= SlowAfter =>
                (JobPhase.Starting, Reasons.Starting, $"Pod '{name}' has a node, and its volumes or its image take long: kubectl describe pod {name} tells what it waits for."),
            _ => (JobPhase.Starting, Reasons.Starting, "Waits for its pod."),
        };
    }

    private static string? Image(V1Job job) => job.Spec.Template?.Spec?.Containers?.FirstOrDefault(container => container.Name == JobBuilder.Container)?.Image;

    public static string RunningReason(RunKind kind) => kind switch
    {
        RunKind.Create => Reasons.Creating,
        RunKind.Backup => Reasons.BackingUp,
        RunKind.Restore => Reasons.Restoring,
        RunKind.Check => Reasons.Checking,
        RunKind.Maintain => Reasons.Maintaining,
        RunKind.Inspect => Reasons.Inspecting,
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private static RunEnd End(V1Job job, IReadOnlyList<V1Pod> pods, DateTimeOffset now)
    {
        var complete = Condition(job, "Complete");
        var ended = complete ?? Condition(job, "Failed")!;

        // The newest pod says how it ended. The caches of Jobs and pods are not of the same moment: where the pod does not fit
        // what the Job says, it is as good as not there, and is waited for.
        var last = pods
            .OrderByDescending(pod => pod.Metadata.CreationTimestamp)
            .ThenByDescending(pod => pod.Metadata.Name, StringComparer.Ordinal)
            .Take(1)
            .Select(pod => pod.Status?.ContainerStatuses?.FirstOrDefault(container => container.Name == JobBuilder.Container)?.State?.Terminated)
            .FirstOrDefault();
        if (last is not null && complete is not null != (last.ExitCode == 0))
        {
            last = null;
        }

        return new RunEnd
        {
            Time = Utc(job.Status?.CompletionTime) ?? Utc(ended.LastTransitionTime) ?? now,
            JobSucceeded = complete is not null,
            ExitCode = last?.ExitCode,
            OutOfMemory = last?.Reason == "OOMKilled",
            TerminationMessage = last?.Message,
            JobMessage = complete is null ? ended.Message : null,
        };
    }

    private static V1JobCondition? Condition(V1Job job, string type) =>
        job.Status?.Conditions?.FirstOrDefault(condition => condition.Type == type && condition.Status == "True");

    private static V1PodCondition? PodCondition(V1Pod pod, string type) =>
        pod.Status?.Conditions?.FirstOrDefault(condition => condition.Type == type);

    private static DateTimeOffset? Utc(DateTime? time) =>
        time is { } value ? new DateTimeOffset(DateTime.SpecifyKind(value.ToUniversalTime(), DateTimeKind.Utc)) : null;
}
