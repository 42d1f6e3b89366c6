using Kloset.Checking;
using Kloset.Snapshots;
using Kloset.Tests.Writing;
using Kloset.Writing;

namespace Kloset.Tests.Checking;

public sealed class SharedTreesTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_snapshots_share_is_read_once_and_counted_for_each()
    {
        await using var test = await TestRepository.CreateAsync();
        await using var writer = await test.Repository.BeginWriteAsync(test.Options, Token);
        var first = await CommitAsync(test, writer, null, [.. Enumerable.Range(0, 3000).Select(i => $"/album {i / 300}/{i:D4}.jpg")]);
        var second = await CommitAsync(test, writer, first, ["/album 3/0950 new.jpg"]);

        var touched = 0;
        var ledger = new DamageLedger(test.Repository.Index);
        var check = new SnapshotCheck(test.Repository.Blobs, ledger, 1) { Touched = (_, _) => touched++ };
        await check.RunAsync(first.Id, Token);
        var whole = touched;
        Assert.Equal(3000, check.Files);
        await check.RunAsync(second.Id, Token);
        Assert.Equal(6001, check.Files);
        Assert.InRange(touched - whole, 1, whole / 10);
        Assert.Equal(0, ledger.Count);
    }

    [Fact]
    public async Task Beyond_its_bound_nothing_new_is_remembered_and_all_is_still_checked()
    {
        await using var test = await TestRepository.CreateAsync();
        var trees = new VerifiedTrees(test.Repository.Codec, capacity: 1);
        trees.Add(trees.KeyOf(TreeRole.Entries, test.Services.Random.NextMac(), null, null), default);
        var node = test.Services.Random.NextMac();
        trees.Add(trees.KeyOf(TreeRole.Entries, in node, null, null), new TreeFacts(1, 2, 3));
        Assert.False(new TreeTally(trees, TreeRole.Entries, remembersLeaves: true).TrySkip(in node, null, null));
    }

    [Fact]
    public async Task A_node_is_known_for_what_it_was_and_where_it_was_seen_only()
    {
        await using var test = await TestRepository.CreateAsync();
        var trees = new VerifiedTrees(test.Repository.Codec);
        var node = test.Services.Random.NextMac();
        trees.Add(trees.KeyOf(TreeRole.Entries, in node, "/a"u8.ToArray(), "/b"u8.ToArray()), new TreeFacts(1, 2, 3));
        var entries = new TreeTally(trees, TreeRole.Entries, remembersLeaves: true);
        Assert.False(entries.TrySkip(in node, "/a"u8.ToArray(), null));
        Assert.False(entries.TrySkip(in node, null, "/a/b"u8.ToArray()));
        Assert.False(new TreeTally(trees, TreeRole.Listings, remembersLeaves: true).TrySkip(in node, "/a"u8.ToArray(), "/b"u8.ToArray()));
        Assert.True(entries.TrySkip(in node, "/a"u8.ToArray(), "/b"u8.ToArray()));
        Assert.Equal(new TreeFacts(1, 2, 3), entries.Total);
    }

    /// <summary>The tree of one snapshot with the listings of another.</summary>
    [Theory]
    [InlineData("/album/2.jpg", "/album/3.jpg", "disagree about /album/3.jpg")]
    [InlineData("/album/1.jpg", "/album/3.jpg", "disagree about /album/1.jpg")]
    [InlineData("/album/2.jpg", "/album/0.jpg", "disagree about /album/0.jpg")]
    [InlineData("/album/2.jpg", "/many/000.jpg", "lacks /album/2.jpg")]
    [InlineData("/other/2.jpg", "/album/1.jpg", "lacks /other")]
    public async Task A_listing_that_does_not_say_what_the_tree_says_is_named(string inTree, string inListing, string said)
    {
        await using var test = await TestRepository.CreateAsync();
        await using var writer = await test.Repository.BeginWriteAsync(test.Options, Token);
        var common = await CommitAsync(test, writer, null, ["/album/0.jpg", "/album/1.jpg", .. Enumerable.Range(0, 200).Select(i => $"/many/{i:D3}.jpg")]);
        var tree = await CommitAsync(test, writer, common, [inTree]);
        var listing = await CommitAsync(test, writer, common, [inListing]);
        var mixed = tree with { Sources = [tree.Sources![0] with { Indexes = listing.Sources![0].Indexes }] };

        var ledger = new DamageLedger(test.Repository.Index);
        var check = new SnapshotCheck(test.Repository.Blobs, ledger, 1);
        await check.RunAsync(common.Id, Token);
        await check.RunAsync(new Snapshot(mixed, test.Repository.Blobs, 1), Token);
        Assert.Contains(ledger.Blobs, damage => damage.ToFinding().Message.Contains(said, StringComparison.Ordinal) && damage.Snapshots.Contains(tree.Id));
    }

    [Fact]
    public async Task A_directory_without_a_listing_is_named()
    {
        await using var test = await TestRepository.CreateAsync();
        await using var writer = await test.Repository.BeginWriteAsync(test.Options, Token);
        var common = await CommitAsync(test, writer, null, ["/album/0.jpg"]);
        var tree = await CommitAsync(test, writer, common, ["/other/1.jpg"]);
        var mixed = tree with { Sources = [tree.Sources![0] with { Indexes = common.Sources![0].Indexes }] };

        var ledger = new DamageLedger(test.Repository.Index);
        await new SnapshotCheck(test.Repository.Blobs, ledger, 1).RunAsync(new Snapshot(mixed, test.Repository.Blobs, 1), Token);
        Assert.Contains(ledger.Blobs, damage => damage.ToFinding().Message.Contains("has no listing of /other", StringComparison.Ordinal));
    }

    private static async Task<SnapshotHeader> CommitAsync(TestRepository test, RepositoryWriter writer, SnapshotHeader? basis, string[] paths)
    {
        var changes = new List<TreeChange>();
        foreach (var path in paths)
            changes.Add(await writer.FileAsync(path, TreeChanges.Noise(paths.Length + changes.Count, 64)));
        return await writer.CommitAsync(
            TestRepository.Draft, basis is null ? null : await test.Repository.OpenSnapshotAsync(basis.Id, Token), TreeChanges.Of(changes), Token);
    }
}
