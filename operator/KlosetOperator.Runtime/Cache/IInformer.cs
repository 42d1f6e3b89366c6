using k8s;
using k8s.Models;

namespace KlosetOperator.Runtime.Cache;

/// <summary>Keeps a cache up to date and tells handlers about every change.</summary>
public interface IInformer<T>
    where T : IKubernetesObject<V1ObjectMeta>
{
    ICache<T> Cache { get; }

    /// <summary>
    /// Calls <paramref name="handler"/> for every change, one at a time and in order; it must be quick and must not
    /// throw. Subscribing late delivers what the cache holds as Added first.
    /// </summary>
    /// <returns>Dispose it to unsubscribe.</returns>
    IDisposable Subscribe(Action<CacheEvent<T>> handler);
}
