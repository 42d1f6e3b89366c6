using System.CommandLine;
using System.CommandLine.Parsing;
using KlosetOperator.Api;

namespace KlosetOperator.Hosting;

/// <summary>What `kloset-operator` was told, by flags first and by environment else.</summary>
internal sealed record Settings
{
    public string? Kubeconfig { get; init; }

    public IReadOnlyList<string> Namespaces { get; init; } = [];

    public string OwnNamespace { get; init; } = "kloset-system";

    public bool LeaderElect { get; init; } = true;

    public string? MetricsAddress { get; init; }

    public string WorkerImage { get; init; } = "";

    public string RestoreImage { get; init; } = "";

    public string? ImagePullPolicy { get; init; }

    public KeyRef? WorkerCaBundle { get; init; }

    public int MostJobs { get; init; } = 100;

    public string? ClusterName { get; init; }

    public bool WatchSecrets { get; init; } = true;

    public bool JsonLogs { get; init; }

    public bool Verbose { get; init; }
}

/// <summary>The flags of `kloset-operator`. Each says which variable stands in for it.</summary>
internal static class CommandLine
{
    public static RootCommand Build(Func<Settings, CancellationToken, Task<int>> run)
    {
        var kubeconfig = new Option<string?>("--kubeconfig") { Description = "how to reach the cluster (KUBECONFIG; in a pod: its service account)" };
        var namespaces = new Option<string[]>("--namespace") { Description = "watch this namespace only; may be repeated (KLOSET_NAMESPACES, with commas; default: all)", DefaultValueFactory = _ => List("KLOSET_NAMESPACES") };
        var own = new Option<string>("--operator-namespace") { Description = "where the lease lives (POD_NAMESPACE)", DefaultValueFactory = _ => Variable("POD_NAMESPACE") ?? "kloset-system" };
        var elect = new Option<bool>("--leader-elect") { Description = "act only while holding the lease (KLOSET_LEADER_ELECT)", DefaultValueFactory = _ => Variable("KLOSET_LEADER_ELECT") != "false" };
        var metrics = new Option<string>("--metrics-address") { Description = "where probes and /metrics are served; 'off' serves nothing (KLOSET_METRICS_ADDRESS)", DefaultValueFactory = _ => Variable("KLOSET_METRICS_ADDRESS") ?? "http://0.0.0.0:8080" };
        var worker = new Option<string>("--worker-image") { Description = "image of the worker (KLOSET_WORKER_IMAGE)", DefaultValueFactory = _ => Variable("KLOSET_WORKER_IMAGE") ?? "" };
        var restore = new Option<string>("--worker-restore-image") { Description = "image of the worker for restores (KLOSET_WORKER_RESTORE_IMAGE; default: the worker's)", DefaultValueFactory = _ => Variable("KLOSET_WORKER_RESTORE_IMAGE") ?? "" };
        var pull = new Option<string?>("--worker-image-pull-policy") { Description = "Always, IfNotPresent or Never (KLOSET_WORKER_IMAGE_PULL_POLICY)", DefaultValueFactory = _ => Variable("KLOSET_WORKER_IMAGE_PULL_POLICY") };
        var bundle = new Option<string?>("--worker-ca-bundle") { Description = "CONFIGMAP/KEY of certificates that workers trust besides the system's, looked for in each Job's namespace (KLOSET_WORKER_CA_BUNDLE)", DefaultValueFactory = _ => Variable("KLOSET_WORKER_CA_BUNDLE") };
        var jobs = new Option<int>("--max-jobs") { Description = "Jobs at the same time, over all repositories (KLOSET_MAX_JOBS)", DefaultValueFactory = _ => int.TryParse(Variable("KLOSET_MAX_JOBS"), out var most) ? most : 100 };
        var cluster = new Option<string?>("--cluster-name") { Description = "names this cluster as the owner of repositories (KLOSET_CLUSTER_NAME; default: the uid of kube-system)", DefaultValueFactory = _ => Variable("KLOSET_CLUSTER_NAME") };
        var secrets = new Option<string>("--secret-watch") { Description = "metadata or off (KLOSET_SECRET_WATCH)", DefaultValueFactory = _ => Variable("KLOSET_SECRET_WATCH") ?? "metadata" };
        var log = new Option<string>("--log-format") { Description = "json or text (KLOSET_LOG_FORMAT; default: json in a pod)", DefaultValueFactory = _ => Variable("KLOSET_LOG_FORMAT") ?? (Variable("KUBERNETES_SERVICE_HOST") is null ? "text" : "json") };
        var verbose = new Option<bool>("--verbose") { Description = "log every call" };
        secrets.AcceptOnlyFromAmong("metadata", "off");
        log.AcceptOnlyFromAmong("json", "text");
        jobs.Validators.Add(result => Check(result, result.GetValueOrDefault<int>() >= 1, "--max-jobs must be at least 1."));
        bundle.Validators.Add(result => Check(
            result, result.GetValueOrDefault<string?>() is not { } text || Bundle(text) is not null, "--worker-ca-bundle takes CONFIGMAP/KEY, for example company-ca/ca.crt."));
        worker.Validators.Add(result => Check(
            result, result.GetValueOrDefault<string>() is { Length: > 0 }, "The worker's image is not known: give --worker-image or set KLOSET_WORKER_IMAGE."));

        var root = new RootCommand("Backs up Google Photos libraries into Kloset repositories, as the resources of kloset.dev say.")
        {
            kubeconfig, namespaces, own, elect, metrics, worker, restore, pull, bundle, jobs, cluster, secrets, log, verbose,
        };
        root.SetAction((parsed, stop) => run(
            new Settings
            {
                Kubeconfig = parsed.GetValue(kubeconfig),
                Namespaces = parsed.GetValue(namespaces) ?? [],
                OwnNamespace = parsed.GetValue(own)!,
                LeaderElect = parsed.GetValue(elect),
                MetricsAddress = parsed.GetValue(metrics) is { } address && address != "off" ? address : null,
                WorkerImage = parsed.GetValue(worker)!,
                RestoreImage = parsed.GetValue(restore) is { Length: > 0 } image ? image : parsed.GetValue(worker)!,
                ImagePullPolicy = parsed.GetValue(pull),
                WorkerCaBundle = Bundle(parsed.GetValue(bundle)),
                MostJobs = parsed.GetValue(jobs),
                ClusterName = parsed.GetValue(cluster),
                WatchSecrets = parsed.GetValue(secrets) == "metadata",
                JsonLogs = parsed.GetValue(log) == "json",
                Verbose = parsed.GetValue(verbose),
            },
            stop));
        return root;
    }

    private static void Check(OptionResult result, bool good, string message)
    {
        if (!good)
        {
            result.AddError(message);
        }
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private static KeyRef? Bundle(string? text) =>
        text?.Split('/') is [{ Length: > 0 } name, { Length: > 0 } key] ? new KeyRef { Name = name, Key = key } : null;

    private static string[] List(string name) =>
        Variable(name)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
}
