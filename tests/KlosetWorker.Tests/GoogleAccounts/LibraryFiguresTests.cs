using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Quotas;
using TakeoutGenerator;

namespace KlosetWorker.Tests.GoogleAccounts;

/// <summary>
/// What an OAuth client uploaded, backed up by the real worker as a process under Google's quotas: 50,000 items with KLOSET_TEST_LONG=1, which writes its part
/// of docs/evidence/google.md; else a small library under quotas that are as much smaller.
/// </summary>
public sealed class LibraryFiguresTests
{
    private static readonly bool IsLong = Environment.GetEnvironmentVariable("KLOSET_TEST_LONG") == "1";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_whole_library_fits_into_the_quota_of_one_day_and_the_second_run_reads_only_what_is_new()
    {
        var items = IsLong ? 50_000 : 250;
        var quotas = IsLong ? QuotaLimits.Google : QuotaLimits.Google with { LibraryRequestsPerDay = 50, LibraryMediaPerDay = 375 };
        await using var host = await GoogleHost.StartAsync(options => options with { Quotas = quotas });
        host.SignIn(host.Alice, Scopes.ReadAppCreated);
        var library = host.Alice.Library;
        var photos = Enumerable.Range(0, items).Select(number => library.Add($"IMG_{number:00000}.jpg", Photo(number), host.Client, number % 10 == 0 ? $"text {number}" : "")).ToArray();
        for (var album = 0; album < 10; album++)
        {
            var made = library.AddAlbum($"Album {album}", photos.Where((_, number) => number % 20 == album), host.Client);
            made.CoverItemId = photos[album + 20].Id;
        }

        var rows = new List<string>();
        var first = await RunAsync(host, "first backup", rows);
        var nothing = await RunAsync(host, "nothing new", rows);
        var fresh = Math.Max(5, items / 500);
        var more = Enumerable.Range(items, fresh).Select(number => library.Add($"IMG_{number:00000}.jpg", Photo(number), host.Client)).ToArray();
        var second = await RunAsync(host, $"{fresh} new items", rows);

        // The list, 100 items a call; ten albums, 100 items a call; the albums themselves.
        var listing = ((items + 99) / 100) + (10 * ((items / 20 + 99) / 100)) + 1;
        Assert.Equal((items, (long)items), (first.Items, first.Loads));
        Assert.InRange(first.Requests, listing, listing + 5);
        Assert.Equal(("NothingNew", 0L), (nothing.Outcome, nothing.Loads));
        Assert.Equal((items + fresh, (long)fresh), (second.Items, second.Loads));
        Assert.InRange(first.Requests + nothing.Requests + second.Requests, 1, quotas.LibraryRequestsPerDay!.Value);
        Assert.InRange(first.Loads + second.Loads, 1, quotas.LibraryMediaPerDay!.Value);
        Assert.NotEmpty(more);

        var manifest = JsonDocument.Parse((await host.Host.RunAsync("cat", "latest:/.kloset/manifest.json")).Exits(0).Bytes).RootElement;
        Assert.All(
            manifest.GetProperty("albums").EnumerateArray(),
            album => Assert.Equal("lib:" + photos[int.Parse(album.GetProperty("title").GetString()![6..], CultureInfo.InvariantCulture) + 20].Id, album.GetProperty("cover").GetString()));
        if (IsLong)
        {
            await EvidencePage.WriteAsync(
                "docs/evidence/google.md",
                "Google Photos: what was shown against the emulator",
                "A library of 50,000 items of one OAuth client",
                $"""
                `KLOSET_TEST_LONG=1 dotnet test --project tests/KlosetWorker.Tests/KlosetWorker.Tests.csproj -c Release -- --filter-class '*LibraryFiguresTests*'`: `kloset backup library:`, the real
                worker as a process, against the emulator with Google's quotas: 10,000 requests and 75,000 loads of photos a day for all three runs together. Ten albums hold half of the items. Photos of about
                1 KB; two cores that were shared with other builds, so the time says little.

                | run | items of the library | requests of the Library API | loads of photos | peak memory (VmHWM) | wall time |
                |---|---|---|---|---|---|
                {string.Join('\n', rows)}

                A listing costs a request for every hundred items, and one for every hundred items of an album; a photo that is known is never loaded again.
                """,
                Ct);
        }
    }

    private static byte[] Photo(int number) =>
        MediaBytes.Jpeg(new Random(number), 300, new DateTimeOffset(2016, 1, 1, 12, 0, 0, TimeSpan.Zero).AddMinutes(number * 80.0), "Camera", null);

    private static async Task<(string Outcome, long Items, long Requests, long Loads)> RunAsync(GoogleHost host, string what, List<string> rows)
    {
        host.Google.Calls.Clear();
        var watch = Stopwatch.StartNew();
        using var process = WorkerProcess.Start(host, "backup", "library:", "--account", "alice", "--email", "alice@example.com", "--json", "--quiet");
        var code = await process.WaitAsync(Ct);
        Assert.True(code == 0, $"{code}: {process.Output} {process.Error}");
        var answer = JsonDocument.Parse(process.Output.Split('\n').Last(line => line.StartsWith('{'))).RootElement;
        var result = (
            answer.GetProperty("outcome").GetString()!, answer.GetProperty("library").GetProperty("items").GetInt64(),
            (long)host.Google.Calls.Count("photoslibrary.*"), (long)host.Google.Calls.Count("media.*"));
        rows.Add(string.Create(
            CultureInfo.InvariantCulture, $"| {what} | {result.Item2:N0} | {result.Item3:N0} | {result.Item4:N0} | {process.PeakBytes >> 20:N0} MiB | {watch.Elapsed.TotalSeconds:N0} s |"));
        return result;
    }
}
