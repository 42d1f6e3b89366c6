using System.Diagnostics;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using KlosetWorker.Contract;
using TakeoutGenerator;

namespace KlosetWorker.Tests;

public sealed class TakeoutBackupTests : IDisposable
{
    private readonly TestHost _host = new();

    public TakeoutBackupTests()
    {
        _host.Set("KLOSET_REPOSITORY", "fs:" + _host.Repository);
        Directory.CreateDirectory(Drop);
    }

    private string Drop => _host.At("drop");

    public void Dispose() => _host.Dispose();

    private ExportManifest Export(Library library, ArchiveFormat format = ArchiveFormat.Zip, int parts = 2, string language = "en", DateTimeOffset? since = null) =>
        TakeoutGenerator.Export.Write(library, new ExportOptions { Time = library.Options.Until, Since = since, Format = format, Parts = parts, Language = language }, Drop);

    private async Task<JsonElement> BackupAsync(int code, params string[] options) =>
        JsonDocument.Parse((await _host.RunAsync(["backup", "takeout:" + Drop, "--account", "alice", "--json", .. options])).Exits(code).Output).RootElement;

    private static IEnumerable<ExportedFile> Media(params ExportManifest[] manifests) =>
        manifests.SelectMany(manifest => manifest.Items).SelectMany(item => item.Folders).SelectMany(folder => folder.Media);

