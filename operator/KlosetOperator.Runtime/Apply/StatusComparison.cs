using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace KlosetOperator.Runtime.Apply;

/// <summary>Whether a status already says what it should. Transition times of conditions do not count.</summary>
internal static class StatusComparison
{
    private const string Conditions = "conditions";
    private const string TransitionTime = "lastTransitionTime";

    /// <summary>The same, in every field and condition.</summary>
    public static bool Says(JsonNode? current, JsonNode wanted) => Equal(current, wanted, foreign: false);

    /// <summary>The same, but for fields and conditions that only <paramref name="current"/> has.</summary>
    public static bool SaysAtLeast(JsonNode? current, JsonNode wanted) => Equal(current, wanted, foreign: true);

    /// <summary>The same for two statuses exactly when one <see cref="Says"/> the other.</summary>
    public static UInt128 Fingerprint(JsonNode status)
    {
        var canonical = new ArrayBufferWriter<byte>(4096);
        using (var writer = new Utf8JsonWriter(canonical))
        {
            Write(writer, status is JsonObject top ? Canonical(top, top[Conditions] as JsonArray ?? []) : status);
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(canonical.WrittenSpan, hash);
        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }

    private static JsonObject Canonical(JsonObject status, JsonArray conditions)
    {
        var copy = (JsonObject)status.DeepClone();
        copy[Conditions] = new JsonArray(
        [
            .. conditions.OfType<JsonObject>().OrderBy(static condition => (string?)condition["type"], StringComparer.Ordinal).Select(static condition =>
            {
                var timeless = (JsonObject)condition.DeepClone();
                timeless.Remove(TransitionTime);
                return timeless;
            }),
        ]);
        return copy;
    }

    /// <summary>With the fields in one order, whatever order they came in.</summary>
    private static void Write(Utf8JsonWriter writer, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject fields:
                writer.WriteStartObject();
                foreach (var (name, value) in fields.OrderBy(static field => field.Key, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(name);
                    Write(writer, value);
                }

                writer.WriteEndObject();
                break;
            case JsonArray items:
                writer.WriteStartArray();
                foreach (var item in items)
                {
                    Write(writer, item);
                }

                writer.WriteEndArray();
                break;
            case null:
                writer.WriteNullValue();
                break;
            default:
                node.WriteTo(writer);
                break;
        }
    }

    private static bool Equal(JsonNode? current, JsonNode wanted, bool foreign)
    {
        if (current is not JsonObject left || wanted is not JsonObject right)
        {
            return JsonNode.DeepEquals(current, wanted);
        }

        return (foreign || left.Count(static field => field.Key != Conditions) == right.Count(static field => field.Key != Conditions))
            && right.Where(static field => field.Key != Conditions)
                .All(field => left.TryGetPropertyValue(field.Key, out var value) && Same(value, field.Value, foreign))
            && SameConditions(left[Conditions] as JsonArray ?? [], right[Conditions] as JsonArray ?? [], foreign);
    }

    private static bool Same(JsonNode? current, JsonNode? wanted, bool foreign) => foreign && current is JsonObject left && wanted is JsonObject right
        ? right.All(field => left.TryGetPropertyValue(field.Key, out var value) && Same(value, field.Value, foreign))
        : JsonNode.DeepEquals(current, wanted);

    private static bool SameConditions(JsonArray current, JsonArray wanted, bool foreign)
    {
        // A list-map: the order is the server's business.
        var known = new Dictionary<string, JsonObject>(StringComparer.Ordinal);
        foreach (var condition in current.OfType<JsonObject>())
        {
            known[(string?)condition["type"] ?? ""] = condition;
        }

        return (foreign || known.Count == wanted.Count)
            && wanted.OfType<JsonObject>().All(condition => known.TryGetValue((string?)condition["type"] ?? "", out var match) && SameCondition(match, condition));
    }

    private static bool SameCondition(JsonObject left, JsonObject right) =>
        left.Count(static field => field.Key != TransitionTime) == right.Count(static field => field.Key != TransitionTime)
        && right.Where(static field => field.Key != TransitionTime)
            .All(field => left.TryGetPropertyValue(field.Key, out var value) && JsonNode.DeepEquals(value, field.Value));
}
