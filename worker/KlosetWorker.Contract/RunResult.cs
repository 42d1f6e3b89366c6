using System.Text.Json;
using System.Text.Json.Serialization;

namespace KlosetWorker.Contract;

[JsonConverter(typeof(JsonStringEnumConverter<RunOutcome>))]
public enum RunOutcome
{
    Succeeded,

    /// <summary>Looked, and found nothing that the newest snapshot does not hold already.</summary>
    NothingNew,
    Incomplete,
    Paused,
    Failed,
}

/// <summary>
/// What a run says when it ends: the container's termination message. At most <see cref="MaxBytes"/> bytes of UTF-8; whole
/// members are dropped to fit, in the order that <see cref="ToTerminationMessage"/> documents, never cut in the middle.
/// </summary>
public sealed record RunResult
{
    public const int CurrentSchema = 1;

    /// <summary>Kubernetes keeps 4,096 bytes of a termination message.</summary>
    public const int MaxBytes = 4000;

    public int Schema { get; set; } = CurrentSchema;

    public required string RunId { get; init; }

    public required RunOutcome Outcome { get; init; }

    /// <summary>CamelCase, from the error catalogue.</summary>
    public required string Reason { get; init; }

    /// <summary>What, why, in one or two sentences; stable between runs of the same cause.</summary>
    public string? Message { get; init; }

    /// <summary>What to do about it.</summary>
    public string? Hint { get; init; }

    public Guid? RepositoryId { get; init; }

    /// <summary>Fingerprint of the repository key; not secret.</summary>
    public string? KeyFingerprint { get; init; }

    /// <summary>The snapshot that the run wrote or restored from.</summary>
    public string? SnapshotId { get; init; }

    public DateTimeOffset? ResumeAfter { get; init; }

    /// <summary>The quota group that a pause holds back as a whole.</summary>
    public string? QuotaGroup { get; init; }

    public string? IngestedDigest { get; init; }

    public LibraryTotals? Library { get; init; }

    public ExportsSummary? Exports { get; init; }

    public TransferTotals? Transfer { get; init; }

    public RepositoryTotals? Repository { get; init; }

    /// <summary>Newest first; at most 10.</summary>
    public IReadOnlyList<SnapshotSummary>? Snapshots { get; init; }

    /// <summary>At most 5.</summary>
    public IReadOnlyList<RunAction>? Actions { get; init; }

    public RestorePlan? Plan { get; init; }

    public RestoreTotals? Restored { get; init; }

    public CheckTotals? Check { get; init; }

    /// <summary>Snapshots that a backup forgot at its end; null when it forgot none and none waits.</summary>
    public ForgetTotals? Forget { get; init; }

    public MaintenanceTotals? Maintenance { get; init; }

    /// <summary>Result of an `inspect` run: how the lost run ended, as far as the repository tells. Null when nothing was found.</summary>
    public string? FoundRunId { get; init; }

    /// <summary>A few lines for people; the first to be dropped.</summary>
    public IReadOnlyList<string>? Warnings { get; init; }

    /// <exception cref="JsonException">The text is no result.</exception>
    public static RunResult Parse(string json) =>
        JsonSerializer.Deserialize(json, ContractJson.Default.RunResult) ?? throw new JsonException("the result is null");

    /// <summary>
    /// JSON that fits a termination message. Dropped one after the other until it fits: warnings, names of what is missing, snapshots
    /// older than the newest three, archives safe to delete, the plan's losses, actions, snapshots older than the newest, hint, all
    /// snapshots, plan, transfer, repository totals, message, exports, library, check, restored, forget, maintenance, the ingested digest, the rest.
    /// </summary>
    public string ToTerminationMessage()
    {
        var result = this;
        foreach (var shorten in Shortenings)
        {
            var json = ToJson(result);
            if (System.Text.Encoding.UTF8.GetByteCount(json) <= MaxBytes)
            {
                return json;
            }

            result = shorten(result);
        }

        return ToJson(result);
    }

