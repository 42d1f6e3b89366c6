using System.Text.Json.Nodes;
using DevCluster.Api;
using DevCluster.Json;
using DevCluster.Resources;
using DevCluster.Storage;

namespace DevCluster.Controllers;

/// <summary>Events of the cluster's own components; the same event again is counted.</summary>
internal sealed class ClusterEvents(ResourceCatalog catalog, ResourceOperations operations, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ObjectKey> _known = new(StringComparer.Ordinal);
    private long _counter;

    public void Emit(JsonObject about, string type, string reason, string message, string component)
    {
        var space = about.Text("metadata", "namespace") ?? "default";
        var now = time.GetUtcNow().ToApiTime();
        var identity = string.Join('\n', about.Text("metadata", "uid"), type, reason, message, component);
        lock (_gate)
        {
            if (_known.TryGetValue(identity, out var key) && operations.Mutate(key, e =>
            {
                e["count"] = (e.Integer("count") ?? 1) + 1;
                e["lastTimestamp"] = now;
                return true;
            }) is not null)
            {
                return;
            }

            var name = $"{about.Text("metadata", "name")}.{++_counter:x}";
            var body = new JsonObject
            {
                ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = space },
                ["involvedObject"] = new JsonObject
                {
                    ["apiVersion"] = about.Text("apiVersion"),
                    ["kind"] = about.Text("kind"),
                    ["namespace"] = about.Text("metadata", "namespace"),
                    ["name"] = about.Text("metadata", "name"),
                    ["uid"] = about.Text("metadata", "uid"),
                    ["resourceVersion"] = about.Text("metadata", "resourceVersion"),
                },
                ["type"] = type,
                ["reason"] = reason,
                ["message"] = message,
                ["source"] = new JsonObject { ["component"] = component },
                ["reportingComponent"] = component,
                ["firstTimestamp"] = now,
                ["lastTimestamp"] = now,
                ["count"] = 1,
            };
            try
            {
                operations.Create(catalog.Find("", "v1", ResourceCatalog.Events)!, space, body, new WriteOptions { FieldManager = component });
                _known[identity] = new ObjectKey(ResourceCatalog.Events, space, name);
            }
            catch (ApiException)
            {
                // The namespace is going away; its events go with it.
            }
        }
    }
}
