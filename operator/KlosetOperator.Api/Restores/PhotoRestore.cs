using System.Text.Json.Serialization;
using k8s;
using k8s.Models;
using KlosetOperator.Api.Schema;

namespace KlosetOperator.Api;

/// <summary>One restore out of a repository, to a volume, a bucket or Google Photos. All but suspend, cancel and approvedPlan is immutable.</summary>
[KubernetesEntity(Group = ApiGroup.Name, ApiVersion = ApiGroup.Version, Kind = KubeKind, PluralName = "photorestores")]
[KubernetesEntityShortNames("phr")]
[Categories(ApiGroup.Category)]
[SelectableField(".spec.source.backupRef.name")]
[SelectableField(".spec.source.repositoryRef.name")]
[SelectableField(".spec.suspend")]
[SelectableField(".spec.cancel")]
[AdditionalPrinterColumn(".status.conditions[?(@.type==\"Succeeded\")].status", "Succeeded", "string")]
[AdditionalPrinterColumn(".status.resolved.snapshot", "Snapshot", "string")]
[AdditionalPrinterColumn(".status.progress", "Progress", "string")]
[AdditionalPrinterColumn(".status.active.eta", "ETA", "string")]
[AdditionalPrinterColumn(".metadata.creationTimestamp", "Age", "date")]
[AdditionalPrinterColumn(".status.conditions[?(@.type==\"Succeeded\")].reason", "Reason", "string", Priority = 1)]
[AdditionalPrinterColumn(".status.result.items", "Items", "integer", Priority = 1)]
[AdditionalPrinterColumn(".status.conditions[?(@.type==\"Succeeded\")].message", "Message", "string", Priority = 1)]
public sealed record PhotoRestore : IKubernetesObject<V1ObjectMeta>, ISpec<PhotoRestoreSpec>, IStatus<PhotoRestoreStatus?>
{
    public const string KubeKind = "PhotoRestore";

    public string ApiVersion { get; set; } = ApiGroup.GroupVersion;

    public string Kind { get; set; } = KubeKind;

    public V1ObjectMeta Metadata { get; set; } = new();

    /// <summary>What is restored from where to where.</summary>
    public PhotoRestoreSpec Spec { get; set; } = null!;

    /// <summary>How far it is and what came of it.</summary>
    public PhotoRestoreStatus? Status { get; set; }
}

/// <summary>What is restored from where to where.</summary>
[ValidationRule("has(self.select) == has(oldSelf.select)", "select must not change: make another PhotoRestore")]
[ValidationRule("has(self.options) == has(oldSelf.options)", "options must not change: make another PhotoRestore")]
public sealed record PhotoRestoreSpec
{
    /// <summary>What is restored.</summary>
    [ValidationRule("self == oldSelf", "source must not change: make another PhotoRestore")]
    public required RestoreSource Source { get; init; }

    /// <summary>Which items; all when absent. An item must satisfy every field that is set, and one entry of each list.</summary>
    [ValidationRule("self == oldSelf", "select must not change: make another PhotoRestore")]
    public RestoreSelect? Select { get; init; }

    /// <summary>Where to.</summary>
    [ValidationRule("self == oldSelf", "target must not change: make another PhotoRestore")]
    public required RestoreTarget Target { get; init; }

    /// <summary>How.</summary>
    [ValidationRule("self == oldSelf", "options must not change: make another PhotoRestore")]
    public RestoreOptions? Options { get; init; }

    /// <summary>The hash in `status.plan`. Restores of more than 500 items to Google Photos wait for it.</summary>
    [Length(0, 128)]
    public string? ApprovedPlan { get; init; }

    /// <summary>The restore pauses while it is true.</summary>
    [Default("false")]
    public bool Suspend { get; init; }

    /// <summary>Stops the restore for good.</summary>
    [Default("false")]
    [ValidationRule("self || !oldSelf", "a cancelled restore cannot be resumed: make another PhotoRestore")]
    public bool Cancel { get; init; }
}

/// <summary>A PhotoBackup, or a repository and an account; and which snapshot.</summary>
[ValidationRule("[has(self.backupRef), has(self.repositoryRef)].exists_one(x, x)", "exactly one of backupRef and repositoryRef must be set")]
[ValidationRule("has(self.repositoryRef) == has(self.account)", "repositoryRef and account go together")]
[ValidationRule(
    "[has(self.snapshotID), has(self.latest), has(self.asOf)].exists_one(x, x)",
    "exactly one of snapshotID, latest and asOf must be set")]
public sealed record RestoreSource
{
    /// <summary>A PhotoBackup of the same namespace.</summary>
    public NameRef? BackupRef { get; init; }

    /// <summary>A KlosetRepository of the same namespace; needs no PhotoBackup.</summary>
    public NameRef? RepositoryRef { get; init; }

    /// <summary>The account in that repository.</summary>
    public RestoreAccount? Account { get; init; }

    /// <summary>Id of the snapshot, or the first characters of it.</summary>
    [JsonPropertyName("snapshotID")]
    [Length(4, 64)]
    [Pattern("^[0-9a-f]+$")]
    public string? SnapshotID { get; init; }

    /// <summary>The newest snapshot.</summary>
    [ValidationRule("self", "latest can only be true")]
    public bool? Latest { get; init; }

    /// <summary>The newest snapshot that is not younger than this.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? AsOf { get; init; }
}

