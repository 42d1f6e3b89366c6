using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Charts.Tests.Helm;

public sealed partial class ChartTests
{
    /// <summary>The files of values that stand for the ways in which the chart is used.</summary>
    public static TheoryData<string> Combinations() =>
        new(Directory.GetFiles(Path.Combine(House.Chart, "ci"), "*.yaml").Select(file => Path.GetRelativePath(House.Chart, file)).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Combinations))]
    public async Task Helm_finds_nothing_to_complain_about(string values)
    {
        var lint = await HelmTool.RunAsync("lint", House.Chart, "--strict", "--values", Path.Combine(House.Chart, values));
        Assert.True(lint.ExitCode == 0, lint.Output + lint.Error);
    }

    [Theory]
    [MemberData(nameof(Combinations))]
    public async Task Every_pod_keeps_to_the_restricted_Pod_Security_Standard(string values)
    {
        var documents = await HelmTool.RenderAsync(values);
        var pods = documents.OfKind("Deployment").Select(deployment => deployment["spec"]!["template"]!["spec"]!)
            .Concat(documents.OfKind("Pod").Select(pod => pod["spec"]!)).ToList();
        Assert.NotEmpty(pods);
        Assert.All(pods, pod =>
        {
            Assert.True((bool)pod["securityContext"]!["runAsNonRoot"]!);
            Assert.Equal("RuntimeDefault", (string?)pod["securityContext"]!["seccompProfile"]!["type"]);
            Assert.Null(pod["hostNetwork"]);
            Assert.False((bool)pod["enableServiceLinks"]!);
            Assert.All(pod["containers"]!.AsArray(), container =>
            {
                var context = container!["securityContext"]!;
                Assert.False((bool)context["allowPrivilegeEscalation"]!);
                Assert.True((bool)context["readOnlyRootFilesystem"]!);
                Assert.Equal("""["ALL"]""", context["capabilities"]!["drop"].Canonical());
            });
        });
    }

    [Theory]
    [MemberData(nameof(Combinations))]
    public async Task Every_object_says_whose_it_is(string values)
    {
        var documents = await HelmTool.RenderAsync(values);
        Assert.All(
            documents.Where(document => document.Kind() != "CustomResourceDefinition" && !document.Name().EndsWith("-extra", StringComparison.Ordinal) && !document.Name().EndsWith("-text", StringComparison.Ordinal)),
            document => Assert.Equal("kloset-operator", (string?)document["metadata"]!["labels"]!["app.kubernetes.io/part-of"]));
    }

    [Fact]
    public async Task Definitions_are_the_generated_ones_and_outlive_the_chart()
    {
        var definitions = (await HelmTool.RenderAsync()).OfKind("CustomResourceDefinition").ToDictionary(Documents.Name);
        Assert.Equal(3, definitions.Count);
        foreach (var file in Directory.GetFiles(Path.Combine(House.Config, "crd"), "kloset.dev_*.yaml"))
        {
            var generated = Documents.ParseOne(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
            var rendered = definitions[generated.Name()];
            Assert.Equal("keep", (string?)rendered["metadata"]!["annotations"]!["helm.sh/resource-policy"]);
            rendered["metadata"]!.AsObject().Remove("annotations");
            Assert.Equal(generated.Canonical(), rendered.Canonical());
        }
    }

    [Fact]
    public async Task Definitions_can_go_with_the_chart_or_be_left_out()
    {
        Assert.All((await HelmTool.RenderAsync(null, "crds.keep=false")).OfKind("CustomResourceDefinition"), definition => Assert.Null(definition["metadata"]!["annotations"]));
        Assert.Empty((await HelmTool.RenderAsync(null, "crds.enabled=false")).OfKind("CustomResourceDefinition"));
    }

    [Fact]
    public async Task In_namespaced_mode_nothing_of_the_clusters_scope_is_created_and_Secrets_stay_unseen()
    {
        var documents = await HelmTool.RenderAsync("ci/namespaced-values.yaml");
        Assert.DoesNotContain(documents, document => document.Kind() is "ClusterRole" or "ClusterRoleBinding" or "CustomResourceDefinition");
        Assert.Equal(["alice", "bob"], Namespaces("Role"));
        Assert.Equal(["alice", "bob"], Namespaces("RoleBinding"));
        Assert.Equal(["alice", "bob"], documents.OfKind("NetworkPolicy").Where(policy => policy.Name().EndsWith("-workers", StringComparison.Ordinal)).Select(Namespace).Order());
        Assert.All(documents.OfKind("Role"), role => Assert.DoesNotContain(role["rules"]!.AsArray(), rule => Has(rule, "secrets") || Has(rule, "namespaces")));
        Assert.Equal("alice,bob", Variables(documents)["KLOSET_NAMESPACES"]);
        Assert.Equal("off", Variables(documents)["KLOSET_SECRET_WATCH"]);

        IEnumerable<string> Namespaces(string kind) => documents.OfKind(kind).Where(document => document.Name() == "kloset-operator").Select(Namespace).Order();
    }

    [Fact]
    public async Task The_operator_may_never_get_or_write_a_Secret()
    {
        var rules = (await HelmTool.RenderAsync()).One("ClusterRole", "kloset-operator")["rules"]!.AsArray();
        var secrets = Assert.Single(rules, rule => Has(rule, "secrets"))!;
        Assert.Equal("""["list","watch"]""", secrets["verbs"].Canonical());
        Assert.DoesNotContain(rules, rule => rule!["verbs"]!.AsArray().Any(verb => (string?)verb == "*") || Has(rule, "*"));
    }

    [Fact]
    public async Task A_named_cluster_needs_no_look_at_kube_system()
    {
        Assert.Contains((await HelmTool.RenderAsync()).One("ClusterRole", "kloset-operator")["rules"]!.AsArray(), rule => Has(rule, "namespaces"));
        Assert.DoesNotContain((await HelmTool.RenderAsync(null, "clusterName=home")).One("ClusterRole", "kloset-operator")["rules"]!.AsArray(), rule => Has(rule, "namespaces"));
    }

    [Fact]
    public async Task A_digest_wins_over_a_tag()
    {
        var documents = await HelmTool.RenderAsync("ci/everything-values.yaml");
        Assert.Equal(
            "registry.example.net/kloset-operator@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            (string?)Container(documents)["image"]);
        Assert.Equal("registry.example.net/kloset-worker:0.1.0", Variables(documents)["KLOSET_WORKER_IMAGE"]);
        Assert.Equal("registry.example.net/kloset-worker-restore:0.1.0-debug", Variables(documents)["KLOSET_WORKER_RESTORE_IMAGE"]);
    }

    [Fact]
    public async Task Two_replicas_keep_apart_and_may_leave_one_at_a_time()
    {
        Assert.Empty((await HelmTool.RenderAsync()).OfKind("PodDisruptionBudget"));
        var two = await HelmTool.RenderAsync(null, "replicas=2");
        Assert.Equal(1, (long)two.One("PodDisruptionBudget")["spec"]!["maxUnavailable"]!);
        Assert.NotNull(two.One("Deployment")["spec"]!["template"]!["spec"]!["affinity"]!["podAntiAffinity"]);
    }

    [Fact]
    public async Task Scraping_leaves_the_namespace_of_a_backup_alone()
    {
        var service = (await HelmTool.RenderAsync(null, "metrics.serviceMonitor.enabled=true")).One("ServiceMonitor");
        Assert.True((bool)Assert.Single(service["spec"]!["endpoints"]!.AsArray())!["honorLabels"]!);
        var pod = (await HelmTool.RenderAsync("ci/namespaced-values.yaml")).One("PodMonitor");
        Assert.True((bool)Assert.Single(pod["spec"]!["podMetricsEndpoints"]!.AsArray())!["honorLabels"]!);
    }

    [Fact]
    public async Task Alerts_name_their_runbooks_and_can_be_left_out_one_by_one()
    {
        var all = Rules(await HelmTool.RenderAsync(null, "prometheusRule.enabled=true"));
        var some = Rules(await HelmTool.RenderAsync("ci/everything-values.yaml"));
        Assert.Equal(["PhotoBackupIncomplete"], all.Keys.Except(some.Keys));
        Assert.All(some, rule =>
        {
            Assert.Equal($"https://docs.example.net/runbooks/{rule.Key}.md", (string?)rule.Value["annotations"]!["runbook_url"]);
            Assert.Equal("storage", (string?)rule.Value["labels"]!["team"]);
        });

        static Dictionary<string, JsonObject> Rules(IEnumerable<JsonObject> documents) =>
            documents.One("PrometheusRule")["spec"]!["groups"]!.AsArray().SelectMany(group => group!["rules"]!.AsArray()).ToDictionary(rule => (string)rule!["alert"]!, rule => rule!.AsObject());
    }

    [Theory]
    [InlineData("replicaCount=2")]
    [InlineData("secretWatch=everything")]
    [InlineData("image.digest=latest")]
    [InlineData("watchNamespaces={Photos}")]
    [InlineData("worker.maxJobs=0")]
    [InlineData("metrics.port=80")]
    public async Task Values_that_mean_nothing_are_refused(string set)
    {
        var result = await HelmTool.TemplateAsync(null, set);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("values don't meet the specifications of the schema", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_version_is_written_once_and_the_chart_follows()
    {
        var version = VersionPrefix().Match(House.Read("Directory.Version.props")).Groups[1].Value;
        var chart = Documents.ParseOne(House.Read("charts", "kloset-operator", "Chart.yaml"));
        Assert.Equal(version, (string?)chart["version"]);
        Assert.Equal(version, (string?)chart["appVersion"]);
        Assert.All(ImageTag().Matches((string)chart["annotations"]!["artifacthub.io/images"]!), image => Assert.Equal(version, image.Groups[1].Value));
    }

    private static JsonObject Container(IEnumerable<JsonObject> documents) =>
        Assert.Single(documents.One("Deployment")["spec"]!["template"]!["spec"]!["containers"]!.AsArray())!.AsObject();

    private static Dictionary<string, string?> Variables(IEnumerable<JsonObject> documents) =>
        Container(documents)["env"]!.AsArray().ToDictionary(variable => (string)variable!["name"]!, variable => (string?)variable!["value"]);

    private static string Namespace(JsonObject document) => (string)document["metadata"]!["namespace"]!;

    private static bool Has(JsonNode? rule, string resource) => rule!["resources"]!.AsArray().Any(name => (string?)name == resource);

    [GeneratedRegex("<VersionPrefix>(.*)</VersionPrefix>")]
    private static partial Regex VersionPrefix();

    [GeneratedRegex(@"image: \S+:(\S+)")]
    private static partial Regex ImageTag();
}
