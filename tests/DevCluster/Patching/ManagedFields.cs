using System.Text.Json.Nodes;
using DevCluster.Api;
using DevCluster.Json;
using DevCluster.Schemas;

namespace DevCluster.Patching;

/// <summary>
/// Who owns which fields of an object, and server-side apply on top of it. The algorithm is that of the API server: an applier owns
/// what it names, loses what it no longer names, and conflicts with another owner whose value it would change.
/// </summary>
internal static class ManagedFields
{
    /// <summary>Fields of every object that nobody owns.</summary>
    private static readonly FieldSet NotOwned = FieldSet.FromJson((JsonObject)JsonNode.Parse("""
        {"f:apiVersion":{},"f:kind":{},"f:metadata":{"f:name":{},"f:namespace":{},"f:creationTimestamp":{},"f:selfLink":{},"f:uid":{},
        "f:clusterName":{},"f:generation":{},"f:managedFields":{},"f:resourceVersion":{},"f:deletionTimestamp":{},"f:deletionGracePeriodSeconds":{}}}
        """)!);

    private static readonly FieldSet StatusOnly = FieldSet.FromJson((JsonObject)JsonNode.Parse("""{"f:status":{}}""")!);

    /// <summary>Records an update by a manager that did not apply.</summary>
    public static void RecordUpdate(
        JsonObject? before, JsonObject after, StructuralSchema schema, string manager, string subresource, bool hasStatus, DateTimeOffset now)
    {
        // A client may rewrite the book-keeping itself, as kubectl does when it moves from client-side to server-side apply.
        var given = subresource.Length == 0 ? Read(after) : [];
        var entries = given.Count > 0 || before is null ? given : Read(before);
        var (changed, removed) = FieldSet.Compare(Bare(before), Bare(after), schema);
        Strip(changed, subresource, hasStatus);
        Strip(removed, subresource, hasStatus);
        if (changed.IsEmpty && removed.IsEmpty)
        {
            Write(after, entries);
            return;
        }

        var apiVersion = after.Text("apiVersion") ?? "";
        var mine = entries.FirstOrDefault(entry => entry.IsFor(manager, "Update", subresource, apiVersion));
        foreach (var other in entries.Where(entry => entry != mine))
        {
            other.Fields.ExceptWith(changed);
            other.Fields.ExceptRecursively(removed);
        }

        if (mine is null)
        {
            entries.Add(mine = new Entry(manager, "Update", subresource, apiVersion, now.ToApiTime(), new FieldSet()));
        }

        var owned = mine.Fields.Clone();
        mine.Fields.UnionWith(changed);
        mine.Fields.ExceptRecursively(removed);
        if (!JsonAccess.Same(owned.ToJson(), mine.Fields.ToJson()) || !changed.IsEmpty)
        {
            mine.Time = now.ToApiTime();
        }

        Write(after, entries);
    }

    /// <summary>Applies a configuration.</summary>
    /// <param name="live">The present object; null to create it.</param>
    /// <returns>The merged object with its new managed fields.</returns>
    public static JsonObject Apply(
        JsonObject? live, JsonObject configuration, StructuralSchema schema, string manager, bool force, string subresource, bool hasStatus, DateTimeOffset now)
    {
        if (configuration.Array("metadata", "managedFields") is not null)
        {
            throw ApiException.BadRequest("metadata.managedFields must be nil");
        }

        var applied = FieldSet.Of(Bare(configuration), schema);
        Strip(applied, subresource, hasStatus);
        var before = (JsonObject?)live?.DeepClone() ?? [];
        var entries = Read(before);
        var apiVersion = configuration.Text("apiVersion") ?? "";
        var mine = entries.FirstOrDefault(entry => entry.IsFor(manager, "Apply", subresource, apiVersion));
        var others = entries.Where(entry => entry != mine).ToList();

        var merged = (JsonObject)Merge(Bare(before), Bare(configuration), schema)!;
        var last = mine?.Fields ?? new FieldSet();
        var dropped = last.Clone();
        dropped.ExceptWith(applied);
        foreach (var other in others)
        {
            dropped.ExceptWith(other.Fields);
        }

        RemoveFields(merged, schema, dropped, applied, others);

        var (changed, removed) = FieldSet.Compare(Bare(before), merged, schema);
        Strip(changed, subresource, hasStatus);
        var conflicts = others
            .Select(other => (Entry: other, Fields: other.Fields.Common(Only(changed, applied)).ToArray()))
            .Where(conflict => conflict.Fields.Length > 0)
            .ToArray();
        if (conflicts.Length > 0 && !force)
        {
            throw ConflictOf(conflicts.Select(conflict => (conflict.Entry.Describe(), conflict.Fields)));
        }

        foreach (var other in others)
        {
            other.Fields.ExceptWith(Only(changed, applied));
            other.Fields.ExceptRecursively(removed);
        }

        if (mine is null)
        {
            entries.Add(mine = new Entry(manager, "Apply", subresource, apiVersion, now.ToApiTime(), applied));
        }
        else if (!JsonAccess.Same(mine.Fields.ToJson(), applied.ToJson()) || !changed.IsEmpty || !removed.IsEmpty)
        {
            mine.Fields = applied;
            mine.Time = now.ToApiTime();
        }

        merged["apiVersion"] = apiVersion;
        merged["kind"] = configuration.Text("kind");
        Write(merged, entries);
        return merged;
    }

