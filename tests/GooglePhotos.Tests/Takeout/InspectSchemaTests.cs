using System.Text.Json;
using GooglePhotos.Takeout.Inspection;
using GooglePhotos.Takeout.Pairing;
using TakeoutGenerator;

namespace GooglePhotos.Tests.Takeout;

public sealed class InspectSchemaTests
{
    [Fact]
    public async Task Every_member_and_word_of_the_report_is_documented()
    {
        using TemporaryFolder folder = new();
        GeneratedLibraryTests.Generate(folder, "en", ArchiveFormat.Zip, 60);
        InspectReport report = await InspectorTests.InspectAsync(folder);
        using MemoryStream json = new();
        await report.WriteAsync(json, TestContext.Current.CancellationToken);
        string documentation = await File.ReadAllTextAsync(Documentation(), TestContext.Current.CancellationToken);

        using JsonDocument document = JsonDocument.Parse(json.ToArray());
        HashSet<string> members = [];
        foreach (JsonProperty member in document.RootElement.EnumerateObject())
        {
            members.Add(member.Name);
            JsonElement sample = member.Value.ValueKind == JsonValueKind.Array && member.Value.GetArrayLength() > 0 ? member.Value[0] : member.Value;
            if (sample.ValueKind == JsonValueKind.Object && member.Name is not ("pairs" or "reasons"))
            {
                members.UnionWith(sample.EnumerateObject().Select(p => p.Name));
            }
        }

        Assert.All(members.Concat(Enum.GetNames<PairReason>().Select(n => char.ToLowerInvariant(n[0]) + n[1..])),
            name => Assert.Contains($"`{name}`", documentation, StringComparison.Ordinal));
        Assert.Equal(report.Pairs.Count, document.RootElement.GetProperty("pairs").EnumerateObject().Count());
    }

    private static string Documentation()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "KlosetOperator.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return Path.Combine(folder!, "docs", "reference", "takeout-inspect.md");
    }
}
