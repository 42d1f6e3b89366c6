using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Cache;

namespace KlosetOperator.Runtime.Control;

/// <summary>Which changes are worth a reconciliation. Additions and deletions always are.</summary>
public static class Predicates
{
    /// <summary>
    /// The spec, the labels, the annotations, the finalizers or the deletion mark changed. Not the status, so that a
    /// controller is not woken by its own writing. The default for the controller's own kind.
    /// </summary>
    public static bool SpecOrMetadataChanged<T>(CacheEvent<T> change)
        where T : IKubernetesObject<V1ObjectMeta> =>
        change is not CacheEvent<T>.Updated updated
        || updated.Old.Metadata.Uid != updated.Current.Metadata.Uid
        || updated.Old.Metadata.Generation != updated.Current.Metadata.Generation
        || updated.Old.Metadata.DeletionTimestamp != updated.Current.Metadata.DeletionTimestamp
        || !SameEntries(updated.Old.Metadata.Labels, updated.Current.Metadata.Labels)
        || !SameEntries(updated.Old.Metadata.Annotations, updated.Current.Metadata.Annotations)
        || !(updated.Old.Metadata.Finalizers ?? []).SequenceEqual(updated.Current.Metadata.Finalizers ?? [])
        || IsResync(updated);

    /// <summary>Anything changed. The default for owned and watched kinds; a resync of an unchanged object passes too.</summary>
    public static bool Any<T>(CacheEvent<T> change)
        where T : IKubernetesObject<V1ObjectMeta> => true;

    /// <summary>The resource version changed: everything but a resync.</summary>
    public static bool Changed<T>(CacheEvent<T> change)
        where T : IKubernetesObject<V1ObjectMeta> =>
        change is not CacheEvent<T>.Updated updated || !IsResync(updated);

    private static bool IsResync<T>(CacheEvent<T>.Updated updated)
        where T : IKubernetesObject<V1ObjectMeta> =>
        updated.Old.Metadata.ResourceVersion == updated.Current.Metadata.ResourceVersion;

    private static bool SameEntries(IDictionary<string, string>? left, IDictionary<string, string>? right)
    {
        if (left is null || right is null)
        {
            return (left?.Count ?? 0) == (right?.Count ?? 0);
        }

        return left.Count == right.Count
            && left.All(entry => right.TryGetValue(entry.Key, out var value) && string.Equals(value, entry.Value, StringComparison.Ordinal));
    }
}
