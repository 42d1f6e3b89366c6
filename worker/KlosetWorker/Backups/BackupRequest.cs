using KlosetWorker.Contract;

namespace KlosetWorker.Backups;

/// <summary>What is to be backed up, from the command line or a run file.</summary>
internal sealed record BackupRequest
{
    public required BackupSource Source { get; init; }

    /// <summary>Account of a library, or host of a folder: names the lineage.</summary>
    public required string Origin { get; init; }

    public string? Email { get; init; }

    public IReadOnlyList<string> Tags { get; init; } = [];

    public string? RunId { get; init; }

    /// <summary>Digest of the listing that the newest snapshot has ingested, when the caller knows it.</summary>
    public string? IngestedDigest { get; init; }

    public RunSelection? Selection { get; init; }

    public IReadOnlyList<string> AcceptedGaps { get; init; } = [];

    public string CacheFolder { get; init; } = Path.GetTempPath();

    public int Readers { get; init; } = Math.Max(2, Environment.ProcessorCount);
}
