using System.Text.Json.Nodes;
using DevCluster.Json;
using DevCluster.Resources;

namespace DevCluster.Api;

/// <summary>What is served, in the two forms that clients ask for.</summary>
internal sealed class Discovery(ResourceCatalog catalog)
{
    public const string AggregatedContentType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

    /// <summary>Group versions that serve only reviews, which are answered and not stored.</summary>
    private static readonly (string Group, string Version, string Plural, string Kind, bool Namespaced)[] Reviews =
    [
        ("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", false),
        ("authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", false),
        ("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", false),
        ("authorization.k8s.io", "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview", true),
        ("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", false),
        ("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", false),
    ];

    public static bool IsReview(string group, string plural, out string kind)
    {
        kind = Reviews.FirstOrDefault(review => review.Group == group && review.Plural == plural).Kind ?? "";
        return kind.Length > 0;
    }

    public static JsonObject CoreVersions() => new() { ["kind"] = "APIVersions", ["versions"] = new JsonArray("v1"), ["serverAddressByClientCIDRs"] = new JsonArray() };

    public JsonObject Groups() => new()
    {
        ["kind"] = "APIGroupList",
        ["apiVersion"] = "v1",
        ["groups"] = new JsonArray([.. GroupNames().Select(group => (JsonNode)Group(group)!)]),
    };

    public JsonObject? Group(string group)
    {
        var versions = Versions(group).ToArray();
        if (versions.Length == 0 || group.Length == 0)
        {
            return null;
        }

        JsonNode Version(string version) => new JsonObject { ["groupVersion"] = $"{group}/{version}", ["version"] = version };
        return new JsonObject
        {
            ["kind"] = "APIGroup",
            ["apiVersion"] = "v1",
            ["name"] = group,
            ["versions"] = new JsonArray([.. versions.Select(Version)]),
            ["preferredVersion"] = Version(versions[0]),
        };
    }

    public JsonObject? Resources(string group, string version)
    {
        var list = new JsonArray();
        foreach (var type in Types(group, version))
        {
            list.Add(new JsonObject
            {
                ["name"] = type.Plural,
                ["singularName"] = type.Singular,
                ["namespaced"] = type.Namespaced,
                ["kind"] = type.Kind,
                ["verbs"] = JsonAccess.TextArray(type.Verbs),
                ["shortNames"] = JsonAccess.TextArray(type.ShortNames),
                ["categories"] = JsonAccess.TextArray(type.Categories),
            });
            foreach (var (name, verbs) in Subresources(type))
            {
                list.Add(new JsonObject
                {
                    ["name"] = $"{type.Plural}/{name}",
                    ["singularName"] = "",
                    ["namespaced"] = type.Namespaced,
                    ["kind"] = type.Kind,
                    ["verbs"] = JsonAccess.TextArray(verbs),
                });
            }
        }

        foreach (var review in Reviews.Where(review => review.Group == group && review.Version == version))
        {
            list.Add(new JsonObject
            {
                ["name"] = review.Plural,
                ["singularName"] = review.Kind.ToLowerInvariant(),
                ["namespaced"] = review.Namespaced,
                ["kind"] = review.Kind,
                ["verbs"] = new JsonArray("create"),
            });
        }

        return list.Count == 0 ? null : new JsonObject
        {
            ["kind"] = "APIResourceList",
            ["apiVersion"] = "v1",
            ["groupVersion"] = group.Length == 0 ? version : $"{group}/{version}",
            ["resources"] = list,
        };
    }

    public JsonObject Aggregated(bool core) => new()
    {
        ["kind"] = "APIGroupDiscoveryList",
        ["apiVersion"] = "apidiscovery.k8s.io/v2",
        ["metadata"] = new JsonObject(),
        ["items"] = new JsonArray([.. (core ? [""] : GroupNames()).Select(group => (JsonNode)new JsonObject
        {
            ["metadata"] = group.Length == 0 ? new JsonObject() : new JsonObject { ["name"] = group },
            ["versions"] = new JsonArray([.. Versions(group).Select(version => (JsonNode)new JsonObject
            {
                ["version"] = version,
                ["freshness"] = "Current",
                ["resources"] = new JsonArray([.. AggregatedResources(group, version)]),
            })]),
        })]),
    };

    private IEnumerable<JsonNode?> AggregatedResources(string group, string version)
    {
        JsonObject Kind(string kind) => new() { ["group"] = group, ["version"] = version, ["kind"] = kind };
        foreach (var type in Types(group, version))
        {
            var resource = new JsonObject
            {
                ["resource"] = type.Plural,
                ["responseKind"] = Kind(type.Kind),
                ["scope"] = type.Namespaced ? "Namespaced" : "Cluster",
                ["singularResource"] = type.Singular,
                ["verbs"] = JsonAccess.TextArray(type.Verbs),
                ["shortNames"] = JsonAccess.TextArray(type.ShortNames),
                ["categories"] = JsonAccess.TextArray(type.Categories),
            };
            var below = new JsonArray([.. Subresources(type).Select(sub => (JsonNode)new JsonObject
            {
                ["subresource"] = sub.Name,
                ["responseKind"] = Kind(type.Kind),
                ["verbs"] = JsonAccess.TextArray(sub.Verbs),
            })]);
            if (below.Count > 0)
            {
                resource["subresources"] = below;
            }

            yield return resource;
        }

        foreach (var review in Reviews.Where(review => review.Group == group && review.Version == version))
        {
            yield return new JsonObject
            {
                ["resource"] = review.Plural,
                ["responseKind"] = Kind(review.Kind),
                ["scope"] = review.Namespaced ? "Namespaced" : "Cluster",
                ["singularResource"] = review.Kind.ToLowerInvariant(),
                ["verbs"] = new JsonArray("create"),
            };
        }
    }

    private static IEnumerable<(string Name, string[] Verbs)> Subresources(ResourceType type)
    {
        if (type.HasStatus)
        {
            yield return ("status", ["get", "patch", "update"]);
        }

        if (type.QualifiedName == "pods")
        {
            yield return ("log", ["get"]);
        }
    }

    private IEnumerable<ResourceType> Types(string group, string version) =>
        catalog.All.Where(type => type.Group == group && type.Version == version).OrderBy(type => type.Plural, StringComparer.Ordinal);

    private string[] GroupNames() =>
        [.. catalog.All.Select(type => type.Group).Concat(Reviews.Select(review => review.Group)).Where(group => group.Length > 0).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    private IEnumerable<string> Versions(string group) =>
        catalog.All.Where(type => type.Group == group).Select(type => type.Version)
            .Concat(Reviews.Where(review => review.Group == group).Select(review => review.Version)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);
}
