using Kloset.Msgpack;
using Kloset.Snapshots;

namespace Kloset.Writing;

/// <summary>
/// Writes a persisted B+tree from keys in descending order: a leaf names its right neighbour, so leaves are written from right to left.
/// Where a node ends depends on its keys alone, so that two trees which agree from some key on share all leaves on its right.
/// </summary>
internal sealed class TreeBuilder(WritingSession session, TreeKind kind)
{
    public const int Order = 50;

    private const int MaxItems = Order - 1;
    private const int MinItems = Order / 2;

    private readonly MsgpackWriter _writer = new(8192);
    private readonly List<Level> _levels = [new Level()];
    private Mac? _nextLeaf;

    public long Count { get; private set; }

    public async ValueTask AddAsync(byte[] key, Mac value)
    {
        Count++;
        await AddAsync(0, key, value);
    }

    /// <returns>Identifier of the root blob.</returns>
    public async ValueTask<Mac> FinishAsync()
    {
        Mac? root = null;
        for (var depth = 0; root is null; depth++)
        {
            var level = _levels[depth];
            var isTop = depth == _levels.Count - 1;
            if (isTop && depth > 0 && level.Keys.Count == 1)
                root = level.Macs[0];
            else if (isTop)
                root = (await WriteNodeAsync(depth)).Id;
            else if (level.Keys.Count > 0)
                await CloseAsync(depth);
        }

        _writer.Reset();
        TreeNodeCodec.WriteRoot(_writer, root.Value, Order);
        return await session.StoreByContentAsync(session.Sink.Metadata, kind.Root, _writer.WrittenMemory);
    }

    private async ValueTask AddAsync(int depth, byte[] key, Mac mac)
    {
        if (depth == _levels.Count)
            _levels.Add(new Level());
        var level = _levels[depth];
        level.Keys.Add(key);
        level.Macs.Add(mac);
        if (level.Keys.Count == MaxItems || (level.Keys.Count >= MinItems && IsBoundary(key)))
            await CloseAsync(depth);
    }

    private async ValueTask CloseAsync(int depth)
    {
        var (smallest, id) = await WriteNodeAsync(depth);
        await AddAsync(depth + 1, smallest, id);
    }

    private async ValueTask<(byte[] Smallest, Mac Id)> WriteNodeAsync(int depth)
    {
        var level = _levels[depth];
        level.Keys.Reverse();
        level.Macs.Reverse();
        var node = depth == 0
            ? new TreeNode([.. level.Keys], [], [.. level.Macs], _nextLeaf)
            : new TreeNode([.. level.Keys.Skip(1)], [.. level.Macs], [], null);
        _writer.Reset();
        TreeNodeCodec.Write(_writer, node);
        var id = await session.StoreByContentAsync(session.Sink.Metadata, kind.Node, _writer.WrittenMemory);
        if (depth == 0)
            _nextLeaf = id;
        var smallest = level.Keys.Count > 0 ? level.Keys[0] : [];
        level.Keys.Clear();
        level.Macs.Clear();
        return (smallest, id);
    }

    /// <summary>One key in eight, whatever stands around it.</summary>
    private static bool IsBoundary(byte[] key)
    {
        var hash = 2166136261u;
        foreach (var value in key)
            hash = (hash ^ value) * 16777619;
        return ((hash ^ (hash >> 15)) & 7) == 0;
    }

    private sealed class Level
    {
        public List<byte[]> Keys { get; } = new(MaxItems);

        public List<Mac> Macs { get; } = new(MaxItems);
    }
}
