using System.Globalization;
using System.Security.Cryptography;
using GooglePhotosEmulator.Faults;

namespace GooglePhotosEmulator.Tests.Library;

public class UploadTests
{
    [Fact]
    public async Task Bytes_become_an_item_with_the_name_and_the_time_of_the_file()
    {
        await using var google = await Google.StartAsync();
        var taken = new DateTimeOffset(2021, 5, 6, 7, 8, 9, TimeSpan.FromHours(2));
        var id = await google.AddAsync(Google.Photo(1, taken), "A day.jpg");
        var item = (await google.GetAsync(google.Library($"mediaItems/{id}"))).Json;
        Assert.Equal("A day.jpg", item["filename"]!.ToString());
        Assert.Equal("image/jpeg", item["mimeType"]!.ToString());
        Assert.Equal("2021-05-06T05:08:09Z", item["mediaMetadata"]!["creationTime"]!.ToString());
        Assert.Equal("8", item["mediaMetadata"]!["width"]!.GetValue<string>());
        Assert.Equal("Example One", item["mediaMetadata"]!["photo"]!["cameraModel"]!.ToString());
    }

    [Fact]
    public async Task A_file_that_says_no_time_was_created_when_it_was_uploaded()
    {
        await using var google = await Google.StartAsync();
        var id = await google.AddAsync(TakeoutGenerator.MediaBytes.Png(new Random(1), 100), "x.png");
        var item = (await google.GetAsync(google.Library($"mediaItems/{id}"))).Json;
        Assert.Equal("2026-11-02T12:00:00Z", item["mediaMetadata"]!["creationTime"]!.ToString());
    }

    [Fact]
    public async Task A_wrong_checksum_is_refused()
    {
        await using var google = await Google.StartAsync();
        var reply = await google.SendAsync(HttpMethod.Post, google.Library("uploads"), new ByteArrayContent(Google.Photo(1)), null,
            ("X-Goog-Upload-Protocol", "raw"), ("X-Goog-Hash", "sha1=" + Convert.ToBase64String(SHA1.HashData([1]))));
        Assert.Equal(400, reply.Code);
        Assert.Equal("Checksum from header does not match received payload content.", reply.ErrorMessage);
    }

    [Fact]
    public async Task Empty_files_and_unknown_protocols_are_refused()
    {
        await using var google = await Google.StartAsync();
        Assert.Equal(400, (await google.SendAsync(HttpMethod.Post, google.Library("uploads"), new ByteArrayContent([]), null, ("X-Goog-Upload-Protocol", "raw"))).Code);
        Assert.Equal(400, (await google.SendAsync(HttpMethod.Post, google.Library("uploads"), new ByteArrayContent([1]))).Code);
    }

    [Fact]
    public async Task An_upload_token_lives_one_day()
    {
        await using var google = await Google.StartAsync();
        var token = await google.UploadAsync(Google.Photo(1));
        google.Time.Advance(TimeSpan.FromHours(24));
        google.Token = google.TokenOf(google.Alice, google.Client, GooglePhotosEmulator.Identity.Scopes.Everything);
        var reply = await google.CreateAsync([(token, "a.jpg")]);
        Assert.Equal(207, reply.Code);
        Assert.Equal(3, reply.Json["newMediaItemResults"]![0]!["status"]!["code"]!.GetValue<int>());
    }

    [Fact]
    public async Task A_resumable_upload_in_one_request_is_final_and_gives_its_token_once()
    {
        await using var google = await Google.StartAsync();
        var bytes = Google.Photo(1);
        var url = await StartAsync(google, bytes.Length);
        var done = await google.SendAsync(HttpMethod.Post, url, new ByteArrayContent(bytes), null, ("X-Goog-Upload-Command", "upload, finalize"), ("X-Goog-Upload-Offset", "0"));
        Assert.Equal("final", done.Headers["X-Goog-Upload-Status"]);
        Assert.Equal(200, (await google.CreateAsync([(done.Text, "a.jpg")])).Code);
        var query = await QueryAsync(google, url);
        Assert.Equal("final", query.Headers["X-Goog-Upload-Status"]);
        Assert.Empty(query.Text);
    }

