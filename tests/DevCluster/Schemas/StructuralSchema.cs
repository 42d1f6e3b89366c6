using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DevCluster.Cel;
using DevCluster.Json;

namespace DevCluster.Schemas;

internal enum SchemaType
{
    /// <summary>No type given: an extension such as int-or-string or preserve-unknown-fields decides.</summary>
    Any,
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

internal enum ListKind
{
    Atomic,
    Set,
    Map,
}

/// <summary>
/// A structural schema as CustomResourceDefinitions carry it, ready to prune, default, validate and to tell server-side apply
/// how lists merge. Schemas of built-in kinds have the same shape and may contain themselves.
/// </summary>
internal sealed class StructuralSchema
{
    public SchemaType Type { get; set; }

    public bool IntOrString { get; set; }

    public bool PreserveUnknown { get; set; }

    public bool EmbeddedResource { get; set; }

    public bool Nullable { get; set; }

    public Dictionary<string, StructuralSchema> Properties { get; } = new(StringComparer.Ordinal);

    public StructuralSchema? AdditionalProperties { get; set; }

    public StructuralSchema? Items { get; set; }

    public IReadOnlyList<string> Required { get; set; } = [];

    public JsonNode? Default { get; set; }

    public IReadOnlyList<JsonNode?>? Enum { get; set; }

    public Regex? Pattern { get; set; }

    public string? PatternText { get; set; }

    public string? Format { get; set; }

    public long? MinLength { get; set; }

    public long? MaxLength { get; set; }

    public long? MinItems { get; set; }

    public long? MaxItems { get; set; }

    public long? MinProperties { get; set; }

    public long? MaxProperties { get; set; }

    public double? Minimum { get; set; }

    public double? Maximum { get; set; }

    public bool ExclusiveMinimum { get; set; }

    public bool ExclusiveMaximum { get; set; }

    public double? MultipleOf { get; set; }

    public ListKind List { get; set; }

    public IReadOnlyList<string> ListKeys { get; set; } = [];

    public bool AtomicMap { get; set; }

    /// <summary>The key of a strategic merge; null where lists are replaced. Built-in kinds only.</summary>
    public string? PatchMergeKey { get; set; }

    public IReadOnlyList<CelRule> Rules { get; set; } = [];

    public IReadOnlyList<StructuralSchema> AllOf { get; set; } = [];

    public IReadOnlyList<StructuralSchema> AnyOf { get; set; } = [];

    public IReadOnlyList<StructuralSchema> OneOf { get; set; } = [];

    public StructuralSchema? Not { get; set; }

    public string? Description { get; set; }

    /// <summary>Name under <c>components.schemas</c> of OpenAPI; null for what is written in place.</summary>
    public string? Name { get; set; }

    public StructuralSchema? Child(string name) => Properties.GetValueOrDefault(name) ?? AdditionalProperties;

    /// <summary>Reads the schema of a CustomResourceDefinition.</summary>
    /// <param name="errors">What the API server would refuse it for.</param>
    public static StructuralSchema Parse(JsonObject source, string path, List<FieldError> errors) => Parse(source, path, errors, false);

