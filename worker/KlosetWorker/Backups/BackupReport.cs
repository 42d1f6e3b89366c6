using KlosetWorker.Contract;

namespace KlosetWorker.Backups;

/// <summary>What a backup came to.</summary>
/// <param name="Error">Why the outcome is not a plain success; null when it is.</param>
/// <param name="Message">What is missing, in words.</param>
internal sealed record BackupReport(
    RunOutcome Outcome,
    ErrorInfo? Error,
    string? Message,
    string? SnapshotId,
    long Files,
    long Bytes,
    long FilesRead,
    long BytesRead,
    long BytesStored,
    long Errors,
    IReadOnlyList<string> Warnings)
{
    public LibraryTotals? Library { get; init; }

    public ExportsSummary? Exports { get; init; }

    public string? IngestedDigest { get; init; }

    public long ItemsNew { get; init; }

    public DateTimeOffset? ResumeAfter { get; init; }

    public IReadOnlyList<RunAction> Actions { get; init; } = [];
}
