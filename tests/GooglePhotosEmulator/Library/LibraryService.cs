using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Quotas;

namespace GooglePhotosEmulator.Library;

/// <summary>Routes of the Library API, who may call what, and what a call costs.</summary>
internal sealed class LibraryService(
    IdentityStore identities, UploadService uploads, MediaItemsResource items, AlbumsResource albums, BatchCreate batchCreate, QuotaLedger ledger, EmulatorOptions options)
    : IGoogleService
{
    public ApiMethod? Resolve(GoogleRequest request)
    {
        if (request.Host != GoogleHosts.Library || request.Segments is not ["v1", .. var path])
        {
            return null;
        }

        string[] read = [Scopes.ReadAppCreated];
        string[] append = [Scopes.AppendOnly];
        string[] edit = [Scopes.EditAppCreated];
        string[] appendOrEdit = [Scopes.AppendOnly, Scopes.EditAppCreated];
        return (request.Verb, path) switch
        {
            ("POST", ["uploads"]) => Method("uploads", append, Cost.Upload, uploads.HandleAsync),
            ("GET", ["mediaItems"]) => Method("mediaItems.list", read, Cost.Read, items.ListAsync),
            ("GET", ["mediaItems:batchGet"]) => Method("mediaItems.batchGet", read, Cost.Read, items.BatchGetAsync),
            ("POST", ["mediaItems:search"]) => Method("mediaItems.search", read, Cost.Read, items.SearchAsync),
            ("POST", ["mediaItems:batchCreate"]) => Method("mediaItems.batchCreate", append, Cost.Write, batchCreate.HandleAsync),
            ("GET", ["mediaItems", var id]) => Method("mediaItems.get", read, Cost.Read, (r, t) => items.GetAsync(r, t, id), id),
            ("PATCH", ["mediaItems", var id]) => Method("mediaItems.patch", edit, Cost.Write, (r, t) => items.PatchAsync(r, t, id), id),
            ("GET", ["albums"]) => Method("albums.list", read, Cost.Read, albums.ListAsync),
            ("POST", ["albums"]) => Method("albums.create", append, Cost.Write, albums.CreateAsync),
            ("POST", ["albums", var call]) when Split(call) is (var id, "batchAddMediaItems") =>
                Method("albums.batchAddMediaItems", appendOrEdit, Cost.Write, (r, t) => albums.BatchAddAsync(r, t, id), id),
            ("POST", ["albums", var call]) when Split(call) is (var id, "batchRemoveMediaItems") =>
                Method("albums.batchRemoveMediaItems", edit, Cost.Write, (r, t) => albums.BatchRemoveAsync(r, t, id), id),
            ("POST", ["albums", var call]) when Split(call) is (var id, "addEnrichment") =>
                Method("albums.addEnrichment", appendOrEdit, Cost.Write, (r, t) => albums.AddEnrichmentAsync(r, t, id), id),
            ("POST", ["albums", var call]) when Split(call) is (_, "share" or "unshare") => Removed("albums.share"),
            ("GET", ["albums", var id]) => Method("albums.get", read, Cost.Read, (r, t) => albums.GetAsync(r, t, id), id),
            ("PATCH", ["albums", var id]) => Method("albums.patch", edit, Cost.Write, (r, t) => albums.PatchAsync(r, t, id), id),
            (_, ["sharedAlbums", ..] or ["sharedAlbums:join"] or ["sharedAlbums:leave"]) => Removed("sharedAlbums"),
            _ => null,
        };
    }

    private ApiMethod Method(string name, string[] scopes, Cost cost, Func<GoogleRequest, AccessToken, Task> handle, string target = "") =>
        new($"photoslibrary.{name}", async request =>
        {
            var token = Authorize(request, name, scopes);
            using var running = Charge(token, cost);
            await handle(request, token);
        }, target);

    /// <summary>Gone since 31 March 2025.</summary>
    private static ApiMethod Removed(string name) =>
        new($"photoslibrary.{name}", request => throw new AnswerException(request.Token is null ? PhotosAnswers.Unauthenticated() : PhotosAnswers.PermissionDenied()));

    private AccessToken Authorize(GoogleRequest request, string method, string[] anyOf)
    {
        var token = request.Token ?? throw new AnswerException(PhotosAnswers.Unauthenticated());
        if (identities.FindClient(token.ClientId) is { } client && client.DisabledApis.Contains(GoogleHosts.Library))
        {
            throw new AnswerException(PhotosAnswers.ServiceDisabled(GoogleHosts.Library, "Photos Library API", client.ProjectNumber));
        }

        if (!token.Allows(anyOf))
        {
            throw new AnswerException(PhotosAnswers.InsufficientScopes(GoogleHosts.Library, $"google.photos.library.v1.PhotosLibrary.{method}"));
        }

        if (token.IsServiceAccount || identities.FindUser(token.Principal) is not { } user)
        {
            throw new AnswerException(PhotosAnswers.PermissionDenied()); // Photos does not know service accounts
        }

        return user.PhotosDisabled ? throw new AnswerException(PhotosAnswers.PermissionDenied("Google Photos is disabled for the user")) : token;
    }

    private IDisposable? Charge(AccessToken token, Cost cost)
    {
        var quotas = options.Quotas;
        var user = $"{token.Project}/{token.Principal}";
        IDisposable? running = null;
        if (cost == Cost.Write)
        {
            running = ledger.Enter($"library-writes/{user}", quotas.ConcurrentWritesPerUser)
                ?? throw new AnswerException(PhotosAnswers.ConcurrentWrites(quotas.ConcurrentWritesPerUser ?? 0, token.Project));
        }

        try
        {
            if (cost == Cost.Write && !ledger.TakeFromMinute($"library-writes/{user}", quotas.WritesPerMinutePerUser))
            {
                throw new AnswerException(PhotosAnswers.WritesPerMinute(quotas.WritesPerMinutePerUser ?? 0, token.Project));
            }

            if (cost == Cost.Read && !ledger.TakeFromMinute($"library-reads/{user}", quotas.ReadsPerMinutePerUser))
            {
                throw new AnswerException(PhotosAnswers.ReadsPerMinute(quotas.ReadsPerMinutePerUser ?? 0, token.Project));
            }

            if (!ledger.TakeFromDay($"library/{token.Project}", quotas.LibraryRequestsPerDay))
            {
                throw new AnswerException(PhotosAnswers.RequestsPerDay(quotas.LibraryRequestsPerDay ?? 0, token.Project));
            }
        }
        catch
        {
            running?.Dispose();
            throw;
        }

        return running;
    }

    private static (string Id, string Verb) Split(string segment)
    {
        var colon = segment.IndexOf(':');
        return colon < 0 ? (segment, "") : (segment[..colon], segment[(colon + 1)..]);
    }

    private enum Cost
    {
        Read,
        Write,

        /// <summary>Bytes may go up in parallel; only what is made of them is a write.</summary>
        Upload,
    }
}
