using System.Text;
using Kloset.Checking;
using Kloset.Maintenance;
using Kloset.Snapshots;
using Kloset.States;
using Kloset.Tests.Writing;
using Kloset.Writing;

namespace Kloset.Tests.Interop;

/// <summary>Deleting and tidying of one repository by two programs.</summary>
public sealed class PlakarMaintenanceTests : IDisposable
{
    private static readonly Dictionary<string, string> Tidy = new() { ["PLAKAR_LOCKLESS"] = "1", ["PLAKAR_GRACEPERIOD"] = "1s" };

    private readonly string _work = Directory.CreateTempSubdirectory("kloset-tidying-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_work, recursive: true);

    [Theory]
    [InlineData(null)]
    [InlineData("the passphrase of both")]
    public async Task What_either_forgets_is_gone_for_both(string? passphrase)
    {
        await using var test = await TestRepository.CreateAsync(passphrase);
        using var plakar = new Plakar(test.Root, passphrase);
        var first = await BackupAsync(test, 1);
        var second = await BackupAsync(test, 2);
        await PlakarBackupAsync(plakar, 3);
        var listed = plakar.Run("ls");
        Assert.Contains(first.Short, listed, StringComparison.Ordinal);
        await test.Repository.ForgetAsync([first], Token);
        listed = plakar.Run("ls");
        Assert.DoesNotContain(first.Short, listed, StringComparison.Ordinal);
        Assert.Contains(second.Short, listed, StringComparison.Ordinal);
        plakar.Run("rm", "-apply", second.ToString());
        await using var fresh = await test.ReopenAsync();
        var left = Assert.Single(await fresh.ListSnapshotsAsync(Token));
        Assert.Equal("fs", left.Source.Type);
        Assert.Contains(left.Id.Short, plakar.Run("ls"), StringComparison.Ordinal);

        // The very form of plakar's own: one state, one entry.
        var states = await StatesAsync(test);
        var marks = states.Where(state => state.Coloured.Count > 0).ToList();
        Assert.Equal(2, marks.Count);
        Assert.All(marks, state => Assert.Equal((1, 0, 0, 0, ColouredEntry.Snapshot), (state.Coloured.Count, state.Locations.Count, state.Packfiles.Count, state.Deletes.Count, state.Coloured[0].Type)));
        plakar.Run("check");
    }

    /// <summary>Who marks and who removes, in every combination, with backups of both before, between and after.</summary>
    [Theory]
    [InlineData(null, false, false)]
    [InlineData(null, false, true)]
    [InlineData(null, true, false)]
    [InlineData("the passphrase of both", false, true)]
    public async Task What_either_marks_the_other_removes_and_both_go_on(string? passphrase, bool plakarMarks, bool plakarRemoves)
    {
        await using var test = await TestRepository.CreateAsync(passphrase);
        using var plakar = new Plakar(test.Root, passphrase);
        var doomed = await BackupAsync(test, 1);
        var kept = await BackupAsync(test, 2);
        await PlakarBackupAsync(plakar, 3);
        await PlakarBackupAsync(plakar, 4);
        SnapshotId theirs, theirsKept;
        await using (var repository = await test.ReopenAsync())
        {
            var found = (await repository.ListSnapshotsAsync(Token)).Where(header => header.Source.Type == "fs").ToList();
            (theirs, theirsKept) = (found[0].Id, found[1].Id);
        }

        await test.Repository.ForgetAsync([doomed, theirs], Token);
        await Task.Delay(TimeSpan.FromSeconds(1.2), TimeProvider.System, Token);
        RemoveLocks(test);
        if (plakarMarks)
            plakar.Run(["maintenance"], Tidy);
        else
            Assert.True((await MaintainAsync(test)).Marked.Packfiles >= 1);
        plakar.Run("check");
        await AssertWholeAsync(test, kept, theirsKept);
        var packfiles = PackfilesOf(test);

        // Between marking and removing both go on; what is marked is stored again.
        await PlakarBackupAsync(plakar, 3);
        var again = await BackupAsync(test, 1);
        await Task.Delay(TimeSpan.FromSeconds(1.2), TimeProvider.System, Token);
        RemoveLocks(test);
        if (plakarRemoves)
            plakar.Run(["maintenance"], Tidy);
        else
            Assert.True((await MaintainAsync(test)).Removed.Packfiles >= 1);
        plakar.Run("check");
        Assert.True(packfiles > 0);

        // And both tidy again, with nothing left to do but what the other did.
        for (var round = 0; round < 2; round++)
        {
            await Task.Delay(TimeSpan.FromSeconds(1.2), TimeProvider.System, Token);
            RemoveLocks(test);
            plakar.Run(["maintenance"], Tidy);
            await MaintainAsync(test);
        }

        await using var last = await test.ReopenAsync();
        var snapshots = await last.ListSnapshotsAsync(Token);
        Assert.Equal(4, snapshots.Count);
        Assert.Contains(snapshots, header => header.Id == again);
        await AssertWholeAsync(test, [.. snapshots.Select(header => header.Id)]);
        plakar.Run("check");
        foreach (var header in snapshots)
        {
            var target = Path.Combine(_work, "restored " + header.Id.Short);
            plakar.Run("restore", "-to", target, header.Id.ToString());
            Assert.NotEmpty(Directory.GetFiles(target, "*", SearchOption.AllDirectories));
        }
    }

    [Fact]
    public async Task A_plakar_that_starts_with_an_empty_cache_sees_what_our_maintenance_left()
    {
        await using var test = await TestRepository.CreateAsync();
        SnapshotId kept = default;
        var doomed = new List<SnapshotId>();
        for (var round = 0; round < 4; round++)
        {
            doomed.Add(await BackupAsync(test, 10 + round));
            kept = await BackupAsync(test, 20);
            await test.Repository.ForgetAsync([doomed[round]], Token);
            await Task.Delay(TimeSpan.FromSeconds(1.2), TimeProvider.System, Token);
            await MaintainAsync(test);
        }

        await Task.Delay(TimeSpan.FromSeconds(1.2), TimeProvider.System, Token);
        Assert.True((await MaintainAsync(test)).Removed.Packfiles > 0);
        for (var client = 0; client < 3; client++)
        {
            using var plakar = new Plakar(test.Root, null);
            plakar.Run("check");
            Assert.Contains(kept.Short, plakar.Run("ls"), StringComparison.Ordinal);
            // What was removed must not count as known.
            await PlakarBackupAsync(plakar, 10 + client);
            plakar.Run("check");
        }

        await using var last = await test.ReopenAsync();
        Assert.True((await last.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token)).IsClean);
    }

