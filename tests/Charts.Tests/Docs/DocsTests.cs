using System.Reflection;
using System.Text.RegularExpressions;
using Charts.Tests.Helm;
using KlosetOperator.Api;
using KlosetWorker.Contract;

namespace Charts.Tests.Docs;

/// <summary>What the docs say can be followed.</summary>
public sealed partial class DocsTests(ServerFixture server)
{
    /// <summary>Errors of a person's own command line, which is answered there and then.</summary>
    private static readonly HashSet<string> CommandLineOnly =
    [
        "Cancelled", "InternalError", "InvalidArguments", "InvalidLocation", "PassphraseNeeded", "PathNotFound", "Paused", "RepositoryExists",
        "RunNotFound", "SnapshotAmbiguous", "SnapshotPinned",
    ];

    /// <summary>Reasons that say that all is well, or what is being done.</summary>
    private static readonly HashSet<string> Uneventful =
    [
        "Armed", "BackingUp", "Cancelled", "Checking", "Creating", "GapAccepted", "Idle", "Initialising", "Inspecting", "Maintaining", "NoSnapshot", "NothingMissing", "NothingToDo",
        "Pending", "Progressing", "Reconciled", "RepositoryOpened", "Restoring", "Starting", "UpToDate", "WithinObjective",
    ];

    public static TheoryData<string> Pages() => new(
        Directory.GetFiles(House.Docs, "*.md", SearchOption.AllDirectories)
            .Concat(Directory.GetFiles(House.Root, "*.md"))
            .Append(Path.Combine(House.Chart, "README.md"))
            .Select(page => Path.GetRelativePath(House.Root, page)).Order(StringComparer.Ordinal));

    public static TheoryData<string> PagesWithResources() => new(Pages().Select(row => row.Data).Where(page => Resources(page).Any()));

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_link_within_the_project_leads_somewhere(string page)
    {
        var folder = Path.GetDirectoryName(Path.Combine(House.Root, page))!;
        Assert.All(
            Link().Matches(Code().Replace(House.Read(page), "")).Select(match => match.Groups[1].Value).Where(target => !target.Contains("://", StringComparison.Ordinal) && !target.StartsWith('#')),
            target => Assert.True(Path.Exists(Path.Combine(folder, target.Split('#')[0])), $"{page} links to {target}"));
    }

    [Theory]
    [MemberData(nameof(PagesWithResources))]
    public async Task The_API_server_takes_every_resource_in_the_docs(string page)
    {
        foreach (var block in Resources(page))
        {
            await server.DryRunAsync(Documents.Parse(block));
        }
    }

    [Fact]
    public async Task The_API_server_takes_the_samples_and_the_fleet()
    {
        foreach (var folder in new[] { Path.Combine(House.Config, "samples"), Path.Combine(House.Docs, "gitops", "accounts") })
        {
            var rendered = await Command.RunAsync(Command.Kubectl(), ["kustomize", folder]);
            await server.DryRunAsync(Documents.Parse(rendered.OrFail()));
        }

        await server.DryRunAsync(Documents.Parse(House.Read("config", "samples", "volume-restore.yaml")));
    }

    [Fact]
    public async Task Every_account_of_the_fleet_has_what_the_component_says()
    {
        var rendered = Documents.Parse((await Command.RunAsync(Command.Kubectl(), ["kustomize", Path.Combine(House.Docs, "gitops", "accounts")])).OrFail());
        var backups = rendered.OfKind("PhotoBackup").ToList();
        Assert.Equal(["alice", "bob"], backups.Select(Documents.Name).Order());
        Assert.All(backups, backup => Assert.Equal(24, (long)backup["spec"]!["retention"]!["keepMonthly"]!));
    }

    [Fact]
    public async Task Argo_CD_shows_red_what_is_red()
    {
        var lua = Command.Find("lua5.4") ?? Command.Find("lua");
        Assert.SkipWhen(lua is null, "lua is not on PATH (Debian's package lua5.4)");
        var test = Path.Combine(House.Root, "tests", "Charts.Tests", "Docs", "health_test.lua");
        var result = await Command.RunAsync(lua!, [test, Path.Combine(House.Docs, "gitops", "argocd", "health.lua")]);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
    }

