using System.Text.Json.Nodes;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Library;

namespace GooglePhotosEmulator.Tests.Library;

public class AlbumTests
{
    [Fact]
    public async Task Items_and_texts_stand_where_they_were_put()
    {
        await using var google = await Google.StartAsync();
        var album = await google.AddAlbumAsync("Iceland");
        var b = await google.AddAsync(Google.Photo(1), albumId: album);
        var c = await google.AddAsync(Google.Photo(2), albumId: album);
        var text = await EnrichAsync(google, album, """{"newEnrichmentItem":{"textEnrichment":{"text":"Day one"}},"albumPosition":{"position":"FIRST_IN_ALBUM"}}""");
        var after = new JsonObject { ["position"] = "AFTER_ENRICHMENT_ITEM", ["relativeEnrichmentItemId"] = text };
        var a = (await google.CreateAsync([(await google.UploadAsync(Google.Photo(3)), "a.jpg")], album, null, after)).Json["newMediaItemResults"]![0]!["mediaItem"]!["id"]!.ToString();
        var place = await EnrichAsync(google, album,
            $$$$$"""{"newEnrichmentItem":{"locationEnrichment":{"location":{"locationName":"Vík","latlng":{"latitude":63.4,"longitude":-19}}}},"albumPosition":{"position":"AFTER_MEDIA_ITEM","relativeMediaItemId":"{{{{{b}}}}}"}}""");
        var map = await EnrichAsync(google, album, """{"newEnrichmentItem":{"mapEnrichment":{"origin":{"locationName":"A"},"destination":{"locationName":"B"}}}}""");
        var held = Assert.Single(google.Alice.Library.Albums);
        Assert.Equal([text, a, b, place, c, map], held.Entries.Select(entry => entry.Id));
        Assert.Equal("Day one", Assert.IsType<AlbumEntry.Text>(held.Entries[0]).Content);
        var found = await google.PostAsync(google.Library("mediaItems:search"), new JsonObject { ["albumId"] = album });
        Assert.Equal([a, b, c], found.Json["mediaItems"]!.AsArray().Select(item => item!["id"]!.ToString()));
    }

    [Theory]
    [InlineData("""{"position":"AFTER_MEDIA_ITEM","relativeMediaItemId":"x"}""")]
    [InlineData("""{"position":"FIRST_IN_ALBUM","relativeMediaItemId":"x"}""")]
    [InlineData("""{"position":"AFTER_ENRICHMENT_ITEM"}""")]
    [InlineData("""{"position":"SOMEWHERE"}""")]
    public async Task A_position_that_is_none_is_refused(string position)
    {
        await using var google = await Google.StartAsync();
        var album = await google.AddAlbumAsync("x");
        var reply = await google.CreateAsync([(await google.UploadAsync(Google.Photo(1)), "a.jpg")], album, null, JsonNode.Parse(position)!.AsObject());
        Assert.Equal(400, reply.Code);
        Assert.Equal(400, (await google.CreateAsync([("x", "a.jpg")], null, null, JsonNode.Parse(position)!.AsObject())).Code);
    }

    [Fact]
    public async Task Adding_and_removing_is_all_or_nothing()
    {
        await using var google = await Google.StartAsync();
        var album = await google.AddAlbumAsync("x");
        var id = await google.AddAsync(Google.Photo(1));
        var phone = google.Alice.Library.Add("phone.jpg", Google.Photo(2)).Id;
        Assert.Equal(400, await ChangeAsync("batchAddMediaItems", id, "unknown"));
        Assert.Equal(400, await ChangeAsync("batchAddMediaItems", id, phone));
        Assert.Equal(400, await ChangeAsync("batchAddMediaItems", [.. Enumerable.Repeat(id, 51)]));
        Assert.Equal(0, google.Alice.Library.Albums[0].Count);
        Assert.Equal(200, await ChangeAsync("batchAddMediaItems", id));
        Assert.Equal(200, await ChangeAsync("batchAddMediaItems", id));
        Assert.Equal(1, google.Alice.Library.Albums[0].Count);
        Assert.Equal(400, await ChangeAsync("batchRemoveMediaItems", id, "unknown"));
        Assert.Equal(1, google.Alice.Library.Albums[0].Count);
        Assert.Equal(200, await ChangeAsync("batchRemoveMediaItems", id));
        Assert.Equal(0, google.Alice.Library.Albums[0].Count);
        Assert.Equal(2, google.Alice.Library.Items.Count);

        async Task<int> ChangeAsync(string verb, params string[] ids) =>
            (await google.PostAsync(google.Library($"albums/{album}:{verb}"), new JsonObject { ["mediaItemIds"] = new JsonArray([.. ids.Select(one => (JsonNode)one)]) })).Code;
    }

