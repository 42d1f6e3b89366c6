using System.Text.Json.Serialization;
using k8s;
using k8s.Models;
using KlosetOperator.Api.Schema;

namespace KlosetOperator.Api;

/// <summary>The protection of one account: what comes from where into which repository, when, and for how long.</summary>
[KubernetesEntity(Group = ApiGroup.Name, ApiVersion = ApiGroup.Version, Kind = KubeKind, PluralName = "photobackups")]
[KubernetesEntityShortNames("phb")]
[Categories(ApiGroup.Category)]
[SelectableField(".spec.repositoryRef.name")]
[SelectableField(".spec.account.id")]
[SelectableField(".spec.suspend")]
[AdditionalPrinterColumn(".status.conditions[?(@.type==\"Ready\")].status", "Ready", "string")]
[AdditionalPrinterColumn(".status.conditions[?(@.type==\"Protected\")].status", "Protected", "string")]
[AdditionalPrinterColumn(".status.coveredThrough", "Covered", "string")]
[AdditionalPrinterColumn(".status.conditions[?(@.type==\"Running\")].reason", "Running", "string")]
[AdditionalPrinterColumn(".status.lastSuccessTime", "Last Success", "date")]
[AdditionalPrinterColumn(".status.nextRunTime", "Next", "string")]
[AdditionalPrinterColumn(".status.library.items", "Items", "integer")]
[AdditionalPrinterColumn(".status.actions[0].kind", "Action", "string")]
[AdditionalPrinterColumn(".metadata.creationTimestamp", "Age", "date")]
[AdditionalPrinterColumn(".status.conditions[?(@.type==\"Complete\")].status", "Complete", "string", Priority = 1)]
[AdditionalPrinterColumn(".spec.repositoryRef.name", "Repository", "string", Priority = 1)]
[AdditionalPrinterColumn(".spec.account.id", "Account", "string", Priority = 1)]
[AdditionalPrinterColumn(".status.effectiveSchedule", "Schedule", "string", Priority = 1)]
[AdditionalPrinterColumn(".status.conditions[?(@.type==\"Running\")].message", "Message", "string", Priority = 1)]
public sealed record PhotoBackup : IKubernetesObject<V1ObjectMeta>, ISpec<PhotoBackupSpec>, IStatus<PhotoBackupStatus?>
{
    public const string KubeKind = "PhotoBackup";

    public string ApiVersion { get; set; } = ApiGroup.GroupVersion;

    public string Kind { get; set; } = KubeKind;

    public V1ObjectMeta Metadata { get; set; } = new();

    /// <summary>What comes from where into which repository, when, and for how long.</summary>
    public PhotoBackupSpec Spec { get; set; } = null!;

    /// <summary>Whether the account is protected, and what is known and done.</summary>
    public PhotoBackupStatus? Status { get; set; }
}

/// <summary>What comes from where into which repository, when, and for how long.</summary>
public sealed record PhotoBackupSpec
{
    /// <summary>The KlosetRepository of the same namespace that the snapshots go into.</summary>
    public required NameRef RepositoryRef { get; init; }

    /// <summary>Whose photos these are.</summary>
    public required AccountSpec Account { get; init; }

    /// <summary>Where the photos come from.</summary>
    public required BackupSource Source { get; init; }

    /// <summary>Which new items are taken. It never removes items that the repository holds.</summary>
    public SelectionSpec? Selection { get; init; }

    /// <summary>When to look; `H H * * *` with 30 minutes of jitter when absent.</summary>
    public ScheduleSpec? Schedule { get; init; }

    /// <summary>What counts as protected.</summary>
    public ObjectiveSpec? Objective { get; init; }

    /// <summary>Which snapshots stay. Absent: all of them.</summary>
    public RetentionSpec? Retention { get; init; }

    /// <summary>No new run is started while it is true; an active one goes on.</summary>
    [Default("false")]
    public bool Suspend { get; init; }

    /// <summary>How the Jobs are run.</summary>
    public JobSpec? Job { get; init; }
}

/// <summary>Whose photos these are.</summary>
public sealed record AccountSpec
{
    /// <summary>An opaque label that never changes: the origin of the snapshots.</summary>
    [Length(1, 63)]
    [Pattern("^[A-Za-z0-9]([A-Za-z0-9._@+-]*[A-Za-z0-9])?$")]
    [ValidationRule("self == oldSelf", "account.id must not change: make another PhotoBackup for another account")]
    public required string Id { get; init; }

    /// <summary>When given, compared with the grant and the export at every run.</summary>
    [Length(3, 254)]
    [Pattern("^[^@ ]+@[^@ ]+$")]
    public string? Email { get; init; }
}

