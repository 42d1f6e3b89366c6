using System.Diagnostics;
using System.Text;

namespace DevCluster.Tests;

/// <summary>The real kubectl against the cluster over TLS.</summary>
public sealed class KubectlTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Kubectl_works_as_with_any_cluster()
    {
        var folder = Directory.CreateTempSubdirectory("devcluster-kubectl-");
        try
        {
            await using var cluster = await Cluster.StartAsync(new ClusterOptions { Images = new Dictionary<string, string> { ["sh"] = "/bin/sh" } }, Ct);
            var kubeconfig = Path.Combine(folder.FullName, "kubeconfig");
            await cluster.WriteKubeconfigAsync(kubeconfig, Ct);
            var definition = Path.Combine(AppContext.BaseDirectory, "fixtures", "photobackups.yaml");
            var manifest = Path.Combine(folder.FullName, "alice.yaml");
            await File.WriteAllTextAsync(manifest, ClusterClient.Backup("alice").ToJsonString(), Ct);

            Task<string> Run(params string[] arguments) => KubectlAsync(folder.FullName, kubeconfig, null, arguments);
            Assert.Contains("created", await Run("apply", "-f", definition), StringComparison.Ordinal);
            Assert.Contains("condition met", await Run("wait", "--for=condition=Established", "crd/photobackups.kloset.dev", "--timeout=10s"), StringComparison.Ordinal);
            Assert.Contains("namespace/photos created", await Run("create", "namespace", "photos"), StringComparison.Ordinal);
            Assert.Contains("created", await Run("apply", "-f", manifest), StringComparison.Ordinal);
            Assert.Contains("unchanged", await Run("apply", "-f", manifest), StringComparison.Ordinal);
            Assert.Matches(@"NAME +READY +ITEMS +AGE\nalice", await Run("get", "phb"));
            Assert.Contains("serverside-applied", await Run("apply", "--server-side", "-f", manifest, "--field-manager=other"), StringComparison.Ordinal);
            Assert.Contains("labeled", await Run("label", "phb", "alice", "team=x"), StringComparison.Ordinal);
            Assert.Contains("annotated", await Run("annotate", "phb", "alice", "kloset.dev/retry=now"), StringComparison.Ordinal);
            Assert.Contains("alice", await Run("get", "phb", "-l", "team=x", "-o", "wide"), StringComparison.Ordinal);
            Assert.Contains("Settle:", await Run("describe", "phb", "alice"), StringComparison.Ordinal);
            Assert.Contains("the account is immutable", await Run("patch", "phb", "alice", "--type=merge", "-p", """{"spec":{"account":{"id":"bob"}}}"""), StringComparison.Ordinal);
            Assert.Contains("What to protect.", await Run("explain", "phb.spec"), StringComparison.Ordinal);
            Assert.Contains("FIELDS:", await Run("explain", "job.spec.template"), StringComparison.Ordinal);
            Assert.Contains("photobackups", await Run("api-resources", "--categories=kloset"), StringComparison.Ordinal);
            Assert.Equal("yes\n", await Run("auth", "can-i", "create", "pods"));
            Assert.Contains("created", await Run("create", "secret", "generic", "s", "--from-literal=a=b"), StringComparison.Ordinal);
            Assert.Contains("a:  1 bytes", await Run("describe", "secret", "s"), StringComparison.Ordinal);
            Assert.Contains("created", await Run("create", "job", "hello", "--image=sh", "--", "/bin/sh", "-c", "echo from the job"), StringComparison.Ordinal);
            Assert.Contains("condition met", await Run("wait", "--for=condition=complete", "job/hello", "--timeout=20s"), StringComparison.Ordinal);
            Assert.Equal("from the job\n", await Run("logs", "job/hello"));
            Assert.Matches(@"hello +Complete +1/1", await Run("get", "jobs"));
            Assert.Contains("Completed", await Run("events", "--for", "job/hello"), StringComparison.Ordinal);
            Assert.Contains("deleted", await Run("delete", "job", "hello"), StringComparison.Ordinal);
            Assert.Contains("deleted", await Run("delete", "phb", "alice"), StringComparison.Ordinal);
            Assert.Contains("No resources found", await Run("get", "phb"), StringComparison.Ordinal);
            Assert.Contains("unknown field", await KubectlAsync(folder.FullName, kubeconfig,
                ClusterClient.Backup("typo").ToJsonString().Replace("\"account\"", "\"acount\":1,\"account\"", StringComparison.Ordinal), "apply", "-f", "-"), StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(true);
        }
    }

    [Fact]
    public async Task Kubectl_get_w_shows_rows_as_they_change()
    {
        var folder = Directory.CreateTempSubdirectory("devcluster-kubectl-");
        try
        {
            await using var cluster = await Cluster.StartAsync(new ClusterOptions(), Ct);
            var kubeconfig = Path.Combine(folder.FullName, "kubeconfig");
            await cluster.WriteKubeconfigAsync(kubeconfig, Ct);
            await cluster.ApplyAsync(Path.Combine(AppContext.BaseDirectory, "fixtures", "photobackups.yaml"), Ct);
            cluster.Apply(ClusterClient.Backup("alice"));
            using var process = Start(folder.FullName, kubeconfig, "get", "phb", "-w");
            var lines = new List<string>();
            while (lines.Count < 3 && await process.StandardOutput.ReadLineAsync(Ct) is { } line)
            {
                lines.Add(line);
                if (lines.Count == 2)
                {
                    cluster.Apply(ClusterClient.Backup("bob"));
                }
            }

            process.Kill();
            Assert.StartsWith("NAME", lines[0], StringComparison.Ordinal);
            Assert.StartsWith("alice", lines[1], StringComparison.Ordinal);
            Assert.StartsWith("bob", lines[2], StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(true);
        }
    }

    private static async Task<string> KubectlAsync(string home, string kubeconfig, string? input, params string[] arguments)
    {
        using var process = Start(home, kubeconfig, arguments);
        if (input is not null)
        {
            await process.StandardInput.WriteAsync(input);
        }

        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync(Ct);
        var output = new StringBuilder(await process.StandardOutput.ReadToEndAsync(Ct));
        output.Append(await error);
        await process.WaitForExitAsync(Ct);
        return output.ToString();
    }

    private static Process Start(string home, string kubeconfig, params string[] arguments)
    {
        var start = new ProcessStartInfo("kubectl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["KUBECONFIG"] = kubeconfig;
        start.Environment["HOME"] = home;
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("kubectl is not on the PATH");
            throw;
        }
    }
}
