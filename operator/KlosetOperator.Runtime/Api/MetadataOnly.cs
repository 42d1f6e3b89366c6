using k8s;
using k8s.Models;

namespace KlosetOperator.Runtime.Api;

/// <summary>
/// The metadata of a <typeparamref name="T"/> and nothing else. Listing and watching it asks the server for
/// <c>PartialObjectMetadata</c>, so that the data of Secrets and ConfigMaps never enters this process.
/// </summary>
public sealed record MetadataOnly<T> : IKubernetesObject<V1ObjectMeta>
    where T : IKubernetesObject<V1ObjectMeta>
{
    public string ApiVersion { get; set; } = "meta.k8s.io/v1";

    public string Kind { get; set; } = "PartialObjectMetadata";

    public V1ObjectMeta Metadata { get; set; } = new();
}
