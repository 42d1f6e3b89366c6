using System.Globalization;
using System.Text;
using k8s;
using k8s.Models;
using KlosetOperator.Admission;
using KlosetOperator.Api;
using KlosetOperator.Options;
using KlosetOperator.Runs;
using KlosetWorker.Contract;

namespace KlosetOperator.Jobs;

/// <summary>Everything that makes a Job.</summary>
internal sealed record JobRequest
{
    public required IKubernetesObject<V1ObjectMeta> Owner { get; init; }

    /// <summary>phb, klr or phr.</summary>
    public required string Prefix { get; init; }

    public required string RepositoryName { get; init; }

    /// <summary>Where the repository lies.</summary>
    public required string Location { get; init; }

    public required RunOrder Order { get; init; }

    public required RunFile RunFile { get; init; }

    public required MountPlan Mounts { get; init; }

    public required AdmissionTicket Ticket { get; init; }

    public JobSpec? Template { get; init; }

    /// <summary>The trace of the reconciliation that orders the run, in W3C's form; null when nobody traces.</summary>
    public string? TraceParent { get; init; }
}

/// <summary>The run file is larger than the annotation that carries it may be.</summary>
internal sealed class RunFileTooLargeException(int bytes)
    : Exception($"The run file would have {bytes} bytes, more than {RunFile.MaxBytes}. Make the selection smaller.");

/// <summary>
/// From a run order to a Job: restricted Pod Security, no Kubernetes token, the run file by the downward API, one attempt at a
/// time, and a failure policy from the table of exit codes. Pure.
/// </summary>
internal sealed class JobBuilder(OperatorOptions options)
{
    public const string Container = "worker";
    public const string ManagedBy = "kloset-operator";
    public const string SlotAnnotation = ApiGroup.Name + "/slot";
    public const string RequestAnnotation = ApiGroup.Name + "/request";
    public const string LostRunAnnotation = ApiGroup.Name + "/lost-run";
    public const string AccountAnnotation = ApiGroup.Name + "/account-key";
    public const string QuotaGroupAnnotation = ApiGroup.Name + "/quota-group";

    public const string SequenceAnnotation = ApiGroup.Name + "/sequence";
    public const string LocationAnnotation = ApiGroup.Name + "/location";

    /// <summary>On pods: `kind/name` of the object that they work for.</summary>
    public const string OwnerAnnotation = ApiGroup.Name + "/owner";

    private const string RunFolder = MountPlan.Root + "/run";
    private const string CachePath = MountPlan.Root + "/cache";
    private const string TrustPath = MountPlan.Root + "/trust";
    private const string TerminationPath = "/dev/termination-log";

    /// <summary>The user that the images run as; volumes are made writable for its group.</summary>
    private const long UserId = 1654;

    /// <exception cref="RunFileTooLargeException">See there.</exception>
    public V1Job Build(JobRequest request)
    {
        var (owner, order, template) = (request.Owner.Metadata, request.Order, request.Template);
        var run = request.RunFile.ToJson();
        if (Encoding.UTF8.GetByteCount(run) is var size && size > RunFile.MaxBytes)
        {
            throw new RunFileTooLargeException(size);
        }

        var labels = Labels(request);
        var annotations = new Dictionary<string, string>(template?.Annotations ?? new Dictionary<string, string>(), StringComparer.Ordinal)
        {
            [SlotAnnotation] = order.Slot.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
            [Api.Labels.Repository] = request.Ticket.Repository,
            [LocationAnnotation] = request.Location,
            [SequenceAnnotation] = order.Sequence.ToString(CultureInfo.InvariantCulture),
        };
        Put(annotations, RequestAnnotation, order.Request);
        Put(annotations, LostRunAnnotation, order.LostRunId);
        Put(annotations, AccountAnnotation, request.Ticket.Account);
        Put(annotations, QuotaGroupAnnotation, request.Ticket.QuotaGroup);
        return new V1Job
        {
            ApiVersion = "batch/v1",
            Kind = "Job",
            Metadata = new V1ObjectMeta
            {
                Name = order.JobName(request.Prefix, owner.Name, owner.Uid),
                NamespaceProperty = owner.NamespaceProperty,
                Labels = labels,
                Annotations = annotations,
                OwnerReferences =
                [
                    new V1OwnerReference
                    {
                        ApiVersion = request.Owner.ApiVersion, Kind = request.Owner.Kind, Name = owner.Name, Uid = owner.Uid,
                        Controller = true,
                    },
                ],
            },
            Spec = new V1JobSpec
            {
                BackoffLimit = 3,
                Completions = 1,
                Parallelism = 1,
                TtlSecondsAfterFinished = 7 * 24 * 3600,
                PodReplacementPolicy = "Failed",
                PodFailurePolicy = FailurePolicy(),
                Template = new V1PodTemplateSpec
                {
                    Metadata = new V1ObjectMeta
                    {
                        Labels = labels,
                        Annotations = new Dictionary<string, string>(template?.Annotations ?? new Dictionary<string, string>(), StringComparer.Ordinal)
                        {
                            [RunFile.AnnotationName] = run,
                            [OwnerAnnotation] = $"{request.Owner.Kind}/{owner.Name}",
                        },
                    },
                    Spec = Pod(request),
                },
            },
        };
    }

