using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace KlosetOperator.Runtime.Api;

/// <summary>
/// Reads equal strings as one object where it can: thousands of cached objects repeat the same labels, reasons and
/// messages. The pool is a table of fixed size in which a newer string simply takes an older one's place.
/// </summary>
internal sealed class PooledStringConverter : JsonConverter<string>
{
    /// <summary>Longer ones rarely repeat.</summary>
    private const int LongestPooled = 256;

    private const int Slots = 1 << 13;

    // References are written whole, so a race costs one copy at most.
    private readonly string?[] _pool = new string?[Slots];

    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Pooled(ref reader);

    public override string ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Pooled(ref reader)!;

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);

    public override void WriteAsPropertyName(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WritePropertyName(value);

    private string? Pooled(ref Utf8JsonReader reader)
    {
        if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName)
            || reader.HasValueSequence || reader.ValueIsEscaped || reader.ValueSpan.Length > LongestPooled)
        {
            return reader.GetString();
        }

        var hash = default(HashCode);
        hash.AddBytes(reader.ValueSpan);
        ref var slot = ref _pool[hash.ToHashCode() & (Slots - 1)];
        var known = slot;
        if (known is not null && Ascii.Equals(reader.ValueSpan, known))
        {
            return known;
        }

        return slot = reader.GetString();
    }
}
