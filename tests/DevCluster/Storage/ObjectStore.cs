using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using DevCluster.Json;

namespace DevCluster.Storage;

internal enum ChangeKind
{
    Added,
    Modified,
    Deleted,
}

/// <param name="Current">The new revision; for a deletion the last state with the deletion's revision.</param>
internal sealed record Change(ChangeKind Kind, StoredObject Current, StoredObject? Previous)
{
    public long Revision => Current.Revision;
}

/// <summary>
/// All objects in memory under one revision counter. Reads see an immutable snapshot; writes compare and swap on the object's
/// revision. Each resource keeps a window of changes from which watches catch up; who asks for an older revision is told that it expired.
/// </summary>
internal sealed class ObjectStore(int watchWindow)
{
    private static readonly ImmutableSortedSet<StoredObject> Nothing = ImmutableSortedSet.Create<StoredObject>(
        Comparer<StoredObject>.Create((left, right) => ObjectKey.CompareInResource(left.Key, right.Key)));

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Table> _tables = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ObjectKey> _byUid = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<ObjectKey>> _byOwner = new(StringComparer.Ordinal);
    private readonly List<ChannelWriter<Change>> _listeners = [];
    private long _revision = 1;

    public long Revision
    {
        get
        {
            lock (_gate)
            {
                return _revision;
            }
        }
    }

    public StoredObject? Get(ObjectKey key)
    {
        lock (_gate)
        {
            return _tables.TryGetValue(key.Resource, out var table) ? table.ByName.GetValueOrDefault((key.Namespace, key.Name)) : null;
        }
    }

    public StoredObject? GetByUid(string uid)
    {
        lock (_gate)
        {
            return _byUid.TryGetValue(uid, out var key) ? _tables[key.Resource].ByName.GetValueOrDefault((key.Namespace, key.Name)) : null;
        }
    }

    /// <summary>The objects that name this owner.</summary>
    public IReadOnlyList<StoredObject> DependentsOf(string ownerUid)
    {
        lock (_gate)
        {
            return _byOwner.TryGetValue(ownerUid, out var keys)
                ? [.. keys.Select(key => _tables[key.Resource].ByName[(key.Namespace, key.Name)])]
                : [];
        }
    }

    /// <summary>A snapshot of a resource with the revision at which it was taken.</summary>
    /// <param name="space">A namespace; null for all.</param>
    /// <param name="after">Only what comes after this key.</param>
    public (long Revision, IEnumerable<StoredObject> Objects) List(string resource, string? space = null, ObjectKey? after = null)
    {
        ImmutableSortedSet<StoredObject> sorted;
        long revision;
        lock (_gate)
        {
            sorted = _tables.TryGetValue(resource, out var table) ? table.Sorted : Nothing;
            revision = _revision;
        }

        return (revision, Walk(sorted, resource, space, after));
    }

    /// <summary>All resources that have objects in a namespace.</summary>
    public IReadOnlyList<StoredObject> InNamespace(string space)
    {
        ImmutableSortedSet<StoredObject>[] all;
        string[] names;
        lock (_gate)
        {
            names = [.. _tables.Keys];
            all = [.. _tables.Values.Select(table => table.Sorted)];
        }

        return [.. names.Zip(all).SelectMany(pair => Walk(pair.Second, pair.First, space, null))];
    }

    /// <summary>Stores a new revision. Sets <c>metadata.resourceVersion</c> in <paramref name="content"/>.</summary>
    /// <param name="expectedRevision">The revision that must be there now; 0 when the object must not exist.</param>
    /// <returns>Null when something else is there.</returns>
    public StoredObject? TryPut(ObjectKey key, long expectedRevision, JsonObject content)
    {
        lock (_gate)
        {
            var table = TableOf(key.Resource);
            table.ByName.TryGetValue((key.Namespace, key.Name), out var existing);
            if ((existing?.Revision ?? 0) != expectedRevision)
            {
                return null;
            }

            var revision = ++_revision;
            content.Ensure("metadata")["resourceVersion"] = revision.ToString(CultureInfo.InvariantCulture);
            var stored = new StoredObject(key, revision, content);
            if (existing is not null)
            {
                Forget(existing);
            }

            Remember(stored, table);
            Publish(table, new Change(existing is null ? ChangeKind.Added : ChangeKind.Modified, stored, existing));
            return stored;
        }
    }

    /// <summary>Removes an object whose last state is <paramref name="content"/>.</summary>
    public StoredObject? TryRemove(ObjectKey key, long expectedRevision, JsonObject content)
    {
        lock (_gate)
        {
            var table = TableOf(key.Resource);
            if (!table.ByName.TryGetValue((key.Namespace, key.Name), out var existing) || existing.Revision != expectedRevision)
            {
                return null;
            }

            var revision = ++_revision;
            content.Ensure("metadata")["resourceVersion"] = revision.ToString(CultureInfo.InvariantCulture);
            var last = new StoredObject(key, revision, content);
            Forget(existing);
            table.ByName.Remove((key.Namespace, key.Name));
            table.Sorted = table.Sorted.Remove(existing);
            Publish(table, new Change(ChangeKind.Deleted, last, existing));
            return last;
        }
    }

