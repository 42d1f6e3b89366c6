using System.Text.Json;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Faults;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Library;
using KlosetWorker.Contract;
using TakeoutGenerator;

namespace KlosetWorker.Tests.GoogleAccounts;

public sealed class LibraryBackupTests
{
    private static readonly RunBackup Source = new() { LibraryCredentialsSecret = "google" };

    private static MediaItem[] Fill(GoogleHost host, int count, OAuthClient? client, int from = 0) =>
        [.. Enumerable.Range(from, count).Select(number => host.Alice.Library.Add($"IMG_{number:0000}.jpg", Photo(number), client, $"text {number}"))];

    private static byte[] Photo(int number) => MediaBytes.Jpeg(new Random(number), 900, new DateTimeOffset(2020, 1, 1, 12, 0, 0, TimeSpan.Zero).AddDays(number), "Camera", (46.5, 7.5));

    [Fact]
    public async Task What_the_client_uploaded_is_saved_with_albums_order_and_words_and_nothing_else_is_claimed()
    {
        await using var host = await GoogleHost.StartAsync();
        host.SignIn(host.Alice, Scopes.ReadAppCreated);
        var items = Fill(host, 130, host.Client);
        Fill(host, 5, client: null, from: 500);
        host.Alice.Library.AddAlbum("Iceland / 2023", [items[7], items[3], items[5]], host.Client);

        var result = await host.RunAsync(Source, 0, "alice@example.com");

        Assert.Equal(130, result.Library!.Items);
        Assert.Equal(RunOutcome.Succeeded, result.Outcome);
        Assert.NotNull(result.Exports!.CoveredThrough);
        var catalog = await CatalogAsync(host);
        Assert.Equal(130, catalog.Count);
        var second = catalog.Values.Single(item => item.GetProperty("title").GetString() == "IMG_0003.jpg");
        Assert.StartsWith("lib:", second.GetProperty("id").GetString(), StringComparison.Ordinal);
        Assert.Equal("text 3", second.GetProperty("description").GetString());
        Assert.Equal(1, second.GetProperty("albums")[0].GetProperty("order").GetInt32());
        Assert.Equal("libraryApi:withoutPlace", second.GetProperty("origin").GetString());
        var manifest = (await host.Host.RunAsync("cat", "latest:/.kloset/manifest.json")).Exits(0);
        Assert.Contains("since 31 March 2025", System.Text.Encoding.UTF8.GetString(manifest.Bytes), StringComparison.Ordinal);
        (await host.Host.RunAsync("check", "--full")).Exits(0);
    }

    [Fact]
    public async Task A_second_run_reads_only_what_is_new_and_a_vanished_item_stays()
    {
        await using var host = await GoogleHost.StartAsync();
        host.SignIn(host.Alice, Scopes.ReadAppCreated);
        var items = Fill(host, 60, host.Client);
        await host.RunAsync(Source, 0);
        Assert.Equal(RunOutcome.NothingNew, (await host.RunAsync(Source, 0)).Outcome);

        Fill(host, 3, host.Client, from: 60);
        host.Alice.Library.Delete(items[0]);
        host.Google.Calls.Clear();
        var later = await host.RunAsync(Source, 0);

        Assert.Equal(63, later.Library!.Items);
        Assert.Equal(3, later.Transfer!.ItemsNew);
        Assert.Equal(3, host.Google.Calls.Count("media.*"));
        Assert.True(host.Google.Calls.Count("photoslibrary.*") <= 4);
    }

    [Fact]
    public async Task A_quota_of_the_day_keeps_what_was_read_and_the_next_run_goes_on()
    {
        await using var host = await GoogleHost.StartAsync();
        host.SignIn(host.Alice, Scopes.ReadAppCreated);
        Fill(host, 150, host.Client);
        host.Google.Faults.Next(1, "photoslibrary.mediaItems.list", new Fault.Reply(PhotosAnswers.RequestsPerDay()), skip: 1);

        var paused = await host.RunAsync(Source, 4);
        host.Google.Calls.Clear();
        var whole = await host.RunAsync(Source, 0);

        Assert.Equal("GoogleDayQuota", paused.Reason);
        Assert.True(paused.ResumeAfter > DateTimeOffset.UtcNow);
        Assert.Equal(150, whole.Library!.Items);
        Assert.Equal(50, host.Google.Calls.Count("media.*"));
    }