    [Fact]
    public async Task Chunks_must_be_multiples_of_the_granularity_and_begin_where_the_last_one_ended()
    {
        await using var google = await Google.StartAsync(options => options with { UploadGranularity = 1000 });
        var url = await StartAsync(google, 2500);
        Assert.Equal(400, (await ChunkAsync(google, url, 0, new byte[999])).Code);
        Assert.Equal("1000", (await ChunkAsync(google, url, 0, new byte[1000])).Headers["X-Goog-Upload-Size-Received"]);
        Assert.Equal(400, (await ChunkAsync(google, url, 500, new byte[1000])).Code);
        Assert.Equal("1000", (await QueryAsync(google, url)).Headers["X-Goog-Upload-Size-Received"]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1023)]
    [InlineData(5000)]
    [InlineData(70_000)]
    public async Task An_upload_that_breaks_goes_on_where_the_server_says(int afterBytes)
    {
        await using var google = await Google.StartAsync(options => options with { UploadGranularity = 1024 });
        var bytes = Google.Photo(1, size: 100_000);
        var url = await StartAsync(google, bytes.Length);
        google.Emulator.Faults.Next(1, "photoslibrary.uploads", new Fault.CutRequest(afterBytes));
        await Assert.ThrowsAnyAsync<Exception>(() => ChunkAsync(google, url, 0, bytes, "upload, finalize"));
        var received = int.Parse((await QueryAsync(google, url)).Headers["X-Goog-Upload-Size-Received"], CultureInfo.InvariantCulture);
        Assert.InRange(received, 0, afterBytes);
        Assert.Equal(0, received % 1024);
        var done = await ChunkAsync(google, url, received, bytes[received..], "upload, finalize");
        await google.CreateAsync([(done.Text, "a.jpg")]);
        Assert.Equal(bytes, Assert.Single(google.Alice.Library.Items).OriginalBytes());
    }

    [Fact]
    public async Task A_session_lives_seven_days()
    {
        await using var google = await Google.StartAsync();
        var url = await StartAsync(google, 10);
        google.Time.Advance(TimeSpan.FromDays(7));
        google.Token = google.TokenOf(google.Alice, google.Client, GooglePhotosEmulator.Identity.Scopes.Everything);
        Assert.Equal(404, (await QueryAsync(google, url)).Code);
    }

    [Fact]
    public async Task A_cancelled_session_says_so()
    {
        await using var google = await Google.StartAsync();
        var url = await StartAsync(google, 10);
        await google.SendAsync(HttpMethod.Post, url, new ByteArrayContent([]), null, ("X-Goog-Upload-Command", "cancel"));
        Assert.Equal("cancelled", (await QueryAsync(google, url)).Headers["X-Goog-Upload-Status"]);
    }

    [Fact]
    public async Task A_large_file_goes_over_the_disk_and_stays_whole()
    {
        await using var google = await Google.StartAsync();
        var bytes = Google.Photo(1, size: 20_000_000);
        await google.AddAsync(bytes);
        Assert.Equal(SHA1.HashData(bytes), Convert.FromHexString(Assert.Single(google.Alice.Library.Items).Sha1Hex));
    }

    private static async Task<string> StartAsync(Google google, int size)
    {
        var reply = await google.SendAsync(HttpMethod.Post, google.Library("uploads"), new ByteArrayContent([]), null, ("X-Goog-Upload-Command", "start"),
            ("X-Goog-Upload-Protocol", "resumable"), ("X-Goog-Upload-Content-Type", "image/jpeg"), ("X-Goog-Upload-Raw-Size", size.ToString(CultureInfo.InvariantCulture)));
        Assert.Equal("active", reply.Headers["X-Goog-Upload-Status"]);
        return reply.Headers["X-Goog-Upload-URL"];
    }

    private static Task<Reply> ChunkAsync(Google google, string url, int offset, byte[] bytes, string command = "upload") =>
        google.SendAsync(HttpMethod.Post, url, new ByteArrayContent(bytes), null, ("X-Goog-Upload-Command", command),
            ("X-Goog-Upload-Offset", offset.ToString(CultureInfo.InvariantCulture)));

    private static Task<Reply> QueryAsync(Google google, string url) =>
        google.SendAsync(HttpMethod.Post, url, new ByteArrayContent([]), null, ("X-Goog-Upload-Command", "query"));
}
