using System.Text.Json.Nodes;

namespace Charts.Tests.Helm;

/// <summary>`helm install` and `kubectl apply -k config` give the same operator with the same rights.</summary>
public sealed class AgreementTests
{
    [Theory]
    [InlineData("ClusterRole", "kloset-operator")]
    [InlineData("ClusterRole", "kloset-operator-view")]
    [InlineData("ClusterRole", "kloset-operator-edit")]
    [InlineData("Role", "kloset-operator-leader")]
    public async Task Both_give_the_same_rights(string kind, string name)
    {
        var (chart, config) = await BothAsync();
        var (ours, theirs) = (chart.One(kind, name), config.One(kind, name));
        Assert.Equal(Rights(theirs), Rights(ours));
        Assert.Equal(Aggregation(theirs), Aggregation(ours));
    }

    [Theory]
    [InlineData("ClusterRoleBinding", "kloset-operator")]
    [InlineData("RoleBinding", "kloset-operator-leader")]
    public async Task Both_give_them_to_the_same_account(string kind, string name)
    {
        var (chart, config) = await BothAsync();
        Assert.Equal(config.One(kind, name)["subjects"].Canonical(), chart.One(kind, name)["subjects"].Canonical());
        Assert.Equal(config.One(kind, name)["roleRef"].Canonical(), chart.One(kind, name)["roleRef"].Canonical());
    }

    [Fact]
    public async Task Neither_has_a_role_that_the_other_lacks()
    {
        var (chart, config) = await BothAsync();
        Assert.Equal(Roles(config), Roles(chart));

        static IEnumerable<string> Roles(IEnumerable<JsonObject> documents) =>
            documents.Where(document => document.Kind().Contains("Role", StringComparison.Ordinal)).Select(document => $"{document.Kind()} {document.Name()}").Order(StringComparer.Ordinal);
    }

    [Fact]
    public async Task Both_run_the_same_pod()
    {
        var (chart, config) = await BothAsync();
        var (ours, theirs) = (Pod(chart), Pod(config));
        foreach (var member in new[] { "serviceAccountName", "automountServiceAccountToken", "enableServiceLinks", "terminationGracePeriodSeconds", "securityContext", "volumes" })
        {
            Assert.Equal(theirs[member].Canonical(), ours[member].Canonical());
        }

        var (container, other) = (ours["containers"]![0]!, theirs["containers"]![0]!);
        foreach (var member in new[] { "name", "image", "ports", "env", "args", "livenessProbe", "readinessProbe", "startupProbe", "resources", "securityContext", "volumeMounts" })
        {
            Assert.Equal(other[member].Canonical(), container[member].Canonical());
        }

        static JsonNode Pod(IEnumerable<JsonObject> documents) => documents.One("Deployment", "kloset-operator")["spec"]!["template"]!["spec"]!;
    }

    private static async Task<(IReadOnlyList<JsonObject> Chart, IReadOnlyList<JsonObject> Config)> BothAsync()
    {
        var kustomized = await Command.RunAsync(Command.Kubectl(), ["kustomize", House.Config]);
        return (await HelmTool.RenderAsync(), Documents.Parse(kustomized.OrFail()));
    }

    /// <summary>Rules and the lists in them mean the same in any order.</summary>
    private static IEnumerable<string> Rights(JsonObject role) =>
        role["rules"]!.AsArray()
            .SelectMany(rule =>
                from apiGroup in List(rule!, "apiGroups")
                from resource in List(rule!, "resources")
                from verb in List(rule!, "verbs")
                select $"{verb} {apiGroup}/{resource} {string.Join(',', List(rule!, "resourceNames"))}")
            .Order(StringComparer.Ordinal);

    private static IEnumerable<string> List(JsonNode rule, string member) => rule[member]?.AsArray().Select(item => (string)item!) ?? [];

    private static IEnumerable<string> Aggregation(JsonObject role) =>
        role["metadata"]!["labels"]!.AsObject().Select(label => label.Key).Where(label => label.StartsWith("rbac.", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
}
