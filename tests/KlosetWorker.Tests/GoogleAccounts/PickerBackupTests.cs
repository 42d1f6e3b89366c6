using System.Text;
using System.Text.Json;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Faults;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Library;
using KlosetWorker.Contract;
using TakeoutGenerator;

namespace KlosetWorker.Tests.GoogleAccounts;

/// <summary>Base URLs and picking sessions that end too early, and what becomes of provisional items when the export comes.</summary>
public sealed class PickerBackupTests
{
    private static readonly RunBackup Picker = new() { PickerCredentialsSecret = "google" };
    private static readonly RunBackup Client = new() { LibraryCredentialsSecret = "google" };

    private static MediaItem[] Fill(GoogleHost host, int count, OAuthClient? client) =>
        [.. Enumerable.Range(0, count).Select(number => host.Alice.Library.Add(
            $"IMG_{number:0000}.jpg", MediaBytes.Jpeg(new Random(number), 900, new DateTimeOffset(2020, 1, 1, 12, 0, 0, TimeSpan.Zero).AddDays(number), "Camera", (46.5, 7.5)), client))];

    /// <summary>Somebody presses Done in each session that opens, until there is nothing left to pick.</summary>
    private static async Task PickAsync(GoogleHost host, Func<int, IReadOnlyList<MediaItem>?> choose, CancellationToken cancellationToken)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (!cancellationToken.IsCancellationRequested)
        {
            foreach (var session in host.Google.Picker.Open.Where(session => seen.Add(session.Id)))
            {
                if (choose(seen.Count) is { } items)
                {
                    host.Google.Picker.Pick(session.Id, items);
                }
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, CancellationToken.None);
        }
    }

    private static async Task<RunResult> RunAsync(GoogleHost host, RunBackup backup, int code, Func<int, IReadOnlyList<MediaItem>?> choose)
    {
        using var done = CancellationTokenSource.CreateLinkedTokenSource(GoogleHost.Ct);
        var person = PickAsync(host, choose, done.Token);
        try
        {
            return await host.RunAsync(backup, code, "alice@example.com");
        }
        finally
        {
            await done.CancelAsync();
            await person;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_base_URL_that_ended_after_an_hour_is_asked_for_anew_and_the_photo_is_saved(bool refused)
    {
        var time = new HastyTime(20);
        await using var host = await GoogleHost.StartAsync(options => options with { Time = time }, time);
        host.SignIn(host.Alice, Scopes.ReadAppCreated);
        Fill(host, 10, host.Client);

        // Either it is known to be old by the clock, or Google refuses it although it looks fresh.
        host.Google.Faults.Next(1, "media.get", refused ? new Fault.Reply(new Answer(403, "<!DOCTYPE html><title>Error 403</title>") { ContentType = "text/html; charset=UTF-8" }) : new Fault.Meanwhile(() => time.Jump(TimeSpan.FromMinutes(61))), skip: 4);
        if (!refused)
        {
            host.Google.Faults.Next(1, "photoslibrary.mediaItems.get", new Fault.Meanwhile(() => { }));
        }

        var result = await host.RunAsync(Client, 0);

        Assert.Equal((10, 0), (result.Library!.Items, result.Library.Missing));
        Assert.InRange(host.Google.Calls.Count("photoslibrary.mediaItems.get"), 1, 10);
        (await host.Host.RunAsync("check", "--full")).Exits(0);
    }

    [Fact]
    public async Task A_session_that_ends_before_anybody_picked_is_followed_by_a_new_link()
    {
        var time = new HastyTime(200);
        await using var host = await GoogleHost.StartAsync(options => options with { Time = time, PickerPollFor = TimeSpan.FromMinutes(10), PickerSessionLifetime = TimeSpan.FromMinutes(30) }, time);
        host.SignIn(host.Alice, Scopes.Picker);
        var items = Fill(host, 5, client: null);

        var result = await RunAsync(host, Picker, 0, session => session < 3 ? null : items[..2]);

        Assert.Equal(2, result.Library!.Items);
        Assert.Equal(3, host.Google.Calls.Count("photospicker.sessions.create"));
        Assert.Equal(3, host.Google.Calls.Count("photospicker.sessions.delete"));
        Assert.Empty(host.Google.Picker.Open);
        Assert.True(host.Progress.Select(line => line.Action?.Url).OfType<string>().Distinct(StringComparer.Ordinal).Count() >= 2, "each session has a link of its own");
    }

    [Fact]
    public async Task Nobody_who_picks_is_told_so_and_a_stop_ends_the_wait()
    {
        var time = new HastyTime(2_000);
        await using var host = await GoogleHost.StartAsync(options => options with { Time = time }, time);
        host.SignIn(host.Alice, Scopes.Picker);
        Assert.Equal("GoogleNotPicked", (await RunAsync(host, Picker, 3, _ => null)).Reason);
        Assert.Empty(host.Google.Picker.Open);
    }

    [Fact]
    public async Task What_was_picked_in_one_run_stays_when_another_one_brings_more()
    {
        var time = new HastyTime(50);
        await using var host = await GoogleHost.StartAsync(options => options with { Time = time }, time);
        host.SignIn(host.Alice, Scopes.Picker);
        var items = Fill(host, 12, client: null);

        await RunAsync(host, Picker, 0, _ => items[..5]);
        host.Google.Calls.Clear();
        var second = await RunAsync(host, Picker, 0, _ => items[3..9]);

        // Ids are the same in every session: what is held is not loaded again.
        Assert.Equal((9, 4), (second.Library!.Items, second.Transfer!.ItemsNew));
        Assert.Equal(4, host.Google.Calls.Count("media.*"));
        Assert.Equal(Enumerable.Range(0, 9).Select(number => $"IMG_{number:0000}.jpg"), (await CatalogAsync(host)).Select(item => item.GetProperty("title").GetString()!).Order());
    }

    [Fact]
    public async Task A_quota_in_the_middle_of_loading_keeps_what_came_and_the_next_session_brings_the_rest()
    {
        var time = new HastyTime(50);
        await using var host = await GoogleHost.StartAsync(options => options with { Time = time }, time);
        host.SignIn(host.Alice, Scopes.Picker);
        var items = Fill(host, 8, client: null);
        host.Google.Faults.Next(1, "media.get", new Fault.Reply(PhotosAnswers.MediaPerDay()), skip: 3);

        var paused = await RunAsync(host, Picker, 4, _ => items);
        var rest = await RunAsync(host, Picker, 0, _ => items);

        Assert.Equal("GoogleDayQuota", paused.Reason);
        Assert.Equal((8, 5), (rest.Library!.Items, rest.Transfer!.ItemsNew));
    }

    [Fact]
    public async Task Picked_photos_are_replaced_by_the_export_s_when_it_comes_and_counted_once()
    {
        var time = new HastyTime(50);
        await using var host = await GoogleHost.StartAsync(options => options with { Time = time }, time);
        host.SignIn(host.Alice, Scopes.Picker);
        var library = Library.Generate(new LibraryOptions { Items = 40, MediaSize = 3_000 });
        var export = Export.Write(library, new ExportOptions { Time = library.Options.Until }, Directory.CreateDirectory(host.Host.At("drop")).FullName);

        // The same photos stand in Google; what the picker hands out lacks their places, so that no checksum is the same.
        using var archive = System.IO.Compression.ZipFile.OpenRead(Directory.EnumerateFiles(host.Host.At("drop"), "*.zip").OrderByDescending(file => new FileInfo(file).Length).First());
        var chosen = export.Items
            .Where(item => item.Title.StartsWith("What?", StringComparison.Ordinal) || item.Title.Contains("BURST", StringComparison.Ordinal))
            .Select(item => (Item: item, Entry: archive.Entries.FirstOrDefault(entry => entry.FullName.EndsWith("/" + Path.GetFileName(item.Folders[0].Media[0].Path), StringComparison.Ordinal))))
            .Where(pair => pair.Entry is not null && pair.Item.Folders[0].Media.All(file => file.Role != "edited"))
            .ToArray();
        Assert.InRange(chosen.Length, 3, 20);
        var picked = chosen.Select(pair =>
        {
            using var content = new MemoryStream();
            using var entry = pair.Entry!.Open();
            entry.CopyTo(content);
            return host.Alice.Library.Add(pair.Item.Title, content.ToArray());
        }).ToArray();

        var provisional = await RunAsync(host, Picker, 0, _ => picked);
        var whole = await host.RunAsync(new() { Takeout = [new() { Volume = new("drop") }], SettleSeconds = 0 }, 0);

        Assert.Equal(picked.Length, provisional.Library!.Items);
        Assert.Null(provisional.Exports!.CoveredThrough);
        Assert.Equal(export.Items.Count, whole.Library!.Items);
        var items = await CatalogAsync(host);
        Assert.DoesNotContain(items, item => item.GetProperty("id").GetString()!.StartsWith("pick:", StringComparison.Ordinal));
        Assert.Equal(picked.Length, items.Count(item => item.TryGetProperty("aliases", out var aliases) && aliases.EnumerateArray().Any(alias => alias.GetString()!.StartsWith("pick:", StringComparison.Ordinal))));

        // The bytes that stay are the export's own; picking the same again brings nothing.
        (await host.Host.RunAsync("restore", "latest", "--to", host.Host.At("out"))).Exits(0);
        var held = Directory.EnumerateFiles(host.Host.At("out"), "*", SearchOption.AllDirectories)
            .Select(file => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file)))).ToHashSet(StringComparer.OrdinalIgnoreCase);
        Assert.All(export.Items.SelectMany(item => item.Folders).SelectMany(place => place.Media), file => Assert.Contains(file.Sha256, held));
        var again = await RunAsync(host, Picker, 0, _ => picked);
        Assert.Equal((RunOutcome.NothingNew, (long)export.Items.Count), (again.Outcome, again.Library!.Items));

        // Nor does another photo that the export has brought already: it is known by its name, its second and its pixels, and not loaded.
        var others = export.Items.Where(item => item.Folders[0].Media is [{ Role: "original" }] && item.Title.StartsWith("IMG_", StringComparison.Ordinal) && item.Title.EndsWith(".jpg", StringComparison.Ordinal)).Take(3)
            .Select(item => host.Alice.Library.Add(item.Title, MediaBytes.Jpeg(new Random(99 + item.Title.Length), 400, item.Taken, "Example One", null))).ToArray();
        host.Google.Calls.Clear();
        var known = await RunAsync(host, Picker, 0, _ => others);
        Assert.Equal((3, 0, (long)export.Items.Count), (others.Length, host.Google.Calls.Count("media.*"), known.Library!.Items));
    }

    private static async Task<List<JsonElement>> CatalogAsync(GoogleHost host)
    {
        var found = new List<JsonElement>();
        for (var year = 2015; year < 2030; year++)
        {
            if (await host.Host.RunAsync("cat", $"latest:/.kloset/catalog/{year}.ndjson") is { Code: 0 } file)
            {
                found.AddRange(Encoding.UTF8.GetString(file.Bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement));
            }
        }

        return found;
    }
}
