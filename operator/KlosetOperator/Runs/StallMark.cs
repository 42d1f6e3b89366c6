using k8s.Models;
using KlosetOperator.Api;

namespace KlosetOperator.Runs;

/// <summary>What can end a stall: the generation, the Secrets and ConfigMaps, and `kloset.dev/retry`.</summary>
internal static class StallMark
{
    public static StalledOn Of(V1ObjectMeta metadata, string references) => new()
    {
        Generation = metadata.Generation,
        References = references,
        Retry = Annotation(metadata, Annotations.Retry),
    };

    public static bool Holds(StalledOn stalled, StalledOn now) =>
        stalled.Generation == now.Generation && stalled.References == now.References && stalled.Retry == now.Retry;

    public static string? Annotation(V1ObjectMeta metadata, string name) =>
        metadata.Annotations?.TryGetValue(name, out var value) == true ? (value.Length <= 256 ? value : value[..256]) : null;
}
