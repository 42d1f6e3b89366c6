using System.Text.Json.Nodes;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;

namespace GooglePhotosEmulator.Library;

/// <summary>Reading and describing items: only those that the same client uploaded.</summary>
internal sealed class MediaItemsResource(IdentityStore identities, LibraryJson json, Paging paging, PageShape shape)
{
    private const int MaxDescription = 1000;

    public async Task GetAsync(GoogleRequest request, AccessToken token, string id) =>
        await request.WriteAsync(json.Item(request, token, Find(token, id)));

    public async Task ListAsync(GoogleRequest request, AccessToken token)
    {
        var size = PageSize(request.QueryNumber("pageSize", 0), 25, 100);
        var parameters = $"list/{token.Principal}/{token.ClientId}/{size}";
        var before = paging.Read(parameters, request.Query("pageToken")) ?? long.MaxValue;
        var library = Library(token);
        MediaItem[] page;
        bool more;
        lock (library.Gate)
        {
            // newest arrival first; what arrives between two pages does not shift them
            var mine = library.Of(token.ClientId);
            var end = FirstAtLeast(mine, before);
            var start = Math.Max(0, end - shape.Limit(size));
            page = [.. Enumerable.Range(start, end - start).Reverse().Select(index => mine[index])];
            more = start > 0;
        }

        await WritePageAsync(request, token, page, more ? paging.Make(parameters, page.Length > 0 ? page[^1].Sequence : before) : null);
    }

    public async Task SearchAsync(GoogleRequest request, AccessToken token)
    {
        var body = await request.JsonAsync();
        var albumId = body["albumId"]?.ToString() ?? "";
        var filters = body["filters"] as JsonObject;
        if (albumId.Length > 0 && filters is not null)
        {
            throw Invalid("Album ID and filters can not be set in the same request.");
        }

        var search = MediaSearch.Parse(filters);
        var order = body["orderBy"]?.ToString() ?? "";
        if (order.Length > 0 && (!search.ByDate || order is not ("MediaMetadata.creation_time" or "MediaMetadata.creation_time desc")))
        {
            throw Invalid("Invalid value at 'order_by': the order can only be MediaMetadata.creation_time, and only with a date filter.");
        }

        var size = PageSize(Number(body, "pageSize"), 25, 100);
        var parameters = $"search/{token.Principal}/{token.ClientId}/{size}/{albumId}/{order}/{filters?.ToJsonString()}";
        var from = (int)(paging.Read(parameters, body["pageToken"]?.ToString()) ?? 0);
        var library = Library(token);
        var page = new List<MediaItem>();
        var at = from;
        int count;
        lock (library.Gate)
        {
            var candidates = Candidates(library, token, albumId, order);
            count = candidates.Length;
            for (var limit = shape.Limit(size); at < count && page.Count < limit; at++)
            {
                if (albumId.Length > 0 || search.Matches(candidates[at]))
                {
                    page.Add(candidates[at]);
                }
            }
        }

        await WritePageAsync(request, token, page, at < count ? paging.Make(parameters, at) : null);
    }

    public async Task BatchGetAsync(GoogleRequest request, AccessToken token)
    {
        var ids = request.Http.Request.Query["mediaItemIds"].Select(id => id ?? "").ToArray();
        if (ids.Length is 0 or > 50)
        {
            throw Invalid("Request must have between 1 and 50 media item ids.");
        }

        if (ids.Distinct(StringComparer.Ordinal).Count() != ids.Length)
        {
            throw Invalid("Request must not have duplicate media item ids.");
        }

        var results = new JsonArray();
        foreach (var id in ids)
        {
            results.Add((JsonNode)(TryFind(token, id, out var item) switch
            {
                Visibility.Visible => new JsonObject { ["mediaItem"] = json.Item(request, token, item!) },
                Visibility.OfOthers => Status(7, "The caller does not have permission"),
                _ => Status(5, "Requested entity was not found."),
            }));
        }

        await request.WriteAsync(new JsonObject { ["mediaItemResults"] = results });
    }

    public async Task PatchAsync(GoogleRequest request, AccessToken token, string id)
    {
        if (request.Query("updateMask") is not "description")
        {
            throw Invalid("Invalid update mask: only description can be updated.");
        }

        var item = Find(token, id);
        var body = await request.JsonAsync();
        item.Description = Description(body["description"]?.ToString() ?? "");
        await request.WriteAsync(json.Item(request, token, item));
    }

    public static string Description(string text) =>
        text.Length <= MaxDescription ? text : throw Invalid($"A description can have at most {MaxDescription} characters.");

    public static int PageSize(int given, int absent, int max) => given switch
    {
        < 0 => throw Invalid("Page size must not be negative."),
        0 => absent,
        _ => Math.Min(given, max),
    };

    public static int Number(JsonObject body, string name) => body[name] switch
    {
        null => 0,
        JsonValue value when value.TryGetValue<int>(out var number) => number,
        JsonValue value when int.TryParse(value.ToString(), System.Globalization.CultureInfo.InvariantCulture, out var number) => number,
        _ => throw Invalid($"Invalid value at '{name}' (TYPE_INT32)"),
    };

    private PhotoLibrary Library(AccessToken token) => identities.FindUser(token.Principal)!.Library;

    private MediaItem Find(AccessToken token, string id) => TryFind(token, id, out var item) switch
    {
        Visibility.Visible => item!,
        Visibility.OfOthers => throw new AnswerException(PhotosAnswers.PermissionDenied()),
        _ => throw new AnswerException(PhotosAnswers.NotFound()),
    };

    private Visibility TryFind(AccessToken token, string id, out MediaItem? item)
    {
        item = Library(token).Find(id);
        return item is null ? Visibility.Unknown : item.CreatedBy.Contains(token.ClientId) ? Visibility.Visible : Visibility.OfOthers;
    }

    /// <summary>Needs the gate.</summary>
    private static MediaItem[] Candidates(PhotoLibrary library, AccessToken token, string albumId, string order)
    {
        if (albumId.Length == 0)
        {
            var byTime = library.ByTime(token.ClientId);
            return order == "MediaMetadata.creation_time" ? [.. byTime.Reverse()] : byTime;
        }

        var album = library.FindAlbum(albumId) is { } found && found.ClientId == token.ClientId ? found : throw new AnswerException(PhotosAnswers.NotFound());
        // what the person added by hand to an album of the client stays invisible to it
        return [.. album.ItemIds.Select(library.Find).OfType<MediaItem>().Where(item => item.CreatedBy.Contains(token.ClientId))];
    }

    private async Task WritePageAsync(GoogleRequest request, AccessToken token, IReadOnlyList<MediaItem> page, string? next)
    {
        var answer = new JsonObject();
        if (page.Count > 0)
        {
            answer["mediaItems"] = new JsonArray([.. page.Select(item => json.Item(request, token, item))]);
        }

        if (next is not null)
        {
            answer["nextPageToken"] = next;
        }

        await request.WriteAsync(answer);
    }

    private static int FirstAtLeast(IReadOnlyList<MediaItem> items, long sequence)
    {
        var (low, high) = (0, items.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = items[middle].Sequence < sequence ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    private static JsonObject Status(int code, string message) => new() { ["status"] = new JsonObject { ["code"] = code, ["message"] = message } };

    private static AnswerException Invalid(string message) => new(PhotosAnswers.InvalidArgument(message));

    private enum Visibility
    {
        Visible,
        OfOthers,
        Unknown,
    }
}
