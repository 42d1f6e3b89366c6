using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Google.Apis.Util;
using GooglePhotos.Drive.Data;
using GooglePhotos.Services;

namespace GooglePhotos.Drive;

/// <summary>Google Drive API v3: the few calls that picking up exports needs, all of them reading.</summary>
public sealed class DriveService : GoogleService
{
    public const string DefaultBaseUri = "https://www.googleapis.com/drive/v3/";

    public DriveService(Initializer initializer)
        : base(initializer, DefaultBaseUri)
    {
        About = new(this);
        Files = new(this);
    }

    public static class Scope
    {
        /// <summary>Restricted; everything, with bytes.</summary>
        public const string DriveReadOnly = "https://www.googleapis.com/auth/drive.readonly";

        /// <summary>Only what was picked one by one, so nothing of the next export.</summary>
        public const string DriveFile = "https://www.googleapis.com/auth/drive.file";
    }

    public override string Name => "drive";

    public override string DisplayName => "Google Drive";

    public AboutResource About { get; }

    public FilesResource Files { get; }
}

public sealed class AboutResource(DriveService service)
{
    public GetRequest Get() => new(service);

    public sealed class GetRequest(DriveService service)
        : GoogleRequest<About>(service, "get", "GET", "about")
    {
        /// <summary>Mandatory here.</summary>
        [RequestParameter("fields", RequestParameterType.Query)]
        public string Fields { get; set; } = "user(displayName,emailAddress,permissionId,me),storageQuota(limit,usage,usageInDrive,usageInDriveTrash)";
    }
}

public sealed class FilesResource(DriveService service)
{
    public ListRequest List() => new(service);

    public GetRequest Get(string fileId) => new(service, fileId);

    /// <summary>
    /// Bytes of a file from an offset on, always with an end: whole reads and open ranges of big files were refused with a download quota while bounded
    /// ranges of the same file worked.
    /// </summary>
    /// <returns>The file's size as the answer has it; another one than before means that the content changed.</returns>
    /// <exception cref="GoogleServiceException"/>
    /// <exception cref="EndOfStreamException">The answer ended early.</exception>
    public async Task<long> ReadRangeAsync(string fileId, string? resourceKey, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(new Uri(service.BaseUri), $"files/{Uri.EscapeDataString(fileId)}?alt=media&supportsAllDrives=true"));
        request.Headers.Range = new RangeHeaderValue(offset, offset + destination.Length - 1);
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
        if (resourceKey is not null)
        {
            request.Headers.TryAddWithoutValidation("X-Goog-Drive-Resource-Keys", $"{fileId}/{resourceKey}");
        }

        using var response = await service.SendAsync(request, cancellationToken);
        var range = response.Content.Headers.ContentRange;
        var whole = response.StatusCode == HttpStatusCode.OK && offset == 0 && response.Content.Headers.ContentLength == destination.Length;
        if (!whole && (response.StatusCode != HttpStatusCode.PartialContent || range?.From != offset || range.Length is null))
        {
            throw new GoogleServiceException(service.DisplayName, GoogleFailure.ServerError, string.Create(
                CultureInfo.InvariantCulture, $"Google Drive answered the range from {offset} with {(int)response.StatusCode} and '{range}'."))
            {
                Status = response.StatusCode,
            };
        }

        await using var content = await response.Content.ReadAsStreamAsync(cancellationToken);
        await content.ReadExactlyAsync(destination, cancellationToken);
        return whole ? destination.Length : range!.Length!.Value;
    }

    public sealed class ListRequest(DriveService service)
        : GoogleRequest<FileList>(service, "list", "GET", "files")
    {
        /// <summary>Without `trashed = false` the trash is listed, too.</summary>
        [RequestParameter("q", RequestParameterType.Query)]
        public string? Q { get; set; }

        [RequestParameter("fields", RequestParameterType.Query)]
        public string Fields { get; set; } = $"nextPageToken,incompleteSearch,files({Data.File.Fields})";

        [RequestParameter("pageSize", RequestParameterType.Query)]
        public int PageSize { get; set; } = 1000;

        [RequestParameter("pageToken", RequestParameterType.Query)]
        public string? PageToken { get; set; }

        [RequestParameter("orderBy", RequestParameterType.Query)]
        public string? OrderBy { get; set; }

        [RequestParameter("spaces", RequestParameterType.Query)]
        public string Spaces { get; set; } = "drive";

        [RequestParameter("corpora", RequestParameterType.Query)]
        public string? Corpora { get; set; }

        [RequestParameter("driveId", RequestParameterType.Query)]
        public string? DriveId { get; set; }

        /// <summary>Without both of these whatever lies on a shared drive does not exist.</summary>
        [RequestParameter("supportsAllDrives", RequestParameterType.Query)]
        public bool SupportsAllDrives { get; set; } = true;

        [RequestParameter("includeItemsFromAllDrives", RequestParameterType.Query)]
        public bool IncludeItemsFromAllDrives { get; set; } = true;
    }

    public sealed class GetRequest(DriveService service, string fileId)
        : GoogleRequest<Data.File>(service, "get", "GET", "files/{fileId}")
    {
        [RequestParameter("fileId", RequestParameterType.Path)]
        public string FileId { get; } = fileId;

        [RequestParameter("fields", RequestParameterType.Query)]
        public string Fields { get; set; } = Data.File.Fields;

        [RequestParameter("supportsAllDrives", RequestParameterType.Query)]
        public bool SupportsAllDrives { get; set; } = true;
    }
}
