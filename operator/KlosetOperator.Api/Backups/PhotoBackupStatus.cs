using System.Text.Json.Serialization;
using k8s.Models;
using KlosetOperator.Api.Schema;

namespace KlosetOperator.Api;

/// <summary>Whether the account is protected, and what is known and done.</summary>
public sealed record PhotoBackupStatus : IRunStatus
{
    /// <summary>Generation of the spec that this status speaks of; -1 before the first look.</summary>
    public long? ObservedGeneration { get; init; }

    /// <summary>Ready, Protected, Complete, Running, ActionRequired, Reconciling, Stalled.</summary>
    [Items(0, 16)]
    [ListMapKeys("type")]
    public IReadOnlyList<V1Condition>? Conditions { get; init; }

    /// <summary>Creation time of the newest export in an unbroken chain of full and incremental exports; for library, of the last complete listing.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? CoveredThrough { get; init; }

    /// <summary>When the source was last looked at with success, whether or not it had something new.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? LastCheckedTime { get; init; }

    /// <summary>When a run last succeeded.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? LastSuccessTime { get; init; }

    /// <summary>When the next run is due.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? NextRunTime { get; init; }

    /// <summary>The schedule with `H` resolved and the time zone, for people.</summary>
    [Length(0, 256)]
    public string? EffectiveSchedule { get; init; }

    /// <summary>Failed runs in a row.</summary>
    [Range(0, int.MaxValue)]
    public int? ConsecutiveFailures { get; init; }

    /// <summary>Not before this time the next try is made, after a failure or a pause.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? RetryAfter { get; init; }

    /// <summary>What the repository holds of this account.</summary>
    public LibraryStatus? Library { get; init; }

    /// <summary>What is known of Google's exports.</summary>
    public ExportsStatus? Exports { get; init; }

    /// <summary>What a person must do.</summary>
    [Items(0, 5)]
    [AtomicList]
    public IReadOnlyList<ActionStatus>? Actions { get; init; }

    /// <summary>The run that is active now.</summary>
    public ActiveRun? Active { get; init; }

    /// <summary>The newest runs, newest first.</summary>
    [Items(0, 10)]
    [AtomicList]
    public IReadOnlyList<RunRecord>? Runs { get; init; }

    /// <summary>The newest snapshots of the account, newest first.</summary>
    [Items(0, 10)]
    [AtomicList]
    public IReadOnlyList<SnapshotStatus>? Snapshots { get; init; }

    /// <summary>Identity of the repository that holds the account's snapshots.</summary>
    [JsonPropertyName("repositoryID")]
    [Length(0, 36)]
    public string? RepositoryID { get; init; }

    /// <summary>Where that repository lay then, such as `s3://s3.example.net/photos/family/`.</summary>
    [Length(0, 1200)]
    public string? RepositoryLocation { get; init; }

    /// <summary>Digest of the listing that the newest snapshot has ingested.</summary>
    [Length(0, 256)]
    public string? IngestedDigest { get; init; }

    /// <summary>Snapshots that retention wants to forget and that wait for a person.</summary>
    public ForgetStatus? Forget { get; init; }

    /// <summary>The picker's session, while a person is asked to pick.</summary>
    public PickerStatus? Picker { get; init; }

    /// <summary>Requests by annotation that were heard.</summary>
    public HandledRequests? Handled { get; init; }

    /// <summary>What the object looked like when it stalled; a change of it ends `Stalled`.</summary>
    public StalledOn? StalledOn { get; init; }
}

/// <summary>What the repository holds of an account.</summary>
public sealed record LibraryStatus
{
    /// <summary>Photos and videos.</summary>
    public long? Items { get; init; }

    /// <summary>Bytes of their files.</summary>
    public long? Bytes { get; init; }

    /// <summary>What is known to be missing: parts, items, holes in the chain.</summary>
    public long? Missing { get; init; }

    /// <summary>Names what is missing now; the value for `kloset.dev/accept-gap`.</summary>
    [Length(0, 128)]
    public string? GapHash { get; init; }

    /// <summary>The first few that are missing.</summary>
    [Items(0, 5)]
    [ItemLength(0, 512)]
    [AtomicList]
    public IReadOnlyList<string>? MissingNames { get; init; }

    /// <summary>The source suddenly holds far less than the library; nothing is forgotten while this is true.</summary>
    public bool? Shrunk { get; init; }
}

/// <summary>What is known of Google's exports.</summary>
public sealed record ExportsStatus
{
    /// <summary>Name of the newest export.</summary>
    [Length(0, 512)]
    public string? Newest { get; init; }

    /// <summary>Number of exports in the unbroken chain.</summary>
    public int? Chain { get; init; }

    /// <summary>When Google should make the next one.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? NextExpected { get; init; }

    /// <summary>When Google's schedule of exports ends.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? ScheduleEnds { get; init; }

    /// <summary>Archives that are ingested and verified.</summary>
    [Items(0, 20)]
    [ItemLength(0, 512)]
    [AtomicList]
    public IReadOnlyList<string>? SafeToDelete { get; init; }
}

/// <summary>A snapshot.</summary>
public sealed record SnapshotStatus
{
    private readonly long _items;
    private readonly long _bytes;

    /// <summary>Its id.</summary>
    [JsonPropertyName("id")]
    [Length(1, 64)]
    public required string Id { get; init; }

    /// <summary>When it was committed.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public required DateTimeOffset Time { get; init; }

    /// <summary>Photos and videos in it.</summary>
    public long? Items
    {
        get => Packed.Number(_items);
        init => _items = Packed.Of(value);
    }

    /// <summary>Bytes of their files.</summary>
    public long? Bytes
    {
        get => Packed.Number(_bytes);
        init => _bytes = Packed.Of(value);
    }

    /// <summary>An anchor, or a snapshot with something missing.</summary>
    public bool? Incomplete { get; init; }
}

/// <summary>Snapshots that would be forgotten, too many at once to do it unasked.</summary>
public sealed record ForgetStatus
{
    /// <summary>How many would be forgotten.</summary>
    public long? Snapshots { get; init; }

    /// <summary>Names exactly these; the value for `kloset.dev/approve-forget`.</summary>
    [Length(0, 128)]
    public string? Hash { get; init; }
}

/// <summary>The picker's session.</summary>
public sealed record PickerStatus
{
    /// <summary>The link behind which a person picks.</summary>
    [Length(0, 2048)]
    public string? Uri { get; init; }

    /// <summary>Until when the link works.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? Expires { get; init; }
}
