using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace KlosetOperator.Api;

/// <summary>
/// A number of bytes as Kubernetes writes quantities: `1500`, `20Mi`, `1.5G`. In JSON a string or an integer.
/// The text is kept as it was written.
/// </summary>
[JsonConverter(typeof(ByteQuantityConverter))]
public readonly record struct ByteQuantity
{
    /// <summary>RE2 pattern of what is accepted; no exponents and no thousandths, which nobody means for bytes.</summary>
    public const string Pattern = @"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E)?$";

    private static readonly (string Suffix, decimal Factor)[] Suffixes =
    [
        ("Ki", 1L << 10), ("Mi", 1L << 20), ("Gi", 1L << 30), ("Ti", 1L << 40), ("Pi", 1L << 50), ("Ei", 1L << 60),
        ("k", 1e3m), ("M", 1e6m), ("G", 1e9m), ("T", 1e12m), ("P", 1e15m), ("E", 1e18m),
    ];

    private readonly string? _text;

    private ByteQuantity(string text, long bytes)
    {
        _text = text;
        Bytes = bytes;
    }

    public long Bytes { get; }

    /// <exception cref="FormatException">The text is no number of bytes, or more than 8 EiB.</exception>
    public static ByteQuantity Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var (suffix, factor) = Suffixes.FirstOrDefault(s => text.EndsWith(s.Suffix, StringComparison.Ordinal));
        var number = suffix is null ? text : text[..^suffix.Length];
        if (!decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
            || value < 0 || value * (suffix is null ? 1 : factor) > long.MaxValue)
        {
            throw new FormatException($"'{text}' is not a number of bytes; write for example 50Gi.");
        }

        return new ByteQuantity(text, (long)Math.Ceiling(value * (suffix is null ? 1 : factor)));
    }

    public override string ToString() => _text ?? "0";
}

internal sealed class ByteQuantityConverter : JsonConverter<ByteQuantity>
{
    public override ByteQuantity Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        try
        {
            return reader.TokenType == JsonTokenType.Number
                ? ByteQuantity.Parse(reader.GetInt64().ToString(CultureInfo.InvariantCulture))
                : ByteQuantity.Parse(reader.GetString() ?? "");
        }
        catch (FormatException failure)
        {
            throw new JsonException(failure.Message, failure);
        }
    }

    public override void Write(Utf8JsonWriter writer, ByteQuantity value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}
