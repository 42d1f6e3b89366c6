using Kloset.Msgpack;
using Kloset.Snapshots;

namespace Kloset.Writing.Trees;

/// <summary>
/// Stores a B+tree from its keys in descending order: a leaf names its right neighbour, so the right one must be there first. Memory is a few
/// nodes a level. Nodes are full, but for the two leftmost of a level, which share what is left. Source: format document, section 13.1.
/// </summary>
internal sealed class TreeWriter(IBlobSink sink, TreeKind kind)
{
    private const int Order = 50;
    private const int MaxKeys = Order - 1;

    private readonly MsgpackWriter _encoder = new(8192);
    private readonly List<List<(byte[] Key, Mac Value)>> _levels = [[]];
    private Mac? _next;
    private byte[]? _last;

    /// <summary>Adds the next smaller key.</summary>
    public async ValueTask AddAsync(ReadOnlyMemory<byte> key, Mac value, CancellationToken cancellationToken)
    {
        if (_last is not null && kind.Compare(_last, key.Span) <= 0)
            throw new InvalidOperationException($"'{LosslessText.Decode(key.Span)}' does not come before '{LosslessText.Decode(_last)}'.");
        _last = key.ToArray();
        await PushAsync(0, _last, value, cancellationToken);
    }

    /// <returns>The identifier of the root blob.</returns>
    public async Task<Mac> CompleteAsync(CancellationToken cancellationToken)
    {
        if (_levels[0].Count == 0)
            return await PutRootAsync(await PutNodeAsync(new TreeNode([], [], [], null), cancellationToken), cancellationToken);
        for (var level = 0; ; level++)
        {
            var rest = _levels[level];
            if (level > 0 && level == _levels.Count - 1 && rest.Count == 1)
                return await PutRootAsync(rest[0].Value, cancellationToken);
            var right = rest.Count > Capacity(level) ? (rest.Count + 1) / 2 : rest.Count;
            await EmitAsync(level, right, cancellationToken);
            if (rest.Count > 0)
                await EmitAsync(level, rest.Count, cancellationToken);
        }
    }

    private static int Capacity(int level) => level == 0 ? MaxKeys : Order;

    private async ValueTask PushAsync(int level, byte[] key, Mac value, CancellationToken cancellationToken)
    {
        if (level == _levels.Count)
            _levels.Add([]);
        var pending = _levels[level];
        pending.Add((key, value));
        // One node more than is emitted stays back, so that the end never leaves a tiny node.
        if (pending.Count >= 2 * Capacity(level))
            await EmitAsync(level, Capacity(level), cancellationToken);
    }

    /// <summary>Stores the largest <paramref name="count"/> pending items of a level as one node.</summary>
    private async ValueTask EmitAsync(int level, int count, CancellationToken cancellationToken)
    {
        var pending = _levels[level];
        var items = pending.GetRange(0, count);
        pending.RemoveRange(0, count);
        items.Reverse();
        Mac id;
        if (level == 0)
        {
            id = await PutNodeAsync(new TreeNode([.. items.Select(item => item.Key)], [], [.. items.Select(item => item.Value)], _next), cancellationToken);
            _next = id;
        }
        else
        {
            // separators are the smallest keys of all children but the first
            id = await PutNodeAsync(new TreeNode([.. items.Skip(1).Select(item => item.Key)], [.. items.Select(item => item.Value)], [], null), cancellationToken);
        }

        await PushAsync(level + 1, items[0].Key, id, cancellationToken);
    }

    private async ValueTask<Mac> PutNodeAsync(TreeNode node, CancellationToken cancellationToken)
    {
        _encoder.Reset();
        TreeNodeCodec.Write(_encoder, node);
        return await sink.PutBlobAsync(kind.Node, _encoder.WrittenMemory, cancellationToken);
    }

    private async ValueTask<Mac> PutRootAsync(Mac rootNode, CancellationToken cancellationToken)
    {
        _encoder.Reset();
        TreeNodeCodec.WriteRoot(_encoder, rootNode, Order);
        return await sink.PutBlobAsync(kind.Root, _encoder.WrittenMemory, cancellationToken);
    }
}
