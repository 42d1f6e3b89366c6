using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Api;

namespace KlosetOperator.Runtime.Cache;

/// <summary>A change of the cache, delivered after it took place. Closed: <see cref="Added"/>, <see cref="Updated"/>, <see cref="Deleted"/>.</summary>
#pragma warning disable CA1034 // the cases of a closed hierarchy live inside it
public abstract record CacheEvent<T>
    where T : IKubernetesObject<V1ObjectMeta>
{
    private CacheEvent()
    {
    }

    /// <summary>The object as it is now, or as it was last.</summary>
    public abstract T Entity { get; }

    public NamespacedName Key => NamespacedName.Of(Entity);

    /// <param name="Current">The new object.</param>
    /// <param name="IsInInitialList">It was there before this program watched.</param>
    public sealed record Added(T Current, bool IsInInitialList) : CacheEvent<T>
    {
        public override T Entity => Current;
    }

    public sealed record Updated(T Old, T Current) : CacheEvent<T>
    {
        public override T Entity => Current;
    }

    /// <param name="Last">The last state known. After a gap in the watch it may be older than the deletion.</param>
    public sealed record Deleted(T Last) : CacheEvent<T>
    {
        public override T Entity => Last;
    }
}
#pragma warning restore CA1034
