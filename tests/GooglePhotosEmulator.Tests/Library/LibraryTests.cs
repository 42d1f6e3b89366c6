using System.Text.Json.Nodes;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Faults;
using GooglePhotosEmulator.Identity;

namespace GooglePhotosEmulator.Tests.Library;

public class LibraryTests
{
    [Fact]
    public async Task A_client_sees_only_what_it_uploaded()
    {
        await using var google = await Google.StartAsync();
        google.Alice.Library.Add("phone.jpg", Google.Photo(1));
        var other = google.TokenOf(google.Alice, google.Emulator.Identities.AddClient("other"), Scopes.Restore);
        var theirs = await google.AddAsync(Google.Photo(2), token: other);
        var mine = await google.AddAsync(Google.Photo(3));
        Assert.Equal([mine], await IdsAsync(google, "mediaItems?pageSize=100"));
        Assert.Equal(403, (await google.GetAsync(google.Library($"mediaItems/{theirs}"))).Code);
        Assert.Equal(404, (await google.GetAsync(google.Library("mediaItems/unknown"))).Code);
        var both = (await google.GetAsync(google.Library($"mediaItems:batchGet?mediaItemIds={mine}&mediaItemIds={theirs}"))).Json["mediaItemResults"]!.AsArray();
        Assert.Equal(mine, both[0]!["mediaItem"]!["id"]!.ToString());
        Assert.Equal(7, both[1]!["status"]!["code"]!.GetValue<int>());
    }

    [Fact]
    public async Task Scopes_that_died_in_2025_give_nothing()
    {
        await using var google = await Google.StartAsync();
        var dead = google.TokenOf(google.Alice, google.Client, "https://www.googleapis.com/auth/photoslibrary", "https://www.googleapis.com/auth/photoslibrary.sharing");
        var reply = await google.GetAsync(google.Library("mediaItems"), dead);
        Assert.Equal(403, reply.Code);
        Assert.Equal("PERMISSION_DENIED", reply.ErrorStatus);
        Assert.Equal("Request had insufficient authentication scopes.", reply.ErrorMessage);
        Assert.Equal(403, (await google.GetAsync(google.Library("sharedAlbums"))).Code);
        Assert.Equal(403, (await google.PostAsync(google.Library("albums/x:share"), [])).Code);
    }

    [Theory]
    [InlineData("POST", "uploads", Scopes.AppendOnly)]
    [InlineData("POST", "mediaItems:batchCreate", Scopes.AppendOnly)]
    [InlineData("POST", "albums", Scopes.AppendOnly)]
    [InlineData("GET", "albums", Scopes.ReadAppCreated)]
    [InlineData("POST", "mediaItems:search", Scopes.ReadAppCreated)]
    [InlineData("PATCH", "albums/x", Scopes.EditAppCreated)]
    [InlineData("PATCH", "mediaItems/x", Scopes.EditAppCreated)]
    [InlineData("POST", "albums/x:batchRemoveMediaItems", Scopes.EditAppCreated)]
    public async Task Each_method_wants_its_own_scope(string verb, string path, string scope)
    {
        await using var google = await Google.StartAsync();
        async Task<int> CodeAsync(params string[] scopes) =>
            (await google.SendAsync(new HttpMethod(verb), google.Library(path), verb == "GET" ? null : new StringContent("{}"), google.TokenOf(google.Alice, google.Client, scopes))).Code;
        Assert.Equal(403, await CodeAsync([.. Scopes.Restore.Except([scope])]));
        Assert.NotEqual(403, await CodeAsync(scope));
    }

    [Fact]
    public async Task Without_a_live_token_the_answer_is_401()
    {
        await using var google = await Google.StartAsync();
        Assert.Equal(401, (await google.GetAsync(google.Library("albums"), "")).Code);
        google.Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal("UNAUTHENTICATED", (await google.GetAsync(google.Library("albums"))).ErrorStatus);
    }

    [Fact]
    public async Task Disabled_things_and_service_accounts_are_403()
    {
        await using var google = await Google.StartAsync();
        var off = google.Emulator.Identities.Add(new OAuthClient("off", "s") { DisabledApis = new HashSet<string> { "photoslibrary.googleapis.com" } });
        Assert.Contains("has not been used in project", (await google.GetAsync(google.Library("albums"), google.TokenOf(google.Alice, off, Scopes.Restore))).ErrorMessage);
        var robot = google.Emulator.Identities.Issue(google.Emulator.Identities.AddServiceAccount("robot"), Scopes.Restore).Value;
        Assert.Equal(403, (await google.GetAsync(google.Library("albums"), robot)).Code);
        google.Alice.PhotosDisabled = true;
        Assert.Equal("Google Photos is disabled for the user", (await google.GetAsync(google.Library("albums"))).ErrorMessage);
    }

