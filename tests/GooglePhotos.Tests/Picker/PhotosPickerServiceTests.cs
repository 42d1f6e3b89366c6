using System.Net;
using GooglePhotos.Picker;
using GooglePhotos.Services;
using GooglePhotos.Tests.Services;

namespace GooglePhotos.Tests.Picker;

public sealed class PhotosPickerServiceTests : IDisposable
{
    private readonly RecordedGoogle _google = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_session_is_made_asked_for_listed_and_deleted()
    {
        _google
            .Answer(HttpStatusCode.OK, """{"id":"s","pickerUri":"https://photos.google.com/picker/x","expireTime":"2026-11-24T00:00:00Z","mediaItemsSet":false,"pollingConfig":{"pollInterval":"5s","timeoutIn":"1799.9s"},"pickingConfig":{"maxItemCount":"2000"}}""")
            .Answer(HttpStatusCode.OK, """{"id":"s","mediaItemsSet":true}""")
            .Answer(HttpStatusCode.OK, """{"mediaItems":[{"id":"p","createTime":"2026-01-02T03:04:05Z","type":"VIDEO","mediaFile":{"baseUrl":"https://b","mimeType":"video/mp4","filename":"a.mp4","mediaFileMetadata":{"width":1920,"height":1080,"videoMetadata":{"fps":30,"processingStatus":"READY"}}}}],"nextPageToken":"n"}""")
            .Answer(HttpStatusCode.OK, "{}")
            .Answer(HttpStatusCode.BadRequest, """{"error":{"code":400,"message":"The session has no picked items yet.","status":"FAILED_PRECONDITION"}}""");
        var service = new PhotosPickerService(_google.Initializer);
        var session = await service.Sessions.Create(new() { PickingConfig = new() { MaxItemCount = 2000 } }).ExecuteAsync(Ct);
        Assert.Equal(TimeSpan.FromSeconds(1799.9), session.PollingConfig!.TimeoutIn);
        Assert.Equal(2000, session.PickingConfig!.MaxItemCount);
        Assert.True((await service.Sessions.Get("s").ExecuteAsync(Ct)).MediaItemsSet);
        var page = await new PickedMediaItemsResource.ListRequest(service, "s") { PageSize = 100, PageToken = "t" }.ExecuteAsync(Ct);
        Assert.Equal(1920, page.MediaItems!.Single().MediaFile!.MediaFileMetadata!.Width);
        await service.Sessions.Delete("s").ExecuteAsync(Ct);
        var early = await Assert.ThrowsAsync<GoogleServiceException>(() => service.MediaItems.List("s").ExecuteAsync(Ct));
        Assert.Equal(GoogleFailure.NotPickedYet, early.Failure);
        Assert.Equal(
            [
                """POST /v1/sessions {"pickingConfig":{"maxItemCount":"2000"}}""",
                "GET /v1/sessions/s ",
                "GET /v1/mediaItems?sessionId=s&pageSize=100&pageToken=t ",
                "DELETE /v1/sessions/s ",
                "GET /v1/mediaItems?sessionId=s ",
            ],
            _google.Requests.Select(call => $"{call.Request.Method} {call.Request.RequestUri!.PathAndQuery} {call.Body}"));
    }

    public void Dispose() => _google.Dispose();
}
