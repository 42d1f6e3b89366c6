using System.Text.Json.Nodes;
using DevCluster;
using DevCluster.Faults;
using DevCluster.Pods;
using k8s;
using KlosetOperator.Hosting;
using KlosetOperator.Options;
using KlosetOperator.Runtime.Hosting;
using KlosetOperator.Runtime.Leader;
using KlosetWorker.Contract;

namespace KlosetOperator.Tests.Clusters;

/// <summary>What a worker of a test does with its run file.</summary>
internal delegate (int ExitCode, RunResult? Result) Worker(RunFile run);

/// <summary>The whole operator against an API server in this process; workers are functions.</summary>
internal sealed class OperatorOnCluster : IAsyncDisposable
{
    public const string Namespace = "photos";
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(180);

    private readonly Cluster _cluster;
    private OperatorHost? _host;
    private CancellationTokenSource? _stop;
    private Task<int>? _running;

    /// <summary>Everything that the operator sends is cut: it is dead, whatever its process believes.</summary>
    private volatile bool _dead;

    private OperatorOnCluster(Cluster cluster) => _cluster = cluster;

    public Cluster Cluster => _cluster;

    public FaultScript Faults => _cluster.Faults;

    public List<RunFile> Runs { get; } = [];

    public static async Task<OperatorOnCluster> StartAsync(Worker? worker = null, bool start = true)
    {
        OperatorOnCluster? self = null;
        var cluster = await Cluster.StartAsync(new ClusterOptions
        {
            Tls = false,
            PodBackoff = TimeSpan.FromMilliseconds(100),
            ContainerRunner = container => new FunctionContainer(container, run =>
            {
                lock (self!.Runs)
                {
                    self.Runs.Add(run);
                }

                return (worker ?? Good)(run);
            }),
        });
        self = new OperatorOnCluster(cluster);
        var root = Root();
        await cluster.ApplyAsync(Path.Combine(root, "config/crd"));
        cluster.Apply(Object("v1", "Namespace", Namespace, null));
        cluster.Faults.OnRequest(request => self._dead ? new RequestFault.Cut() : null);
        if (start)
        {
            await self.StartOperatorAsync();
        }

        return self;
    }

    public async Task StartOperatorAsync(bool withElection = false)
    {
        _dead = false;
        var kubeconfig = new KubernetesClientConfiguration { Host = _cluster.Address.ToString() };
        var builder = OperatorHost.CreateBuilder(kubeconfig, new OperatorHostOptions { Name = "kloset-operator", HttpUrl = null, LeaderElection = withElection ? new LeaseElectionOptions() : null });
        _host = OperatorComposition.Compose(builder, new OperatorOptions
        {
            WorkerImage = "worker",
            RestoreImage = "worker",
            ClusterName = "test",
            ProgressInterval = TimeSpan.FromMilliseconds(500),
            StartedAt = TimeProvider.System.GetUtcNow(),
        });
        _stop = new CancellationTokenSource();
        _running = _host.RunAsync(_stop.Token);
        await _host.Started.WaitAsync(Patience);
    }

    /// <summary>Nothing that it sends arrives any more; then it goes.</summary>
    public async Task KillOperatorAsync()
    {
        _dead = true;
        await StopOperatorAsync();
    }

    public void Die() => _dead = true;

    public bool IsDead => _dead;

    public void Secret(string name, string key, string value)
    {
        var secret = Object("v1", "Secret", name, Namespace);
        secret["stringData"] = new JsonObject { [key] = value };
        _cluster.Apply(secret);
    }

    public void Claim(string name)
    {
        var claim = Object("v1", "PersistentVolumeClaim", name, Namespace);
        claim["spec"] = JsonNode.Parse("""{"accessModes":["ReadWriteMany"],"resources":{"requests":{"storage":"1Gi"}}}""");
        _cluster.Apply(claim);
    }

    public void Repository(string name = "family")
    {
        var repository = Object("kloset.dev/v1alpha1", "KlosetRepository", name, Namespace);
        repository["spec"] = JsonNode.Parse("""{"backend":{"volume":{"claimName":"kloset"}},"encryption":{"passphraseSecretRef":{"name":"kloset","key":"passphrase"}}}""");
        _cluster.Apply(repository);
    }

