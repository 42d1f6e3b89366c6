using Kloset.Checking;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Storage;
using Kloset.Tests.Golden;
using Kloset.Tests.Writing;
using Kloset.Writing;

namespace Kloset.Tests.Checking;

public sealed class RepositoryCheckerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string> Names => Fixture.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Whole_repositories_of_plakar_are_clean_at_every_level(string name)
    {
        await using var fixture = Fixture.Open(name);
        await using var repository = await fixture.OpenRepositoryAsync();
        foreach (var level in Enum.GetValues<CheckLevel>())
        {
            var report = await repository.CheckAsync(new CheckOptions { Level = level }, null, Token);
            Assert.True(report.IsClean, string.Join('\n', report.Findings));
            Assert.True(level < CheckLevel.Structure || report.Files > 0);
            Assert.True(level < CheckLevel.Data || report.BytesRead > 0);
        }
    }

    [Fact]
    public async Task A_missing_packfile_is_named_with_the_snapshots_and_paths_that_need_it()
    {
        await using var test = await TestRepository.CreateAsync();
        SnapshotHeader first, second;
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
        {
            first = await writer.CommitAsync(
                TestRepository.Draft, null, TreeChanges.Of([await writer.FileAsync("/lost.bin", TreeChanges.Noise(1, 50_000))]), Token);
        }

        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
        {
            second = await writer.CommitAsync(
                TestRepository.Draft, await test.Repository.OpenSnapshotAsync(first.Id, Token),
                TreeChanges.Of([await writer.FileAsync("/kept.bin", TreeChanges.Noise(2, 50_000))]), Token);
        }

        // The packfile that holds the chunk of the first file.
        var entry = await (await test.Repository.OpenSnapshotAsync(first.Id, Token)).FindAsync(EntryPath.Parse("/lost.bin"), Token);
        var chunk = (await (await test.Repository.OpenSnapshotAsync(first.Id, Token)).ReadObjectAsync(entry!.Object, Token)).Chunks![0].ContentMac;
        Assert.True(test.Repository.Index.TryFind(BlobType.Chunk, chunk, out var location));
        var file = Directory.EnumerateFiles(test.Root, location.Packfile.ToString(), SearchOption.AllDirectories).Single();
        File.Delete(file);

        await using var reopened = await test.ReopenAsync();
        var report = await reopened.CheckAsync(new CheckOptions { Level = CheckLevel.Structure }, null, Token);
        Assert.False(report.IsClean);
        Assert.Contains(report.Findings, f => f.Kind == CheckFindingKind.Missing && f.Object.EndsWith(location.Packfile.ToString(), StringComparison.Ordinal));
        var finding = Assert.Single(report.Findings, f => f.Object == $"chunk {chunk}");
        Assert.Equal([EntryPath.Parse("/lost.bin")], finding.Paths);
        Assert.Equal(new[] { first.Id, second.Id }.Order(), finding.Snapshots);
    }

    [Fact]
    public async Task A_data_check_with_a_budget_goes_on_where_the_last_one_stopped()
    {
        await using var test = await TestRepository.CreateAsync();
        for (var i = 0; i < 5; i++)
        {
            await using var writer = await test.Repository.BeginWriteAsync(test.Options, Token);
            await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([await writer.FileAsync("/a", TreeChanges.Noise(i, 10_000))]), Token);
        }

        Mac? position = null;
        var rounds = 0;
        long read = 0;
        do
        {
            var report = await test.Repository.CheckAsync(new CheckOptions { Level = CheckLevel.Data, DataBytes = 1, DataPosition = position }, null, Token);
            Assert.True(report.IsClean);
            Assert.True(report.BytesRead > 0);
            read += report.BytesRead;
            position = report.NextDataPosition;
            rounds++;
        }
        while (rounds < 10 && position is not null);

        Assert.Equal(10, rounds);
        var whole = await test.Repository.CheckAsync(new CheckOptions { Level = CheckLevel.Data }, null, Token);
        Assert.Equal(whole.BytesRead, read);
    }

    [Fact]
    public async Task A_data_check_with_a_budget_goes_on_in_another_process()
    {
        await using var test = await TestRepository.CreateAsync();
        for (var i = 0; i < 4; i++)
        {
            await using var writer = await test.Repository.BeginWriteAsync(test.Options, Token);
            await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([await writer.FileAsync("/a", TreeChanges.Noise(i, 10_000))]), Token);
        }

        var packfiles = Directory.EnumerateFiles(Path.Combine(test.Root, "packfiles"), "*", SearchOption.AllDirectories).Count();
        long read = 0;
        for (var run = 0; run < packfiles; run++)
        {
            await using var job = await test.ReopenAsync();
            Assert.Null(await job.FindLastFullReadAsync(Token));
            var report = await job.CheckAsync(new CheckOptions { Level = CheckLevel.Data, DataBytes = 1 }, null, Token);
            Assert.True(report.IsClean, string.Join('\n', report.Findings));
            read += report.BytesRead;
            Assert.Equal(run == packfiles - 1, report.AllDataRead is not null);
        }

        await using var whole = await test.ReopenAsync();
        Assert.NotNull(await whole.FindLastFullReadAsync(Token));
        Assert.Equal((await whole.CheckAsync(new CheckOptions { Level = CheckLevel.Data }, null, Token)).BytesRead, read);
    }

    [Fact]
    public async Task A_check_of_one_snapshot_reads_only_what_it_needs()
    {
        await using var test = await TestRepository.CreateAsync();
        var ids = new List<SnapshotId>();
        for (var i = 0; i < 3; i++)
        {
            await using var writer = await test.Repository.BeginWriteAsync(test.Options, Token);
            ids.Add((await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([await writer.FileAsync("/a", TreeChanges.Noise(i, 90_000))]), Token)).Id);
        }

        var all = await test.Repository.CheckAsync(new CheckOptions { Level = CheckLevel.Data }, null, Token);
        var one = await test.Repository.CheckAsync(new CheckOptions { Level = CheckLevel.Data, Snapshots = [ids[1]] }, null, Token);
        Assert.InRange(one.BytesRead, 90_000, all.BytesRead / 2);
    }

    [Fact]
    public async Task Damage_in_a_tree_is_named_by_its_node_and_the_paths_behind_it_and_the_walk_goes_on()
    {
        await using var test = await TestRepository.CreateAsync();
        SnapshotHeader header;
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
        {
            var changes = new List<TreeChange>();
            for (var i = 0; i < 400; i++)
                changes.Add(await writer.FileAsync($"/photos/{i:D4}.jpg", TreeChanges.Noise(i, 100)));
            header = await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of(changes), Token);
        }

        var snapshot = await test.Repository.OpenSnapshotAsync(header.Id, Token);
        var tree = snapshot.Trees[0].Entries;
        var leaf = Mac.Zero;
        byte[][] keys = [];
        await foreach (var _ in tree.LeavesAsync(false, (id, node) => (leaf, keys) = keys.Length == 0 && node.IsLeaf && node.Keys.Length > 3 && node.Keys[0].Length > 10 ? (id, node.Keys) : (leaf, keys), Token))
        {
        }

        Assert.True(test.Repository.Index.TryFind(BlobType.VfsNode, in leaf, out var place));
        var file = Directory.EnumerateFiles(test.Root, place.Packfile.ToString(), SearchOption.AllDirectories).Single();
        var bytes = await File.ReadAllBytesAsync(file, Token);
        bytes[16 + place.Offset + 20] ^= 4;
        await File.WriteAllBytesAsync(file, bytes, Token);

        await using var reopened = await test.ReopenAsync();
        var report = await reopened.CheckAsync(new CheckOptions { Level = CheckLevel.Structure }, null, Token);
        var finding = Assert.Single(report.Findings, f => f.IsError);
        Assert.Equal($"vfs-node {leaf}", finding.Object);
        Assert.Equal([header.Id], finding.Snapshots);
        Assert.Equal(keys.Select(k => EntryPath.FromBytes(k)).Order(), finding.Paths);
        Assert.Equal(400 - keys.Length, report.Files);
        var full = await reopened.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
        var packfile = Assert.Single(full.Findings, f => f.Object.EndsWith(place.Packfile.ToString(), StringComparison.Ordinal));
        Assert.Equal([header.Id], packfile.Snapshots);
        Assert.NotEmpty(packfile.Paths);
    }

    [Fact]
    public async Task A_full_check_reads_what_no_snapshot_needs_and_what_the_process_read_before()
    {
        await using var test = await TestRepository.CreateAsync("secret");
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
            await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([await writer.FileAsync("/a", TreeChanges.Noise(1, 10_000))]), Token);
        await test.Repository.RefreshAsync(Token);
        var before = Directory.EnumerateFiles(Path.Combine(test.Root, "packfiles"), "*", SearchOption.AllDirectories).ToHashSet();
        await using (var other = await test.ReopenAsync())
        {
            await using var abandoned = await other.BeginWriteAsync(test.Options, Token);
            await abandoned.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([await abandoned.FileAsync("/b", TreeChanges.Noise(2, 10_000))]), Token);
        }

        var states = Directory.EnumerateFiles(Path.Combine(test.Root, "states"), "*", SearchOption.AllDirectories).OrderBy(File.GetLastWriteTimeUtc).ToList();
        File.Delete(states[^1]);
        foreach (var (file, at) in new[] { (Directory.EnumerateFiles(Path.Combine(test.Root, "packfiles"), "*", SearchOption.AllDirectories).First(f => !before.Contains(f)), 1000), (states[0], 30), (Path.Combine(test.Root, "CONFIG"), 60) })
        {
            var bytes = await File.ReadAllBytesAsync(file, Token);
            bytes[at] ^= 1;
            await File.WriteAllBytesAsync(file, bytes, Token);
            var report = await test.Repository.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
            var key = Path.GetRelativePath(test.Root, file);
            Assert.Contains(report.Findings, f => f.Object == key && f.Kind is CheckFindingKind.Damaged or CheckFindingKind.Warning);
            bytes[at] ^= 1;
            await File.WriteAllBytesAsync(file, bytes, Token);
        }
    }

    /// <summary>Sampled; every kind of file of the store is hit.</summary>
    [Fact]
    public async Task A_flipped_bit_anywhere_is_reported_by_a_full_check_and_never_read_as_something_else()
    {
        await using var test = await TestRepository.CreateAsync("secret", creation: new RepositoryCreation { Packfile = new(0, 0, 1 << 20) });
        var contents = new Dictionary<string, byte[]> { ["/a/one.bin"] = TreeChanges.Noise(1, 3000), ["/b.txt"] = "some text"u8.ToArray(), ["/empty"] = [] };
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
        {
            var changes = new List<TreeChange> { new PutError(EntryPath.Parse("/a/lost"), "lost") };
            foreach (var (path, content) in contents)
                changes.Add(await writer.FileAsync(path, content));
            await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of(changes), Token);
        }

        var random = new Random(20261123);
        var files = Directory.EnumerateFiles(test.Root, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(4, files.Count); // CONFIG, two packfiles, one state
        foreach (var file in files)
        {
            var original = await File.ReadAllBytesAsync(file, Token);
            for (var flip = 0; flip < 60; flip++)
            {
                // Padding is half of a small packfile: the second half of the flips goes to the last part, where index and footer are.
                var at = flip % 2 == 0 ? random.Next(original.Length) : original.Length - 1 - random.Next(Math.Min(original.Length, 700));
                var damaged = original.ToArray();
                damaged[at] ^= (byte)(1 << random.Next(8));
                await File.WriteAllBytesAsync(file, damaged, Token);
                await AssertReportedAsync(test, contents, $"{Path.GetRelativePath(test.Root, file)} byte {at}");
            }

            await File.WriteAllBytesAsync(file, original, Token);
        }

        await using var whole = await test.ReopenAsync();
        Assert.True((await whole.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token)).IsClean);
    }

    private static async Task AssertReportedAsync(TestRepository test, Dictionary<string, byte[]> contents, string where)
    {
        Repository repository;
        try
        {
            repository = await test.ReopenAsync();
        }
        catch (RepositoryException)
        {
            return; // CONFIG: refused at once
        }

        await using (repository)
        {
            var report = await repository.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
            Assert.False(report.IsClean && report.Findings.All(f => f.Kind == CheckFindingKind.Orphan), $"a flip in {where} went unnoticed");
        }

        await using var reader = await test.ReopenAsync();
        try
        {
            foreach (var header in await reader.ListSnapshotsAsync(Token))
            {
                var snapshot = await reader.OpenSnapshotAsync(header.Id, Token);
                foreach (var (path, entry) in await TreeChanges.WalkAsync(snapshot))
                {
                    if (entry.Kind == EntryKind.File)
                        Assert.Equal(contents[path], await TreeChanges.ReadAsync(snapshot, entry));
                }
            }
        }
        catch (Exception exception) when (exception is RepositoryException or StoreException)
        {
            // Said, not read as something else.
        }
    }
}
