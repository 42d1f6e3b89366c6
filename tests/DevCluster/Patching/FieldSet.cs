using System.Text.Json.Nodes;
using DevCluster.Json;
using DevCluster.Schemas;
using DevCluster.Storage;

namespace DevCluster.Patching;

/// <summary>
/// A set of field paths, as <c>managedFields[].fieldsV1</c> writes it. Path elements: <c>f:name</c>, <c>k:{"key":…}</c>, <c>v:value</c>.
/// </summary>
internal sealed class FieldSet
{
    private readonly SortedDictionary<string, FieldSet> _children = new(StringComparer.Ordinal);

    /// <summary>Whether the path that leads here is itself in the set.</summary>
    public bool IsMember { get; set; }

    public IReadOnlyDictionary<string, FieldSet> Children => _children;

    public bool IsEmpty => !IsMember && _children.Count == 0;

    public FieldSet At(string element)
    {
        if (!_children.TryGetValue(element, out var child))
        {
            _children[element] = child = new FieldSet();
        }

        return child;
    }

    public FieldSet? Find(string element) => _children.GetValueOrDefault(element);

    public void Drop(string element) => _children.Remove(element);

    public FieldSet Clone()
    {
        var copy = new FieldSet { IsMember = IsMember };
        foreach (var (element, child) in _children)
        {
            copy._children[element] = child.Clone();
        }

        return copy;
    }

    public void UnionWith(FieldSet other)
    {
        IsMember |= other.IsMember;
        foreach (var (element, child) in other._children)
        {
            At(element).UnionWith(child);
        }
    }

    public void ExceptWith(FieldSet other)
    {
        IsMember &= !other.IsMember;
        foreach (var (element, child) in other._children)
        {
            if (_children.TryGetValue(element, out var mine))
            {
                mine.ExceptWith(child);
                if (mine.IsEmpty)
                {
                    _children.Remove(element);
                }
            }
        }
    }

    /// <summary>Removes what the other has, with everything below it.</summary>
    public void ExceptRecursively(FieldSet other)
    {
        foreach (var (element, child) in other._children)
        {
            if (child.IsMember)
            {
                _children.Remove(element);
            }
            else if (_children.TryGetValue(element, out var mine))
            {
                mine.ExceptRecursively(child);
                if (mine.IsEmpty)
                {
                    _children.Remove(element);
                }
            }
        }
    }

    public IEnumerable<string> Common(FieldSet other, string path = "")
    {
        if (IsMember && other.IsMember)
        {
            yield return path;
        }

        foreach (var (element, child) in _children)
        {
            if (other._children.TryGetValue(element, out var match))
            {
                foreach (var found in child.Common(match, path + Show(element)))
                {
                    yield return found;
                }
            }
        }
    }

    public JsonObject ToJson()
    {
        var result = new JsonObject();
        if (IsMember && _children.Count > 0)
        {
            result["."] = new JsonObject();
        }

        foreach (var (element, child) in _children)
        {
            result[element] = child.ToJson();
        }

        return result;
    }

    public static FieldSet FromJson(JsonObject? source, bool root = true)
    {
        var set = new FieldSet();
        foreach (var (name, child) in source ?? [])
        {
            if (name == ".")
            {
                set.IsMember = true;
            }
            else
            {
                set._children[name] = FromJson(child as JsonObject, false);
            }
        }

        if (!root && set._children.Count == 0)
        {
            set.IsMember = true;
        }

        return set;
    }

    /// <summary>The fields that an applied configuration speaks of.</summary>
    public static FieldSet Of(JsonNode? value, StructuralSchema? schema)
    {
        var set = new FieldSet();
        Collect(set, value, schema);
        return set;
    }

    /// <summary>What differs between two values: fields changed or added, and fields removed.</summary>
    public static (FieldSet Changed, FieldSet Removed) Compare(JsonNode? before, JsonNode? after, StructuralSchema? schema)
    {
        var changed = new FieldSet();
        var removed = new FieldSet();
        Diff(before, after, schema, changed, removed);
        return (changed, removed);
    }

    public static string KeyElement(JsonNode? item, IReadOnlyList<string> keys)
    {
        var key = new JsonObject();
        foreach (var name in keys.Order(StringComparer.Ordinal))
        {
            if (item.At(name) is { } value)
            {
                key[name] = value.Copy();
            }
        }

        return "k:" + key.ToJsonString(JsonText.Compact);
    }

    public static string ValueElement(JsonNode? item) => "v:" + (item?.ToJsonString(JsonText.Compact) ?? "null");

