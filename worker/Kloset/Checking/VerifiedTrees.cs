using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kloset.Repositories;
using Kloset.Snapshots;

namespace Kloset.Checking;

/// <summary>
/// What a part of a tree says, in sums that do not depend on the order and the nodes in which it is said: two trees with equal sums hold the same.
/// Sums are of MACs, modulo 2^128.
/// </summary>
/// <param name="Entries">Over (path, identifier of the entry), for all but the root.</param>
/// <param name="Directories">Over the paths of directories.</param>
internal readonly record struct TreeFacts(UInt128 Entries, UInt128 Directories, long Files)
{
    public static TreeFacts operator +(in TreeFacts a, in TreeFacts b) =>
        new(unchecked(a.Entries + b.Entries), unchecked(a.Directories + b.Directories), a.Files + b.Files);
}

/// <summary>What the values of a tree stand for: the same node may serve two trees that refer to different things.</summary>
internal enum TreeRole : byte
{
    Entries,
    Listings,
    ContentTypes,

    /// <summary>Not a tree, but one directory's listing.</summary>
    Listing,
}

/// <summary>
/// Subtrees below which everything was found whole, with what they say: snapshots share most of their trees, and what they share is walked once.
/// Bounded: beyond <paramref name="capacity"/> nothing new is remembered, which costs time alone.
/// </summary>
/// <param name="capacity">About 100 bytes each; the leaves of a million files are some 30,000.</param>
internal sealed class VerifiedTrees(BlobCodec codec, int capacity = 1 << 19)
{
    private const byte LeafMark = 4;

    private readonly Dictionary<Mac, TreeFacts> _facts = [];

    public BlobCodec Codec => codec;

    public bool TryGet(in Mac key, out TreeFacts facts) => _facts.TryGetValue(key, out facts);

    public void Add(in Mac key, in TreeFacts facts)
    {
        if (_facts.Count < capacity)
            _facts[key] = facts;
    }

    /// <summary>
    /// A leaf is known by its keys and values, not by its identifier: it names its right neighbour, so that a change gives all leaves on its left
    /// new identifiers, and nothing else.
    /// </summary>
    public Mac KeyOf(TreeRole role, TreeNode leaf)
    {
        using var buffer = new PooledBuffer(1 << 13);
        buffer.Write([(byte)role, LeafMark]);
        Span<byte> length = stackalloc byte[4];
        for (var i = 0; i < leaf.Keys.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(length, leaf.Keys[i].Length);
            buffer.Write(length);
            buffer.Write(leaf.Keys[i]);
            buffer.Write(Mac.BytesOf(in leaf.Values[i]));
        }

        return codec.ComputeMac(buffer.Span);
    }

    /// <summary>
    /// An inner node is known within the bounds in which it was seen only: with them its keys are also known to be in order with those on its left and right.
    /// </summary>
    public Mac KeyOf(TreeRole role, in Mac node, byte[]? from, byte[]? to)
    {
        using var buffer = new PooledBuffer(256);
        buffer.Write([(byte)role, (byte)((from is null ? 0 : 1) | (to is null ? 0 : 2))]);
        buffer.Write(Mac.BytesOf(in node));
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, from?.Length ?? 0);
        buffer.Write(length);
        buffer.Write(from);
        buffer.Write(to);
        return codec.ComputeMac(buffer.Span);
    }

    public UInt128 Digest(ReadOnlySpan<byte> path, in Mac entry)
    {
        using var buffer = new PooledBuffer(256);
        buffer.Write(path);
        buffer.Write(Mac.BytesOf(in entry));
        var mac = codec.ComputeMac(buffer.Span);
        return MemoryMarshal.Read<UInt128>(Mac.BytesOf(in mac));
    }
}

/// <summary>Adds up one walk over a tree, node by node, and remembers the nodes below which all was whole.</summary>
internal sealed class TreeTally(VerifiedTrees trees, TreeRole role, bool remembersLeaves)
{
    private readonly Stack<Level> _open = [];
    private TreeFacts _sum;
    private bool _spoiled;

    /// <summary>Of all that was walked, also when the walk ended early.</summary>
    public TreeFacts Total => _open.Aggregate(_sum, (sum, level) => sum + level.Sum);

    public bool Knows(in Mac node, byte[]? from, byte[]? to) => trees.TryGet(trees.KeyOf(role, in node, from, to), out _);

    /// <summary>Takes a known inner node for what it was.</summary>
    public bool TrySkip(in Mac node, byte[]? from, byte[]? to) => TryTake(trees.KeyOf(role, in node, from, to));

    /// <summary>Begins what lies below an inner node.</summary>
    public void Enter(in Mac node, byte[]? from, byte[]? to) => Push(trees.KeyOf(role, in node, from, to));

    /// <summary>Begins a leaf, unless it is known and taken for what it was.</summary>
    /// <returns>False when it is known: there is nothing to leave.</returns>
    public bool TryEnter(TreeNode leaf)
    {
        Mac? key = remembersLeaves ? trees.KeyOf(role, leaf) : null;
        if (key is { } known && TryTake(known))
            return false;
        Push(key);
        return true;
    }

    public void Leave()
    {
        var level = _open.Pop();
        if (!_spoiled && level.Key is { } key)
            trees.Add(in key, in _sum);
        (_sum, _spoiled) = (level.Sum + _sum, level.Spoiled || _spoiled);
    }

    public void Add(in TreeFacts facts) => _sum += facts;

    /// <summary>Something below the node that was entered last is not whole: it, and all above it, must be looked at again.</summary>
    public void Spoil() => _spoiled = true;

    private void Push(Mac? key)
    {
        _open.Push(new Level(key, _sum, _spoiled));
        (_sum, _spoiled) = (default, false);
    }

    private bool TryTake(in Mac key)
    {
        if (!trees.TryGet(in key, out var facts))
            return false;
        _sum += facts;
        return true;
    }

    private readonly record struct Level(Mac? Key, TreeFacts Sum, bool Spoiled);
}
