using System.Text.Json.Nodes;
using ControlPlane;

namespace Charts.Tests.Upgrade;

/// <summary>
/// What was stored under earlier definitions stays valid, and means the same, under today's. `tests/fixtures/definitions` holds a folder
/// for each earlier state; a release adds its own.
/// </summary>
public sealed class StoredObjectsTests
{
    public static TheoryData<string> Earlier() =>
        new(Directory.GetDirectories(Path.Combine(House.Root, "tests", "fixtures", "definitions")).Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Earlier))]
    public async Task Objects_of_earlier_definitions_outlive_an_upgrade(string state)
    {
        var kubectl = Command.Kubectl();
        Assert.SkipWhen(RealApiServer.WhyUnavailable is not null, RealApiServer.WhyUnavailable ?? "");
        await using var server = await RealApiServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        var folder = Path.Combine(House.Root, "tests", "fixtures", "definitions", state);
        var written = Documents.Parse(await File.ReadAllTextAsync(Path.Combine(folder, "objects.yaml"), TestContext.Current.CancellationToken));

        foreach (var definition in Directory.GetFiles(folder, "kloset.dev_*.yaml"))
        {
            await KubectlAsync(["apply", "--server-side", "--filename", definition]);
        }

        await KubectlAsync(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
        await KubectlAsync(["create", "namespace", "photos"]);
        await KubectlAsync(["create", "namespace", "fresh"]);
        await KubectlAsync(["create", "--validate=strict", "--filename", "-"], List(written));
        foreach (var document in written.Where(document => document["status"] is not null))
        {
            await KubectlAsync(["patch", document.Kind(), document.Name(), "--namespace", "photos", "--subresource=status", "--type=merge", "--patch", new JsonObject { ["status"] = document["status"]!.DeepClone() }.ToJsonString()]);
        }

        var before = await StoredAsync();
        await KubectlAsync(["apply", "--server-side", "--force-conflicts", "--kustomize", Path.Combine(House.Config, "crd")]);
        await KubectlAsync(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
        var after = await StoredAsync();

        Assert.Equal(written.Count, before.Count);
        foreach (var (name, stored) in before)
        {
            AssertHolds(stored["spec"]!, after[name]["spec"]!, name + ".spec");
            if (stored["status"] is { } status)
            {
                AssertHolds(status, after[name]["status"]!, name + ".status");
            }
        }

        // Stored values that did not change are forgiven, so validity shows only where an object is new.
        await KubectlAsync(["create", "--dry-run=server", "--validate=strict", "--filename", "-"], List([.. after.Values.Select(InAnotherNamespace)]));
        await KubectlAsync(["replace", "--filename", "-"], List([.. after.Values]));

        async Task<Dictionary<string, JsonObject>> StoredAsync() =>
            JsonNode.Parse(await KubectlAsync(["get", "kloset", "--namespace", "photos", "-o", "json"]))!["items"]!.AsArray()
                .Select(item => item!.AsObject()).ToDictionary(item => $"{item.Kind()} {item.Name()}");

        async Task<string> KubectlAsync(IEnumerable<string> arguments, string? input = null) =>
            (await Command.RunAsync(kubectl, ["--kubeconfig", server.KubeconfigPath, .. arguments], input)).OrFail();
    }

    /// <summary>Everything that was there is there unchanged; new fields may have defaults.</summary>
    private static void AssertHolds(JsonNode expected, JsonNode? actual, string path)
    {
        if (expected is JsonObject map && actual is JsonObject other)
        {
            foreach (var (name, value) in map)
            {
                AssertHolds(value!, other[name], $"{path}.{name}");
            }
        }
        else
        {
            Assert.True(expected.Canonical() == actual.Canonical(), $"{path}: {expected.Canonical()} became {actual.Canonical()}");
        }
    }

    private static JsonObject InAnotherNamespace(JsonObject stored) => new()
    {
        ["apiVersion"] = (string)stored["apiVersion"]!,
        ["kind"] = stored.Kind(),
        ["metadata"] = new JsonObject { ["name"] = stored.Name(), ["namespace"] = "fresh" },
        ["spec"] = stored["spec"]!.DeepClone(),
    };

    private static string List(IReadOnlyList<JsonObject> documents) => new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "List",
        ["items"] = new JsonArray([.. documents.Select(document => document.DeepClone())]),
    }.ToJsonString();
}
