namespace KlosetOperator.Api.Schema;

/// <summary>Verbs of Kubernetes RBAC.</summary>
[Flags]
public enum RbacVerb
{
    None = 0,
    Get = 1,
    List = 2,
    Watch = 4,
    Create = 8,
    Update = 16,
    Patch = 32,
    Delete = 64,
    DeleteCollection = 128,
}

/// <summary>
/// What a reconciler may do with a resource. The roles of the chart and of `config/rbac` are generated from these.
/// </summary>
/// <param name="apiGroup">API group; empty for the core group.</param>
/// <param name="resource">Plural name, or `plural/subresource`.</param>
/// <param name="verbs">The verbs that are used, and no others.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class EntityRbacAttribute(string apiGroup, string resource, RbacVerb verbs) : Attribute
{
    public string ApiGroup { get; } = apiGroup;

    public string Resource { get; } = resource;

    public RbacVerb Verbs { get; } = verbs;

    /// <summary>Only the objects of these names; empty for all.</summary>
    public string[] ResourceNames { get; init; } = [];

    /// <summary>Only in the operator's own namespace.</summary>
    public bool InOwnNamespace { get; init; }
}