    [Fact]
    public void Every_verb_of_kloset_in_the_docs_is_one()
    {
        var verbs = Directory.GetFiles(Path.Combine(House.Root, "worker", "KlosetWorker", "Commands"), "*.cs")
            .SelectMany(file => Verb().Matches(File.ReadAllText(file))).Select(match => match.Groups[1].Value).ToHashSet();
        Assert.Contains("backup", verbs);
        // The reference of the resources also speaks of what writes the Secrets of sources that are not there yet.
        var used = Pages().Where(row => row.Data != "docs/reference/api.md").SelectMany(row => Use().Matches(House.Read(row.Data)).Select(match => (row.Data, Verb: match.Groups[1].Value)));
        Assert.All(used, use => Assert.True(verbs.Contains(use.Verb), $"{use.Data} uses `kloset {use.Verb}`"));
    }

    [Fact]
    public void The_page_of_metrics_lists_those_that_there_are()
    {
        var sources = new[] { "operator", "worker" }
            .SelectMany(room => Directory.GetFiles(Path.Combine(House.Root, room), "*.cs", SearchOption.AllDirectories))
            .Select(File.ReadAllText).Where(source => source.Contains("_meter.Create", StringComparison.Ordinal));
        var page = Metric().Matches(House.Read("docs", "reference", "metrics.md")).Select(match => match.Groups[1].Value).Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(MetricInCode().Matches(string.Concat(sources)).Select(match => match.Groups[1].Value).Distinct().Order(StringComparer.Ordinal), page);
    }

    [Fact]
    public void Troubleshooting_speaks_of_every_error_that_a_resource_can_show()
    {
        var page = House.Read("docs", "troubleshooting.md");
        Assert.All(
            ErrorCatalogue.All.Where(error => !CommandLineOnly.Contains(error.Code) && !error.Code.StartsWith("Google", StringComparison.Ordinal)),
            error => Assert.True(page.Contains($"`{error.Code}`", StringComparison.Ordinal) || page.Contains($" {error.Code}`", StringComparison.Ordinal), $"docs/troubleshooting.md does not speak of {error.Code}: {error.Meaning}"));
    }

    [Fact]
    public void Troubleshooting_speaks_of_every_reason_that_holds_something_up()
    {
        var page = House.Read("docs", "troubleshooting.md");
        Assert.All(
            Constants(typeof(Reasons)).Where(reason => !Uneventful.Contains(reason)),
            reason => Assert.True(page.Contains(reason + "`", StringComparison.Ordinal), $"docs/troubleshooting.md does not speak of {reason}"));
    }

    [Fact]
    public void The_lists_of_what_needs_no_help_name_only_what_there_is()
    {
        Assert.Subset(ErrorCatalogue.All.Select(error => error.Code).ToHashSet(), CommandLineOnly);
        Assert.Subset(Constants(typeof(Reasons)).ToHashSet(), Uneventful);
    }

    private static IEnumerable<string> Constants(Type type) => type.GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (string)field.GetRawConstantValue()!);

    internal static IEnumerable<string> Resources(string page) =>
        YamlBlock().Matches(House.Read(page)).Select(match => match.Groups[1].Value).Where(block => block.Contains("apiVersion:", StringComparison.Ordinal));

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("```.*?```|`[^`\n]*`", RegexOptions.Singleline)]
    private static partial Regex Code();

    [GeneratedRegex(@"^```yaml\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex YamlBlock();

    [GeneratedRegex(@"(?:new|new Command|Verb)\(\s*""([a-z-]+)""")]
    private static partial Regex Verb();

    [GeneratedRegex(@"(?:^|`|\| )kloset ([a-z][a-z-]*)", RegexOptions.Multiline)]
    private static partial Regex Use();

    [GeneratedRegex("^\\| `([a-z]+_[a-z_]+)`", RegexOptions.Multiline)]
    private static partial Regex Metric();

    [GeneratedRegex("\"((?:photos|kloset_worker|controller_runtime|workqueue|rest_client|reflector|leader_election)_[a-z_]+)\"")]
    private static partial Regex MetricInCode();
}
