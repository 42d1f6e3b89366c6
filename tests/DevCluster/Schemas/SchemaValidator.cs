using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DevCluster.Json;

namespace DevCluster.Schemas;

/// <summary>Values against a structural schema, with the messages of the API server. What did not change is not judged again.</summary>
internal static class SchemaValidator
{
    /// <param name="old">The value before an update; null on creation.</param>
    public static List<FieldError> Validate(JsonNode? value, JsonNode? old, StructuralSchema schema, string path)
    {
        var errors = new List<FieldError>();
        Check(value, old, schema, path, errors);
        return errors;
    }

    private static void Check(JsonNode? value, JsonNode? old, StructuralSchema schema, string path, List<FieldError> errors)
    {
        if (old is not null && JsonAccess.Same(value, old))
        {
            return;
        }

        if (value is null)
        {
            if (!schema.Nullable && schema.Type != SchemaType.Any)
            {
                errors.Add(FieldError.Invalid(path, "null", $"{path} in body must be of type {TypeName(schema)}: \"null\""));
            }

            return;
        }

        if (!HasType(value, schema))
        {
            errors.Add(FieldError.Invalid(path, Kind(value), $"{path} in body must be of type {TypeName(schema)}: \"{Kind(value)}\""));
            return;
        }

        CheckValue(value, schema, path, errors);
        switch (value)
        {
            case JsonObject obj:
                foreach (var name in schema.Required)
                {
                    if (!obj.ContainsKey(name))
                    {
                        errors.Add(FieldError.Required(Join(path, name)));
                    }
                }

                foreach (var (name, child) in obj)
                {
                    if (schema.Properties.TryGetValue(name, out var known))
                    {
                        Check(child, old.At(name), known, Join(path, name), errors);
                    }
                    else if (schema.AdditionalProperties is { } additional)
                    {
                        Check(child, old.At(name), additional, $"{path}[{name}]", errors);
                    }
                }

                break;
            case JsonArray array when schema.Items is { } items:
                CheckList(array, old as JsonArray, schema, items, path, errors);
                break;
        }

        foreach (var rule in schema.Rules)
        {
            if (rule.Violation(value, old, path) is { } violation)
            {
                errors.Add(violation);
            }
        }
    }