    [Fact]
    public async Task The_same_bytes_make_no_second_item_and_keep_the_first_name()
    {
        await using var google = await Google.StartAsync();
        var first = await google.AddAsync(Google.Photo(1), "first.jpg");
        Assert.Equal(first, await google.AddAsync(Google.Photo(1), "second.jpg"));
        Assert.Equal("first.jpg", Assert.Single(google.Alice.Library.Items).FileName);
        Assert.NotEqual(first, await google.AddAsync([.. Google.Photo(1), 0]));
    }

    [Theory]
    [InlineData(true, 200)]
    [InlineData(false, 403)]
    public async Task Bytes_that_the_phone_brought_in_are_merged_and_may_stay_invisible(bool visible, int code)
    {
        await using var google = await Google.StartAsync(options => options with { MergedItemsAreVisible = visible });
        var item = google.Alice.Library.Add("phone.jpg", Google.Photo(1));
        Assert.Equal(item.Id, await google.AddAsync(Google.Photo(1)));
        Assert.Equal(code, (await google.GetAsync(google.Library($"mediaItems/{item.Id}"))).Code);
    }

    [Fact]
    public async Task A_batch_has_1_to_50_items_and_each_its_own_status()
    {
        await using var google = await Google.StartAsync();
        Assert.Equal(400, (await google.CreateAsync([])).Code);
        Assert.Equal(400, (await google.CreateAsync(Enumerable.Repeat(("x", "a.jpg"), 51))).Code);
        Assert.Equal("Request must contain a valid upload token.", (await google.CreateAsync([("", "a.jpg")])).ErrorMessage);
        var good = await google.UploadAsync(Google.Photo(1));
        var bad = await google.UploadAsync("this is no photo"u8.ToArray());
        var reply = await google.CreateAsync([(good, "good.jpg"), (bad, "bad.jpg")]);
        Assert.Equal(207, reply.Code);
        var results = reply.Json["newMediaItemResults"]!;
        Assert.Equal("Success", results[0]!["status"]!["message"]!.ToString());
        Assert.Equal("BAD_IMAGE: There was an error while trying to create this media item.", results[1]!["status"]!["message"]!.ToString());
    }

