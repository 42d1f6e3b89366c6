using k8s;
using k8s.Models;

namespace KlosetOperator.Runtime.Control;

/// <summary>Brings the world closer to what an entity says. Level-triggered: it is told which entity, never what happened.</summary>
public interface IEntityController<in TEntity>
    where TEntity : IKubernetesObject<V1ObjectMeta>
{
    /// <summary>
    /// Called with the cached entity (shared, read-only), never for one that vanished, never twice at a time for the
    /// same one. Includes entities that are being deleted, unless a finalizer of the controller takes those.
    /// </summary>
    Task<ReconcileResult> ReconcileAsync(TEntity entity, CancellationToken cancellationToken);
}

/// <summary>Undoes what an entity caused outside the cluster before the entity goes.</summary>
public interface IEntityFinalizer<in TEntity>
    where TEntity : IKubernetesObject<V1ObjectMeta>
{
    /// <summary>
    /// Called instead of the controller once the entity is being deleted. <see cref="ReconcileResult.Done"/> removes
    /// the finalizer from the entity; every other result means "called again", as for a controller.
    /// </summary>
    Task<ReconcileResult> FinalizeAsync(TEntity entity, CancellationToken cancellationToken);
}

/// <summary>Puts entities into their controller's queue from elsewhere, for instance when a slot of a pool became free.</summary>
public interface IEntityQueue<TEntity>
    where TEntity : IKubernetesObject<V1ObjectMeta>
{
    void Enqueue(Api.NamespacedName key);

    /// <summary>Of several delays for one key the earliest wins.</summary>
    void EnqueueAfter(Api.NamespacedName key, TimeSpan delay);
}