    private static V1PodFailurePolicy FailurePolicy() => new()
    {
        Rules =
        [
            new V1PodFailurePolicyRule
            {
                Action = "Ignore",
                OnPodConditions = [new V1PodFailurePolicyOnPodConditionsPattern { Type = "DisruptionTarget", Status = "True" }],
            },
            new V1PodFailurePolicyRule
            {
                Action = "FailJob",
                OnExitCodes = new V1PodFailurePolicyOnExitCodesRequirement
                {
                    ContainerName = Container,
                    OperatorProperty = "In",
                    Values = [.. ExitCodes.All.Select(row => (int)row.Code).Where(code => code != 0).Order()],
                },
            },
        ],
    };

    private V1PodSpec Pod(JobRequest request)
    {
        var template = request.Template;
        var claim = template?.Cache?.VolumeClaimName;
        List<V1Volume> volumes =
        [
            new()
            {
                Name = "run",
                DownwardAPI = new V1DownwardAPIVolumeSource
                {
                    Items =
                    [
                        new V1DownwardAPIVolumeFile
                        {
                            Path = "run.json", FieldRef = new V1ObjectFieldSelector { FieldPath = $"metadata.annotations['{RunFile.AnnotationName}']" },
                        },
                    ],
                },
            },
            claim is null
                ? new()
                {
                    Name = "cache",
                    EmptyDir = new V1EmptyDirVolumeSource { SizeLimit = new ResourceQuantity(template?.Cache?.SizeLimit?.ToString() ?? "10Gi") },
                }
                : new() { Name = "cache", PersistentVolumeClaim = new V1PersistentVolumeClaimVolumeSource { ClaimName = claim } },
            new() { Name = "tmp", EmptyDir = new V1EmptyDirVolumeSource { SizeLimit = new ResourceQuantity("1Gi") } },
            .. request.Mounts.Volumes,
        ];
        if (options.WorkerCaBundle is { } bundle)
        {
            volumes.Add(new() { Name = "trust", ConfigMap = new V1ConfigMapVolumeSource { Name = bundle.Name, Optional = true } });
        }

        return new V1PodSpec
        {
            RestartPolicy = "Never",
            AutomountServiceAccountToken = false,
            EnableServiceLinks = false,
            ServiceAccountName = template?.ServiceAccountName,
            PriorityClassName = template?.PriorityClassName,
            NodeSelector = template?.NodeSelector is { } selector ? new Dictionary<string, string>(selector) : null,
            Affinity = template?.Affinity,
            ImagePullSecrets = template?.ImagePullSecrets?.Select(secret => new V1LocalObjectReference { Name = secret.Name }).ToList(),
            TerminationGracePeriodSeconds = 60,
            Tolerations =
            [
                .. template?.Tolerations ?? [],
                Unavailable("node.kubernetes.io/unreachable"),
                Unavailable("node.kubernetes.io/not-ready"),
            ],
            SecurityContext = new V1PodSecurityContext
            {
                RunAsNonRoot = true,
                RunAsUser = UserId,
                RunAsGroup = UserId,
                FsGroup = UserId,
                FsGroupChangePolicy = "OnRootMismatch",
                SeccompProfile = new V1SeccompProfile { Type = "RuntimeDefault" },
            },
            Volumes = volumes,
            Containers =
            [
                new V1Container
                {
                    Name = Container,
                    Image = request.Order.Kind == RunKind.Restore ? options.RestoreImage : options.WorkerImage,
                    ImagePullPolicy = options.ImagePullPolicy,
                    Args = ["run"],
                    Env = Environment(template, request.TraceParent),
                    Resources = template?.Resources ?? new V1ResourceRequirements
                    {
                        Requests = new Dictionary<string, ResourceQuantity> { ["cpu"] = new("100m"), ["memory"] = new("256Mi") },
                        Limits = new Dictionary<string, ResourceQuantity> { ["memory"] = new("1Gi") },
                    },
                    TerminationMessagePath = TerminationPath,
                    TerminationMessagePolicy = "File",
                    SecurityContext = new V1SecurityContext
                    {
                        AllowPrivilegeEscalation = false,
                        ReadOnlyRootFilesystem = true,
                        RunAsNonRoot = true,
                        Capabilities = new V1Capabilities { Drop = ["ALL"] },
                    },
                    VolumeMounts =
                    [
                        new() { Name = "run", MountPath = RunFolder, ReadOnlyProperty = true },
                        new() { Name = "cache", MountPath = CachePath },
                        new() { Name = "tmp", MountPath = "/tmp" },
                        .. request.Mounts.Mounts,
                        .. options.WorkerCaBundle is null ? [] : new[] { new V1VolumeMount { Name = "trust", MountPath = TrustPath, ReadOnlyProperty = true } },
                    ],
                },
            ],
        };
    }