    private static FieldSet Only(FieldSet changed, FieldSet applied)
    {
        var only = new FieldSet { IsMember = changed.IsMember && applied.IsMember };
        foreach (var (element, child) in changed.Children)
        {
            if (applied.Find(element) is { } match && Only(child, match) is { IsEmpty: false } common)
            {
                only.At(element).UnionWith(common);
            }
        }

        return only;
    }

    private static ApiException ConflictOf(IEnumerable<(string Manager, string[] Fields)> conflicts)
    {
        var all = conflicts.ToArray();
        var count = all.Sum(conflict => conflict.Fields.Length);
        var causes = new JsonArray([.. all.SelectMany(conflict => conflict.Fields.Select(field => (JsonNode)new JsonObject
        {
            ["reason"] = "FieldManagerConflict",
            ["message"] = $"conflict with {conflict.Manager}",
            ["field"] = field,
        }))]);
        var text = string.Join("\n", all.Select(conflict =>
            conflict.Fields.Length == 1 && count == 1
                ? $"conflict with {conflict.Manager}: {conflict.Fields[0]}"
                : $"conflicts with {conflict.Manager}:\n{string.Join("\n", conflict.Fields.Select(field => $"- {field}"))}"));
        return new ApiException(409, "Conflict", $"Apply failed with {count} conflict{(count == 1 ? "" : "s")}: {text}", new JsonObject { ["causes"] = causes });
    }

    /// <summary>The object without the book-keeping of managed fields.</summary>
    private static JsonObject Bare(JsonObject? source)
    {
        var copy = (JsonObject?)source?.DeepClone() ?? [];
        copy.Object("metadata")?.Remove("managedFields");
        return copy;
    }

    private static void Strip(FieldSet set, string subresource, bool hasStatus)
    {
        set.ExceptRecursively(NotOwned);
        if (subresource == "status")
        {
            foreach (var element in set.Children.Keys.Where(element => element != "f:status").ToArray())
            {
                set.Drop(element);
            }
        }
        else if (hasStatus)
        {
            set.ExceptRecursively(StatusOnly);
        }

        if (set.Find("f:metadata") is { } metadata)
        {
            metadata.IsMember = false;
            if (metadata.IsEmpty)
            {
                set.Drop("f:metadata");
            }
        }
    }

    private static JsonNode? Merge(JsonNode? live, JsonNode? applied, StructuralSchema? schema)
    {
        switch (applied)
        {
            case JsonObject obj when live is JsonObject current && schema?.AtomicMap != true:
                var result = (JsonObject)current.DeepClone();
                foreach (var (name, value) in obj)
                {
                    result[name] = Merge(current.At(name), value, schema?.Child(name));
                }

                return result;
            case JsonArray array when live is JsonArray current && FieldSet.IsKeyed(schema):
                var keyed = current.Select(item => item.Copy()).ToList();
                foreach (var item in array)
                {
                    var at = keyed.FindIndex(other => SchemaValidator.SameKeys(item, other, schema!.ListKeys));
                    if (at >= 0)
                    {
                        keyed[at] = Merge(keyed[at], item, schema!.Items);
                    }
                    else
                    {
                        keyed.Add(item.Copy());
                    }
                }

                // The applied order leads, as far as it says anything.
                var order = array.Select(item => FieldSet.KeyElement(item, schema!.ListKeys)).ToList();
                var slots = keyed.Select((item, i) => (item, i)).Where(pair => order.Contains(FieldSet.KeyElement(pair.item, schema!.ListKeys))).ToArray();
                var sorted = slots.OrderBy(pair => order.IndexOf(FieldSet.KeyElement(pair.item, schema!.ListKeys))).Select(pair => pair.item).ToArray();
                for (var i = 0; i < slots.Length; i++)
                {
                    keyed[slots[i].i] = sorted[i];
                }

                return new JsonArray([.. keyed.Select(item => item?.Parent is null ? item : item.Copy())]);
            case JsonArray array when live is JsonArray current && FieldSet.IsSet(schema):
                var set = (JsonArray)current.DeepClone();
                foreach (var item in array.Where(item => !set.Any(other => JsonAccess.Same(item, other))).ToArray())
                {
                    set.Add(item.Copy());
                }

                return set;
            default:
                return applied.Copy();
        }
    }

