using System.Globalization;
using System.Text.Json.Nodes;
using DevCluster.Api;
using DevCluster.Json;
using DevCluster.Schemas;

namespace DevCluster.Patching;

/// <summary>RFC 7396.</summary>
internal static class MergePatch
{
    public static JsonNode? Apply(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes)
        {
            return patch.Copy();
        }

        var result = target as JsonObject ?? [];
        foreach (var (name, value) in changes)
        {
            if (value is null)
            {
                result.Remove(name);
            }
            else
            {
                var current = result[name];
                result.Remove(name);
                result[name] = Apply(current, value);
            }
        }

        return result;
    }
}

/// <summary>RFC 6902.</summary>
internal static class JsonPatch
{
    public static JsonObject Apply(JsonObject target, JsonArray operations)
    {
        JsonNode? root = target;
        foreach (var operation in operations)
        {
            var path = Pointer(operation.Text("path") ?? throw ApiException.BadRequest("a JSON patch operation needs a path"));
            switch (operation.Text("op"))
            {
                case "add":
                    root = Add(root, path, operation.At("value").Copy());
                    break;
                case "remove":
                    Remove(root, path);
                    break;
                case "replace":
                    _ = Get(root, path);
                    if (path.Length == 0)
                    {
                        root = operation.At("value").Copy();
                    }
                    else
                    {
                        Set(root, path, operation.At("value").Copy());
                    }

                    break;
                case "move":
                    var from = Pointer(operation.Text("from") ?? "");
                    var moved = Get(root, from).Copy();
                    Remove(root, from);
                    root = Add(root, path, moved);
                    break;
                case "copy":
                    root = Add(root, path, Get(root, Pointer(operation.Text("from") ?? "")).Copy());
                    break;
                case "test":
                    if (!JsonAccess.Same(Get(root, path), operation.At("value")))
                    {
                        throw new ApiException(422, "Invalid", $"the server rejected our request due to an error in our request: testing path {operation.Text("path")} failed");
                    }

                    break;
                default:
                    throw ApiException.BadRequest($"unknown JSON patch operation \"{operation.Text("op")}\"");
            }
        }

        return root as JsonObject ?? throw ApiException.BadRequest("the patch does not leave an object");
    }

    private static string[] Pointer(string text) => text.Length == 0
        ? []
        : [.. text.Split('/').Skip(1).Select(part => part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))];

    private static JsonNode? Get(JsonNode? node, ReadOnlySpan<string> path)
    {
        foreach (var part in path)
        {
            node = node switch
            {
                JsonObject obj when obj.TryGetPropertyValue(part, out var child) => child,
                JsonArray array when Index(part, array.Count) is { } i => array[i],
                _ => throw Missing(part),
            };
        }

        return node;
    }

    private static JsonNode? Add(JsonNode? root, string[] path, JsonNode? value)
    {
        if (path.Length == 0)
        {
            return value;
        }

        switch (Get(root, path.AsSpan(..^1)))
        {
            case JsonObject obj:
                obj[path[^1]] = value;
                break;
            case JsonArray array when path[^1] == "-":
                array.Add(value);
                break;
            case JsonArray array when Index(path[^1], array.Count + 1) is { } i:
                array.Insert(i, value);
                break;
            default:
                throw Missing(path[^1]);
        }

        return root;
    }

    private static void Set(JsonNode? root, string[] path, JsonNode? value)
    {
        switch (Get(root, path.AsSpan(..^1)))
        {
            case JsonObject obj:
                obj[path[^1]] = value;
                break;
            case JsonArray array when Index(path[^1], array.Count) is { } i:
                array[i] = value;
                break;
        }
    }

    private static void Remove(JsonNode? root, string[] path)
    {
        switch (path.Length == 0 ? null : Get(root, path.AsSpan(..^1)))
        {
            case JsonObject obj when obj.Remove(path[^1]):
                break;
            case JsonArray array when Index(path[^1], array.Count) is { } i:
                array.RemoveAt(i);
                break;
            default:
                throw Missing(path.Length == 0 ? "" : path[^1]);
        }
    }

    private static int? Index(string part, int count) =>
        int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var i) && i < count ? i : null;

    private static ApiException Missing(string part) =>
        new(422, "Invalid", $"the server rejected our request due to an error in our request: doc is missing path: {part}: missing value");
}

