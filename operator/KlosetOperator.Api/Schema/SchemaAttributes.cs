namespace KlosetOperator.Api.Schema;

/// <summary>A CEL rule of the CRD (`x-kubernetes-validations`), on a record or on a property.</summary>
/// <param name="rule">CEL expression; `self` is the annotated value.</param>
/// <param name="message">What people read when the rule refuses their object.</param>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Property, AllowMultiple = true)]
public sealed class ValidationRuleAttribute(string rule, string message) : Attribute
{
    public string Rule { get; } = rule;

    public string Message { get; } = message;
}

/// <summary>A column of `kubectl get`.</summary>
/// <param name="jsonPath">Where the value is, from the object's root, such as `.status.coveredThrough`.</param>
/// <param name="name">Head of the column.</param>
/// <param name="type">`string`, `integer`, `number`, `boolean` or `date`.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class AdditionalPrinterColumnAttribute(string jsonPath, string name, string type) : Attribute
{
    public string JsonPath { get; } = jsonPath;

    public string Name { get; } = name;

    public string Type { get; } = type;

    /// <summary>0 is always shown, 1 only with `-o wide`.</summary>
    public int Priority { get; init; }

    public string? Description { get; init; }
}

/// <summary>Short names for the command line.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class KubernetesEntityShortNamesAttribute(params string[] shortNames) : Attribute
{
    public IReadOnlyList<string> ShortNames { get; } = shortNames;
}

/// <summary>Groups of kinds that `kubectl get` knows by one name.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class CategoriesAttribute(params string[] categories) : Attribute
{
    public IReadOnlyList<string> Categories { get; } = categories;
}

/// <summary>A field that `kubectl get --field-selector` can select by. At most 8 a kind.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class SelectableFieldAttribute(string jsonPath) : Attribute
{
    public string JsonPath { get; } = jsonPath;
}

/// <summary>Bounds of a string in characters.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class LengthAttribute(int min, int max) : Attribute
{
    public int Min { get; } = min;

    public int Max { get; } = max;
}

/// <summary>Bounds of a list, or of a map's number of entries.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ItemsAttribute(int min, int max) : Attribute
{
    public int Min { get; } = min;

    public int Max { get; } = max;
}

/// <summary>Bounds of each string in a list.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ItemLengthAttribute(int min, int max) : Attribute
{
    public int Min { get; } = min;

    public int Max { get; } = max;
}

/// <summary>Regular expression (RE2) that a string, or each string of a list, matches.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PatternAttribute(string pattern) : Attribute
{
    public string Pattern { get; } = pattern;
}

/// <summary>Bounds of a number, inclusive.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class RangeAttribute(double min, double max) : Attribute
{
    public double Min { get; } = min;

    public double Max { get; } = max;
}

/// <summary>The default that the API server writes into the object. A JSON text, so that objects and lists can be given.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class DefaultAttribute(string json) : Attribute
{
    public string Json { get; } = json;
}

/// <summary>The list is a map with these keys; server-side apply then merges entry by entry.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ListMapKeysAttribute(params string[] keys) : Attribute
{
    public IReadOnlyList<string> Keys { get; } = keys;
}

/// <summary>The list belongs to one owner as a whole, which is what status rings are.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class AtomicListAttribute : Attribute;
