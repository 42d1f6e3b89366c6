using System.Text.Json.Nodes;

namespace DevCluster.Resources;

/// <summary>Events are stored in the core form; events.k8s.io shows and takes them in its own.</summary>
internal static class EventForms
{
    private static readonly (string Core, string Events)[] Names =
    [
        ("involvedObject", "regarding"), ("message", "note"), ("reportingComponent", "reportingController"), ("source", "deprecatedSource"),
        ("firstTimestamp", "deprecatedFirstTimestamp"), ("lastTimestamp", "deprecatedLastTimestamp"), ("count", "deprecatedCount"),
    ];

    public static JsonObject ToCore(JsonObject source)
    {
        var result = (JsonObject)source.DeepClone();
        foreach (var (core, events) in Names)
        {
            Move(result, events, core);
        }

        result["apiVersion"] = "v1";
        return result;
    }

    public static JsonObject ToEvents(JsonObject source)
    {
        var result = (JsonObject)source.DeepClone();
        foreach (var (core, events) in Names)
        {
            Move(result, core, events);
        }

        result["apiVersion"] = "events.k8s.io/v1";
        return result;
    }

    private static void Move(JsonObject obj, string from, string to)
    {
        if (obj.TryGetPropertyValue(from, out var value))
        {
            obj.Remove(from);
            obj[to] = value;
        }
    }
}
