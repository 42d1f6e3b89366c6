using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using ControlPlane;
using k8s;
using k8s.Models;
using KlosetOperator.Hosting;
using KlosetOperator.Options;
using KlosetOperator.Runtime.Hosting;
using KlosetOperator.Runtime.Leader;
using KlosetWorker.Contract;
using Microsoft.Extensions.Logging;

namespace KlosetOperator.Tests.Clusters;

/// <summary>
/// `kubectl apply -k config` on a real API server, and the operator under its own service account and nothing more. There are no nodes: the
/// test says what becomes of a pod.
/// </summary>
internal sealed class OperatorOnRealServer : IAsyncDisposable
{
    public const string Namespace = "photos";
    private const string Group = "kloset.dev";
    private const string Version = "v1alpha1";

    private readonly CancellationTokenSource _stop = new();
    private Task<int>? _running;

    private OperatorOnRealServer(RealApiServer server)
    {
        Server = server;
        Admin = new Kubernetes(server.Configuration());
    }

    public RealApiServer Server { get; }

    /// <summary>With full rights.</summary>
    public Kubernetes Admin { get; }

    /// <summary>What the operator asked for, and the answers.</summary>
    public ConcurrentQueue<(string Call, HttpStatusCode Status, string Accept)> Calls { get; } = new();

