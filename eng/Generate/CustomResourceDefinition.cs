using System.Reflection;
using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Api.Schema;

namespace Generate;

/// <summary>The CRD of one kind.</summary>
internal static class CustomResourceDefinition
{
    public static string FileName(Type kind) => $"{ApiGroup.Name}_{Entity(kind).PluralName}.yaml";

    public static Dictionary<string, object> Build(Type kind, XmlDocs docs)
    {
        var entity = Entity(kind);
        var schemas = new SchemaBuilder(docs);
        var status = schemas.Object(kind.GetProperty("Status")!.PropertyType);
        status["default"] = new Dictionary<string, object> { ["observedGeneration"] = -1 };
        var names = new Dictionary<string, object>
        {
            ["kind"] = entity.Kind,
            ["listKind"] = entity.Kind + "List",
            ["plural"] = entity.PluralName,
            ["singular"] = entity.Kind.ToLowerInvariant(),
            ["shortNames"] = kind.GetCustomAttribute<KubernetesEntityShortNamesAttribute>()!.ShortNames.ToList<object>(),
            ["categories"] = kind.GetCustomAttribute<CategoriesAttribute>()!.Categories.ToList<object>(),
        };
        var version = new Dictionary<string, object>
        {
            ["name"] = entity.ApiVersion,
            ["served"] = true,
            ["storage"] = true,
            ["subresources"] = new Dictionary<string, object> { ["status"] = new Dictionary<string, object>() },
            ["additionalPrinterColumns"] = kind.GetCustomAttributes<AdditionalPrinterColumnAttribute>().Select(Column).ToList(),
            ["selectableFields"] = kind.GetCustomAttributes<SelectableFieldAttribute>()
                .Select(object (field) => new Dictionary<string, object> { ["jsonPath"] = field.JsonPath }).ToList(),
            ["schema"] = new Dictionary<string, object>
            {
                ["openAPIV3Schema"] = new Dictionary<string, object>
                {
                    ["description"] = docs.Summary(kind) ?? throw new InvalidOperationException($"{kind.Name} has no docstring."),
                    ["type"] = "object",
                    ["required"] = new List<object> { "spec" },
                    ["properties"] = new Dictionary<string, object>
                    {
                        ["apiVersion"] = new Dictionary<string, object> { ["type"] = "string" },
                        ["kind"] = new Dictionary<string, object> { ["type"] = "string" },
                        ["metadata"] = new Dictionary<string, object> { ["type"] = "object" },
                        ["spec"] = schemas.Object(kind.GetProperty("Spec")!.PropertyType),
                        ["status"] = status,
                    },
                },
            },
        };
        return new()
        {
            ["apiVersion"] = "apiextensions.k8s.io/v1",
            ["kind"] = "CustomResourceDefinition",
            ["metadata"] = new Dictionary<string, object>
            {
                ["name"] = $"{entity.PluralName}.{entity.Group}",
                ["labels"] = new Dictionary<string, object>
                {
                    [Labels.Name] = "kloset-operator",
                    [Labels.PartOf] = "kloset-operator",
                },
            },
            ["spec"] = new Dictionary<string, object>
            {
                ["group"] = entity.Group,
                ["scope"] = "Namespaced",
                ["names"] = names,
                ["versions"] = new List<object> { version },
            },
        };
    }

    private static KubernetesEntityAttribute Entity(Type kind) => kind.GetCustomAttribute<KubernetesEntityAttribute>()
        ?? throw new InvalidOperationException($"{kind.Name} has no [KubernetesEntity].");

    private static object Column(AdditionalPrinterColumnAttribute column)
    {
        var entry = new Dictionary<string, object> { ["name"] = column.Name, ["type"] = column.Type, ["jsonPath"] = column.JsonPath };
        if (column.Description is not null)
        {
            entry["description"] = column.Description;
        }

        if (column.Priority > 0)
        {
            entry["priority"] = column.Priority;
        }

        return entry;
    }
}
