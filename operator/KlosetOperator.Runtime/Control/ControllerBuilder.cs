using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Cache;
using Microsoft.Extensions.DependencyInjection;

namespace KlosetOperator.Runtime.Control;

/// <summary>Describes when a controller is called and how.</summary>
public sealed class ControllerBuilder<TEntity>
    where TEntity : class, IKubernetesObject<V1ObjectMeta>
{
    internal ControllerBuilder(string name) => Name = name;

    internal string Name { get; private set; }

    internal int Workers { get; private set; } = 1;

    internal TimeSpan? ReconcileTimeout { get; private set; }

    internal Func<CacheEvent<TEntity>, bool> OwnPredicate { get; private set; } = Predicates.SpecOrMetadataChanged;

    internal string? FinalizerName { get; private set; }

    internal Func<IServiceProvider, IEntityFinalizer<TEntity>>? Finalizer { get; private set; }

    /// <summary>What to subscribe to, once the host exists.</summary>
    internal List<SourceRegistration<TEntity>> Sources { get; } = [];

    /// <summary>The name in metrics and logs. Default: the kind in lower case.</summary>
    public ControllerBuilder<TEntity> WithName(string name)
    {
        Name = name;
        return this;
    }

    /// <summary>How many entities are reconciled at the same time. Default 1.</summary>
    public ControllerBuilder<TEntity> WithWorkers(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        Workers = count;
        return this;
    }

    /// <summary>Cancels a reconciliation that takes longer, and retries it. Default: no limit.</summary>
    public ControllerBuilder<TEntity> WithReconcileTimeout(TimeSpan timeout)
    {
        ReconcileTimeout = timeout;
        return this;
    }

    /// <summary>Which changes of the controller's own kind count. Default <see cref="Predicates.SpecOrMetadataChanged"/>.</summary>
    public ControllerBuilder<TEntity> For(Func<CacheEvent<TEntity>, bool> predicate)
    {
        OwnPredicate = predicate;
        return this;
    }

    /// <summary>Calls for the controlling owner (an ownerReference with controller=true to our kind) of every changed child, of its old and its new one.</summary>
    public ControllerBuilder<TEntity> Owns<TChild>(Func<CacheEvent<TChild>, bool>? predicate = null)
        where TChild : class, IKubernetesObject<V1ObjectMeta>
    {
        var owner = ApiResource.Of<TEntity>();
        return Watches<TChild>((child, _) => OwnerOf(child, owner) is { } key ? [key] : [], predicate);
    }

    /// <summary>
    /// Calls for the entities that <paramref name="map"/> names for a changed object. It gets the object and the cache
    /// of the controller's own kind (whose indexes answer "who refers to this?"); on an update it is asked about the
    /// old and the new object.
    /// </summary>
    public ControllerBuilder<TEntity> Watches<TOther>(
        Func<TOther, ICache<TEntity>, IEnumerable<NamespacedName>> map, Func<CacheEvent<TOther>, bool>? predicate = null)
        where TOther : class, IKubernetesObject<V1ObjectMeta>
    {
        Sources.Add(new SourceRegistration<TEntity, TOther>(map, predicate ?? Predicates.Changed));
        return this;
    }

    /// <summary>Puts <paramref name="name"/> on every entity before the controller first sees it, and calls the finalizer when one is deleted.</summary>
    /// <param name="name">Qualified, such as <c>example.org/cleanup</c>.</param>
    public ControllerBuilder<TEntity> WithFinalizer<TFinalizer>(string name)
        where TFinalizer : class, IEntityFinalizer<TEntity>
    {
        FinalizerName = name;
        Finalizer = static services => ActivatorUtilities.GetServiceOrCreateInstance<TFinalizer>(services);
        return this;
    }

    private static NamespacedName? OwnerOf(IKubernetesObject<V1ObjectMeta> child, ApiResource owner)
    {
        foreach (var reference in child.Metadata.OwnerReferences ?? [])
        {
            // The version in a reference may be an older one of the same group.
            var group = reference.ApiVersion.Contains('/', StringComparison.Ordinal) ? reference.ApiVersion.Split('/')[0] : "";
            if (reference.Controller == true && reference.Kind == owner.Kind && group == owner.Group)
            {
                return new NamespacedName(child.Metadata.NamespaceProperty, reference.Name);
            }
        }

        return null;
    }
}
