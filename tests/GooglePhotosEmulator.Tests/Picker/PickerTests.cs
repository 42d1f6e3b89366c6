using System.Text.Json.Nodes;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Quotas;

namespace GooglePhotosEmulator.Tests.Picker;

public class PickerTests
{
    [Fact]
    public async Task A_session_waits_for_the_person_and_then_lists_what_was_picked()
    {
        await using var google = await Google.StartAsync();
        var photo = google.Alice.Library.Add("a.jpg", Google.Photo(1));
        google.Alice.Library.Add("b.jpg", Google.Photo(2));
        var video = google.Alice.Library.Add("c.mp4", Google.Video(3));
        var session = (await google.PostAsync(google.Picker("sessions"), [])).Json;
        var id = session["id"]!.ToString();
        Assert.Equal("5s", session["pollingConfig"]!["pollInterval"]!.ToString());
        Assert.Equal("1800s", session["pollingConfig"]!["timeoutIn"]!.ToString());
        Assert.Equal("2000", session["pickingConfig"]!["maxItemCount"]!.GetValue<string>());
        Assert.Null(session["mediaItemsSet"]);
        var early = await google.GetAsync(google.Picker($"mediaItems?sessionId={id}"));
        Assert.Equal((400, "FAILED_PRECONDITION"), (early.Code, early.ErrorStatus));

        google.Time.Advance(TimeSpan.FromSeconds(100.5));
        Assert.Equal("1699.5s", (await google.GetAsync(google.Picker($"sessions/{id}"))).Json["pollingConfig"]!["timeoutIn"]!.ToString());
        var page = await google.GetAsync(session["pickerUri"]!.ToString(), "");
        Assert.Contains("c.mp4", page.Text, StringComparison.Ordinal);
        await google.FormAsync(session["pickerUri"]!.ToString(), ("item", photo.Id), ("item", video.Id));
        Assert.Equal(404, (await google.GetAsync(session["pickerUri"]!.ToString(), "")).Code);

        var done = (await google.GetAsync(google.Picker($"sessions/{id}"))).Json;
        Assert.True(done["mediaItemsSet"]!.GetValue<bool>());
        Assert.Null(done["pollingConfig"]);
        var items = (await google.GetAsync(google.Picker($"mediaItems?sessionId={id}"))).Json["mediaItems"]!.AsArray();
        Assert.Equal(["PHOTO", "VIDEO"], items.Select(item => item!["type"]!.ToString()));
        Assert.Equal("2023-07-01T10:00:00Z", items[0]!["createTime"]!.ToString());
        Assert.Equal("a.jpg", items[0]!["mediaFile"]!["filename"]!.ToString());
        Assert.Equal("READY", items[1]!["mediaFile"]!["mediaFileMetadata"]!["videoMetadata"]!["processingStatus"]!.ToString());

        var second = (await google.PostAsync(google.Picker("sessions"), [])).Json["id"]!.ToString();
        google.Emulator.Picker.Pick(second, [photo]);
        Assert.Equal(items[0]!["id"]!.ToString(), (await google.GetAsync(google.Picker($"mediaItems?sessionId={second}"))).Json["mediaItems"]![0]!["id"]!.ToString());
    }

    [Theory]
    [InlineData("5", "5")]
    [InlineData("9000", "2000")]
    public async Task The_most_that_can_be_picked_is_asked_for_and_capped(string asked, string given)
    {
        await using var google = await Google.StartAsync();
        var session = (await google.PostAsync(google.Picker("sessions"), new JsonObject { ["pickingConfig"] = new JsonObject { ["maxItemCount"] = asked } })).Json;
        Assert.Equal(given, session["pickingConfig"]!["maxItemCount"]!.ToString());
        for (var seed = 0; seed < 7; seed++)
        {
            google.Alice.Library.Add($"{seed}.jpg", Google.Photo(seed));
        }

        google.Emulator.Picker.Pick(session["id"]!.ToString(), google.Alice.Library.Items);
        var picked = (await google.GetAsync(google.Picker($"mediaItems?sessionId={session["id"]}"))).Json["mediaItems"]!.AsArray();
        Assert.Equal(asked == "5" ? 5 : 7, picked.Count);
    }

    [Fact]
    public async Task Sessions_end_are_limited_and_belong_to_person_and_client()
    {
        await using var google = await Google.StartAsync(options => options with { Quotas = QuotaLimits.None with { PickerSessionsPerUser = 2 } });
        Assert.Equal(400, (await google.PostAsync(google.Picker("sessions"), new JsonObject { ["pickingConfig"] = new JsonObject { ["maxItemCount"] = "-1" } })).Code);
        var id = (await google.PostAsync(google.Picker("sessions"), [])).Json["id"]!.ToString();
        Assert.Equal(404, (await google.GetAsync(google.Picker($"sessions/{id}"), google.TokenOf(google.Emulator.Identities.AddUser("bob@example.com"), google.Client, Scopes.Picker))).Code);
        Assert.Equal(403, (await google.GetAsync(google.Picker($"sessions/{id}"), google.TokenOf(google.Alice, google.Client, Scopes.Restore))).Code);
        await google.PostAsync(google.Picker("sessions"), []);
        Assert.Equal("RESOURCE_EXHAUSTED", (await google.PostAsync(google.Picker("sessions"), [])).ErrorStatus);
        Assert.Equal("{}", (await google.SendAsync(HttpMethod.Delete, google.Picker($"sessions/{id}"))).Text);
        Assert.Equal(404, (await google.GetAsync(google.Picker($"sessions/{id}"))).Code);
        id = (await google.PostAsync(google.Picker("sessions"), [])).Json["id"]!.ToString();
        google.Time.Advance(TimeSpan.FromHours(24));
        google.Token = google.TokenOf(google.Alice, google.Client, Scopes.Picker);
        Assert.Equal(404, (await google.GetAsync(google.Picker($"sessions/{id}"))).Code);
        google.Alice.NoPhotosAccount = true;
        Assert.Equal("FAILED_PRECONDITION", (await google.PostAsync(google.Picker("sessions"), [])).ErrorStatus);
    }
}
