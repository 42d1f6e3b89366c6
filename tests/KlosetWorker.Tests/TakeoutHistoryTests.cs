using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using TakeoutGenerator;

namespace KlosetWorker.Tests;

/// <summary>
/// A year of an account: a base, increments, one that nobody picked up, and a full export at the end; against the truth of the generator.
/// KLOSET_TEST_LONG=1 takes a hundred thousand items in twenty parts and writes docs/evidence/takeout.md.
/// </summary>
public sealed class TakeoutHistoryTests : IDisposable
{
    private static readonly bool IsLong = Environment.GetEnvironmentVariable("KLOSET_TEST_LONG") == "1";
    private readonly TestHost _host = new();
    private readonly List<string> _evidence = [];
    private readonly List<long> _peaks = [];
    private string _language = "";

    private string Drop => _host.At("drop");

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData("en")]
    [InlineData("de")]
    [InlineData("ja")]
    public async Task A_year_of_exports_becomes_exactly_the_library_that_was_generated(string language)
    {
        _language = language;
        var (items, parts, added) = IsLong ? (97_000, 20, 750) : (330, 5, 12);
        _host.Set("KLOSET_REPOSITORY", "fs:" + _host.Repository);
        Directory.CreateDirectory(Drop);
        if (IsLong)
        {
            // A real process with a real key: what memory it takes means something.
            _host.Set("KLOSET_PASSPHRASE", "seven words that nobody would ever guess drawn by dice");
            (await _host.RunAsync("create")).Exits(0);
        }
        else
        {
            (await _host.RunAsync("create", "--plaintext")).Exits(0);
        }

        var library = Library.Generate(new LibraryOptions { Items = items, MediaSize = 1_500, Seed = 7, Until = new(2025, 6, 1, 12, 0, 0, TimeSpan.Zero) });
        var exports = new List<ExportManifest>();
        DateTimeOffset? since = null;

        async Task<JsonElement> ExportAsync(int setNumber, bool isFull, bool hasFailures = false)
        {
            exports.Add(Export.Write(
                library, new ExportOptions { Time = library.Options.Until, Since = isFull ? null : since, Parts = parts, Language = language, SetNumber = setNumber, Loose = setNumber == 3 || !isFull, Oddities = true, Failures = hasFailures }, Drop));
            return await BackupAsync(hasFailures ? 3 : 0, exports[^1]);
        }

        void Later() => (since, library) = (library.Options.Until, library.Later(library.Options.Until.AddDays(61), added));
        void AssertHolds(JsonElement report, int chain)
        {
            Assert.Equal(exports.SelectMany(export => export.Items).Select(item => item.Url).Distinct().Count(), report.GetProperty("library").GetProperty("items").GetInt64());
            Assert.Equal(library.Options.Until, report.GetProperty("exports").GetProperty("coveredThrough").GetDateTimeOffset());
            Assert.Equal(chain, report.GetProperty("exports").GetProperty("chain").GetInt32());
        }

        var first = await ExportAsync(3, isFull: true);
        AssertHolds(first, 1);
        Assert.NotEmpty(exports[0].Binned);

        // One pass over the bytes: no media file of the export is read twice, and beside them only its index.
        Assert.InRange(first.GetProperty("bytesRead").GetInt64(), Delivered(exports[0]) / 2, Delivered(exports[0]) + exports[0].IndexSize);
        for (var increment = 0; increment < 3; increment++)
        {
            Later();
            AssertHolds(await ExportAsync(4 + increment, isFull: false), 2 + increment);
        }

        var covered = library.Options.Until;
        Later(); // exported by Google, and never picked up
        Later();
        var late = await ExportAsync(8, isFull: false, hasFailures: true);
        Assert.Equal("Incomplete", late.GetProperty("outcome").GetString());
        Assert.Equal(covered, late.GetProperty("exports").GetProperty("coveredThrough").GetDateTimeOffset());
        Assert.NotEmpty(exports[^1].Failed);
        var missing = late.GetProperty("library").GetProperty("missing").GetInt64();
        Assert.Equal(Math.Min(200, exports[^1].FailedFiles) + 1, missing);
        if (!IsLong)
        {
            Assert.Contains(late.GetProperty("library").GetProperty("missingNames").EnumerateArray(), name => name.GetString()!.StartsWith(covered.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), StringComparison.Ordinal));
        }

        Later();
        var whole = await ExportAsync(9, isFull: true);
        AssertHolds(whole, 1);
        Assert.Equal(library.Items.Count, exports[^1].Items.Count + exports[^1].Binned.Count);
        Assert.Equal(0, whole.GetProperty("library").GetProperty("missing").GetInt64());

        // What the full export shows again is not read again, but for the sample.
        var delivered = exports[^1].Items.SelectMany(item => item.Folders).SelectMany(folder => folder.Media).ToArray();
        var known = exports.Take(exports.Count - 1).SelectMany(export => export.Items).SelectMany(item => item.Folders).SelectMany(folder => folder.Media).Select(file => file.Sha256).ToHashSet(StringComparer.Ordinal);
        var news = delivered.Where(file => !known.Contains(file.Sha256)).Sum(file => file.Size);
        var again = whole.GetProperty("bytesRead").GetInt64() - news;
        Assert.True(again <= (delivered.Sum(file => file.Size) / 100 * 2) + (40 * 6_000), $"{again} bytes of {delivered.Sum(file => file.Size)} were read again");
        if (IsLong)
        {
            Assert.All(_peaks, peak => Assert.True(peak <= 400, $"{peak} MiB"));
        }

        (await _host.RunAsync("check", "--full")).Exits(0);
        await AssertRoundTripAsync(exports[^1]);
    }

    /// <summary>The restored tree, inspected, is the library again: every item with the same files in the same roles, every album with the same items.</summary>
    private async Task AssertRoundTripAsync(ExportManifest truth)
    {
        (await _host.RunAsync("restore", "latest", "--to", _host.At("restored"))).Exits(0);
        var report = JsonDocument.Parse((await _host.RunAsync("takeout", "inspect", _host.At("restored"), "--json")).Exits(0).Output).RootElement;
        Assert.Empty(report.GetProperty("unpairedMedia").EnumerateArray());
        Assert.Empty(report.GetProperty("unpairedJson").EnumerateArray());
        Assert.Equal(truth.Items.Count, report.GetProperty("logicalItems").GetInt32());

        var roles = report.GetProperty("groups").EnumerateArray().SelectMany(group => group.GetProperty("members").EnumerateArray())
            .ToDictionary(member => member.GetProperty("path").GetString()!, member => member.GetProperty("role").GetString()!, StringComparer.Ordinal);
        var found = new HashSet<(string Url, string Role, string Sha256, string? Album)>();
        foreach (var pair in report.GetProperty("pairs").EnumerateObject())
        {
            using var sidecar = JsonDocument.Parse(File.ReadAllBytes(_host.At("restored", pair.Value.GetString()!)));
            using var media = File.OpenRead(_host.At("restored", pair.Name));
            var folder = Path.GetFileName(Path.GetDirectoryName(pair.Name))!;
            found.Add((
                sidecar.RootElement.GetProperty("url").GetString()!,
                roles.GetValueOrDefault(pair.Name, "original") is "motion-video" or "live-video" ? "live" : roles.GetValueOrDefault(pair.Name, "original"),
                Convert.ToHexStringLower(SHA256.HashData(media)),
                folder.StartsWith("Photos from ", StringComparison.Ordinal) ? null : folder));
        }

        // Where an album has a sidecar alone, the item's main file is shown there.
        var expected = truth.Items.SelectMany(item => item.Folders.SelectMany(
            folder => (folder.Media.Count > 0 ? folder.Media : item.Folders[0].Media.Take(1)).Select(file => (item.Url, file.Role, file.Sha256, folder.Album)))).ToHashSet();
        Assert.Empty(expected.Except(found).Take(5));
        Assert.Empty(found.Except(expected).Take(5));
        Assert.Equal(
            truth.Albums.Select(album => (album.Title, album.Items)).Order(),
            report.GetProperty("albums").EnumerateArray().Select(album => (album.GetProperty("title").GetString()!, album.GetProperty("items").GetInt32())).Order());
    }

    private static long Delivered(ExportManifest export) => export.Items.Concat(export.Binned).SelectMany(item => item.Folders).SelectMany(folder => folder.Media).Sum(file => file.Size);

    private async Task<JsonElement> BackupAsync(int exitCode, ExportManifest export)
    {
        string[] arguments = ["backup", "takeout:" + Drop, "--account", "alice", "--json"];
        if (!IsLong)
        {
            return JsonDocument.Parse((await _host.RunAsync(arguments)).Exits(exitCode).Output).RootElement;
        }

        var watch = Stopwatch.StartNew();
        using var process = KilledBackupTests.Start(_host, arguments);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        long peak = 0;
        while (!process.HasExited)
        {
            if (File.ReadLines($"/proc/{process.Id}/status").FirstOrDefault(line => line.StartsWith("VmHWM", StringComparison.Ordinal)) is { } line)
            {
                peak = Math.Max(peak, long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture));
            }

            await Task.Delay(TimeSpan.FromMilliseconds(500), TestContext.Current.CancellationToken);
        }

        Assert.True(exitCode == process.ExitCode, await error + await output);
        var report = JsonDocument.Parse(await output).RootElement;
        _peaks.Add(peak / 1024);
        _evidence.Add(string.Create(
            CultureInfo.InvariantCulture,
            $"| {report.GetProperty("exports").GetProperty("newest").GetString()} | {(export.Increment ? "increment" : "full")} | {report.GetProperty("library").GetProperty("items").GetInt64():N0} | {Delivered(export) / 1e6:N1} | {report.GetProperty("filesRead").GetInt64():N0} | {report.GetProperty("bytesRead").GetInt64() / 1e6:N1} | {watch.Elapsed.TotalSeconds:N0} | {peak / 1024.0:N0} |"));
        WriteEvidence();
        return report;
    }

    private void WriteEvidence() => File.WriteAllText(
        Path.Combine(Directory.CreateDirectory(Checkout.Path("artifacts/evidence")).FullName, $"takeout-history-{_language}.md"),
        string.Create(CultureInfo.InvariantCulture, $"""
            `{_language}`:

            | Newest export | Kind | Items in the library | MB of media delivered | Files read | MB read | Seconds | Peak MiB |
            |---|---|---|---|---|---|---|---|
            {string.Join('\n', _evidence)}

            """));
}
