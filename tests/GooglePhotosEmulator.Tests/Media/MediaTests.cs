using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Media;
using MetadataExtractor;
using MetadataExtractor.Formats.Exif;
using MetadataExtractor.Formats.Png;

namespace GooglePhotosEmulator.Tests.Media;

public class MediaTests
{
    [Fact]
    public async Task A_download_has_everything_but_the_place()
    {
        await using var google = await Google.StartAsync();
        var bytes = Google.Photo(1, place: (47.3769, 8.5417));
        Assert.NotEmpty(ImageMetadataReader.ReadMetadata(new MemoryStream(bytes)).OfType<GpsDirectory>());
        var url = await BaseUrlAsync(google, await google.AddAsync(bytes));
        var reply = await google.GetAsync(url + "=d", "");
        Assert.Equal("image/jpeg", reply.Headers["Content-Type"]);
        var metadata = ImageMetadataReader.ReadMetadata(new MemoryStream(reply.Body));
        Assert.Empty(metadata.OfType<GpsDirectory>());
        Assert.Equal("2023:07:01 10:00:00", metadata.OfType<ExifSubIfdDirectory>().Single().GetString(ExifDirectoryBase.TagDateTimeOriginal));
        Assert.Equal("Example One", metadata.OfType<ExifIfd0Directory>().Single().GetString(ExifDirectoryBase.TagModel));
        Assert.Equal(bytes.Length, reply.Body.Length);
        Assert.Equal(Google.Photo(2), (await google.GetAsync(await BaseUrlAsync(google, await google.AddAsync(Google.Photo(2))) + "=d", "")).Body);
    }

    [Fact]
    public void A_place_in_XMP_goes_too()
    {
        byte[] bytes = [.. Google.Photo(1), .. "<x:xmpmeta><d exif:GPSLatitude=\"47,22N\"/><exif:GPSLongitude>8,32E</exif:GPSLongitude></x:xmpmeta>"u8];
        Assert.True(LocationRemoval.Remove(bytes));
        Assert.DoesNotContain("GPS", System.Text.Encoding.Latin1.GetString(bytes), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_video_is_another_stream_and_only_when_it_is_ready()
    {
        await using var google = await Google.StartAsync(options => options with { VideoProcessing = TimeSpan.FromMinutes(2) });
        var id = await google.AddAsync(Google.Video(1), "a.mp4");
        Assert.Equal("PROCESSING", await StatusAsync());
        var url = await BaseUrlAsync(google, id);
        Assert.Equal(404, (await google.GetAsync(url + "=dv", "")).Code);
        google.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal("READY", await StatusAsync());
        var video = await google.GetAsync(url + "=dv", "");
        Assert.Equal("video/mp4", video.Headers["Content-Type"]);
        Assert.NotEqual(Google.Video(1), video.Body);
        Assert.Equal("ftyp"u8, video.Body.AsSpan(4, 4));
        Assert.Equal(video.Body, (await google.GetAsync(url + "=dv", "")).Body);
        google.Alice.Library.Items[0].VideoFails = true;
        Assert.Equal("FAILED", await StatusAsync());

        async Task<string> StatusAsync() => (await google.GetAsync(google.Library($"mediaItems/{id}"))).Json["mediaMetadata"]!["video"]!["status"]!.ToString();
    }

    [Fact]
    public async Task A_baseUrl_needs_no_token_ends_after_an_hour_and_is_not_guessed()
    {
        await using var google = await Google.StartAsync();
        var url = await BaseUrlAsync(google, await google.AddAsync(Google.Photo(1)));
        Assert.Equal(200, (await google.GetAsync(url + "=d", "")).Code);
        Assert.Equal(404, (await google.GetAsync(url[..^1] + (url[^1] == 'A' ? 'B' : 'A') + "=d", "")).Code);
        Assert.Equal(400, (await google.GetAsync(url + "=x", "")).Code);
        google.Time.Advance(TimeSpan.FromMinutes(60));
        Assert.Equal(403, (await google.GetAsync(url + "=d", "")).Code);
    }

    [Theory]
    [InlineData("=w4-h100", 4, 4)]
    [InlineData("=w4-h2-c", 4, 2)]
    [InlineData("=w400-h400", 8, 8)]
    [InlineData("=w3", 3, 3)]
    public async Task A_picture_fits_inside_the_size_or_is_cropped_to_it_and_never_enlarged(string suffix, int width, int height)
    {
        await using var google = await Google.StartAsync();
        var url = await BaseUrlAsync(google, await google.AddAsync(Google.Photo(1)));
        var png = ImageMetadataReader.ReadMetadata(new MemoryStream((await google.GetAsync(url + suffix, "")).Body)).OfType<PngDirectory>().First();
        Assert.Equal((width, height), (png.GetInt32(PngDirectory.TagImageWidth), png.GetInt32(PngDirectory.TagImageHeight)));
    }

    [Fact]
    public async Task Heads_tell_the_size_and_ranges_a_part()
    {
        await using var google = await Google.StartAsync();
        var bytes = Google.Photo(1);
        var url = await BaseUrlAsync(google, await google.AddAsync(bytes)) + "=d";
        Assert.Equal(bytes.Length.ToString(System.Globalization.CultureInfo.InvariantCulture), (await google.SendAsync(HttpMethod.Head, url, null, "")).Headers["Content-Length"]);
        Assert.Equal(bytes[10..20], (await google.GetAsync(url, "", ("Range", "bytes=10-19"))).Body);
    }

    [Fact]
    public async Task A_picked_photo_wants_the_token_of_its_person_and_an_open_session()
    {
        await using var google = await Google.StartAsync();
        google.Alice.Library.Add("a.jpg", Google.Photo(1, place: (1, 1)));
        var session = (await google.PostAsync(google.Picker("sessions"), [])).Json["id"]!.ToString();
        google.Emulator.Picker.Pick(session, google.Alice.Library.Items);
        var url = (await google.GetAsync(google.Picker($"mediaItems?sessionId={session}"))).Json["mediaItems"]![0]!["mediaFile"]!["baseUrl"]! + "=d";
        Assert.Equal(403, (await google.GetAsync(url, "")).Code);
        Assert.Equal(403, (await google.GetAsync(url, google.TokenOf(google.Emulator.Identities.AddUser("bob@example.com"), google.Client, Scopes.Picker))).Code);
        Assert.Empty(ImageMetadataReader.ReadMetadata(new MemoryStream((await google.GetAsync(url)).Body)).OfType<GpsDirectory>());
        await google.SendAsync(HttpMethod.Delete, google.Picker($"sessions/{session}"));
        Assert.Equal(403, (await google.GetAsync(url)).Code);
    }

    private static async Task<string> BaseUrlAsync(Google google, string id)
    {
        var url = (await google.GetAsync(google.Library($"mediaItems/{id}"))).Json["baseUrl"]!.ToString();
        Assert.StartsWith(google.Emulator.UrlOf(GoogleHosts.UserContent), url, StringComparison.Ordinal);
        return url;
    }
}