    private List<V1EnvVar> Environment(JobSpec? template, string? traceParent)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in options.WorkerEnvironment)
        {
            variables[name] = value;
        }

        // Besides the system's: those lie in the directory that SSL_CERT_DIR names by default, which stays as it is.
        if (options.WorkerCaBundle is { } bundle)
        {
            variables["SSL_CERT_FILE"] = $"{TrustPath}/{bundle.Key}";
        }

        foreach (var variable in template?.Env ?? [])
        {
            variables[variable.Name] = variable.Value ?? "";
        }

        variables[WorkerEnvironment.Run] = $"{RunFolder}/run.json";
        variables[WorkerEnvironment.Secrets] = MountPlan.SecretsPath;
        variables[WorkerEnvironment.Source] = MountPlan.SourcesPath;
        variables[WorkerEnvironment.Cache] = CachePath;
        variables[WorkerEnvironment.Result] = TerminationPath;
        if (traceParent is not null)
        {
            variables[WorkerEnvironment.TraceParent] = traceParent;
        }

        variables["TMPDIR"] = "/tmp";
        variables["DOTNET_EnableDiagnostics"] = "0";
        return [.. variables.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => new V1EnvVar { Name = pair.Key, Value = pair.Value })];
    }

    private static Dictionary<string, string> Labels(JobRequest request)
    {
        var owner = request.Owner.Metadata;
        var labels = new Dictionary<string, string>(request.Template?.Labels ?? new Dictionary<string, string>(), StringComparer.Ordinal);
        if (owner.Labels?.TryGetValue(Api.Labels.KueueQueue, out var queue) == true)
        {
            labels[Api.Labels.KueueQueue] = queue;
        }

        labels[Api.Labels.Name] = "kloset-worker";
        labels[Api.Labels.Instance] = LabelValue(owner.Name);
        labels[Api.Labels.Component] = RunHistory.KindName(request.Order.Kind);
        labels[Api.Labels.PartOf] = ManagedBy;
        labels[Api.Labels.ManagedBy] = ManagedBy;
        labels[Api.Labels.RunId] = request.RunFile.RunId;
        labels[Api.Labels.RunKind] = RunHistory.KindName(request.Order.Kind);
        labels[Api.Labels.Repository] = LabelValue(request.RepositoryName);
        labels[Api.Labels.Attempt] = request.Order.Attempt.ToString(CultureInfo.InvariantCulture);
        return labels;
    }

    private static string LabelValue(string name) => name.Length <= 63 ? name : $"{name[..52].TrimEnd('-', '.')}-{Schedules.StableHash.Short(name)}";

    private static V1Toleration Unavailable(string taint) =>
        new() { Key = taint, OperatorProperty = "Exists", Effect = "NoExecute", TolerationSeconds = 60 };

    private static void Put(Dictionary<string, string> annotations, string key, string? value)
    {
        if (value is not null)
        {
            annotations[key] = value;
        }
    }
}
