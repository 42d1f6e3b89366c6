using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Cache;

namespace KlosetOperator.Runtime.Control;

/// <summary>
/// Reads your own writes: remembers children that were created until the cache shows them, so that a controller
/// called in between does not create them again. Deterministic names make a mistake harmless; this makes
/// it rare. Entries expire by themselves, since an event may have come before the answer to the write.
/// </summary>
public sealed class Expectations<TChild> : IDisposable
    where TChild : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>After this time the cache is believed again. Far longer than a healthy watch lags, far shorter than a person waits.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<NamespacedName, Entry> _entries = [];
    private readonly ICache<TChild> _cache;
    private readonly TimeProvider _time;
    private readonly IDisposable _subscription;

    public Expectations(IInformer<TChild> informer, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(informer);
        _cache = informer.Cache;
        _time = time;
        _subscription = informer.Subscribe(Observe);
    }

    /// <summary>Call with what the server answered to a create.</summary>
    public void Created(TChild child)
    {
        var key = NamespacedName.Of(child);
        lock (_lock)
        {
            if (_cache.Get(key)?.Metadata.Uid != child.Metadata.Uid)
            {
                _entries[key] = new Entry(child, _time.GetUtcNow() + Lifetime);
            }
        }
    }

    /// <summary>The children that an owner has: the cache's, with what this process just created.</summary>
    public IReadOnlyList<TChild> OwnedBy(string ownerUid)
    {
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            var children = _cache.OwnedBy(ownerUid).ToDictionary(static child => NamespacedName.Of(child));
            foreach (var (key, entry) in _entries.ToArray())
            {
                if (entry.Expires <= now)
                {
                    _entries.Remove(key);
                }
                else if (ControllerUid(entry.Child) == ownerUid)
                {
                    children[key] = entry.Child;
                }
            }

            return [.. children.OrderBy(static child => child.Key).Select(static child => child.Value)];
        }
    }

    public void Dispose() => _subscription.Dispose();

    private void Observe(CacheEvent<TChild> change)
    {
        lock (_lock)
        {
            // An event about an earlier object of the same name says nothing about ours.
            if (_entries.TryGetValue(change.Key, out var entry) && entry.Child.Metadata.Uid == change.Entity.Metadata.Uid)
            {
                _entries.Remove(change.Key);
            }
        }
    }

    private static string? ControllerUid(TChild child) =>
        child.Metadata.OwnerReferences?.FirstOrDefault(static reference => reference.Controller == true)?.Uid;

    private sealed record Entry(TChild Child, DateTimeOffset Expires);
}
