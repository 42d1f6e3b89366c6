using KlosetOperator.Admission;
using KlosetOperator.Api;
using KlosetWorker.Contract;

namespace KlosetOperator.Runs;

/// <summary>How far a Job is.</summary>
internal enum JobPhase
{
    /// <summary>No container runs yet; the reason says why.</summary>
    Starting,
    Running,
    Suspended,

    /// <summary>The pod's node does not answer: nobody knows.</summary>
    Unknown,

    /// <summary>Being deleted.</summary>
    Ending,
    Finished,
}

/// <summary>What planners know of a Job: no Kubernetes model, so that they can be tested by the thousand.</summary>
internal sealed record JobView
{
    public required string Name { get; init; }

    public required string Uid { get; init; }

    public required string RunId { get; init; }

    public required RunKind Kind { get; init; }

    public required DateTimeOffset Slot { get; init; }

    public required int Attempt { get; init; }

    /// <summary>Of its run; null for Jobs of older operators.</summary>
    public long? Sequence { get; init; }

    public required DateTimeOffset Created { get; init; }

    public required JobPhase Phase { get; init; }

    /// <summary>The value of `kloset.dev/run` on the object that asked for this run.</summary>
    public string? Request { get; init; }

    /// <summary>For an inspect Job: the run that it looks for.</summary>
    public string? LostRunId { get; init; }

    /// <summary>Why it does not run yet.</summary>
    public string Reason { get; init; } = Reasons.Starting;

    public string Message { get; init; } = "";

    /// <summary>The pod to read the log of.</summary>
    public string? Pod { get; init; }

    /// <summary>Since when the pod's node does not answer.</summary>
    public DateTimeOffset? UnreachableSince { get; init; }

    /// <summary>Since when its pod is there without a container that can begin.</summary>
    public DateTimeOffset? StuckSince { get; init; }

    /// <summary>It has a pod that cannot begin; the reason and the message say why.</summary>
    public bool IsStuck => Phase == JobPhase.Starting && Reason != Reasons.Starting;

    /// <summary>Where the repository lay when the Job was made.</summary>
    public string? Location { get; init; }

    /// <summary>What it takes while it is active.</summary>
    public AdmissionTicket? Ticket { get; init; }

    /// <summary>The operator suspended it, so that maintenance gets the repository.</summary>
    public bool IsPaused { get; init; }

    /// <summary>Suspended, and its pod is still saving what it has.</summary>
    public bool IsDraining { get; init; }

    /// <summary>Set once it is finished.</summary>
    public RunEnd? End { get; init; }

    /// <summary>
    /// The Job would wait for its pod for ever, since a pod on a dead node never ends. After the pod's grace and ten minutes the run is
    /// given up; should its worker live on unseen, its lock and the fenced commits keep the two apart.
    /// </summary>
    public bool IsGivenUp(DateTimeOffset now) =>
        (Phase == JobPhase.Unknown && UnreachableSince is { } since && now >= since + GiveUpAfter)
        || (StuckSince is { } stuck && now >= stuck + GiveUpStuckAfter);

    /// <summary>
    /// A Job is never changed, so one with an image that cannot be had waits for ever, even when the image was put right: the next one
    /// is made from what is set then.
    /// </summary>
    public static readonly TimeSpan GiveUpStuckAfter = TimeSpan.FromMinutes(30);

    /// <summary>The pod's grace of a minute, and ten more.</summary>
    public static readonly TimeSpan GiveUpAfter = TimeSpan.FromMinutes(11);

    public bool IsActive => Phase != JobPhase.Finished;

    /// <summary>Whether its end can be judged: its pod has told, or will not any more.</summary>
    public bool IsJudgeable(DateTimeOffset now) =>
        End is { } end && (end.ExitCode is not null || now >= end.BelievedAfter || end.BelievedAfter - now > RunEnd.Belief + RunEnd.Belief); // or the clock was set back
}

/// <summary>How a Job ended: what its pod left, and what the Job says.</summary>
internal sealed record RunEnd
{
    public required DateTimeOffset Time { get; init; }

    /// <summary>Whether the Job counts as complete.</summary>
    public required bool JobSucceeded { get; init; }

    /// <summary>Null when no pod is left to tell.</summary>
    public int? ExitCode { get; init; }

    public bool OutOfMemory { get; init; }

    /// <summary>The termination message as it is.</summary>
    public string? TerminationMessage { get; init; }

    /// <summary>The pod's end may arrive after the Job's; before this time a missing one is waited for.</summary>
    public DateTimeOffset BelievedAfter => Time + Belief;

    public static readonly TimeSpan Belief = TimeSpan.FromMinutes(1);

    /// <summary>Why the Job failed, in its own words.</summary>
    public string? JobMessage { get; init; }
}
