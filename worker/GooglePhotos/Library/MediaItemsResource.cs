using Google.Apis.Util;
using GooglePhotos.Library.Data;
using GooglePhotos.Services;

namespace GooglePhotos.Library;

public sealed class MediaItemsResource(PhotosLibraryService service)
{
    /// <summary>All that this client uploaded; newest upload first, which is not promised.</summary>
    public ListRequest List() => new(service);

    public SearchRequest Search(SearchMediaItemsRequest body) => new(service, body);

    public GetRequest Get(string mediaItemId) => new(service, mediaItemId);

    /// <param name="mediaItemIds">1 to 50, each once.</param>
    public BatchGetRequest BatchGet(params IEnumerable<string> mediaItemIds) => new(service, mediaItemIds);

    /// <summary>Adds uploaded bytes to the library. Never repeated blindly: an answer that was lost may have worked.</summary>
    public BatchCreateRequest BatchCreate(BatchCreateMediaItemsRequest body) => new(service, body);

    /// <param name="body">Only the description can be changed.</param>
    public PatchRequest Patch(MediaItem body, string mediaItemId) => new(service, body, mediaItemId);

    public sealed class ListRequest(PhotosLibraryService service)
        : GoogleRequest<ListMediaItemsResponse>(service, "list", "GET", "v1/mediaItems")
    {
        [RequestParameter("pageSize", RequestParameterType.Query)]
        public int? PageSize { get; set; }

        [RequestParameter("pageToken", RequestParameterType.Query)]
        public string? PageToken { get; set; }
    }

    public sealed class SearchRequest(PhotosLibraryService service, SearchMediaItemsRequest body)
        : GoogleRequest<SearchMediaItemsResponse>(service, "search", "POST", "v1/mediaItems:search", body);

    public sealed class GetRequest(PhotosLibraryService service, string mediaItemId)
        : GoogleRequest<MediaItem>(service, "get", "GET", "v1/mediaItems/{mediaItemId}")
    {
        [RequestParameter("mediaItemId", RequestParameterType.Path)]
        public string MediaItemId { get; } = mediaItemId;
    }

    public sealed class BatchGetRequest(PhotosLibraryService service, IEnumerable<string> mediaItemIds)
        : GoogleRequest<BatchGetMediaItemsResponse>(service, "batchGet", "GET", "v1/mediaItems:batchGet")
    {
        [RequestParameter("mediaItemIds", RequestParameterType.Query)]
        public Repeatable<string> MediaItemIds { get; } = new(mediaItemIds);
    }

    public sealed class BatchCreateRequest(PhotosLibraryService service, BatchCreateMediaItemsRequest body)
        : GoogleRequest<BatchCreateMediaItemsResponse>(service, "batchCreate", "POST", "v1/mediaItems:batchCreate", body);

    public sealed class PatchRequest(PhotosLibraryService service, MediaItem body, string mediaItemId)
        : GoogleRequest<MediaItem>(service, "patch", "PATCH", "v1/mediaItems/{mediaItemId}", body)
    {
        [RequestParameter("mediaItemId", RequestParameterType.Path)]
        public string MediaItemId { get; } = mediaItemId;

        [RequestParameter("updateMask", RequestParameterType.Query)]
        public string UpdateMask { get; set; } = "description";
    }
}