    [Fact]
    public async Task An_album_that_the_person_deleted_is_named_in_the_answer()
    {
        await using var google = await Google.StartAsync();
        var album = await google.AddAlbumAsync("x");
        google.Alice.Library.Delete(google.Alice.Library.Albums[0]);
        var reply = await google.CreateAsync([(await google.UploadAsync(Google.Photo(1)), "a.jpg")], album);
        Assert.Equal((404, "The provided ID does not match any albums"), (reply.Code, reply.ErrorMessage));
        Assert.Empty(google.Alice.Library.Items);
    }

    [Fact]
    public async Task An_album_holds_so_many_items_and_no_more()
    {
        await using var google = await Google.StartAsync(options => options with { MaxItemsInAlbum = 1 });
        var album = await google.AddAlbumAsync("x");
        await google.AddAsync(Google.Photo(1), albumId: album);
        Assert.Equal(400, (await google.CreateAsync([(await google.UploadAsync(Google.Photo(2)), "a.jpg")], album)).Code);
    }

    [Fact]
    public async Task Title_and_cover_can_be_changed_within_Googles_limits()
    {
        await using var google = await Google.StartAsync();
        var album = await google.AddAlbumAsync("old");
        var first = await google.AddAsync(Google.Photo(1), albumId: album);
        var second = await google.AddAsync(Google.Photo(2), albumId: album);
        Assert.Equal(first, (await google.GetAsync(google.Library($"albums/{album}"))).Json["coverPhotoMediaItemId"]!.ToString());
        var patched = (await google.PatchAsync(google.Library($"albums/{album}?updateMask=title,coverPhotoMediaItemId"),
            new JsonObject { ["title"] = "new", ["coverPhotoMediaItemId"] = second })).Json;
        Assert.Equal(("new", second, "2"), (patched["title"]!.ToString(), patched["coverPhotoMediaItemId"]!.ToString(), patched["mediaItemsCount"]!.GetValue<string>()));
        Assert.Equal(400, (await google.PatchAsync(google.Library($"albums/{album}?updateMask=coverPhotoMediaItemId"), new JsonObject { ["coverPhotoMediaItemId"] = "x" })).Code);
        Assert.Equal(400, (await google.PatchAsync(google.Library($"albums/{album}?updateMask=title"), new JsonObject { ["title"] = new string('x', 501) })).Code);
        Assert.Equal(400, (await google.PatchAsync(google.Library($"albums/{album}"), new JsonObject { ["title"] = "x" })).Code);
    }

    [Fact]
    public async Task Only_albums_of_the_client_are_listed_page_by_page()
    {
        await using var google = await Google.StartAsync();
        google.Alice.Library.AddAlbum("by hand", []);
        for (var number = 0; number < 53; number++)
        {
            google.Alice.Library.AddAlbum($"{number}", [], google.Client);
        }

        var first = (await google.GetAsync(google.Library("albums?pageSize=99"))).Json;
        Assert.Equal(50, first["albums"]!.AsArray().Count);
        var second = (await google.GetAsync(google.Library($"albums?pageSize=99&pageToken={first["nextPageToken"]}"))).Json;
        Assert.Equal(["50", "51", "52"], second["albums"]!.AsArray().Select(album => album!["title"]!.ToString()));
        Assert.Null(second["nextPageToken"]);
        var other = google.TokenOf(google.Alice, google.Emulator.Identities.AddClient("other"), Scopes.Restore);
        Assert.Equal("{}", (await google.GetAsync(google.Library("albums"), other)).Text);
        Assert.Equal(403, (await google.GetAsync(google.Library($"albums/{first["albums"]![0]!["id"]}"), other)).Code);
    }

    private static async Task<string> EnrichAsync(Google google, string album, string body) =>
        (await google.PostAsync(google.Library($"albums/{album}:addEnrichment"), JsonNode.Parse(body)!.AsObject())).Json["enrichmentItem"]!["id"]!.ToString();
}
