using k8s;
using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Runtime.Api;

namespace KlosetOperator.References;

/// <summary>
/// What of Secrets, ConfigMaps and claims stays in the caches: what <see cref="ReferencedObjects"/> reads. A cluster has far more of them
/// than we use, some with annotations of many kilobytes.
/// </summary>
internal static class CachedReferences
{
    public static MetadataOnly<T> Of<T>(MetadataOnly<T> entity)
        where T : IKubernetesObject<V1ObjectMeta>
    {
        Slim(entity.Metadata);
        return entity;
    }

    public static V1PersistentVolumeClaim Of(V1PersistentVolumeClaim claim)
    {
        Slim(claim.Metadata);
        claim.Spec = new V1PersistentVolumeClaimSpec { AccessModes = claim.Spec?.AccessModes };
        claim.Status = null;
        return claim;
    }

    private static void Slim(V1ObjectMeta metadata)
    {
        metadata.Labels = null;
        metadata.OwnerReferences = null;
        metadata.Finalizers = null;
        metadata.Annotations = metadata.Annotations?.Keys.Any(IsOurs) == true
            ? metadata.Annotations.Where(annotation => IsOurs(annotation.Key)).ToDictionary(StringComparer.Ordinal)
            : null;
    }

    private static bool IsOurs(string annotation) => annotation.StartsWith(ApiGroup.Name + "/", StringComparison.Ordinal);
}
