using KlosetOperator.Api.Schema;

namespace KlosetOperator.Api;

/// <summary>An object of the same namespace by its name.</summary>
public sealed record NameRef
{
    /// <summary>Name of the object.</summary>
    [Length(1, 253)]
    public required string Name { get; init; }
}

/// <summary>One key of a Secret or ConfigMap of the same namespace.</summary>
public sealed record KeyRef
{
    /// <summary>Name of the object.</summary>
    [Length(1, 253)]
    public required string Name { get; init; }

    /// <summary>Key in its data.</summary>
    [Length(1, 253)]
    [Pattern("^[-._a-zA-Z0-9]+$")]
    public required string Key { get; init; }
}