    private static async Task<SnapshotId> BackupAsync(TestRepository test, int seed)
    {
        await using var writer = await test.Repository.BeginWriteAsync(test.Options, Token);
        var changes = new List<TreeChange> { await writer.FileAsync("/photos/a.bin", Content(seed)), await writer.FileAsync("/photos/b.txt", Encoding.UTF8.GetBytes($"number {seed}")) };
        return (await writer.CommitAsync(TestRepository.Draft with { Directory = "/photos" }, null, TreeChanges.Of(changes), Token)).Id;
    }

    private async Task PlakarBackupAsync(Plakar plakar, int seed)
    {
        var source = Path.Combine(_work, "source");
        Directory.CreateDirectory(source);
        await File.WriteAllBytesAsync(Path.Combine(source, "a.bin"), Content(seed), Token);
        await File.WriteAllTextAsync(Path.Combine(source, "c.txt"), $"theirs {seed}", Token);
        plakar.Run("backup", source);
    }

    private static byte[] Content(int seed) => TreeChanges.Noise(seed, 700_000);

    private static Task<MaintenanceReport> MaintainAsync(TestRepository test) =>
        test.Repository.MaintainAsync(new MaintenanceOptions { GracePeriod = TimeSpan.FromSeconds(1) }, null, Token);

    /// <summary>plakar often ends before it has removed its own lock, which then stands for ten minutes.</summary>
    private static void RemoveLocks(TestRepository test)
    {
        foreach (var path in Directory.GetFiles(Path.Combine(test.Root, "locks")))
            File.Delete(path);
    }

    private static int PackfilesOf(TestRepository test) => Directory.GetFiles(Path.Combine(test.Root, "packfiles"), "*", SearchOption.AllDirectories).Length;

    private static async Task<List<StateContent>> StatesAsync(TestRepository test)
    {
        var states = new List<StateContent>();
        await foreach (var item in test.Store.ListAsync(StateLoader.Prefix, Token))
            states.Add((await test.Repository.States.ReadAsync(item.Key, Token))!);
        return states;
    }

    private static async Task AssertWholeAsync(TestRepository test, params SnapshotId[] snapshots)
    {
        await using var fresh = await test.ReopenAsync();
        Assert.Equal(snapshots.Order(), (await fresh.ListSnapshotsAsync(Token)).Select(header => header.Id).Order());
        var report = await fresh.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
    }
}
