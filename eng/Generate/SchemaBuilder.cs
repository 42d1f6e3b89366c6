using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Api.Schema;

namespace Generate;

/// <summary>
/// Structural OpenAPI schemas from types and their attributes. A type that has no rule here is an error, never a schema that
/// keeps unknown fields.
/// </summary>
internal sealed class SchemaBuilder(XmlDocs docs)
{
    public Dictionary<string, object> Object(Type type, string? description = null)
    {
        var schema = new Dictionary<string, object>();
        var text = description ?? docs.Summary(type);
        if (text is not null)
        {
            schema["description"] = text;
        }

        schema["type"] = "object";
        var properties = new Dictionary<string, object>();
        var required = new List<object>();
        foreach (var property in Properties(type))
        {
            properties[JsonName(property)] = Property(property);
            if (property.IsDefined(typeof(RequiredMemberAttribute)))
            {
                required.Add(JsonName(property));
            }
        }

        if (required.Count > 0)
        {
            schema["required"] = required;
        }

        schema["properties"] = properties;
        AddRules(schema, type);
        return schema;
    }

    /// <summary>Properties in the order of the source, which is the order in which people meet them.</summary>
    public static IEnumerable<PropertyInfo> Properties(Type type) => type
        .GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .Where(property => property.GetIndexParameters().Length == 0
            && property.Name != "EqualityContract"
            && property.GetCustomAttribute<JsonIgnoreAttribute>() is not { Condition: JsonIgnoreCondition.Always })
        .OrderBy(property => property.MetadataToken);

    public static string JsonName(PropertyInfo property) =>
        property.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name ?? JsonNamingPolicy.CamelCase.ConvertName(property.Name);

    public static Type Unwrap(Type type) => Nullable.GetUnderlyingType(type) ?? type;

