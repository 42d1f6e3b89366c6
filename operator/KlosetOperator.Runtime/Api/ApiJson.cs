using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using k8s.Models;

namespace KlosetOperator.Runtime.Api;

/// <summary>
/// JSON as the API server speaks it: camelCase, nulls left out, times in RFC 3339. Whole seconds are written without
/// a fraction, as <c>metav1.Time</c> is; where the API asks for <c>MicroTime</c> there are always six digits.
/// <c>metadata.managedFields</c> is neither read nor written.
/// </summary>
public static class ApiJson
{
    public static JsonSerializerOptions Options { get; } = Create();

    /// <summary>A deep copy, for changing what came from a cache.</summary>
    public static T Clone<T>(T value)
        where T : class =>
        JsonSerializer.Deserialize<T>(JsonSerializer.SerializeToUtf8Bytes(value, Options), Options)!;

    /// <summary>The value as a tree, to send or to compare.</summary>
    public static JsonNode? ToNode<T>(T value) => JsonSerializer.SerializeToNode(value, Options);

    private static JsonSerializerOptions Create()
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { Adapt } },
        };
        options.Converters.Add(new JsonStringEnumConverter(namingPolicy: null, allowIntegerValues: false));
        options.Converters.Add(new PooledStringConverter());
        options.Converters.Add(new TimeConverter(alwaysMicroseconds: false));
        options.Converters.Add(new OffsetTimeConverter());
        options.MakeReadOnly();
        return options;
    }

    private static void Adapt(JsonTypeInfo type)
    {
        if (type.Type == typeof(V1ObjectMeta))
        {
            // Who wrote which field is most of a small object's weight, nobody here asks for it, and a write without it leaves it alone.
            type.Properties.Remove(type.Properties.Single(static property => property.Name == "managedFields"));
        }
        else if (type.Type == typeof(V1LeaseSpec) || type.Type == typeof(Eventsv1EventSeries))
        {
            foreach (var property in type.Properties)
            {
                Micro(property);
            }
        }
        else if (type.Type == typeof(Eventsv1Event))
        {
            // Only this one: the deprecated time stamps are plain times.
            Micro(type.Properties.Single(static property => property.Name == "eventTime"));
        }

        static void Micro(JsonPropertyInfo property)
        {
            if (property.PropertyType == typeof(DateTime))
            {
                property.CustomConverter = new TimeConverter(alwaysMicroseconds: true);
            }
            else if (property.PropertyType == typeof(DateTime?))
            {
                property.CustomConverter = new NullableMicroTimeConverter();
            }
        }
    }

    private static DateTimeOffset Read(ref Utf8JsonReader reader) =>
        DateTimeOffset.TryParse(
            reader.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
            ? time
            : throw new JsonException("Not a time in RFC 3339.");

    private static string Write(DateTime utc, bool alwaysMicroseconds) => utc.ToString(
        alwaysMicroseconds || utc.Ticks % TimeSpan.TicksPerSecond != 0 ? "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'" : "yyyy-MM-dd'T'HH:mm:ss'Z'",
        CultureInfo.InvariantCulture);

    private sealed class TimeConverter(bool alwaysMicroseconds) : JsonConverter<DateTime>
    {
        public override DateTime Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            ApiJson.Read(ref reader).UtcDateTime;

        public override void Write(Utf8JsonWriter writer, DateTime value, JsonSerializerOptions options) =>
            writer.WriteStringValue(ApiJson.Write(value.ToUniversalTime(), alwaysMicroseconds));
    }

    private sealed class NullableMicroTimeConverter : JsonConverter<DateTime?>
    {
        public override DateTime? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.Null ? null : ApiJson.Read(ref reader).UtcDateTime;

        public override void Write(Utf8JsonWriter writer, DateTime? value, JsonSerializerOptions options)
        {
            if (value is { } time)
            {
                writer.WriteStringValue(ApiJson.Write(time.ToUniversalTime(), alwaysMicroseconds: true));
            }
            else
            {
                writer.WriteNullValue();
            }
        }
    }

    private sealed class OffsetTimeConverter : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            ApiJson.Read(ref reader);

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
            writer.WriteStringValue(ApiJson.Write(value.UtcDateTime, alwaysMicroseconds: false));
    }
}