    [Fact]
    public async Task What_other_jobs_of_the_project_took_of_the_day_is_not_taken_again()
    {
        var time = new HastyTime(20);
        await using var host = await GoogleHost.StartAsync(options => options with { Time = time }, time);
        host.SignIn(host.Alice, Scopes.ReadAppCreated);
        Fill(host, 5, host.Client);
        await host.RunAsync(Source, 0);
        var quota = Directory.EnumerateDirectories(Path.Combine(host.Host.Repository, "kloset-operator", "quota"), "library-requests", SearchOption.AllDirectories).Single();
        var today = Directory.EnumerateDirectories(quota).Single();
        File.Copy(Directory.EnumerateFiles(today).First(), Path.Combine(today, "010000-ffff"));
        host.Google.Calls.Clear();

        var paused = await host.RunAsync(Source, 4);
        var asked = host.Google.Calls.Count("photoslibrary.*");
        time.Jump(TimeSpan.FromDays(1));
        await host.RunAsync(Source, 0);

        Assert.Equal(("GoogleDayQuota", 0), (paused.Reason, asked));
        Assert.Contains("10000 requests", paused.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(today) && Directory.EnumerateFiles(today).Any(), "yesterday's portions are gone");
    }

    [Fact]
    public async Task A_base_URL_that_expired_is_renewed()
    {
        await using var host = await GoogleHost.StartAsync(options => options with { BaseUrlLifetime = TimeSpan.FromMilliseconds(1) });
        host.SignIn(host.Alice, Scopes.ReadAppCreated);
        Fill(host, 1, host.Client);

        // Also a fresh one is a millisecond old when it is used: the item is told as missing, not taken for damaged.
        var result = await host.RunAsync(Source, 3);

        Assert.Equal(1, host.Google.Calls.Count("photoslibrary.mediaItems.get"));
        Assert.Equal(1, result.Library!.Missing);
    }

    [Fact]
    public async Task Another_account_is_refused_before_anything_is_listed()
    {
        await using var host = await GoogleHost.StartAsync();
        var mallory = host.Google.Identities.AddUser("mallory@example.com");
        host.SignIn(mallory, Scopes.ReadAppCreated);
        var result = await host.RunAsync(Source, 8, "alice@example.com");
        Assert.Equal("WrongAccount", result.Reason);
        Assert.Equal(0, host.Google.Calls.Count("photoslibrary.*"));
    }

    [Fact]
    public async Task Photos_that_a_person_picks_behind_the_link_are_saved_as_provisional_ones()
    {
        await using var host = await GoogleHost.StartAsync();
        host.SignIn(host.Alice, Scopes.Picker);
        var items = Fill(host, 12, client: null);
        var picking = PickAsync(host, items[..4]);

        var result = await host.RunAsync(new() { PickerCredentialsSecret = "google" }, 0, "alice@example.com");
        await picking;

        Assert.Equal(4, result.Library!.Items);
        Assert.Null(result.Exports!.CoveredThrough);
        Assert.All(await CatalogAsync(host), item => Assert.StartsWith("pick:", item.Key, StringComparison.Ordinal));
        Assert.Empty(host.Google.Picker.Open);
        var asks = host.Progress.First(progress => progress.Action is not null).Action!;
        Assert.Equal("PickPhotos", asks.Kind);
        Assert.StartsWith("http", asks.Url, StringComparison.Ordinal);
        Assert.NotNull(asks.Deadline);
    }

    private static async Task PickAsync(GoogleHost host, IReadOnlyList<MediaItem> items)
    {
        while (host.Google.Picker.Open.Count == 0)
        {
            await Task.Delay(50, GoogleHost.Ct);
        }

        // Long enough for a line of progress.
        await Task.Delay(6000, GoogleHost.Ct);
        Assert.True(host.Google.Picker.Pick(host.Google.Picker.Open[0].Id, items));
    }

    private static async Task<Dictionary<string, JsonElement>> CatalogAsync(GoogleHost host)
    {
        var year = (await host.Host.RunAsync("cat", "latest:/.kloset/catalog/2020.ndjson")).Exits(0);
        return System.Text.Encoding.UTF8.GetString(year.Bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement).ToDictionary(item => item.GetProperty("id").GetString()!, StringComparer.Ordinal);
    }
}
