using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Charts.Tests.Helm;

namespace Charts.Tests.Alerts;

public sealed partial class AlertTests
{
    private static readonly string Source = Path.Combine("charts", "kloset-operator", "files", "alerts.yaml");
    private static readonly string Series = Path.Combine("tests", "Charts.Tests", "Alerts", "alerts.test.yaml");

    /// <summary>Names in expressions that are not of this project.</summary>
    private static readonly string[] NotOurs = ["up"];

    [Fact]
    public async Task Prometheus_lets_every_alert_fire_and_stay_quiet()
    {
        var promtool = Command.Find("promtool");
        Assert.SkipWhen(promtool is null, "promtool is not on PATH (Debian's package prometheus has it)");
        var rendered = (await HelmTool.RenderAsync(null, "prometheusRule.enabled=true")).One("PrometheusRule");
        var folder = Directory.CreateTempSubdirectory("alerts-");
        try
        {
            var rules = Path.Combine(folder.FullName, "rules.json");
            await File.WriteAllTextAsync(rules, new JsonObject { ["groups"] = rendered["spec"]!["groups"]!.DeepClone() }.ToJsonString(), TestContext.Current.CancellationToken);
            var test = Path.Combine(folder.FullName, "alerts.test.yaml");
            File.Copy(Path.Combine(House.Root, Series), test);
            (await Command.RunAsync(promtool!, ["check", "rules", rules])).OrFail();
            (await Command.RunAsync(promtool!, ["test", "rules", test])).OrFail();
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void No_alert_is_without_a_series_that_fires_it_and_one_that_does_not()
    {
        var tests = Documents.ParseOne(House.Read(Series))["tests"]!.AsArray().SelectMany(test => test!["alert_rule_test"]!.AsArray()).ToList();
        Assert.Equal(Alerts(), Named(expected => expected.Count > 0));
        Assert.Equal(Alerts(), Named(expected => expected.Count == 0));

        IEnumerable<string> Named(Func<JsonArray, bool> which) =>
            tests.Where(test => which(test!["exp_alerts"]!.AsArray())).Select(test => (string)test!["alertname"]!).Distinct().Order(StringComparer.Ordinal);
    }

    [Fact]
    public void Every_alert_has_a_runbook_and_no_runbook_is_left_over()
    {
        var pages = Directory.GetFiles(Path.Combine(House.Docs, "runbooks"), "*.md").Select(Path.GetFileNameWithoutExtension).Where(name => name != "README");
        Assert.Equal(Alerts(), pages.Order(StringComparer.Ordinal));
        Assert.All(Alerts(), alert =>
        {
            var page = House.Read("docs", "runbooks", alert + ".md");
            Assert.All(["# " + alert, "## What it means", "## What it does to you", "## Looking closer", "## What to do"], heading => Assert.Contains(heading + "\n", page, StringComparison.Ordinal));
            Assert.Contains($"[{alert}]({alert}.md)", House.Read("docs", "runbooks", "README.md"), StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Alerts_and_dashboard_ask_only_for_metrics_that_the_operator_has()
    {
        var sources = string.Concat(
            Directory.GetFiles(Path.Combine(House.Root, "operator"), "*Metrics.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        var known = MetricInCode().Matches(sources).Select(match => match.Groups[1].Value).ToHashSet();
        Assert.NotEmpty(known);
        var asked = Expressions().SelectMany(expression => MetricInExpression().Matches(Text().Replace(expression, "")).Select(match => match.Value)).Except(NotOurs)
            .Select(name => HistogramPart().Replace(name, "")).Distinct().ToList();
        Assert.NotEmpty(asked);
        Assert.Empty(asked.Except(known));
    }

    private static IEnumerable<string> Alerts() => Rules().Select(rule => (string)rule["alert"]!).Order(StringComparer.Ordinal);

    private static IEnumerable<JsonObject> Rules() =>
        Documents.ParseOne(House.Read(Source))["groups"]!.AsArray().SelectMany(group => group!["rules"]!.AsArray()).Select(rule => rule!.AsObject());

    private static IEnumerable<string> Expressions()
    {
        var dashboard = JsonNode.Parse(House.Read("charts", "kloset-operator", "files", "dashboards", "kloset-operator.json"))!;
        return Rules().Select(rule => (string)rule["expr"]!)
            .Concat(dashboard["panels"]!.AsArray().SelectMany(panel => panel!["targets"]?.AsArray() ?? []).Select(target => (string)target!["expr"]!));
    }

    [GeneratedRegex("\"([a-z]+_[a-z_]+)\"")]
    private static partial Regex MetricInCode();

    [GeneratedRegex(@"\b(photos|workqueue|controller_runtime|leader_election|rest_client|reflector|process|dotnet)_[a-z_]+\b|\bup\b")]
    private static partial Regex MetricInExpression();

    [GeneratedRegex("\"[^\"]*\"")]
    private static partial Regex Text();

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex HistogramPart();
}