    [Fact]
    public async Task Items_can_fail_for_a_moment_or_be_missing_from_the_answer()
    {
        await using var google = await Google.StartAsync(options => options with { PartialFailureIs207 = false });
        google.Emulator.Faults.NextItems(1, ItemFault.Transient, item => item.FileName == "a.jpg").NextItems(1, new ItemFault.Missing(true), item => item.FileName == "b.jpg");
        var tokens = new[] { (await google.UploadAsync(Google.Photo(1)), "a.jpg"), (await google.UploadAsync(Google.Photo(2)), "b.jpg"), (await google.UploadAsync(Google.Photo(3)), "c.jpg") };
        var reply = await google.CreateAsync(tokens);
        Assert.Equal(200, reply.Code);
        var results = reply.Json["newMediaItemResults"]!.AsArray();
        Assert.Equal([tokens[0].Item1, tokens[2].Item1], results.Select(result => result!["uploadToken"]!.ToString()));
        Assert.Equal(13, results[0]!["status"]!["code"]!.GetValue<int>());
        Assert.Equal(["b.jpg", "c.jpg"], google.Alice.Library.Items.Select(item => item.FileName));
        Assert.Equal(200, (await google.CreateAsync(tokens)).Code);
        Assert.Equal(3, google.Alice.Library.Items.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_full_account_takes_what_it_has_already_and_nothing_new(bool wholeRequest)
    {
        await using var google = await Google.StartAsync(options => options with { StorageFullFailsTheRequest = wholeRequest });
        google.Alice.StorageLimit = 5000;
        await google.AddAsync(Google.Photo(1));
        var again = (await google.UploadAsync(Google.Photo(1)), "again.jpg");
        Assert.Equal(200, (await google.CreateAsync([again])).Code);
        var reply = await google.CreateAsync([(await google.UploadAsync(Google.Photo(2, size: 4000)), "new.jpg")]);
        Assert.StartsWith("The remaining storage in the user's account is not enough", wholeRequest ? reply.ErrorMessage : reply.Json["newMediaItemResults"]![0]!["status"]!["message"]!.ToString(), StringComparison.Ordinal);
        Assert.Single(google.Alice.Library.Items);
    }

    [Theory]
    [InlineData(7, false)]
    [InlineData(100, false)]
    [InlineData(7, true)]
    public async Task Pages_give_every_item_once_newest_first_also_when_some_are_empty(int size, bool strange)
    {
        await using var google = await Google.StartAsync();
        if (strange)
        {
            (google.Emulator.Pages.EmptyEvery, google.Emulator.Pages.ShortEvery) = (3, 2);
        }

        var expected = Enumerable.Range(0, 60).Select(seed => google.Alice.Library.Add($"{seed}.jpg", Google.Photo(seed, size: 100), google.Client).Id).Reverse().ToArray();
        var found = new List<string>();
        string? token = null;
        do
        {
            var page = (await google.GetAsync(google.Library($"mediaItems?pageSize={size}&pageToken={token}"))).Json;
            found.AddRange((page["mediaItems"] as JsonArray ?? []).Select(item => item!["id"]!.ToString()));
            token = page["nextPageToken"]?.ToString();
            if (found.Count == 7)
            {
                google.Alice.Library.Add("late.jpg", Google.Photo(1000), google.Client); // shifts no page
            }
        }
        while (token is not null);
        Assert.Equal(expected, found);
    }

    [Fact]
    public async Task A_page_token_is_good_for_the_same_parameters_only()
    {
        await using var google = await Google.StartAsync();
        for (var seed = 0; seed < 5; seed++)
        {
            google.Alice.Library.Add($"{seed}.jpg", Google.Photo(seed), google.Client);
        }

        var token = (await google.GetAsync(google.Library("mediaItems?pageSize=2"))).Json["nextPageToken"]!.ToString();
        Assert.Equal(400, (await google.GetAsync(google.Library($"mediaItems?pageSize=3&pageToken={token}"))).Code);
        Assert.Equal(400, (await google.GetAsync(google.Library("mediaItems?pageToken=made-up"))).Code);
        Assert.Equal(400, (await google.GetAsync(google.Library("mediaItems?pageSize=-1"))).Code);
        Assert.Equal(200, (await google.GetAsync(google.Library("mediaItems?pageSize=1000"))).Code);
    }

    [Fact]
    public async Task Search_finds_by_date_and_type_and_leaves_the_archive_out_unless_asked()
    {
        await using var google = await Google.StartAsync();
        var old = google.Alice.Library.Add("old.jpg", Google.Photo(1, new DateTimeOffset(2020, 1, 2, 3, 4, 5, TimeSpan.Zero)), google.Client);
        var film = google.Alice.Library.Add("film.mp4", Google.Video(2), google.Client);
        var hidden = google.Alice.Library.Add("hidden.jpg", Google.Photo(3, new DateTimeOffset(2021, 1, 2, 3, 4, 5, TimeSpan.Zero)), google.Client);
        hidden.Archived = true;
        old.Favorite = true;
        Assert.Equal([film.Id, old.Id], await SearchAsync(google, "{}"));
        Assert.Equal([film.Id, hidden.Id, old.Id], await SearchAsync(google, """{"filters":{"includeArchivedMedia":true}}"""));
        Assert.Equal([film.Id], await SearchAsync(google, """{"filters":{"mediaTypeFilter":{"mediaTypes":["VIDEO"]}}}"""));
        Assert.Equal([old.Id], await SearchAsync(google, """{"filters":{"featureFilter":{"includedFeatures":["FAVORITES"]}}}"""));
        Assert.Equal([old.Id], await SearchAsync(google, """{"filters":{"dateFilter":{"dates":[{"year":2020}]}}}"""));
        Assert.Equal([old.Id], await SearchAsync(google, """{"filters":{"dateFilter":{"dates":[{"month":1,"day":2}]}}}"""));
        Assert.Equal([old.Id, film.Id], await SearchAsync(google,
            """{"orderBy":"MediaMetadata.creation_time","filters":{"dateFilter":{"ranges":[{"startDate":{"year":2020},"endDate":{"year":2023}}]}}}"""));
    }

    [Theory]
    [InlineData("""{"albumId":"x","filters":{}}""")]
    [InlineData("""{"orderBy":"MediaMetadata.creation_time"}""")]
    [InlineData("""{"filters":{"mediaTypeFilter":{"mediaTypes":["PHOTO","VIDEO"]}}}""")]
    [InlineData("""{"filters":{"dateFilter":{"dates":[{"year":1},{"year":2},{"year":3},{"year":4},{"year":5},{"year":6}]}}}""")]
    [InlineData("""{"filters":{"dateFilter":{"ranges":[{"startDate":{"year":2020},"endDate":{"year":2021,"month":2}}]}}}""")]
    [InlineData("""{"filters":{"contentFilter":{"includedContentCategories":["DRAGONS"]}}}""")]
    public async Task A_search_that_Google_would_refuse_is_refused(string body)
    {
        await using var google = await Google.StartAsync();
        var reply = await google.PostAsync(google.Library("mediaItems:search"), JsonNode.Parse(body)!.AsObject());
        Assert.Equal(400, reply.Code);
        Assert.Equal("INVALID_ARGUMENT", reply.ErrorStatus);
    }

    [Fact]
    public async Task Only_the_description_can_be_changed()
    {
        await using var google = await Google.StartAsync();
        var id = await google.AddAsync(Google.Photo(1));
        Assert.Equal("Ümläut", (await google.PatchAsync(google.Library($"mediaItems/{id}?updateMask=description"), new JsonObject { ["description"] = "Ümläut" })).Json["description"]!.ToString());
        Assert.Equal(400, (await google.PatchAsync(google.Library($"mediaItems/{id}?updateMask=filename"), new JsonObject { ["filename"] = "x" })).Code);
        Assert.Equal(400, (await google.PatchAsync(google.Library($"mediaItems/{id}?updateMask=description"), new JsonObject { ["description"] = new string('x', 1001) })).Code);
        Assert.Equal(404, (await google.SendAsync(HttpMethod.Delete, google.Library($"mediaItems/{id}"))).Code);
    }

    [Fact]
    public async Task Batch_get_answers_in_order_takes_50_and_no_repeats()
    {
        await using var google = await Google.StartAsync();
        var ids = new[] { await google.AddAsync(Google.Photo(1)), await google.AddAsync(Google.Photo(2)) };
        var reply = await google.GetAsync(google.Library($"mediaItems:batchGet?mediaItemIds={ids[1]}&mediaItemIds={ids[0]}"));
        Assert.Equal(ids.Reverse(), reply.Json["mediaItemResults"]!.AsArray().Select(result => result!["mediaItem"]!["id"]!.ToString()));
        Assert.Equal(400, (await google.GetAsync(google.Library($"mediaItems:batchGet?mediaItemIds={ids[0]}&mediaItemIds={ids[0]}"))).Code);
        Assert.Equal(400, (await google.GetAsync(google.Library("mediaItems:batchGet?" + string.Join('&', Enumerable.Range(0, 51).Select(n => $"mediaItemIds={n}"))))).Code);
    }

    [Fact]
    public async Task A_lost_answer_leaves_what_was_made()
    {
        await using var google = await Google.StartAsync();
        var token = await google.UploadAsync(Google.Photo(1));
        google.Emulator.Faults.Next(1, "photoslibrary.mediaItems.batchCreate", new Fault.LoseAnswer());
        await Assert.ThrowsAnyAsync<Exception>(() => google.CreateAsync([(token, "a.jpg")]));
        Assert.Single(google.Alice.Library.Items);
        google.Emulator.Faults.Next(2, "photoslibrary.*", new Fault.Reply(PhotosAnswers.Unavailable()));
        Assert.Equal(503, (await google.GetAsync(google.Library("mediaItems"))).Code);
        Assert.Equal(503, (await google.GetAsync(google.Library("albums"))).Code);
        Assert.Equal(200, (await google.GetAsync(google.Library("albums"))).Code);
    }

    [Theory]
    [InlineData("albums", """{"album":5}""")]
    [InlineData("mediaItems:batchCreate", """{"newMediaItems":[5]}""")]
    [InlineData("mediaItems:search", """{"filters":{"includeArchivedMedia":"yes"}}""")]
    [InlineData("mediaItems:search", "[]")]
    [InlineData("mediaItems:search", "{")]
    public async Task A_body_of_another_shape_is_an_invalid_argument(string path, string body)
    {
        await using var google = await Google.StartAsync();
        using var content = new StringContent(body);
        var reply = await google.SendAsync(HttpMethod.Post, google.Library(path), content);
        Assert.Equal((400, "INVALID_ARGUMENT"), (reply.Code, reply.ErrorStatus));
    }

    [Fact]
    public async Task Fields_of_an_answer_can_be_chosen()
    {
        await using var google = await Google.StartAsync();
        var id = await google.AddAsync(Google.Photo(1));
        var reply = await google.GetAsync(google.Library("mediaItems?fields=nextPageToken,mediaItems(id,mediaMetadata/width)"));
        Assert.Equal($$$"""{"mediaItems":[{"id":"{{{id}}}","mediaMetadata":{"width":"8"}}]}""", reply.Text);
    }

    private static async Task<string[]> IdsAsync(Google google, string path) =>
        [.. ((await google.GetAsync(google.Library(path))).Json["mediaItems"] as JsonArray ?? []).Select(item => item!["id"]!.ToString())];

    private static async Task<string[]> SearchAsync(Google google, string body) =>
        [.. ((await google.PostAsync(google.Library("mediaItems:search"), JsonNode.Parse(body)!.AsObject())).Json["mediaItems"] as JsonArray ?? []).Select(item => item!["id"]!.ToString())];
}
