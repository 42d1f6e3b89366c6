using System.Net;
using System.Text;
using GooglePhotos.Library;
using GooglePhotos.Library.Data;
using GooglePhotos.Services;
using GooglePhotos.Tests.Services;
using Microsoft.Extensions.Time.Testing;

namespace GooglePhotos.Tests.Library;

public sealed class PhotosLibraryServiceTests : IDisposable
{
    private readonly RecordedGoogle _google = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private PhotosLibraryService Service => new(_google.Initializer);

    [Fact]
    public async Task An_item_is_read_with_its_numbers_times_and_words_that_are_newer_than_we_are()
    {
        _google.Answer(HttpStatusCode.OK, """
            {"mediaItems":[{"id":"a","description":"d","baseUrl":"https://x","mimeType":"video/mp4","filename":"A.MP4","unknown":{"x":[1]},
              "mediaMetadata":{"creationTime":"2014-10-02T15:01:23.123456789Z","width":"4032","height":3024,
                "photo":{"focalLength":4.2,"apertureFNumber":1.8,"isoEquivalent":100,"exposureTime":"0.0125s"},
                "video":{"fps":30.0,"status":"DREAMING"}}}],"nextPageToken":"t"}
            """);
        var page = await Service.MediaItems.List().ExecuteAsync(Ct);
        var item = page.MediaItems!.Single();
        Assert.Equal("t", page.NextPageToken);
        Assert.Equal((4032L, 3024L), (item.MediaMetadata!.Width, item.MediaMetadata.Height));
        Assert.Equal(new DateTimeOffset(2014, 10, 2, 15, 1, 23, TimeSpan.Zero).AddTicks(1234567), item.MediaMetadata.CreationTime);
        Assert.Equal(TimeSpan.FromMilliseconds(12.5), item.MediaMetadata.Photo!.ExposureTime);
        Assert.Equal("DREAMING", item.MediaMetadata.Video!.Status);
    }

    [Fact]
    public async Task Requests_have_the_paths_parameters_and_bodies_of_the_reference()
    {
        for (var i = 0; i < 13; i++)
        {
            _google.Answer(HttpStatusCode.OK, "{}");
        }

        var service = Service;
        await new MediaItemsResource.ListRequest(service) { PageSize = 100, PageToken = "a+b/c=" }.ExecuteAsync(Ct);
        await service.MediaItems.Search(new()
        {
            PageSize = 100,
            Filters = new() { DateFilter = new() { Dates = [new() { Year = 2020, Month = 0, Day = 0 }] }, IncludeArchivedMedia = true },
        }).ExecuteAsync(Ct);
        await service.MediaItems.Get("i/1").ExecuteAsync(Ct);
        await service.MediaItems.BatchGet("a", "b").ExecuteAsync(Ct);
        await service.MediaItems.BatchCreate(new()
        {
            AlbumId = "al",
            AlbumPosition = new() { Position = AlbumPositionType.AfterMediaItem, RelativeMediaItemId = "r" },
            NewMediaItems = [new() { Description = "d", SimpleMediaItem = new() { UploadToken = "t", FileName = "f.jpg" } }],
        }).ExecuteAsync(Ct);
        await service.MediaItems.Patch(new() { Description = "new" }, "i").ExecuteAsync(Ct);
        await service.Albums.Create(new() { Album = new() { Title = "T" } }).ExecuteAsync(Ct);
        await new AlbumsResource.ListRequest(service) { PageSize = 50 }.ExecuteAsync(Ct);
        await service.Albums.Get("al").ExecuteAsync(Ct);
        await new AlbumsResource.PatchRequest(service, new() { CoverPhotoMediaItemId = "c" }, "al") { UpdateMask = "coverPhotoMediaItemId" }.ExecuteAsync(Ct);
        await service.Albums.BatchAddMediaItems(new() { MediaItemIds = ["a"] }, "al").ExecuteAsync(Ct);
        await service.Albums.BatchRemoveMediaItems(new() { MediaItemIds = ["a"] }, "al").ExecuteAsync(Ct);
        await service.Albums.AddEnrichment(new() { NewEnrichmentItem = new() { TextEnrichment = new() { Text = "x" } } }, "al").ExecuteAsync(Ct);

        Assert.Equal(
            [
                "GET /v1/mediaItems?pageSize=100&pageToken=a%2Bb%2Fc%3D ",
                """POST /v1/mediaItems:search {"pageSize":100,"filters":{"dateFilter":{"dates":[{"year":2020,"month":0,"day":0}]},"includeArchivedMedia":true}}""",
                "GET /v1/mediaItems/i%2F1 ",
                "GET /v1/mediaItems:batchGet?mediaItemIds=a&mediaItemIds=b ",
                """POST /v1/mediaItems:batchCreate {"albumId":"al","albumPosition":{"position":"AFTER_MEDIA_ITEM","relativeMediaItemId":"r"},"newMediaItems":[{"description":"d","simpleMediaItem":{"uploadToken":"t","fileName":"f.jpg"}}]}""",
                """PATCH /v1/mediaItems/i?updateMask=description {"description":"new"}""",
                """POST /v1/albums {"album":{"title":"T"}}""",
                "GET /v1/albums?pageSize=50 ",
                "GET /v1/albums/al ",
                """PATCH /v1/albums/al?updateMask=coverPhotoMediaItemId {"coverPhotoMediaItemId":"c"}""",
                """POST /v1/albums/al:batchAddMediaItems {"mediaItemIds":["a"]}""",
                """POST /v1/albums/al:batchRemoveMediaItems {"mediaItemIds":["a"]}""",
                """POST /v1/albums/al:addEnrichment {"newEnrichmentItem":{"textEnrichment":{"text":"x"}}}""",
            ],
            _google.Requests.Select(call => $"{call.Request.Method} {call.Request.RequestUri!.PathAndQuery} {call.Body}"));
        Assert.All(_google.Requests, call => Assert.Equal("photoslibrary.googleapis.com", call.Request.RequestUri!.Host));
    }

