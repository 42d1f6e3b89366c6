using System.Text.Json;
using Kloset.Maintenance;
using Kloset.Retention;
using Kloset.Storage;
using KlosetWorker.Contract;
using Microsoft.Extensions.Time.Testing;

namespace KlosetWorker.Tests;

/// <summary>Forgetting and maintenance through the real command and real run files.</summary>
public sealed class LifecycleTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero));
    private readonly TestHost _host;

    public LifecycleTests()
    {
        _host = new() { Time = _time };
        _host.Set("KLOSET_REPOSITORY", "fs:" + _host.Repository);
        _host.Set(WorkerEnvironment.Run, _host.At("run.json"));
        _host.Set(WorkerEnvironment.Secrets, Directory.CreateDirectory(_host.At("secrets")).FullName);
        _host.Set(WorkerEnvironment.Source, _host.Folder);
        _host.Set(WorkerEnvironment.Result, _host.At("result.json"));
        Directory.CreateDirectory(Library);
    }

    private string Library => _host.At("library");

    public void Dispose() => _host.Dispose();

    [Fact]
    public async Task A_policy_forgets_what_it_does_not_keep_lineage_by_lineage_and_a_dry_run_forgets_nothing()
    {
        await CreateAsync();
        for (var day = 0; day < 10; day++)
        {
            _host.Write("library/photo.jpg", $"day {day}");
            await BackupAsync();
        }

        _host.Write("other/a.txt", "a");
        (await _host.RunAsync("backup", "folder:" + _host.At("other"), "--origin", "nas")).Exits(0);
        var dry = await ForgetAsync(0, "--keep-last", "7", "--dry-run");
        Assert.Equal((3, 0), Count(dry, "test"));
        Assert.Equal(11, (await SnapshotsAsync()).Count);
        var done = await ForgetAsync(0, "--keep-last", "7");
        Assert.Equal((3, 0), Count(done, "test"));
        Assert.Equal((0, 0), Count(done, "nas"));
        Assert.Equal(8, (await SnapshotsAsync()).Count);
        Assert.Contains("stays: newest, last", (await _host.RunAsync("forget", "--keep-last", "7")).Exits(0).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_large_wave_goes_only_with_its_hash_and_exits_15_before()
    {
        await CreateAsync();
        for (var day = 0; day < 6; day++)
        {
            _host.Write("library/photo.jpg", $"day {day}");
            await BackupAsync();
        }

        var asked = await ForgetAsync(15, "--keep-last", "2");
        Assert.Equal((0, 4), Count(asked, "test"));
        Assert.Equal(6, (await SnapshotsAsync()).Count);
        var hash = asked.GetProperty("lineages")[0].GetProperty("waitingHash").GetString()!;
        await ForgetAsync(15, "--keep-last", "2", "--approve", "0123456789abcdef");
        // Time goes on, and the plan moves; what was approved goes, and what came since is a small wave.
        _host.Write("library/photo.jpg", "day 6");
        await BackupAsync();
        var done = await ForgetAsync(0, "--keep-last", "3", "--approve", hash);
        Assert.Equal((4, 0), Count(done, "test"));
        Assert.Equal(3, (await SnapshotsAsync()).Count);
    }

    [Fact]
    public async Task Named_snapshots_go_unless_they_are_pinned()
    {
        await CreateAsync();
        for (var day = 0; day < 3; day++)
        {
            _host.Write("library/photo.jpg", $"day {day}");
            await BackupAsync();
        }

        var ids = await SnapshotsAsync();
        (await _host.RunAsync("pin", ids[0])).Exits(0);
        Assert.Contains("SnapshotPinned", (await _host.RunAsync("forget", ids[0])).Exits(2).Error, StringComparison.Ordinal);
        Assert.Equal(3, (await SnapshotsAsync()).Count);
        (await _host.RunAsync("pin", ids[0], "--remove")).Exits(0);
        (await _host.RunAsync("forget", ids[0], ids[1])).Exits(0);
        Assert.Equal([ids[2]], await SnapshotsAsync());
        (await _host.RunAsync("forget")).Exits(2);
        (await _host.RunAsync("forget", ids[2], "--keep-last", "1")).Exits(2);
        (await _host.RunAsync("forget", "--keep-within", "a while")).Exits(2);
    }

    [Fact]
    public async Task Maintain_marks_and_then_removes_and_a_repository_of_a_cluster_is_left_to_it()
    {
        await CreateAsync();
        _host.Write("library/photo.jpg", Noise(1));
        await BackupAsync();
        _host.Write("library/photo.jpg", Noise(2));
        await BackupAsync();
        var ids = await SnapshotsAsync();
        (await _host.RunAsync("forget", ids[0])).Exits(0);
        _time.Advance(TimeSpan.FromDays(8));
        Assert.Contains("would be marked", (await _host.RunAsync("maintain", "--dry-run")).Exits(0).Output, StringComparison.Ordinal);
        Assert.Equal((1, 0), Marked(await MaintainAsync()));
        _time.Advance(TimeSpan.FromDays(6));
        Assert.Equal((0, 0), Marked(await MaintainAsync()));
        Assert.Equal((0, 1), Marked(await MaintainAsync("--grace-period", "5d")));
        (await _host.RunAsync("check", "--full")).Exits(0);
        (await _host.RunAsync("restore", "latest", "--to", _host.At("restored"))).Exits(0);

        await using var store = new FileSystemStore(_host.Repository);
        await new RepositoryOwner(store, _time).ClaimAsync("cluster-a/photos/family", TestContext.Current.CancellationToken);
        var refused = (await _host.RunAsync("maintain")).Exits(2);
        Assert.Contains("[NotOwner]", refused.Error, StringComparison.Ordinal);
        Assert.Contains("cluster-a/photos/family", refused.Error, StringComparison.Ordinal);
        (await _host.RunAsync("forget", ids[1])).Exits(2);
        (await _host.RunAsync("maintain", "--owner", "cluster-a/photos/family")).Exits(0);
        (await _host.RunAsync("maintain", "--take-over", "--owner", "cluster-b/photos/family")).Exits(0);
        Assert.Equal("cluster-b/photos/family", await new RepositoryOwner(store, _time).ReadAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_backup_Job_forgets_at_its_end_and_waits_for_an_approval_where_one_is_needed()
    {
        await CreateAsync();
        for (var day = 0; day < 5; day++)
        {
            _host.Write("library/photo.jpg", $"day {day}");
            Assert.Null((await BackupJobAsync(null)).Forget);
        }

        _host.Write("library/photo.jpg", "the last day");
        var waiting = await BackupJobAsync(new RunRetention(KeepLast: 2));
        Assert.Equal(RunOutcome.Succeeded, waiting.Outcome);
        Assert.Equal((0, 4), (waiting.Forget!.Forgotten, waiting.Forget.Waiting));
        var action = Assert.Single(waiting.Actions!);
        Assert.Equal("ApproveForget", action.Kind);
        Assert.Contains($"kloset.dev/approve-forget: {waiting.Forget.WaitingHash}", action.Message, StringComparison.Ordinal);
        Assert.Equal(6, (await SnapshotsAsync()).Count);

        // The approving run adds a snapshot of its own, so that one more goes than was approved, unasked.
        var approved = await BackupJobAsync(new RunRetention(KeepLast: 2), waiting.Forget.WaitingHash);
        Assert.Equal((5, 0), (approved.Forget!.Forgotten, approved.Forget.Waiting));
        Assert.Null(approved.Actions);
        Assert.Equal(2, (await SnapshotsAsync()).Count);
        // From then on one goes for each that comes, and nobody is asked.
        _host.Write("library/photo.jpg", "one more");
        var nightly = await BackupJobAsync(new RunRetention(KeepLast: 2));
        Assert.Null(nightly.Forget!.WaitingHash);
        Assert.Equal(2, (await SnapshotsAsync()).Count);
    }

    [Fact]
    public async Task Anchors_that_a_whole_snapshot_supersedes_go_without_any_policy()
    {
        await CreateAsync();
        _host.Write("library/photo.jpg", "day 0");
        using var stopped = new CancellationTokenSource();
        await stopped.CancelAsync();
        _host.Stop = stopped.Token;
        (await _host.RunAsync("backup", "folder:" + Library, "--origin", "test")).Exits(130);
        Assert.Single(await SnapshotsAsync());
        _host.Stop = CancellationToken.None;
        _time.Advance(TimeSpan.FromHours(1));
        var result = await BackupJobAsync(null);
        Assert.Equal(1, result.Forget!.Forgotten);
        Assert.Equal([result.SnapshotId!], await SnapshotsAsync());
    }

    [Fact]
    public async Task A_source_that_suddenly_holds_far_less_freezes_forgetting_and_says_so()
    {
        await CreateAsync();
        for (var file = 0; file < 20; file++)
        {
            _host.Write($"library/{file}.jpg", Noise(file));
        }

        for (var day = 0; day < 4; day++)
        {
            _host.Write("library/0.jpg", $"day {day}");
            Assert.False((await BackupJobAsync(new RunRetention(KeepLast: 4))).Library!.Shrunk);
        }

        foreach (var path in Directory.GetFiles(Library).Skip(5))
        {
            File.Delete(path);
        }

        var shrunk = await BackupJobAsync(new RunRetention(KeepLast: 4));
        Assert.True(shrunk.Library!.Shrunk);
        Assert.Contains(shrunk.Warnings!, warning => warning.Contains("Nothing complete was forgotten, because the source has 5 files", StringComparison.Ordinal));
        Assert.Equal((0, 1), (shrunk.Forget!.Forgotten, shrunk.Forget.Waiting));
        Assert.Equal(5, (await SnapshotsAsync()).Count);
        var approved = await BackupJobAsync(new RunRetention(KeepLast: 4), shrunk.Forget.WaitingHash);
        Assert.Equal(1, approved.Forget!.Forgotten);
    }

    [Fact]
    public async Task A_maintenance_Job_works_for_the_owner_alone_and_takes_over_when_it_is_told_from_whom()
    {
        await CreateAsync();
        _host.Write("library/photo.jpg", Noise(1));
        await BackupJobAsync(null, owner: "cluster-a");
        _host.Write("library/photo.jpg", Noise(2));
        await BackupJobAsync(null, owner: "cluster-a");
        (await _host.RunAsync("forget", (await SnapshotsAsync())[0], "--owner", "cluster-a")).Exits(0);
        _time.Advance(TimeSpan.FromDays(8));
        var order = Order(RunKind.Maintain) with { Maintain = new() };
        var refused = await RunAsync(order with { Repository = order.Repository with { Owner = "cluster-b" } }, 2);
        Assert.Equal("NotOwner", refused.Reason);
        Assert.Contains("kloset.dev/take-over: cluster-a", refused.Hint, StringComparison.Ordinal);
        await RunAsync(order with { Repository = order.Repository with { Owner = "cluster-b", TakeOverFrom = "cluster-c" } }, 2);
        var done = await RunAsync(order with { Repository = order.Repository with { Owner = "cluster-b", TakeOverFrom = "cluster-a" } }, 0);
        Assert.Equal(1, done.Maintenance!.Marked);
        Assert.Equal("NotOwner", (await RunAsync(order with { Repository = order.Repository with { Owner = "cluster-a" } }, 2)).Reason);
        // The one that lost it still backs up, and forgets nothing.
        _host.Write("library/photo.jpg", Noise(3));
        var backup = await BackupJobAsync(new RunRetention(KeepLast: 1), owner: "cluster-a");
        Assert.Equal(RunOutcome.Succeeded, backup.Outcome);
        Assert.Null(backup.Forget);
        Assert.Contains(backup.Warnings!, warning => warning.Contains("cluster-b", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_restore_Job_holds_a_lock_and_a_pin_and_leaves_neither_behind()
    {
        await CreateAsync();
        _host.Write("library/photo.jpg", Noise(1));
        await BackupJobAsync(null);
        await using var store = new FileSystemStore(_host.Repository);
        // What an unfinished restore holds is not forgotten.
        var ids = await SnapshotsAsync();
        await new SnapshotPins(store).AddAsync(Kloset.Snapshots.SnapshotId.Parse(ids[0]), "restore-uid-1", TestContext.Current.CancellationToken);
        File.SetLastWriteTimeUtc(Directory.GetFiles(Path.Combine(_host.Repository, "kloset-operator", "pins"), "*", SearchOption.AllDirectories)[0], _time.GetUtcNow().UtcDateTime);
        _host.Write("library/photo.jpg", Noise(2));
        Assert.Null((await BackupJobAsync(new RunRetention(KeepLast: 1))).Forget);
        var restored = await RunAsync(Order(RunKind.Restore) with { Restore = new() { SnapshotId = ids[0], RestoreId = "uid-1", Target = new() { Volume = new("restored") } } }, 0);
        Assert.Equal(1, restored.Restored!.Items);
        Assert.Empty(await new SnapshotPins(store).ListAsync(TestContext.Current.CancellationToken));
        Assert.Empty(Directory.GetFiles(Path.Combine(_host.Repository, "locks")));
        _host.Write("library/photo.jpg", Noise(3));
        Assert.Equal(1, (await BackupJobAsync(new RunRetention(KeepLast: 2))).Forget!.Forgotten);
    }

    private static byte[] Noise(int seed)
    {
        var bytes = new byte[30_000];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static (int Forgotten, int Waiting) Count(JsonElement output, string origin)
    {
        var lineage = output.GetProperty("lineages").EnumerateArray().Single(one => one.GetProperty("origin").GetString() == origin);
        return (lineage.GetProperty("forgotten").GetArrayLength(), lineage.GetProperty("waiting").GetArrayLength());
    }

    private static (int Marked, int Removed) Marked(JsonElement output) =>
        (output.GetProperty("marked").GetProperty("packfiles").GetInt32(), output.GetProperty("removed").GetProperty("packfiles").GetInt32());

    private async Task CreateAsync()
    {
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        Directory.CreateDirectory(_host.At("restored"));
    }

    private async Task BackupAsync()
    {
        _time.Advance(TimeSpan.FromDays(1));
        (await _host.RunAsync("backup", "folder:" + Library, "--origin", "test")).Exits(0);
    }

    private async Task<JsonElement> ForgetAsync(int exitCode, params string[] arguments)
    {
        var outcome = (await _host.RunAsync(["forget", "--json", .. arguments])).Exits(exitCode);
        return JsonDocument.Parse(outcome.Output).RootElement;
    }

    private async Task<JsonElement> MaintainAsync(params string[] arguments) =>
        JsonDocument.Parse((await _host.RunAsync(["maintain", "--json", .. arguments])).Exits(0).Output).RootElement;

    private async Task<IReadOnlyList<string>> SnapshotsAsync()
    {
        using var output = JsonDocument.Parse((await _host.RunAsync("snapshots", "--json")).Exits(0).Output);
        return [.. output.RootElement.GetProperty("snapshots").EnumerateArray().Select(snapshot => snapshot.GetProperty("id").GetString()!)];
    }

    private static RunFile Order(RunKind kind) => new()
    {
        Kind = kind,
        RunId = "run-" + kind,
        Repository = new() { Backend = new() { Volume = new("repository") } },
    };

    private async Task<RunResult> BackupJobAsync(RunRetention? retention, string? approved = null, string? owner = null)
    {
        _time.Advance(TimeSpan.FromDays(1));
        var order = Order(RunKind.Backup);
        return await RunAsync(
            order with
            {
                Account = new("test"),
                Repository = order.Repository with { Owner = owner },
                Backup = new() { Folder = new("library"), Retention = retention, ApprovedForget = approved },
            },
            0);
    }

    private async Task<RunResult> RunAsync(RunFile order, int exitCode)
    {
        _host.Write("run.json", order.ToJson());
        (await _host.RunAsync("run")).Exits(exitCode);
        return RunResult.Parse(await File.ReadAllTextAsync(_host.At("result.json"), TestContext.Current.CancellationToken));
    }
}