    public static bool IsKeyed(StructuralSchema? schema) => schema is { Type: SchemaType.Array, List: ListKind.Map, ListKeys.Count: > 0 };

    public static bool IsSet(StructuralSchema? schema) => schema is { Type: SchemaType.Array, List: ListKind.Set };

    private void MarkAll()
    {
        IsMember = true;
        foreach (var child in _children.Values)
        {
            child.MarkAll();
        }
    }

    private static string Show(string element)
    {
        if (element.StartsWith("f:", StringComparison.Ordinal))
        {
            return "." + element[2..];
        }

        if (element.StartsWith("k:", StringComparison.Ordinal) && JsonNode.Parse(element[2..]) is JsonObject key)
        {
            return $"[{string.Join(",", key.Select(pair => $"{pair.Key}={pair.Value?.ToJsonString(JsonText.Compact)}"))}]";
        }

        return $"[={element[2..]}]";
    }

    private static void Collect(FieldSet set, JsonNode? value, StructuralSchema? schema)
    {
        switch (value)
        {
            case JsonObject obj when schema?.AtomicMap != true && obj.Count > 0:
                foreach (var (name, child) in obj)
                {
                    var childSet = set.At("f:" + name);
                    Collect(childSet, child, schema?.Child(name));
                    if (schema?.Properties.ContainsKey(name) != true)
                    {
                        childSet.IsMember = true;
                    }
                }

                break;
            case JsonArray array when IsKeyed(schema):
                foreach (var item in array)
                {
                    var childSet = set.At(KeyElement(item, schema!.ListKeys));
                    childSet.IsMember = true;
                    Collect(childSet, item, schema.Items);
                }

                break;
            case JsonArray array when IsSet(schema):
                foreach (var item in array)
                {
                    set.At(ValueElement(item)).IsMember = true;
                }

                break;
            default:
                set.IsMember = true;
                break;
        }
    }

    private static void Diff(JsonNode? before, JsonNode? after, StructuralSchema? schema, FieldSet changed, FieldSet removed)
    {
        if (JsonAccess.Same(before, after))
        {
            return;
        }

        if (before is JsonObject or null && after is JsonObject or null && (before ?? after) is JsonObject && schema?.AtomicMap != true)
        {
            var left = before as JsonObject ?? [];
            var right = after as JsonObject ?? [];
            foreach (var name in left.Select(pair => pair.Key).Union(right.Select(pair => pair.Key)).ToArray())
            {
                DiffMember(left.At(name), left.ContainsKey(name), right.At(name), right.ContainsKey(name), schema?.Child(name), "f:" + name, changed, removed);
            }

            if (before is null)
            {
                changed.IsMember = true;
            }

            if (after is null)
            {
                removed.IsMember = true;
            }

            return;
        }

        if ((before ?? after) is JsonArray && before is JsonArray or null && after is JsonArray or null && (IsKeyed(schema) || IsSet(schema)))
        {
            string Element(JsonNode? item) => IsSet(schema) ? ValueElement(item) : KeyElement(item, schema!.ListKeys);
            var left = Index(before as JsonArray, Element);
            var right = Index(after as JsonArray, Element);
            foreach (var element in left.Keys.Union(right.Keys).ToArray())
            {
                DiffMember(left.GetValueOrDefault(element), left.ContainsKey(element), right.GetValueOrDefault(element), right.ContainsKey(element),
                    schema!.Items, element, changed, removed);
            }

            return;
        }

        (after is null ? removed : changed).IsMember = true;
    }

    private static void DiffMember(
        JsonNode? before, bool wasThere, JsonNode? after, bool isThere, StructuralSchema? schema, string element, FieldSet changed, FieldSet removed)
    {
        if (!wasThere && isThere)
        {
            var child = changed.At(element);
            Collect(child, after, schema);
            child.MarkAll();
        }
        else if (wasThere && !isThere)
        {
            var child = removed.At(element);
            Collect(child, before, schema);
            child.IsMember = true;
        }
        else if (!JsonAccess.Same(before, after))
        {
            var changedChild = changed.At(element);
            var removedChild = removed.At(element);
            Diff(before, after, schema, changedChild, removedChild);
            if (changedChild.IsEmpty)
            {
                changed.Drop(element);
            }

            if (removedChild.IsEmpty)
            {
                removed.Drop(element);
            }
        }
    }

    private static Dictionary<string, JsonNode?> Index(JsonArray? array, Func<JsonNode?, string> element)
    {
        var result = new Dictionary<string, JsonNode?>(StringComparer.Ordinal);
        foreach (var item in array ?? [])
        {
            result[element(item)] = item;
        }

        return result;
    }
}
