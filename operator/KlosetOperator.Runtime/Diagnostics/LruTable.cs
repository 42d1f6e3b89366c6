using System.Diagnostics.CodeAnalysis;

namespace KlosetOperator.Runtime.Diagnostics;

/// <summary>A table that forgets what was used least recently.</summary>
internal sealed class LruTable<TKey, TValue>(int capacity)
    where TKey : notnull
{
    private readonly Dictionary<TKey, LinkedListNode<(TKey Key, TValue Value)>> _nodes = [];
    private readonly LinkedList<(TKey Key, TValue Value)> _byUse = new();

    public int Count => _nodes.Count;

    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (!_nodes.TryGetValue(key, out var node))
        {
            value = default;
            return false;
        }

        _byUse.Remove(node);
        _byUse.AddFirst(node);
        value = node.Value.Value;
        return true;
    }

    public TValue GetOrAdd(TKey key, Func<TValue> create)
    {
        if (!TryGet(key, out var value))
        {
            Set(key, value = create());
        }

        return value;
    }

    public void Set(TKey key, TValue value)
    {
        if (_nodes.Remove(key, out var old))
        {
            _byUse.Remove(old);
        }
        else if (_nodes.Count == capacity)
        {
            _nodes.Remove(_byUse.Last!.Value.Key);
            _byUse.RemoveLast();
        }

        _nodes.Add(key, _byUse.AddFirst((key, value)));
    }
}
