using KlosetOperator.Api;
using KlosetOperator.Jobs;
using KlosetOperator.References;
using KlosetOperator.Repositories;
using KlosetOperator.Runs;
using KlosetOperator.Schedules;

namespace KlosetOperator.Backups;

/// <summary>All that a decision about a PhotoBackup depends on.</summary>
internal sealed record BackupFacts
{
    public required PhotoBackup Backup { get; init; }

    public required RepositoryHealth Repository { get; init; }

    /// <summary>Null when the schedule is not usable; then the error says why.</summary>
    public EffectiveSchedule? Schedule { get; init; }

    public string? ScheduleError { get; init; }

    public required ReferenceState References { get; init; }

    /// <summary>An older PhotoBackup for the same account, repository and kind of source.</summary>
    public string? OlderTwin { get; init; }

    public required IReadOnlyList<JobView> Jobs { get; init; }

    /// <summary>With the Jobs that ended folded in.</summary>
    public required RunHistory History { get; init; }

    /// <summary>The repository is another one than the account's snapshots were written into, or lies elsewhere since.</summary>
    public bool HasMoved { get; init; }

    public required DateTimeOffset Now { get; init; }

    /// <summary>When this operator started.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    public DateTimeOffset Created => Utc(Backup.Metadata.CreationTimestamp) ?? Now;

    /// <summary>A run looked for the account's newest snapshot where the repository is now, and did not find it.</summary>
    public bool IsHistoryMissing => HasMoved && History.Newest is { Outcome: Outcomes.Failed, Reason: Reasons.HistoryMissing };

    /// <summary>A request by annotation that no run answered yet.</summary>
    public string? Request =>
        StallMark.Annotation(Backup.Metadata, Annotations.Run) is { Length: > 0 } value
        && value != Backup.Status?.Handled?.Run
        && Jobs.All(job => job.Request != value)
            ? value
            : null;

    /// <summary>The approval of a forget wave that no run carried out yet, as the Job that does is told to remember it.</summary>
    public string? Approval =>
        ApprovedForget is { } hash && hash != Backup.Status?.Handled?.ApproveForget && Jobs.All(job => job.Request != ApprovalOf(hash)) ? ApprovalOf(hash) : null;

    public string? ApprovedForget => RunFiles.ApprovedForget(Backup);

    public static string ApprovalOf(string hash) => $"{Annotations.ApproveForget}: {hash}";

    public static DateTimeOffset? Utc(DateTime? time) =>
        time is { } value ? new DateTimeOffset(DateTime.SpecifyKind(value.ToUniversalTime(), DateTimeKind.Utc)) : null;
}
