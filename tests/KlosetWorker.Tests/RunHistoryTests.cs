using KlosetWorker.Contract;

namespace KlosetWorker.Tests;

/// <summary>A PhotoBackup that was pointed at another repository.</summary>
public sealed class RunHistoryTests : IDisposable
{
    private readonly TestHost _host = new();

    public RunHistoryTests()
    {
        _host.Set(WorkerEnvironment.Run, _host.At("run.json"));
        _host.Set(WorkerEnvironment.Secrets, Directory.CreateDirectory(_host.At("secrets")).FullName);
        _host.Set(WorkerEnvironment.Source, Directory.CreateDirectory(_host.At("source")).FullName);
        _host.Set(WorkerEnvironment.Result, _host.At("result.json"));
        _host.Write("source/drop/photo.jpg", "a photo");
    }

    public void Dispose() => _host.Dispose();

    [Fact]
    public async Task Without_the_newest_snapshot_nothing_is_written_and_with_it_the_run_goes_on()
    {
        await RunAsync(RunKind.Create, "old", null, 0);
        await RunAsync(RunKind.Create, "new", null, 0);
        var newest = (await RunAsync(RunKind.Backup, "old", null, 0)).Snapshots!.Single();
        var mark = new RunHistoryMark(newest.Id, newest.Time.AddTicks(-(newest.Time.Ticks % TimeSpan.TicksPerSecond)));

        var before = Listing("new");
        var missing = await RunAsync(RunKind.Backup, "new", mark, 10);
        Assert.Equal((RunOutcome.Failed, "HistoryMissing"), (missing.Outcome, missing.Reason));
        Assert.Contains(newest.Id[..8], missing.Message, StringComparison.Ordinal);
        Assert.Equal(before, Listing("new"));
        Assert.Equal(RetryClass.BackOff, ErrorCatalogue.HistoryMissing.Retry);

        // A byte copy brings the history.
        Directory.Delete(_host.At("source", "new"), recursive: true);
        Copy(_host.At("source", "old"), _host.At("source", "new"));
        _host.Write("source/drop/another.jpg", "another photo");
        var result = await RunAsync(RunKind.Backup, "new", mark, 0);
        Assert.Equal(RunOutcome.Succeeded, result.Outcome);
        Assert.Equal((2, 2), (result.Repository!.Snapshots, result.Snapshots!.Count));

        // A copy into another repository keeps the time and not the identifier.
        await RunAsync(RunKind.Backup, "new", mark with { SnapshotId = new string('0', 64) }, 0);
    }

    private async Task<RunResult> RunAsync(RunKind kind, string volume, RunHistoryMark? history, int exitCode)
    {
        Directory.CreateDirectory(_host.At("source", volume));
        var run = new RunFile
        {
            Kind = kind,
            RunId = $"run-{Guid.NewGuid()}",
            Repository = new() { Backend = new() { Volume = new(volume) }, Create = kind == RunKind.Create },
            Account = kind == RunKind.Backup ? new("alice") : null,
            Backup = kind == RunKind.Backup ? new() { Folder = new("drop"), History = history } : null,
        };
        _host.Write("run.json", run.ToJson());
        (await _host.RunAsync("backup", "--run")).Exits(exitCode);
        return RunResult.Parse(await File.ReadAllTextAsync(_host.At("result.json"), TestContext.Current.CancellationToken));
    }

    private List<string> Listing(string volume) =>
        [.. Directory.EnumerateFiles(_host.At("source", volume), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