    public static Type? ListItem(Type type) =>
        type.IsGenericType && (type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) || type.GetGenericTypeDefinition() == typeof(IList<>))
            ? type.GetGenericArguments()[0]
            : null;

    public static Type? MapValue(Type type) =>
        type.IsGenericType
        && (type.GetGenericTypeDefinition() == typeof(IReadOnlyDictionary<,>) || type.GetGenericTypeDefinition() == typeof(IDictionary<,>))
            ? type.GetGenericArguments()[1]
            : null;

    private Dictionary<string, object> Property(PropertyInfo property)
    {
        var schema = OfType(property.PropertyType, property);
        var description = docs.Summary(property);
        if (description is not null)
        {
            schema = new Dictionary<string, object>(schema.Where(pair => pair.Key != "description").Prepend(new("description", description)));
        }

        if (property.GetCustomAttribute<DefaultAttribute>() is { } byDefault)
        {
            schema["default"] = FromJson(JsonNode.Parse(byDefault.Json)!);
        }

        AddRules(schema, property);
        return schema;
    }

    private Dictionary<string, object> OfType(Type declared, PropertyInfo property)
    {
        var type = Unwrap(declared);
        if (ListItem(type) is { } item)
        {
            return List(item, property);
        }

        if (MapValue(type) is { } value)
        {
            var map = new Dictionary<string, object> { ["type"] = "object", ["additionalProperties"] = OfType(value, property) };
            if (property.GetCustomAttribute<ItemsAttribute>() is { } count)
            {
                map["maxProperties"] = count.Max;
            }

            return map;
        }

        if (type.IsEnum)
        {
            return new() { ["type"] = "string", ["enum"] = Enum.GetNames(type).ToList<object>() };
        }

        return type switch
        {
            _ when type == typeof(string) => String(property),
            _ when type == typeof(bool) => new() { ["type"] = "boolean" },
            _ when type == typeof(int) => Number(property, "integer", "int32"),
            _ when type == typeof(long) => Number(property, "integer", "int64"),
            _ when type == typeof(double) => Number(property, "number", "double"),
            _ when type == typeof(DateTimeOffset) || type == typeof(DateTime) => new() { ["type"] = "string", ["format"] = "date-time" },
            _ when type == typeof(ByteQuantity) => IntOrString(ByteQuantity.Pattern),
            _ when type == typeof(ResourceQuantity) => IntOrString(
                @"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"),
            _ when type == typeof(V1Condition) => Condition(),
            _ when type.Assembly == typeof(V1ObjectMeta).Assembly || type.Assembly == typeof(KlosetRepository).Assembly => Object(type),
            _ => throw new NotSupportedException($"{property.DeclaringType!.Name}.{property.Name}: no schema for {type}."),
        };
    }

    private Dictionary<string, object> List(Type item, PropertyInfo property)
    {
        var schema = new Dictionary<string, object> { ["type"] = "array" };
        if (property.GetCustomAttribute<ItemsAttribute>() is { } count)
        {
            if (count.Min > 0)
            {
                schema["minItems"] = count.Min;
            }

            schema["maxItems"] = count.Max;
        }

        schema["items"] = OfType(item, property);
        if (property.GetCustomAttribute<ListMapKeysAttribute>() is { } keys)
        {
            schema["x-kubernetes-list-type"] = "map";
            schema["x-kubernetes-list-map-keys"] = keys.Keys.ToList<object>();
        }
        else
        {
            schema["x-kubernetes-list-type"] = "atomic";
        }

        return schema;
    }

    private static Dictionary<string, object> String(PropertyInfo property)
    {
        var schema = new Dictionary<string, object> { ["type"] = "string" };
        var ofItems = ListItem(Unwrap(property.PropertyType)) is not null;
        var (min, max) = ofItems
            ? property.GetCustomAttribute<ItemLengthAttribute>() is { } item ? (item.Min, item.Max) : (0, 0)
            : property.GetCustomAttribute<LengthAttribute>() is { } length ? (length.Min, length.Max) : (0, 0);
        if (min > 0)
        {
            schema["minLength"] = min;
        }

        if (max > 0)
        {
            schema["maxLength"] = max;
        }

        if (property.GetCustomAttribute<PatternAttribute>() is { } pattern)
        {
            schema["pattern"] = pattern.Pattern;
        }

        return schema;
    }

    private static Dictionary<string, object> Number(PropertyInfo property, string type, string format)
    {
        var schema = new Dictionary<string, object> { ["type"] = type, ["format"] = format };
        if (property.GetCustomAttribute<RangeAttribute>() is { } range)
        {
            schema["minimum"] = (long)range.Min;
            if (range.Max < int.MaxValue)
            {
                schema["maximum"] = (long)range.Max;
            }
        }

        return schema;
    }

    private static Dictionary<string, object> IntOrString(string pattern) => new()
    {
        ["anyOf"] = new List<object> { new Dictionary<string, object> { ["type"] = "integer" }, new Dictionary<string, object> { ["type"] = "string" } },
        ["x-kubernetes-int-or-string"] = true,
        ["maxLength"] = 32,
        ["pattern"] = pattern,
    };

    /// <summary>`metav1.Condition` with the bounds that its own documentation gives.</summary>
    private static Dictionary<string, object> Condition() => new()
    {
        ["type"] = "object",
        ["required"] = new List<object> { "type", "status", "lastTransitionTime", "reason", "message" },
        ["properties"] = new Dictionary<string, object>
        {
            ["type"] = new Dictionary<string, object>
            {
                ["type"] = "string",
                ["maxLength"] = 316,
                ["pattern"] = @"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
            },
            ["status"] = new Dictionary<string, object> { ["type"] = "string", ["enum"] = new List<object> { "True", "False", "Unknown" } },
            ["observedGeneration"] = new Dictionary<string, object> { ["type"] = "integer", ["format"] = "int64", ["minimum"] = 0 },
            ["lastTransitionTime"] = new Dictionary<string, object> { ["type"] = "string", ["format"] = "date-time" },
            ["reason"] = new Dictionary<string, object>
            {
                ["type"] = "string",
                ["minLength"] = 1,
                ["maxLength"] = 1024,
                ["pattern"] = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
            },
            ["message"] = new Dictionary<string, object> { ["type"] = "string", ["maxLength"] = 32768 },
        },
    };

    private static void AddRules(Dictionary<string, object> schema, MemberInfo member)
    {
        var rules = member.GetCustomAttributes<ValidationRuleAttribute>()
            .Select(object (rule) => new Dictionary<string, object> { ["rule"] = rule.Rule, ["message"] = rule.Message })
            .ToList();
        if (rules.Count == 0)
        {
            return;
        }

        if (schema.TryGetValue("x-kubernetes-validations", out var there))
        {
            rules.InsertRange(0, (List<object>)there);
        }

        schema["x-kubernetes-validations"] = rules;
    }

    private static object FromJson(JsonNode node) => node switch
    {
        JsonObject map => map.ToDictionary(pair => pair.Key, pair => FromJson(pair.Value!)),
        JsonArray list => list.Select(item => FromJson(item!)).ToList(),
        JsonValue value when value.TryGetValue<bool>(out var flag) => flag,
        JsonValue value when value.TryGetValue<long>(out var number) => number,
        JsonValue value => value.GetValue<string>(),
        _ => throw new NotSupportedException($"no default of the kind {node}"),
    };
}
