using KlosetOperator.Api;

namespace KlosetOperator.Options;

/// <summary>What the operator's command line and environment decide.</summary>
internal sealed record OperatorOptions
{
    /// <summary>Image of the worker.</summary>
    public string WorkerImage { get; init; } = "";

    /// <summary>Image of the worker for restores, which has ExifTool.</summary>
    public string RestoreImage { get; init; } = "";

    public string? ImagePullPolicy { get; init; }

    /// <summary>
    /// Certificates that workers trust besides the system's: a ConfigMap of this name in the Job's own namespace, as tools that
    /// distribute a company's authorities make it. A namespace without it trusts the system's alone.
    /// </summary>
    public KeyRef? WorkerCaBundle { get; init; }

    /// <summary>Jobs at the same time, over all repositories.</summary>
    public int MostJobs { get; init; } = 100;

    /// <summary>Names this cluster in `kloset-operator/owner`. Empty: the uid of the namespace kube-system.</summary>
    public string ClusterName { get; init; } = "";

    /// <summary>Environment variables of the operator that its workers get too: proxies and OpenTelemetry.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> WorkerEnvironment { get; init; } = [];

    /// <summary>Whether traces, metrics and logs go to a collector; its address and the rest are the variables of OpenTelemetry.</summary>
    public bool SendsTelemetry { get; init; }

    /// <summary>Whether Secrets are watched, metadata only.</summary>
    public bool WatchSecrets { get; init; } = true;

    /// <summary>How often the log of an active worker is read.</summary>
    public TimeSpan ProgressInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Progress alone is written no more often than this.</summary>
    public TimeSpan ProgressWriteInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>When the operator started: what was due long before is spread over the jitter.</summary>
    public DateTimeOffset StartedAt { get; init; }
}
