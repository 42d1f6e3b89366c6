using k8s.Models;
using KlosetOperator.Api;
using KlosetWorker.Contract;

namespace KlosetOperator.Jobs;

/// <summary>
/// Collects what a run needs to see, and gives it the logical names by which the run file speaks of it. Secrets and ConfigMaps
/// are mounted whole and optional, so that a missing one is the worker's to name and not a pod that hangs.
/// </summary>
internal sealed class MountPlan
{
    public const string Root = "/kloset";
    public const string SecretsPath = Root + "/secrets";
    public const string SourcesPath = Root + "/sources";

    /// <summary>Where Google's own examples of workload identity federation put the token.</summary>
    public const string GoogleTokenPath = "/var/run/secrets/google";

    private readonly List<V1Volume> _volumes = [];
    private readonly List<V1VolumeMount> _mounts = [];
    private readonly Dictionary<string, V1VolumeMount> _claims = [];

    public IReadOnlyList<V1Volume> Volumes => _volumes;

    public IReadOnlyList<V1VolumeMount> Mounts => _mounts;

    /// <summary>The logical name of a Secret is its own, so that what the worker says about it can be acted on.</summary>
    public string Secret(string name) => Add(name, name, volume => volume.Secret = new V1SecretVolumeSource { SecretName = name, Optional = true });

    /// <summary>ConfigMaps lie beside the Secrets, under a name that no Secret can have.</summary>
    public string ConfigMap(string name) =>
        Add($"configmap_{name}", $"configmap_{name}", volume => volume.ConfigMap = new V1ConfigMapVolumeSource { Name = name, Optional = true });

    public string Claim(string name, bool writable)
    {
        if (_claims.TryGetValue(name, out var there))
        {
            if (writable)
            {
                there.ReadOnlyProperty = null;
            }

            return name;
        }

        var volume = new V1Volume
        {
            Name = $"claim-{_claims.Count}",
            PersistentVolumeClaim = new V1PersistentVolumeClaimVolumeSource { ClaimName = name },
        };
        var mount = new V1VolumeMount { Name = volume.Name, MountPath = $"{SourcesPath}/{name}", ReadOnlyProperty = writable ? null : true };
        _volumes.Add(volume);
        _mounts.Add(mount);
        _claims.Add(name, mount);
        return name;
    }

    /// <summary>A token of the pod for Google alone; the kubelet renews it. A second audience has a file of its own.</summary>
    public void WorkloadIdentity(string audience)
    {
        var volume = _volumes.FirstOrDefault(there => there.Name == "google-token");
        if (volume is null)
        {
            _volumes.Add(volume = new V1Volume { Name = "google-token", Projected = new V1ProjectedVolumeSource { Sources = [] } });
            _mounts.Add(new V1VolumeMount { Name = volume.Name, MountPath = GoogleTokenPath, ReadOnlyProperty = true });
        }

        var sources = volume.Projected.Sources;
        if (sources.All(source => source.ServiceAccountToken.Audience != audience))
        {
            sources.Add(new V1VolumeProjection
            {
                ServiceAccountToken = new V1ServiceAccountTokenProjection
                {
                    Audience = audience,
                    ExpirationSeconds = 3600,
                    Path = sources.Count == 0 ? "token" : $"token-{sources.Count}",
                },
            });
        }
    }

    public SecretKeyRef Key(KeyRef reference) => new(Secret(reference.Name), reference.Key);

    public RunS3 S3(S3Location s3, string? credentialsSecret = null) => new(
        s3.Endpoint,
        s3.Bucket,
        s3.Prefix,
        s3.Region,
        (credentialsSecret ?? s3.CredentialsSecretRef?.Name) is { } secret ? Secret(secret) : null,
        s3.CaBundleRef is { } ca ? new SecretKeyRef(ConfigMap(ca.Name), ca.Key) : null,
        s3.Addressing == S3Addressing.VirtualHost,
        s3.StorageClass,
        s3.ServerSideEncryption is { } encryption
            ? new RunS3Encryption(encryption.Algorithm, encryption.KmsKeyID, encryption.CustomerKeySecretRef is { } key ? Key(key) : null)
            : null);

    public RunVolume Volume(VolumeLocation volume, bool writable) => new(Claim(volume.ClaimName, writable), volume.Path);

    private string Add(string key, string folder, Action<V1Volume> source)
    {
        var path = $"{SecretsPath}/{folder}";
        if (_mounts.All(mount => mount.MountPath != path))
        {
            var volume = new V1Volume { Name = $"reference-{_mounts.Count}" };
            source(volume);
            _volumes.Add(volume);
            _mounts.Add(new V1VolumeMount { Name = volume.Name, MountPath = path, ReadOnlyProperty = true });
        }

        return key;
    }
}
