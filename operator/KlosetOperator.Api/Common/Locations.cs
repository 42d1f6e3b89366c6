using System.Text.Json.Serialization;
using KlosetOperator.Api.Schema;

namespace KlosetOperator.Api;

/// <summary>A place in an S3-compatible store.</summary>
[ValidationRule(
    "self.endpoint.startsWith('https://') || (has(self.insecure) && self.insecure.allowHttp)",
    "endpoint must begin with https:// (or set insecure.allowHttp)")]
public sealed record S3Location
{
    /// <summary>`https://host[:port]`.</summary>
    [Length(8, 512)]
    [Pattern("^https?://[^/?#@]+/?$")]
    public required string Endpoint { get; init; }

    /// <summary>Name of the bucket. It is never created.</summary>
    [Length(3, 63)]
    [Pattern("^[a-z0-9][a-z0-9.-]*[a-z0-9]$")]
    public required string Bucket { get; init; }

    /// <summary>Folder in the bucket.</summary>
    [Length(0, 512)]
    [ValidationRule("!self.startsWith('/') && !self.contains('..')", "prefix must not begin with / nor contain ..")]
    public string? Prefix { get; init; }

    /// <summary>Region that requests are signed for.</summary>
    [Length(1, 64)]
    public string? Region { get; init; }

    /// <summary>
    /// Secret with `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and perhaps `AWS_SESSION_TOKEN`. Absent: the identity of the pod's service account.
    /// </summary>
    public NameRef? CredentialsSecretRef { get; init; }

    /// <summary>ConfigMap key with PEM certificates that are trusted besides the system's.</summary>
    public KeyRef? CaBundleRef { get; init; }

    /// <summary>How the bucket is addressed.</summary>
    [Default("\"Path\"")]
    public S3Addressing Addressing { get; init; }

    /// <summary>Storage class of new objects; the bucket's own when absent.</summary>
    [Length(1, 64)]
    public string? StorageClass { get; init; }

    /// <summary>Encryption by the store, besides the repository's own; the bucket's own when absent.</summary>
    public ServerSideEncryptionSpec? ServerSideEncryption { get; init; }

    /// <summary>Protections that are switched off.</summary>
    public InsecureSpec? Insecure { get; init; }
}

/// <summary>Encryption by the store: with a key that it manages, or with one that is sent with every request.</summary>
[ValidationRule("has(self.algorithm) != has(self.customerKeySecretRef)", "exactly one of algorithm and customerKeySecretRef must be set")]
[ValidationRule("!has(self.kmsKeyID) || (has(self.algorithm) && self.algorithm == 'aws:kms')", "kmsKeyID goes with the algorithm aws:kms only")]
public sealed record ServerSideEncryptionSpec
{
    /// <summary>`AES256` (the store's own key), or `aws:kms` (a key of its key management).</summary>
    [Length(6, 7)]
    [Pattern("^(AES256|aws:kms)$")]
    public string? Algorithm { get; init; }

    /// <summary>Which key of the key management; the bucket's default when absent.</summary>
    [JsonPropertyName("kmsKeyID")]
    [Length(1, 2048)]
    public string? KmsKeyID { get; init; }

    /// <summary>Key of a Secret with the 32 bytes (raw, or their base64) that everything is encrypted with (SSE-C). plakar needs it as `sse_customer_key`.</summary>
    public KeyRef? CustomerKeySecretRef { get; init; }
}

/// <summary>How a bucket is addressed.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<S3Addressing>))]
public enum S3Addressing
{
    Path,
    VirtualHost,
}

/// <summary>Protections that are switched off; for tests and closed networks.</summary>
public sealed record InsecureSpec
{
    /// <summary>Allows an endpoint without TLS.</summary>
    [Default("false")]
    public bool AllowHttp { get; init; }
}

/// <summary>A folder in a PersistentVolumeClaim of the same namespace.</summary>
public sealed record VolumeLocation
{
    /// <summary>Name of the claim. ReadWriteMany, else one Job at a time.</summary>
    [Length(1, 253)]
    public required string ClaimName { get; init; }

    /// <summary>Folder in the volume.</summary>
    [Length(1, 512)]
    [Default("\"/\"")]
    [ValidationRule("self.startsWith('/') && !self.contains('..')", "path must begin with / and must not contain ..")]
    public string Path { get; init; } = "/";
}