/// <summary>Exactly one source.</summary>
[ValidationRule(
    "[has(self.takeout), has(self.library), has(self.picker)].exists_one(x, x)",
    "exactly one of takeout, library and picker must be set")]
public sealed record BackupSource
{
    /// <summary>Exports of Google Takeout: the complete source.</summary>
    public TakeoutSource? Takeout { get; init; }

    /// <summary>What this OAuth client uploaded, and nothing else: Google shows no more to the Library API.</summary>
    public LibrarySource? Library { get; init; }

    /// <summary>What a person picks, behind the link in the status, on request.</summary>
    public PickerSource? Picker { get; init; }
}

/// <summary>Exports of Google Takeout.</summary>
public sealed record TakeoutSource
{
    /// <summary>Where the archives are dropped.</summary>
    [Items(1, 4)]
    [AtomicList]
    public required IReadOnlyList<TakeoutLocation> Locations { get; init; }

    /// <summary>How long an export that brings no index of its parts must lie unchanged before it is taken as complete.</summary>
    [Length(2, 24)]
    [Pattern(GoDuration.Pattern)]
    [Default("\"30m\"")]
    [ValidationRule("duration(self) > duration('0s')", "settle must be more than 0s")]
    public string Settle { get; init; } = "30m";
}

/// <summary>Exactly one place.</summary>
[ValidationRule(
    "[has(self.googleDrive), has(self.s3), has(self.volume)].exists_one(x, x)",
    "exactly one of googleDrive, s3 and volume must be set")]
public sealed record TakeoutLocation
{
    /// <summary>A folder in Google Drive.</summary>
    public GoogleDriveLocation? GoogleDrive { get; init; }

    /// <summary>A bucket.</summary>
    public S3Location? S3 { get; init; }

    /// <summary>A folder in a claim.</summary>
    public VolumeLocation? Volume { get; init; }
}

/// <summary>A folder in Google Drive.</summary>
public sealed record GoogleDriveLocation
{
    /// <summary>Id of the folder, the last part of its address.</summary>
    [JsonPropertyName("folderID")]
    [Length(1, 128)]
    [Pattern("^[A-Za-z0-9_-]+$")]
    public required string FolderID { get; init; }

    /// <summary>Secret with a service account's key, a grant by `kloset login`, or the configuration of workload identity federation.</summary>
    public required NameRef CredentialsSecretRef { get; init; }

    /// <summary>Workload identity federation: the worker proves itself by a token of its own pod instead of a key.</summary>
    public WorkloadIdentity? WorkloadIdentity { get; init; }
}

/// <summary>
/// A token of the pod's service account (`spec.job.serviceAccountName`), which lies in the pod as `/var/run/secrets/google/token`: the `file` of
/// `credential_source` in `credentials.json`. It is worth nothing to Kubernetes.
/// </summary>
public sealed record WorkloadIdentity
{
    /// <summary>Whom the token is for: an audience that the provider of the pool allows.</summary>
    [Length(1, 512)]
    [Pattern("^[!-~]+$")]
    public required string Audience { get; init; }
}

/// <summary>What this OAuth client uploaded.</summary>
public sealed record LibrarySource
{
    /// <summary>Secret with a grant by `kloset login`.</summary>
    public required NameRef CredentialsSecretRef { get; init; }
}

/// <summary>What a person picks.</summary>
public sealed record PickerSource
{
    /// <summary>Secret with a grant by `kloset login`.</summary>
    public required NameRef CredentialsSecretRef { get; init; }

    /// <summary>How many items can be picked at once.</summary>
    [Range(1, 2000)]
    [Default("2000")]
    public int MaxItems { get; init; } = 2000;
}

/// <summary>Which new items are taken.</summary>
public sealed record SelectionSpec
{
    /// <summary>By the albums that hold them.</summary>
    public AlbumSelection? Albums { get; init; }

    /// <summary>Whether items in the trash are taken too.</summary>
    [Default("false")]
    public bool IncludeTrashed { get; init; }
}

/// <summary>Names of albums, with `*` for any text.</summary>
public sealed record AlbumSelection
{
    /// <summary>Only items of these; `*` also means items without album.</summary>
    [Items(1, 256)]
    [ItemLength(1, 512)]
    [AtomicList]
    [Default("[\"*\"]")]
    public IReadOnlyList<string> Include { get; init; } = ["*"];

    /// <summary>No items that are in none but these.</summary>
    [Items(0, 256)]
    [ItemLength(1, 512)]
    [AtomicList]
    public IReadOnlyList<string>? Exclude { get; init; }
}

