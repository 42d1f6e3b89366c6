using System.Text.Json.Serialization;
using k8s.Models;
using KlosetOperator.Api.Schema;

namespace KlosetOperator.Api;

/// <summary>What the statuses of all kinds have.</summary>
public interface IConditionedStatus
{
    long? ObservedGeneration { get; }

    IReadOnlyList<V1Condition>? Conditions { get; }
}

/// <summary>What the statuses of kinds that have runs share.</summary>
public interface IRunStatus : IConditionedStatus
{
    ActiveRun? Active { get; }

    IReadOnlyList<RunRecord>? Runs { get; }

    int? ConsecutiveFailures { get; }

    DateTimeOffset? RetryAfter { get; }

    HandledRequests? Handled { get; }

    StalledOn? StalledOn { get; }
}

/// <summary>A Job that is active now.</summary>
public sealed record ActiveRun
{
    /// <summary>Id of the run.</summary>
    [JsonPropertyName("runID")]
    [Length(1, 128)]
    public required string RunID { get; init; }

    /// <summary>create, backup, restore, check, maintain or inspect.</summary>
    [Length(1, 32)]
    public required string Kind { get; init; }

    /// <summary>Name of the Job.</summary>
    [Length(1, 253)]
    public required string Job { get; init; }

    /// <summary>The slot that the run fills.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? Slot { get; init; }

    /// <summary>Number of the attempt for this slot, from 1.</summary>
    public int? Attempt { get; init; }

    /// <summary>When the Job was created.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? StartTime { get; init; }

    /// <summary>What the worker is doing.</summary>
    [Length(0, 32)]
    public string? Phase { get; init; }

    /// <summary>Items that are done.</summary>
    public long? ItemsDone { get; init; }

    /// <summary>Items in all, once known.</summary>
    public long? ItemsTotal { get; init; }

    /// <summary>Bytes that are done.</summary>
    public long? BytesDone { get; init; }

    /// <summary>Bytes in all, once known.</summary>
    public long? BytesTotal { get; init; }

    /// <summary>How long it still takes, for people, such as `3h20m`.</summary>
    [Length(0, 32)]
    public string? Eta { get; init; }

    /// <summary>Time of the last sign of progress.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? ProgressTime { get; init; }

    /// <summary>What the worker asks a person to do meanwhile.</summary>
    public ActionStatus? Asks { get; init; }
}

/// <summary>A run that ended.</summary>
public sealed record RunRecord
{
    /// <summary>Id of the run.</summary>
    [JsonPropertyName("id")]
    [Length(1, 128)]
    public required string Id { get; init; }

    /// <summary>create, backup, restore, check, maintain or inspect.</summary>
    [Length(1, 32)]
    public required string Kind { get; init; }

    /// <summary>The slot that it filled.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? Slot { get; init; }

    /// <summary>Number of the attempt for this slot, from 1.</summary>
    public int? Attempt { get; init; }

    /// <summary>Counts the runs of the object. Clocks are set back; this is not.</summary>
    public long? Sequence { get; init; }

    /// <summary>When its Job was created.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? StartTime { get; init; }

    /// <summary>When it ended.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? CompletionTime { get; init; }

    /// <summary>Succeeded, NothingNew, Incomplete, Paused, WaitingForApproval, Failed, Cancelled or Lost.</summary>
    [Length(1, 32)]
    public required string Outcome { get; init; }

    /// <summary>Why, from the list of reasons.</summary>
    [Length(0, 64)]
    public string? Reason { get; init; }

    /// <summary>What happened, for people.</summary>
    [Length(0, 1024)]
    public string? Message { get; init; }

    /// <summary>The snapshot that it wrote or restored.</summary>
    [JsonPropertyName("snapshotID")]
    [Length(0, 64)]
    public string? SnapshotID { get; init; }

    /// <summary>New items.</summary>
    public long? ItemsNew { get; init; }

    /// <summary>Bytes read from the source.</summary>
    public long? BytesRead { get; init; }

    /// <summary>Bytes sent to the store.</summary>
    public long? BytesStored { get; init; }

    /// <summary>Requests to the store.</summary>
    public long? StorageRequests { get; init; }

    /// <summary>For a run that paused because a quota of Google's was used up: all that share the quota wait with it.</summary>
    [Length(0, 512)]
    public string? QuotaGroup { get; init; }
}

/// <summary>Something that a person must do.</summary>
public sealed record ActionStatus
{
    /// <summary>RenewExportSchedule, MakeFullExport, SignIn, FreeDriveSpace, FreeSpace, PickPhotos, ReplacePart, ApprovePlan, AcceptGap, ApproveForget, LookAtAccount, MoveHistory, RepairRepository, FixConfiguration.</summary>
    [Length(1, 64)]
    public required string Kind { get; init; }

    /// <summary>Who: the account, or the operator of the cluster.</summary>
    [Length(0, 254)]
    public string? Who { get; init; }

    /// <summary>What exactly.</summary>
    [Length(0, 1024)]
    public string? Message { get; init; }

    /// <summary>Where.</summary>
    [Length(0, 2048)]
    public string? Url { get; init; }

    /// <summary>Until when.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? Deadline { get; init; }
}

/// <summary>Values of annotations that were heard.</summary>
public sealed record HandledRequests
{
    /// <summary>Of `kloset.dev/run`.</summary>
    [Length(0, 256)]
    public string? Run { get; init; }

    /// <summary>Of `kloset.dev/retry`.</summary>
    [Length(0, 256)]
    public string? Retry { get; init; }

    /// <summary>Of `kloset.dev/approve-forget`, once a run was started for it.</summary>
    [Length(0, 256)]
    public string? ApproveForget { get; init; }
}

/// <summary>What the object looked like when it stalled.</summary>
public sealed record StalledOn
{
    /// <summary>The generation of the spec.</summary>
    public long? Generation { get; init; }

    /// <summary>A hash over the resource versions of the Secrets and ConfigMaps that it uses.</summary>
    [Length(0, 64)]
    public string? References { get; init; }

    /// <summary>The value of `kloset.dev/retry`.</summary>
    [Length(0, 256)]
    public string? Retry { get; init; }

    /// <summary>Why, from the list of reasons.</summary>
    [Length(0, 64)]
    public string? Reason { get; init; }

    /// <summary>What happened and what to do, for people.</summary>
    [Length(0, 1024)]
    public string? Message { get; init; }
}
