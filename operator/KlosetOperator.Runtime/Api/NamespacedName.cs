using k8s.Models;

namespace KlosetOperator.Runtime.Api;

/// <summary>
/// The name of an object within its kind: the key of caches and queues. <see cref="Namespace"/> is empty for objects
/// of the cluster's scope.
/// </summary>
public readonly record struct NamespacedName : IComparable<NamespacedName>
{
    private readonly string? _namespace;
    private readonly string? _name;

    public NamespacedName(string? @namespace, string name)
    {
        _namespace = @namespace;
        _name = name;
    }

    public string Namespace => _namespace ?? "";

    public string Name => _name ?? "";

    /// <summary>The key of <paramref name="entity"/>.</summary>
    public static NamespacedName Of(IMetadata<V1ObjectMeta> entity)
    {
        ArgumentNullException.ThrowIfNull(entity);
        return new(entity.Metadata?.NamespaceProperty, entity.Metadata?.Name ?? "");
    }

    public bool Equals(NamespacedName other) =>
        string.Equals(Namespace, other.Namespace, StringComparison.Ordinal) && string.Equals(Name, other.Name, StringComparison.Ordinal);

    public override int GetHashCode() =>
        HashCode.Combine(string.GetHashCode(Namespace, StringComparison.Ordinal), string.GetHashCode(Name, StringComparison.Ordinal));

    public int CompareTo(NamespacedName other)
    {
        var byNamespace = string.CompareOrdinal(Namespace, other.Namespace);
        return byNamespace != 0 ? byNamespace : string.CompareOrdinal(Name, other.Name);
    }

    /// <summary><c>namespace/name</c>, or the bare name in the cluster's scope.</summary>
    public override string ToString() => Namespace.Length == 0 ? Name : $"{Namespace}/{Name}";

    public static bool operator <(NamespacedName left, NamespacedName right) => left.CompareTo(right) < 0;

    public static bool operator <=(NamespacedName left, NamespacedName right) => left.CompareTo(right) <= 0;

    public static bool operator >(NamespacedName left, NamespacedName right) => left.CompareTo(right) > 0;

    public static bool operator >=(NamespacedName left, NamespacedName right) => left.CompareTo(right) >= 0;
}
