using DevCluster.Schemas;

namespace DevCluster.Resources;

/// <param name="Type">string, integer, number, boolean or date.</param>
/// <param name="Priority">0 is shown always, more only with <c>-o wide</c>.</param>
internal sealed record PrinterColumn(string Name, string Type, string JsonPath, string Description = "", string Format = "", int Priority = 0);

/// <summary>One served resource: what discovery says of it and how its objects are treated.</summary>
internal sealed record ResourceType
{
    public static readonly IReadOnlyList<string> AllVerbs =
        ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

    public required string Group { get; init; }

    public required string Version { get; init; }

    public required string Plural { get; init; }

    public required string Kind { get; init; }

    public string Singular { get; init; } = "";

    public required bool Namespaced { get; init; }

    public IReadOnlyList<string> ShortNames { get; init; } = [];

    public IReadOnlyList<string> Categories { get; init; } = [];

    public IReadOnlyList<string> Verbs { get; init; } = AllVerbs;

    public bool HasStatus { get; init; }

    public required StructuralSchema Schema { get; init; }

    /// <summary>Null for built-in kinds, whose tables are drawn by code; empty means name and age.</summary>
    public IReadOnlyList<PrinterColumn>? Columns { get; init; }

    /// <summary>Field paths that field selectors may name besides metadata.name and metadata.namespace; null allows every path.</summary>
    public IReadOnlySet<string>? SelectableFields { get; init; }

    /// <summary>From a CustomResourceDefinition: validated and pruned by schema, no strategic merge.</summary>
    public bool IsCustom { get; init; }

    /// <summary>Whether metadata.generation counts changes of the desired state.</summary>
    public bool HasGeneration { get; init; }

    /// <summary>Where the objects lie; events of both groups share one place.</summary>
    public string? StoredAs { get; init; }

    public string StorageName => StoredAs ?? QualifiedName;

    public string GroupVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary><c>photobackups.kloset.dev</c>, <c>pods</c>.</summary>
    public string QualifiedName => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    /// <summary>As errors name a kind: <c>PhotoBackup.kloset.dev</c>, <c>Pod</c>.</summary>
    public string QualifiedKind => Group.Length == 0 ? Kind : $"{Kind}.{Group}";

    public string ListKind => Kind + "List";
}
