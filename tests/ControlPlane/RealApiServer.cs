using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using k8s;

namespace ControlPlane;

/// <summary>What a control plane is started with.</summary>
public sealed record RealApiServerOptions
{
    /// <summary>Runs the controllers too: garbage collection, namespaces' deletion, Jobs' pods and status.</summary>
    public bool ControllerManager { get; init; }

    /// <summary>Where the API server listens. Null: a free port.</summary>
    public int? Port { get; init; }

    /// <summary>More flags for kube-apiserver.</summary>
    public IReadOnlyList<string> ApiServerArguments { get; init; } = [];

    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromMinutes(2);
}

/// <summary>A real API server with its own etcd, for the time of a test.</summary>
public sealed class RealApiServer : IAsyncDisposable
{
    private const string Admin = "admin";

    private readonly List<Component> _components = [];
    private readonly string _directory;
    private readonly string _binaries;
    private readonly Authority _authority;

    private RealApiServer(string directory, string binaries)
    {
        _directory = directory;
        _binaries = binaries;
        _authority = new Authority(Path.Combine(directory, "pki"));
    }

    /// <summary>Null when the binaries are there; otherwise what is missing, for the test's report.</summary>
    public static string? WhyUnavailable => Locate() is null
        ? "no kube-apiserver and etcd: set KUBEBUILDER_ASSETS or install them in /usr/local/kubebuilder/bin"
        : null;

    public string Address { get; private set; } = "";

    /// <summary>Full rights (group <c>system:masters</c>).</summary>
    public string KubeconfigPath => Path.Combine(_directory, Admin + ".kubeconfig");

