using KlosetOperator.Jobs;

namespace KlosetOperator.Runs;

/// <summary>What an object is to do next. Closed: <see cref="Follow"/>, <see cref="Start"/>, <see cref="Wait"/>, <see cref="Stop"/>, <see cref="End"/>.</summary>
internal abstract record RunDecision
{
    private RunDecision()
    {
    }

    /// <summary>A Job is active: watch it.</summary>
    public sealed record Follow(JobView Job) : RunDecision;

    /// <summary>A run is wanted now; admission has the last word.</summary>
    public sealed record Start(RunOrder Order) : RunDecision;

    /// <summary>Nothing to start, and why.</summary>
    /// <param name="Until">When it may be different, if time alone decides.</param>
    /// <param name="IsReady">Whether the object is fine as it is.</param>
    public sealed record Wait(string Reason, string Message, DateTimeOffset? Until = null, bool IsReady = true) : RunDecision;

    /// <summary>Terminal until somebody changes something.</summary>
    public sealed record Stop(string Reason, string Message) : RunDecision;

    /// <summary>Delete the Job: the object was cancelled.</summary>
    public sealed record End(JobView Job) : RunDecision;
}
