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
    private readonly long _slot;
    private readonly long _attempt;
    private readonly long _sequence;
    private readonly long _startTime;
    private readonly long _completionTime;
    private readonly long _itemsNew;
    private readonly long _bytesRead;
    private readonly long _bytesStored;
    private readonly long _storageRequests;

    /// <summary>Id of the run.</summary>
    [JsonPropertyName("id")]
    [Length(1, 128)]
    public required string Id { get; init; }

    /// <summary>create, backup, restore, check, maintain or inspect.</summary>
    [Length(1, 32)]
    public required string Kind { get; init; }

    /// <summary>The slot that it filled.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? Slot
    {
        get => Packed.Time(_slot);
        init => _slot = Packed.Of(value);
    }

    /// <summary>Number of the attempt for this slot, from 1.</summary>
    public int? Attempt
    {
        get => (int?)Packed.Number(_attempt);
        init => _attempt = Packed.Of(value);
    }

    /// <summary>Counts the runs of the object. Clocks are set back; this is not.</summary>
    public long? Sequence
    {
        get => Packed.Number(_sequence);
        init => _sequence = Packed.Of(value);
    }

    /// <summary>When its Job was created.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? StartTime
    {
        get => Packed.Time(_startTime);
        init => _startTime = Packed.Of(value);
    }

    /// <summary>When it ended.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? CompletionTime
    {
        get => Packed.Time(_completionTime);
        init => _completionTime = Packed.Of(value);
    }

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
    public long? ItemsNew
    {
        get => Packed.Number(_itemsNew);
        init => _itemsNew = Packed.Of(value);
    }

    /// <summary>Bytes read from the source.</summary>
    public long? BytesRead
    {
        get => Packed.Number(_bytesRead);
        init => _bytesRead = Packed.Of(value);
    }

    /// <summary>Bytes sent to the store.</summary>
    public long? BytesStored
    {
        get => Packed.Number(_bytesStored);
        init => _bytesStored = Packed.Of(value);
    }

    /// <summary>Requests to the store.</summary>
    public long? StorageRequests
    {
        get => Packed.Number(_storageRequests);
        init => _storageRequests = Packed.Of(value);
    }

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