    private static StructuralSchema Parse(JsonObject source, string path, List<FieldError> errors, bool inJunctor)
    {
        var schema = new StructuralSchema
        {
            IntOrString = source.Flag("x-kubernetes-int-or-string") == true,
            PreserveUnknown = source.Flag("x-kubernetes-preserve-unknown-fields") == true,
            EmbeddedResource = source.Flag("x-kubernetes-embedded-resource") == true,
            Nullable = source.Flag("nullable") == true,
            Required = Strings(source, "required"),
            Default = source.TryGetPropertyValue("default", out var value) ? value.Copy() : null,
            Enum = source.Array("enum")?.Select(item => item.Copy()).ToArray(),
            PatternText = source.Text("pattern"),
            Format = source.Text("format"),
            MinLength = source.Integer("minLength"),
            MaxLength = source.Integer("maxLength"),
            MinItems = source.Integer("minItems"),
            MaxItems = source.Integer("maxItems"),
            MinProperties = source.Integer("minProperties"),
            MaxProperties = source.Integer("maxProperties"),
            Minimum = Number(source, "minimum"),
            Maximum = Number(source, "maximum"),
            ExclusiveMinimum = source.Flag("exclusiveMinimum") == true,
            ExclusiveMaximum = source.Flag("exclusiveMaximum") == true,
            MultipleOf = Number(source, "multipleOf"),
            AtomicMap = source.Text("x-kubernetes-map-type") == "atomic",
            ListKeys = Strings(source, "x-kubernetes-list-map-keys"),
            Description = source.Text("description"),
        };

        schema.Type = source.Text("type") switch
        {
            "object" => SchemaType.Object,
            "array" => SchemaType.Array,
            "string" => SchemaType.String,
            "integer" => SchemaType.Integer,
            "number" => SchemaType.Number,
            "boolean" => SchemaType.Boolean,
            null => SchemaType.Any,
            var other => Refuse(SchemaType.Any, errors, $"{path}.type", $"Unsupported value: \"{other}\""),
        };
        if (!inJunctor && schema.Type == SchemaType.Any && !schema.IntOrString && !schema.PreserveUnknown)
        {
            errors.Add(FieldError.Required($"{path}.type", "must not be empty for specified object fields"));
        }

        schema.List = source.Text("x-kubernetes-list-type") switch
        {
            null or "atomic" => ListKind.Atomic,
            "set" => ListKind.Set,
            "map" => ListKind.Map,
            var other => Refuse(ListKind.Atomic, errors, $"{path}.x-kubernetes-list-type", $"Unsupported value: \"{other}\""),
        };

        if (schema.PatternText is { } pattern)
        {
            try
            {
                schema.Pattern = new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            }
            catch (Exception e) when (e is ArgumentException or NotSupportedException)
            {
                errors.Add(FieldError.Invalid($"{path}.pattern", pattern, $"must be a valid regular expression, but isn't: {e.Message}"));
            }
        }

        foreach (var (name, child) in source.Object("properties") ?? [])
        {
            if (child is JsonObject childSchema)
            {
                schema.Properties[name] = Parse(childSchema, $"{path}.properties[{name}]", errors, inJunctor);
            }
        }

        schema.AdditionalProperties = source["additionalProperties"] switch
        {
            JsonObject additional => Parse(additional, $"{path}.additionalProperties", errors, inJunctor),
            JsonValue flag when flag.TryGetValue<bool>(out var allowed) && allowed => new StructuralSchema { PreserveUnknown = true },
            _ => null,
        };
        if (schema.AdditionalProperties is not null && schema.Properties.Count > 0)
        {
            errors.Add(FieldError.Forbidden($"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive"));
        }

        if (source.Object("items") is { } items)
        {
            schema.Items = Parse(items, $"{path}.items", errors, inJunctor);
        }
        else if (!inJunctor && schema.Type == SchemaType.Array)
        {
            errors.Add(FieldError.Required($"{path}.items", "must be specified"));
        }

        if (schema.List == ListKind.Map)
        {
            if (schema.ListKeys.Count == 0)
            {
                errors.Add(FieldError.Required($"{path}.x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map"));
            }

            foreach (var key in schema.ListKeys)
            {
                if (schema.Items is not null && (!schema.Items.Properties.TryGetValue(key, out var keySchema)
                    || (keySchema.Default is null && !schema.Items.Required.Contains(key))))
                {
                    errors.Add(FieldError.Invalid($"{path}.items.properties[{key}]", null,
                        "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"));
                }
            }
        }

        schema.AllOf = Junctor(source, "allOf", path, errors);
        schema.AnyOf = Junctor(source, "anyOf", path, errors);
        schema.OneOf = Junctor(source, "oneOf", path, errors);
        schema.Not = source.Object("not") is { } not ? Parse(not, $"{path}.not", errors, true) : null;

        var rules = new List<CelRule>();
        var index = 0;
        foreach (var rule in source.Array("x-kubernetes-validations") ?? [])
        {
            try
            {
                rules.Add(CelRule.Parse((JsonObject)rule!, schema));
            }
            catch (CelException e)
            {
                errors.Add(FieldError.Invalid($"{path}.x-kubernetes-validations[{index}].rule", rule.Text("rule"), e.Message));
            }

            index++;
        }

        schema.Rules = rules;

        if (schema.Default is not null)
        {
            foreach (var error in SchemaValidator.Validate(schema.Default, null, schema, $"{path}.default"))
            {
                errors.Add(error);
            }
        }

        return schema;
    }

    private static StructuralSchema[] Junctor(JsonObject source, string name, string path, List<FieldError> errors) =>
        [.. (source.Array(name) ?? []).OfType<JsonObject>().Select((item, i) => Parse(item, $"{path}.{name}[{i}]", errors, true))];

    private static T Refuse<T>(T fallback, List<FieldError> errors, string path, string message)
    {
        errors.Add(new FieldError(path, "FieldValueNotSupported", message));
        return fallback;
    }

    private static string[] Strings(JsonObject source, string name) => [.. (source.Array(name) ?? []).Select(item => item.Text()).OfType<string>()];

    private static double? Number(JsonObject source, string name) => source[name] is JsonValue value ? JsonAccess.ToNumber(value) : null;
}

/// <param name="Field">Path such as <c>spec.account.id</c>.</param>
/// <param name="Reason">Cause type of the API, such as <c>FieldValueInvalid</c>.</param>
internal sealed record FieldError(string Field, string Reason, string Detail)
{
    public override string ToString() => $"{Field}: {Detail}";

    public static FieldError Required(string field, string detail = "") =>
        new(field, "FieldValueRequired", detail.Length == 0 ? "Required value" : $"Required value: {detail}");

    public static FieldError Forbidden(string field, string detail) => new(field, "FieldValueForbidden", $"Forbidden: {detail}");

    public static FieldError Invalid(string field, JsonNode? value, string detail) =>
        new(field, "FieldValueInvalid", $"Invalid value: {Show(value)}: {detail}");

    public static FieldError TooLong(string field, string detail) => new(field, "FieldValueTooLong", $"Too long: {detail}");

    public static FieldError TooMany(string field, long count, long most) =>
        new(field, "FieldValueTooMany", string.Create(CultureInfo.InvariantCulture, $"Too many: {count}: must have at most {most} items"));

    public static FieldError NotSupported(string field, JsonNode? value, IEnumerable<JsonNode?> supported) =>
        new(field, "FieldValueNotSupported", $"Unsupported value: {Show(value)}: supported values: {string.Join(", ", supported.Select(Show))}");

    public static FieldError Duplicate(string field, JsonNode? value) => new(field, "FieldValueDuplicate", $"Duplicate value: {Show(value)}");

    private static string Show(JsonNode? value) => value switch
    {
        null => "null",
        JsonObject => "\"object\"",
        JsonArray => "\"array\"",
        _ => value.ToJsonString(Storage.JsonText.Compact),
    };
}
