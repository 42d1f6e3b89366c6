using System.Text;
using Kloset.Checking;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Tests.Writing;
using Kloset.Writing;

namespace Kloset.Tests.Interop;

/// <summary>One repository, two programs.</summary>
public sealed class PlakarInteropTests : IDisposable
{
    private readonly string _work = Directory.CreateTempSubdirectory("kloset-interop-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_work, recursive: true);

    [Theory]
    [InlineData(null)]
    [InlineData("the passphrase of both")]
    public async Task Plakar_lists_checks_restores_and_goes_on_from_what_we_write(string? passphrase)
    {
        await using var test = await TestRepository.CreateAsync(passphrase);
        using var plakar = new Plakar(test.Root, passphrase);
        var source = MakeSource();
        SnapshotHeader header;
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
        {
            var changes = await ChangesAsync(writer, source);
            header = await writer.CommitAsync(TestRepository.Draft with { Directory = "/photos" }, null, TreeChanges.Of(changes), Token);
        }

        var id = header.Id.ToString();
        Assert.Contains(header.Id.Short, plakar.Run("ls"), StringComparison.Ordinal);
        Assert.Contains("deep.bin", plakar.Run("ls", "-recursive", id), StringComparison.Ordinal);
        plakar.Run("check", id);
        plakar.Run("info", id);
        AssertRestored(plakar, id + ":/photos", source, "first");

        // A second one of ours with the first as basis.
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
        {
            var basis = await test.Repository.OpenSnapshotAsync(header.Id, Token);
            await File.WriteAllBytesAsync(Path.Combine(source, "new.jpg"), TreeChanges.Noise(99, 3_000_000), Token);
            File.Delete(Path.Combine(source, "a b", "two.txt"));
            header = await writer.CommitAsync(
                TestRepository.Draft with { Directory = "/photos" }, basis,
                TreeChanges.Of([await writer.FileAsync("/photos/new.jpg", TreeChanges.Noise(99, 3_000_000)), new Remove(EntryPath.Parse("/photos/a b/two.txt"))]), Token);
        }

        plakar.Run("check", header.Id.ToString());
        AssertRestored(plakar, header.Id + ":/photos", source, "second");
        Assert.Contains("new.jpg", plakar.Run("diff", id, header.Id.ToString()), StringComparison.Ordinal);

        // plakar on top: its snapshot is ours to read, and deduplicated against ours.
        await using (var before = await test.ReopenAsync())
        {
            await before.RefreshAsync(Token);
            plakar.Run("backup", source);
            await using var after = await test.ReopenAsync();
            var theirs = await after.OpenSnapshotAsync((await after.ListSnapshotsAsync(Token)).Single(s => s.Source.Type == "fs").Id, Token);
            await AssertHoldsAsync(theirs, source, source);
            await AssertNoNewContentAsync(theirs, before);
        }

        // Removing and tidying, twice: mark, then sweep.
        plakar.Run("rm", "-apply", id);
        var tidy = new Dictionary<string, string> { ["PLAKAR_LOCKLESS"] = "1", ["PLAKAR_GRACEPERIOD"] = "1s" };
        plakar.Run(["maintenance"], tidy);
        await Task.Delay(TimeSpan.FromSeconds(1.5), TimeProvider.System, Token);
        plakar.Run(["maintenance"], tidy);
        plakar.Run("check");
        await using var last = await test.ReopenAsync();
        var snapshots = await last.ListSnapshotsAsync(Token);
        Assert.Equal(2, snapshots.Count);
        Assert.DoesNotContain(snapshots, s => s.Id.ToString() == id);
        await AssertHoldsAsync(await last.OpenSnapshotAsync(header.Id, Token), source, "/photos");
        var report = await last.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("the passphrase of both")]
    public async Task What_plakar_writes_we_read_check_and_deduplicate_against(string? passphrase)
    {
        var root = Path.Combine(_work, "repository");
        using var plakar = new Plakar(root, passphrase);
        var source = MakeSource();
        if (passphrase is null)
            plakar.Run("create", "-plaintext");
        else
            plakar.Run("create");
        plakar.Run("backup", source);
        await using var repository = await Repository.OpenAsync(
            new Kloset.Storage.FileSystemStore(root), passphrase is null ? (ReadOnlyMemory<byte>?)null : Encoding.UTF8.GetBytes(passphrase), EngineServices.System, Token);
        var header = Assert.Single(await repository.ListSnapshotsAsync(Token));
        var theirs = await repository.OpenSnapshotAsync(header.Id, Token);
        await AssertHoldsAsync(theirs, source, source);
        var report = await repository.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
        SnapshotHeader ours;
        await using (var writer = await repository.BeginWriteAsync(new WriterOptions(), Token))
        {
            var changes = await ChangesAsync(writer, source);
            Assert.All(changes.OfType<PutFile>(), file => Assert.Equal(0, file.Object.NewBytes));
            ours = await writer.CommitAsync(TestRepository.Draft with { Directory = "/photos" }, theirs, TreeChanges.Of(changes), Token);
        }

        plakar.Run("check", ours.Id.ToString());
        AssertRestored(plakar, ours.Id + ":/photos", source, "ours");
        AssertRestored(plakar, ours.Id + ":" + source, source, "theirs in ours");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("the passphrase of both")]
    public async Task An_archive_of_plakar_in_one_file_is_read_and_checked_and_refuses_to_be_written(string? passphrase)
    {
        using var plakar = new Plakar(Path.Combine(_work, "unused"), passphrase);
        var source = MakeSource();
        var archive = Path.Combine(_work, "archive.ptar");
        plakar.RunBare(["ptar", .. passphrase is null ? ["-plaintext"] : Array.Empty<string>(), "-o", archive, source]);
        await using var store = Kloset.Storage.PtarStore.Open(archive);
        await using var repository = await Repository.OpenAsync(
            store, passphrase is null ? (ReadOnlyMemory<byte>?)null : Encoding.UTF8.GetBytes(passphrase), EngineServices.System, Token);
        var header = Assert.Single(await repository.ListSnapshotsAsync(Token));
        await AssertHoldsAsync(await repository.OpenSnapshotAsync(header.Id, Token), source, source);
        var report = await repository.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
        Assert.True(report.BytesRead > 4_000_000);
        await Assert.ThrowsAsync<Kloset.Storage.StoreException>(() => repository.BeginWriteAsync(new WriterOptions(), Token));
    }

    private string MakeSource()
    {
        var source = Path.Combine(_work, "source");
        Directory.CreateDirectory(Path.Combine(source, "a b", "deeper", "still"));
        Directory.CreateDirectory(Path.Combine(source, "empty"));
        Directory.CreateDirectory(Path.Combine(source, "many"));
        for (var i = 0; i < 130; i++)
            File.WriteAllText(Path.Combine(source, "many", $"file {i}.txt"), $"number {i % 40}");
        File.WriteAllBytes(Path.Combine(source, "zero"), []);
        File.WriteAllBytes(Path.Combine(source, "photo.jpg"), [0xFF, 0xD8, 0xFF, 0xE0, .. TreeChanges.Noise(1, 4_000_000)]);
        File.WriteAllBytes(Path.Combine(source, "a b", "deeper", "still", "deep.bin"), TreeChanges.Noise(2, 700_000));
        File.WriteAllText(Path.Combine(source, "a b", "two.txt"), "two");
        File.WriteAllText(Path.Combine(source, "ünï-日本-🎉.json"), "{\"a\": 1}");
        File.WriteAllText(Path.Combine(source, "text.log"), string.Concat(Enumerable.Range(0, 100_000).Select(i => $"line {i} of a long text\n")));
        File.CreateSymbolicLink(Path.Combine(source, "link"), "photo.jpg");
        return source;
    }

    private static async Task<List<TreeChange>> ChangesAsync(RepositoryWriter writer, string source)
    {
        var changes = new List<TreeChange>();
        foreach (var item in new DirectoryInfo(source).EnumerateFileSystemInfos("*", SearchOption.AllDirectories))
        {
            var path = "/photos/" + Path.GetRelativePath(source, item.FullName);
            if (item.LinkTarget is { } target)
                changes.Add(new PutSymlink(EntryPath.Parse(path), target, TreeChanges.Time));
            else if (item is FileInfo)
                changes.Add(await writer.FileAsync(path, await File.ReadAllBytesAsync(item.FullName, Token)));
            else
                changes.Add(new PutDirectory(EntryPath.Parse(path), 0x1ED, TreeChanges.Time));
        }

        return changes;
    }

    private void AssertRestored(Plakar plakar, string what, string source, string name)
    {
        var target = Path.Combine(_work, "restored " + name);
        plakar.Run("restore", "-to", target, what);
        var wanted = Describe(source);
        var found = Describe(target);
        Assert.Equal(wanted, found);
    }

    private static SortedDictionary<string, string> Describe(string root)
    {
        var items = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var item in new DirectoryInfo(root).EnumerateFileSystemInfos("*", SearchOption.AllDirectories))
        {
            items.Add(
                Path.GetRelativePath(root, item.FullName),
                item.LinkTarget is { } target ? "link " + target
                    : item is FileInfo ? Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(item.FullName))) : "directory");
        }

        return items;
    }

    private static async Task AssertHoldsAsync(Snapshot snapshot, string source, string prefix)
    {
        var entries = await TreeChanges.WalkAsync(snapshot);
        foreach (var (path, description) in Describe(source))
        {
            var entry = entries[EntryPath.Parse(prefix + "/" + path).ToString()];
            Assert.Equal(
                description,
                entry.Kind switch
                {
                    EntryKind.Symlink => "link " + entry.SymlinkTarget,
                    EntryKind.File => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(await TreeChanges.ReadAsync(snapshot, entry))),
                    _ => "directory",
                });
        }
    }

    /// <summary>Every chunk of every file of the new snapshot was there before, and was not stored a second time.</summary>
    private static async Task AssertNoNewContentAsync(Snapshot snapshot, Repository before)
    {
        await foreach (var entry in snapshot.WalkAsync(EntryPath.Root, Token))
        {
            if (entry.Kind != EntryKind.File)
                continue;
            foreach (var chunk in (await snapshot.ReadObjectAsync(entry.Object, Token)).Chunks!)
            {
                Assert.True(before.Index.TryFind(BlobType.Chunk, chunk.ContentMac, out _), $"a chunk of {entry.Path} is new");
                Assert.Single(snapshot.Blobs.Index.FindAll(BlobType.Chunk, chunk.ContentMac));
            }
        }
    }
}
