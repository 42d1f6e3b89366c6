using System.Net;
using GooglePhotos.Drive;
using GooglePhotos.Services;
using GooglePhotos.Tests.Services;

namespace GooglePhotos.Tests.Drive;

public sealed class DriveServiceTests : IDisposable
{
    private readonly RecordedGoogle _google = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private DriveService Service => new(_google.Initializer);

    [Fact]
    public async Task A_file_is_read_as_Drive_writes_it()
    {
        _google.Answer(HttpStatusCode.OK, """
            {"nextPageToken":"n","files":[{"kind":"drive#file","id":"1AbC","name":"takeout-20261120T031415Z-1-003.zip","size":"2147483648","md5Checksum":"aa","headRevisionId":"r",
              "version":"4711","createdTime":"2026-11-20T04:00:00.123Z","owners":[{"emailAddress":"a@example.com"}],"capabilities":{"canDownload":true}}]}
            """);
        var list = await new FilesResource.ListRequest(Service) { Q = "'1' in parents and trashed = false" }.ExecuteAsync(Ct);
        var file = list.Files!.Single();
        Assert.Equal((2147483648L, 4711L, "r", true), (file.Size, file.Version, file.HeadRevisionId, file.Capabilities!.CanDownload));
        var query = _google.Requests.Single().Request.RequestUri!.Query;
        Assert.Contains("supportsAllDrives=true&includeItemsFromAllDrives=true", query, StringComparison.Ordinal);
        Assert.Contains("headRevisionId", query, StringComparison.Ordinal);
        Assert.Equal("/drive/v3/files", _google.Requests.Single().Request.RequestUri!.AbsolutePath);
    }

    [Fact]
    public async Task A_range_is_asked_for_with_both_ends_and_tells_the_size_of_the_whole()
    {
        _google.Answer(HttpStatusCode.PartialContent, "cde", ("Content-Range", "bytes 2-4/10"));
        var buffer = new byte[3];
        Assert.Equal(10, await Service.Files.ReadRangeAsync("f", "key", 2, buffer, Ct));
        Assert.Equal("cde"u8.ToArray(), buffer);
        var request = _google.Requests.Single().Request;
        Assert.Equal("bytes=2-4", request.Headers.Range!.ToString());
        Assert.Equal("f/key", request.Headers.GetValues("X-Goog-Drive-Resource-Keys").Single());
        Assert.Equal("/drive/v3/files/f?alt=media&supportsAllDrives=true", request.RequestUri!.PathAndQuery);
    }

    [Fact]
    public async Task A_range_of_another_place_or_a_whole_file_instead_is_not_taken_for_it()
    {
        _google.Answer(HttpStatusCode.PartialContent, "cde", ("Content-Range", "bytes 3-5/10")).Answer(HttpStatusCode.OK, "abcdefghij");
        var buffer = new byte[3];
        Assert.Equal(GoogleFailure.ServerError, (await Assert.ThrowsAsync<GoogleServiceException>(() => Service.Files.ReadRangeAsync("f", null, 2, buffer, Ct))).Failure);
        Assert.Equal(GoogleFailure.ServerError, (await Assert.ThrowsAsync<GoogleServiceException>(() => Service.Files.ReadRangeAsync("f", null, 2, buffer, Ct))).Failure);
    }

    [Fact]
    public async Task An_emulator_stands_below_another_address()
    {
        _google.Answer(HttpStatusCode.OK, """{"user":{"emailAddress":"a@example.com","me":true},"storageQuota":{"limit":"100","usage":"60","usageInDrive":"50"}}""");
        var initializer = GoogleService.Configure(null, new Uri("http://127.0.0.1:1234/www.googleapis.com/drive/v3"), new GoogleHttp(() => _google));
        var about = await new DriveService(initializer).About.Get().ExecuteAsync(Ct);
        Assert.Equal(100, about.StorageQuota!.Limit);
        Assert.StartsWith("http://127.0.0.1:1234/www.googleapis.com/drive/v3/about?fields=user", _google.Requests.Single().Request.RequestUri!.AbsoluteUri, StringComparison.Ordinal);
    }

    public void Dispose() => _google.Dispose();
}
