using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using KlosetOperator.Runtime.Api;

namespace KlosetOperator.Tests.Simulation;

/// <summary>A change as a watch would tell it.</summary>
internal sealed record Change(string Kind, bool IsDeletion, JsonObject Object);

/// <summary>What an API server holds, in this thread: every call is an instant, and what happens between two calls is the test's to say.</summary>
internal sealed class SimulatedApi(TimeProvider time)
{
    private readonly SortedDictionary<(string Kind, string Key), JsonObject> _objects = [];
    private readonly List<Change> _log = [];
    private readonly ConditionalWeakTable<JsonObject, object> _typed = [];
    private long _version;

    public IReadOnlyList<Change> Log => _log;

    /// <summary>Writes of operators that changed something.</summary>
    public int Writes { get; set; }

    public JsonObject? Get(string kind, NamespacedName key) => _objects.GetValueOrDefault((kind, key.ToString()));

    public IEnumerable<JsonObject> List(string kind) => _objects.Where(entry => entry.Key.Kind == kind).Select(entry => entry.Value);

    public JsonObject Create(string kind, JsonObject entity)
    {
        var key = (kind, KeyOf(entity));
        if (_objects.ContainsKey(key))
        {
            throw new ApiException($"{kind} {key.Item2} already exists", HttpStatusCode.Conflict, "AlreadyExists");
        }

        var stored = (JsonObject)entity.DeepClone();
        var metadata = stored["metadata"]!.AsObject();
        metadata["uid"] = $"00000000-0000-4000-8000-{_version:d12}";
        metadata["creationTimestamp"] = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        metadata["generation"] = 1L;
        return Store(key, stored);
    }

    /// <summary>Changes an object in place; a changed spec is a new generation, no change is no event.</summary>
    public JsonObject Update(string kind, NamespacedName key, Action<JsonObject> change)
    {
        var before = Get(kind, key) ?? throw NotFound(kind, key);
        var after = (JsonObject)before.DeepClone();
        change(after);
        if (JsonNode.DeepEquals(before, after))
        {
            return before;
        }

        if (!JsonNode.DeepEquals(before["spec"], after["spec"]))
        {
            after["metadata"]!["generation"] = before["metadata"]!["generation"]!.GetValue<long>() + 1;
        }

        return Store((kind, key.ToString()), after);
    }

    public bool Delete(string kind, NamespacedName key)
    {
        if (!_objects.Remove((kind, key.ToString()), out var gone))
        {
            return false;
        }

        _log.Add(new Change(kind, true, gone));
        return true;
    }

    /// <summary>The object as its type. What is stored never changes, so it is read once.</summary>
    public T Typed<T>(JsonObject entity)
        where T : class => (T)_typed.GetValue(entity, static json => JsonSerializer.Deserialize<T>(json, ApiJson.Options)!);

    public static ApiException NotFound(string kind, NamespacedName key) => new($"{kind} {key} not found", HttpStatusCode.NotFound, "NotFound");

    public static NamespacedName NameOf(JsonObject entity) => new((string)entity["metadata"]!["namespace"]!, (string)entity["metadata"]!["name"]!);

    private JsonObject Store((string Kind, string Key) key, JsonObject entity)
    {
        entity["metadata"]!["resourceVersion"] = (++_version).ToString(CultureInfo.InvariantCulture);
        _objects[key] = entity;
        _log.Add(new Change(key.Kind, false, entity));
        return entity;
    }

    private static string KeyOf(JsonObject entity) => NameOf(entity).ToString();
}
