using Kloset.Checking;
using Kloset.Maintenance;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Storage;
using Kloset.Tests.Writing;
using Kloset.Writing;

namespace Kloset.Tests.Storage;

/// <summary>
/// Each operation is run once for each of its storage calls, which fails: it ends well or with a failure in the engine's own words, never with a
/// verdict that something is damaged, and the repository is whole behind it. Then the operation works.
/// </summary>
public sealed class EveryCallFailsOnceTests
{
    private static readonly Dictionary<string, byte[]> _files = new()
    {
        ["/a/one.bin"] = TreeChanges.Noise(1, 300_000),
        ["/a/two.txt"] = "some text"u8.ToArray(),
        ["/three"] = [],
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("backup", false)]
    [InlineData("backup", true)]
    [InlineData("restore", false)]
    [InlineData("check", false)]
    [InlineData("check", true)]
    [InlineData("repair", false)]
    [InlineData("repair", true)]
    [InlineData("forget", false)]
    [InlineData("forget", true)]
    [InlineData("maintain", false)]
    [InlineData("maintain", true)]
    [InlineData("usage", false)]
    public async Task An_operation_survives_the_failure_of_any_of_its_calls(string operation, bool takesEffect)
    {
        var counting = new FaultyStore(await PrepareAsync(operation), 0, false);
        await RunAsync(operation, counting);
        var calls = counting.Calls;
        Assert.True(calls > 3);
        var failures = 0;
        for (var call = 1; call <= calls; call++)
        {
            var store = await PrepareAsync(operation);
            try
            {
                await RunAsync(operation, new FaultyStore(store, call, takesEffect));
            }
            catch (Exception exception) when (exception is StoreException or RepositoryException)
            {
                failures++;
                Assert.True(
                    exception is not RepositoryException { Failure: RepositoryFailure.Damaged }, $"call {call} of {operation}: a failure of the storage was taken for damage: {exception}");
            }

            await AssertWholeAsync(operation, store, $"call {call} of {operation}");
        }

        Assert.True(failures > 0);
    }

    private static async Task<MemoryStore> PrepareAsync(string operation)
    {
        var store = new MemoryStore();
        await using var repository = await Repository.CreateAsync(store, new RepositoryCreation { Packfile = new(0, 0, 100_000) }, Services, Token);
        var first = await BackupAsync(repository, "/first", _files);
        if (operation is "forget" or "maintain" or "check" or "repair" or "usage")
            await BackupAsync(repository, "/second", new() { ["/other"] = TreeChanges.Noise(9, 50_000) });
        if (operation == "maintain")
        {
            await repository.ForgetAsync([first], Token);
            await repository.MaintainAsync(new MaintenanceOptions { GracePeriod = TimeSpan.Zero }, null, Token);
        }

        if (operation == "repair")
        {
            // The oldest state is lost.
            var states = store.Items.Keys.Where(k => k.StartsWith("states/", StringComparison.Ordinal)).ToList();
            var damaged = states.Order(StringComparer.Ordinal).First();
            store.Items[damaged] = [.. store.Items[damaged].Reverse()];
        }

        return store;
    }

    private static EngineServices Services { get; } = new(TimeProvider.System, RandomSource.System, "test-host") { Parallelism = 2 };

    private static async Task<SnapshotId> BackupAsync(Repository repository, string folder, Dictionary<string, byte[]> files)
    {
        await using var writer = await repository.BeginWriteAsync(new WriterOptions(), Token);
        var changes = new List<TreeChange>();
        foreach (var (path, content) in files)
            changes.Add(await writer.FileAsync(folder + path, content));
        return (await writer.CommitAsync(TestRepository.Draft with { Directory = folder }, null, TreeChanges.Of(changes), Token)).Id;
    }

    private static async Task RunAsync(string operation, IStore store)
    {
        await using var repository = await Repository.OpenAsync(store, null, Services, Token);
        switch (operation)
        {
            case "backup":
                await BackupAsync(repository, "/second", new() { ["/new"] = TreeChanges.Noise(5, 250_000), ["/same"] = _files["/a/one.bin"] });
                break;
            case "restore":
                await ReadAllAsync(repository);
                break;
            case "check":
                var report = await repository.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
                Assert.True(report.IsClean, string.Join('\n', report.Findings));
                break;
            case "repair":
                await repository.RepairAsync(new RepairOptions(), null, Token);
                break;
            case "forget":
                await repository.ForgetAsync([(await repository.ListSnapshotsAsync(Token))[0].Id], Token);
                break;
            case "maintain":
                await repository.MaintainAsync(new MaintenanceOptions { GracePeriod = TimeSpan.Zero }, null, Token);
                break;
            default:
                Assert.Equal(0, (await repository.MeasureUsageAsync(null, Token)).Unreadable);
                break;
        }
    }

    private static async Task ReadAllAsync(Repository repository)
    {
        foreach (var header in await repository.ListSnapshotsAsync(Token))
        {
            var snapshot = await repository.OpenSnapshotAsync(header.Id, Token);
            foreach (var (path, entry) in await TreeChanges.WalkAsync(snapshot))
            {
                if (entry.Kind != EntryKind.File)
                    continue;
                var content = await TreeChanges.ReadAsync(snapshot, entry);
                if (path.StartsWith("/first", StringComparison.Ordinal))
                    Assert.Equal(_files[path["/first".Length..]], content);
            }
        }
    }

    private static async Task AssertWholeAsync(string operation, MemoryStore store, string what)
    {
        // Our lock stays behind when its deletion failed; it goes stale, and is no obstacle to reading.
        foreach (var key in store.Items.Keys.Where(k => k.StartsWith("locks/", StringComparison.Ordinal)))
            store.Items.TryRemove(key, out _);
        await RunAsync(operation == "forget" ? "check" : operation, store);
        await using var repository = await Repository.OpenAsync(store, null, Services, Token);
        var report = await repository.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
        Assert.True(report.IsClean, what + ": " + string.Join('\n', report.Findings.Where(f => f.IsError)));
        await ReadAllAsync(repository);
    }
}
