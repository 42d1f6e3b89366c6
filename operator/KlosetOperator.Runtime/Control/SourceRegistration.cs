using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Cache;
using Microsoft.Extensions.DependencyInjection;

namespace KlosetOperator.Runtime.Control;

/// <summary>Another kind whose changes wake a controller.</summary>
internal abstract class SourceRegistration<TEntity>
    where TEntity : class, IKubernetesObject<V1ObjectMeta>
{
    public abstract void EnsureInformer(InformerRegistry registry);

    /// <summary>Subscribes to the informer of the other kind.</summary>
    public abstract IDisposable Connect(IServiceProvider services, ICache<TEntity> cache, EnqueueFromSource enqueue);
}

/// <param name="initial">The object was there before this program watched: not urgent.</param>
internal delegate void EnqueueFromSource(NamespacedName key, bool initial);

internal sealed class SourceRegistration<TEntity, TOther>(
    Func<TOther, ICache<TEntity>, IEnumerable<NamespacedName>> map, Func<CacheEvent<TOther>, bool> predicate) : SourceRegistration<TEntity>
    where TEntity : class, IKubernetesObject<V1ObjectMeta>
    where TOther : class, IKubernetesObject<V1ObjectMeta>
{
    public override void EnsureInformer(InformerRegistry registry) => registry.Ensure<TOther>();

    public override IDisposable Connect(IServiceProvider services, ICache<TEntity> cache, EnqueueFromSource enqueue) =>
        services.GetRequiredService<IInformer<TOther>>().Subscribe(change =>
        {
            if (!predicate(change))
            {
                return;
            }

            var initial = change is CacheEvent<TOther>.Added { IsInInitialList: true };
            foreach (var key in map(change.Entity, cache))
            {
                enqueue(key, initial);
            }

            // The old object may have pointed elsewhere: that one lost something and must know.
            if (change is CacheEvent<TOther>.Updated updated)
            {
                foreach (var key in map(updated.Old, cache))
                {
                    enqueue(key, initial);
                }
            }
        });
}
