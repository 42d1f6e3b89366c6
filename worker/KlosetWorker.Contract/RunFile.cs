using System.Text.Json;
using System.Text.Json.Serialization;

namespace KlosetWorker.Contract;

/// <summary>What one Job is to do.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<RunKind>))]
public enum RunKind
{
    /// <summary>Create the repository, or adopt one that is there.</summary>
    [JsonStringEnumMemberName("create")] Create,
    [JsonStringEnumMemberName("backup")] Backup,
    [JsonStringEnumMemberName("restore")] Restore,
    [JsonStringEnumMemberName("check")] Check,
    [JsonStringEnumMemberName("maintain")] Maintain,

    /// <summary>Look up the outcome of a run whose result was lost, by its run id.</summary>
    [JsonStringEnumMemberName("inspect")] Inspect,
}

/// <summary>
/// The order that the operator gives to a worker: the value of the pod-template annotation <see cref="AnnotationName"/>,
/// projected into the pod by the downward API. It holds no secret and no path: it names secrets and volumes by logical names,
/// which the worker resolves below the folders that <see cref="WorkerEnvironment"/> names.
/// </summary>
public sealed record RunFile
{
    /// <summary>Pod-template annotation that carries the run file.</summary>
    public const string AnnotationName = "kloset.dev/run";

    /// <summary>Number of the only schema there is. A worker refuses another one with <see cref="ExitCode.Configuration"/>.</summary>
    public const int CurrentSchema = 1;

    /// <summary>Largest run file in bytes of UTF-8.</summary>
    public const int MaxBytes = 64 * 1024;

    // Settable, because the generated reader gives an absent init-only member its type's default instead of this one.
    public int Schema { get; set; } = CurrentSchema;

    public required RunKind Kind { get; init; }

    /// <summary>Unique per attempt; written into the snapshot so that a lost result can be found again.</summary>
    public required string RunId { get; init; }

    public required RunRepository Repository { get; init; }

    /// <summary>Set for <see cref="RunKind.Backup"/>, and for a restore that names the account instead of a snapshot.</summary>
    public RunAccount? Account { get; init; }

    public RunBackup? Backup { get; init; }

    public RunRestore? Restore { get; init; }

    public RunCheck? Check { get; init; }

    public RunMaintain? Maintain { get; init; }

    /// <summary>The run id to look for, for <see cref="RunKind.Inspect"/>.</summary>
    public RunInspect? Inspect { get; init; }

    public RunLimits? Limits { get; init; }

    /// <exception cref="JsonException">The text is no run file.</exception>
    public static RunFile Parse(string json) =>
        JsonSerializer.Deserialize(json, ContractJson.Default.RunFile) ?? throw new JsonException("the run file is null");

    public string ToJson() => JsonSerializer.Serialize(this, ContractJson.Default.RunFile);

    /// <summary>What makes this run file unusable, in words; empty when it is fine.</summary>
    public IReadOnlyList<string> Problems() => [.. RunFileRules.Problems(this)];
}

/// <param name="Id">Opaque label; the origin of the snapshots.</param>
/// <param name="Email">When given, verified against the grant and the export before any byte is read.</param>
public sealed record RunAccount(string Id, string? Email = null);

/// <summary>Where the repository is and how it is opened.</summary>
public sealed record RunRepository
{
    public required RunLocation Backend { get; init; }

    /// <summary>Null for a repository without encryption.</summary>
    public SecretKeyRef? Passphrase { get; init; }

    /// <summary>The identity that is expected; another one is <see cref="ExitCode.RepositoryReplaced"/>. When it is set, nothing is created.</summary>
    public Guid? RepositoryId { get; init; }

    /// <summary>Whether a <see cref="RunKind.Create"/> run may make the repository.</summary>
    public bool Create { get; init; }

    /// <summary>Name of the cluster and object on whose behalf the run forgets and maintains (`kloset-operator/owner`).</summary>
    public string? Owner { get; init; }

    /// <summary>The owner that is to be replaced by <see cref="Owner"/> (`kloset.dev/take-over`); when it is another one by now, nothing happens.</summary>
    public string? TakeOverFrom { get; init; }

    public RunObjectLock? Immutability { get; init; }
}

