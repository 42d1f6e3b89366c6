using ControlPlane;

namespace Charts.Tests.Helm;

/// <summary>The life of a release on a real API server. Nothing runs there, so nothing is waited for.</summary>
public sealed class ReleaseTests
{
    private const string Sample = """
        apiVersion: kloset.dev/v1alpha1
        kind: KlosetRepository
        metadata: {name: family, namespace: default}
        spec:
          backend: {volume: {claimName: kloset, path: /}}
          encryption: {passphraseSecretRef: {name: kloset-family, key: passphrase}}
        """;

    [Fact]
    public async Task Resources_survive_an_upgrade_an_uninstall_and_the_next_install()
    {
        var kubectl = Command.Kubectl();
        Assert.SkipWhen(RealApiServer.WhyUnavailable is not null, RealApiServer.WhyUnavailable ?? "");
        await using var server = await RealApiServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);

        await HelmAsync("install", House.Chart, "--create-namespace");
        await KubectlAsync(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
        await KubectlAsync(["apply", "--filename", "-"], Sample);
        var before = await IdentityAsync();

        await HelmAsync("upgrade", House.Chart, "--values", Path.Combine(House.Chart, "ci", "default-values.yaml"), "--set", "replicas=2,worker.maxJobs=7");
        Assert.Equal("2 7", await KubectlAsync(
            ["get", "deployment", "kloset-operator", "--namespace", "kloset-system", "-o", "jsonpath={.spec.replicas} {.spec.template.spec.containers[0].env[?(@.name==\"KLOSET_MAX_JOBS\")].value}"]));
        Assert.Equal(before, await IdentityAsync());

        var uninstall = await HelmAsync("uninstall");
        Assert.Contains("kept due to the resource policy", uninstall, StringComparison.Ordinal);
        Assert.Equal("", await KubectlAsync(["get", "deployments,clusterroles", "--all-namespaces", "--selector", "app.kubernetes.io/part-of=kloset-operator", "-o", "name"]));
        Assert.Equal(before, await IdentityAsync());

        await HelmAsync("install", House.Chart);
        Assert.Equal(before, await IdentityAsync());

        Task<string> IdentityAsync() => KubectlAsync(["get", "klosetrepository", "family", "-o", "jsonpath={.metadata.uid}"]);

        async Task<string> KubectlAsync(IEnumerable<string> arguments, string? input = null) =>
            (await Command.RunAsync(kubectl, ["--kubeconfig", server.KubeconfigPath, .. arguments], input)).OrFail();

        async Task<string> HelmAsync(string verb, params string[] arguments)
        {
            var result = await HelmTool.RunAsync([verb, "kloset-operator", .. arguments, "--namespace", "kloset-system", "--kubeconfig", server.KubeconfigPath]);
            return result.OrFail() + result.Error;
        }
    }
}
