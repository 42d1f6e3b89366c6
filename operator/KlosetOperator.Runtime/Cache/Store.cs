using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Api;

namespace KlosetOperator.Runtime.Cache;

/// <summary>
/// The objects of a kind by key and by index, and those who want to know of changes. Changes come one at a time;
/// reads come from anywhere.
/// </summary>
public sealed class Store<T> : IInformer<T>, ICache<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    // Two locks, so that a handler may read any cache: _delivery is held while a change is made and told,
    // _data only while the dictionaries are touched.
    private readonly Lock _delivery = new();
    private readonly Lock _data = new();
    private readonly Dictionary<NamespacedName, T> _objects = [];
    private readonly Dictionary<string, Index<T>> _indexes = new(StringComparer.Ordinal);
    private readonly Index<T> _owners = new(static entity =>
        entity.Metadata.OwnerReferences?.FirstOrDefault(static reference => reference.Controller == true)?.Uid is { } uid ? [uid] : []);

    private readonly List<Action<CacheEvent<T>>> _handlers = [];
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Store()
        : this(new InformerOptions<T>())
    {
    }

    public Store(InformerOptions<T> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        foreach (var (name, values) in options.Indexes)
        {
            _indexes.Add(name, new Index<T>(values));
        }
    }

    public ICache<T> Cache => this;

    public bool HasSynced => _synced.Task.IsCompletedSuccessfully;

    public int Count
    {
        get
        {
            lock (_data)
            {
                return _objects.Count;
            }
        }
    }

    /// <summary>
    /// Where exceptions of handlers and index functions go, when set: one handler's bug must neither keep the change
    /// from the others nor end the watch.
    /// </summary>
    internal Action<Exception>? Mishap { get; set; }

    /// <summary>Completes with <see cref="HasSynced"/>.</summary>
    internal Task Synced => _synced.Task;

    public T? Get(NamespacedName key)
    {
        lock (_data)
        {
            return _objects.GetValueOrDefault(key);
        }
    }

    public IReadOnlyList<T> List(string? @namespace = null)
    {
        lock (_data)
        {
            return string.IsNullOrEmpty(@namespace)
                ? [.. _objects.Values]
                : [.. _objects.Where(entry => entry.Key.Namespace == @namespace).Select(static entry => entry.Value)];
        }
    }

    public IReadOnlyList<T> OwnedBy(string ownerUid)
    {
        lock (_data)
        {
            return Resolve(_owners, ownerUid);
        }
    }

    public IReadOnlyList<T> ByIndex(string index, string value)
    {
        lock (_data)
        {
            return _indexes.TryGetValue(index, out var found)
                ? Resolve(found, value)
                : throw new ArgumentException($"The informer of {typeof(T).Name} has no index '{index}'.", nameof(index));
        }
    }

    public IDisposable Subscribe(Action<CacheEvent<T>> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        lock (_delivery)
        {
            foreach (var entity in List())
            {
                handler(new CacheEvent<T>.Added(entity, IsInInitialList: true));
            }

            _handlers.Add(handler);
        }

        return new Subscription(this, handler);
    }

    /// <summary>Marks the initial list as complete.</summary>
    public void MarkSynced() => _synced.TrySetResult();

    /// <summary>Adds or changes one object.</summary>
    public void Upsert(T entity)
    {
        lock (_delivery)
        {
            Put(entity, initial: false);
        }
    }

    /// <summary>Takes an object out; <paramref name="last"/>, when known, is its last state.</summary>
    public void Remove(NamespacedName key, T? last = null)
    {
        lock (_delivery)
        {
            Take(key, last);
        }
    }

    /// <summary>
    /// Makes a whole scope (a namespace, or all of them for null) hold exactly <paramref name="items"/>. Objects that
    /// are gone are told as deleted with their last known state; those of <paramref name="keep"/> stay as they are.
    /// </summary>
    /// <param name="initial">This is the scope's first list.</param>
    /// <param name="tellUnchanged">Tell handlers of objects that did not change, too: the safety net of a resync.</param>
    public void Replace(string? scope, IReadOnlyCollection<T> items, IReadOnlyCollection<NamespacedName>? keep = null, bool initial = false, bool tellUnchanged = false)
    {
        ArgumentNullException.ThrowIfNull(items);
        lock (_delivery)
        {
            var alive = items.Select(static item => NamespacedName.Of(item)).Concat(keep ?? []).ToHashSet();
            List<NamespacedName> gone;
            lock (_data)
            {
                gone = [.. _objects.Keys.Where(key => (string.IsNullOrEmpty(scope) || key.Namespace == scope) && !alive.Contains(key))];
            }

            foreach (var key in gone)
            {
                Take(key, last: null);
            }

            foreach (var item in items)
            {
                if (tellUnchanged || Get(NamespacedName.Of(item)) is not { } known
                    || known.Metadata.ResourceVersion != item.Metadata.ResourceVersion || known.Metadata.Uid != item.Metadata.Uid)
                {
                    Put(item, initial);
                }
            }
        }
    }

    private void Put(T entity, bool initial)
    {
        var key = NamespacedName.Of(entity);
        T? old;
        lock (_data)
        {
            old = _objects.GetValueOrDefault(key);
            _objects[key] = entity;
            foreach (var index in AllIndexes())
            {
                index.Move(key, old, entity, Mishap);
            }
        }

        if (old is not null && old.Metadata.Uid != entity.Metadata.Uid)
        {
            // Deleted and made anew while nobody watched: two objects, two stories.
            Tell(new CacheEvent<T>.Deleted(old));
            old = null;
        }

        Tell(old is null ? new CacheEvent<T>.Added(entity, initial) : new CacheEvent<T>.Updated(old, entity));
    }

    private void Take(NamespacedName key, T? last)
    {
        T? old;
        lock (_data)
        {
            if (!_objects.Remove(key, out old))
            {
                return;
            }

            foreach (var index in AllIndexes())
            {
                index.Move(key, old, null, Mishap);
            }
        }

        Tell(new CacheEvent<T>.Deleted(last ?? old));
    }

    private void Tell(CacheEvent<T> change)
    {
        foreach (var handler in _handlers.ToArray())
        {
            try
            {
                handler(change);
            }
            catch (Exception error) when (Mishap is { } mishap)
            {
                mishap(error);
            }
        }
    }

    private IEnumerable<Index<T>> AllIndexes() => _indexes.Values.Append(_owners);

    private T[] Resolve(Index<T> index, string value) => [.. index.Keys(value).Select(key => _objects[key])];

    private sealed class Subscription(Store<T> store, Action<CacheEvent<T>> handler) : IDisposable
    {
        public void Dispose()
        {
            lock (store._delivery)
            {
                store._handlers.Remove(handler);
            }
        }
    }
}

