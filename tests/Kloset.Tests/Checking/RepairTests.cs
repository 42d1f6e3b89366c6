using Kloset.Checking;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Tests.Writing;

namespace Kloset.Tests.Checking;

public sealed class RepairTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null)]
    [InlineData("secret")]
    public async Task A_state_that_was_lost_is_written_anew_from_the_packfiles(string? passphrase)
    {
        await using var test = await TestRepository.CreateAsync(passphrase);
        var first = await CommitAsync(test, "/a.bin", 1, null);
        var second = await CommitAsync(test, "/b.bin", 2, first);
        // The second snapshot needs chunks that only the lost state of the first one places.
        var lost = StatesByAge(test)[0];
        File.Delete(lost);

        await using (var damaged = await test.ReopenAsync())
        {
            var report = await damaged.CheckAsync(new CheckOptions { Level = CheckLevel.Structure }, null, Token);
            Assert.False(report.IsClean);
            Assert.Contains(report.Findings, f => f.Message.Contains("--repair", StringComparison.Ordinal) && f.Paths.Contains(EntryPath.Parse("/a.bin")) && f.Snapshots.Contains(second));
            var plan = await damaged.RepairAsync(new RepairOptions { DryRun = true }, null, Token);
            Assert.True(plan.DryRun);
            Assert.NotEmpty(plan.States);
            Assert.Equal([first], plan.SnapshotsBack);
        }

        await using (var unchanged = await test.ReopenAsync())
            Assert.Single(await unchanged.ListSnapshotsAsync(Token));
        await using var repository = await test.ReopenAsync();
        var repaired = await repository.RepairAsync(new RepairOptions(), null, Token);
        Assert.Equal([first], repaired.SnapshotsBack);
        // Under its own name: the states after it name it as the one before them.
        Assert.Equal([Path.GetRelativePath(test.Root, lost)], repaired.States);
        await AssertWholeAsync(test, first, second);
    }

    [Fact]
    public async Task A_damaged_state_is_kept_aside_and_replaced_under_its_own_name()
    {
        await using var test = await TestRepository.CreateAsync("secret");
        var first = await CommitAsync(test, "/a.bin", 1, null);
        var second = await CommitAsync(test, "/b.bin", 2, first);
        foreach (var file in StatesByAge(test))
        {
            var bytes = await File.ReadAllBytesAsync(file, Token);
            bytes[40] ^= 1;
            await File.WriteAllBytesAsync(file, bytes, Token);
        }

        await using (var damaged = await test.ReopenAsync())
        {
            await Assert.ThrowsAsync<RepositoryException>(() => damaged.ListSnapshotsAsync(Token));
            var report = await damaged.CheckAsync(new CheckOptions(), null, Token);
            Assert.All(report.Findings.Where(f => f.Object.StartsWith("states/", StringComparison.Ordinal)), f => Assert.Contains(first, f.Snapshots));
            var repaired = await damaged.RepairAsync(new RepairOptions(), null, Token);
            Assert.Equal(2, repaired.States.Count);
            Assert.All(repaired.States, key => Assert.True(File.Exists(Path.Combine(test.Root, "kloset-operator", "damaged", key))));
        }

        await AssertWholeAsync(test, first, second);
        await using var again = await test.ReopenAsync();
        Assert.True((await again.RepairAsync(new RepairOptions(), null, Token)).ChangesNothing);
    }

    [Fact]
    public async Task What_an_unfinished_run_left_behind_stays_what_it_is()
    {
        await using var test = await TestRepository.CreateAsync();
        var kept = await CommitAsync(test, "/a.bin", 1, null);
        var before = StatesByAge(test).ToHashSet();
        var packfiles = Packfiles(test).ToHashSet();
        var lost = await CommitAsync(test, "/b.bin", 2, null);
        // A run that died with only a part of its packfiles stored: the header is there, what it refers to is not.
        foreach (var state in StatesByAge(test).Where(s => !before.Contains(s)))
            File.Delete(state);
        var own = Packfiles(test).Where(p => !packfiles.Contains(p)).ToList();
        Assert.True(own.Count >= 2);
        await using (var probe = await test.ReopenAsync())
            await probe.RefreshAsync(Token);
        foreach (var file in own.Where(f => !HoldsSnapshot(test, f, lost)))
            File.Delete(file);

        await using var repository = await test.ReopenAsync();
        var report = await repository.RepairAsync(new RepairOptions(), null, Token);
        Assert.True(report.ChangesNothing);
        Assert.Contains(report.Remarks, r => r.Contains(lost.ToString(), StringComparison.Ordinal));
        Assert.Equal([kept], (await repository.ListSnapshotsAsync(Token)).Select(s => s.Id));
        var check = await repository.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
        Assert.True(check.IsClean, string.Join('\n', check.Findings));
        Assert.Contains(check.Findings, f => f.Kind == CheckFindingKind.Orphan);
    }

    [Fact]
    public async Task A_state_of_a_newer_program_is_not_touched()
    {
        await using var test = await TestRepository.CreateAsync();
        await CommitAsync(test, "/a.bin", 1, null);
        var file = StatesByAge(test)[0];
        var bytes = await File.ReadAllBytesAsync(file, Token);
        bytes[12] = 0;
        bytes[13] = 9; // version 1.9.0
        await File.WriteAllBytesAsync(file, bytes, Token);

        await using var repository = await test.ReopenAsync();
        var failure = await Assert.ThrowsAsync<RepositoryException>(() => repository.RepairAsync(new RepairOptions(), null, Token));
        Assert.Equal(RepositoryFailure.Unsupported, failure.Failure);
        Assert.Equal(bytes, await File.ReadAllBytesAsync(file, Token));
    }

    [Fact]
    public async Task A_repair_waits_for_nobody_and_disturbs_nobody()
    {
        await using var test = await TestRepository.CreateAsync();
        await CommitAsync(test, "/a.bin", 1, null);
        await using var other = await test.ReopenAsync();
        await using (await other.LockSharedAsync(Token))
        {
            var failure = await Assert.ThrowsAsync<RepositoryException>(() => test.Repository.RepairAsync(new RepairOptions(), null, Token));
            Assert.Equal(RepositoryFailure.Locked, failure.Failure);
        }

        Assert.True((await test.Repository.RepairAsync(new RepairOptions(), null, Token)).ChangesNothing);
        Assert.Empty(await test.Repository.ListLocksAsync(Token));
    }

    private static bool HoldsSnapshot(TestRepository test, string file, SnapshotId id)
    {
        var index = Kloset.Packfiles.PackfileIndex.ReadWhole(test.Repository.Codec, File.ReadAllBytes(file));
        return index.Records.Any(r => r.Type == BlobType.Snapshot && r.Id == id.Value);
    }


    private static async Task<SnapshotId> CommitAsync(TestRepository test, string path, int seed, SnapshotId? basis)
    {
        await using var repository = await test.ReopenAsync();
        await using var writer = await repository.BeginWriteAsync(test.Options, Token);
        var on = basis is { } id ? await repository.OpenSnapshotAsync(id, Token) : null;
        return (await writer.CommitAsync(
            TestRepository.Draft, on, TreeChanges.Of([await writer.FileAsync(path, TreeChanges.Noise(seed, 40_000))]), Token)).Id;
    }

    private static async Task AssertWholeAsync(TestRepository test, params SnapshotId[] snapshots)
    {
        await using var repository = await test.ReopenAsync();
        Assert.Equal(snapshots.Order(), (await repository.ListSnapshotsAsync(Token)).Select(s => s.Id).Order());
        var report = await repository.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
        Assert.Empty(report.Findings);
        foreach (var id in snapshots)
        {
            var snapshot = await repository.OpenSnapshotAsync(id, Token);
            var entry = await snapshot.FindAsync(EntryPath.Parse("/a.bin"), Token);
            Assert.Equal(TreeChanges.Noise(1, 40_000), await TreeChanges.ReadAsync(snapshot, entry!));
        }
    }

    private static List<string> StatesByAge(TestRepository test) =>
        [.. Directory.EnumerateFiles(Path.Combine(test.Root, "states"), "*", SearchOption.AllDirectories).OrderBy(f => File.GetLastWriteTimeUtc(f)).ThenBy(f => f)];

    private static IEnumerable<string> Packfiles(TestRepository test) =>
        Directory.EnumerateFiles(Path.Combine(test.Root, "packfiles"), "*", SearchOption.AllDirectories);
}