/// <summary>Strategic merge of built-in kinds: keyed lists are merged by their key, and the directives that kubectl sends are followed.</summary>
internal static class StrategicMergePatch
{
    public static JsonObject Apply(JsonObject target, JsonObject patch, StructuralSchema? schema)
    {
        if (patch.Text("$patch") is { } directive)
        {
            if (directive == "replace")
            {
                var replaced = (JsonObject)patch.DeepClone();
                replaced.Remove("$patch");
                return replaced;
            }

            if (directive == "delete")
            {
                return [];
            }
        }

        var retain = patch.Array("$retainKeys");
        if (retain is not null)
        {
            var kept = retain.Select(name => name.Text()).ToHashSet(StringComparer.Ordinal);
            foreach (var name in target.Select(pair => pair.Key).Where(name => !kept.Contains(name)).ToArray())
            {
                target.Remove(name);
            }
        }

        foreach (var (name, value) in patch)
        {
            if (name is "$patch" or "$retainKeys" || name.StartsWith("$setElementOrder/", StringComparison.Ordinal))
            {
                continue;
            }

            if (name.StartsWith("$deleteFromPrimitiveList/", StringComparison.Ordinal))
            {
                var list = target.Array(name[(name.IndexOf('/', StringComparison.Ordinal) + 1)..]);
                foreach (var removed in value as JsonArray ?? [])
                {
                    var at = list?.ToList().FindIndex(item => JsonAccess.Same(item, removed)) ?? -1;
                    if (at >= 0)
                    {
                        list!.RemoveAt(at);
                    }
                }

                continue;
            }

            var child = schema?.Child(name);
            switch (value)
            {
                case null:
                    target.Remove(name);
                    break;
                case JsonObject obj:
                    var merged = Apply(target.Object(name) is { } existing ? (JsonObject)existing.DeepClone() : [], obj, child);
                    target[name] = merged;
                    break;
                case JsonArray array when child?.PatchMergeKey is { } key:
                    target[name] = MergeKeyed(target.Array(name)?.DeepClone() as JsonArray ?? [], array, key, child.Items,
                        patch.Array($"$setElementOrder/{name}"));
                    break;
                case JsonArray array when child?.List == ListKind.Set:
                    var set = target.Array(name)?.DeepClone() as JsonArray ?? [];
                    foreach (var item in array.Where(item => !set.Any(other => JsonAccess.Same(item, other))).ToArray())
                    {
                        set.Add(item.Copy());
                    }

                    target[name] = set;
                    break;
                default:
                    target[name] = value.Copy();
                    break;
            }
        }

        return target;
    }

    private static JsonArray MergeKeyed(JsonArray target, JsonArray patch, string key, StructuralSchema? items, JsonArray? order)
    {
        if (patch.Any(item => item.Text("$patch") == "replace" && item.At(key) is null))
        {
            return [.. patch.Where(item => item.Text("$patch") != "replace").Select(item => item.Copy())];
        }

        var result = target.Select(item => item.Copy()).ToList();
        foreach (var item in patch.OfType<JsonObject>())
        {
            var at = result.FindIndex(other => JsonAccess.Same(other.At(key), item.At(key)));
            if (item.Text("$patch") == "delete")
            {
                if (at >= 0)
                {
                    result.RemoveAt(at);
                }
            }
            else if (at >= 0)
            {
                result[at] = Apply((JsonObject)result[at]!, item, items);
            }
            else
            {
                result.Add(Apply([], item, items));
            }
        }

        if (order is not null)
        {
            var places = order.Select((item, i) => (Key: (item.At(key) ?? item)?.ToJsonString(), i)).ToArray();
            int Place(JsonNode? item) => Array.FindIndex(places, place => place.Key == item.At(key)?.ToJsonString()) is var at && at < 0 ? int.MaxValue : at;
            result = [.. result.OrderBy(Place)];
        }

        return new JsonArray([.. result.Select(item => item.Copy())]);
    }
}
