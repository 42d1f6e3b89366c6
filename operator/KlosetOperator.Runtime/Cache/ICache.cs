using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Api;

namespace KlosetOperator.Runtime.Cache;

/// <summary>
/// What is known of the objects of a kind, kept up to date by an informer. Objects from a cache are shared and
/// read-only by convention: change a copy (the models are records: <c>with</c>, or <see cref="ApiJson.Clone"/>).
/// The cache may be behind the server; after writing, see <see cref="Control.Expectations{TChild}"/>.
/// </summary>
public interface ICache<T>
    where T : IKubernetesObject<V1ObjectMeta>
{
    /// <summary>Whether the initial list is in the cache and was delivered to all handlers.</summary>
    bool HasSynced { get; }

    T? Get(NamespacedName key);

    /// <summary>A snapshot of all objects, or of one namespace's, in no particular order.</summary>
    IReadOnlyList<T> List(string? @namespace = null);

    /// <summary>The objects whose controlling owner (ownerReference with controller=true) has this uid.</summary>
    IReadOnlyList<T> OwnedBy(string ownerUid);

    /// <summary>The objects that an index names under <paramref name="value"/>.</summary>
    /// <exception cref="ArgumentException">No such index was registered with the informer.</exception>
    IReadOnlyList<T> ByIndex(string index, string value);
}
