using Kloset.Storage;
using KlosetWorker.Contract;

namespace KlosetWorker.Backups;

/// <summary>What is to be backed up, from the command line or a run file. Exactly one of <see cref="Folder"/> and <see cref="Takeout"/> is set.</summary>
internal sealed record BackupRequest
{
    /// <summary>Account of a library, or host of a folder: names the lineage.</summary>
    public required string Origin { get; init; }

    public string? Email { get; init; }

    /// <summary>Absolute path.</summary>
    public string? Folder { get; init; }

    public IReadOnlyList<TakeoutLocation>? Takeout { get; init; }

    public IReadOnlyList<string> Tags { get; init; } = [];

    public string? RunId { get; init; }

    public TimeSpan Settle { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Digest of the listing that the newest snapshot has ingested, when the caller knows it.</summary>
    public string? IngestedDigest { get; init; }

    public RunSelection? Selection { get; init; }

    public IReadOnlyList<string> AcceptedGaps { get; init; } = [];

    public string CacheFolder { get; init; } = Path.GetTempPath();

    public int Readers { get; init; } = Math.Max(2, Environment.ProcessorCount);
}

/// <summary>A place where archives are dropped: a folder, or a part of a bucket. Exactly one is set.</summary>
internal sealed record TakeoutLocation
{
    /// <summary>A folder with archives or unpacked exports, or one archive.</summary>
    public string? Folder { get; init; }

    public IStore? Bucket { get; init; }

    public static TakeoutLocation OfFolder(string path) => new() { Folder = path };
}

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