    /// <summary>Every content of the source is in the folder, bit by bit.</summary>
    private static void AssertHolds(string folder, IEnumerable<ExportedFile> media)
    {
        var held = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))).ToHashSet(StringComparer.OrdinalIgnoreCase);
        Assert.All(media, file => Assert.Contains(file.Sha256, held));
    }

    [Theory]
    [InlineData(ArchiveFormat.Zip, "en")]
    [InlineData(ArchiveFormat.Tgz, "de")]
    [InlineData(ArchiveFormat.Folder, "ja")]
    public async Task A_library_and_its_increment_become_snapshots_that_hold_all_of_it(ArchiveFormat format, string language)
    {
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        var library = Library.Generate(new LibraryOptions { Items = 25, MediaSize = 2_000 });
        var full = Export(library, format, language: language);

        var first = await BackupAsync(0, "--email", "alice@example.com");

        Assert.Equal("Succeeded", first.GetProperty("outcome").GetString());
        Assert.Equal(full.Items.Count, first.GetProperty("library").GetProperty("items").GetInt64());
        Assert.Equal("NothingNew", (await BackupAsync(0)).GetProperty("outcome").GetString());
        if (format == ArchiveFormat.Folder)
        {
            return; // a second unpacked export cannot lie in the same folder
        }

        var later = library.Later(library.Options.Until.AddDays(61), 5);
        var increment = Export(later, format, language: language, since: library.Options.Until);
        var second = await BackupAsync(0);
        (await _host.RunAsync("restore", "latest", "--to", _host.At("restored"))).Exits(0);

        Assert.Equal(
            full.Items.Concat(increment.Items).Select(item => item.Url).Distinct().Count(),
            second.GetProperty("library").GetProperty("items").GetInt64());
        Assert.Equal(later.Options.Until, second.GetProperty("exports").GetProperty("coveredThrough").GetDateTimeOffset());
        AssertHolds(_host.At("restored"), Media(full, increment));
        var inspected = JsonDocument.Parse((await _host.RunAsync("takeout", "inspect", _host.At("restored"), "--json")).Exits(0).Output).RootElement;
        Assert.Equal(second.GetProperty("library").GetProperty("items").GetInt64(), inspected.GetProperty("logicalItems").GetInt64());
        Assert.Empty(inspected.GetProperty("unpairedMedia").EnumerateArray());
        (await _host.RunAsync("check", "--full")).Exits(0);
    }

    [Fact]
    public async Task An_export_of_another_account_is_not_taken_in_and_both_are_named()
    {
        var options = new LibraryOptions { Items = 8, MediaSize = 200 };
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        var first = Export(Library.Generate(options));
        await BackupAsync(0);
        Export(Library.Generate(options with { Account = "bob@example.com", Seed = 2, Until = options.Until.AddDays(60) }));

        var refused = (await _host.RunAsync("backup", "takeout:" + Drop, "--account", "alice")).Exits(8);

        Assert.Contains("bob@example.com", refused.Error, StringComparison.Ordinal);
        Assert.Contains("alice@example.com", refused.Error, StringComparison.Ordinal);
        (await _host.RunAsync("restore", "latest", "--to", _host.At("out"))).Exits(0);
        AssertHolds(_host.At("out"), Media(first));
    }

    [Fact]
    public async Task A_full_export_after_increments_reads_hardly_anything_again()
    {
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        var library = Library.Generate(new LibraryOptions { Items = 25, MediaSize = 2_000 });
        Export(library);
        await BackupAsync(0);
        var again = library.Later(library.Options.Until.AddDays(61), 0);
        Export(again);

        var second = await BackupAsync(0);

        Assert.True(second.GetProperty("filesRead").GetInt64() <= 3, second.ToString());
        Assert.Equal(1, second.GetProperty("exports").GetProperty("chain").GetInt32());
    }

    [Fact]
    public async Task An_increment_that_is_copied_anew_stays_one_and_covers_what_it_covered()
    {
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        var library = Library.Generate(new LibraryOptions { Items = 60, MediaSize = 2_000 });
        Export(library);
        await BackupAsync(0);
        var later = library.Later(library.Options.Until.AddDays(61), 6);
        Export(later, since: library.Options.Until);
        var before = await BackupAsync(0);
        foreach (var archive in Directory.GetFiles(Drop))
        {
            File.SetLastWriteTimeUtc(archive, File.GetLastWriteTimeUtc(archive).AddMinutes(7));
        }

        var after = await BackupAsync(0);

        Assert.Equal(later.Options.Until, before.GetProperty("exports").GetProperty("coveredThrough").GetDateTimeOffset());
        Assert.Equal(before.GetProperty("exports").GetProperty("coveredThrough").GetDateTimeOffset(), after.GetProperty("exports").GetProperty("coveredThrough").GetDateTimeOffset());
        Assert.Equal(2, after.GetProperty("exports").GetProperty("chain").GetInt32());
        Assert.False(after.GetProperty("library").GetProperty("shrunk").GetBoolean());
    }

    [Fact]
    public async Task Find_and_restore_choose_by_album()
    {
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        var manifest = Export(Library.Generate(new LibraryOptions { Items = 25, MediaSize = 2_000 }));
        await BackupAsync(0);
        var album = manifest.Albums[0];

        var found = JsonDocument.Parse((await _host.RunAsync("find", "--album", album.Title, "--json")).Exits(0).Output).RootElement.GetProperty("items").EnumerateArray().ToArray();
        (await _host.RunAsync("restore", "--album", album.Title, "--to", _host.At("restored"))).Exits(0);

        Assert.Equal(album.Items, found.Length);
        Assert.All(found, item => Assert.Contains(album.Title, item.GetProperty("albums").EnumerateArray().Select(name => name.GetString())));
        AssertHolds(
            _host.At("restored"),
            manifest.Items.SelectMany(item => item.Folders).Where(folder => folder.Album == album.Title).SelectMany(folder => folder.Media));
        Assert.Single(Directory.EnumerateDirectories(_host.At("restored", "Google Photos")));
        Assert.True(File.Exists(_host.At("restored", "Google Photos", album.Title, "metadata.json")));
    }

    [Fact]
    public async Task The_export_of_another_account_is_refused()
    {
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        Export(Library.Generate(new LibraryOptions { Items = 5, MediaSize = 500 }));

        var outcome = (await _host.RunAsync("backup", "takeout:" + Drop, "--account", "bob", "--email", "bob@example.com")).Exits(8);

        Assert.Contains("alice@example.com", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_empty_place_is_told_and_is_no_success()
    {
        (await _host.RunAsync("create", "--plaintext")).Exits(0);

        (await _host.RunAsync("backup", "takeout:" + Drop, "--account", "alice")).Exits(3);
    }

    [Fact]
    public async Task A_corrupt_part_is_named_the_rest_is_kept_and_a_replacement_heals_it()
    {
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        var manifest = Export(Library.Generate(new LibraryOptions { Items = 25, MediaSize = 2_000 }));
        var part = Directory.EnumerateFiles(Drop, "*-3-002.zip").Single();
        var whole = await File.ReadAllBytesAsync(part, TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(part, whole.AsMemory(0, whole.Length / 2), TestContext.Current.CancellationToken);

        var damaged = await BackupAsync(3);
        Assert.Equal("Incomplete", damaged.GetProperty("outcome").GetString());
        Assert.True(damaged.GetProperty("library").GetProperty("missing").GetInt64() > 0);
        Assert.True(damaged.GetProperty("library").GetProperty("items").GetInt64() > 5);
        Assert.Contains(damaged.GetProperty("warnings").EnumerateArray(), warning => warning.GetString()!.Contains("-3-002.zip", StringComparison.Ordinal));
        Assert.False(damaged.GetProperty("exports").TryGetProperty("coveredThrough", out _));
        Assert.NotEmpty(await UnmatchedAsync());
        await BackupAsync(3);

        await File.WriteAllBytesAsync(part, whole, TestContext.Current.CancellationToken);
        var healed = await BackupAsync(0);

        Assert.Equal(manifest.Items.Count, healed.GetProperty("library").GetProperty("items").GetInt64());
        (await _host.RunAsync("restore", "latest", "--to", _host.At("restored"))).Exits(0);
        AssertHolds(_host.At("restored"), Media(manifest));
        Assert.Equal(0, healed.GetProperty("library").GetProperty("missing").GetInt64());
        Assert.Empty(await UnmatchedAsync());
    }

    private async Task<string[]> UnmatchedAsync()
    {
        using var manifest = JsonDocument.Parse((await _host.RunAsync("cat", "latest:/.kloset/manifest.json")).Exits(0).Bytes);
        return [.. manifest.RootElement.GetProperty("unmatched").EnumerateArray().Select(note => note.ToString())];
    }

    [Fact]
    public async Task A_gap_that_a_person_accepts_counts_no_longer_although_nothing_new_arrives()
    {
        Export(Library.Generate(new LibraryOptions { Items = 12, MediaSize = 800 }), parts: 3);
        File.Delete(Directory.EnumerateFiles(Drop, "*-3-002.zip").Single());
        _host.Set(WorkerEnvironment.Run, _host.At("run.json"));
        _host.Set(WorkerEnvironment.Result, _host.At("result.json"));
        _host.Set(WorkerEnvironment.Source, _host.Folder);
        Directory.CreateDirectory(_host.At("claim"));
        async Task<RunResult> BackUpAsync(int code, RunResult? before, string? accepted)
        {
            _host.Write("run.json", new RunFile
            {
                Kind = RunKind.Backup,
                RunId = "run-" + accepted,
                Account = new("alice"),
                Repository = new() { Backend = new() { Volume = new("claim", "/family") }, Create = true },
                Backup = new() { Takeout = [new() { Volume = new("drop") }], AcceptedGaps = accepted is null ? null : [accepted], IngestedDigest = before?.IngestedDigest },
            }.ToJson());
            (await _host.RunAsync("run")).Exits(code);
            return RunResult.Parse(await File.ReadAllTextAsync(_host.At("result.json"), TestContext.Current.CancellationToken));
        }

        _host.Set("KLOSET_REPOSITORY", "fs:" + _host.At("claim", "family"));
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        var incomplete = await BackUpAsync(3, null, null);
        var accepted = await BackUpAsync(0, incomplete, incomplete.Library!.GapHash);
        var idle = await BackUpAsync(0, accepted, incomplete.Library.GapHash);

        Assert.True(incomplete.Library.Missing > 0);
        Assert.Equal((RunOutcome.Succeeded, 0), (accepted.Outcome, accepted.Library!.Missing));
        Assert.Equal(RunOutcome.NothingNew, idle.Outcome);
    }

    [Fact]
    public async Task A_library_that_suddenly_shrank_loses_nothing_and_is_reported()
    {
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        var library = Library.Generate(new LibraryOptions { Items = 80, MediaSize = 500 });
        Export(library);
        await BackupAsync(0);
        var later = library.Later(library.Options.Until.AddDays(61), 2);
        Export(later with { Items = [.. later.Items.Where(item => item.Number % 2 == 0)], Albums = [] });

        var shrunken = (await BackupAsync(0)).GetProperty("library");
        Export(later.Later(later.Options.Until.AddDays(61), 2));
        var whole = (await BackupAsync(0)).GetProperty("library");

        Assert.True(shrunken.GetProperty("shrunk").GetBoolean());
        Assert.True(shrunken.GetProperty("items").GetInt64() >= 80);
        Assert.False(whole.GetProperty("shrunk").GetBoolean());
    }

    [Fact]
    public async Task Hostile_names_and_sidecars_that_are_no_JSON_are_kept_apart_with_a_warning()
    {
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        using (var zip = ZipFile.Open(Path.Combine(Drop, "takeout-20260901T120000Z-001.zip"), ZipArchiveMode.Create))
        {
            void Add(string name, string content)
            {
                using var stream = zip.CreateEntry(name).Open();
                stream.Write(System.Text.Encoding.UTF8.GetBytes(content));
            }

            Add("../../x", "escaped");
            Add("Takeout/Google Photos/Photos from 2023/IMG_1.jpg", "\u00ff\u00d8 not really a photo");
            Add("Takeout/Google Photos/Photos from 2023/IMG_1.jpg.supplemental-metadata.json", "{ this is no JSON");
        }

        var report = await BackupAsync(0);
        (await _host.RunAsync("restore", "latest", "--to", _host.At("restored"))).Exits(0);

        Assert.NotEmpty(report.GetProperty("warnings").EnumerateArray());
        Assert.Equal(2, Directory.EnumerateFiles(_host.At("restored"), "*.jp*", SearchOption.AllDirectories).Count());
        Assert.False(File.Exists(_host.At("x")));
        Assert.Contains(Directory.EnumerateFiles(_host.At("restored"), "x", SearchOption.AllDirectories), file => File.ReadAllText(file) == "escaped");
    }

    [Fact]
    public async Task A_run_of_the_operator_creates_saves_and_ends_at_once_when_nothing_is_new()
    {
        Export(Library.Generate(new LibraryOptions { Items = 8, MediaSize = 500 }));
        _host.Set(WorkerEnvironment.Run, _host.At("run.json"));
        _host.Set(WorkerEnvironment.Result, _host.At("result.json"));
        _host.Set(WorkerEnvironment.Source, _host.Folder);
        Directory.CreateDirectory(_host.At("claim"));
        RunFile Run(RunKind kind) => new()
        {
            Kind = kind,
            RunId = "run-" + kind,
            Account = new("alice"),
            Repository = new() { Backend = new() { Volume = new("claim", "/family") }, Create = true },
            Backup = new() { Takeout = [new() { Volume = new("drop") }] },
            Restore = new() { RestoreId = "r", Latest = true, Target = new() { Volume = new("claim", "/out") } },
            Inspect = new("run-Backup"),
            Check = new(CheckLevel.Full),
        };
        async Task<RunResult> ResultAsync(RunFile run)
        {
            _host.Write("run.json", run.ToJson());
            (await _host.RunAsync("run")).Exits(0);
            return RunResult.Parse(await File.ReadAllTextAsync(_host.At("result.json"), TestContext.Current.CancellationToken));
        }

        var created = await ResultAsync(Run(RunKind.Create));
        var adopted = await ResultAsync(Run(RunKind.Create));
        var saved = await ResultAsync(Run(RunKind.Backup));
        var idle = await ResultAsync(Run(RunKind.Backup) with { Backup = Run(RunKind.Backup).Backup! with { IngestedDigest = saved.IngestedDigest } });
        var found = await ResultAsync(Run(RunKind.Inspect));
        var restored = await ResultAsync(Run(RunKind.Restore));
        var check = await ResultAsync(Run(RunKind.Check));

        Assert.Equal(("Created", "Adopted"), (created.Reason, adopted.Reason));
        Assert.Equal(created.RepositoryId, saved.RepositoryId);
        Assert.Equal((8, 8), (saved.Library!.Items, saved.Transfer!.ItemsNew));
        Assert.Equal((RunOutcome.NothingNew, null), (idle.Outcome, idle.RepositoryId));
        Assert.Equal(("run-Backup", saved.SnapshotId), (found.FoundRunId, found.SnapshotId));
        Assert.Equal(saved.SnapshotId, restored.SnapshotId);
        Assert.True(restored.Restored!.Items > 8);
        Assert.Equal(0, check.Check!.Errors);

        _host.Write("run.json", (Run(RunKind.Check) with { Repository = Run(RunKind.Check).Repository with { RepositoryId = Guid.Empty } }).ToJson());
        (await _host.RunAsync("run")).Exits(13);
    }

    [Fact]
    public async Task A_killed_backup_is_taken_up_from_its_last_anchor()
    {
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        var manifest = Export(Library.Generate(new LibraryOptions { Items = 60, MediaSize = 250_000 }));
        var first = Directory.EnumerateFiles(Drop, "*-3-001.zip").Single();
        using var process = Start("backup", "takeout:" + Drop, "--account", "alice");
        while (!process.HasExited && !Directory.EnumerateFiles(Path.Combine(_host.Repository, "states"), "*", SearchOption.AllDirectories).Any())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), TestContext.Current.CancellationToken);
        }

        Assert.False(process.HasExited, "it ended before an anchor was seen");
        process.Kill();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        var snapshots = JsonDocument.Parse((await _host.RunAsync("snapshots", "--json")).Exits(0).Output).RootElement.GetProperty("snapshots").EnumerateArray().ToArray();
        Assert.All(snapshots, snapshot => Assert.True(snapshot.GetProperty("incomplete").GetBoolean()));
        var report = await BackupAsync(0);
        (await _host.RunAsync("check", "--full")).Exits(0);

        Assert.Equal(manifest.Items.Count, report.GetProperty("library").GetProperty("items").GetInt64());
        if (snapshots.Length > 0)
        {
            using var zip = ZipFile.OpenRead(first);
            var held = zip.Entries.Where(entry => !entry.Name.EndsWith(".json", StringComparison.Ordinal)).Sum(entry => entry.Length);
            var all = Directory.EnumerateFiles(Drop, "*.zip").Sum(file => new FileInfo(file).Length);
            Assert.True(report.GetProperty("bytesRead").GetInt64() <= all - (held / 2), $"{report.GetProperty("bytesRead")} of {all} read again, {held} were held");
        }
    }

    private Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "KlosetWorker.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["KLOSET_REPOSITORY"] = "fs:" + _host.Repository;
        start.Environment["KLOSET_CACHE"] = _host.At("cache");
        return Process.Start(start)!;
    }
}
