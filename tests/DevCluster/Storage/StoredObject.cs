using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Nodes;
using DevCluster.Json;

namespace DevCluster.Storage;

/// <param name="Resource">Storage name of the resource: <c>group/plural</c>, or <c>plural</c> in the core group.</param>
/// <param name="Namespace">Empty for what lies in no namespace.</param>
internal readonly record struct ObjectKey(string Resource, string Namespace, string Name)
{
    /// <summary>Orders as etcd does: by namespace, then by name, bytewise.</summary>
    public static int CompareInResource(ObjectKey left, ObjectKey right)
    {
        var order = string.CompareOrdinal(left.Namespace, right.Namespace);
        return order != 0 ? order : string.CompareOrdinal(left.Name, right.Name);
    }
}

/// <summary>One revision of one object: its JSON as it is served, and what indexes and selectors read. Never changes.</summary>
internal sealed class StoredObject
{
    private static readonly FrozenDictionary<string, string> NoLabels = FrozenDictionary<string, string>.Empty;

    public StoredObject(ObjectKey key, long revision, JsonObject content)
    {
        Key = key;
        Revision = revision;
        Json = JsonSerializer.SerializeToUtf8Bytes(content, JsonText.Compact);
        var metadata = content.Object("metadata");
        Uid = metadata.Text("uid") ?? "";
        Deleting = metadata.Text("deletionTimestamp") is not null;
        Labels = metadata.Object("labels") is { Count: > 0 } labels
            ? labels.ToFrozenDictionary(pair => pair.Key, pair => pair.Value.Text() ?? "", StringComparer.Ordinal)
            : NoLabels;
        Owners = metadata.Array("ownerReferences") is { Count: > 0 } owners
            ? [.. owners.Select(owner => owner.Text("uid")).OfType<string>().Distinct(StringComparer.Ordinal)]
            : [];
    }

    private StoredObject(ObjectKey key)
    {
        Key = key;
        Json = [];
        Uid = "";
        Labels = NoLabels;
        Owners = [];
    }

    public ObjectKey Key { get; }

    public long Revision { get; }

    public byte[] Json { get; }

    public string Uid { get; }

    public bool Deleting { get; }

    public IReadOnlyDictionary<string, string> Labels { get; }

    public IReadOnlyList<string> Owners { get; }

    /// <summary>A fresh copy that the caller may change.</summary>
    public JsonObject ToNode() => (JsonObject)JsonNode.Parse(Json)!;

    /// <summary>A place in the order of a resource, for seeking.</summary>
    public static StoredObject Probe(ObjectKey key) => new(key);
}

internal static class JsonText
{
    /// <summary>As Go writes it, except that nothing is escaped that JSON lets stand.</summary>
    public static readonly JsonSerializerOptions Compact = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}
