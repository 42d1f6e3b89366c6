using System.Text.Json.Serialization;
using k8s.Models;
using KlosetOperator.Api.Schema;

namespace KlosetOperator.Api;

/// <summary>How far a restore is and what came of it.</summary>
public sealed record PhotoRestoreStatus : IRunStatus
{
    /// <summary>Generation of the spec that this status speaks of; -1 before the first look.</summary>
    public long? ObservedGeneration { get; init; }

    /// <summary>Ready, Succeeded, Running, ActionRequired, Reconciling, Stalled.</summary>
    [Items(0, 16)]
    [ListMapKeys("type")]
    public IReadOnlyList<V1Condition>? Conditions { get; init; }

    /// <summary>The snapshot that is restored, pinned once it is known.</summary>
    public ResolvedSnapshot? Resolved { get; init; }

    /// <summary>What is going to be uploaded to Google Photos.</summary>
    public PlanStatus? Plan { get; init; }

    /// <summary>How far, for people, such as `42 %`.</summary>
    [Length(0, 64)]
    public string? Progress { get; init; }

    /// <summary>The Job that is active now.</summary>
    public ActiveRun? Active { get; init; }

    /// <summary>What came of it.</summary>
    public RestoreResultStatus? Result { get; init; }

    /// <summary>When it began.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? StartTime { get; init; }

    /// <summary>When it ended.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? CompletionTime { get; init; }

    /// <summary>Failed runs in a row.</summary>
    [Range(0, int.MaxValue)]
    public int? ConsecutiveFailures { get; init; }

    /// <summary>Not before this time the next try is made, after a failure or a pause.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? RetryAfter { get; init; }

    /// <summary>What a person must do.</summary>
    [Items(0, 5)]
    [AtomicList]
    public IReadOnlyList<ActionStatus>? Actions { get; init; }

    /// <summary>The newest runs, newest first.</summary>
    [Items(0, 10)]
    [AtomicList]
    public IReadOnlyList<RunRecord>? Runs { get; init; }

    /// <summary>Requests by annotation that were heard.</summary>
    public HandledRequests? Handled { get; init; }

    /// <summary>What the object looked like when it stalled; a change of it ends `Stalled`.</summary>
    public StalledOn? StalledOn { get; init; }
}

/// <summary>The snapshot that is restored.</summary>
public sealed record ResolvedSnapshot
{
    /// <summary>Name of the KlosetRepository.</summary>
    [Length(0, 253)]
    public string? Repository { get; init; }

    /// <summary>The account's label.</summary>
    [Length(0, 63)]
    public string? Account { get; init; }

    /// <summary>Its whole id.</summary>
    [JsonPropertyName("snapshotID")]
    [Length(0, 64)]
    public string? SnapshotID { get; init; }

    /// <summary>The first 8 characters of it.</summary>
    [Length(0, 64)]
    public string? Snapshot { get; init; }
}

/// <summary>What is going to be uploaded to Google Photos.</summary>
public sealed record PlanStatus
{
    /// <summary>Photos and videos.</summary>
    public long? Items { get; init; }

    /// <summary>Bytes of their files.</summary>
    public long? Bytes { get; init; }

    /// <summary>Days that Google's quota makes of it.</summary>
    public int? Days { get; init; }

    /// <summary>Items that the account probably has.</summary>
    public long? LikelyDuplicates { get; init; }

    /// <summary>What Google cannot take back.</summary>
    [Items(0, 10)]
    [ItemLength(0, 512)]
    [AtomicList]
    public IReadOnlyList<string>? Losses { get; init; }

    /// <summary>Names this plan; the value for `spec.approvedPlan`.</summary>
    [Length(0, 128)]
    public string? Hash { get; init; }
}

/// <summary>What came of a restore.</summary>
public sealed record RestoreResultStatus
{
    /// <summary>Items that were restored.</summary>
    public long? Items { get; init; }

    /// <summary>Bytes of their files.</summary>
    public long? Bytes { get; init; }

    /// <summary>Items that were there already.</summary>
    public long? Skipped { get; init; }

    /// <summary>Items that could not be restored.</summary>
    public long? Failed { get; init; }
}