    public static async Task<OperatorOnRealServer> StartAsync(bool controllers = false)
    {
        Assert.SkipWhen(RealApiServer.WhyUnavailable is not null, RealApiServer.WhyUnavailable ?? "");
        Assert.SkipUnless(await KubectlAsync("version", "--client") is null, "no kubectl on the PATH");
        var server = await RealApiServer.StartAsync(new RealApiServerOptions { ControllerManager = controllers }, TestContext.Current.CancellationToken);
        var world = new OperatorOnRealServer(server);
        var root = OperatorOnCluster.Root();
        await world.ApplyAsync("--server-side", "-k", Path.Combine(root, "config"));
        Assert.Null(await KubectlAsync("--kubeconfig", server.KubeconfigPath, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"));
        return world;
    }

    /// <summary>`kubectl apply`.</summary>
    public async Task ApplyAsync(params string[] arguments) => Assert.Null(await KubectlAsync(["--kubeconfig", Server.KubeconfigPath, "apply", .. arguments]));

    public async Task CreatePassphraseAsync() =>
        Assert.Null(await KubectlAsync("--kubeconfig", Server.KubeconfigPath, "-n", Namespace, "create", "secret", "generic", "kloset-lab", "--from-literal=passphrase=secret-text"));

    /// <summary>Keeps it running as a Deployment does: when its process ends, there is another one.</summary>
    public void StartOperator() => _running = KeepAsync();

    private async Task<int> KeepAsync()
    {
        while (true)
        {
            await using var host = Compose();
            var code = await host.RunAsync(_stop.Token);
            if (_stop.IsCancellationRequested)
            {
                return code;
            }

            await Task.Delay(TimeSpan.FromSeconds(1));
        }
    }

    private OperatorHost Compose()
    {
        var builder = OperatorHost.CreateBuilder(
            Server.Configuration("system:serviceaccount:kloset-system:kloset-operator", "system:serviceaccounts", "system:authenticated"),
            new OperatorHostOptions { Name = "kloset-operator", Namespace = "kloset-system", HttpUrl = null, LeaderElection = new LeaseElectionOptions() });
        builder.AddHttpHandler(() => new Recorder(Calls));
        builder.Logging.ClearProviders();
        return OperatorComposition.Compose(builder, new OperatorOptions
        {
            WorkerImage = "worker",
            RestoreImage = "worker",
            ClusterName = "test",
            ProgressInterval = TimeSpan.FromSeconds(2),
            StartedAt = TimeProvider.System.GetUtcNow(),
        });
    }

    /// <summary>An orderly end, with its exit code.</summary>
    public async Task<int> StopOperatorAsync()
    {
        await _stop.CancelAsync();
        return await _running!;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_running is not null)
        {
            await _running;
        }

        _stop.Dispose();
        Admin.Dispose();
        await Server.DisposeAsync();
    }

    /// <summary>An object of ours; null when it is not there.</summary>
    public async Task<JsonObject?> GetAsync(string plural, string name)
    {
        try
        {
            var found = await Admin.CustomObjects.GetNamespacedCustomObjectAsync(Group, Version, Namespace, plural, name);
            return JsonSerializer.SerializeToNode(found)!.AsObject();
        }
        catch (k8s.Autorest.HttpOperationException missing) when (missing.Response.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    public async Task<JsonObject> UntilAsync(string plural, string name, Func<JsonObject, bool> done, string what, TimeSpan? most = null)
    {
        var end = TimeProvider.System.GetUtcNow() + (most ?? OperatorOnCluster.Patience);
        while (true)
        {
            var there = await GetAsync(plural, name);
            if (there is not null && done(there))
            {
                return there;
            }

            if (TimeProvider.System.GetUtcNow() > end)
            {
                throw new TimeoutException($"{what} did not happen: {there?["status"]?.ToJsonString()}\n{string.Join('\n', Calls.Where(call => (int)call.Status >= 400).TakeLast(20))}");
            }

            await Task.Delay(100);
        }
    }

    /// <summary>The pod that the Job controller made for the newest Job of an object.</summary>
    public Task<V1Pod> UntilPodAsync(string runKind) => OperatorOnCluster.UntilAsync(
        () => Admin.CoreV1.ListNamespacedPod(Namespace, labelSelector: $"kloset.dev/run-kind={runKind}").Items
            .Where(pod => pod.Status.Phase is "Pending" or "Running" && pod.Metadata.DeletionTimestamp is null)
            .MaxBy(pod => pod.Metadata.CreationTimestamp),
        $"a pod for a {runKind}");

    /// <summary>What a kubelet would say of the pod's only container.</summary>
    public Task SayAsync(V1Pod pod, string phase, JsonObject state, params (string Type, string Status)[] conditions)
    {
        var status = new JsonObject
        {
            ["phase"] = phase,
            ["containerStatuses"] = new JsonArray(new JsonObject
            {
                ["name"] = "worker",
                ["image"] = "worker",
                ["imageID"] = "",
                ["ready"] = phase == "Running",
                ["restartCount"] = 0,
                ["state"] = state,
            }),
        };
        if (conditions.Length > 0)
        {
            status["conditions"] = new JsonArray([.. conditions.Select(condition => new JsonObject { ["type"] = condition.Type, ["status"] = condition.Status, ["lastTransitionTime"] = Now() })]);
        }

        return Admin.CoreV1.PatchNamespacedPodStatusAsync(
            new V1Patch(new JsonObject { ["status"] = status }.ToJsonString(), V1Patch.PatchType.MergePatch), pod.Metadata.Name, Namespace);
    }

    public Task WaitingAsync(V1Pod pod, string reason, string message) =>
        SayAsync(pod, "Pending", new JsonObject { ["waiting"] = new JsonObject { ["reason"] = reason, ["message"] = message } });

    public Task RunningAsync(V1Pod pod) => SayAsync(pod, "Running", new JsonObject { ["running"] = new JsonObject { ["startedAt"] = Now() } });

    /// <summary>The worker does what its run file says, and ends.</summary>
    public Task EndAsync(V1Pod pod, Worker worker)
    {
        var (code, result) = worker(RunFile.Parse(pod.Metadata.Annotations["kloset.dev/run"]));
        return SayAsync(pod, code == 0 ? "Succeeded" : "Failed", new JsonObject
        {
            ["terminated"] = new JsonObject
            {
                ["exitCode"] = code,
                ["reason"] = code == 0 ? "Completed" : "Error",
                ["startedAt"] = Now(),
                ["finishedAt"] = Now(),
                ["message"] = result?.ToTerminationMessage(),
            },
        });
    }

    private static string Now() => TimeProvider.System.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>Null when it went well, else what it said.</summary>
    private static async Task<string?> KubectlAsync(params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("kubectl", arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            var output = process.StandardOutput.ReadToEndAsync();
            var error = await process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            return process.ExitCode == 0 ? null : error + await output;
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            return missing.Message;
        }
    }

    private sealed class Recorder(ConcurrentQueue<(string, HttpStatusCode, string)> calls) : DelegatingHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var answer = await base.SendAsync(request, cancellationToken);
            calls.Enqueue(($"{request.Method} {request.RequestUri!.PathAndQuery}", answer.StatusCode, request.Headers.Accept.ToString()));
            return answer;
        }
    }
}
