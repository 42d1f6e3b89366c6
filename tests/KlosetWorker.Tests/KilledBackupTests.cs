using System.Diagnostics;
using System.Text.Json;
using Kloset.Maintenance;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Storage;
using TakeoutGenerator;

namespace KlosetWorker.Tests;

/// <summary>
/// Backups that die at any point, with maintenance between the tries; some 50 deaths with KLOSET_TEST_LONG=1, and with KLOSET_TEST_SEED=7 one series alone.
/// </summary>
public sealed class KilledBackupTests : IDisposable
{
    private const int DeathsEach = 5;

    private static readonly bool IsLong = Environment.GetEnvironmentVariable("KLOSET_TEST_LONG") == "1";

    public static TheoryData<ArchiveFormat, int> Seeds => new(
        from format in new[] { ArchiveFormat.Zip, ArchiveFormat.Tgz }
        from seed in int.TryParse(Environment.GetEnvironmentVariable("KLOSET_TEST_SEED"), out var only) ? [only] : Enumerable.Range(1, IsLong ? 10 : 1)
        select (format, seed));

    private readonly TestHost _host = new();

    public void Dispose() => _host.Dispose();

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_backup_killed_at_random_points_reads_and_stores_nothing_twice_that_an_anchor_held(ArchiveFormat format, int seed)
    {
        var ct = TestContext.Current.CancellationToken;
        _host.Set("KLOSET_REPOSITORY", "fs:" + _host.Repository);
        Directory.CreateDirectory(_host.At("drop"));
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        var manifest = Export.Write(
            Library.Generate(new LibraryOptions { Items = 120, MediaSize = 300_000 }), new ExportOptions { Time = new(2026, 9, 1, 12, 0, 0, TimeSpan.Zero), Parts = 12, Format = format }, _host.At("drop"));
        var media = manifest.Items.SelectMany(item => item.Folders).SelectMany(folder => folder.Media).ToArray();
        var random = new Random(seed);
        string[] arguments = ["backup", "takeout:" + _host.At("drop"), "--account", "alice", "--json"];
        var clock = new ShiftedClock();
        var longest = TimeSpan.FromSeconds(4);
        JsonElement? report = null;
        long held = 0;
        var deaths = 0;
        for (var death = 0; death < DeathsEach && report is null; death++)
        {
            held = await HeldBytesAsync();
            var watch = Stopwatch.StartNew();
            using var process = Start(_host, arguments);
            var output = process.StandardOutput.ReadToEndAsync(ct);
            _ = process.StandardError.ReadToEndAsync(ct);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
            limit.CancelAfter(longest * (0.1 + (0.9 * random.NextDouble())));
            try
            {
                await process.WaitForExitAsync(limit.Token);
                longest = watch.Elapsed;
                report = JsonDocument.Parse(await output).RootElement;
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                process.Kill();
                deaths++;
                await process.WaitForExitAsync(ct);
                longest += TimeSpan.FromSeconds(0.3); // so that it gets on, even where it starts slowly
            }

            // Two rounds, each long after the one before: what nothing holds is marked, then removed. The dead one's lock is stale by then.
            for (var round = 0; round < 2; round++)
            {
                clock.Shift += TimeSpan.FromHours(3);
                await MaintainAsync();
            }
        }

        if (report is null)
        {
            held = await HeldBytesAsync();
            report = JsonDocument.Parse((await _host.RunAsync(arguments)).Exits(0).Output).RootElement;
        }

        (await _host.RunAsync("check", "--full")).Exits(0);
        Assert.Equal(manifest.Items.Count, report.Value.GetProperty("library").GetProperty("items").GetInt64());
        var all = media.Sum(file => file.Size);
        Assert.True(report.Value.GetProperty("bytesRead").GetInt64() <= all + manifest.IndexSize - held, $"{report.Value.GetProperty("bytesRead")} of {all} were read at last, and an anchor held {held}");

        // All that is stored, after everything unneeded is gone, is what one undisturbed backup stores, and some trees of anchors.
        MaintenanceReport last;
        do
        {
            clock.Shift += TimeSpan.FromHours(3);
            last = await MaintainAsync();
        }
        while (last.Marked.Packfiles + last.Waiting.Packfiles + last.Young.Packfiles > 0);

        var contents = media.DistinctBy(file => file.Sha256).Sum(file => file.Size);
        Assert.True(last.Live.Bytes <= contents * 1.15, $"{last} for {contents} bytes of content");

        if (IsLong)
        {
            File.AppendAllText(
                Path.Combine(Directory.CreateDirectory(Checkout.Path("artifacts/evidence")).FullName, "takeout-kills.md"),
                FormattableString.Invariant($"| {format} | {seed} | {deaths} | {all / 1e6:N1} | {held / 1e6:N1} | {report.Value.GetProperty("bytesRead").GetInt64() / 1e6:N1} | {contents / 1e6:N1} | {last.Live.Bytes / 1e6:N1} |\n"));
        }

        async Task<long> HeldBytesAsync() => await HeldInCatalogAsync() + await PendingBytesAsync();

        // What an anchor holds of archives that are read front to back: it is listed, and has no place yet.
        async Task<long> PendingBytesAsync()
        {
            await using var repository = await Repository.OpenAsync(new FileSystemStore(_host.Repository), null, EngineServices.System with { Time = clock }, ct);
            if ((await repository.ListSnapshotsAsync(ct)).OrderByDescending(snapshot => snapshot.Timestamp).FirstOrDefault() is not { } newest)
            {
                return 0;
            }

            long bytes = 0;
            var snapshot = await repository.OpenSnapshotAsync(newest.Id, ct);
            await foreach (var entry in snapshot.WalkAsync(EntryPath.Parse("/.kloset"), ct))
            {
                if (!entry.Path.ToString().StartsWith("/.kloset/pending-", StringComparison.Ordinal) || !entry.Name.EndsWith(".ndjson", StringComparison.Ordinal))
                {
                    continue;
                }

                using var lines = new StreamReader(snapshot.OpenRead(entry));
                for (var line = await lines.ReadLineAsync(ct); line is not null; line = await lines.ReadLineAsync(ct))
                {
                    using var json = JsonDocument.Parse(line);
                    bytes += json.RootElement.TryGetProperty("path", out var path) && !path.GetString()!.EndsWith(".json", StringComparison.Ordinal) ? json.RootElement.GetProperty("size").GetInt64() : 0;
                }
            }

            return bytes;
        }

        async Task<long> HeldInCatalogAsync()
        {
            var found = await _host.RunAsync("find", "--json");
            return found.Code != 0 ? 0 : JsonDocument.Parse(found.Output).RootElement.GetProperty("items").EnumerateArray().Sum(item => item.GetProperty("size").GetInt64());
        }

        async Task<MaintenanceReport> MaintainAsync()
        {
            await using var repository = await Repository.OpenAsync(new FileSystemStore(_host.Repository), null, EngineServices.System with { Time = clock }, ct);
            return await repository.MaintainAsync(new MaintenanceOptions { GracePeriod = TimeSpan.FromHours(1) }, null, ct);
        }
    }

    internal static Process Start(TestHost host, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "KlosetWorker.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["KLOSET_REPOSITORY"] = "fs:" + host.Repository;
        start.Environment["KLOSET_CACHE"] = host.At("cache");
        start.Environment["KLOSET_PASSPHRASE"] = host.Get("KLOSET_PASSPHRASE");
        return Process.Start(start)!;
    }

    private sealed class ShiftedClock : TimeProvider
    {
        public TimeSpan Shift { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Shift;
    }
}
