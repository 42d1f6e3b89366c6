using System.Text.Json.Serialization;
using k8s.Models;
using KlosetOperator.Api.Schema;

namespace KlosetOperator.Api;

/// <summary>What is known about a repository.</summary>
public sealed record KlosetRepositoryStatus : IRunStatus
{
    /// <summary>Generation of the spec that this status speaks of; -1 before the first look.</summary>
    public long? ObservedGeneration { get; init; }

    /// <summary>Ready, Running, Maintained, Verified, ActionRequired, Reconciling, Stalled.</summary>
    [Items(0, 16)]
    [ListMapKeys("type")]
    public IReadOnlyList<V1Condition>? Conditions { get; init; }

    /// <summary>Identity of the repository, pinned when it was first seen.</summary>
    [JsonPropertyName("repositoryID")]
    [Length(0, 36)]
    public string? RepositoryID { get; init; }

    /// <summary>Where the repository was last opened, such as `s3://s3.example.net/photos/family/`.</summary>
    [Length(0, 1200)]
    public string? Location { get; init; }

    /// <summary>Fingerprint of the repository's key; not secret.</summary>
    [Length(0, 128)]
    public string? KeyFingerprint { get; init; }

    /// <summary>Who forgets and maintains, as cluster, namespace and name; absent while nobody does.</summary>
    [Length(0, 512)]
    public string? Owner { get; init; }

    /// <summary>Counts and bytes.</summary>
    public RepositoryTotalsStatus? Totals { get; init; }

    /// <summary>Maintenance: last, next and the newest three runs.</summary>
    public RecurringStatus? Maintenance { get; init; }

    /// <summary>Checks: last, next and the newest three runs.</summary>
    public RecurringStatus? Check { get; init; }

    /// <summary>The Job that works for the repository itself now.</summary>
    public ActiveRun? Active { get; init; }

    /// <summary>The newest tries of creating or adopting the repository, newest first.</summary>
    [Items(0, 3)]
    [AtomicList]
    public IReadOnlyList<RunRecord>? Runs { get; init; }

    /// <summary>Failed tries in a row of creating or adopting the repository.</summary>
    [Range(0, int.MaxValue)]
    public int? ConsecutiveFailures { get; init; }

    /// <summary>Not before this time the next try is made.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? RetryAfter { get; init; }

    /// <summary>Since when Jobs fail because of the store. One Job at a time is let through until one succeeds.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? BreakerOpenSince { get; init; }

    /// <summary>What a person must do.</summary>
    [Items(0, 5)]
    [AtomicList]
    public IReadOnlyList<ActionStatus>? Actions { get; init; }

    /// <summary>Requests by annotation that were heard.</summary>
    public HandledRequests? Handled { get; init; }

    /// <summary>What the object looked like when it stalled; a change of it ends `Stalled`.</summary>
    public StalledOn? StalledOn { get; init; }
}

/// <summary>Counts and bytes of a repository.</summary>
public sealed record RepositoryTotalsStatus
{
    /// <summary>Complete snapshots in it; what unfinished runs left does not count.</summary>
    public long? Snapshots { get; init; }

    /// <summary>Packfiles in it.</summary>
    public long? Packfiles { get; init; }

    /// <summary>Bytes in the store.</summary>
    public long? StoredBytes { get; init; }

    /// <summary>The same for people, such as `12.4 GiB`.</summary>
    [Length(0, 32)]
    public string? Stored { get; init; }
}

/// <summary>Something that is done again and again.</summary>
public sealed record RecurringStatus
{
    /// <summary>When the last one ended, however it went.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? LastTime { get; init; }

    /// <summary>When the last one ended well.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? LastSuccessTime { get; init; }

    /// <summary>When the next one is due.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? NextTime { get; init; }

    /// <summary>Failures in a row.</summary>
    [Range(0, int.MaxValue)]
    public int? ConsecutiveFailures { get; init; }

    /// <summary>The newest three, newest first.</summary>
    [Items(0, 3)]
    [AtomicList]
    public IReadOnlyList<RunRecord>? Runs { get; init; }
}
