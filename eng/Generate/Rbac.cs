using System.Reflection;
using KlosetOperator.Api;
using KlosetOperator.Api.Schema;

namespace Generate;

/// <summary>The roles that the operator needs, from the attributes beside the code that uses them, and the roles for tenants.</summary>
internal static class Rbac
{
    private const string Name = "kloset-operator";
    private const string Namespace = "kloset-system";

    public static IEnumerable<GeneratedFile> Files()
    {
        var needs = Assembly.Load("KlosetOperator").GetTypes()
            .SelectMany(type => type.GetCustomAttributes<EntityRbacAttribute>())
            .ToList();
        var everywhere = Rules(needs.Where(need => !need.InOwnNamespace));
        var own = Rules(needs.Where(need => need.InOwnNamespace));
        yield return new("config/rbac/operator.yaml", Documents(
            Map(("apiVersion", "v1"), ("kind", "ServiceAccount"), ("metadata", Metadata(Name, Namespace)), ("automountServiceAccountToken", false)),
            Map(("apiVersion", "rbac.authorization.k8s.io/v1"), ("kind", "ClusterRole"), ("metadata", Metadata(Name)), ("rules", everywhere)),
            Binding("ClusterRoleBinding", Name, null, "ClusterRole", Name),
            Map(("apiVersion", "rbac.authorization.k8s.io/v1"), ("kind", "Role"), ("metadata", Metadata($"{Name}-leader", Namespace)), ("rules", own)),
            Binding("RoleBinding", $"{Name}-leader", Namespace, "Role", $"{Name}-leader")));
        yield return new("config/rbac/tenants.yaml", Documents(
            Tenant("view", ["get", "list", "watch"]), Tenant("edit", ["create", "delete", "deletecollection", "patch", "update"])));
        yield return new("config/rbac/kustomization.yaml", Yaml.Header + Yaml.Write(Map(
            ("apiVersion", "kustomize.config.k8s.io/v1beta1"), ("kind", "Kustomization"), ("resources", new List<object> { "operator.yaml", "tenants.yaml" }))));

        // The chart adds what depends on its values: the names of namespaces, and Secrets or not. One rule a resource makes that easy.
        yield return new("charts/kloset-operator/files/rbac/rules.yaml", Yaml.Header + Yaml.Write(Map(
            ("rules", needs.Where(need => !need.InOwnNamespace && need.ResourceNames.Length == 0)
                .OrderBy(need => need.ApiGroup, StringComparer.Ordinal).ThenBy(need => need.Resource, StringComparer.Ordinal).GroupBy(need => need.Resource).SelectMany(Rules).ToList()))));
        yield return new("charts/kloset-operator/files/rbac/lease.yaml", Yaml.Header + Yaml.Write(Map(("rules", own))));
    }

    /// <summary>One rule for each set of verbs and names in a group, so that nothing is allowed that is not needed.</summary>
    private static List<object> Rules(IEnumerable<EntityRbacAttribute> needs) =>
    [
        .. needs
            .GroupBy(need => (need.ApiGroup, need.Resource, Names: string.Join(',', need.ResourceNames)))
            .Select(group => (group.Key.ApiGroup, group.Key.Resource, group.First().ResourceNames, Verbs: Verbs(group.Aggregate(RbacVerb.None, (all, need) => all | need.Verbs))))
            .GroupBy(rule => (rule.ApiGroup, Verbs: string.Join(',', rule.Verbs), Names: string.Join(',', rule.ResourceNames)))
            .OrderBy(group => group.Key.ApiGroup, StringComparer.Ordinal).ThenBy(group => group.Min(rule => rule.Resource), StringComparer.Ordinal)
            .Select(object (group) =>
            {
                var rule = Map(
                    ("apiGroups", new List<object> { group.Key.ApiGroup }),
                    ("resources", group.Select(one => one.Resource).Order(StringComparer.Ordinal).ToList<object>()));
                if (group.Key.Names.Length > 0)
                {
                    rule["resourceNames"] = group.First().ResourceNames.ToList<object>();
                }

                rule["verbs"] = group.First().Verbs.ToList<object>();
                return rule;
            }),
    ];

    private static List<string> Verbs(RbacVerb verbs) =>
        [.. Enum.GetValues<RbacVerb>().Where(verb => verb != RbacVerb.None && verbs.HasFlag(verb)).Select(verb => verb.ToString().ToLowerInvariant())];

    /// <summary>Kubernetes adds these to its own roles view, edit and admin.</summary>
    private static Dictionary<string, object> Tenant(string role, List<object> verbs)
    {
        var metadata = Metadata($"{Name}-{role}");
        var labels = (Dictionary<string, object>)metadata["labels"];
        foreach (var target in role == "view" ? new[] { "view", "edit", "admin" } : ["edit", "admin"])
        {
            labels[$"rbac.authorization.k8s.io/aggregate-to-{target}"] = "true";
        }

        return Map(
            ("apiVersion", "rbac.authorization.k8s.io/v1"), ("kind", "ClusterRole"), ("metadata", metadata),
            ("rules", new List<object>
            {
                Map(
                    ("apiGroups", new List<object> { ApiGroup.Name }),
                    ("resources", new List<object> { "klosetrepositories", "photobackups", "photorestores" }),
                    ("verbs", verbs)),
            }));
    }

    private static Dictionary<string, object> Binding(string kind, string name, string? @namespace, string roleKind, string role) => Map(
        ("apiVersion", "rbac.authorization.k8s.io/v1"), ("kind", kind), ("metadata", Metadata(name, @namespace)),
        ("roleRef", Map(("apiGroup", "rbac.authorization.k8s.io"), ("kind", roleKind), ("name", role))),
        ("subjects", new List<object> { Map(("kind", "ServiceAccount"), ("name", Name), ("namespace", Namespace)) }));

    private static Dictionary<string, object> Metadata(string name, string? @namespace = null)
    {
        var metadata = Map(("name", name));
        if (@namespace is not null)
        {
            metadata["namespace"] = @namespace;
        }

        metadata["labels"] = Map((Labels.Name, Name), (Labels.PartOf, Name));
        return metadata;
    }

    private static Dictionary<string, object> Map(params (string Key, object Value)[] entries) => entries.ToDictionary(entry => entry.Key, entry => entry.Value);

    private static string Documents(params Dictionary<string, object>[] documents) => Yaml.Header + string.Join("---\n", documents.Select(Yaml.Write));
}
