namespace Kloset.Snapshots;

/// <summary>What a snapshot says of itself. Source: format document, section 12.</summary>
public sealed record SnapshotHeader
{
    public uint Version { get; init; } = 0x00010000;

    public required SnapshotId Id { get; init; }

    /// <summary>When the backup started, or the time that was asked for.</summary>
    public Timestamp Timestamp { get; init; }

    public TimeSpan Duration => TimeSpan.FromTicks(DurationNanoseconds / 100);

    public long DurationNanoseconds { get; init; }

    /// <summary>All zero: unsigned.</summary>
    public Guid IdentityId { get; init; }

    public ReadOnlyMemory<byte>? IdentityPublicKey { get; init; }

    public string Name { get; init; } = "";

    public string Category { get; init; } = "";

    public string Environment { get; init; } = "";

    public string Perimeter { get; init; } = "";

    public string Job { get; init; } = "";

    public uint Replicas { get; init; } = 1;

    public string Dataset { get; init; } = "";

    public IReadOnlyList<string>? DataClasses { get; init; } = [];

    public IReadOnlyList<SnapshotClassification>? Classifications { get; init; } = [];

    public IReadOnlyList<string>? Tags { get; init; } = [];

    public IReadOnlyList<KeyValuePair<string, string>>? Context { get; init; } = [];

    /// <summary>At least one in every snapshot that plakar accepts.</summary>
    public IReadOnlyList<SnapshotSource>? Sources { get; init; } = [];

    /// <summary>Of the first source.</summary>
    public SnapshotSource Source => Sources is { Count: > 0 } sources
        ? sources[0]
        : throw Kloset.Repositories.RepositoryException.Damaged($"Snapshot {Id} has no source.");
}

public sealed record SnapshotClassification(string Analyzer, IReadOnlyList<KeyValuePair<string, double>>? Classes);

/// <summary>One tree of a snapshot.</summary>
public sealed record SnapshotSource
{
    /// <summary>"googlephotos", "folder", "fs", "s3", …</summary>
    public string Type { get; init; } = "";

    /// <summary>Host name, account, …: with <see cref="Type"/> and <see cref="Directory"/> it names the lineage.</summary>
    public string Origin { get; init; } = "";

    /// <summary>An existing directory of the tree.</summary>
    public string Directory { get; init; } = "/";

    public IReadOnlyList<KeyValuePair<string, string>>? Context { get; init; } = [];

    /// <summary>B+tree of entries by path.</summary>
    public Mac Root { get; init; }

    public Mac ExtendedAttributes { get; init; }

    public Mac Errors { get; init; }

    public IReadOnlyList<SnapshotIndex>? Indexes { get; init; } = [];

    public DirectorySummary Summary { get; init; } = new();
}

/// <param name="Name">content-type, dirpack or summary.</param>
/// <param name="Type">btree.</param>
public sealed record SnapshotIndex(string Name, string Type, Mac Value)
{
    public const string ContentType = "content-type";
    public const string Dirpack = "dirpack";
    public const string Summary = "summary";
}
