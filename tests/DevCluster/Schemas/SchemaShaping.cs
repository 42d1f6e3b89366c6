using System.Globalization;
using System.Text.Json.Nodes;
using DevCluster.Json;

namespace DevCluster.Schemas;

/// <summary>What the API server does to an object before it validates it: unknown fields go, defaults come.</summary>
internal static class SchemaShaping
{
    /// <summary>Removes what the schema does not know and names it.</summary>
    /// <param name="isRoot">At the root, and in embedded resources, apiVersion, kind and metadata are always known.</param>
    public static void Prune(JsonNode? value, StructuralSchema schema, string path, bool isRoot, List<string> unknown)
    {
        switch (value)
        {
            case JsonObject obj:
                foreach (var name in obj.Select(pair => pair.Key).ToArray())
                {
                    var place = path.Length == 0 ? name : $"{path}.{name}";
                    if (schema.Child(name) is { } child)
                    {
                        Prune(obj[name], child, place, child.EmbeddedResource, unknown);
                    }
                    else if (!schema.PreserveUnknown && schema.Type is SchemaType.Object
                        && !(isRoot && name is "apiVersion" or "kind" or "metadata"))
                    {
                        obj.Remove(name);
                        unknown.Add(place);
                    }
                }

                break;
            case JsonArray array when schema.Items is { } items:
                for (var i = 0; i < array.Count; i++)
                {
                    Prune(array[i], items, string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"), items.EmbeddedResource, unknown);
                }

                break;
        }
    }

    /// <summary>Fills in defaults, also inside of defaults; a null that the schema does not allow counts as absent when there is a default.</summary>
    public static void ApplyDefaults(JsonNode? value, StructuralSchema schema)
    {
        switch (value)
        {
            case JsonObject obj:
                foreach (var (name, child) in schema.Properties)
                {
                    var there = obj.TryGetPropertyValue(name, out var present);
                    if (there && present is null && !child.Nullable)
                    {
                        obj.Remove(name);
                        there = false;
                    }

                    if (!there && child.Default is not null)
                    {
                        obj[name] = child.Default.Copy();
                    }

                    ApplyDefaults(obj[name], child);
                }

                if (schema.AdditionalProperties is { } additional)
                {
                    foreach (var (_, child) in obj)
                    {
                        ApplyDefaults(child, additional);
                    }
                }

                break;
            case JsonArray array when schema.Items is { } items:
                foreach (var item in array)
                {
                    ApplyDefaults(item, items);
                }

                break;
        }
    }
}
