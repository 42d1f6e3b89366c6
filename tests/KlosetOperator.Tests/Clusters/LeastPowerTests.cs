using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using ControlPlane;
using k8s;
using KlosetOperator.Hosting;
using KlosetOperator.Options;
using KlosetOperator.Runtime.Hosting;
using KlosetOperator.Runtime.Leader;

namespace KlosetOperator.Tests.Clusters;

/// <summary>`kubectl apply -k config` on a real API server, and the operator under its own service account and nothing more.</summary>
public sealed class LeastPowerTests
{
    [Fact]
    public async Task The_generated_roles_are_enough_and_Secrets_are_never_read()
    {
        Assert.SkipWhen(RealApiServer.WhyUnavailable is not null, RealApiServer.WhyUnavailable ?? "");
        Assert.SkipUnless(await KubectlAsync("version", "--client") is null, "no kubectl on the PATH");
        await using var server = await RealApiServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root!.FullName, "KlosetOperator.sln")))
        {
            root = root.Parent;
        }

        Assert.Null(await KubectlAsync("--kubeconfig", server.KubeconfigPath, "apply", "--server-side", "-k", Path.Combine(root.FullName, "config")));
        Assert.Null(await KubectlAsync("--kubeconfig", server.KubeconfigPath, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"));
        Assert.Null(await KubectlAsync("--kubeconfig", server.KubeconfigPath, "apply", "-k", Path.Combine(root.FullName, "config/samples")));
        Assert.Null(await KubectlAsync("--kubeconfig", server.KubeconfigPath, "-n", "photos", "create", "secret", "generic", "kloset-lab", "--from-literal=passphrase=secret-text"));

        var calls = new ConcurrentBag<(string Call, HttpStatusCode Status, string Accept)>();
        var builder = OperatorHost.CreateBuilder(
            server.Configuration("system:serviceaccount:kloset-system:kloset-operator", "system:serviceaccounts", "system:authenticated"),
            new OperatorHostOptions { Name = "kloset-operator", Namespace = "kloset-system", HttpUrl = null, LeaderElection = new LeaseElectionOptions() });
        builder.AddHttpHandler(() => new Recorder(calls));
        await using var host = OperatorComposition.Compose(builder, new OperatorOptions
        {
            WorkerImage = "worker",
            RestoreImage = "worker",
            ClusterName = "test",
            StartedAt = TimeProvider.System.GetUtcNow(),
        });
        using var stop = new CancellationTokenSource();
        var running = host.RunAsync(stop.Token);
        using var admin = new Kubernetes(server.Configuration());
        await OperatorOnCluster.UntilAsync(
            () => admin.BatchV1.ListNamespacedJob("photos").Items.FirstOrDefault(job => job.Metadata.Name.StartsWith("klr-lab-", StringComparison.Ordinal)),
            "a Job for the repository in the claim", () => string.Join('\n', calls.Where(call => (int)call.Status >= 400)));
        await OperatorOnCluster.UntilAsync(
            () => admin.EventsV1.ListNamespacedEvent("photos").Items.FirstOrDefault(entry => entry.Reason == "RunStarted"), "an Event");
        await stop.CancelAsync();
        Assert.Equal(0, await running);

        Assert.DoesNotContain(calls, call => call.Status is HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized);
        Assert.All(
            calls.Where(call => call.Call.Contains("/secrets", StringComparison.Ordinal)),
            call => Assert.Contains("as=PartialObjectMetadata", call.Accept, StringComparison.Ordinal));
        Assert.Contains(calls, call => call.Call.Contains("/secrets", StringComparison.Ordinal));
    }

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

    private sealed class Recorder(ConcurrentBag<(string, HttpStatusCode, string)> calls) : DelegatingHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var answer = await base.SendAsync(request, cancellationToken);
            calls.Add(($"{request.Method} {request.RequestUri!.PathAndQuery}", answer.StatusCode, request.Headers.Accept.ToString()));
            return answer;
        }
    }
}
