using GooglePhotos.Library;
using GooglePhotos.Library.Data;
using GooglePhotos.Services;
using Kloset.Repositories;
using KlosetWorker.Backups;
using KlosetWorker.Catalog;
using KlosetWorker.GoogleAccounts;
using KlosetWorker.Progress;

namespace KlosetWorker.PhotosApi;

/// <summary>
/// What this OAuth client uploaded, read through the Library API. The whole list costs one call for a hundred items; only what is new costs a load, so
/// a second run of 50,000 items is 500 calls and nothing else.
/// </summary>
internal sealed class LibraryBackup(ApiLibrary library, LibrarySource source, SealedObjects objects, TimeProvider time, ProgressTracker tracker, BackupRequest request) : IAsyncDisposable
{
    public static readonly IReadOnlyList<string> CannotShow =
    [
        "everything that another app, a phone or the web page uploaded: since 31 March 2025 Google shows a client only what it uploaded itself",
        "places of photos: Google removes them from what it hands out",
        "films as they were uploaded: Google hands out a transcoded copy",
        "people, favourites, archive and trash",
        "photos as edited or as original: what is handed out is what is seen",
    ];

    private readonly RequestBudget _requests = new("Google Photos", LibraryLimits.RequestsPerDay, time, Ledger(source, objects, QuotaLedger.LibraryRequests));
    private readonly RequestBudget _loads = new("Google Photos (loads of photos)", LibraryLimits.MediaPerDay, time, Ledger(source, objects, QuotaLedger.LibraryMedia));
    private readonly Dictionary<string, List<CatalogMembership>> _memberships = new(StringComparer.Ordinal);
    private readonly HashSet<string> _unwanted = new(StringComparer.Ordinal);
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);

    public async Task<BackupReport> RunAsync(CancellationToken stop, CancellationToken cancellationToken)
    {
        var began = time.GetUtcNow();
        tracker.Phase = "Enumerating";
        GoogleServiceException? held = null;
        var stopped = false;
        try
        {
            await ListAlbumsAsync(cancellationToken);
            stopped = !await ReadItemsAsync(stop, cancellationToken);
            if (!stopped)
            {
                library.NoteAbsent("lib:", _seen);
            }
        }
        catch (GoogleServiceException later) when (later.ResumeAfter is not null)
        {
            held = later;
        }

        var whole = !stopped && held is null;
        var manifest = await library.FinishAsync(CannotShow, whole ? began : null, whole, cancellationToken);
        return ApiReports.Of(library, manifest, stopped, held, whole ? began : null);
    }

    public async ValueTask DisposeAsync()
    {
        await _requests.DisposeAsync();
        await _loads.DisposeAsync();
    }

    private async Task ListAlbumsAsync(CancellationToken cancellationToken)
    {
        var used = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var albums = new List<Album>();
        string? token = null;
        do
        {
            var list = source.Service.Albums.List();
            (list.PageSize, list.PageToken) = (LibraryLimits.AlbumsPage, token);
            var page = await CallAsync(list, cancellationToken);
            albums.AddRange(page.Albums ?? []);
            token = page.NextPageToken;
        }
        while (!string.IsNullOrEmpty(token));

        // In a fixed order, so that two albums of one name keep their folders.
        foreach (var album in albums.Where(album => album.Id is not null).OrderBy(album => album.Id, StringComparer.Ordinal))
        {
            var folder = library.Register(album.Title ?? "", album.CoverPhotoMediaItemId is { Length: > 0 } cover ? "lib:" + cover : null, used);
            var wanted = ApiSelection.IsWanted(request.Selection, album.Title ?? "");
            var order = 0;
            token = null;
            do
            {
                var page = await CallAsync(source.Service.MediaItems.Search(new() { AlbumId = album.Id, PageSize = LibraryLimits.MediaItemsPage, PageToken = token }), cancellationToken);
                foreach (var item in page.MediaItems ?? [])
                {
                    if (item.Id is not { } id)
                    {
                        continue;
                    }

                    if (wanted)
                    {
                        (System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_memberships, id, out _) ??= []).Add(new(folder, order));
                    }
                    else
                    {
                        _unwanted.Add(id);
                    }

                    order++;
                }

                token = page.NextPageToken;
                tracker.Moved();
            }
            while (!string.IsNullOrEmpty(token));
        }
    }

    /// <returns>False when it was asked to stop.</returns>
    private async Task<bool> ReadItemsAsync(CancellationToken stop, CancellationToken cancellationToken)
    {
        tracker.Phase = "Reading";
        string? token = null;
        do
        {
            var list = source.Service.MediaItems.List();
            (list.PageSize, list.PageToken) = (LibraryLimits.MediaItemsPage, token);
            var page = await CallAsync(list, cancellationToken);
            var fetched = time.GetUtcNow();
            foreach (var shown in page.MediaItems ?? [])
            {
                if (stop.IsCancellationRequested)
                {
                    return false;
                }

                if (shown.Id is null || !_seen.Add("lib:" + shown.Id))
                {
                    continue;
                }

                await TakeAsync(shown, fetched, cancellationToken);
                await library.AnchorAsync(CannotShow, cancellationToken);
            }

            token = page.NextPageToken;
            tracker.Moved();
        }
        while (!string.IsNullOrEmpty(token));
        return true;
    }

    private async Task TakeAsync(MediaItem shown, DateTimeOffset fetched, CancellationToken cancellationToken)
    {
        var item = Describe(shown);
        if (library.Holds(item.Id))
        {
            await library.ReviseAsync(item, cancellationToken);
            return;
        }

        // The selection filters what is new, by the albums that an item is in.
        if (_unwanted.Contains(shown.Id!) || (item.Albums is not { Count: > 0 } && !ApiSelection.TakesLoose(request.Selection)))
        {
            return;
        }

        if (await library.JoinAsync(item, cancellationToken))
        {
            return;
        }

        if (shown.MediaMetadata?.Video?.Status is VideoStatus.Processing or VideoStatus.Failed)
        {
            library.Gaps.Add(new("api", item.FileName, shown.MediaMetadata.Video.Status == VideoStatus.Failed
                ? "Google could not process this film, and does not hand it out."
                : "Google is still processing this film; the next run takes it."));
            return;
        }

        try
        {
            var content = await ApiMedia.ReadAsync(
                source.Calls, "Google Photos", source.Media, _loads, library, item, shown.BaseUrl ?? "", fetched, time,
                async token => (await CallAsync(source.Service.MediaItems.Get(shown.Id!), token)).BaseUrl ?? "", cancellationToken);
            await library.AddAsync(item, content, cancellationToken);
        }
        catch (GoogleServiceException refused) when (refused.ResumeAfter is null && refused.Failure is GoogleFailure.NotFound or GoogleFailure.Forbidden or GoogleFailure.Unknown)
        {
            library.Gaps.Add(new("api", item.FileName, refused.Message));
        }
    }

    private ApiItem Describe(MediaItem shown)
    {
        var metadata = shown.MediaMetadata;
        var camera = string.Join(' ', new[] { metadata?.Photo?.CameraMake ?? metadata?.Video?.CameraMake, metadata?.Photo?.CameraModel ?? metadata?.Video?.CameraModel }.Where(name => !string.IsNullOrEmpty(name)));
        var video = metadata?.Video is not null || shown.MimeType?.StartsWith("video/", StringComparison.Ordinal) == true;
        return new(
            "lib:" + shown.Id, shown.Filename ?? shown.Id!, shown.MimeType, metadata?.CreationTime, shown.Description, video,
            _memberships.TryGetValue(shown.Id!, out var albums) ? albums : [])
        {
            Width = (int?)metadata?.Width,
            Height = (int?)metadata?.Height,
            Camera = camera.Length > 0 ? camera : null,
            Origin = video ? "libraryApi:transcoded" : "libraryApi:withoutPlace",
        };
    }

    private Task<T> CallAsync<T>(GoogleRequest<T> call, CancellationToken cancellationToken) => source.Calls.RunAsync(
        source.Service.DisplayName,
        async token =>
        {
            await _requests.TakeAsync(token);
            return await call.ExecuteAsync(token);
        },
        cancellationToken);

    private static QuotaLedger Ledger(LibrarySource source, SealedObjects objects, string quota) => new(objects, source.SignIn.File, quota);
}