/// <param name="Mode">Governance or Compliance.</param>
/// <param name="Days">How long anything that a backup needs stays locked after it.</param>
public sealed record RunObjectLock(string Mode, int Days);

/// <summary>A key of a Secret by its logical mount name: `$KLOSET_SECRETS/&lt;Secret&gt;/&lt;Key&gt;`.</summary>
public sealed record SecretKeyRef(string Secret, string Key);

/// <summary>Exactly one member is set.</summary>
public sealed record RunLocation
{
    public RunS3? S3 { get; init; }

    public RunVolume? Volume { get; init; }

    public RunGoogleDrive? GoogleDrive { get; init; }
}

/// <param name="Endpoint">`https://host[:port]`; `http://` only where the resource says so.</param>
/// <param name="CredentialsSecret">Logical name of the Secret with `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`; null = the environment's own identity.</param>
/// <param name="CaBundle">A PEM file that is trusted besides the system's roots.</param>
public sealed record RunS3(
    string Endpoint,
    string Bucket,
    string? Prefix = null,
    string? Region = null,
    string? CredentialsSecret = null,
    SecretKeyRef? CaBundle = null,
    bool VirtualHost = false,
    string? StorageClass = null,
    RunS3Encryption? Encryption = null);

/// <summary>Encryption by the store.</summary>
/// <param name="Algorithm">`AES256` or `aws:kms`; null with a key of the customer's.</param>
/// <param name="CustomerKey">32 bytes, raw or in base64, that are sent with every request (SSE-C).</param>
public sealed record RunS3Encryption(string? Algorithm = null, string? KmsKeyId = null, SecretKeyRef? CustomerKey = null);

/// <summary>A claim by its logical name: `$KLOSET_SOURCE/&lt;Name&gt;/&lt;Path&gt;`.</summary>
public sealed record RunVolume(string Name, string Path = "/");

public sealed record RunGoogleDrive(string FolderId, string CredentialsSecret);

public sealed record RunBackup
{
    /// <summary>1 to 4 places where Takeout archives are dropped. Exactly one of the sources is set.</summary>
    public IReadOnlyList<RunLocation>? Takeout { get; init; }

    /// <summary>A folder on a volume, backed up as it is, without any pairing.</summary>
    public RunVolume? Folder { get; init; }

    /// <summary>Logical name of the Secret with the grant for the Library API.</summary>
    public string? LibraryCredentialsSecret { get; init; }

    public string? PickerCredentialsSecret { get; init; }

    public int? PickerMaxItems { get; init; }

    /// <summary>How long a set without index must lie unchanged before it is taken as complete.</summary>
    public int SettleSeconds { get; set; } = 1800;

    /// <summary>
    /// Digest of the listing that the newest snapshot has ingested (from <see cref="RunResult.IngestedDigest"/>). When the listing
    /// still has it, the worker ends with <see cref="RunOutcome.NothingNew"/> before it derives a key.
    /// </summary>
    public string? IngestedDigest { get; init; }

    public RunSelection? Selection { get; init; }

    public RunRetention? Retention { get; init; }

    /// <summary>
    /// Set when the repository is another one, or lies elsewhere, than when the account was last backed up: a snapshot that the lineage must
    /// hold, else the run ends with <c>HistoryMissing</c> before it writes anything.
    /// </summary>
    public RunHistoryMark? History { get; init; }

    /// <summary>Hashes of gaps that a person accepted (`kloset.dev/accept-gap`).</summary>
    public IReadOnlyList<string>? AcceptedGaps { get; init; }

    /// <summary>The forget wave that a person approved (`kloset.dev/approve-forget`).</summary>
    public string? ApprovedForget { get; init; }
}

/// <param name="SnapshotId">Whole identifier of the snapshot.</param>
/// <param name="Time">Its time, which a copy into another repository keeps when the identifier changes.</param>
public sealed record RunHistoryMark(string SnapshotId, DateTimeOffset Time);

public sealed record RunSelection
{
    public IReadOnlyList<string>? IncludeAlbums { get; init; }

    public IReadOnlyList<string>? ExcludeAlbums { get; init; }

    public bool IncludeTrashed { get; init; }
}

