using System.Text.Json.Nodes;
using KlosetOperator.Api;

namespace Charts.Tests.Helm;

public sealed class NetworkPolicyTests
{
    private const string Operator = "kloset-operator";
    private const string Workers = "kloset-operator-workers";

    // To Kubernetes, a rule without ports is one for all ports, and one with an empty list of peers is one for everybody.
    [Theory]
    [InlineData(null)]
    [InlineData("ci/everything-values.yaml")]
    [InlineData("ci/namespaced-values.yaml")]
    public async Task No_rule_is_open_because_a_list_was_empty(string? values)
    {
        string[] empty = ["networkPolicy.workers.egressPorts=null", "networkPolicy.workers.extraEgress=null", "networkPolicy.extraEgress=null"];
        foreach (var set in new[] { [], empty })
        {
            var policies = await PoliciesAsync(values, set);
            Assert.Equal(values == "ci/namespaced-values.yaml" ? 3 : 2, policies.Count);
            Assert.All(policies, policy =>
            {
                Assert.Equal("""["Ingress","Egress"]""", policy["spec"]!["policyTypes"].Canonical());
                Assert.All(Rules(policy, "ingress").Concat(Rules(policy, "egress")), rule =>
                {
                    Assert.NotEmpty(rule["ports"]!.AsArray());
                    Assert.All(["from", "to"], peers => Assert.False(rule.ContainsKey(peers) && rule[peers] is not JsonArray { Count: > 0 }, rule.Canonical()));
                });
                Assert.All(Rules(policy, "ingress"), rule => Assert.True(rule.ContainsKey("from"), rule.Canonical()));
            });
        }
    }

    [Fact]
    public async Task Workers_reach_names_and_port_443_and_nobody_reaches_them()
    {
        var policy = (await PoliciesAsync()).One("NetworkPolicy", Workers);
        Assert.Empty(Rules(policy, "ingress"));
        Assert.Equal([Names, """{"ports":[{"port":443,"protocol":"TCP"}]}"""], Rules(policy, "egress").Select(Documents.Canonical));
    }

    [Fact]
    public async Task Without_ports_workers_reach_what_the_extra_rules_say_and_names()
    {
        var policy = (await PoliciesAsync("ci/everything-values.yaml", "networkPolicy.workers.egressPorts=null")).One("NetworkPolicy", Workers);
        Assert.Equal(["[53,53,5353,5353]", "[4317]"], Rules(policy, "egress").Select(Ports));
    }

    [Fact]
    public async Task The_operator_reaches_names_and_the_API_server_and_answers_on_the_port_of_its_metrics_alone()
    {
        var documents = await HelmTool.RenderAsync(null, "networkPolicy.enabled=true");
        var policy = documents.One("NetworkPolicy", Operator);
        Assert.Equal([Names, """{"ports":[{"port":443,"protocol":"TCP"},{"port":6443,"protocol":"TCP"}]}"""], Rules(policy, "egress").Select(Documents.Canonical));
        var port = (string?)Assert.Single(Assert.Single(Rules(policy, "ingress"))["ports"]!.AsArray())!["port"];
        var container = Assert.Single(documents.One("Deployment")["spec"]!["template"]!["spec"]!["containers"]!.AsArray())!;
        Assert.Contains(container["ports"]!.AsArray(), declared => (string?)declared!["name"] == port);
    }

    [Fact]
    public async Task Names_are_asked_of_the_peers_that_the_values_say()
    {
        var policies = (await PoliciesAsync("ci/everything-values.yaml")).Select(policy => Rules(policy, "egress")[0]).ToList();
        Assert.Equal(2, policies.Count);
        Assert.All(policies, rule => Assert.Equal("kube-dns", (string?)Assert.Single(rule["to"]!.AsArray())!["podSelector"]!["matchLabels"]!["k8s-app"]));
    }

    [Fact]
    public async Task A_policy_selects_the_pods_that_it_is_for_and_no_others()
    {
        var documents = await HelmTool.RenderAsync(null, Closed);
        var operatorLabels = documents.One("Deployment")["spec"]!["template"]!["metadata"]!["labels"]!.AsObject();
        var tests = documents.OfKind("Pod").Select(pod => pod["metadata"]!["labels"]!.AsObject()).ToList();
        JsonObject worker = new() { [Labels.Name] = "kloset-worker", [Labels.Instance] = "alice", [Labels.ManagedBy] = "kloset-operator" };
        Assert.NotEmpty(tests);
        Assert.True(Selects(Operator, operatorLabels));
        Assert.True(Selects(Workers, worker));
        Assert.All([worker, .. tests], labels => Assert.False(Selects(Operator, labels)));
        Assert.All([operatorLabels, .. tests], labels => Assert.False(Selects(Workers, labels)));

        bool Selects(string policy, JsonObject labels) => documents.One("NetworkPolicy", policy)["spec"]!["podSelector"]!["matchLabels"]!.AsObject()
            .All(pair => (string?)labels[pair.Key] == (string?)pair.Value);
    }

    [Fact]
    public async Task The_test_of_a_release_may_reach_the_operator_whoever_else_may()
    {
        var documents = await HelmTool.RenderAsync("ci/everything-values.yaml");
        var peer = Rules(documents.One("NetworkPolicy", Operator), "ingress")[0]["from"]!.AsArray()[^1]!["podSelector"]!["matchLabels"]!.AsObject();
        Assert.All(documents.OfKind("Pod"), pod => Assert.All(peer, pair => Assert.Equal((string?)pair.Value, (string?)pod["metadata"]!["labels"]![pair.Key])));
    }

    [Fact]
    public async Task The_values_of_the_page_on_network_policies_say_what_it_says()
    {
        var page = House.Read("docs", "tasks", "network-policies.md");
        var values = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(values, page.Split("```yaml\n")[1].Split("```")[0], TestContext.Current.CancellationToken);
            var policies = await PoliciesAsync(values);
            Assert.Equal(["[53,53]", "[443,6443]", "[4317]"], Rules(policies.One("NetworkPolicy", Operator), "egress").Select(Ports));
            Assert.Equal(["[53,53]", "[9000]", "[3128]", "[4317]"], Rules(policies.One("NetworkPolicy", Workers), "egress").Select(Ports));
            Assert.All(policies.SelectMany(policy => Rules(policy, "egress")), rule => Assert.NotEmpty(rule["to"]!.AsArray()));
        }
        finally
        {
            File.Delete(values);
        }
    }

    private const string Names = """{"ports":[{"port":53,"protocol":"UDP"},{"port":53,"protocol":"TCP"}]}""";

    private static readonly string[] Closed = ["networkPolicy.enabled=true", "networkPolicy.workers.namespaces={photos}"];

    private static async Task<IReadOnlyList<JsonObject>> PoliciesAsync(string? values = null, params string[] set) =>
        [.. (await HelmTool.RenderAsync(values, values is null ? [.. Closed, .. set] : set)).OfKind("NetworkPolicy")];

    private static List<JsonObject> Rules(JsonObject policy, string direction) => [.. policy["spec"]![direction]!.AsArray().Select(rule => rule!.AsObject())];

    private static string Ports(JsonObject rule) => new JsonArray([.. rule["ports"]!.AsArray().Select(port => port!["port"]!.DeepClone())]).Canonical();
}
