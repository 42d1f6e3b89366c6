using Kloset.Checking;
using Kloset.Maintenance;
using Kloset.Snapshots;
using Kloset.States;
using Kloset.Tests.Interop;
using Kloset.Tests.Writing;
using Kloset.Writing;
using Microsoft.Extensions.Time.Testing;

namespace Kloset.Tests.Maintenance;

/// <summary>
/// Sweeps of repositories in which every blob has a packfile of its own. Where blobs lie together, one that is needed keeps those beside it, and a
/// maintenance that overlooks a kind of blob looks right for years.
/// </summary>
public sealed class SweepTests
{
    private static readonly TimeSpan Grace = MaintenanceOptions.DefaultGracePeriod;

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null)]
    [InlineData("the passphrase of both")]
    public async Task After_sweeps_every_blob_that_any_snapshot_needs_is_there(string? passphrase)
    {
        await using var test = await TestRepository.CreateAsync(passphrase, _time);
        var all = new List<(SnapshotId Id, SortedDictionary<string, string> Content)>();
        for (var number = 0; number < 4; number++)
            all.Add(await BackupAsync(test, number, all.LastOrDefault().Id));
        Assert.True(await BlobsPerPackfileAsync(test) == 1);

        var removed = 0;
        foreach (var doomed in new[] { 0, 2 })
        {
            await test.Repository.ForgetAsync([all[doomed].Id], Token);
            for (var round = 0; round < 3; round++)
            {
                await using var repository = await test.ReopenAsync();
                var report = await repository.MaintainAsync(new MaintenanceOptions(), null, Token);
                removed += report.Removed.Packfiles;
                await AssertWholeAsync(test, all.Where((_, number) => number != doomed && (doomed == 0 || number != 0)));
                _time.Advance(Grace + TimeSpan.FromSeconds(1));
            }
        }

        Assert.True(removed > 30, $"{removed} packfiles were removed: nothing was shown");
        // A new snapshot on top of what is left, and no packfile of it is taken either.
        all.Add(await BackupAsync(test, 7, all[3].Id));
        _time.Advance(Grace + TimeSpan.FromSeconds(1));
        await test.Repository.MaintainAsync(new MaintenanceOptions(), null, Token);
        await AssertWholeAsync(test, [all[1], all[3], all[4]]);
    }

    /// <summary>
    /// plakar's maintenance stops at any reference that leads nowhere, so it says what ours took too much. There are no attributes here: it counts
    /// their values as unneeded (kloset v1.1.3, `ListPackfiles`), whoever wrote them.
    /// </summary>
    [Fact]
    public async Task Plakar_checks_restores_and_maintains_what_a_sweep_left_and_has_nothing_to_say()
    {
        await using var test = await TestRepository.CreateAsync();
        using var plakar = new Plakar(test.Root, null);
        var first = await BackupAsync(test, 0, default, attributes: false);
        var second = await BackupAsync(test, 1, first.Id);
        await test.Repository.ForgetAsync([first.Id], Token);
        var none = new MaintenanceOptions { GracePeriod = TimeSpan.Zero };
        Assert.True((await test.Repository.MaintainAsync(none, null, Token)).Marked.Packfiles > 0);
        plakar.Run("check"); // and its cache has the marks
        Assert.True((await test.Repository.MaintainAsync(none, null, Token)).Removed.Packfiles > 0);

        plakar.Run("check");
        var tidy = plakar.Run(["maintenance"], new() { ["PLAKAR_LOCKLESS"] = "1", ["PLAKAR_GRACEPERIOD"] = "1ns" });
        Assert.Contains("Coloured 0 packfiles", tidy, StringComparison.Ordinal);
        Assert.Contains("0 packfiles were removed", tidy, StringComparison.Ordinal);
        var target = Path.Combine(test.Folder, "restored");
        plakar.Run("restore", "-to", target, second.Id.ToString());
        var restored = Directory.EnumerateFiles(target, "*", SearchOption.AllDirectories).Where(path => new FileInfo(path).LinkTarget is null)
            .ToDictionary(path => "/" + Path.GetRelativePath(target, path), path => Convert.ToHexString(File.ReadAllBytes(path)));
        Assert.Equal(
            second.Content.Where(item => item.Value.StartsWith("file ", StringComparison.Ordinal)).ToDictionary(item => item.Key, item => item.Value[5..]), restored);
        await AssertWholeAsync(test, [second]);
    }

    /// <summary>Folders that change in every snapshot and folders that never do, all kinds of entries, attributes, and things that could not be read.</summary>
    private async Task<(SnapshotId Id, SortedDictionary<string, string> Content)> BackupAsync(TestRepository test, int number, SnapshotId basis, bool attributes = true)
    {
        _time.Advance(TimeSpan.FromSeconds(1));
        await using var repository = await test.ReopenAsync();
        await using var writer = await repository.BeginWriteAsync(test.OneBlobEach, Token);
        var changes = new List<TreeChange>();
        if (basis == default)
        {
            for (var file = 0; file < 60; file++)
                changes.Add(await writer.FileAsync($"/same/deep/{file:00}.jpg", TreeChanges.Noise(file, 200 + file)));
            changes.Add(await writer.FileAsync("/same/large.mp4", TreeChanges.Noise(77, 3_000_000)));
            changes.Add(new PutDirectory(EntryPath.Parse("/same/nothing"), 0x1ED, TreeChanges.Time));
            changes.Add(new PutSymlink(EntryPath.Parse("/same/link"), "large.mp4", TreeChanges.Time));
            changes.Add(new PutError(EntryPath.Parse("/same/lost.jpg"), "could not be read"));
            changes.Add(await writer.FileAsync("/same/noted.jpg", TreeChanges.Noise(78, 100)) with
            {
                ExtendedAttributes = attributes ? [new("user.note", await writer.WriteObjectAsync(new MemoryStream(TreeChanges.Noise(88, 500)), ObjectOptions.Default, Token))] : [],
            });
        }

        changes.Add(await writer.FileAsync($"/each/{number}.jpg", TreeChanges.Noise(1000 + number, 1500)));
        changes.Add(await writer.FileAsync("/each/changing.txt", [(byte)number]));
        changes.Add(await writer.FileAsync($"/own {number}/empty", []));
        if (number % 2 == 1)
            changes.Add(new Remove(EntryPath.Parse($"/own {number - 1}")));
        var on = basis == default ? null : await repository.OpenSnapshotAsync(basis, Token);
        var header = await writer.CommitAsync(TestRepository.Draft, on, TreeChanges.Of(changes), Token);
        return (header.Id, await DescribeAsync(await repository.OpenSnapshotAsync(header.Id, Token)));
    }

    /// <summary>Everything that a snapshot says: entries, contents, attributes, errors, summaries, types.</summary>
    private static async Task<SortedDictionary<string, string>> DescribeAsync(Snapshot snapshot)
    {
        var content = new SortedDictionary<string, string>(StringComparer.Ordinal);
        await foreach (var entry in snapshot.WalkAsync(EntryPath.Root, Token))
        {
            content[entry.Path.ToString()] = entry.Kind switch
            {
                EntryKind.File => "file " + Convert.ToHexString(await TreeChanges.ReadAsync(snapshot, entry)),
                EntryKind.Directory => $"directory {await snapshot.FindSummaryAsync(entry.Path, Token)}",
                _ => $"{entry.Kind} {entry.SymlinkTarget}",
            };
            Assert.Equal(entry, await snapshot.FindAsync(entry.Path, Token), new SamePath());
        }

        await foreach (var error in snapshot.ListErrorsAsync(Token))
            content[$"{error.Path} error"] = error.Message;
        await foreach (var attribute in snapshot.ListExtendedAttributesAsync(Token))
        {
            await using var value = await snapshot.Trees[0].OpenExtendedAttributeAsync(attribute, Token);
            var bytes = new MemoryStream();
            await value.CopyToAsync(bytes, Token);
            content[$"{attribute.Path} {attribute.Name}"] = Convert.ToHexString(bytes.ToArray());
        }

        await foreach (var (key, id) in snapshot.Tree.ContentTypes!.WalkAsync(descending: false, Token))
            content["type " + System.Text.Encoding.UTF8.GetString(key)] = (await snapshot.Blobs.ReadAsync(BlobType.VfsEntry, id, EntryCodec.Read, Token)).Name;
        return content;
    }

    private static async Task AssertWholeAsync(TestRepository test, IEnumerable<(SnapshotId Id, SortedDictionary<string, string> Content)> snapshots)
    {
        await using var fresh = await test.ReopenAsync();
        var wanted = snapshots.ToList();
        Assert.Equal(wanted.Select(item => item.Id).Order(), (await fresh.ListSnapshotsAsync(Token)).Select(header => header.Id).Order());
        var report = await fresh.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
        foreach (var (id, content) in wanted)
            Assert.Equal(content, await DescribeAsync(await fresh.OpenSnapshotAsync(id, Token)));
    }

    /// <returns>The most blobs, padding not counted, that one packfile holds.</returns>
    private static async Task<int> BlobsPerPackfileAsync(TestRepository test)
    {
        var counts = new Dictionary<Mac, int>();
        await foreach (var item in test.Store.ListAsync(StateLoader.Prefix, Token))
        {
            foreach (var entry in (await test.Repository.States.ReadAsync(item.Key, Token))!.Locations.SelectMany(block => block.ToArray()).Where(entry => entry.Type != BlobType.Random))
                counts[entry.Packfile] = counts.GetValueOrDefault(entry.Packfile) + 1;
        }

        return counts.Values.Max();
    }

    private sealed class SamePath : IEqualityComparer<Entry?>
    {
        public bool Equals(Entry? x, Entry? y) => x?.Path == y?.Path && x?.Object == y?.Object;

        public int GetHashCode(Entry? obj) => obj?.Path.GetHashCode() ?? 0;
    }
}