    public void Backup(string name = "alice", string? annotation = null)
    {
        var backup = Object("kloset.dev/v1alpha1", "PhotoBackup", name, Namespace);
        if (annotation is not null)
        {
            backup["metadata"]!["annotations"] = new JsonObject { ["kloset.dev/run"] = annotation };
        }

        backup["spec"] = JsonNode.Parse("""{"repositoryRef":{"name":"family"},"account":{"id":"NAME"},"source":{"takeout":{"locations":[{"volume":{"claimName":"drop"}}]}}}""".Replace("NAME", name, StringComparison.Ordinal));
        _cluster.Apply(backup);
    }

    public void Restore(string name = "back")
    {
        var restore = Object("kloset.dev/v1alpha1", "PhotoRestore", name, Namespace);
        restore["spec"] = JsonNode.Parse("""{"source":{"backupRef":{"name":"alice"},"latest":true},"target":{"volume":{"claimName":"drop","path":"/out"}}}""");
        _cluster.Apply(restore);
    }

    public void Everything()
    {
        Claim("kloset");
        Claim("drop");
        Secret("kloset", "passphrase", "correct horse battery staple and more");
        Repository();
        Backup();
    }

    public Task<JsonObject> UntilAsync(string resource, string name, Func<JsonObject, bool> done, string what) =>
        UntilAsync(() => _cluster.Get(resource, Namespace, name) is { } there && done(there) ? there : null, what, () => _cluster.Get(resource, Namespace, name)?.ToJsonString() ?? "not there");

    public static async Task<T> UntilAsync<T>(Func<T?> look, string what, Func<string>? otherwise = null)
        where T : class
    {
        var end = TimeProvider.System.GetUtcNow() + Patience;
        while (TimeProvider.System.GetUtcNow() < end)
        {
            if (look() is { } found)
            {
                return found;
            }

            await Task.Delay(50);
        }

        throw new TimeoutException($"{what} did not happen. {otherwise?.Invoke()}");
    }

    public static string? Condition(JsonObject entity, string type, string field = "status") =>
        entity["status"]?["conditions"]?.AsArray().FirstOrDefault(condition => (string?)condition!["type"] == type)?[field]?.GetValue<string>();

    public static (int ExitCode, RunResult? Result) Good(RunFile run) => (0, new RunResult
    {
        RunId = run.RunId,
        Outcome = RunOutcome.Succeeded,
        Reason = "Succeeded",
        RepositoryId = Guid.Parse("6f1c0000-0000-4000-8000-000000000001"),
        KeyFingerprint = "0011",
        SnapshotId = run.Kind is RunKind.Backup or RunKind.Restore ? new string('a', 64) : null,
        IngestedDigest = run.Kind == RunKind.Backup ? "digest" : null,
        Library = run.Kind == RunKind.Backup ? new LibraryTotals(100, 1_000_000) : null,
        Exports = run.Kind == RunKind.Backup ? new ExportsSummary(TimeProvider.System.GetUtcNow().AddDays(-1), "20261120", 1) : null,
        Repository = new RepositoryTotals(1, 900_000, 3),
        Restored = run.Kind == RunKind.Restore ? new RestoreTotals(100, 1_000_000) : null,
    });

    public async ValueTask DisposeAsync()
    {
        await StopOperatorAsync();
        await _cluster.DisposeAsync();
    }

    /// <summary>An orderly end, which gives the lease back.</summary>
    public async Task StopOperatorAsync()
    {
        if (_host is not null)
        {
            await _stop!.CancelAsync();
            await _running!.WaitAsync(Patience);
            await _host.DisposeAsync();
            _stop.Dispose();
            _host = null;
        }
    }

    private static JsonObject Object(string apiVersion, string kind, string name, string? @namespace)
    {
        var metadata = new JsonObject { ["name"] = name };
        if (@namespace is not null)
        {
            metadata["namespace"] = @namespace;
        }

        return new JsonObject { ["apiVersion"] = apiVersion, ["kind"] = kind, ["metadata"] = metadata };
    }

    public static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "KlosetOperator.sln")))
        {
            folder = folder.Parent;
        }

        return folder.FullName;
    }

    private sealed class FunctionContainer : IContainerProcess
    {
        public FunctionContainer(ContainerStart start, Worker worker) => Completion = Task.Run(() =>
        {
            var run = RunFile.Parse(File.ReadAllText(start.Environment[WorkerEnvironment.Run]));
            var (code, result) = worker(run);
            if (result is not null)
            {
                File.WriteAllText(start.Environment[WorkerEnvironment.Result], result.ToTerminationMessage());
            }

            return code;
        });

        public int ProcessId => 0;

        public Task<int> Completion { get; }

        public void Terminate()
        {
        }

        public void Kill()
        {
        }
    }
}
