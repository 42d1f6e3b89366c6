using System.Text.Json.Nodes;
using ControlPlane;

[assembly: AssemblyFixture(typeof(Charts.Tests.Helm.ServerFixture))]

namespace Charts.Tests.Helm;

/// <summary>What a real API server says to what the chart, `config/` and the docs hold.</summary>
public sealed class AdmissionTests(ServerFixture server)
{
    /// <summary>Kinds of others, whose definitions this server does not have.</summary>
    private static readonly string[] Foreign = ["ServiceMonitor", "PodMonitor", "PrometheusRule"];

    [Theory]
    [MemberData(nameof(ChartTests.Combinations), MemberType = typeof(ChartTests))]
    public async Task The_API_server_takes_what_the_chart_renders(string values)
    {
        var documents = (await HelmTool.RenderAsync(values)).Where(document => !Foreign.Contains(document.Kind()));
        await server.DryRunAsync(documents);
    }

    [Fact]
    public async Task The_API_server_takes_config()
    {
        var kustomized = await Command.RunAsync(Command.Kubectl(), ["kustomize", House.Config]);
        await server.DryRunAsync(Documents.Parse(kustomized.OrFail()));
    }
}

/// <summary>A real API server with our definitions and the namespaces that the values name.</summary>
public sealed class ServerFixture : IAsyncLifetime
{
    private const string Household = """
        apiVersion: kloset.dev/v1alpha1
        kind: KlosetRepository
        metadata: {name: family, namespace: photos}
        spec:
          backend: {s3: {endpoint: https://s3.example.net, bucket: photos, credentialsSecretRef: {name: s3-family}}}
          encryption: {passphraseSecretRef: {name: kloset-family, key: passphrase}}
        ---
        apiVersion: kloset.dev/v1alpha1
        kind: PhotoBackup
        metadata: {name: alice, namespace: photos}
        spec:
          repositoryRef: {name: family}
          account: {id: alice}
          source: {takeout: {locations: [{volume: {claimName: drop, path: /}}]}}
        ---
        apiVersion: kloset.dev/v1alpha1
        kind: PhotoRestore
        metadata: {name: look, namespace: photos}
        spec:
          source: {backupRef: {name: alice}, latest: true}
          target: {volume: {claimName: out, path: /restore}}
        ---
        apiVersion: batch/v1
        kind: Job
        metadata: {name: name, namespace: photos}
        spec:
          template:
            metadata: {annotations: {kloset.dev/run: "{}"}}
            spec: {restartPolicy: Never, containers: [{name: worker, image: kloset-worker}]}
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: argocd-cm, namespace: argocd}
        data: {}
        """;

    private readonly SemaphoreSlim _starting = new(1);
    private RealApiServer? _server;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>Lets the server validate, admit and store nothing; unknown fields are errors.</summary>
    internal async Task DryRunAsync(IEnumerable<JsonObject> documents)
    {
        var list = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "List",
            ["items"] = new JsonArray([.. documents.Select(document => document.DeepClone())]),
        };
        var result = await KubectlAsync(["apply", "--dry-run=server", "--validate=strict", "--filename", "-"], list.ToJsonString());
        Assert.True(result.ExitCode == 0, result.Error);
    }

    internal async Task<CommandResult> KubectlAsync(IEnumerable<string> arguments, string? input = null)
    {
        await StartAsync();
        return await RunAsync(Command.Kubectl(), arguments, input);
    }

    /// <summary>The way to a server that also holds the objects that the docs talk about.</summary>
    internal async Task<string> KubeconfigAsync()
    {
        await StartAsync();
        return _server!.KubeconfigPath;
    }

    private async Task StartAsync()
    {
        var kubectl = Command.Kubectl();
        Assert.SkipWhen(RealApiServer.WhyUnavailable is not null, RealApiServer.WhyUnavailable ?? "");
        await _starting.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            if (_server is null)
            {
                _server = await RealApiServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
                (await RunAsync(kubectl, ["apply", "--kustomize", Path.Combine(House.Config, "crd")], null)).OrFail();
                foreach (var name in new[] { "kloset-system", "photos", "alice", "bob", "argocd" })
                {
                    (await RunAsync(kubectl, ["create", "namespace", name], null)).OrFail();
                    (await RunAsync(kubectl, ["label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted"], null)).OrFail();
                }

                foreach (var account in new[] { "default", "photos-operator" })
                {
                    (await RunAsync(kubectl, ["create", "serviceaccount", account, "--namespace", "kloset-system"], null)).OrFail();
                }

                (await RunAsync(kubectl, ["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"], null)).OrFail();
                (await RunAsync(kubectl, ["apply", "--filename", "-"], Household)).OrFail();
            }
        }
        finally
        {
            _starting.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _starting.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    private Task<CommandResult> RunAsync(string kubectl, IEnumerable<string> arguments, string? input) =>
        Command.RunAsync(kubectl, ["--kubeconfig", _server!.KubeconfigPath, .. arguments], input);
}
