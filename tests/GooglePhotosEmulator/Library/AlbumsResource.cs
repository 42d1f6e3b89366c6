using System.Text.Json.Nodes;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;

namespace GooglePhotosEmulator.Library;

/// <summary>Albums that the client made: no other is visible, none can be deleted.</summary>
internal sealed class AlbumsResource(IdentityStore identities, LibraryJson json, Paging paging, PageShape shape, EmulatorOptions options)
{
    private const int MaxTitle = 500;
    private const int MaxBatch = 50;

    public async Task CreateAsync(GoogleRequest request, AccessToken token)
    {
        var body = await request.JsonAsync();
        if (body["album"] is not JsonObject given)
        {
            throw Invalid("Request must have an album.");
        }

        if (given["id"] is not null)
        {
            throw Invalid("The id of an album to be created must not be set.");
        }

        var title = Title(given["title"]?.ToString() ?? "");
        var library = Library(token);
        Album album;
        lock (library.Gate)
        {
            album = library.CreateAlbum(title, token.ClientId);
        }

        await request.WriteAsync(json.Album(request, token, album, library.Find));
    }

    public async Task ListAsync(GoogleRequest request, AccessToken token)
    {
        var size = MediaItemsResource.PageSize(request.QueryNumber("pageSize", 0), 20, 50);
        var parameters = $"albums/{token.Principal}/{token.ClientId}/{size}";
        var from = (int)(paging.Read(parameters, request.Query("pageToken")) ?? 0);
        var library = Library(token);
        var answer = new JsonObject();
        lock (library.Gate)
        {
            var mine = library.Albums.Where(album => album.ClientId == token.ClientId).ToArray();
            var page = mine.Skip(from).Take(shape.Limit(size)).Select(album => json.Album(request, token, album, library.Find)).ToArray();
            if (page.Length > 0)
            {
                answer["albums"] = new JsonArray([.. page]);
            }

            if (from + page.Length < mine.Length)
            {
                answer["nextPageToken"] = paging.Make(parameters, from + page.Length);
            }
        }

        await request.WriteAsync(answer);
    }

    public async Task GetAsync(GoogleRequest request, AccessToken token, string id)
    {
        var library = Library(token);
        JsonObject answer;
        lock (library.Gate)
        {
            answer = json.Album(request, token, Find(library, token, id), library.Find);
        }

        await request.WriteAsync(answer);
    }

