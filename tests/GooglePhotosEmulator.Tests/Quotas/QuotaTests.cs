using System.Text.Json.Nodes;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Faults;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Quotas;

namespace GooglePhotosEmulator.Tests.Quotas;

public class QuotaTests
{
    // as a real answer had it, with another project number
    private const string RealBody = """
        {"error":{"code":429,"message":"Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute per user' of service 'photoslibrary.googleapis.com' for consumer 'project_number:1'.",
        "errors":[{"message":"Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute per user' of service 'photoslibrary.googleapis.com' for consumer 'project_number:1'.","domain":"global","reason":"rateLimitExceeded"}],"status":"RESOURCE_EXHAUSTED",
        "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","domain":"googleapis.com",
        "metadata":{"service":"photoslibrary.googleapis.com","quota_limit_value":"30","quota_location":"global","consumer":"projects/1",
        "quota_metric":"photoslibrary.googleapis.com/write_requests","quota_limit":"WritesPerMinutePerUser"}},
        {"@type":"type.googleapis.com/google.rpc.Help","links":[{"description":"Request a higher quota limit.","url":"https://cloud.google.com/docs/quota#requesting_higher_quota"}]}]}}
        """;

    [Fact]
    public async Task Thirty_writes_a_minute_and_user_and_the_real_answer_to_the_next_one()
    {
        await using var google = await Google.StartAsync(options => options with { Quotas = QuotaLimits.Google });
        for (var number = 0; number < 30; number++)
        {
            await google.AddAlbumAsync($"Album {number}");
        }

        var reply = await google.PostAsync(google.Library("albums"), new JsonObject { ["album"] = new JsonObject { ["title"] = "x" } });
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(RealBody), reply.Json));
        await google.UploadAsync(Google.Photo(1)); // bytes are no write
        Assert.Equal(200, (await google.GetAsync(google.Library("albums"))).Code);
        var bob = google.Emulator.Identities.AddUser("bob@example.com");
        Assert.Equal(200, (await google.PostAsync(google.Library("albums"), new JsonObject { ["album"] = new JsonObject { ["title"] = "x" } }, google.TokenOf(bob, google.Client, Scopes.Restore))).Code);
        google.Time.Advance(TimeSpan.FromMinutes(1));
        await google.AddAlbumAsync("again");
    }

    [Fact]
    public async Task The_day_of_a_project_ends_at_midnight_in_California_for_all_its_users()
    {
        await using var google = await Google.StartAsync(options => options with { Quotas = QuotaLimits.None with { LibraryRequestsPerDay = 2 } });
        google.Time.Advance(TimeSpan.FromHours(19.75)); // 07:45 UTC, 23:45 in California
        google.Token = google.TokenOf(google.Alice, google.Client, Scopes.Restore);
        await google.UploadAsync(Google.Photo(1));
        Assert.Equal(200, (await google.GetAsync(google.Library("albums"))).Code);
        var bob = google.TokenOf(google.Emulator.Identities.AddUser("bob@example.com"), google.Client, Scopes.Restore);
        var reply = await google.GetAsync(google.Library("albums"), bob);
        Assert.Equal(429, reply.Code);
        var metadata = reply.Json["error"]!["details"]![0]!["metadata"]!;
        Assert.Equal("ApiCallsPerProjectPerDay", metadata["quota_limit"]!.ToString());
        Assert.Equal("photoslibrary.googleapis.com/all_requests", metadata["quota_metric"]!.ToString());
        Assert.Contains("'All requests per day'", reply.ErrorMessage, StringComparison.Ordinal);
        google.Time.Advance(TimeSpan.FromMinutes(14));
        Assert.Equal(429, (await google.GetAsync(google.Library("albums"), bob)).Code);
        google.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(200, (await google.GetAsync(google.Library("albums"), bob)).Code);
    }

    [Fact]
    public async Task Two_writes_of_one_user_at_once_are_one_too_many()
    {
        await using var google = await Google.StartAsync(options => options with { Quotas = QuotaLimits.Google, Time = TimeProvider.System });
        var arrived = new TaskCompletionSource();
        var go = new ManualResetEventSlim();
        google.Emulator.Faults.OnItem(_ =>
        {
            arrived.TrySetResult();
            go.Wait(Google.Ct);
            return null;
        });
        var first = google.CreateAsync([(await google.UploadAsync(Google.Photo(1)), "a.jpg")]);
        await arrived.Task;
        var second = await google.PostAsync(google.Library("albums"), new JsonObject { ["album"] = new JsonObject { ["title"] = "x" } });
        go.Set();
        Assert.Equal(429, second.Code);
        Assert.Contains("concurrent write request", second.ErrorMessage, StringComparison.Ordinal);
        Assert.Equal(200, (await first).Code);
        await google.AddAlbumAsync("now");
    }

    [Fact]
    public async Task Media_bytes_have_a_quota_of_their_own()
    {
        await using var google = await Google.StartAsync(options => options with { Quotas = QuotaLimits.None with { LibraryMediaPerDay = 1 } });
        var id = await google.AddAsync(Google.Photo(1));
        var url = (await google.GetAsync(google.Library($"mediaItems/{id}"))).Json["baseUrl"]!.ToString();
        Assert.Equal(200, (await google.GetAsync(url + "=d", "")).Code);
        Assert.Equal(429, (await google.GetAsync(url + "=d", "")).Code);
        Assert.Equal(200, (await google.GetAsync(google.Library($"mediaItems/{id}"))).Code);
    }

    [Fact]
    public async Task Drive_counts_units_and_bytes()
    {
        await using var google = await Google.StartAsync(options => options with
        {
            Quotas = QuotaLimits.None with { DriveUnitsPerMinutePerUser = 305, DriveBytesPerDay = 150 },
        });
        var file = google.Emulator.Drive.AddFile(google.Emulator.Drive.Root(google.Alice.Email), "a.zip", new byte[100]);
        Assert.Equal(200, (await google.GetAsync(google.Drive("files"))).Code);
        Assert.Equal(200, (await google.GetAsync(google.Drive($"files/{file.Id}?alt=media"))).Code);
        Assert.Equal(200, (await google.GetAsync(google.Drive($"files/{file.Id}"))).Code);
        Assert.Equal("userRateLimitExceeded", (await google.GetAsync(google.Drive($"files/{file.Id}"))).Reason);
        google.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("downloadQuotaExceeded", (await google.GetAsync(google.Drive($"files/{file.Id}?alt=media"))).Reason);
        google.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(206, (await google.GetAsync(google.Drive($"files/{file.Id}?alt=media"), null, ("Range", "bytes=0-49"))).Code);
    }

    [Fact]
    public async Task A_script_may_add_what_Google_sends_now_and_then()
    {
        await using var google = await Google.StartAsync();
        google.Emulator.Faults.Next(1, "photoslibrary.albums.list", new Fault.Reply(PhotosAnswers.WritesPerMinute() with { Headers = new Dictionary<string, string> { ["Retry-After"] = "31" } }), skip: 1);
        Assert.Equal(200, (await google.GetAsync(google.Library("albums"))).Code);
        Assert.Equal("31", (await google.GetAsync(google.Library("albums"))).Headers["Retry-After"]);
        Assert.Equal(200, (await google.GetAsync(google.Library("albums"))).Code);
        Assert.Equal(3, google.Emulator.Calls.Count("photoslibrary.albums.*"));
        Assert.Equal([200, 429, 200], google.Emulator.Calls.Calls.Select(call => call.Status));
    }
}
