using System.Text.Json.Nodes;

namespace Charts.Tests.Docs;

public sealed class NoticesTests
{
    [Theory]
    [InlineData("operator/KlosetOperator")]
    [InlineData("worker/KlosetWorker")]
    public void Every_package_of_others_that_is_shipped_is_named_with_its_licence(string project)
    {
        var page = House.Read("docs", "third-party-licences.md");
        var locked = JsonNode.Parse(House.Read(project, "packages.lock.json"))!["dependencies"]!.AsObject()
            .SelectMany(framework => framework.Value!.AsObject())
            .Where(package => (string?)package.Value!["type"] != "Project" && package.Key != "Microsoft.CodeAnalysis.BannedApiAnalyzers")
            .ToList();
        Assert.NotEmpty(locked);
        Assert.All(locked, package =>
        {
            var version = (string?)package.Value!["resolved"];
            var row = page.Split('\n').FirstOrDefault(line => line.StartsWith($"| [{package.Key}](", StringComparison.OrdinalIgnoreCase) || line.StartsWith($"| {package.Key} |", StringComparison.OrdinalIgnoreCase));
            Assert.True(row is not null && row.Contains($"| {version} |", StringComparison.Ordinal), $"{package.Key} {version} is not in docs/third-party-licences.md: run `make notices` and commit the result.");
        });
    }
}
