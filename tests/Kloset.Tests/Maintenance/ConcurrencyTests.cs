using Kloset.Checking;
using Kloset.Maintenance;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Tests.Writing;
using Kloset.Writing;

namespace Kloset.Tests.Maintenance;

/// <summary>Several clients of one repository at the same time, each with an index and locks of its own, as processes are.</summary>
public sealed class ConcurrencyTests
{
    private static readonly int Sessions = Environment.GetEnvironmentVariable("KLOSET_TEST_LONG") == "1" ? 100 : 12;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null)]
    [InlineData("secret")]
    public async Task Two_writers_and_a_maintenance_that_gives_no_grace_lose_nothing(string? passphrase)
    {
        await using var test = await TestRepository.CreateAsync(passphrase);
        var kept = new Dictionary<SnapshotId, Dictionary<string, byte[]>>();
        using var finished = new CancellationTokenSource();
        var tidying = TidyAsync(test, finished.Token);
        await Task.WhenAll(Enumerable.Range(0, 2).Select(writer => Task.Run(() => WriteAsync(test, writer, kept), Token)));
        await finished.CancelAsync();
        var (runs, removed) = await tidying;
        TestContext.Current.SendDiagnosticMessage($"{kept.Count} snapshots kept, {runs} maintenances, {removed} packfiles removed");
        Assert.True(runs > 0 && removed > 0, $"{runs} maintenances removed {removed} packfiles: nothing was shown");

        await using var fresh = await test.ReopenAsync();
        Assert.Equal(kept.Keys.Order(), (await fresh.ListSnapshotsAsync(Token)).Select(header => header.Id).Order());
        var report = await fresh.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
        foreach (var (id, files) in kept)
        {
            var snapshot = await fresh.OpenSnapshotAsync(id, Token);
            foreach (var (path, content) in files)
                Assert.Equal(content, await TreeChanges.ReadAsync(snapshot, (await snapshot.FindAsync(EntryPath.Parse(path), Token))!));
        }

        Assert.Empty(await fresh.ListLocksAsync(Token));
    }

    /// <summary>Backs up contents that both writers share, and forgets most of its own snapshots again.</summary>
    private static async Task WriteAsync(TestRepository test, int number, Dictionary<SnapshotId, Dictionary<string, byte[]>> kept)
    {
        var random = new Random(number);
        SnapshotId? last = null;
        for (var session = 0; session < Sessions; session++)
        {
            await using var repository = await test.ReopenAsync();
            var files = Enumerable.Range(0, 5).ToDictionary(file => $"/writer {number}/{file}", _ => TreeChanges.Noise(random.Next(8) + (session / 4 * 100), 20_000));
            await RetryAsync(random, async () =>
            {
                await using var writer = await repository.BeginWriteAsync(test.Options, Token);
                var changes = new List<TreeChange>();
                foreach (var (path, content) in files)
                    changes.Add(await writer.FileAsync(path, content));
                var header = await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of(changes), Token);
                lock (kept)
                    kept.Add(header.Id, files);
                if (last is { } old && random.Next(3) > 0)
                {
                    await repository.ForgetAsync([old], Token);
                    lock (kept)
                        kept.Remove(old);
                }

                last = header.Id;
            });
        }
    }

    private static async Task<(int Runs, int Removed)> TidyAsync(TestRepository test, CancellationToken finished)
    {
        var (runs, removed) = (0, 0);
        // Two more at the end, so that what was marked last goes, too.
        for (var more = 2; more > 0;)
        {
            if (finished.IsCancellationRequested)
                more--;
            await using var repository = await test.ReopenAsync();
            try
            {
                var report = await repository.MaintainAsync(new MaintenanceOptions { GracePeriod = TimeSpan.Zero }, null, Token);
                runs++;
                removed += report.Removed.Packfiles;
            }
            catch (RepositoryException locked) when (locked.Failure == RepositoryFailure.Locked)
            {
                // A writer is at work.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Token);
        }

        return (runs, removed);
    }

    private static async Task RetryAsync(Random random, Func<Task> work)
    {
        while (true)
        {
            try
            {
                await work();
                return;
            }
            catch (RepositoryException locked) when (locked.Failure == RepositoryFailure.Locked)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(5, 60)), TimeProvider.System, Token);
            }
        }
    }
}