/// <summary>How many snapshots of the lineage stay. All zero is refused; absent keeps everything.</summary>
public sealed record RunRetention(
    int KeepLast = 0,
    int KeepHourly = 0,
    int KeepDaily = 0,
    int KeepWeekly = 0,
    int KeepMonthly = 0,
    int KeepYearly = 0,
    string? KeepWithin = null);

public sealed record RunRestore
{
    /// <summary>Exactly one of <see cref="SnapshotId"/>, <see cref="Latest"/> and <see cref="AsOf"/> is set.</summary>
    public string? SnapshotId { get; init; }

    public bool Latest { get; init; }

    public DateTimeOffset? AsOf { get; init; }

    public RunSelect? Select { get; init; }

    /// <summary>A volume or a bucket; null when the target is <see cref="GooglePhotos"/>.</summary>
    public RunLocation? Target { get; init; }

    public RunGooglePhotosTarget? GooglePhotos { get; init; }

    public ExistingFiles ExistingFiles { get; init; }

    /// <summary>Absent: <see cref="Contract.Edition.Both"/> for a volume or bucket, <see cref="Contract.Edition.AsSeen"/> for Google Photos.</summary>
    public Edition? Edition { get; init; }

    /// <summary>For a volume: files of the same content become hard links of one another.</summary>
    public bool HardLinks { get; init; }

    /// <summary>Only compute the plan.</summary>
    public bool PlanOnly { get; init; }

    /// <summary>Hash of the plan that a person approved.</summary>
    public string? ApprovedPlan { get; init; }

    /// <summary>Identity of the restore: names its journal under `kloset-operator/restore/`.</summary>
    public required string RestoreId { get; init; }
}

[JsonConverter(typeof(JsonStringEnumConverter<ExistingFiles>))]
public enum ExistingFiles
{
    Fail,
    Skip,
    Overwrite,
}

[JsonConverter(typeof(JsonStringEnumConverter<Edition>))]
public enum Edition
{
    /// <summary>The edited version where there is one, else the original.</summary>
    AsSeen,
    Originals,
    Both,
}

public sealed record RunSelect
{
    public IReadOnlyList<string>? Albums { get; init; }

    public DateTimeOffset? TakenFrom { get; init; }

    public DateTimeOffset? TakenTo { get; init; }

    public IReadOnlyList<string>? People { get; init; }

    public RunPlace? Place { get; init; }

    public IReadOnlyList<string>? MediaTypes { get; init; }

    public IReadOnlyList<string>? Paths { get; init; }

    public IReadOnlyList<string>? Ids { get; init; }
}

/// <summary>Either a box in degrees or a centre with a radius.</summary>
public sealed record RunPlace
{
    public double? South { get; init; }

    public double? West { get; init; }

    public double? North { get; init; }

    public double? East { get; init; }

    public double? Latitude { get; init; }

    public double? Longitude { get; init; }

    public double? RadiusMeters { get; init; }
}

public sealed record RunGooglePhotosTarget(string AccountId, string? Email, string CredentialsSecret, bool AllowOtherAccount = false);

[JsonConverter(typeof(JsonStringEnumConverter<CheckLevel>))]
public enum CheckLevel
{
    /// <summary>The listing of the store against the states.</summary>
    [JsonStringEnumMemberName("inventory")] Inventory,

    /// <summary>Every tree of every snapshot, without reading file contents.</summary>
    [JsonStringEnumMemberName("structure")] Structure,

    /// <summary>A rotating byte budget of contents.</summary>
    [JsonStringEnumMemberName("data")] Data,

    /// <summary>Every stored byte and tag.</summary>
    [JsonStringEnumMemberName("full")] Full,
}

public sealed record RunCheck(CheckLevel Level, long? DataBytes = null);

public sealed record RunMaintain(int GracePeriodSeconds = 7 * 24 * 3600);

public sealed record RunInspect(string LostRunId);

public sealed record RunLimits
{
    /// <summary>The worker stops at an anchor after this time and exits <see cref="ExitCode.Paused"/>.</summary>
    public int SliceSeconds { get; set; } = 6 * 3600;

    /// <summary>Without a byte, an item or an announced wait for this long the worker exits <see cref="ExitCode.NoProgress"/>.</summary>
    public int NoProgressSeconds { get; set; } = 30 * 60;

    public long? BandwidthBytesPerSecond { get; init; }
}
