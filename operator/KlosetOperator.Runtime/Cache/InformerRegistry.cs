using k8s;
using k8s.Models;

namespace KlosetOperator.Runtime.Cache;

/// <summary>Which kinds get an informer, with which options; filled while the host is being built.</summary>
internal sealed class InformerRegistry
{
    private readonly Dictionary<Type, object> _options = [];

    public InformerOptions<T> Ensure<T>()
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        if (!_options.TryGetValue(typeof(T), out var options))
        {
            _options.Add(typeof(T), options = new InformerOptions<T>());
        }

        return (InformerOptions<T>)options;
    }
}
