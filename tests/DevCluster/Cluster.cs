using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using DevCluster.Api;
using DevCluster.Controllers;
using DevCluster.Faults;
using DevCluster.Json;
using DevCluster.Pods;
using DevCluster.Resources;
using DevCluster.Storage;
using DevCluster.Tables;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace DevCluster;

/// <summary>
/// A Kubernetes API server in this process, with the controllers that a Job needs. Clients reach it by <see cref="Address"/> or with
/// the kubeconfig of <see cref="WriteKubeconfigAsync"/>, as they would reach any other cluster.
/// </summary>
public sealed class Cluster : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly CancellationTokenSource _stopping;
    private readonly X509Certificate2? _certificate;
    private readonly string _data;
    private readonly bool _ownsData;
    private readonly PodLogs _logs;
    private PodRunner? _pods;
    private Task _controllers = Task.CompletedTask;

    private Cluster(WebApplication app, ClusterOptions options, X509Certificate2? certificate, CancellationTokenSource stopping, ObjectStore store, ResourceCatalog catalog,
        ResourceOperations operations, PodLogs logs)
    {
        _app = app;
        _logs = logs;
        _certificate = certificate;
        _stopping = stopping;
        Options = options;
        _ownsData = options.DataDirectory is null;
        _data = options.DataDirectory ?? Directory.CreateTempSubdirectory("devcluster-").FullName;
        Store = store;
        Catalog = catalog;
        Operations = operations;
    }

    public ClusterOptions Options { get; }

    /// <summary>Such as <c>https://127.0.0.1:21600</c>.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1/");

    /// <summary>PEM of the certificate authority in Base64, as kubeconfigs hold it; empty without TLS.</summary>
    public string CertificateAuthorityData =>
        _certificate is null ? "" : Convert.ToBase64String(Encoding.ASCII.GetBytes(_certificate.ExportCertificatePem() + "\n"));

    public FaultScript Faults => Options.Faults;

    internal ObjectStore Store { get; }

    internal ResourceCatalog Catalog { get; }

    internal ResourceOperations Operations { get; }

    public static async Task<Cluster> StartAsync(ClusterOptions options, CancellationToken ct = default)
    {
        var stopping = new CancellationTokenSource();
        options = options with { Stopping = stopping.Token };
        var store = new ObjectStore(options.WatchWindow);
        var catalog = new ResourceCatalog();
        var operations = new ResourceOperations(store, catalog, options.Time);
        var logs = new PodLogs();
        var server = new ApiServer(store, catalog, operations, options.Faults, logs, options);

        var certificate = options.Tls ? ServerCertificate.Make() : null;
        // The content root is watched with all its folders: in somebody's home, or in a checkout, that is minutes of reading.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, options.Port, listen =>
            {
                if (certificate is not null)
                {
                    listen.UseHttps(certificate);
                }
            });
            kestrel.Limits.MaxRequestBodySize = 8 * 1024 * 1024;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.AddServerHeader = false;
        });
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(2));
        var app = builder.Build();
        app.Run(server.HandleAsync);
        var cluster = new Cluster(app, options, certificate, stopping, store, catalog, operations, logs);
        cluster.Seed();
        cluster.StartControllers();
        await app.StartAsync(ct);
        cluster.Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return cluster;
    }

    /// <summary>A kubeconfig for kubectl and for the operator.</summary>
    public string Kubeconfig(string defaultNamespace = "default") => $"""
        apiVersion: v1
        kind: Config
        current-context: devcluster
        clusters:
          - name: devcluster
            cluster:
              server: {Address.GetLeftPart(UriPartial.Authority)}{(_certificate is null ? "" : $"\n      certificate-authority-data: {CertificateAuthorityData}")}
        users:
          - name: devcluster
            user: {(_certificate is null ? "{}" : $"{{token: {Options.Token}}}")}
        contexts:
          - name: devcluster
            context:
              cluster: devcluster
              user: devcluster
              namespace: {defaultNamespace}

        """;

    public Task WriteKubeconfigAsync(string path, CancellationToken ct = default) => File.WriteAllTextAsync(path, Kubeconfig(), ct);

    /// <summary>Until SIGINT or SIGTERM.</summary>
    public Task WaitForShutdownAsync(CancellationToken ct = default) => _app.WaitForShutdownAsync(ct);

    /// <summary>Applies a YAML file, or all YAML files of a folder in the order of their names: definitions first, kustomizations never.</summary>
    public async Task ApplyAsync(string path, CancellationToken ct = default)
    {
        string[] files = Directory.Exists(path)
            ? [.. Directory.EnumerateFiles(path, "*.yaml", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != "kustomization.yaml").Order(StringComparer.Ordinal)]
            : [path];
        var documents = new List<JsonObject>();
        foreach (var file in files)
        {
            documents.AddRange(YamlDocuments.ParseAll(await File.ReadAllTextAsync(file, ct)));
        }

        foreach (var document in documents.OrderBy(document => document.Text("kind") switch { "CustomResourceDefinition" => 0, "Namespace" => 1, _ => 2 }))
        {
            Apply(document);
        }
    }

    /// <summary>Server-side apply of one object by the manager <c>kubectl</c>.</summary>
    public JsonObject Apply(JsonObject document)
    {
        var groupVersion = document.Text("apiVersion") ?? "";
        var type = Catalog.FindKind(groupVersion, document.Text("kind") ?? "")
            ?? throw new InvalidOperationException($"no matches for kind \"{document.Text("kind")}\" in version \"{groupVersion}\"");
        var space = type.Namespaced ? document.Text("metadata", "namespace") ?? "default" : "";
        try
        {
            var (stored, _) = Operations.Apply(type, space, document.Text("metadata", "name") ?? "", "", (JsonObject)document.DeepClone(),
                new WriteOptions { FieldManager = "kubectl", Force = true, FieldValidation = "Strict" });
            return stored.ToNode();
        }
        catch (ApiException e)
        {
            throw new InvalidOperationException(e.Message, e);
        }
    }

    /// <summary>The object as it is stored; null when it is not there.</summary>
    /// <param name="resource">Such as <c>pods</c> or <c>photobackups.kloset.dev</c>.</param>
    public JsonObject? Get(string resource, string space, string name) => Store.Get(new ObjectKey(resource, space, name))?.ToNode();

    public IReadOnlyList<JsonObject> List(string resource, string? space = null) =>
        [.. Store.List(resource, space).Objects.Select(stored => stored.ToNode())];

    /// <summary>The rows that <c>kubectl get</c> shows: the header, then one row an object, without the columns of lower priority.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Table(string resource, string? space = null)
    {
        var type = Catalog.FindStorage(resource) ?? throw new InvalidOperationException($"there is no resource {resource}");
        var table = new TableRenderer(Options.Time).Render(type, List(resource, space), [], "None");
        var shown = table.Array("columnDefinitions")!.Select((column, i) => (column, i)).Where(pair => pair.column.Integer("priority") == 0).ToArray();
        return
        [
            [.. shown.Select(pair => pair.column.Text("name")!.ToUpperInvariant())],
            .. table.Array("rows")!.Select(row => (IReadOnlyList<string>)[.. shown.Select(pair => row.Array("cells")![pair.i] is { } cell ? JsonPath.Text(cell) : "")]),
        ];
    }

    /// <summary>Makes every older revision expire, as etcd's compaction does: watches and lists from before answer 410.</summary>
    public void Compact() => Store.Compact();

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _app.StopAsync();
        await _controllers; // which start pods
        if (_pods is not null)
        {
            await _pods.DisposeAsync();
        }

        await _app.DisposeAsync();
        _stopping.Dispose();
        _certificate?.Dispose();
        if (_ownsData)
        {
            Directory.Delete(_data, true);
        }
    }

    /// <summary>The folder that stands for a claim's volume. It is made when it is not there yet.</summary>
    public string ClaimFolder(string space, string claim) =>
        Directory.CreateDirectory(Options.ClaimFolders.GetValueOrDefault($"{space}/{claim}") ?? Path.Combine(_data, "claims", $"{space}_{claim}")).FullName;

    /// <summary>The last lines that a container wrote; empty when it has not run.</summary>
    public string LogTail(string space, string pod, string container, int lines) =>
        Store.Get(new ObjectKey("pods", space, pod)) is { } found && _logs.Find(found.Uid, container) is { } log ? log.Tail(lines, 64 * 1024) : "";

    /// <summary>Deletes an object as <c>kubectl delete</c> does, with its dependents in the background.</summary>
    public void Delete(string resource, string space, string name)
    {
        try
        {
            Operations.Delete(Catalog.FindStorage(resource)!, space, name, new DeleteOptions { PropagationPolicy = "Background" });
        }
        catch (ApiException e)
        {
            throw new InvalidOperationException(e.Message, e);
        }
    }

    /// <summary>A merge patch (RFC 7396) of an object.</summary>
    public JsonObject Patch(string resource, string space, string name, JsonObject patch)
    {
        try
        {
            return Operations.Patch(Catalog.FindStorage(resource)!, space, name, "", live => (JsonObject)Patching.MergePatch.Apply(live, patch)!, new WriteOptions { FieldManager = "kubectl" }).ToNode();
        }
        catch (ApiException e)
        {
            throw new InvalidOperationException(e.Message, e);
        }
    }

    /// <summary>Ids of the processes that run a pod's containers, for tests that kill them.</summary>
    public IReadOnlyList<int> ProcessesOf(string space, string pod) => _pods?.ProcessesOf(space, pod) ?? [];

    /// <summary>Evicts a pod as a drain does: the pod gets the condition DisruptionTarget and is deleted.</summary>
    public void Evict(string space, string pod)
    {
        Operations.Mutate(new ObjectKey("pods", space, pod), obj =>
        {
            obj.Ensure("status").EnsureArray("conditions").Add(new JsonObject
            {
                ["type"] = "DisruptionTarget",
                ["status"] = "True",
                ["reason"] = "EvictionByEvictionAPI",
                ["message"] = "Eviction API: evicting",
                ["lastTransitionTime"] = Options.Time.GetUtcNow().ToApiTime(),
            });
            return true;
        });
        Operations.Delete(Catalog.Find("", "v1", "pods")!, space, pod, new DeleteOptions());
    }

    private void StartControllers()
    {
        var loop = new ControlLoop(Options.Time);
        var events = new ClusterEvents(Catalog, Operations, Options.Time);
        List<IClusterController> controllers =
            [new GarbageCollector(Store, Catalog, Operations), new NamespaceLifecycle(Store, Catalog, Operations), new ClaimBinder(Operations)];
        if (Options.RunJobs)
        {
            _pods = new PodRunner(Store, Catalog, Operations, events, _logs, Options, _data, ClaimFolder);
            controllers.Add(_pods);
            controllers.Add(new JobController(Store, Catalog, Operations, events, loop, Options));
        }

        _controllers = loop.RunAsync(Store.Listen(), controllers, _stopping.Token);
    }

    private void Seed()
    {
        Operations.Create(Catalog.Find("", "v1", "nodes")!, "", new() { ["metadata"] = new JsonObject { ["name"] = PodRunner.NodeName } }, new WriteOptions { FieldManager = "kubelet" });
        var namespaces = Catalog.Find("", "v1", "namespaces")!;
        foreach (var name in new[] { "default", "kube-system", "kube-public", "kube-node-lease" })
        {
            Operations.Create(namespaces, "", new() { ["metadata"] = new JsonObject { ["name"] = name } }, new WriteOptions { FieldManager = "kube-apiserver" });
        }
    }
}