/// <summary>From a value to the keys of the objects that have it.</summary>
internal sealed class Index<T>(Func<T, IEnumerable<string>> values)
    where T : class
{
    private readonly Dictionary<string, HashSet<NamespacedName>> _keys = new(StringComparer.Ordinal);

    public IReadOnlyCollection<NamespacedName> Keys(string value) => _keys.TryGetValue(value, out var keys) ? keys : [];

    public void Move(NamespacedName key, T? from, T? to, Action<Exception>? mishap)
    {
        foreach (var value in Values(from, mishap))
        {
            if (_keys.TryGetValue(value, out var keys) && keys.Remove(key) && keys.Count == 0)
            {
                _keys.Remove(value);
            }
        }

        foreach (var value in Values(to, mishap))
        {
            if (!_keys.TryGetValue(value, out var keys))
            {
                _keys.Add(value, keys = []);
            }

            keys.Add(key);
        }
    }

    /// <summary>An object whose values cannot be told is not in the index; nothing else depends on it.</summary>
    private IReadOnlyCollection<string> Values(T? entity, Action<Exception>? mishap)
    {
        try
        {
            return entity is null ? [] : [.. values(entity)];
        }
        catch (Exception error) when (mishap is not null)
        {
            mishap(error);
            return [];
        }
    }
}