    private static void CheckList(JsonArray array, JsonArray? old, StructuralSchema schema, StructuralSchema items, string path, List<FieldError> errors)
    {
        for (var i = 0; i < array.Count; i++)
        {
            var place = string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]");
            Check(array[i], Correlate(array[i], i, old, schema), items, place, errors);
            if (schema.List == ListKind.Atomic)
            {
                continue;
            }

            for (var j = 0; j < i; j++)
            {
                if (schema.List == ListKind.Set ? JsonAccess.Same(array[i], array[j]) : SameKeys(array[i], array[j], schema.ListKeys))
                {
                    errors.Add(FieldError.Duplicate(place, array[i]));
                    break;
                }
            }
        }
    }

    private static JsonNode? Correlate(JsonNode? item, int index, JsonArray? old, StructuralSchema schema) => (schema.List, old) switch
    {
        (_, null) => null,
        (ListKind.Map, _) => old.FirstOrDefault(other => SameKeys(item, other, schema.ListKeys)),
        (ListKind.Set, _) => old.FirstOrDefault(other => JsonAccess.Same(item, other)),
        _ => index < old.Count && JsonAccess.Same(item, old[index]) ? old[index] : null,
    };

    public static bool SameKeys(JsonNode? left, JsonNode? right, IReadOnlyList<string> keys) =>
        keys.All(key => JsonAccess.Same(left.At(key), right.At(key)));

    private static void CheckValue(JsonNode value, StructuralSchema schema, string path, List<FieldError> errors)
    {
        if (schema.Enum is { } allowed && !allowed.Any(item => JsonAccess.Same(item, value)))
        {
            errors.Add(FieldError.NotSupported(path, value, allowed));
        }

        if (value.Text() is { } text)
        {
            CheckText(text, value, schema, path, errors);
        }

        if (value is JsonValue number && JsonAccess.ToNumber(number) is { } n)
        {
            CheckNumber(n, value, schema, path, errors);
        }

        if (value is JsonArray array)
        {
            if (array.Count > schema.MaxItems)
            {
                errors.Add(FieldError.TooMany(path, array.Count, schema.MaxItems.Value));
            }

            if (array.Count < schema.MinItems)
            {
                errors.Add(FieldError.Invalid(path, array.Count, $"{path} in body should have at least {schema.MinItems} items"));
            }
        }

        if (value is JsonObject obj)
        {
            if (obj.Count > schema.MaxProperties)
            {
                errors.Add(FieldError.TooMany(path, obj.Count, schema.MaxProperties.Value));
            }

            if (obj.Count < schema.MinProperties)
            {
                errors.Add(FieldError.Invalid(path, obj.Count, $"{path} in body should have at least {schema.MinProperties} properties"));
            }
        }

        foreach (var part in schema.AllOf)
        {
            Check(value, null, part, path, errors);
        }

        if (schema.AnyOf.Count > 0 && !schema.AnyOf.Any(part => Validate(value, null, part, path).Count == 0))
        {
            errors.Add(FieldError.Invalid(path, value.Copy(), $"{path} in body must validate at least one schema (anyOf)"));
        }

        if (schema.OneOf.Count > 0 && schema.OneOf.Count(part => Validate(value, null, part, path).Count == 0) != 1)
        {
            errors.Add(FieldError.Invalid(path, value.Copy(), $"{path} in body must validate one and only one schema (oneOf)"));
        }

        if (schema.Not is { } not && Validate(value, null, not, path).Count == 0)
        {
            errors.Add(FieldError.Invalid(path, value.Copy(), $"{path} in body must not validate the schema (not)"));
        }
    }

    private static void CheckText(string text, JsonNode value, StructuralSchema schema, string path, List<FieldError> errors)
    {
        var length = text.EnumerateRunes().Count();
        if (length > schema.MaxLength)
        {
            errors.Add(FieldError.TooLong(path, $"may not be more than {schema.MaxLength} bytes"));
        }

        if (length < schema.MinLength)
        {
            errors.Add(FieldError.Invalid(path, value.Copy(), $"{path} in body should be at least {schema.MinLength} chars long"));
        }

        if (schema.Pattern is { } pattern && !pattern.IsMatch(text))
        {
            errors.Add(FieldError.Invalid(path, value.Copy(), $"{path} in body should match '{schema.PatternText}'"));
        }

        var formatted = schema.Format switch
        {
            "date-time" => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out _) && text.Contains('T', StringComparison.OrdinalIgnoreCase),
            "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _),
            "uuid" => Guid.TryParse(text, out _),
            "byte" => Convert.TryFromBase64String(text, new byte[Encoding.UTF8.GetMaxByteCount(text.Length)], out _),
            "duration" => Cel.CelDuration.TryParse(text, out _),
            "ipv4" or "ipv6" => IPAddress.TryParse(text, out _),
            "uri" => Uri.TryCreate(text, UriKind.Absolute, out _),
            _ => true,
        };
        if (!formatted)
        {
            errors.Add(FieldError.Invalid(path, value.Copy(), $"{path} in body must be of type {schema.Format}: \"{text}\""));
        }
    }

    private static void CheckNumber(double number, JsonNode value, StructuralSchema schema, string path, List<FieldError> errors)
    {
        if (schema.Minimum is { } least && (number < least || (schema.ExclusiveMinimum && number <= least)))
        {
            errors.Add(FieldError.Invalid(path, value.Copy(),
                string.Create(CultureInfo.InvariantCulture, $"{path} in body should be greater than {(schema.ExclusiveMinimum ? "" : "or equal to ")}{least}")));
        }

        if (schema.Maximum is { } most && (number > most || (schema.ExclusiveMaximum && number >= most)))
        {
            errors.Add(FieldError.Invalid(path, value.Copy(),
                string.Create(CultureInfo.InvariantCulture, $"{path} in body should be less than {(schema.ExclusiveMaximum ? "" : "or equal to ")}{most}")));
        }

        if (schema.MultipleOf is { } step && Math.Abs(Math.IEEERemainder(number, step)) > 1e-9)
        {
            errors.Add(FieldError.Invalid(path, value.Copy(), string.Create(CultureInfo.InvariantCulture, $"{path} in body should be a multiple of {step}")));
        }

        var fits = schema.Format switch
        {
            "int32" => number is >= int.MinValue and <= int.MaxValue,
            "int64" => number is >= long.MinValue and <= long.MaxValue,
            _ => true,
        };
        if (!fits)
        {
            errors.Add(FieldError.Invalid(path, value.Copy(), $"{path} in body must be of type {schema.Format}"));
        }
    }

    private static bool HasType(JsonNode value, StructuralSchema schema)
    {
        if (schema.IntOrString)
        {
            return value is JsonValue v && (v.GetValueKind() == JsonValueKind.String || JsonAccess.ToInteger(v) is not null);
        }

        return schema.Type switch
        {
            SchemaType.Object => value is JsonObject,
            SchemaType.Array => value is JsonArray,
            SchemaType.String => value.GetValueKind() == JsonValueKind.String,
            SchemaType.Boolean => value.GetValueKind() is JsonValueKind.True or JsonValueKind.False,
            SchemaType.Integer => value is JsonValue v && JsonAccess.ToInteger(v) is not null,
            SchemaType.Number => value.GetValueKind() == JsonValueKind.Number,
            _ => true,
        };
    }

    private static string TypeName(StructuralSchema schema) =>
        schema.IntOrString ? "integer,string" : schema.Type.ToString().ToLowerInvariant();

    private static string Kind(JsonNode value) => value.GetValueKind() switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => value is JsonValue v && JsonAccess.ToInteger(v) is not null ? "integer" : "number",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        _ => "null",
    };

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
