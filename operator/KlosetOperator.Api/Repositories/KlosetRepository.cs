using System.Text.Json.Serialization;
using k8s;
using k8s.Models;
using KlosetOperator.Api.Schema;

namespace KlosetOperator.Api;

/// <summary>
/// A Kloset repository: the unit of trust, key, erasure and deduplication. One per household or tenant.
/// </summary>
[KubernetesEntity(Group = ApiGroup.Name, ApiVersion = ApiGroup.Version, Kind = KubeKind, PluralName = "klosetrepositories")]
[KubernetesEntityShortNames("klr")]
[Categories(ApiGroup.Category)]
[SelectableField(".spec.suspend")]
[SelectableField(".status.repositoryID")]
[AdditionalPrinterColumn(".status.conditions[?(@.type==\"Ready\")].status", "Ready", "string")]
[AdditionalPrinterColumn(".status.totals.snapshots", "Snapshots", "integer")]
[AdditionalPrinterColumn(".status.totals.stored", "Stored", "string")]
[AdditionalPrinterColumn(".status.check.lastSuccessTime", "Last Check", "date")]
[AdditionalPrinterColumn(".metadata.creationTimestamp", "Age", "date")]
[AdditionalPrinterColumn(".status.conditions[?(@.type==\"Ready\")].reason", "Reason", "string", Priority = 1)]
[AdditionalPrinterColumn(".status.conditions[?(@.type==\"Running\")].reason", "Running", "string", Priority = 1)]
[AdditionalPrinterColumn(".status.actions[0].kind", "Action", "string", Priority = 1)]
[AdditionalPrinterColumn(".status.maintenance.lastSuccessTime", "Last Maintenance", "date", Priority = 1)]
[AdditionalPrinterColumn(".status.repositoryID", "Repository ID", "string", Priority = 1)]
[AdditionalPrinterColumn(".status.conditions[?(@.type==\"Ready\")].message", "Message", "string", Priority = 1)]
public sealed record KlosetRepository : IKubernetesObject<V1ObjectMeta>, ISpec<KlosetRepositorySpec>, IStatus<KlosetRepositoryStatus?>
{
    public const string KubeKind = "KlosetRepository";

    public string ApiVersion { get; set; } = ApiGroup.GroupVersion;

    public string Kind { get; set; } = KubeKind;

    public V1ObjectMeta Metadata { get; set; } = new();

    /// <summary>Where the repository is, how it is opened, and what is done for it.</summary>
    public KlosetRepositorySpec Spec { get; set; } = null!;

    /// <summary>What is known about it.</summary>
    public KlosetRepositoryStatus? Status { get; set; }
}

/// <summary>Where the repository is, how it is opened, and what is done for it.</summary>
[ValidationRule("!has(oldSelf.repositoryID) || has(self.repositoryID)", "repositoryID must not be removed once it is set")]
public sealed record KlosetRepositorySpec
{
    /// <summary>Where the repository lies. It may change (a moved bucket); the identity of the repository may not.</summary>
    public required RepositoryBackend Backend { get; init; }

    /// <summary>How the repository is opened.</summary>
    public required RepositoryEncryption Encryption { get; init; }

    /// <summary>The identity that the repository must have. When it is set, nothing is ever created.</summary>
    [JsonPropertyName("repositoryID")]
    [Length(36, 36)]
    [Pattern("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    [ValidationRule("self == oldSelf", "repositoryID must not change once it is set")]
    public string? RepositoryID { get; init; }

    /// <summary>Makes the repository if it is not there; never the bucket.</summary>
    [Default("true")]
    public bool Create { get; init; } = true;

    /// <summary>S3 object lock on what is written.</summary>
    public ImmutabilitySpec? Immutability { get; init; }

    /// <summary>Giving back the space of forgotten snapshots.</summary>
    public MaintenanceSpec? Maintenance { get; init; }

    /// <summary>Reading back what is stored.</summary>
    public CheckSpec? Check { get; init; }

    /// <summary>How much is done at the same time.</summary>
    public ConcurrencySpec? Concurrency { get; init; }

    /// <summary>Bytes a second that one Job sends at most; without limit when absent.</summary>
    public ByteQuantity? BandwidthBytesPerSecond { get; init; }

    /// <summary>No new Job is started on this repository while it is true.</summary>
    [Default("false")]
    public bool Suspend { get; init; }
}

/// <summary>Exactly one place.</summary>
[ValidationRule("[has(self.s3), has(self.volume)].exists_one(x, x)", "exactly one of s3 and volume must be set")]
public sealed record RepositoryBackend
{
    /// <summary>An S3-compatible store.</summary>
    public S3Location? S3 { get; init; }

    /// <summary>A folder in a claim.</summary>
    public VolumeLocation? Volume { get; init; }
}

/// <summary>How the repository is opened.</summary>
[ValidationRule("(self.mode == 'None') != has(self.passphraseSecretRef)", "passphraseSecretRef must be set, except with mode None")]
public sealed record RepositoryEncryption
{
    /// <summary>`Passphrase`, or `None` for a repository that anybody with access to the store can read.</summary>
    [Default("\"Passphrase\"")]
    public EncryptionMode Mode { get; init; }

    /// <summary>Key of a Secret with the passphrase. Whoever loses it loses the repository: keep a copy outside the cluster.</summary>
    public KeyRef? PassphraseSecretRef { get; init; }
}

/// <summary>Whether a repository is encrypted.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<EncryptionMode>))]
public enum EncryptionMode
{
    Passphrase,
    None,
}

/// <summary>S3 object lock. The bucket must have been made with it.</summary>
public sealed record ImmutabilitySpec
{
    /// <summary>`Governance` can be lifted with a special permission, `Compliance` by nobody.</summary>
    public required ImmutabilityMode Mode { get; init; }

    /// <summary>For how long what is written cannot be deleted; extended for what live snapshots need.</summary>
    [Range(1, 36500)]
    public required int Days { get; init; }
}

/// <summary>Mode of S3 object lock.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ImmutabilityMode>))]
public enum ImmutabilityMode
{
    Governance,
    Compliance,
}

/// <summary>Giving back the space of forgotten snapshots.</summary>
public sealed record MaintenanceSpec
{
    /// <summary>When; `H H * * 0` when absent.</summary>
    public ScheduleSpec? Schedule { get; init; }

    /// <summary>Secret with credentials that may delete; the backend's own when absent.</summary>
    public NameRef? CredentialsSecretRef { get; init; }
}

/// <summary>Reading back what is stored.</summary>
public sealed record CheckSpec
{
    /// <summary>When; `H H * * *` when absent.</summary>
    public ScheduleSpec? Schedule { get; init; }

    /// <summary>How many stored bytes are read back in a month, so that everything is read over time.</summary>
    public ByteQuantity? DataBytesPerMonth { get; init; }
}

/// <summary>How much is done at the same time.</summary>
public sealed record ConcurrencySpec
{
    /// <summary>Jobs that work on this repository at the same time.</summary>
    [Range(1, 256)]
    [Default("4")]
    public int MaxJobs { get; init; } = 4;
}