    /// <summary>Removes the fields that the manager applied last time and does not name now, and that nobody else owns.</summary>
    private static void RemoveFields(JsonNode? value, StructuralSchema? schema, FieldSet dropped, FieldSet applied, List<Entry> others)
    {
        foreach (var (element, child) in dropped.Children)
        {
            var appliedChild = applied.Find(element);
            var othersHere = others.Any(other => other.Fields.Find(element) is { IsEmpty: false });
            if (element.StartsWith("f:", StringComparison.Ordinal) && value is JsonObject obj)
            {
                var name = element[2..];
                if (!obj.ContainsKey(name))
                {
                    continue;
                }

                if (child.IsMember && appliedChild is null && !othersHere)
                {
                    obj.Remove(name);
                    continue;
                }

                RemoveFields(obj[name], schema?.Child(name), child, appliedChild ?? new FieldSet(), Below(others, element));
                if (appliedChild is null && !othersHere && obj[name] is JsonObject { Count: 0 } or JsonArray { Count: 0 })
                {
                    obj.Remove(name);
                }
            }
            else if (value is JsonArray array)
            {
                var at = array.ToList().FindIndex(item => element ==
                    (element.StartsWith("k:", StringComparison.Ordinal) ? FieldSet.KeyElement(item, schema?.ListKeys ?? []) : FieldSet.ValueElement(item)));
                if (at < 0)
                {
                    continue;
                }

                if (child.IsMember && appliedChild is null && !othersHere)
                {
                    array.RemoveAt(at);
                }
                else
                {
                    RemoveFields(array[at], schema?.Items, child, appliedChild ?? new FieldSet(), Below(others, element));
                }
            }
        }
    }

    private static List<Entry> Below(List<Entry> others, string element) =>
        [.. others.Where(other => other.Fields.Find(element) is not null).Select(other => other with { Fields = other.Fields.Find(element)! })];

    private static List<Entry> Read(JsonObject source) =>
        [.. (source.Array("metadata", "managedFields") ?? []).Select(entry => new Entry(
            entry.Text("manager") ?? "", entry.Text("operation") ?? "", entry.Text("subresource") ?? "", entry.Text("apiVersion") ?? "",
            entry.Text("time") ?? "", FieldSet.FromJson(entry.Object("fieldsV1"))))];

    private static void Write(JsonObject target, List<Entry> entries)
    {
        var list = new JsonArray();
        foreach (var entry in entries.Where(entry => !entry.Fields.IsEmpty))
        {
            var item = new JsonObject
            {
                ["manager"] = entry.Manager,
                ["operation"] = entry.Operation,
                ["apiVersion"] = entry.ApiVersion,
                ["time"] = entry.Time,
                ["fieldsType"] = "FieldsV1",
                ["fieldsV1"] = entry.Fields.ToJson(),
            };
            if (entry.Subresource.Length > 0)
            {
                item["subresource"] = entry.Subresource;
            }

            list.Add(item);
        }

        var metadata = target.Ensure("metadata");
        metadata.Remove("managedFields");
        if (list.Count > 0)
        {
            metadata["managedFields"] = list;
        }
    }

    private sealed record Entry(string Manager, string Operation, string Subresource, string ApiVersion, string FirstTime, FieldSet FirstFields)
    {
        public string Time { get; set; } = FirstTime;

        public FieldSet Fields { get; set; } = FirstFields;

        public bool IsFor(string manager, string operation, string subresource, string apiVersion) =>
            Manager == manager && Operation == operation && Subresource == subresource && ApiVersion == apiVersion;

        public string Describe() =>
            $"\"{Manager}\"" + (Subresource.Length > 0 ? $" with subresource \"{Subresource}\"" : "") + (Operation == "Update" ? $" using {ApiVersion}" : "");
    }
}