    [Fact]
    public async Task A_small_file_goes_raw_with_its_checksum()
    {
        _google.Answer(HttpStatusCode.OK, " token-1\n");
        Assert.Equal("token-1", await Uploader(long.MaxValue).UploadAsync(Source("hello"), Ct));
        var (request, body) = _google.Requests.Single();
        Assert.Equal("hello", body);
        Assert.Equal("raw", request.Headers.GetValues("X-Goog-Upload-Protocol").Single());
        Assert.Equal("image/jpeg", request.Headers.GetValues("X-Goog-Upload-Content-Type").Single());
        Assert.Equal("sha1=qvTGHdzF6KLavt4PO0gs2a6pQ00=", request.Headers.GetValues("X-Goog-Hash").Single());
    }

    [Fact]
    public async Task A_large_file_goes_on_where_its_session_broke()
    {
        _google.Answer(HttpStatusCode.OK, "", ("X-Goog-Upload-URL", "https://photoslibrary.googleapis.com/v1/uploads?upload_id=1&upload_protocol=resumable"), ("X-Goog-Upload-Chunk-Granularity", "262144"))
            .Break()
            .Answer(HttpStatusCode.OK, "", ("X-Goog-Upload-Status", "active"), ("X-Goog-Upload-Size-Received", "3"))
            .Answer(HttpStatusCode.OK, "token-2", ("X-Goog-Upload-Status", "final"));
        Assert.Equal("token-2", await Uploader(0).UploadAsync(Source("hello"), Ct));
        Assert.Equal(
            ["start", "upload, finalize", "query", "upload, finalize"],
            _google.Requests.Select(call => string.Join(',', call.Request.Headers.GetValues("X-Goog-Upload-Command"))));
        Assert.Equal("5", _google.Requests[0].Request.Headers.GetValues("X-Goog-Upload-Raw-Size").Single());
        Assert.Equal("3", _google.Requests[3].Request.Headers.GetValues("X-Goog-Upload-Offset").Single());
        Assert.Equal("lo", _google.Requests[3].Body);
    }

    [Fact]
    public async Task A_session_that_ended_without_a_token_begins_again_and_so_do_damaged_bytes()
    {
        var start = new[] { ("X-Goog-Upload-URL", "https://photoslibrary.googleapis.com/v1/uploads?upload_id=1"), ("X-Goog-Upload-Chunk-Granularity", "1") };
        _google.Answer(HttpStatusCode.OK, "", start).Break().Answer(HttpStatusCode.OK, "", ("X-Goog-Upload-Status", "final"))
            .Answer(HttpStatusCode.OK, "", start).Answer(HttpStatusCode.BadRequest, "Checksum from header does not match received payload content.")
            .Answer(HttpStatusCode.OK, "", start).Answer(HttpStatusCode.OK, "token-3");
        Assert.Equal("token-3", await Uploader(0).UploadAsync(Source("hello"), Ct));
        Assert.Equal(7, _google.Requests.Count);
    }

    [Fact]
    public async Task An_access_token_goes_to_no_other_host()
    {
        _google.Answer(HttpStatusCode.OK, "", ("X-Goog-Upload-URL", "https://evil.example/upload"));
        Assert.Equal(GoogleFailure.ServerError, (await Assert.ThrowsAsync<GoogleServiceException>(() => Service.Uploads.StartAsync(Source("x"), Ct))).Failure);
    }

    private MediaUploader Uploader(long resumableFrom)
    {
        var time = new FakeTimeProvider();
        return new MediaUploader(Service, new GoogleCalls(TimeProvider.System, new Random(1), new() { FirstDelay = TimeSpan.FromMilliseconds(1) }), time) { ResumableFrom = resumableFrom };
    }

    private static UploadSource Source(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return new()
        {
            Length = bytes.Length,
            MimeType = "image/jpeg",
            FileName = "ü 1.jpg",
            Sha1 = System.Security.Cryptography.SHA1.HashData(bytes),
            OpenAt = (offset, _) => ValueTask.FromResult<Stream>(new MemoryStream(bytes[(int)offset..])),
        };
    }

    public void Dispose() => _google.Dispose();
}
