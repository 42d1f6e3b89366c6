using Google.Apis.Util;
using GooglePhotos.Library.Data;
using GooglePhotos.Services;

namespace GooglePhotos.Library;

public sealed class AlbumsResource(PhotosLibraryService service)
{
    public CreateRequest Create(CreateAlbumRequest body) => new(service, body);

    public ListRequest List() => new(service);

    public GetRequest Get(string albumId) => new(service, albumId);

    /// <param name="body">Title and cover can be changed.</param>
    public PatchRequest Patch(Album body, string albumId) => new(service, body, albumId);

    public BatchAddMediaItemsRequest BatchAddMediaItems(BatchAddMediaItemsToAlbumRequest body, string albumId) => new(service, body, albumId);

    public BatchRemoveMediaItemsRequest BatchRemoveMediaItems(BatchRemoveMediaItemsFromAlbumRequest body, string albumId) => new(service, body, albumId);

    public AddEnrichmentRequest AddEnrichment(AddEnrichmentToAlbumRequest body, string albumId) => new(service, body, albumId);

    public sealed class CreateRequest(PhotosLibraryService service, CreateAlbumRequest body)
        : GoogleRequest<Album>(service, "create", "POST", "v1/albums", body);

    public sealed class ListRequest(PhotosLibraryService service)
        : GoogleRequest<ListAlbumsResponse>(service, "list", "GET", "v1/albums")
    {
        [RequestParameter("pageSize", RequestParameterType.Query)]
        public int? PageSize { get; set; }

        [RequestParameter("pageToken", RequestParameterType.Query)]
        public string? PageToken { get; set; }
    }

    public sealed class GetRequest(PhotosLibraryService service, string albumId)
        : GoogleRequest<Album>(service, "get", "GET", "v1/albums/{albumId}")
    {
        [RequestParameter("albumId", RequestParameterType.Path)]
        public string AlbumId { get; } = albumId;
    }

    public sealed class PatchRequest(PhotosLibraryService service, Album body, string albumId)
        : GoogleRequest<Album>(service, "patch", "PATCH", "v1/albums/{albumId}", body)
    {
        [RequestParameter("albumId", RequestParameterType.Path)]
        public string AlbumId { get; } = albumId;

        /// <summary>`title`, `coverPhotoMediaItemId`, or both with a comma.</summary>
        [RequestParameter("updateMask", RequestParameterType.Query)]
        public string? UpdateMask { get; set; }
    }

    public sealed class BatchAddMediaItemsRequest(PhotosLibraryService service, BatchAddMediaItemsToAlbumRequest body, string albumId)
        : GoogleRequest<Empty>(service, "batchAddMediaItems", "POST", "v1/albums/{albumId}:batchAddMediaItems", body)
    {
        [RequestParameter("albumId", RequestParameterType.Path)]
        public string AlbumId { get; } = albumId;
    }

    public sealed class BatchRemoveMediaItemsRequest(PhotosLibraryService service, BatchRemoveMediaItemsFromAlbumRequest body, string albumId)
        : GoogleRequest<Empty>(service, "batchRemoveMediaItems", "POST", "v1/albums/{albumId}:batchRemoveMediaItems", body)
    {
        [RequestParameter("albumId", RequestParameterType.Path)]
        public string AlbumId { get; } = albumId;
    }

    public sealed class AddEnrichmentRequest(PhotosLibraryService service, AddEnrichmentToAlbumRequest body, string albumId)
        : GoogleRequest<AddEnrichmentToAlbumResponse>(service, "addEnrichment", "POST", "v1/albums/{albumId}:addEnrichment", body)
    {
        [RequestParameter("albumId", RequestParameterType.Path)]
        public string AlbumId { get; } = albumId;
    }
}
