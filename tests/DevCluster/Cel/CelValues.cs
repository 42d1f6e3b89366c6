using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DevCluster.Json;
using DevCluster.Schemas;

namespace DevCluster.Cel;

/// <summary>A rule met a value that it can't work with: a missing key, a division by zero, a duration that is none.</summary>
internal sealed class CelEvaluationException(string message) : Exception(message);

/// <summary>Durations as Go writes them: <c>1h30m</c>, <c>-1.5s</c>.</summary>
internal static partial class CelDuration
{
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        if (text is "0" or "-0" or "+0")
        {
            return true;
        }

        var match = Shape().Match(text);
        if (!match.Success)
        {
            return false;
        }

        var ticks = 0m;
        for (var i = 0; i < match.Groups["n"].Captures.Count; i++)
        {
            var n = decimal.Parse(match.Groups["n"].Captures[i].ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
            ticks += n * match.Groups["u"].Captures[i].Value switch
            {
                "h" => TimeSpan.TicksPerHour,
                "m" => TimeSpan.TicksPerMinute,
                "s" => TimeSpan.TicksPerSecond,
                "ms" => TimeSpan.TicksPerMillisecond,
                "ns" => 0.01m,
                _ => TimeSpan.TicksPerMicrosecond,
            };
        }

        if (ticks > 9.2e18m)
        {
            return false;
        }

        duration = TimeSpan.FromTicks((long)ticks);
        if (text[0] == '-')
        {
            duration = -duration;
        }

        return true;
    }

    [GeneratedRegex(@"^[-+]?((?<n>[0-9]+(\.[0-9]*)?|\.[0-9]+)(?<u>ns|us|µs|μs|ms|s|m|h))+$", RegexOptions.CultureInvariant)]
    private static partial Regex Shape();
}

/// <summary>A map or an object. Members are converted when they are asked for, with the types that the schema gives them.</summary>
internal sealed class CelMap
{
    private readonly JsonObject? _json;
    private readonly StructuralSchema? _schema;
    private readonly Dictionary<object, object?>? _entries;

    public CelMap(JsonObject json, StructuralSchema? schema)
    {
        _json = json;
        _schema = schema;
    }

    public CelMap(Dictionary<object, object?> entries) => _entries = entries;

    public int Count => _json?.Count ?? _entries!.Count;

    public IEnumerable<object> Keys => _json is null ? _entries!.Keys : _json.Select(pair => (object)pair.Key);

    public bool TryGet(object? key, out object? value)
    {
        value = null;
        if (_json is null)
        {
            foreach (var (known, found) in _entries!)
            {
                if (CelValue.AreEqual(known, key))
                {
                    value = found;
                    return true;
                }
            }

            return false;
        }

        if (key is string name && _json.TryGetPropertyValue(name, out var node))
        {
            value = CelValue.From(node, _schema?.Child(name));
            return true;
        }

        return false;
    }

    /// <summary>A field by its name in the language, in which <c>__dash__</c> stands for a dash.</summary>
    public bool TryGetField(string field, out object? value) => TryGet(field, out value) || TryGet(Unescape(field), out value);

    public static string Unescape(string field)
    {
        if (!field.Contains("__", StringComparison.Ordinal))
        {
            return field;
        }

        if (field.Length > 4 && field.StartsWith("__", StringComparison.Ordinal) && field.EndsWith("__", StringComparison.Ordinal)
            && field[2..^2] is "true" or "false" or "null" or "in" or "as" or "break" or "const" or "continue" or "else" or "for" or "function" or "if"
            or "import" or "let" or "loop" or "package" or "namespace" or "return")
        {
            return field[2..^2];
        }

        return field.Replace("__dash__", "-", StringComparison.Ordinal).Replace("__dot__", ".", StringComparison.Ordinal)
            .Replace("__slash__", "/", StringComparison.Ordinal).Replace("__underscores__", "__", StringComparison.Ordinal);
    }
}

/// <param name="Value">Meaningless when there is none.</param>
internal sealed record CelOptional(bool HasValue, object? Value)
{
    public static readonly CelOptional None = new(false, null);
}

internal sealed record CelType(string Name);

internal static class CelValue
{
    public static object? From(JsonNode? node, StructuralSchema? schema)
    {
        switch (node)
        {
            case null:
                return null;
            case JsonObject obj:
                return new CelMap(obj, schema);
            case JsonArray array:
                return array.Select(item => From(item, schema?.Items)).ToList();
        }

