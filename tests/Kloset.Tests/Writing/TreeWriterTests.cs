using System.Text;
using Kloset.Snapshots;
using Kloset.Writing.Trees;

namespace Kloset.Tests.Writing;

public sealed class TreeWriterTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(49)]
    [InlineData(50)]
    [InlineData(97)]
    [InlineData(98)]
    [InlineData(99)]
    [InlineData(2449)]
    [InlineData(2500)]
    [InlineData(7351)]
    public async Task A_tree_holds_its_keys_in_order_by_pointers_and_by_the_chain_of_leaves(int count)
    {
        var sink = new MemorySink();
        var keys = Enumerable.Range(0, count).Select(number => Encoding.UTF8.GetBytes($"/photos/{number:000000}")).ToList();
        var writer = new TreeWriter(sink, TreeKind.Index);
        foreach (var key in Enumerable.Reverse(keys))
        {
            await writer.AddAsync(key, sink.ComputeMac(key), Cancel);
        }

        var root = await writer.CompleteAsync(Cancel);
        var rootNode = TreeNodeCodec.ReadRoot(sink.Blobs[(BlobType.IndexTree, root)]);
        var leaves = Leaves(sink, rootNode, null).ToList();

        Assert.Equal(keys, leaves.SelectMany(leaf => leaf.Node.Keys));
        Assert.All(leaves, leaf => Assert.Equal(leaf.Node.Keys.Select(key => sink.ComputeMac(key)), leaf.Node.Values));
        Assert.Equal(leaves.Skip(1).Select(leaf => (Mac?)leaf.Id).Append(null), leaves.Select(leaf => leaf.Node.Next));
        Assert.All(sink.Blobs.Where(blob => blob.Key.Type == BlobType.IndexNode), blob => Assert.True(TreeNodeCodec.Read(blob.Value).Keys.Length <= 49));
        if (count > 49)
        {
            Assert.All(leaves, leaf => Assert.True(leaf.Node.Keys.Length >= 24, "a leaf is nearly empty"));
        }
    }

    [Fact]
    public async Task Keys_out_of_order_are_refused()
    {
        var writer = new TreeWriter(new MemorySink(), TreeKind.Index);
        await writer.AddAsync("/b"u8.ToArray(), Mac.Zero, Cancel);
        await Assert.ThrowsAsync<InvalidOperationException>(() => writer.AddAsync("/b"u8.ToArray(), Mac.Zero, Cancel).AsTask());
        await Assert.ThrowsAsync<InvalidOperationException>(() => writer.AddAsync("/c"u8.ToArray(), Mac.Zero, Cancel).AsTask());
    }

    private static IEnumerable<(Mac Id, TreeNode Node)> Leaves(MemorySink sink, Mac id, byte[]? atLeast)
    {
        var node = TreeNodeCodec.Read(sink.Blobs[(BlobType.IndexNode, id)]);
        if (node.IsLeaf)
        {
            Assert.True(atLeast is null || node.Keys[0].AsSpan().SequenceEqual(atLeast), "a separator is the smallest key on its right");
            return [(id, node)];
        }

        return node.Pointers.SelectMany((pointer, index) => Leaves(sink, pointer, index == 0 ? atLeast : node.Keys[index - 1]));
    }
}
