using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Faults;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Library;
using GooglePhotosEmulator.Quotas;
using KlosetWorker.Contract;
using TakeoutGenerator;

namespace KlosetWorker.Tests.GoogleAccounts;

public sealed class GooglePhotosRestoreTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static bool HasExifTool => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "exiftool")));

    [Fact]
    public async Task An_export_in_its_Drive_comes_back_into_an_empty_account_as_planned_with_bytes_order_albums_texts_dates_and_places()
    {
        Assert.SkipUnless(HasExifTool, "exiftool is not installed");
        await using var alice = await LibraryOfAlice.MakeAsync(new() { Items = 60, MediaSize = 2_000 }, drive: true);
        var host = alice.Google.Host;
        string[] restore = ["restore", "latest", "--to", "googlephotos:alice@example.com", "--google-credentials", host.At("secrets", "google", "credentials.json"), "--json"];
        alice.Google.Google.Calls.Clear();

        var plan = JsonDocument.Parse((await host.RunAsync([.. restore, "--plan"])).Exits(0).Output).RootElement;
        var requestsForThePlan = alice.Google.Google.Calls.Count("*");
        var outcome = JsonDocument.Parse((await host.RunAsync(restore)).Exits(0).Output).RootElement.GetProperty("report");
        var again = JsonDocument.Parse((await host.RunAsync(restore)).Exits(0).Output).RootElement.GetProperty("report");

        Assert.Equal(0, requestsForThePlan);
        Assert.Equal(alice.Expected.Count, plan.GetProperty("items").GetInt64());
        Assert.Equal(alice.Expected.Count, outcome.GetProperty("items").GetInt64());
        Assert.Equal(alice.Expected.Count, outcome.GetProperty("verified").GetInt64());
        Assert.Equal(0, outcome.GetProperty("alreadyThere").GetInt64());
        Assert.Empty(outcome.GetProperty("albumProblems").EnumerateArray());
        Assert.Empty(outcome.GetProperty("uncorrected").EnumerateArray());
        alice.AssertWhole();
        Assert.Equal(alice.Expected.Count, again.GetProperty("items").GetInt64());

        // Files that say the truth go up as they are; those that do not are told date and place, in every format.
        var there = alice.Target.Library.Items;
        var hashes = there.Select(item => Convert.ToHexStringLower(SHA256.HashData(item.OriginalBytes()))).ToArray();
        Assert.All(alice.Expected.Where(pair => pair.File.Path.EndsWith(".jpg", StringComparison.OrdinalIgnoreCase)), pair => Assert.Contains(pair.File.Sha256, hashes));
        var corrected = there.Where((_, index) => alice.Expected.All(pair => pair.File.Sha256 != hashes[index])).ToArray();
        Assert.Equal(outcome.GetProperty("corrected").GetInt64(), corrected.Length);
        Assert.Equal(["image/heif", "image/png", "video/mp4"], corrected.Select(item => item.MimeType).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        Assert.Contains(there, item => item.MimeType == "image/heif" && !corrected.Contains(item));
        foreach (var (item, read) in corrected.Zip(await ExifAsync(host, corrected)))
        {
            // Several may have one name; of these one must be meant.
            var meant = alice.Library.Items.Where(one => one.Title == item.FileName && one.Description == item.Description).ToArray();
            Assert.Contains(meant, one =>
                read.Time == one.Taken.UtcDateTime
                && (one.Place is not { } place || (Math.Abs(read.Latitude!.Value - place.Latitude) < 0.001 && Math.Abs(read.Longitude!.Value - place.Longitude) < 0.001)));
        }

        // In the order in which they were taken, in albums too.
        var taken = alice.Expected.ToLookup(pair => (pair.Item.Title, pair.Item.Description), pair => pair.Item.Taken);
        var order = there.Select(item => taken[(item.FileName, item.Description)].ToArray()).ToArray();
        Assert.All(order, times => Assert.NotEmpty(times));
        var sure = order.Where(times => times.Length == 1).Select(times => times[0]).ToArray();
        Assert.Equal(sure.Order(), sure);
        var albums = alice.Target.Library.Albums;
        Assert.Equal(alice.Truth.Albums.Select(album => album.Title).Order(StringComparer.Ordinal), albums.Select(album => album.Title).Order(StringComparer.Ordinal));
        foreach (var album in alice.Truth.Albums)
        {
            var made = albums.Single(candidate => candidate.Title == album.Title);
            var places = made.ItemIds.Select(id => there.Index().Single(pair => pair.Item.Id == id).Index).ToArray();
            Assert.Equal(alice.Truth.Items.Count(item => item.Folders.Any(folder => folder.Album == album.Title)), places.Length);
            Assert.Equal(places.Order(), places);
            Assert.Equal(album.Description, made.Entries.OfType<AlbumEntry.Text>().FirstOrDefault()?.Content ?? "");
        }

        // What cannot come back is named, with its number.
        var losses = outcome.GetProperty("losses").EnumerateArray().Select(loss => loss.GetString()!).ToArray();
        Assert.Equal(plan.GetProperty("losses").EnumerateArray().Select(loss => loss.GetString()!), losses);
        foreach (var (number, words) in new[]
        {
            (alice.Library.Items.Count(item => item.People.Count > 0), "name people"),
            (alice.Library.Items.Count(item => item.Archived), "archived"),
            (alice.Library.Items.Count(item => item.Favorited), "favourites"),
            (alice.Library.Items.Count(item => item.Live), "moving part"),
        })
        {
            Assert.Contains(losses, loss => loss.Contains(words, StringComparison.Ordinal) && loss.StartsWith(number.ToString(CultureInfo.InvariantCulture) + " ", StringComparison.Ordinal));
        }

        Assert.Contains(losses, loss => loss.Contains("covers of albums", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Albums_of_an_app_come_back_with_order_and_cover_into_another_account()
    {
        Assert.SkipUnless(HasExifTool, "exiftool is not installed");
        await using var google = await GoogleHost.StartAsync();
        google.SignIn(google.Alice, Scopes.ReadAppCreated);
        var photos = Enumerable.Range(0, 12).Select(number => google.Alice.Library.Add(
            $"IMG_{number}.jpg", MediaBytes.Jpeg(new Random(number), 500, new DateTimeOffset(2020, 1, 1, 12, 0, 0, TimeSpan.Zero).AddDays(number), "Camera", null), google.Client, $"text {number}")).ToArray();
        google.Alice.Library.AddAlbum("Iceland", [photos[7], photos[3], photos[5]], google.Client).CoverItemId = photos[5].Id;
        google.Alice.Library.AddAlbum("Iceland", [photos[1]], google.Client);
        await google.RunAsync(new RunBackup { LibraryCredentialsSecret = "google" }, 0, "alice@example.com");
        var bob = google.Google.Identities.AddUser("bob@example.com");
        google.SignIn(bob, [.. Scopes.Restore]);

        var (code, result) = await google.RunAsync(new RunFile
        {
            Kind = RunKind.Restore,
            RunId = Guid.CreateVersion7().ToString(),
            Repository = new() { Backend = new() { Volume = new("repository") } },
            Account = new("alice"),
            Restore = new() { Latest = true, GooglePhotos = new("bob", "bob@example.com", "google", AllowOtherAccount: true), RestoreId = "r" },
        });

        Assert.True(code == 0, result.Message);
        Assert.Equal(12, bob.Library.Items.Count);
        var names = bob.Library.Items.ToDictionary(item => item.Id, item => item.FileName, StringComparer.Ordinal);
        var album = bob.Library.Albums.Single(made => made.Count == 3);
        Assert.Equal(("Iceland", "IMG_5.jpg"), (album.Title, names[album.CoverItemId!]));
        Assert.Equal(["IMG_7.jpg", "IMG_3.jpg", "IMG_5.jpg"], album.ItemIds.Select(id => names[id]));
        Assert.Equal(["IMG_1.jpg"], bob.Library.Albums.Single(made => made != album).ItemIds.Select(id => names[id]));
        Assert.All(bob.Library.Items, item => Assert.Equal("text " + item.FileName[4..^4], item.Description));
    }

    [Fact]
    public async Task Whatever_Google_does_on_the_way_no_item_comes_twice_and_none_is_lost()
    {
        Assert.SkipUnless(HasExifTool, "exiftool is not installed");
        var isLong = Environment.GetEnvironmentVariable("KLOSET_TEST_LONG") == "1";
        var time = new HastyTime(isLong ? 60 : 40);
        await using var alice = await LibraryOfAlice.MakeAsync(new() { Items = isLong ? 5_000 : 130, MediaSize = 100 }, options => options with { Time = time }, time);
        var random = new Random(20260901);
        var gate = new Lock();
        int Dice(int sides)
        {
            lock (gate)
            {
                return random.Next(sides);
            }
        }

        alice.Google.Google.Faults
            .OnCall(call => call.Method == "photoslibrary.uploads"
                ? Dice(60) switch
                {
                    0 => new Fault.CutRequest(50),
                    1 => new Fault.Reply(PhotosAnswers.Unavailable()),
                    2 => new Fault.LoseAnswer(),
                    _ => null,
                }
                : call.Method.StartsWith("photoslibrary.", StringComparison.Ordinal)
                    ? Dice(24) switch
                    {
                        0 => new Fault.Reply(PhotosAnswers.WritesPerMinute()),
                        1 => new Fault.Reply(PhotosAnswers.ConcurrentWrites()),
                        2 => new Fault.Reply(PhotosAnswers.Internal()),
                        3 => new Fault.LoseAnswer(),
                        4 => new Fault.Cut(),
                        _ => null,
                    }
                    : null)
            .OnItem(_ => Dice(30) switch
            {
                0 => ItemFault.Transient,
                1 => new ItemFault.Missing(Created: true),
                2 => new ItemFault.Missing(Created: false),
                _ => null,
            });

        var plan = (await alice.RestoreAsync(planOnly: true)).Result.Plan!;
        var (code, result) = (0, (RunResult?)null);
        for (var run = 0; run < 12; run++)
        {
            (code, result) = await alice.RestoreAsync(approved: plan.Hash);
            if (code == 0)
            {
                break;
            }

            Assert.Contains(code, new[] { 3, 4, 7 });
        }

        Assert.Equal(0, code);
        Assert.Equal(plan.Items, alice.Expected.Count);
        Assert.Equal((plan.Items, 0), (result!.Restored!.Items, result.Restored.Failed));
        alice.AssertWhole();
        Assert.Equal(alice.Truth.Albums.Count, alice.Target.Library.Albums.Count);
        Assert.All(alice.Target.Library.Albums, album => Assert.Equal(
            alice.Truth.Items.Count(item => item.Folders.Any(folder => folder.Album == album.Title)), album.Count));
        Assert.All(alice.Target.Library.Albums, album => Assert.InRange(album.Entries.OfType<AlbumEntry.Text>().Count(), 0, 1));
    }

    [Fact]
    public async Task A_used_up_day_pauses_with_its_quota_group_a_full_storage_and_a_revoked_sign_in_say_what_they_are_and_all_go_on()
    {
        Assert.SkipUnless(HasExifTool, "exiftool is not installed");
        var time = new HastyTime(40);
        await using var alice = await LibraryOfAlice.MakeAsync(
            new() { Items = 110, MediaSize = 100 }, options => options with { Time = time, Quotas = QuotaLimits.None with { LibraryRequestsPerDay = 60 } }, time);

        var (paused, first) = await alice.RestoreAsync();
        time.Jump(TimeSpan.FromDays(1));
        alice.Target.StorageLimit = alice.Target.Library.Bytes + 300;
        var (full, second) = await alice.RestoreAsync();
        alice.Target.StorageLimit = null;
        time.Jump(TimeSpan.FromDays(1));
        foreach (var grant in alice.Google.Google.Identities.Grants)
        {
            grant.Revoked = true;
        }

        var (refused, third) = await alice.RestoreAsync();
        alice.Google.SignIn(alice.Target, [.. Scopes.Restore]);
        var (code, last) = (4, first);
        for (var day = 0; day < 5 && code == 4; day++)
        {
            (code, last) = await alice.RestoreAsync();
            time.Jump(TimeSpan.FromDays(1));
        }

        Assert.Equal((4, "GoogleDayQuota", "google"), (paused, first.Reason, first.QuotaGroup));
        Assert.InRange(first.ResumeAfter!.Value, new DateTimeOffset(2026, 11, 3, 8, 0, 0, TimeSpan.Zero), new DateTimeOffset(2026, 11, 3, 8, 0, 1, TimeSpan.Zero));
        Assert.InRange(first.Restored!.Items, 1, alice.Expected.Count - 1);
        Assert.Equal((6, "GoogleStorageFull"), (full, second.Reason));
        Assert.Equal((5, "GoogleSignInExpired"), (refused, third.Reason));
        Assert.Equal((0, (long)alice.Expected.Count), (code, last.Restored!.Items));
        alice.AssertWhole();
    }

    [Fact]
    public async Task An_album_that_was_deleted_on_the_way_is_made_anew_and_an_item_that_was_is_not_taken_for_it()
    {
        Assert.SkipUnless(HasExifTool, "exiftool is not installed");
        await using var alice = await LibraryOfAlice.MakeAsync(new() { Items = 40, MediaSize = 100 });
        var library = alice.Target.Library;

        // One album goes right before its items come, an item between the check and the albums.
        var album = (GooglePhotosEmulator.Library.Album?)null;
        alice.Google.Google.Faults.Next(1, "photoslibrary.albums.batchAddMediaItems", new Fault.Meanwhile(() =>
        {
            album = library.Albums[0];
            library.Delete(album);
        }));
        alice.Google.Google.Faults.Next(1, "photoslibrary.albums.batchAddMediaItems", new Fault.Meanwhile(() =>
        {
            var last = library.Albums[^1];
            library.Delete(library.Items.First(item => !library.Albums.Any(other => other.ItemIds.Contains(item.Id)) && alice.Truth.Items.Any(one => one.Title == item.FileName && one.Folders.Any(folder => folder.Album == last.Title))));
        }), skip: 2);

        var (_, result) = await alice.RestoreAsync();

        Assert.NotNull(album);
        Assert.Equal(alice.Truth.Albums.Select(one => one.Title).Order(StringComparer.Ordinal), library.Albums.Select(one => one.Title).Order(StringComparer.Ordinal));
        Assert.DoesNotContain(library.Albums, one => one.Id == album.Id);
        Assert.Equal(
            alice.Truth.Items.Sum(item => item.Folders.Count(folder => folder.Album is not null)) - 1,
            library.Albums.Sum(one => one.Count));
        Assert.Contains(result.Warnings!, warning => warning.Contains("refused", StringComparison.Ordinal) || warning.Contains("not in the album", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_wrong_sign_in_and_another_account_read_and_write_nothing()
    {
        await using var alice = await LibraryOfAlice.MakeAsync(new() { Items = 8, MediaSize = 100 });
        var bob = alice.Google.Google.Identities.AddUser("bob@example.com");
        alice.Google.SignIn(bob, [.. Scopes.Restore]);

        var (wrong, result) = await alice.RestoreAsync();
        alice.Google.SignIn(alice.Target, [.. Scopes.Restore]);
        var (other, _) = await alice.RestoreAsync(account: "bob");

        Assert.Equal((8, "WrongAccount"), (wrong, result.Reason));
        Assert.Contains("bob@example.com", result.Message, StringComparison.Ordinal);
        Assert.Equal(8, other);
        Assert.Equal(0, alice.Google.Google.Calls.Count("photoslibrary.*"));
        Assert.Empty(bob.Library.Items);
    }

    [Fact]
    public async Task More_than_500_items_wait_for_the_approval_of_exactly_this_plan()
    {
        await using var alice = await LibraryOfAlice.MakeAsync(new() { Items = 520, MediaSize = 64 });

        var (planned, plan) = await alice.RestoreAsync(planOnly: true);
        var (waiting, result) = await alice.RestoreAsync(approved: "0123");

        Assert.Equal((0, alice.Expected.Count), (planned, plan.Plan!.Items));
        Assert.Equal((15, "ApprovalNeeded", plan.Plan.Hash), (waiting, result.Reason, result.Plan!.Hash));
        Assert.Contains(result.Actions!, action => action.Kind == "ApprovePlan");
        Assert.NotEmpty(plan.Plan.Losses!);
        Assert.Empty(alice.Target.Library.Items);
    }

    [Fact]
    public async Task What_the_person_s_phone_brought_already_is_told_apart()
    {
        Assert.SkipUnless(HasExifTool, "exiftool is not installed");
        await using var alice = await LibraryOfAlice.MakeAsync(new() { Items = 20, MediaSize = 100 });
        var photo = alice.Expected.First(pair => pair.File.Path.EndsWith(".jpg", StringComparison.OrdinalIgnoreCase));
        (await alice.Google.Host.RunAsync("restore", "latest", "--to", alice.Google.Host.At("out"))).Exits(0);
        var bytes = Directory.EnumerateFiles(alice.Google.Host.At("out"), "*", SearchOption.AllDirectories).Select(File.ReadAllBytes)
            .First(content => Convert.ToHexStringLower(SHA256.HashData(content)) == photo.File.Sha256);
        alice.Target.Library.Add("from the phone.jpg", bytes);

        var (code, result) = await alice.RestoreAsync();

        Assert.Equal((0, (long)alice.Expected.Count), (code, result.Restored!.Items));
        Assert.Contains(result.Warnings!, warning => warning.Contains("1 item of", StringComparison.Ordinal) && warning.Contains("already", StringComparison.Ordinal));
        Assert.Equal(alice.Expected.Count, alice.Target.Library.Items.Count);
    }

    /// <summary>One start of the program for all files.</summary>
    private static async Task<IReadOnlyList<(DateTime? Time, double? Latitude, double? Longitude)>> ExifAsync(TestHost host, IReadOnlyList<MediaItem> items)
    {
        var files = items.Select((item, number) => host.Write($"look/{number:000}{Path.GetExtension(item.FileName)}", item.OriginalBytes())).ToArray();
        var start = new ProcessStartInfo("exiftool", ["-j", "-n", "-EXIF:DateTimeOriginal", "-QuickTime:CreateDate", "-EXIF:OffsetTimeOriginal", "-Composite:GPSLatitude", "-Composite:GPSLongitude", .. files])
        {
            RedirectStandardOutput = true,
        };
        start.Environment["TZ"] = "UTC";
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync(Ct);
        await process.WaitForExitAsync(Ct);
        return [.. JsonDocument.Parse(output).RootElement.EnumerateArray().Select(file =>
        {
            string? Text(string name) => file.TryGetProperty(name, out var value) ? value.ToString() : null;
            double? Number(string name) => file.TryGetProperty(name, out var value) ? value.GetDouble() : null;
            var offset = Text("OffsetTimeOriginal") is { } zone ? TimeSpan.Parse(zone.TrimStart('+'), CultureInfo.InvariantCulture) : TimeSpan.Zero;
            DateTime? time = (Text("DateTimeOriginal") ?? Text("CreateDate")) is { } text
                ? DateTime.ParseExact(text, "yyyy:MM:dd HH:mm:ss", CultureInfo.InvariantCulture) - offset
                : null;
            return (time, Number("GPSLatitude"), Number("GPSLongitude"));
        })];
    }
}