    /// <summary>
    /// Changes of a resource after a revision, then live ones.
    /// </summary>
    /// <returns>Null when the revision is older than the window reaches.</returns>
    public Subscription? Watch(string resource, long afterRevision)
    {
        lock (_gate)
        {
            var table = TableOf(resource);
            if (afterRevision < table.Forgotten)
            {
                return null;
            }

            var channel = Channel.CreateUnbounded<Change>(new UnboundedChannelOptions { SingleReader = true });
            foreach (var change in table.Window.SkipWhile(change => change.Revision <= afterRevision))
            {
                channel.Writer.TryWrite(change);
            }

            table.Watchers.Add(channel.Writer);
            return new Subscription(this, table, channel);
        }
    }

    /// <summary>Every change of every resource from now on, for the controllers inside.</summary>
    public ChannelReader<Change> Listen()
    {
        lock (_gate)
        {
            var channel = Channel.CreateUnbounded<Change>(new UnboundedChannelOptions { SingleReader = true });
            _listeners.Add(channel.Writer);
            return channel.Reader;
        }
    }

    /// <summary>Forgets all changes so far, as etcd's compaction does: older watches and lists expire.</summary>
    public void Compact()
    {
        lock (_gate)
        {
            foreach (var table in _tables.Values)
            {
                table.Window.Clear();
                table.Forgotten = _revision;
            }
        }
    }

    /// <summary>Whether a list that began at this revision may still be continued.</summary>
    public bool IsRemembered(string resource, long revision)
    {
        lock (_gate)
        {
            return revision >= TableOf(resource).Forgotten;
        }
    }

    private static IEnumerable<StoredObject> Walk(ImmutableSortedSet<StoredObject> sorted, string resource, string? space, ObjectKey? after)
    {
        var start = 0;
        if (after is { } key)
        {
            start = sorted.IndexOf(StoredObject.Probe(key));
            start = start < 0 ? ~start : start + 1;
        }
        else if (space is not null)
        {
            start = sorted.IndexOf(StoredObject.Probe(new ObjectKey(resource, space, "")));
            start = start < 0 ? ~start : start;
        }
        else
        {
            foreach (var item in sorted)
            {
                yield return item;
            }

            yield break;
        }

        for (var i = start; i < sorted.Count; i++)
        {
            var item = sorted[i];
            if (space is not null && item.Key.Namespace != space)
            {
                yield break;
            }

            yield return item;
        }
    }

    private Table TableOf(string resource)
    {
        if (!_tables.TryGetValue(resource, out var table))
        {
            _tables[resource] = table = new Table();
        }

        return table;
    }

    private void Remember(StoredObject stored, Table table)
    {
        var place = (stored.Key.Namespace, stored.Key.Name);
        if (table.ByName.TryGetValue(place, out var old))
        {
            table.Sorted = table.Sorted.Remove(old);
        }

        table.ByName[place] = stored;
        table.Sorted = table.Sorted.Add(stored);
        _byUid[stored.Uid] = stored.Key;
        foreach (var owner in stored.Owners)
        {
            if (!_byOwner.TryGetValue(owner, out var keys))
            {
                _byOwner[owner] = keys = [];
            }

            keys.Add(stored.Key);
        }
    }

    private void Forget(StoredObject stored)
    {
        _byUid.Remove(stored.Uid);
        foreach (var owner in stored.Owners)
        {
            if (_byOwner.TryGetValue(owner, out var keys) && keys.Remove(stored.Key) && keys.Count == 0)
            {
                _byOwner.Remove(owner);
            }
        }
    }

    private void Publish(Table table, Change change)
    {
        table.Window.Enqueue(change);
        while (table.Window.Count > watchWindow)
        {
            table.Forgotten = table.Window.Dequeue().Revision;
        }

        foreach (var watcher in table.Watchers)
        {
            watcher.TryWrite(change);
        }

        foreach (var listener in _listeners)
        {
            listener.TryWrite(change);
        }
    }

    internal sealed class Table
    {
        public Dictionary<(string Namespace, string Name), StoredObject> ByName { get; } = [];

        public ImmutableSortedSet<StoredObject> Sorted { get; set; } = Nothing;

        public Queue<Change> Window { get; } = [];

        public List<ChannelWriter<Change>> Watchers { get; } = [];

        /// <summary>The newest revision whose change is no longer in the window.</summary>
        public long Forgotten { get; set; }
    }

    internal sealed class Subscription : IDisposable
    {
        private readonly ObjectStore _store;
        private readonly Table _table;
        private readonly Channel<Change> _channel;

        internal Subscription(ObjectStore store, Table table, Channel<Change> channel)
        {
            _store = store;
            _table = table;
            _channel = channel;
        }

        public ChannelReader<Change> Changes => _channel.Reader;

        /// <summary>The store's revision when everything up to it has been read here; null when changes wait to be read.</summary>
        public long? Progress()
        {
            lock (_store._gate)
            {
                return _channel.Reader.TryPeek(out _) ? null : _store._revision;
            }
        }

        public void Dispose()
        {
            lock (_store._gate)
            {
                _table.Watchers.Remove(_channel.Writer);
            }
        }
    }
}