        var value = (JsonValue)node;
        switch (value.GetValueKind())
        {
            case JsonValueKind.True:
                return true;
            case JsonValueKind.False:
                return false;
            case JsonValueKind.String:
                var text = value.GetValue<string>();
                return schema is null || schema.IntOrString ? text : schema.Format switch
                {
                    "duration" when CelDuration.TryParse(text, out var duration) => duration,
                    "date-time" when DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) => time,
                    "date" when DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date) => date,
                    "byte" => Convert.FromBase64String(text),
                    _ => text,
                };
            default:
                return schema?.Type != SchemaType.Number && JsonAccess.ToInteger(value) is { } integer ? (object)integer : JsonAccess.ToNumber(value) ?? 0;
        }
    }

    public static bool AreEqual(object? left, object? right)
    {
        if (left is long or ulong or double && right is long or ulong or double)
        {
            return Compare(left, right) == 0;
        }

        return (left, right) switch
        {
            (null, null) => true,
            (null, _) or (_, null) => false,
            (byte[] a, byte[] b) => a.AsSpan().SequenceEqual(b),
            (List<object?> a, List<object?> b) => a.Count == b.Count && a.Zip(b).All(pair => AreEqual(pair.First, pair.Second)),
            (CelMap a, CelMap b) => a.Count == b.Count && a.Keys.All(key =>
                a.TryGet(key, out var mine) && b.TryGet(key, out var other) && AreEqual(mine, other)),
            (CelOptional a, CelOptional b) => a.HasValue == b.HasValue && (!a.HasValue || AreEqual(a.Value, b.Value)),
            _ => left.Equals(right),
        };
    }

    public static int Compare(object? left, object? right) => (left, right) switch
    {
        (long a, long b) => a.CompareTo(b),
        (ulong a, ulong b) => a.CompareTo(b),
        (double a, double b) => a.CompareTo(b),
        (long or ulong or double, long or ulong or double) => Convert.ToDecimal(left, CultureInfo.InvariantCulture).CompareTo(Convert.ToDecimal(right, CultureInfo.InvariantCulture)),
        (string a, string b) => CompareText(a, b),
        (bool a, bool b) => a.CompareTo(b),
        (TimeSpan a, TimeSpan b) => a.CompareTo(b),
        (DateTimeOffset a, DateTimeOffset b) => a.CompareTo(b),
        (byte[] a, byte[] b) => a.AsSpan().SequenceCompareTo(b),
        (CelQuantity a, CelQuantity b) => a.Value.CompareTo(b.Value),
        _ => throw new CelEvaluationException("no such overload: comparison of " + TypeName(left) + " and " + TypeName(right)),
    };

    public static string TypeName(object? value) => value switch
    {
        null => "null_type",
        bool => "bool",
        long => "int",
        ulong => "uint",
        double => "double",
        string => "string",
        byte[] => "bytes",
        List<object?> => "list",
        CelMap => "map",
        TimeSpan => "google.protobuf.Duration",
        DateTimeOffset => "google.protobuf.Timestamp",
        CelOptional => "optional_type",
        CelQuantity => "kubernetes.Quantity",
        Uri => "kubernetes.URL",
        _ => "type",
    };

    private static int CompareText(string left, string right) => Encoding.UTF8.GetBytes(left).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(right));
}

/// <summary>A Kubernetes quantity such as <c>50Gi</c> or <c>100m</c>.</summary>
internal sealed partial record CelQuantity(decimal Value)
{
    public static CelQuantity? Parse(string text)
    {
        var match = Shape().Match(text);
        if (!match.Success || !decimal.TryParse(match.Groups[1].ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
        {
            return null;
        }

        var scale = match.Groups[2].Value switch
        {
            "n" => 0.000000001m,
            "u" => 0.000001m,
            "m" => 0.001m,
            "" => 1m,
            "k" => 1_000m,
            "M" => 1_000_000m,
            "G" => 1_000_000_000m,
            "T" => 1_000_000_000_000m,
            "P" => 1_000_000_000_000_000m,
            "E" => 1_000_000_000_000_000_000m,
            "Ki" => 1024m,
            "Mi" => 1024m * 1024,
            "Gi" => 1024m * 1024 * 1024,
            "Ti" => 1024m * 1024 * 1024 * 1024,
            "Pi" => 1024m * 1024 * 1024 * 1024 * 1024,
            _ => 1024m * 1024 * 1024 * 1024 * 1024 * 1024,
        };
        return number > decimal.MaxValue / 1_200_000_000_000_000_000m ? null : new CelQuantity(number * scale);
    }

    [GeneratedRegex(@"^([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$")]
    private static partial Regex Shape();
}