    public static async Task<RealApiServer> StartAsync(RealApiServerOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new RealApiServerOptions();
        var binaries = Locate() ?? throw new InvalidOperationException(WhyUnavailable);
        var server = new RealApiServer(Directory.CreateTempSubdirectory("control-plane-").FullName, binaries);
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(options.StartTimeout);
            await server.StartComponentsAsync(options, limit.Token).ConfigureAwait(false);
            return server;
        }
        catch (Exception error)
        {
            var logs = server.LastWords();
            await server.DisposeAsync().ConfigureAwait(false);
            throw new InvalidOperationException($"The control plane did not start. {error.Message}\n{logs}", error);
        }
    }

    /// <summary>A client with full rights.</summary>
    public KubernetesClientConfiguration Configuration() => KubernetesClientConfiguration.BuildConfigFromConfigFile(KubeconfigPath);

    /// <summary>A client that RBAC knows as this user of these groups.</summary>
    public KubernetesClientConfiguration Configuration(string user, params string[] groups) =>
        KubernetesClientConfiguration.BuildConfigFromConfigFile(WriteKubeconfig(user, groups));

    /// <summary>A kubeconfig for this user of these groups.</summary>
    public string WriteKubeconfig(string user, params string[] groups)
    {
        var path = Path.Combine(_directory, user.Replace(':', '-') + ".kubeconfig");
        var (certificate, key) = _authority.Issue(user, groups, serverNames: []);
        File.WriteAllText(path, $"""
            apiVersion: v1
            kind: Config
            current-context: test
            clusters: [{"{"}name: test, cluster: {"{"}server: "{Address}", certificate-authority-data: {Base64(_authority.CertificatePem)}{"}"}{"}"}]
            contexts: [{"{"}name: test, context: {"{"}cluster: test, user: test{"}"}{"}"}]
            users: [{"{"}name: test, user: {"{"}client-certificate-data: {Base64(certificate)}, client-key-data: {Base64(key)}{"}"}{"}"}]
            """);
        return path;
    }

    /// <summary>Ends the API server at once, as a crash would; etcd keeps its data.</summary>
    public Task StopApiServerAsync() => _components.Single(static component => component.Name == "kube-apiserver").StopAsync();

    /// <summary>Starts the API server again where it was.</summary>
    public async Task RestartApiServerAsync(CancellationToken cancellationToken = default)
    {
        _components.Single(static component => component.Name == "kube-apiserver").Start();
        await WaitUntilReadyAsync(cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var component in Enumerable.Reverse(_components))
        {
            await component.DisposeAsync().ConfigureAwait(false);
        }

        _authority.Dispose();
        try
        {
            Directory.Delete(_directory, recursive: true);
        }
        catch (IOException)
        {
            // A process that is still ending wrote once more. It is a temporary directory.
        }
    }

    private static string? Locate() =>
        new[] { Environment.GetEnvironmentVariable("KUBEBUILDER_ASSETS"), "/usr/local/kubebuilder/bin" }
            .FirstOrDefault(static directory => !string.IsNullOrEmpty(directory)
                && File.Exists(Path.Combine(directory, "kube-apiserver")) && File.Exists(Path.Combine(directory, "etcd")));

    private static int[] FreePorts(int count)
    {
        // All held at once, so that they differ.
        var listeners = Enumerable.Range(0, count).Select(static _ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        listeners.ForEach(static listener => listener.Start());
        var ports = listeners.Select(static listener => ((IPEndPoint)listener.LocalEndpoint).Port).ToArray();
        listeners.ForEach(static listener => listener.Dispose());
        return ports;
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.ASCII.GetBytes(text));

    private async Task StartComponentsAsync(RealApiServerOptions options, CancellationToken cancellationToken)
    {
        var ports = FreePorts(4);
        var etcd = $"http://127.0.0.1:{ports[0]}";
        var peer = $"http://127.0.0.1:{ports[1]}";
        var port = options.Port ?? ports[2];
        Address = $"https://127.0.0.1:{port}";
        var pki = _authority.Directory;
        var apiServerKeys = _authority.WriteFiles("apiserver", "kube-apiserver", [], ["127.0.0.1", "10.96.0.1", "localhost", "kubernetes.default.svc"]);
        var serviceAccounts = _authority.WriteServiceAccountKeys();
        WriteKubeconfig(Admin, "system:masters");

        Start("etcd",
            "--name", "test",
            "--data-dir", Path.Combine(_directory, "etcd"),
            "--unsafe-no-fsync",
            "--log-level", "warn",
            "--listen-client-urls", etcd,
            "--advertise-client-urls", etcd,
            "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer,
            "--initial-cluster", "test=" + peer);
        Start("kube-apiserver",
            [
                "--etcd-servers=" + etcd,
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                "--secure-port=" + port.ToString(CultureInfo.InvariantCulture),
                "--endpoint-reconciler-type=none",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--tls-cert-file=" + apiServerKeys.Certificate,
                "--tls-private-key-file=" + apiServerKeys.Key,
                "--client-ca-file=" + _authority.CertificateFile,
                "--authorization-mode=RBAC",
                "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
                "--service-account-signing-key-file=" + serviceAccounts.Private,
                "--service-account-key-file=" + serviceAccounts.Public,
                "--cert-dir=" + pki,
                .. options.ApiServerArguments,
            ]);
        await WaitUntilReadyAsync(cancellationToken).ConfigureAwait(false);

        if (options.ControllerManager)
        {
            var kubeconfig = WriteKubeconfig("system:kube-controller-manager");
            Start("kube-controller-manager",
                "--kubeconfig=" + kubeconfig,
                "--authentication-kubeconfig=" + kubeconfig,
                "--authorization-kubeconfig=" + kubeconfig,
                "--bind-address=127.0.0.1",
                "--secure-port=" + ports[3].ToString(CultureInfo.InvariantCulture),
                "--leader-elect=false",
                "--use-service-account-credentials=true",
                "--service-account-private-key-file=" + serviceAccounts.Private,
                "--root-ca-file=" + _authority.CertificateFile,
                "--cert-dir=" + pki);
        }

        await WaitForNamespaceAsync(options.ControllerManager, cancellationToken).ConfigureAwait(false);
    }

    private void Start(string name, params string[] arguments)
    {
        var component = new Component(name, Path.Combine(_binaries, name), arguments, Path.Combine(_directory, name + ".log"));
        _components.Add(component);
        component.Start();
    }

    private async Task WaitUntilReadyAsync(CancellationToken cancellationToken)
    {
        using var http = new HttpClient(new HttpClientHandler
        {
            // Only "is it up"; the clients that tests use verify the certificate.
            ServerCertificateCustomValidationCallback = static (_, _, _, _) => true,
        });
        while (true)
        {
            foreach (var component in _components)
            {
                component.ThrowIfEnded();
            }

            try
            {
                if (await http.GetStringAsync(new Uri(Address + "/readyz"), cancellationToken).ConfigureAwait(false) == "ok")
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // Not yet.
            }

            await Task.Delay(100, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Ready comes before the default namespace does, and that before its service account.</summary>
    private async Task WaitForNamespaceAsync(bool serviceAccount, CancellationToken cancellationToken)
    {
        using var client = new Kubernetes(Configuration());
        while (true)
        {
            var namespaces = await client.CoreV1.ListNamespaceAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            if (namespaces.Items.Any(static item => item.Metadata.Name == "default")
                && (!serviceAccount
                    || (await client.CoreV1.ListNamespacedServiceAccountAsync("default", cancellationToken: cancellationToken).ConfigureAwait(false)).Items.Count > 0))
            {
                return;
            }

            await Task.Delay(100, cancellationToken).ConfigureAwait(false);
        }
    }

    private string LastWords() => string.Join('\n', _components.Select(static component => component.LastWords()));
}

/// <summary>One process of the control plane.</summary>
internal sealed class Component(string name, string program, IReadOnlyList<string> arguments, string log) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private Process? _process;
    private StreamWriter? _output;
    private bool _registered;

    public string Name => name;

    public void Start()
    {
        _output = new StreamWriter(log, append: true);
        var start = new ProcessStartInfo(program) { RedirectStandardError = true, RedirectStandardOutput = true, RedirectStandardInput = true };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += Write;
        _process.ErrorDataReceived += Write;
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        if (!_registered)
        {
            // A test run that is interrupted must not leave servers behind.
            AppDomain.CurrentDomain.ProcessExit += (_, _) => Kill();
            _registered = true;
        }
    }

    public void ThrowIfEnded()
    {
        if (_process is { HasExited: true } ended)
        {
            throw new InvalidOperationException($"{name} ended with {ended.ExitCode}.");
        }
    }

    public async Task StopAsync()
    {
        Kill();
        if (_process is { } process)
        {
            await process.WaitForExitAsync().ConfigureAwait(false);
            process.Dispose();
            _process = null;
        }

        lock (_lock)
        {
            _output?.Dispose();
            _output = null;
        }
    }

    public string LastWords()
    {
        lock (_lock)
        {
            _output?.Flush();
        }

        return File.Exists(log) ? $"{name}: {string.Join('\n', File.ReadLines(log).TakeLast(8))}" : name + ": (no log)";
    }

    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    private void Kill()
    {
        try
        {
            _process?.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It ended by itself.
        }
    }

    private void Write(object sender, DataReceivedEventArgs line)
    {
        lock (_lock)
        {
            if (line.Data is not null)
            {
                _output?.WriteLine(line.Data);
            }
        }
    }
}
