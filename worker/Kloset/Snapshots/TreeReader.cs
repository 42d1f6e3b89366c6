using System.Runtime.CompilerServices;
using Kloset.Repositories;

namespace Kloset.Snapshots;

/// <summary>Reads one persisted B+tree: lookups, and walks in either direction over pointers, with few requests.</summary>
internal sealed class TreeReader(BlobReader blobs, TreeKind kind, Mac root)
{
    /// <summary>A tree of order 3 with this depth would hold more keys than there are atoms; deeper ones are hostile.</summary>
    private const int MaxDepth = 40;

    /// <summary>Children that are fetched together.</summary>
    private const int Batch = 64;

    private readonly Lock _lock = new();
    private Task<Mac>? _rootNode;

    public Mac Root => root;

    public Task<Mac> RootNodeAsync()
    {
        lock (_lock)
        {
            // One lookup for all callers; a failed one is tried again.
            if (_rootNode is null || _rootNode.IsFaulted)
                _rootNode = blobs.ReadAsync(kind.Root, root, TreeNodeCodec.ReadRoot, CancellationToken.None).AsTask();
            return _rootNode;
        }
    }

    /// <returns>The value of exactly this key, or null.</returns>
    public async ValueTask<Mac?> FindAsync(byte[] key, CancellationToken cancellationToken)
    {
        var id = await RootNodeAsync().WaitAsync(cancellationToken);
        for (var depth = 0; depth < MaxDepth; depth++)
        {
            var node = await ReadNodeAsync(id, cancellationToken);
            var at = Search(node.Keys, key);
            if (node.IsLeaf)
                return at >= 0 ? node.Values[at] : null;
            // Separators are the smallest keys on their right.
            id = node.Pointers[at >= 0 ? at + 1 : ~at];
        }

        throw TooDeep();
    }

    /// <summary>All keys and values. Ordered trees are checked to be in order, which also bounds the walk.</summary>
    public async IAsyncEnumerable<KeyValuePair<byte[], Mac>> WalkAsync(bool descending, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        byte[]? last = null;
        await foreach (var leaf in LeavesAsync(descending, null, cancellationToken))
        {
            for (var i = 0; i < leaf.Keys.Length; i++)
            {
                var at = descending ? leaf.Keys.Length - 1 - i : i;
                var key = leaf.Keys[at];
                if (kind.IsOrdered && last is not null)
                {
                    var order = kind.Compare(last, key);
                    if (descending ? order <= 0 : order >= 0)
                        throw RepositoryException.Damaged($"The {BlobReader.Describe(kind.Root, root)} is damaged: its keys are not in order.");
                }

                last = key;
                yield return new(key, leaf.Values[at]);
            }
        }
    }

    /// <summary>Keys from the first one that is not smaller than <paramref name="start"/> on.</summary>
    public async IAsyncEnumerable<KeyValuePair<byte[], Mac>> WalkFromAsync(byte[] start, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // The way down to the leaf where the key would be; then on to the right, over the pointers that the way left behind.
        var stack = new Stack<(TreeNode Node, int Next)>();
        var id = await RootNodeAsync().WaitAsync(cancellationToken);
        var descending = true;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var node = await ReadNodeAsync(id, cancellationToken);
            if (!node.IsLeaf)
            {
                if (stack.Count > MaxDepth)
                    throw TooDeep();
                var at = descending ? Search(node.Keys, start) : -1;
                var child = descending ? (at >= 0 ? at + 1 : ~at) : 0;
                stack.Push((node, child + 1));
                id = node.Pointers[child];
                continue;
            }

            var from = descending ? Search(node.Keys, start) : 0;
            descending = false;
            for (var i = from >= 0 ? from : ~from; i < node.Keys.Length; i++)
                yield return new(node.Keys[i], node.Values[i]);
            while (true)
            {
                if (!stack.TryPop(out var above))
                    yield break;
                if (above.Next >= above.Node.Pointers.Length)
                    continue;
                stack.Push((above.Node, above.Next + 1));
                id = above.Node.Pointers[above.Next];
                break;
            }
        }
    }

    /// <summary>The leaves, each with the identifiers of all nodes above it reported to <paramref name="visit"/> once.</summary>
    public async IAsyncEnumerable<TreeNode> LeavesAsync(
        bool descending, Action<Mac, TreeNode>? visit, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var rootNode = await RootNodeAsync().WaitAsync(cancellationToken);
        // Frames of (children not visited yet); each batch of children is fetched as a whole.
        var stack = new Stack<Queue<(Mac Id, TreeNode? Node)>>();
        stack.Push(new Queue<(Mac, TreeNode?)>([(rootNode, null)]));
        while (stack.TryPeek(out var frame))
        {
            if (frame.Count == 0)
            {
                stack.Pop();
                continue;
            }

            cancellationToken.ThrowIfCancellationRequested();
            if (frame.Peek().Node is null)
                await FillAsync(frame, cancellationToken);
            var (id, node) = frame.Dequeue();
            visit?.Invoke(id, node!);
            if (node!.IsLeaf)
            {
                yield return node;
                continue;
            }

            if (stack.Count > MaxDepth)
                throw TooDeep();
            stack.Push(new Queue<(Mac, TreeNode?)>((descending ? node.Pointers.Reverse() : node.Pointers).Select(p => (p, (TreeNode?)null))));
        }
    }

    private async Task FillAsync(Queue<(Mac Id, TreeNode? Node)> frame, CancellationToken cancellationToken)
    {
        var batch = frame.Take(Batch).Select(f => f.Id).ToHashSet();
        var nodes = new Dictionary<Mac, TreeNode>(batch.Count);
        await blobs.ReadManyAsync(
            kind.Node, batch, (id, bytes) => nodes[id] = BlobReader.Parse(kind.Node, in id, bytes, TreeNodeCodec.Read), cancellationToken);
        var items = frame.ToArray();
        frame.Clear();
        for (var i = 0; i < items.Length; i++)
            frame.Enqueue(i < Batch ? (items[i].Id, nodes[items[i].Id]) : items[i]);
    }

    public ValueTask<TreeNode> ReadNodeAsync(Mac id, CancellationToken cancellationToken) =>
        blobs.ReadAsync(kind.Node, id, TreeNodeCodec.Read, cancellationToken);

    private int Search(byte[][] keys, byte[] key)
    {
        int low = 0, high = keys.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = kind.Compare(keys[middle], key);
            if (order == 0)
                return middle;
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }

        return ~low;
    }

    private RepositoryException TooDeep() => RepositoryException.Damaged($"The {BlobReader.Describe(kind.Root, root)} is damaged: it is too deep.");
}
