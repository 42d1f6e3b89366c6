using System.Globalization;
using System.Text.Json.Nodes;
using DevCluster.Json;
using DevCluster.Resources;
using DevCluster.Schemas;

namespace DevCluster.Api;

/// <summary>OpenAPI v3 as far as <c>kubectl explain</c> and <c>kubectl apply</c> read it.</summary>
internal sealed class OpenApiDocuments(ResourceCatalog catalog)
{
    private const string ObjectMetaName = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

    public JsonObject Index()
    {
        var paths = new JsonObject();
        foreach (var (group, version) in catalog.All.Select(type => (type.Group, type.Version)).Distinct().Order())
        {
            var path = group.Length == 0 ? $"api/{version}" : $"apis/{group}/{version}";
            paths[path] = new JsonObject { ["serverRelativeURL"] = string.Create(CultureInfo.InvariantCulture, $"/openapi/v3/{path}?hash={catalog.Generation}") };
        }

        return new JsonObject { ["paths"] = paths };
    }

    public JsonObject? Document(string group, string version)
    {
        var types = catalog.All.Where(type => type.Group == group && type.Version == version).ToArray();
        if (types.Length == 0)
        {
            return null;
        }

        var schemas = new JsonObject();
        var paths = new JsonObject();
        foreach (var type in types)
        {
            var name = SchemaName(type);
            if (type.IsCustom)
            {
                schemas[name] = Describe(type.Schema, schemas);
                schemas[name]!["properties"]!["metadata"] = Reference(ObjectMetaName, schemas, catalog.ObjectMeta);
            }
            else
            {
                _ = Describe(type.Schema, schemas);
                name = NameOf(type.Schema);
            }

            schemas[name]!["x-kubernetes-group-version-kind"] = new JsonArray(KindOf(type));
            var root = group.Length == 0 ? $"/api/{version}" : $"/apis/{group}/{version}";
            var collection = type.Namespaced ? $"{root}/namespaces/{{namespace}}/{type.Plural}" : $"{root}/{type.Plural}";
            paths[collection] = new JsonObject { ["get"] = Operation(type, name, "list"), ["post"] = Operation(type, name, "post") };
            paths[$"{collection}/{{name}}"] = new JsonObject
            {
                ["get"] = Operation(type, name, "get"),
                ["put"] = Operation(type, name, "put"),
                ["patch"] = Operation(type, name, "patch"),
                ["delete"] = Operation(type, name, "delete"),
            };
        }

        return new JsonObject
        {
            ["openapi"] = "3.0.0",
            ["info"] = new JsonObject { ["title"] = "Kubernetes", ["version"] = "v1.32.0" },
            ["paths"] = paths,
            ["components"] = new JsonObject { ["schemas"] = schemas },
        };
    }

    private static JsonObject Operation(ResourceType type, string schemaName, string action)
    {
        var operation = new JsonObject
        {
            ["x-kubernetes-action"] = action,
            ["x-kubernetes-group-version-kind"] = KindOf(type),
            ["responses"] = new JsonObject
            {
                ["200"] = new JsonObject { ["description"] = "OK", ["content"] = Content(schemaName, "application/json") },
            },
        };
        if (action is "post" or "put" or "patch")
        {
            operation["parameters"] = new JsonArray([.. new[] { "dryRun", "fieldManager", "fieldValidation" }.Select(name => (JsonNode)new JsonObject
            {
                ["name"] = name,
                ["in"] = "query",
                ["schema"] = new JsonObject { ["type"] = "string", ["uniqueItems"] = true },
            })]);
            // Strategic merge is served, but without being listed here kubectl takes merge keys from its own types, which are complete.
            operation["requestBody"] = new JsonObject
            {
                ["content"] = action == "patch"
                    ? Content(schemaName, "application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json")
                    : Content(schemaName, "application/json"),
            };
        }

        return operation;
    }

    private static JsonObject Content(string schemaName, params string[] mediaTypes)
    {
        var content = new JsonObject();
        foreach (var mediaType in mediaTypes)
        {
            content[mediaType] = new JsonObject { ["schema"] = new JsonObject { ["$ref"] = $"#/components/schemas/{schemaName}" } };
        }

        return content;
    }

    private static JsonObject KindOf(ResourceType type) => new() { ["group"] = type.Group, ["kind"] = type.Kind, ["version"] = type.Version };

    private static string SchemaName(ResourceType type) =>
        $"{string.Join('.', type.Group.Split('.').Reverse())}.{type.Version}.{type.Kind}";

    private JsonObject Reference(string name, JsonObject schemas, StructuralSchema schema)
    {
        if (!schemas.ContainsKey(name))
        {
            schemas[name] = new JsonObject();
            schemas[name] = Body(schema, schemas);
        }

        return new JsonObject { ["$ref"] = $"#/components/schemas/{name}" };
    }

    private string NameOf(StructuralSchema schema) => schema == catalog.ObjectMeta ? ObjectMetaName : schema.Name!;

    private JsonObject Describe(StructuralSchema schema, JsonObject schemas) =>
        schema.Name is null
            ? Body(schema, schemas)
            : new JsonObject
            {
                ["description"] = schema.Description ?? "",
                ["allOf"] = new JsonArray(Reference(NameOf(schema), schemas, schema)),
            };

    private JsonObject Body(StructuralSchema schema, JsonObject schemas)
    {
        var result = new JsonObject();
        if (schema.Description is { } description)
        {
            result["description"] = description;
        }

        if (schema.IntOrString)
        {
            result["x-kubernetes-int-or-string"] = true;
        }

        if (schema.PreserveUnknown)
        {
            result["x-kubernetes-preserve-unknown-fields"] = true;
        }

        if (schema.Type != SchemaType.Any)
        {
            result["type"] = schema.Type.ToString().ToLowerInvariant();
        }

        if (schema.Format is { } format)
        {
            result["format"] = format;
        }

        if (schema.Enum is { } values)
        {
            result["enum"] = new JsonArray([.. values.Select(value => value.Copy())]);
        }

        if (schema.Default is { } fallback)
        {
            result["default"] = fallback.Copy();
        }

        if (schema.Required.Count > 0)
        {
            result["required"] = JsonAccess.TextArray(schema.Required);
        }

        if (schema.Properties.Count > 0)
        {
            var properties = new JsonObject();
            foreach (var (name, child) in schema.Properties)
            {
                properties[name] = Describe(child, schemas);
            }

            result["properties"] = properties;
        }

        if (schema.AdditionalProperties is { } additional)
        {
            result["additionalProperties"] = Describe(additional, schemas);
        }

        if (schema.Items is { } items)
        {
            result["items"] = Describe(items, schemas);
        }

        if (schema.List != ListKind.Atomic)
        {
            result["x-kubernetes-list-type"] = schema.List.ToString().ToLowerInvariant();
            if (schema.ListKeys.Count > 0)
            {
                result["x-kubernetes-list-map-keys"] = JsonAccess.TextArray(schema.ListKeys);
            }
        }

        return result;
    }
}
