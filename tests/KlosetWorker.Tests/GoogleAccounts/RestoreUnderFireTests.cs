using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Faults;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Library;
using GooglePhotosEmulator.Quotas;

namespace KlosetWorker.Tests.GoogleAccounts;

/// <summary>
/// The real worker as a process, killed again and again, against a Google that refuses in every way that is known: 5,000 items with KLOSET_TEST_LONG=1, which
/// writes its part of docs/evidence/google.md; else a smaller library.
/// </summary>
public sealed class RestoreUnderFireTests
{
    private const string BatchCreate = "photoslibrary.mediaItems.batchCreate";

    private static readonly bool IsLong = Environment.GetEnvironmentVariable("KLOSET_TEST_LONG") == "1";

    /// <summary>Titles of photos that Google does not take at all.</summary>
    private static readonly string[] Rejected = ["What? A café & bar: 16.jpg", "What? A café & bar: 38.jpg"];

    private readonly Random _random = new(20261128);
    private readonly Lock _gate = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static int MostKills => IsLong ? 150 : 3;

    private int Dice(int sides)
    {
        lock (_gate)
        {
            return _random.Next(sides);
        }
    }

    [Fact]
    public async Task Killed_every_few_seconds_while_Google_refuses_in_every_way_no_item_comes_twice_none_is_lost_and_the_report_is_right()
    {
        Assert.SkipUnless((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "exiftool"))), "exiftool is not installed");
        await using var alice = await LibraryOfAlice.MakeAsync(
            new() { Items = IsLong ? 5_000 : 150, MediaSize = 100 }, options => options with { Quotas = IsLong ? QuotaLimits.Google with { LibraryRequestsPerDay = null } : QuotaLimits.None });
        var google = alice.Google;
        var plan = (await alice.RestoreAsync(planOnly: true)).Result.Plan!;
        google.Google.Calls.Clear();
        var planned = (int)plan.Items;
        var (kills, lives, peak) = (0, 0, 0L);
        var refused = new SortedDictionary<string, int>(StringComparer.Ordinal);
        WorkerProcess? running = null;
        var quiet = false;
        Trouble(google, () => kills < MostKills && !quiet, () => running?.Kill());

        // One after the other, in the middle of it: each must end the process with the words that belong to it.
        var events = new Queue<(double At, string Reason, int Code, Action Begin, Action End)>(
        [
            (0.2, "GoogleSignInExpired", 5, () => Revoke(google), () => google.SignIn(alice.Target, [.. Scopes.Restore])),
            (0.4, "GoogleStorageFull", 6, () => alice.Target.StorageLimit = alice.Target.Library.Bytes + 50, () => alice.Target.StorageLimit = null),
            (0.6, "GoogleDayQuota", 4, () => google.Google.Faults.Next(1, "photoslibrary.uploads", new Fault.Reply(PhotosAnswers.RequestsPerDay())), () => { }),
        ]);
        var watch = Stopwatch.StartNew();
        var (code, answer) = (-1, "");
        for (; code is not (0 or 3) && lives < 400; lives++)
        {
            var trouble = events.Count > 0 && (kills >= MostKills || alice.Target.Library.Items.Count > planned * events.Peek().At) ? events.Dequeue() : default;
            quiet = trouble.Reason is not null;
            trouble.Begin?.Invoke();
            using var process = running = WorkerProcess.Start(google, "restore", "latest", "--to", "googlephotos:alice@example.com", "--edition", "as-seen", "--approve", plan.Hash, "--json", "--quiet", "--requests-per-day", "100000");
            using var deaths = CancellationTokenSource.CreateLinkedTokenSource(Ct);
            var death = quiet || kills >= MostKills ? Task.CompletedTask : KillAsync(process, TimeSpan.FromSeconds(2 + (Dice(IsLong ? 60 : 20) / 10.0)), deaths.Token);
            code = await process.WaitAsync(Ct);
            await deaths.CancelAsync();
            await death;
            running = null;
            peak = Math.Max(peak, process.PeakBytes);
            answer = process.Output;
            if (process.Killed)
            {
                kills++;
                code = -1;
            }
            else if (quiet)
            {
                Assert.True(code == trouble.Code, $"{trouble.Reason}: {code} instead of {trouble.Code}: {answer} {process.Error}");
                Assert.Equal(trouble.Reason, CodeOf(Report(answer)));
                refused[trouble.Reason!] = 1;
                trouble.End!();
            }
            else
            {
                Assert.True(code is 0 or 3 or 4 or 7, $"{code}: {answer} {process.Error}");
            }
        }

        var whole = Report(answer);
        var report = whole.GetProperty("report");
        long Of(string name) => report.GetProperty(name).GetInt64();
        Assert.Empty(events);
        Assert.Equal((3, "RestoreIncomplete"), (code, CodeOf(whole)));
        Assert.True(kills > 1, $"{kills} kills");

        // What stands in Google, against what should: each content once, but for those that it refuses.
        var there = alice.Target.Library.Items;
        var expected = alice.Expected.Where(pair => !Rejected.Contains(pair.Item.Title)).ToArray();
        Assert.Equal(expected.Length, planned - Rejected.Length);
        Assert.Equal(expected.Length, there.Count);
        var hashes = there.Select(item => Convert.ToHexStringLower(SHA256.HashData(item.OriginalBytes()))).ToArray();
        Assert.Equal(hashes.Length, hashes.Distinct(StringComparer.Ordinal).Count());
        var verbatim = expected.Where(pair => hashes.Contains(pair.File.Sha256)).ToArray();
        var asTheyWere = verbatim.Select(pair => pair.File.Sha256).ToHashSet(StringComparer.Ordinal);
        Assert.Equal(
            expected.Except(verbatim).Select(pair => (pair.Item.Title, pair.Item.Description)).Order(),
            there.Zip(hashes).Where(pair => !asTheyWere.Contains(pair.Second)).Select(pair => (pair.First.FileName, pair.First.Description)).Order());
        Assert.Equal(
            verbatim.Select(pair => (pair.File.Sha256, pair.Item.Description)).Order(),
            there.Zip(hashes).Where(pair => asTheyWere.Contains(pair.Second)).Select(pair => (pair.Second, pair.First.Description)).Order());

        // The report says the same.
        Assert.Equal((planned, expected.Length, Rejected.Length), (Of("planned"), Of("items"), Of("failedCount")));
        Assert.Equal((expected.Length, 0L), (Of("verified"), Of("alreadyThere")));
        Assert.Equal(expected.Length - verbatim.Length, Of("corrected"));
        Assert.All(report.GetProperty("failed").EnumerateArray(), failed => Assert.Contains("BAD_IMAGE", failed.GetProperty("reason").GetString(), StringComparison.Ordinal));
        Assert.All(report.GetProperty("failed").EnumerateArray(), failed => Assert.Contains("What_ A café & bar", failed.GetProperty("path").GetString()!.Replace("What_ A café _ bar", "What_ A café & bar", StringComparison.Ordinal), StringComparison.Ordinal));
        AssertAlbums(alice, expected);
        if (IsLong)
        {
            await WriteAsync(google, planned, expected.Length, expected.Length - verbatim.Length, kills, lives, peak, watch.Elapsed, refused.Keys);
        }
    }

    private static JsonElement Report(string output) =>
        JsonDocument.Parse(output.Split('\n').Last(line => line.StartsWith('{'))).RootElement;

    private static string? CodeOf(JsonElement answer) =>
        (answer.TryGetProperty("error", out var error) ? error : answer).GetProperty("code").GetString();

    private static void AssertAlbums(LibraryOfAlice alice, (TakeoutGenerator.ExportedItem Item, TakeoutGenerator.ExportedFile File)[] expected)
    {
        Assert.Equal(alice.Truth.Albums.Select(album => album.Title).Order(StringComparer.Ordinal), alice.Target.Library.Albums.Select(album => album.Title).Order(StringComparer.Ordinal));
        // What the emulator can read a date from; the others have that of their upload.
        var place = alice.Target.Library.Items.Where(item => item.MimeType is "image/jpeg" or "video/mp4").ToDictionary(item => item.Id, item => item.Created, StringComparer.Ordinal);
        foreach (var album in alice.Target.Library.Albums)
        {
            Assert.Equal(expected.Count(pair => pair.Item.Folders.Any(folder => folder.Album == album.Title)), album.Count);
            Assert.InRange(album.Entries.OfType<AlbumEntry.Text>().Count(), 0, 1);
            var times = album.ItemIds.Where(place.ContainsKey).Select(id => place[id]).ToArray();
            Assert.Equal(times.Order(), times);
        }
    }

    private void Trouble(GoogleHost google, Func<bool> deadly, Action kill)
    {
        google.Google.Faults
            .OnCall(call =>
            {
                // Right between what Google did and what the journal knows of it.
                if (call.Method == BatchCreate && deadly() && Dice(4) == 0)
                {
                    var delay = TimeSpan.FromMilliseconds(Dice(40));
                    Task.Run(async () =>
                    {
                        await Task.Delay(delay, TimeProvider.System, CancellationToken.None);
                        kill();
                    });
                    return new Fault.LoseAnswer();
                }

                return call.Method == "photoslibrary.uploads"
                    ? Dice(80) switch
                    {
                        0 => new Fault.CutRequest(50),
                        1 => new Fault.Reply(PhotosAnswers.Unavailable()),
                        2 => new Fault.LoseAnswer(),
                        _ => null,
                    }
                    : call.Method.StartsWith("photoslibrary.", StringComparison.Ordinal)
                        ? Dice(30) switch
                        {
                            // A wait of half a minute and more, which a death cuts short: once deaths are over, there are fewer.
                            0 when deadly() => new Fault.Reply(PhotosAnswers.WritesPerMinute()),
                            1 => new Fault.Reply(PhotosAnswers.ConcurrentWrites()),
                            2 => new Fault.Reply(PhotosAnswers.Internal()),
                            3 => new Fault.LoseAnswer(),
                            4 => new Fault.Cut(),
                            _ => null,
                        }
                        : null;
            })
            .OnItem(item => Rejected.Contains(item.FileName)
                ? ItemFault.BadImage
                : Dice(IsLong ? 60 : 90) switch
                {
                    0 => ItemFault.Transient,
                    1 => new ItemFault.Missing(Created: true),
                    2 => new ItemFault.Missing(Created: false),
                    _ => null,
                });
    }

    private static void Revoke(GoogleHost google)
    {
        foreach (var grant in google.Google.Identities.Grants)
        {
            grant.Revoked = true;
        }
    }

    private static async Task KillAsync(WorkerProcess process, TimeSpan after, CancellationToken cancellationToken)
    {
        try
        {
            await Task.Delay(after, TimeProvider.System, cancellationToken);
            process.Kill();
        }
        catch (OperationCanceledException)
        {
        }
    }

    private static Task WriteAsync(GoogleHost google, int planned, int items, int corrected, int kills, int lives, long peak, TimeSpan elapsed, IEnumerable<string> refused)
    {
        var calls = google.Google.Calls.Calls;
        int Count(string method, Func<int, bool> status) => calls.Count(call => call.Call.Method == method && status(call.Status));
        var rows = calls.Where(call => call.Call.Method.StartsWith("photoslibrary.", StringComparison.Ordinal)).Select(call => call.Call.Method).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)
            .Select(method => string.Create(
                CultureInfo.InvariantCulture,
                $"| `{method["photoslibrary.".Length..]}` | {Count(method, _ => true):N0} | {Count(method, status => status is 200 or 207):N0} | {Count(method, status => status == 429):N0} | {Count(method, status => status >= 500):N0} | {Count(method, status => status < 200):N0} |"));
        return EvidencePage.WriteAsync(
            "docs/evidence/google.md",
            "Google Photos: what was shown against the emulator",
            "A restore of 5,000 items under fire",
            string.Create(CultureInfo.InvariantCulture, $"""
            `KLOSET_TEST_LONG=1 dotnet test --project tests/KlosetWorker.Tests/KlosetWorker.Tests.csproj -c Release -- --filter-class '*RestoreUnderFireTests'`: the real worker as a process, killed with
            SIGKILL at random times and right after `batchCreate`, against the emulator with Google's quota of 30 writes a minute. Uploads and calls meet 429s of each kind, 500, 503, cut requests
            and lost answers; items of a batch come back with code 13 or not at all, made or not made; two are refused for good. In the middle the sign-in is revoked, the storage is full, and
            the day's quota ends: the worker ended with {string.Join(", ", refused.Select(reason => $"`{reason}`"))}, and went on after each. On two cores that were shared with other builds, so the time says little.

            | | |
            |---|---|
            | items of the plan | {planned:N0} |
            | in the library at the end, each once | {items:N0} |
            | refused by Google for good, named by the report | {planned - items:N0} |
            | with date or place written by ExifTool | {corrected:N0} |
            | processes, of them killed | {lives:N0}, {kills:N0} |
            | peak memory of a process (VmHWM) | {peak >> 20:N0} MiB |
            | wall time | {elapsed.TotalMinutes:N0} min |

            | method | requests | 200, 207 | 429 | 5xx | cut before an answer |
            |---|---|---|---|---|---|
            {string.Join('\n', rows)}

            Bytes that were on their way when a process died are sent again, so there are more uploads than items; every item came once.
            """),
            Ct);
    }
}
