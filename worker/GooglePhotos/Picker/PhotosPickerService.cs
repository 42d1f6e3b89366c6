using Google.Apis.Util;
using GooglePhotos.Picker.Data;
using GooglePhotos.Services;

namespace GooglePhotos.Picker;

/// <summary>Google Photos Picker API v1: a person picks up to 2,000 items in a session. No albums, no descriptions, no places; films are transcoded.</summary>
public sealed class PhotosPickerService : GoogleService
{
    public const string DefaultBaseUri = "https://photospicker.googleapis.com/";

    public PhotosPickerService(Initializer initializer)
        : base(initializer, DefaultBaseUri)
    {
        Sessions = new(this);
        MediaItems = new(this);
    }

    public static class Scope
    {
        public const string MediaItemsReadOnly = "https://www.googleapis.com/auth/photospicker.mediaitems.readonly";
    }

    public override string Name => "photospicker";

    public override string DisplayName => "Google Photos Picker";

    public SessionsResource Sessions { get; }

    public PickedMediaItemsResource MediaItems { get; }
}

public sealed class SessionsResource(PhotosPickerService service)
{
    public CreateRequest Create(PickingSession body) => new(service, body);

    public GetRequest Get(string sessionId) => new(service, sessionId);

    /// <summary>Sessions count against a limit that is not published; delete them when their items are in.</summary>
    public DeleteRequest Delete(string sessionId) => new(service, sessionId);

    public sealed class CreateRequest(PhotosPickerService service, PickingSession body)
        : GoogleRequest<PickingSession>(service, "create", "POST", "v1/sessions", body);

    public sealed class GetRequest(PhotosPickerService service, string sessionId)
        : GoogleRequest<PickingSession>(service, "get", "GET", "v1/sessions/{sessionId}")
    {
        [RequestParameter("sessionId", RequestParameterType.Path)]
        public string SessionId { get; } = sessionId;
    }

    public sealed class DeleteRequest(PhotosPickerService service, string sessionId)
        : GoogleRequest<Empty>(service, "delete", "DELETE", "v1/sessions/{sessionId}")
    {
        [RequestParameter("sessionId", RequestParameterType.Path)]
        public string SessionId { get; } = sessionId;
    }
}

public sealed class PickedMediaItemsResource(PhotosPickerService service)
{
    /// <summary>Fails with <see cref="GoogleFailure.NotPickedYet"/> before the person is done.</summary>
    public ListRequest List(string sessionId) => new(service, sessionId);

    public sealed class ListRequest(PhotosPickerService service, string sessionId)
        : GoogleRequest<ListMediaItemsResponse>(service, "list", "GET", "v1/mediaItems")
    {
        [RequestParameter("sessionId", RequestParameterType.Query)]
        public string SessionId { get; } = sessionId;

        /// <summary>At most 100, 50 when absent.</summary>
        [RequestParameter("pageSize", RequestParameterType.Query)]
        public int? PageSize { get; set; }

        [RequestParameter("pageToken", RequestParameterType.Query)]
        public string? PageToken { get; set; }
    }
}
