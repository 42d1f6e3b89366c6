using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using Microsoft.Extensions.DependencyInjection;

namespace KlosetOperator.Runtime.Cache;

/// <summary>Which kinds get an informer, with which options; filled while the host is being built.</summary>
internal sealed class InformerRegistry
{
    private readonly Dictionary<Type, object> _options = [];
    private readonly List<Func<IServiceProvider, IRunningInformer>> _factories = [];

    public InformerOptions<T> Ensure<T>()
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        if (!_options.TryGetValue(typeof(T), out var options))
        {
            _options.Add(typeof(T), options = new InformerOptions<T>());
            _factories.Add(static services => services.GetRequiredService<Informer<T>>());
        }

        return (InformerOptions<T>)options;
    }

    /// <exception cref="InvalidOperationException">Nobody asked for an informer of this kind.</exception>
    public InformerOptions<T> Get<T>()
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        _options.TryGetValue(typeof(T), out var options)
            ? (InformerOptions<T>)options
            : throw new InvalidOperationException($"{ApiResource.Of<T>()} is not watched: call AddInformer<{typeof(T).Name}>().");

    public IReadOnlyList<IRunningInformer> Create(IServiceProvider services) => [.. _factories.Select(factory => factory(services))];
}

/// <summary>The informer of a kind, as dependency injection hands it out.</summary>
internal sealed class RegisteredInformer<T>(Informer<T> informer) : IInformer<T>, ICache<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    public ICache<T> Cache => informer.Store;

    public bool HasSynced => informer.Store.HasSynced;

    public IDisposable Subscribe(Action<CacheEvent<T>> handler) => informer.Store.Subscribe(handler);

    public T? Get(NamespacedName key) => informer.Store.Get(key);

    public IReadOnlyList<T> List(string? @namespace = null) => informer.Store.List(@namespace);

    public IReadOnlyList<T> OwnedBy(string ownerUid) => informer.Store.OwnedBy(ownerUid);

    public IReadOnlyList<T> ByIndex(string index, string value) => informer.Store.ByIndex(index, value);
}
