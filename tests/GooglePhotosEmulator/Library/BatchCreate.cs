using System.Text.Json.Nodes;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Faults;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Media;

namespace GooglePhotosEmulator.Library;

/// <summary><c>mediaItems.batchCreate</c>: uploaded bytes become items; each has its own status, and 207 says that not all are good.</summary>
internal sealed class BatchCreate(IdentityStore identities, UploadService uploads, LibraryJson json, FaultScript faults, StorageMeter storage, EmulatorOptions options)
{
    private const int MaxItems = 50;
    private const int MaxFileName = 255;

    public async Task HandleAsync(GoogleRequest request, AccessToken token)
    {
        var body = await request.JsonAsync();
        var given = body["newMediaItems"] is JsonArray list ? list.Select(Read).ToArray() : [];
        if (given.Length is 0 or > MaxItems)
        {
            throw Invalid($"Request must have between 1 and {MaxItems} new media items.");
        }

        var albumId = body["albumId"]?.ToString() ?? "";
        var at = body["albumPosition"] as JsonObject;
        if (albumId.Length == 0 && at is not null)
        {
            throw Invalid("Album position can not be set without an album id.");
        }

        var user = identities.FindUser(token.Principal)!;
        var (album, position) = FindAlbum(user.Library, token, albumId, at, given.Length);
        var results = new JsonArray();
        var entries = new List<AlbumEntry>();
        var failed = false;
        foreach (var item in given)
        {
            var (result, made) = Create(request, token, user, item);
            if (made is not null)
            {
                entries.Add(new AlbumEntry.Item(made.Id));
            }

            if (result is not null)
            {
                failed |= result["mediaItem"] is null;
                results.Add((JsonNode)result);
            }
        }

        if (album is not null)
        {
            lock (user.Library.Gate)
            {
                album.Insert(position, entries);
            }
        }

        await request.WriteAsync(new JsonObject { ["newMediaItemResults"] = results }, failed && options.PartialFailureIs207 ? 207 : 200);
    }

    private (Album? Album, AlbumPosition Position) FindAlbum(PhotoLibrary library, AccessToken token, string id, JsonObject? position, int adding)
    {
        if (id.Length == 0)
        {
            return (null, new AlbumPosition.Last());
        }

        lock (library.Gate)
        {
            var album = AlbumsResource.Find(library, token, id, () => PhotosAnswers.NotFound("The provided ID does not match any albums"));
            return album.Count + adding > options.MaxItemsInAlbum
                ? throw Invalid($"An album can hold at most {options.MaxItemsInAlbum} media items.")
                : (album, AlbumsResource.Position(position, album));
        }
    }

    /// <returns>The result, null when it is to be missing; and the item when one was made or found.</returns>
    private (JsonObject? Result, MediaItem? Item) Create(GoogleRequest request, AccessToken token, UserAccount user, NewMediaItem given)
    {
        if (uploads.Find(given.UploadToken, token) is not { } bytes)
        {
            return (Failure(given, 3, "Request must contain a valid upload token."), null);
        }

        var name = given.FileName.Length > 0 ? given.FileName : bytes.FileName;
        var call = new NewItem(faults.NextItemNumber(), name, Convert.ToHexStringLower(bytes.Sha1), bytes.Content.Length, token.ClientId, token.Principal);
        var fault = faults.Judge(call);
        switch (fault)
        {
            case ItemFault.Status status:
                return (Failure(given, status.Code, status.Message), null);
            case ItemFault.Missing { Created: false }:
                return (null, null);
        }

        if (!user.Library.Holds(bytes.Sha1) && !storage.HasRoomFor(user, bytes.Content.Length))
        {
            return options.StorageFullFailsTheRequest
                ? throw new AnswerException(PhotosAnswers.StorageFull())
                : (Failure(given, 8, PhotosAnswers.StorageFullMessage), null);
        }

        if (user.Library.Add(name, bytes.Content, token.ClientId, given.Description) is not { } added)
        {
            return (Failure(given, 3, "BAD_IMAGE: There was an error while trying to create this media item."), null);
        }

        var limit = MediaFormat.IsVideo(added.Item.MimeType) ? options.MaxVideoBytes : options.MaxPhotoBytes;
        if (added.New && added.Item.Size > limit)
        {
            user.Library.Delete(added.Item);
            return (Failure(given, 3, "Failed: The file is too large."), null);
        }

        if (fault is ItemFault.Missing)
        {
            return (null, added.Item);
        }

        return (new JsonObject
        {
            ["uploadToken"] = given.UploadToken,
            ["status"] = new JsonObject { ["message"] = "Success" },
            ["mediaItem"] = json.Item(request, token, added.Item),
        }, added.Item);
    }

    private static JsonObject Failure(NewMediaItem given, int code, string message) => new()
    {
        ["uploadToken"] = given.UploadToken,
        ["status"] = new JsonObject { ["code"] = code, ["message"] = message },
    };

    private static NewMediaItem Read(JsonNode? node)
    {
        var simple = node?["simpleMediaItem"] as JsonObject;
        var item = new NewMediaItem(simple?["uploadToken"]?.ToString() ?? "", simple?["fileName"]?.ToString() ?? "",
            MediaItemsResource.Description(node?["description"]?.ToString() ?? ""));
        if (item.UploadToken.Length == 0)
        {
            throw Invalid("Request must contain a valid upload token.");
        }

        return item.FileName.Length <= MaxFileName && !item.FileName.Contains('/')
            ? item
            : throw Invalid($"A file name can have at most {MaxFileName} characters and no path.");
    }

    private static AnswerException Invalid(string message) => new(PhotosAnswers.InvalidArgument(message));

    private sealed record NewMediaItem(string UploadToken, string FileName, string Description);
}
