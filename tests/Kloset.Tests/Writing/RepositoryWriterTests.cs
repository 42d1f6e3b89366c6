using System.Security.Cryptography;
using System.Text;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Storage;
using Kloset.Tests.Golden;
using Kloset.Writing;
using Microsoft.Extensions.Time.Testing;

namespace Kloset.Tests.Writing;

public sealed class RepositoryWriterTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null)]
    [InlineData("a passphrase")]
    public async Task What_is_written_is_read_back_after_reopening(string? passphrase)
    {
        await using var test = await TestRepository.CreateAsync(passphrase);
        var contents = new Dictionary<string, byte[]>
        {
            ["/empty.txt"] = [],
            ["/one"] = [7],
            ["/a b/ünï-日本-🎉.bin"] = TreeChanges.Noise(1, 100),
            ["/a b/chunks.bin"] = TreeChanges.Noise(2, 5_000_000),
            ["/a/deep/er/text.txt"] = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("words and more words\n", 100_000))),
            ["/a/" + LosslessText.Decode([0xFF, 0xFE, (byte)'x'])] = [1, 2, 3],
            ["/a.txt"] = "text"u8.ToArray(),
        };
        SnapshotHeader header;
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
        {
            var changes = new List<TreeChange>();
            foreach (var (path, content) in contents)
                changes.Add(await writer.FileAsync(path, content));
            changes.Add(new PutSymlink(EntryPath.Parse("/a/link"), "../a.txt", TreeChanges.Time));
            changes.Add(new PutDirectory(EntryPath.Parse("/nothing in it"), 0x1C0, TreeChanges.Time));
            changes.Add(new PutError(EntryPath.Parse("/a/lost.jpg"), "could not be read"));
            header = await writer.CommitAsync(TestRepository.Draft with { Tags = ["one"] }, null, TreeChanges.Of(changes), Token);
            Assert.Equal(contents.Values.Sum(c => c.Length), writer.Statistics.BytesRead);
        }

        Assert.Empty(await test.Repository.ListLocksAsync(Token));
        Assert.DoesNotContain(Directory.EnumerateFiles(test.Root, "*", SearchOption.AllDirectories), f => Path.GetFileName(f).StartsWith("tmp.", StringComparison.Ordinal));
        Assert.False(Directory.Exists(Path.Combine(test.Folder, "cache")) && Directory.EnumerateFileSystemEntries(Path.Combine(test.Folder, "cache")).Any());
        await using var reopened = await test.ReopenAsync();
        var snapshot = await reopened.OpenSnapshotAsync(await reopened.ResolveSnapshotAsync("latest", Token), Token);
        Assert.Equal(header.Id, snapshot.Id);
        Assert.Equal(["one"], snapshot.Header.Tags);
        var entries = await TreeChanges.WalkAsync(snapshot);
        Assert.Equal(
            contents.Keys.Concat(["/", "/a", "/a b", "/a/deep", "/a/deep/er", "/a/link", "/nothing in it"]).Order(StringComparer.Ordinal),
            entries.Keys.Order(StringComparer.Ordinal));
        foreach (var (path, content) in contents)
        {
            Assert.Equal(content, await TreeChanges.ReadAsync(snapshot, entries[path]));
            Assert.Equal(content.Length, entries[path].Size);
            Assert.Equal(1, entries[path].LinkCount);
            Assert.NotEmpty(entries[path].ContentType);
            Assert.Equal(path, (await snapshot.FindAsync(EntryPath.Parse(path), Token))!.Path.ToString());
        }

        Assert.Equal("../a.txt", entries["/a/link"].SymlinkTarget);
        Assert.Equal(TreeChanges.Time, entries["/one"].ModTime);
        var errors = await snapshot.ListErrorsAsync(Token).ToListAsync(Token);
        Assert.Equal([new EntryError(EntryPath.Parse("/a/lost.jpg"), "could not be read")], errors);
        var summary = await snapshot.FindSummaryAsync(EntryPath.Root, Token);
        Assert.Equal(7ul, summary!.TotalFiles);
        Assert.Equal((ulong)contents.Values.Sum(c => c.Length), summary.TotalSize);
        Assert.Equal(1ul, summary.Below.Errors);
    }

    [Fact]
    public async Task Known_content_is_not_stored_again_in_the_same_or_in_another_session()
    {
        await using var test = await TestRepository.CreateAsync("secret");
        var content = TreeChanges.Noise(3, 3_000_000);
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
        {
            var first = await writer.FileAsync("/a", content);
            var second = await writer.FileAsync("/b", content);
            Assert.Equal(first.Object.Id, second.Object.Id);
            Assert.Equal(content.Length, first.Object.NewBytes);
            Assert.Equal(0, second.Object.NewBytes);
            Assert.True(writer.HasObject(first.Object.Id));
            await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([first, second]), Token);
        }

        await using var reopened = await test.ReopenAsync();
        await using (var writer = await reopened.BeginWriteAsync(test.Options, Token))
        {
            var again = await writer.FileAsync("/c", content);
            Assert.Equal(0, again.Object.NewBytes);
            Assert.True(writer.HasObject(again.Object.Id));
            Assert.False(writer.HasObject(Mac.Zero));
        }
    }

    [Fact]
    public async Task A_checkpoint_makes_what_is_stored_known_although_nothing_was_committed()
    {
        await using var test = await TestRepository.CreateAsync();
        var content = TreeChanges.Noise(4, 2_000_000);
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
        {
            await writer.FileAsync("/a", content);
            await writer.CheckpointAsync(Token);
            await writer.FileAsync("/b", TreeChanges.Noise(5, 2_000_000));
        }

        await using var reopened = await test.ReopenAsync();
        Assert.Empty(await reopened.ListSnapshotsAsync(Token));
        await using var next = await reopened.BeginWriteAsync(test.Options, Token);
        Assert.Equal(0, (await next.FileAsync("/a", content)).Object.NewBytes);
        Assert.Equal(2_000_000, (await next.FileAsync("/b", TreeChanges.Noise(5, 2_000_000))).Object.NewBytes);
    }

    [Fact]
    public async Task Blobs_in_packfiles_whose_file_is_missing_are_stored_again()
    {
        await using var test = await TestRepository.CreateAsync();
        var content = TreeChanges.Noise(6, 2_000_000);
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
            await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([await writer.FileAsync("/a", content)]), Token);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(test.Root, "packfiles"), "*", SearchOption.AllDirectories))
            File.Delete(file);
        await using var reopened = await test.ReopenAsync();
        await using (var writer = await reopened.BeginWriteAsync(test.Options, Token))
        {
            var again = await writer.FileAsync("/a", content);
            Assert.Equal(content.Length, again.Object.NewBytes);
            await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([again]), Token);
        }

        var snapshot = await reopened.OpenSnapshotAsync((await reopened.ListSnapshotsOrWhatCanBeReadAsync(Token))[^1], Token);
        Assert.Equal(content, await TreeChanges.ReadAsync(snapshot, (await snapshot.FindAsync(EntryPath.Parse("/a"), Token))!));
    }

    [Fact]
    public async Task Random_histories_of_changes_give_the_same_trees_as_writing_the_outcome_from_nothing()
    {
        await using var test = await TestRepository.CreateAsync();
        var random = new Random(20261123);
        var model = new SortedDictionary<string, byte[]?>(StringComparer.Ordinal); // null: a directory
        Snapshot? basis = null;
        await using var writer = await test.Repository.BeginWriteAsync(test.Options, Token);
        for (var round = 0; round < 15; round++)
        {
            var changes = new List<TreeChange>();
            for (var i = 0; i < (round == 0 ? 400 : 25); i++)
            {
                var path = "/" + string.Join('/', Enumerable.Range(0, random.Next(1, 5)).Select(_ => ((string[])["a", "b", "a b", "a.c", "é"])[random.Next(5)] + random.Next(4)));
                switch (random.Next(6))
                {
                    case 0 when round > 0:
                        if (changes.Any(c => c.Path.IsAtOrBelow(EntryPath.Parse(path))))
                            break;
                        changes.Add(new Remove(EntryPath.Parse(path)));
                        foreach (var gone in model.Keys.Where(k => k == path || k.StartsWith(path + "/", StringComparison.Ordinal)).ToList())
                            model.Remove(gone);
                        break;
                    case 1:
                        if (!CanPut(path, isDirectory: true))
                            break;
                        changes.Add(new PutDirectory(EntryPath.Parse(path), 0x1ED, TreeChanges.Time));
                        Put(path, null);
                        break;
                    default:
                        if (!CanPut(path, isDirectory: false))
                            break;
                        var content = TreeChanges.Noise(random.Next(50), random.Next(200));
                        changes.Add(await writer.FileAsync(path, content));
                        Put(path, content);
                        break;
                }
            }

            var header = await writer.CommitAsync(TestRepository.Draft, basis, TreeChanges.Of(changes), Token);
            var snapshot = await test.Repository.OpenSnapshotAsync(header.Id, Token);
            var entries = await TreeChanges.WalkAsync(snapshot);
            Assert.Equal(model.Keys.Append("/").Order(StringComparer.Ordinal), entries.Keys.Order(StringComparer.Ordinal));
            foreach (var (path, content) in model.Where(m => m.Value is not null))
                Assert.Equal(content, await TreeChanges.ReadAsync(snapshot, entries[path]));

            // The trees say the same as the listings, and as a tree that is written from nothing.
            var whole = await writer.CommitAsync(
                TestRepository.Draft, null, TreeChanges.Of(entries.Values.Select(e => new PutEntry(e.Path, e))), Token);
            var fresh = await test.Repository.OpenSnapshotAsync(whole.Id, Token);
            Assert.Equal(await DumpAsync(fresh), await DumpAsync(snapshot));
            Assert.Equal(whole.Source.Summary, header.Source.Summary);
            Assert.Equal(whole.Source.Root, header.Source.Root);
            basis = snapshot;
        }

        bool CanPut(string path, bool isDirectory)
        {
            for (var parent = Path.GetDirectoryName(path); parent is not ("/" or null); parent = Path.GetDirectoryName(parent))
            {
                if (model.TryGetValue(parent, out var content) && content is not null)
                    return false;
            }

            return isDirectory ? !model.TryGetValue(path, out var found) || found is null : !model.TryGetValue(path, out found) || found is not null;
        }

        void Put(string path, byte[]? content)
        {
            model[path] = content;
            for (var parent = Path.GetDirectoryName(path); parent is not ("/" or null); parent = Path.GetDirectoryName(parent))
                model.TryAdd(parent, null);
        }
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("deleted")]
    [InlineData("encrypted")]
    public async Task A_snapshot_of_plakar_that_is_written_anew_gets_the_same_listings_and_summaries(string name)
    {
        await using var fixture = Fixture.Open(name);
        await using var repository = await fixture.OpenRepositoryAsync();
        await using var writer = await repository.BeginWriteAsync(new WriterOptions(), Token);
        foreach (var header in await repository.ListSnapshotsAsync(Token))
        {
            var original = await repository.OpenSnapshotAsync(header.Id, Token);
            var entries = await original.WalkAsync(EntryPath.Root, Token).ToListAsync(Token);
            var written = await writer.CommitAsync(
                TestRepository.Draft with { Directory = "/srv/data" }, null, TreeChanges.Of(entries.Select(e => new PutEntry(e.Path, e))), Token);
            var copy = await repository.OpenSnapshotAsync(written.Id, Token);
            Assert.Equal(await DumpAsync(original), await DumpAsync(copy));
            // And with the original as basis and nothing changed.
            var unchanged = await writer.CommitAsync(TestRepository.Draft with { Directory = "/srv/data" }, original, TreeChanges.Of([]), Token);
            Assert.Equal(await DumpAsync(original), await DumpAsync(await repository.OpenSnapshotAsync(unchanged.Id, Token)));
            Assert.Equal(
                await original.ListExtendedAttributesAsync(Token).Select(a => a.ToString()).Order().ToListAsync(Token),
                await (await repository.OpenSnapshotAsync(unchanged.Id, Token)).ListExtendedAttributesAsync(Token).Select(a => a.ToString()).Order().ToListAsync(Token));
        }
    }

    [Fact]
    public async Task A_lock_that_lapsed_is_taken_again_and_the_commit_refuses_when_its_ground_is_gone()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero));
        await using var test = await TestRepository.CreateAsync(time: time);
        var content = TreeChanges.Noise(8, 1_000_000);
        Snapshot basis;
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
        {
            var header = await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([await writer.FileAsync("/a", content)]), Token);
            basis = await test.Repository.OpenSnapshotAsync(header.Id, Token);
        }

        var paused = new PausableStore(test.Store);
        await using var repository = await Repository.OpenAsync(paused, null, test.Services, Token);
        await using (var writer = await repository.BeginWriteAsync(test.Options, Token))
        {
            await writer.FileAsync("/b", TreeChanges.Noise(9, 1000));
            // The store is away for longer than a lock lives.
            paused.IsAway = true;
            for (var minute = 0; minute < 11; minute++)
                time.Advance(TimeSpan.FromMinutes(1));
            paused.IsAway = false;
            // Everything is still there: the lock is taken again, and the commit goes through.
            await writer.CommitAsync(TestRepository.Draft, basis, TreeChanges.Of([await writer.FileAsync("/b", TreeChanges.Noise(9, 1000))]), Token);
            Assert.Single(await repository.ListLocksAsync(Token));

            Assert.Equal(0, (await writer.FileAsync("/c", content)).Object.NewBytes);
            paused.IsAway = true;
            for (var minute = 0; minute < 11; minute++)
                time.Advance(TimeSpan.FromMinutes(1));
            paused.IsAway = false;
            foreach (var file in Directory.EnumerateFiles(Path.Combine(test.Root, "packfiles"), "*", SearchOption.AllDirectories))
                File.Delete(file);
            var failure = await Assert.ThrowsAsync<RepositoryException>(async () =>
            {
                await writer.FileAsync("/d", TreeChanges.Noise(10, 1000));
                await writer.CheckpointAsync(Token);
            });
            Assert.Equal(RepositoryFailure.LockLapsed, failure.Failure);
        }

        Assert.Empty(await test.Repository.ListLocksAsync(Token));
    }

    [Fact]
    public async Task A_commit_waits_for_chunks_that_another_flow_has_claimed_and_not_stored_yet()
    {
        await using var test = await TestRepository.CreateAsync("secret");
        using var random = new GatedRandom();
        await using var repository = await Repository.OpenAsync(test.Store, test.Passphrase, test.Services with { Random = random }, Token);
        await using var writer = await repository.BeginWriteAsync(test.Options, Token);
        var content = TreeChanges.Noise(12, 50_000);
        // The first flow claims the chunk and stops while it seals it.
        random.Arm();
        var first = Task.Run(() => writer.WriteObjectAsync(new MemoryStream(content), ObjectOptions.Default, Token), Token);
        await random.Reached.WaitAsync(Token);
        // The second finds it known, is done, and commits.
        var file = await writer.FileAsync("/a", content);
        Assert.Equal(0, file.Object.NewBytes);
        var commit = writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([file]), Token);
        await Task.WhenAny(commit, Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, Token));
        Assert.False(commit.IsCompleted, "a snapshot was committed whose content is not stored");
        random.Release();
        var header = await commit;
        await first;
        await using var fresh = await test.ReopenAsync();
        var snapshot = await fresh.OpenSnapshotAsync(header.Id, Token);
        Assert.Equal(content, await TreeChanges.ReadAsync(snapshot, (await snapshot.FindAsync(EntryPath.Parse("/a"), Token))!));
    }

    [Fact]
    public async Task A_failed_upload_fails_the_session_and_leaves_the_repository_as_it_was()
    {
        await using var test = await TestRepository.CreateAsync();
        var store = new PausableStore(test.Store);
        await using var repository = await Repository.OpenAsync(store, null, test.Services, Token);
        await using (var writer = await repository.BeginWriteAsync(test.Options, Token))
        {
            var file = await writer.FileAsync("/a", TreeChanges.Noise(11, 100_000));
            store.IsAway = true;
            await Assert.ThrowsAsync<StoreException>(() => writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([file]), Token));
            store.IsAway = false;
            await Assert.ThrowsAsync<StoreException>(() => writer.FileAsync("/b", [1]));
        }

        await using var reopened = await test.ReopenAsync();
        Assert.Empty(await reopened.ListSnapshotsAsync(Token));
        Assert.Empty(await reopened.ListLocksAsync(Token));
    }

    /// <summary>Everything that a snapshot says of its paths, without identifiers of trees, whose shapes may differ.</summary>
    private static async Task<string> DumpAsync(Snapshot snapshot)
    {
        var tree = snapshot.Trees[0];
        var text = new StringBuilder();
        await foreach (var (key, id) in tree.Entries.WalkAsync(descending: false, Token))
            text.Append(string.Concat($"entry {LosslessText.Decode(key)} {id}", "\n"));
        await foreach (var (key, id) in tree.Entries.WalkAsync(descending: true, Token))
            text.Append(string.Concat($"entry back {LosslessText.Decode(key)} {id}", "\n"));
        await foreach (var (key, id) in tree.Dirpacks!.WalkAsync(descending: false, Token))
            text.Append(string.Concat($"dirpack {LosslessText.Decode(key)} {id}", "\n"));
        await foreach (var (key, id) in tree.Summaries!.WalkAsync(descending: false, Token))
            text.Append(string.Concat($"summary {LosslessText.Decode(key)} {id}", "\n"));
        await foreach (var (key, id) in tree.ContentTypes!.WalkAsync(descending: false, Token))
            text.Append(string.Concat($"type {LosslessText.Decode(key)} {id}", "\n"));
        await foreach (var (key, id) in tree.Errors.WalkAsync(descending: false, Token))
            text.Append(string.Concat($"error {LosslessText.Decode(key)} {id}", "\n"));
        // The chain of leaves must name them all.
        var leaves = new List<TreeNode>();
        await foreach (var leaf in tree.Entries.LeavesAsync(descending: false, null, Token))
            leaves.Add(leaf);
        var chained = 0;
        TreeNode? at = leaves[0];
        while (at is not null)
        {
            chained++;
            at = at.Next is { } next ? await tree.Entries.ReadNodeAsync(next, Token) : null;
        }

        Assert.Equal(leaves.Count, chained);
        return text.ToString();
    }

    /// <summary>Stops the first one who asks after <see cref="Arm"/>, until it is released.</summary>
    private sealed class GatedRandom : RandomSource, IDisposable
    {
        private readonly ManualResetEventSlim _gate = new(true);
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _armed;

        public Task Reached => _reached.Task;

        public void Arm()
        {
            _gate.Reset();
            _armed = 1;
        }

        public void Release() => _gate.Set();

        public void Dispose() => _gate.Dispose();

        public override void Fill(Span<byte> destination)
        {
            if (Interlocked.Exchange(ref _armed, 0) == 1)
            {
                _reached.SetResult();
                _gate.Wait(TimeSpan.FromMinutes(1));
            }

            RandomNumberGenerator.Fill(destination);
        }
    }
}
