using k8s;
using k8s.Models;

namespace KlosetOperator.Runtime.Cache;

/// <summary>What an informer watches and how it indexes it.</summary>
public sealed class InformerOptions<T>
    where T : IKubernetesObject<V1ObjectMeta>
{
    /// <summary>Keeps the cache to the objects with these labels. Default: all.</summary>
    public string? LabelSelector { get; set; }

    public string? FieldSelector { get; set; }

    /// <summary>Watches the cluster's scope even when the operator is bound to some namespaces. For kinds without namespaces.</summary>
    public bool ClusterScoped { get; set; }

    /// <summary>How often handlers are told about every object again, as a safety net. Default 10 h; zero never.</summary>
    public TimeSpan Resync { get; set; } = TimeSpan.FromHours(10);

    /// <summary>Applied to every object before it is stored; drop here what nobody reads. Default: nothing is dropped.</summary>
    public Func<T, T> Transform { get; set; } = static entity => entity;

    internal Dictionary<string, Func<T, IEnumerable<string>>> Indexes { get; } = new(StringComparer.Ordinal);

    /// <summary>Adds a named index: the values under which <see cref="ICache{T}.ByIndex"/> finds an object.</summary>
    public InformerOptions<T> WithIndex(string name, Func<T, IEnumerable<string>> values)
    {
        Indexes.Add(name, values);
        return this;
    }
}
