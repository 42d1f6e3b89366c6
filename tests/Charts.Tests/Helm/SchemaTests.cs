using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using k8s;
using k8s.Models;

namespace Charts.Tests.Helm;

/// <summary>
/// What is rendered against the types that are generated from Kubernetes' OpenAPI schema, where no API server is at hand: no unknown field, no
/// value of another type. Definitions of others than Kubernetes have no types here.
/// </summary>
public sealed class SchemaTests
{
    private static readonly Dictionary<string, Type> Types = typeof(V1Pod).Assembly.GetTypes()
        .Where(type => type.GetCustomAttributes(typeof(KubernetesEntityAttribute), inherit: false).Length > 0)
        .Select(type => (Type: type, Entity: (KubernetesEntityAttribute)type.GetCustomAttributes(typeof(KubernetesEntityAttribute), inherit: false)[0]))
        .GroupBy(pair => $"{(pair.Entity.Group.Length == 0 ? "" : pair.Entity.Group + "/")}{pair.Entity.ApiVersion} {pair.Entity.Kind}")
        .ToDictionary(group => group.Key, group => group.First().Type);

    [Theory]
    [MemberData(nameof(ChartTests.Combinations), MemberType = typeof(ChartTests))]
    public async Task Every_field_that_the_chart_renders_is_one_of_Kubernetes(string values) => Check(await HelmTool.RenderAsync(values));

    [Fact]
    public async Task Every_field_in_config_is_one_of_Kubernetes() =>
        Check(Documents.Parse((await Command.RunAsync(Command.Kubectl(), ["kustomize", House.Config])).OrFail()));

    [Theory]
    [InlineData("""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"a","imagee":"b"}]}}""")]
    [InlineData("""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":{"name":"a"}}}""")]
    [InlineData("""{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a"},"spec":{"replicas":"two"}}""")]
    [InlineData("""{"apiVersion":"apps/v2","kind":"Deployment","metadata":{"name":"a"}}""")]
    public void A_wrong_field_is_found(string document) => Assert.ThrowsAny<Exception>(() => Check([JsonNode.Parse(document)!.AsObject()]));

    private static void Check(IEnumerable<JsonObject> documents)
    {
        var options = Strict();
        foreach (var document in documents)
        {
            var kind = $"{document["apiVersion"]} {document.Kind()}";
            if (kind.Contains("monitoring.coreos.com", StringComparison.Ordinal))
            {
                continue;
            }

            Assert.True(Types.TryGetValue(kind, out var type), $"There is no {kind}.");
            Assert.NotNull(document.Deserialize(type!, options));
        }
    }

    /// <summary>The client's own options, which know quantities and times, but with unknown members refused.</summary>
    private static JsonSerializerOptions Strict()
    {
        JsonSerializerOptions? ours = null;
        KubernetesJson.AddJsonOptions(options => ours = new JsonSerializerOptions(options));
        return new JsonSerializerOptions(ours!) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };
    }
}