    private static readonly Func<RunResult, RunResult>[] Shortenings =
    [
        result => result with { Warnings = null },
        result => result with { Library = result.Library is { } library ? library with { MissingNames = null } : null },
        result => result with { Snapshots = result.Snapshots?.Take(3).ToArray() },
        result => result with { Exports = result.Exports is { } exports ? exports with { SafeToDelete = null } : null },
        result => result with { Plan = result.Plan is { } plan ? plan with { Losses = null } : null },
        result => result with { Actions = null },
        result => result with { Snapshots = result.Snapshots?.Take(1).ToArray() },
        result => result with { Hint = null },
        result => result with { Snapshots = null },
        result => result with { Plan = null },
        result => result with { Transfer = null },
        result => result with { Repository = null },
        result => result with { Message = null },
        result => result with { Exports = null },
        result => result with { Library = null },
        result => result with { Check = null, Restored = null, Forget = null, Maintenance = null },
        result => result with { IngestedDigest = null },
        result => result with { QuotaGroup = null, KeyFingerprint = null, FoundRunId = null },
        result => result with { SnapshotId = null },

        // Only a run id or a reason beyond all measure is left; neither can come from a valid run file or the error catalogue.
        result => new() { RunId = "", Outcome = result.Outcome, Reason = ErrorCatalogue.InternalError.Code },
    ];

    public static string ToJson(RunResult result) => JsonSerializer.Serialize(result, ContractJson.Default.RunResult);
}

/// <param name="Items">Media items that the lineage's newest snapshot holds.</param>
/// <param name="Bytes">Clear bytes of their files.</param>
/// <param name="Missing">What is known to be missing: parts, items, holes in the chain.</param>
/// <param name="GapHash">Names the present set of missing things, for `kloset.dev/accept-gap`; null when nothing is missing.</param>
/// <param name="MissingNames">The first few of them.</param>
/// <param name="Shrunk">True when the source suddenly holds far less than the library; freezes forgetting.</param>
public sealed record LibraryTotals(
    long Items,
    long Bytes,
    long Missing = 0,
    string? GapHash = null,
    IReadOnlyList<string>? MissingNames = null,
    bool Shrunk = false);

/// <param name="CoveredThrough">Creation time of the newest export in an unbroken chain.</param>
/// <param name="Newest">Name of the newest set.</param>
/// <param name="Chain">Number of sets in the chain.</param>
/// <param name="SafeToDelete">Archives that are fully ingested and verified; at most 20.</param>
public sealed record ExportsSummary(
    DateTimeOffset? CoveredThrough = null,
    string? Newest = null,
    int Chain = 0,
    DateTimeOffset? NextExpected = null,
    DateTimeOffset? ScheduleEnds = null,
    IReadOnlyList<string>? SafeToDelete = null);

/// <summary>Bytes and requests of one run.</summary>
public sealed record TransferTotals(long BytesRead, long BytesStored, long ItemsNew, long StorageRequests, double Seconds);

/// <param name="Snapshots">Complete snapshots; anchors do not count.</param>
/// <param name="Owner">Who forgets and maintains; null while nobody does.</param>
public sealed record RepositoryTotals(long Snapshots, long StoredBytes, long Packfiles, string? Owner = null);

public sealed record SnapshotSummary(string Id, DateTimeOffset Time, long Items, long Bytes, bool Incomplete = false);

/// <param name="Kind">RenewExportSchedule, SignIn, FreeDriveSpace, PickPhotos, ReplacePart, ApprovePlan.</param>
public sealed record RunAction(string Kind, string Message, string? Url = null, DateTimeOffset? Deadline = null);

public sealed record RestorePlan(long Items, long Bytes, int Days, string Hash, IReadOnlyList<string>? Losses = null, long LikelyDuplicates = 0);

public sealed record RestoreTotals(long Items, long Bytes, long Skipped = 0, long Failed = 0);

/// <param name="Forgotten">Snapshots that were marked as deleted.</param>
/// <param name="Waiting">Snapshots that wait for <paramref name="WaitingHash"/> to be approved (`kloset.dev/approve-forget`).</param>
public sealed record ForgetTotals(long Forgotten, long Waiting = 0, string? WaitingHash = null);

/// <param name="Marked">Packfiles that were found unneeded; they are removed after the grace period.</param>
/// <param name="Removed">Packfiles whose grace period was over.</param>
/// <param name="RemovedBytes">Of their files.</param>
/// <param name="Waiting">Packfiles that are marked, and in their grace period or under an object lock.</param>
public sealed record MaintenanceTotals(long Snapshots, long Marked, long Removed, long RemovedBytes, long Waiting, DateTimeOffset? NextRemoval = null);

public sealed record CheckTotals(CheckLevel Level, long Snapshots, long Objects, long BytesRead, long Errors);
