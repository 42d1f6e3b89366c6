using Kloset.Snapshots;
using Kloset.Writing;
using Kloset.Writing.Trees;
using TreeBuilder = Kloset.Writing.Trees.TreeBuilder;

namespace Kloset.Tests.Writing;

public sealed class TreeBuilderTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_tree_from_nothing_has_its_ancestors_its_listings_and_its_counters()
    {
        var sink = new MemorySink();
        var result = await BuildAsync(sink, [
            File("/b/c/two.jpg", 20, "image/jpeg"),
            File("/b/one.txt", 10, "text/plain; charset=utf-8"),
            new PutDirectory(EntryPath.Parse("/empty"), 0x1C0, new Timestamp(5, 6)),
            new PutSymlink(EntryPath.Parse("/b/link"), "one.txt", new Timestamp(7, 8)),
            new PutError(EntryPath.Parse("/b/three.jpg"), "permission denied"),
        ]);

        Assert.Equal(["/", "/b", "/empty", "/b/c", "/b/link", "/b/one.txt", "/b/c/two.jpg"], Keys(sink, BlobType.VfsTree, BlobType.VfsNode, result.Root));
        Assert.Equal(
            ["/application/x-not-regular-file/b/link", "/image/jpeg/b/c/two.jpg", "/text/plain/b/one.txt"],
            Keys(sink, BlobType.IndexTree, BlobType.IndexNode, Index(result, "content-type")));
        Assert.Equal(["/", "/b", "/b/c", "/empty"], Keys(sink, BlobType.IndexTree, BlobType.IndexNode, Index(result, "dirpack")));
        Assert.Equal(["/b/three.jpg"], Keys(sink, BlobType.ErrorTree, BlobType.ErrorNode, result.Errors));
        Assert.Equal((2UL, 1UL), (result.Summary.Directory.Directories, result.Summary.Below.Directories));
        Assert.Equal((2UL, 30UL, 1UL), (result.Summary.Below.Files, result.Summary.Below.Size, result.Summary.Below.Errors));
        Assert.Equal(1UL, result.Summary.Below.Symlinks);
    }

    [Fact]
    public async Task Of_several_words_on_a_path_the_last_one_counts()
    {
        var sink = new MemorySink();
        var result = await BuildAsync(sink, [
            File("/a", 1, "text/plain"), File("/a", 2, "text/plain"),
            File("/gone", 1, "text/plain"), new Remove(EntryPath.Parse("/gone")),
            new Remove(EntryPath.Parse("/back")), File("/back", 3, "text/plain"),
            new PutError(EntryPath.Parse("/a"), "was unreadable at first"), File("/a", 4, "text/plain"),
        ]);
        Assert.Equal(["/", "/a", "/back"], Keys(sink, BlobType.VfsTree, BlobType.VfsNode, result.Root));
        Assert.Equal(7UL, result.Summary.Directory.Size);
        Assert.Empty(Keys(sink, BlobType.ErrorTree, BlobType.ErrorNode, result.Errors));
    }

    [Fact]
    public async Task The_order_of_changes_and_the_size_of_the_sort_do_not_matter()
    {
        var changes = Enumerable.Range(0, 3000).Select(number => File($"/{number % 7}/{number % 31}/{number}", number, "image/png")).ToArray();
        var sorted = await BuildAsync(new MemorySink(), changes);
        new Random(3).Shuffle(changes);
        var shuffled = await BuildAsync(new MemorySink(), changes, sortBufferBytes: 50_000);
        Assert.Equal(sorted.Root, shuffled.Root);
        Assert.Equal(sorted.Indexes, shuffled.Indexes);
    }

    [Fact]
    public async Task Nothing_is_put_below_a_file() =>
        await Assert.ThrowsAsync<InvalidOperationException>(() => BuildAsync(new MemorySink(), [File("/a/b", 1, "text/plain"), File("/a", 1, "text/plain")]));

    private static PutFile File(string path, int size, string type) =>
        new(EntryPath.Parse(path), new StoredObject(new Mac([.. Enumerable.Repeat((byte)7, 32)]), Mac.Zero, size, 1, 4.5, type, size), 0x1A4, new Timestamp(1000, 0));

    private static Task<TreeResult> BuildAsync(MemorySink sink, TreeChange[] changes, int sortBufferBytes = 32 << 20) =>
        TreeBuilder.BuildAsync(sink, null, changes.ToAsyncEnumerable(), [], new WriterOptions { SortBufferBytes = sortBufferBytes }, Cancel);

    private static Mac Index(TreeResult result, string name) => result.Indexes.Single(index => index.Name == name).Value;

    private static List<string> Keys(MemorySink sink, BlobType treeType, BlobType nodeType, Mac root)
    {
        return [.. Walk(TreeNodeCodec.ReadRoot(sink.Blobs[(treeType, root)]))];

        IEnumerable<string> Walk(Mac id)
        {
            var node = TreeNodeCodec.Read(sink.Blobs[(nodeType, id)]);
            return node.IsLeaf ? node.Keys.Select(key => LosslessText.Decode(key)) : node.Pointers.SelectMany(Walk);
        }
    }
}