    public async Task PatchAsync(GoogleRequest request, AccessToken token, string id)
    {
        var fields = (request.Query("updateMask") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (fields.Length == 0 || fields.Any(field => field is not ("title" or "coverPhotoMediaItemId" or "cover_photo_media_item_id")))
        {
            throw Invalid("Invalid update mask: only title and coverPhotoMediaItemId can be updated.");
        }

        var body = await request.JsonAsync();
        var library = Library(token);
        JsonObject answer;
        lock (library.Gate)
        {
            var album = Find(library, token, id);
            var title = fields.Contains("title") ? Title(body["title"]?.ToString() ?? "") : album.Title;
            if (fields.Any(field => field != "title"))
            {
                var cover = body["coverPhotoMediaItemId"]?.ToString() ?? "";
                album.CoverItemId = album.Contains(cover) ? cover : throw Invalid("The cover must be a media item of the album.");
            }

            album.Title = title;
            answer = json.Album(request, token, album, library.Find);
        }

        await request.WriteAsync(answer);
    }

    public async Task BatchAddAsync(GoogleRequest request, AccessToken token, string id)
    {
        var ids = Ids(await request.JsonAsync());
        var library = Library(token);
        lock (library.Gate)
        {
            var album = Find(library, token, id);
            if (ids.Any(item => library.Find(item)?.CreatedBy.Contains(token.ClientId) != true))
            {
                throw Invalid("Request contains an invalid media item id.");
            }

            if (album.Count + ids.Count(item => !album.Contains(item)) > options.MaxItemsInAlbum)
            {
                throw Invalid($"An album can hold at most {options.MaxItemsInAlbum} media items.");
            }

            album.Insert(new AlbumPosition.Last(), [.. ids.Select(item => new AlbumEntry.Item(item))]);
        }

        await request.WriteAsync([]);
    }

    public async Task BatchRemoveAsync(GoogleRequest request, AccessToken token, string id)
    {
        var ids = Ids(await request.JsonAsync());
        var library = Library(token);
        lock (library.Gate)
        {
            var album = Find(library, token, id);
            if (ids.Any(item => !album.Contains(item) || library.Find(item)?.CreatedBy.Contains(token.ClientId) != true))
            {
                throw Invalid("Request contains an invalid media item id.");
            }

            album.Remove(ids.ToHashSet(StringComparer.Ordinal));
        }

        await request.WriteAsync([]);
    }

    public async Task AddEnrichmentAsync(GoogleRequest request, AccessToken token, string id)
    {
        var body = await request.JsonAsync();
        var library = Library(token);
        AlbumEntry entry;
        lock (library.Gate)
        {
            var album = Find(library, token, id);
            entry = Enrichment(body["newEnrichmentItem"] as JsonObject);
            album.Insert(Position(body["albumPosition"] as JsonObject, album), [entry]);
        }

        await request.WriteAsync(new JsonObject { ["enrichmentItem"] = new JsonObject { ["id"] = entry.Id } });
    }

    /// <exception cref="AnswerException">400 when the position is none of this album.</exception>
    public static AlbumPosition Position(JsonObject? position, Album album)
    {
        var kind = position?["position"]?.ToString() ?? "LAST_IN_ALBUM";
        var item = position?["relativeMediaItemId"]?.ToString() ?? "";
        var enrichment = position?["relativeEnrichmentItemId"]?.ToString() ?? "";
        switch (kind)
        {
            case "FIRST_IN_ALBUM" when item.Length + enrichment.Length == 0:
                return new AlbumPosition.First();
            case "LAST_IN_ALBUM" or "POSITION_TYPE_UNSPECIFIED" when item.Length + enrichment.Length == 0:
                return new AlbumPosition.Last();
            case "AFTER_MEDIA_ITEM" when enrichment.Length == 0 && album.Knows(item, true):
                return new AlbumPosition.After(item);
            case "AFTER_ENRICHMENT_ITEM" when item.Length == 0 && album.Knows(enrichment, false):
                return new AlbumPosition.After(enrichment);
            default:
                throw Invalid("Invalid album position.");
        }
    }

    public static Album Find(PhotoLibrary library, AccessToken token, string id, Func<Answer>? unknown = null)
    {
        var album = library.FindAlbum(id) ?? throw new AnswerException(unknown?.Invoke() ?? PhotosAnswers.NotFound());
        return album.ClientId == token.ClientId ? album : throw new AnswerException(PhotosAnswers.PermissionDenied());
    }

    private AlbumEntry Enrichment(JsonObject? given)
    {
        var id = identities.Mint.Opaque("enrichment", 80);
        if (given is { Count: 1 })
        {
            if (given["textEnrichment"] is JsonObject text && text["text"]?.ToString() is { Length: > 0 and <= 1000 } content)
            {
                return new AlbumEntry.Text(id, content);
            }

            if (given["locationEnrichment"]?["location"] is JsonObject location && Name(location) is { Length: > 0 } name)
            {
                return new AlbumEntry.Location(id, name, Degrees(location, "latitude", 90), Degrees(location, "longitude", 180));
            }

            if (given["mapEnrichment"] is JsonObject map && Name(map["origin"]) is { Length: > 0 } origin && Name(map["destination"]) is { Length: > 0 } destination)
            {
                return new AlbumEntry.Map(id, origin, destination);
            }
        }

        throw Invalid("Request must have exactly one enrichment: a text of at most 1000 characters, a location, or a map.");
    }

    private static string? Name(JsonNode? location) => location?["locationName"]?.ToString();

    private static double Degrees(JsonObject location, string name, double limit)
    {
        var value = location["latlng"]?[name]?.GetValue<double>() ?? 0;
        return Math.Abs(value) <= limit ? value : throw Invalid($"Invalid value at 'latlng.{name}'");
    }

    private static string[] Ids(JsonObject body)
    {
        var ids = body["mediaItemIds"] is JsonArray list ? list.Select(id => id?.ToString() ?? "").ToArray() : [];
        return ids.Length is > 0 and <= MaxBatch ? ids : throw Invalid($"Request must have between 1 and {MaxBatch} media item ids.");
    }

    private static string Title(string title) => title.Length switch
    {
        0 => throw Invalid("An album needs a title."),
        > MaxTitle => throw Invalid($"The title of an album can have at most {MaxTitle} characters."),
        _ => title,
    };

    private PhotoLibrary Library(AccessToken token) => identities.FindUser(token.Principal)!.Library;

    private static AnswerException Invalid(string message) => new(PhotosAnswers.InvalidArgument(message));
}
