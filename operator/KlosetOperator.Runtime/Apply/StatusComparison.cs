using System.Text.Json.Nodes;

namespace KlosetOperator.Runtime.Apply;

/// <summary>Whether a status already says what it should. Transition times of conditions do not count.</summary>
internal static class StatusComparison
{
    private const string Conditions = "conditions";
    private const string TransitionTime = "lastTransitionTime";

    /// <summary>The same, in every field and condition.</summary>
    public static bool Says(JsonNode? current, JsonNode wanted) => Equal(current, wanted, foreignConditions: false);

    /// <summary>The same, but for conditions that only <paramref name="current"/> has.</summary>
    public static bool SaysAtLeast(JsonNode? current, JsonNode wanted) => Equal(current, wanted, foreignConditions: true);

    private static bool Equal(JsonNode? current, JsonNode wanted, bool foreignConditions)
    {
        if (current is not JsonObject left || wanted is not JsonObject right)
        {
            return JsonNode.DeepEquals(current, wanted);
        }

        return left.Count(static field => field.Key != Conditions) == right.Count(static field => field.Key != Conditions)
            && right.Where(static field => field.Key != Conditions)
                .All(field => left.TryGetPropertyValue(field.Key, out var value) && JsonNode.DeepEquals(value, field.Value))
            && SameConditions(left[Conditions] as JsonArray ?? [], right[Conditions] as JsonArray ?? [], foreignConditions);
    }

    private static bool SameConditions(JsonArray current, JsonArray wanted, bool foreignConditions)
    {
        // A list-map: the order is the server's business.
        var known = new Dictionary<string, JsonObject>(StringComparer.Ordinal);
        foreach (var condition in current.OfType<JsonObject>())
        {
            known[(string?)condition["type"] ?? ""] = condition;
        }

        return (foreignConditions || known.Count == wanted.Count)
            && wanted.OfType<JsonObject>().All(condition => known.TryGetValue((string?)condition["type"] ?? "", out var match) && SameCondition(match, condition));
    }

    private static bool SameCondition(JsonObject left, JsonObject right) =>
        left.Count(static field => field.Key != TransitionTime) == right.Count(static field => field.Key != TransitionTime)
        && right.Where(static field => field.Key != TransitionTime)
            .All(field => left.TryGetPropertyValue(field.Key, out var value) && JsonNode.DeepEquals(value, field.Value));
}
