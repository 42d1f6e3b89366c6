using System.Runtime.CompilerServices;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Storage;

namespace Kloset.Checking;

/// <summary>Keys from <paramref name="From"/> (null: the first) up to and without <paramref name="To"/> (null: to the end) that cannot be seen.</summary>
internal sealed record UnseenRange(BlobDamage Damage, byte[]? From, byte[]? To, KeyComparison Compare)
{
    public bool Holds(ReadOnlySpan<byte> key) => (From is null || Compare(From, key) <= 0) && (To is null || Compare(key, To) < 0);
}

/// <summary>Walks one tree past what is damaged in it, and tells which keys lie behind the damage.</summary>
internal sealed class TreeSurvey(BlobReader blobs, DamageLedger ledger, TreeKind kind, Mac root, SnapshotId snapshot)
{
    private const int MaxDepth = 40;
    private const int Batch = 64;

    private readonly List<UnseenRange> _unseen = [];

    /// <summary>Of trees whose keys have no order: a hostile one could name the same nodes over and over.</summary>
    private readonly HashSet<Mac> _visited = [];

    private TreeTally? _tally;

    public IReadOnlyList<UnseenRange> Unseen => _unseen;

    /// <inheritdoc cref="SnapshotCheck.Touched"/>
    public Action<BlobType, Mac>? Touched { get; init; }

    public BlobDamage? DamageAt(ReadOnlySpan<byte> key)
    {
        foreach (var range in _unseen)
        {
            if (range.Holds(key))
                return range.Damage;
        }

        return null;
    }