/// <summary>An account in a repository.</summary>
public sealed record RestoreAccount
{
    /// <summary>The account's label, `spec.account.id` of the PhotoBackup that wrote it.</summary>
    [Length(1, 63)]
    [Pattern("^[A-Za-z0-9]([A-Za-z0-9._@+-]*[A-Za-z0-9])?$")]
    public required string Id { get; init; }
}

/// <summary>Which items.</summary>
public sealed record RestoreSelect
{
    /// <summary>Names of albums.</summary>
    [Items(1, 64)]
    [ItemLength(1, 512)]
    [AtomicList]
    public IReadOnlyList<string>? Albums { get; init; }

    /// <summary>When they were taken.</summary>
    public TimeRange? Taken { get; init; }

    /// <summary>Names of people.</summary>
    [Items(1, 64)]
    [ItemLength(1, 256)]
    [AtomicList]
    public IReadOnlyList<string>? People { get; init; }

    /// <summary>Where they were taken.</summary>
    public PlaceSelect? Place { get; init; }

    /// <summary>Media types such as `image/heic`, or `image/*`.</summary>
    [Items(1, 32)]
    [ItemLength(3, 128)]
    [AtomicList]
    public IReadOnlyList<string>? MediaTypes { get; init; }

    /// <summary>Paths in the snapshot, with `*` for any text.</summary>
    [Items(1, 64)]
    [ItemLength(1, 1024)]
    [AtomicList]
    public IReadOnlyList<string>? Paths { get; init; }

    /// <summary>Ids of items in the catalog.</summary>
    [Items(1, 500)]
    [ItemLength(1, 512)]
    [AtomicList]
    public IReadOnlyList<string>? Ids { get; init; }
}

/// <summary>From inclusive, to exclusive; either may be absent.</summary>
public sealed record TimeRange
{
    /// <summary>Not before.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? From { get; init; }

    /// <summary>Before.</summary>
    [JsonConverter(typeof(TimestampConverter))]
    public DateTimeOffset? To { get; init; }
}

/// <summary>A box or a circle.</summary>
[ValidationRule("[has(self.box), has(self.radius)].exists_one(x, x)", "exactly one of box and radius must be set")]
public sealed record PlaceSelect
{
    /// <summary>A box in degrees; west greater than east means over the date line.</summary>
    public PlaceBox? Box { get; init; }

    /// <summary>A circle.</summary>
    public PlaceRadius? Radius { get; init; }
}

/// <summary>A box in degrees.</summary>
public sealed record PlaceBox
{
    [Range(-90, 90)]
    public required double South { get; init; }

    [Range(-180, 180)]
    public required double West { get; init; }

    [Range(-90, 90)]
    public required double North { get; init; }

    [Range(-180, 180)]
    public required double East { get; init; }
}

/// <summary>A circle.</summary>
public sealed record PlaceRadius
{
    [Range(-90, 90)]
    public required double Latitude { get; init; }

    [Range(-180, 180)]
    public required double Longitude { get; init; }

    [Range(1, 20000000)]
    public required double Meters { get; init; }
}

/// <summary>Exactly one target.</summary>
[ValidationRule(
    "[has(self.volume), has(self.s3), has(self.googlePhotos)].exists_one(x, x)",
    "exactly one of volume, s3 and googlePhotos must be set")]
public sealed record RestoreTarget
{
    /// <summary>A folder in a claim.</summary>
    public VolumeLocation? Volume { get; init; }

    /// <summary>A bucket.</summary>
    public S3Location? S3 { get; init; }

    /// <summary>A Google Photos library. What was uploaded cannot be deleted again by a program.</summary>
    public GooglePhotosTarget? GooglePhotos { get; init; }
}

/// <summary>A Google Photos library.</summary>
public sealed record GooglePhotosTarget
{
    /// <summary>The account that gets the photos.</summary>
    public required TargetAccount Account { get; init; }

    /// <summary>Allows that photos go into another account than they came from.</summary>
    [Default("false")]
    public bool AllowOtherAccount { get; init; }
}

/// <summary>The account that gets the photos.</summary>
public sealed record TargetAccount
{
    /// <summary>Its label.</summary>
    [Length(1, 63)]
    public required string Id { get; init; }

    /// <summary>When given, compared with the grant.</summary>
    [Length(3, 254)]
    [Pattern("^[^@ ]+@[^@ ]+$")]
    public string? Email { get; init; }

    /// <summary>Secret with a grant by `kloset login`.</summary>
    public required NameRef CredentialsSecretRef { get; init; }
}

/// <summary>How to restore.</summary>
public sealed record RestoreOptions
{
    /// <summary>
    /// What happens to files that are there already. Into Google Photos, `Skip` leaves out the items that the account may hold still, as far as the snapshot
    /// knows, so that only what newer exports lack goes up; otherwise unchanged bytes are recognised by Google, and corrected ones would stand there twice.
    /// </summary>
    [Default("\"Fail\"")]
    public ExistingFilesPolicy ExistingFiles { get; init; }

    /// <summary>Which version of an edited photo. When absent: both for a volume or bucket, as seen for Google Photos.</summary>
    public EditionPolicy? Edition { get; init; }
}

/// <summary>What happens to files that are there already.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ExistingFilesPolicy>))]
public enum ExistingFilesPolicy
{
    Fail,
    Skip,
    Overwrite,
}

/// <summary>Which version of an edited photo.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<EditionPolicy>))]
public enum EditionPolicy
{
    AsSeen,
    Originals,
    Both,
}