/// <summary>What counts as protected.</summary>
public sealed record ObjectiveSpec
{
    /// <summary>How old the newest covered state of the library may be. 75 days for takeout and 36 hours for library when absent.</summary>
    [Length(2, 24)]
    [Pattern(GoDuration.Pattern)]
    [ValidationRule("duration(self) > duration('0s')", "maxAge must be more than 0s")]
    public required string MaxAge { get; init; }
}

/// <summary>Which snapshots stay.</summary>
[ValidationRule(
    "self.keepLast > 0 || self.keepHourly > 0 || self.keepDaily > 0 || self.keepWeekly > 0 || self.keepMonthly > 0 || self.keepYearly > 0 || self.keepWithin != ''",
    "retention must keep something: set at least one of the fields, or leave retention out to keep everything")]
public sealed record RetentionSpec
{
    /// <summary>The newest ones.</summary>
    [Range(0, 100000)]
    [Default("0")]
    public int KeepLast { get; init; }

    /// <summary>One an hour, for so many hours.</summary>
    [Range(0, 100000)]
    [Default("0")]
    public int KeepHourly { get; init; }

    /// <summary>One a day, for so many days.</summary>
    [Range(0, 100000)]
    [Default("0")]
    public int KeepDaily { get; init; }

    /// <summary>One a week, for so many weeks.</summary>
    [Range(0, 100000)]
    [Default("0")]
    public int KeepWeekly { get; init; }

    /// <summary>One a month, for so many months.</summary>
    [Range(0, 100000)]
    [Default("0")]
    public int KeepMonthly { get; init; }

    /// <summary>One a year, for so many years.</summary>
    [Range(0, 100000)]
    [Default("0")]
    public int KeepYearly { get; init; }

    /// <summary>All that are younger than this.</summary>
    [Length(0, 24)]
    [Pattern(GoDuration.Pattern)]
    [Default("\"\"")]
    public string KeepWithin { get; init; } = "";
}

/// <summary>How the Jobs are run.</summary>
public sealed record JobSpec
{
    /// <summary>Resources of the worker's container.</summary>
    public V1ResourceRequirements? Resources { get; init; }

    /// <summary>The folder for sorting and for the mapped index.</summary>
    public CacheSpec? Cache { get; init; }

    /// <summary>Labels of the nodes that may run the Jobs.</summary>
    [Items(0, 32)]
    public IReadOnlyDictionary<string, string>? NodeSelector { get; init; }

    /// <summary>Taints that the pods tolerate.</summary>
    [Items(0, 32)]
    [AtomicList]
    public IReadOnlyList<V1Toleration>? Tolerations { get; init; }

    /// <summary>Where the pods may and should run.</summary>
    public V1Affinity? Affinity { get; init; }

    /// <summary>Priority of the pods.</summary>
    [Length(1, 253)]
    public string? PriorityClassName { get; init; }

    /// <summary>Labels for Jobs and pods, besides the operator's own.</summary>
    [Items(0, 32)]
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>Annotations for Jobs and pods, besides the operator's own.</summary>
    [Items(0, 32)]
    public IReadOnlyDictionary<string, string>? Annotations { get; init; }

    /// <summary>Service account of the pods, for cloud identities. Its token is never mounted.</summary>
    [Length(1, 253)]
    public string? ServiceAccountName { get; init; }

    /// <summary>Secrets for pulling the worker's image.</summary>
    [Items(0, 8)]
    [AtomicList]
    public IReadOnlyList<NameRef>? ImagePullSecrets { get; init; }

    /// <summary>Environment of the worker, such as proxies. Names that begin with KLOSET_ are refused.</summary>
    [Items(0, 64)]
    [AtomicList]
    public IReadOnlyList<EnvironmentVariable>? Env { get; init; }
}

/// <summary>The folder for sorting and for the mapped index.</summary>
[ValidationRule("!(has(self.sizeLimit) && has(self.volumeClaimName))", "only one of sizeLimit and volumeClaimName may be set")]
public sealed record CacheSpec
{
    /// <summary>Size of the temporary folder on the node; 10Gi when absent.</summary>
    public ByteQuantity? SizeLimit { get; init; }

    /// <summary>A claim that keeps the cache between runs.</summary>
    [Length(1, 253)]
    public string? VolumeClaimName { get; init; }
}

/// <summary>One variable of the environment.</summary>
public sealed record EnvironmentVariable
{
    /// <summary>Name of the variable.</summary>
    [Length(1, 253)]
    [Pattern("^[A-Za-z_][A-Za-z0-9_]*$")]
    [ValidationRule("!self.startsWith('KLOSET_')", "names that begin with KLOSET_ belong to the operator")]
    public required string Name { get; init; }

    /// <summary>Its value. Not for secrets.</summary>
    [Length(0, 4096)]
    public string? Value { get; init; }
}
