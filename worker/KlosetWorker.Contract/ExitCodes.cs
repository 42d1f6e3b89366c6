using System.Collections.Frozen;

namespace KlosetWorker.Contract;

/// <summary>Exit codes of `kloset`. Anything else is a crash and counts for the Job's back-off.</summary>
public enum ExitCode
{
    Ok = 0,
    Configuration = 2,
    Incomplete = 3,
    Paused = 4,
    Authorisation = 5,
    Full = 6,
    NoProgress = 7,
    WrongAccount = 8,
    NoRepository = 10,
    Locked = 11,
    Passphrase = 12,
    RepositoryReplaced = 13,
    Damaged = 14,
    ApprovalNeeded = 15,
    Cancelled = 130,
}

/// <summary>What the operator does after an exit.</summary>
public enum RetryClass
{
    /// <summary>Nothing: it went well.</summary>
    None,

    /// <summary>Again at `resumeAfter`, or at once when there is none; does not count as a failure.</summary>
    Resume,

    /// <summary>Again after a back-off of 1 min to 6 h.</summary>
    BackOff,

    /// <summary>The outcome stands until the next slot brings something new; the library stays incomplete until then.</summary>
    NextSlot,

    /// <summary>`Stalled` until the spec, a Secret or `kloset.dev/retry` changes.</summary>
    Terminal,

    /// <summary>Waits for a person's approval.</summary>
    Approval,
}

/// <param name="Code">The process's exit code.</param>
/// <param name="Reason">Condition and Event reason, CamelCase; part of the API.</param>
/// <param name="Retry">What the operator does next.</param>
/// <param name="Meaning">One sentence for people.</param>
/// <param name="Remedy">What to do, one sentence; empty when there is nothing to do.</param>
public sealed record ExitCodeInfo(ExitCode Code, string Reason, RetryClass Retry, string Meaning, string Remedy);

/// <summary>The one table of exit codes, from which the Job's failure policy, the conditions and the reference documentation come.</summary>
public static class ExitCodes
{
    public static IReadOnlyList<ExitCodeInfo> All { get; } =
    [
        new(ExitCode.Ok, "Succeeded", RetryClass.None, "The run did all that it had to do.", ""),
        new(ExitCode.Configuration, "InvalidConfiguration", RetryClass.Terminal,
            "The command line, the run file or a mounted Secret is not usable.", "Correct what the message names."),
        new(ExitCode.Incomplete, "Incomplete", RetryClass.NextSlot,
            "A snapshot was saved, but something that belongs to the library is missing in it.",
            "Replace the parts that the message names, or accept the gap."),
        new(ExitCode.Paused, "Paused", RetryClass.Resume, "The run stopped at an anchor and goes on later.", ""),
        new(ExitCode.Authorisation, "Unauthorized", RetryClass.Terminal,
            "The store or Google refused the credentials.", "Renew the credentials in the Secret that the message names."),
        new(ExitCode.Full, "TargetFull", RetryClass.BackOff, "The target or the store has no room left.", "Free space or raise the quota."),
        new(ExitCode.NoProgress, "NoProgress", RetryClass.BackOff,
            "Nothing moved for the time that a run may stand still.", "Look at the network and at the store."),
        new(ExitCode.WrongAccount, "WrongAccount", RetryClass.Terminal,
            "The grant or the export belongs to another account than the resource names.", "Use the credentials of the right account."),
        new(ExitCode.NoRepository, "RepositoryNotFound", RetryClass.Terminal,
            "There is no repository at the location.", "Correct the location, or allow it to be created."),
        new(ExitCode.Locked, "RepositoryLocked", RetryClass.BackOff,
            "Another program holds the repository exclusively.", "Wait until it has finished; stale locks end by themselves after 10 minutes."),
        new(ExitCode.Passphrase, "WrongPassphrase", RetryClass.Terminal,
            "The passphrase does not open the repository.", "Put the right passphrase into the Secret."),
        new(ExitCode.RepositoryReplaced, "RepositoryReplaced", RetryClass.Terminal,
            "The repository at the location has another identity than the one expected.", "Point the resource at the right location."),
        new(ExitCode.Damaged, "RepositoryDamaged", RetryClass.Terminal,
            "The repository has damage that the run could not go around.", "Run `kloset check` and follow what it says."),
        new(ExitCode.ApprovalNeeded, "ApprovalNeeded", RetryClass.Approval,
            "A plan waits for a person's approval.", "Read the plan and approve its hash."),
        new(ExitCode.Cancelled, "Cancelled", RetryClass.None, "The run was told to stop.", ""),
    ];

    private static readonly FrozenDictionary<int, ExitCodeInfo> ByCode = All.ToFrozenDictionary(info => (int)info.Code);

    /// <summary>The row of an exit code; null for a crash.</summary>
    public static ExitCodeInfo? Find(int exitCode) => ByCode.GetValueOrDefault(exitCode);
}