    /// <param name="tally">
    /// Adds up the walk: nodes that it knows are passed over, their keys are not among the results. Only for trees whose keys have an order.
    /// </param>
    public async IAsyncEnumerable<KeyValuePair<byte[], Mac>> WalkAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken, TreeTally? tally = null)
    {
        _tally = tally;
        Mac rootNode;
        Touched?.Invoke(kind.Root, root);
        try
        {
            rootNode = await blobs.ReadAsync(kind.Root, root, TreeNodeCodec.ReadRoot, cancellationToken);
        }
        catch (Exception exception) when (IsDamage(exception))
        {
            Unsee(kind.Root, root, exception.Message, null, null);
            yield break;
        }

        byte[]? last = null, floor = null;
        var stack = new Stack<Queue<Pending>>();
        stack.Push(new Queue<Pending>([new Pending(rootNode, null, null, null)]));
        while (stack.TryPeek(out var frame))
        {
            if (frame.Count == 0)
            {
                stack.Pop();
                if (stack.Count > 0)
                    tally?.Leave();
                continue;
            }

            cancellationToken.ThrowIfCancellationRequested();
            if (frame.Peek() is { Node: null, IsKnown: false })
                await FillAsync(frame, cancellationToken);
            if (!frame.TryDequeue(out var next))
                continue;
            if (next.IsKnown)
            {
                // What comes before it must end before it begins, as it did when it was seen.
                if ((last is null || (next.From is not null && kind.Compare(last, next.From) < 0)) && tally!.TrySkip(next.Id, next.From, next.To))
                {
                    (last, floor) = (null, next.To);
                    continue;
                }

                next = next with { Node = await TryReadAsync(next, cancellationToken) };
            }

            if (next.Node is not { } node)
                continue; // damaged, and told
            if (!kind.IsOrdered && !_visited.Add(next.Id))
                continue;
            if (!IsWithin(node.Keys, next))
                tally?.Spoil();
            if (node.IsLeaf)
            {
                var isNew = tally?.TryEnter(node) ?? true;
                for (var i = 0; i < node.Keys.Length; i++)
                {
                    var key = node.Keys[i];
                    if (kind.IsOrdered && ((last is not null && kind.Compare(last, key) >= 0) || (floor is not null && kind.Compare(floor, key) > 0)))
                    {
                        // Nothing behind it can be relied on, and a hostile tree could go round for ever.
                        Unsee(kind.Node, next.Id, $"The {BlobReader.Describe(kind.Node, next.Id)} is damaged: its keys are not in order.", last ?? floor, null);
                        yield break;
                    }

                    (last, floor) = (key, null);
                    if (isNew)
                        yield return new(key, node.Values[i]);
                }

                if (isNew)
                    tally?.Leave();
                continue;
            }

            if (stack.Count > MaxDepth)
            {
                Unsee(kind.Node, next.Id, $"The {BlobReader.Describe(kind.Root, root)} is damaged: it is too deep.", next.From, next.To);
                continue;
            }

            tally?.Enter(next.Id, next.From, next.To);
            var children = new Queue<Pending>();
            for (var i = 0; i < node.Pointers.Length; i++)
                children.Enqueue(new Pending(node.Pointers[i], null, i == 0 ? next.From : node.Keys[i - 1], i < node.Keys.Length ? node.Keys[i] : next.To));
            stack.Push(children);
        }
    }

    /// <summary>What counts as damage of what is stored, and not as a failure to reach it.</summary>
    public static bool IsDamage(Exception exception) =>
        exception is RepositoryException or MalformedException or FormatException or StoreException { Failure: StoreFailure.NotFound or StoreFailure.Invalid };

    private async Task FillAsync(Queue<Pending> frame, CancellationToken cancellationToken)
    {
        var items = frame.ToArray();
        frame.Clear();
        for (var i = 0; i < items.Length && i < Batch; i++)
            items[i] = items[i] with { IsKnown = _tally is not null && _tally.Knows(items[i].Id, items[i].From, items[i].To) };
        var batch = items.Take(Batch).Where(f => !f.IsKnown).Select(f => f.Id).ToHashSet();
        var nodes = new Dictionary<Mac, TreeNode>(batch.Count);
        try
        {
            if (batch.Count > 0)
            {
                await blobs.ReadManyAsync(
                    kind.Node, batch, (id, bytes) => nodes[id] = BlobReader.Parse(kind.Node, in id, bytes, TreeNodeCodec.Read), cancellationToken);
            }
        }
        catch (Exception exception) when (IsDamage(exception))
        {
            // One of them; the others are read one by one below.
        }

        for (var i = 0; i < items.Length; i++)
        {
            var item = items[i];
            if (i >= Batch || item.IsKnown)
            {
                frame.Enqueue(item);
                continue;
            }

            if (!nodes.TryGetValue(item.Id, out var node))
            {
                if (await TryReadAsync(item, cancellationToken) is not { } read)
                    continue;
                node = nodes[item.Id] = read;
            }

            Touched?.Invoke(kind.Node, item.Id);
            frame.Enqueue(item with { Node = node });
        }
    }

    private async Task<TreeNode?> TryReadAsync(Pending item, CancellationToken cancellationToken)
    {
        try
        {
            return await blobs.ReadAsync(kind.Node, item.Id, TreeNodeCodec.Read, cancellationToken);
        }
        catch (Exception exception) when (IsDamage(exception))
        {
            Unsee(kind.Node, item.Id, exception.Message, item.From, item.To);
            return null;
        }
    }

    private bool IsWithin(byte[][] keys, Pending bounds)
    {
        for (var i = 1; i < keys.Length; i++)
        {
            if (kind.Compare(keys[i - 1], keys[i]) >= 0)
                return false;
        }

        return keys.Length == 0
            || ((bounds.From is null || kind.Compare(bounds.From, keys[0]) <= 0) && (bounds.To is null || kind.Compare(keys[^1], bounds.To) < 0));
    }

    private void Unsee(BlobType type, in Mac id, string message, byte[]? from, byte[]? to)
    {
        var damage = ledger.Report(type, in id, message);
        damage.Affect(snapshot, null);
        _tally?.Spoil();
        _unseen.Add(new UnseenRange(damage, from, to, kind.Compare));
    }

    /// <param name="IsKnown">Seen as a whole before, and not read again.</param>
    private readonly record struct Pending(Mac Id, TreeNode? Node, byte[]? From, byte[]? To, bool IsKnown = false);
}
