using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Diagnostics;
using KlosetOperator.Runtime.Queue;

namespace KlosetOperator.Runtime.Control;

/// <summary>The queue of a kind's controller, as others see it.</summary>
internal sealed class EntityQueue<TEntity>(string name, TimeProvider time, RuntimeMetrics metrics) : IEntityQueue<TEntity>, IDisposable
    where TEntity : IKubernetesObject<V1ObjectMeta>
{
    public WorkQueue<NamespacedName> Queue { get; } = new(name, time, metrics);

    public void Enqueue(NamespacedName key) => Queue.Add(key);

    public void EnqueueAfter(NamespacedName key, TimeSpan delay) => Queue.AddAfter(key, delay);

    public void Dispose() => Queue.Dispose();
}
