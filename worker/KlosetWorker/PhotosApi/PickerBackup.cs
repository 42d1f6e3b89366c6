using System.Globalization;
using GooglePhotos.Library;
using GooglePhotos.Picker.Data;
using GooglePhotos.Services;
using KlosetWorker.Backups;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Progress;

namespace KlosetWorker.PhotosApi;

/// <summary>
/// What a person picks behind a link: a mail box for the weeks between two exports. A session is made, its link is told as progress, and it is asked at
/// Google's pace until the person is done; what was picked is loaded at once, because it can be read only while the session lives.
/// </summary>
internal sealed class PickerBackup(ApiLibrary library, PickerSource source, TimeProvider time, ProgressTracker tracker)
{
    private static readonly IReadOnlyList<string> CannotShow =
    [
        "everything that was not picked", "albums, descriptions, people and places", "films as they were uploaded: Google hands out a transcoded copy",
    ];

    /// <summary>A person has as long as this to pick, over as many sessions as it takes.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromHours(4);

    private static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ShortestInterval = TimeSpan.FromSeconds(1);

    public async Task<BackupReport> RunAsync(CancellationToken stop, CancellationToken cancellationToken)
    {
        var began = time.GetUtcNow();
        PickingSession? session = null;
        GoogleServiceException? held = null;
        var stopped = false;
        try
        {
            while (session is null)
            {
                var asked = await OpenAsync(cancellationToken);
                var picked = false;
                try
                {
                    picked = await WaitAsync(asked, began + Patience, stop, cancellationToken);
                }
                catch (GoogleServiceException gone) when (gone.Failure == GoogleFailure.NotFound)
                {
                    // The session ended before its time; the person gets a new link.
                }

                if (picked)
                {
                    session = asked;
                }
                else
                {
                    await CloseAsync(asked, cancellationToken);
                    if (stop.IsCancellationRequested || time.GetUtcNow() >= began + Patience)
                    {
                        throw new WorkerException(GoogleErrorCatalogue.NotPicked, "Nobody picked photos while the link was valid.");
                    }
                }
            }

            tracker.Action = null;
            stopped = !await LoadAsync(session, stop, cancellationToken);
        }
        catch (GoogleServiceException later) when (later.ResumeAfter is not null && library.ItemsNew > 0)
        {
            held = later;
        }
        finally
        {
            tracker.Action = null;
        }

        var manifest = await library.FinishAsync(CannotShow, coveredThrough: null, complete: !stopped && held is null, cancellationToken);
        if (!stopped && held is null)
        {
            await CloseAsync(session!, cancellationToken);
        }

        return ApiReports.Of(library, manifest, stopped, held, covered: null);
    }

    private async Task<PickingSession> OpenAsync(CancellationToken cancellationToken)
    {
        var session = await source.Calls.RunAsync(
            source.Service.Sessions.Create(new() { PickingConfig = source.MaxItems is { } most ? new() { MaxItemCount = most } : null }), cancellationToken);
        tracker.Phase = "Waiting";
        tracker.Action = new("PickPhotos", "Open the link with the account, pick photos, and press Done.", session.PickerUri, session.ExpireTime);
        source.Tell?.Invoke(session.PickerUri ?? "");
        return session;
    }

    /// <returns>True once the person is done; false when the session is to be asked no longer.</returns>
    private async Task<bool> WaitAsync(PickingSession session, DateTimeOffset end, CancellationToken stop, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (session.MediaItemsSet == true)
            {
                return true;
            }

            var now = time.GetUtcNow();
            if (session.PollingConfig?.TimeoutIn is { } left && left <= TimeSpan.Zero || session.ExpireTime <= now || now >= end || stop.IsCancellationRequested)
            {
                return false;
            }

            var interval = session.PollingConfig?.PollInterval ?? DefaultInterval;
            try
            {
                using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, cancellationToken);
                await Task.Delay(interval < ShortestInterval ? ShortestInterval : interval, time, either.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return false;
            }

            tracker.Moved();
            session = await source.Calls.RunAsync(source.Service.Sessions.Get(session.Id!), cancellationToken);
        }
    }

    private async Task<bool> LoadAsync(PickingSession session, CancellationToken stop, CancellationToken cancellationToken)
    {
        tracker.Phase = "Reading";
        string? token = null;
        do
        {
            var pageToken = token;
            var page = await ListAsync(session, pageToken, cancellationToken);
            var fetched = time.GetUtcNow();
            foreach (var picked in page.MediaItems ?? [])
            {
                if (stop.IsCancellationRequested)
                {
                    return false;
                }

                if (picked is { Id: { } id, MediaFile: { BaseUrl: { } baseUrl } file } && !library.Holds("pick:" + id))
                {
                    await TakeAsync(session, picked, file, baseUrl, pageToken, fetched, cancellationToken);
                    await library.AnchorAsync(CannotShow, cancellationToken);
                }
            }

            token = page.NextPageToken;
        }
        while (!string.IsNullOrEmpty(token));
        return true;
    }

    private async Task TakeAsync(PickingSession session, PickedMediaItem picked, MediaFile file, string baseUrl, string? pageToken, DateTimeOffset fetched, CancellationToken cancellationToken)
    {
        var metadata = file.MediaFileMetadata;
        var video = picked.Type == "VIDEO" || file.MimeType?.StartsWith("video/", StringComparison.Ordinal) == true;
        var camera = string.Join(' ', new[] { metadata?.CameraMake, metadata?.CameraModel }.Where(name => !string.IsNullOrEmpty(name)));
        var item = new ApiItem("pick:" + picked.Id, file.Filename ?? picked.Id!, file.MimeType, picked.CreateTime, null, video, null)
        {
            Width = metadata?.Width,
            Height = metadata?.Height,
            Camera = camera.Length > 0 ? camera : null,
            Origin = video ? "picker:transcoded" : "picker:withoutPlace",
        };
        if (await library.JoinAsync(item, cancellationToken))
        {
            return;
        }

        if (metadata?.VideoMetadata?.ProcessingStatus is GooglePhotos.Library.Data.VideoStatus.Processing or GooglePhotos.Library.Data.VideoStatus.Failed)
        {
            library.Gaps.Add(new("api", item.FileName, "Google has not processed this film, and does not hand it out; pick it again later."));
            return;
        }

        try
        {
            var content = await ApiMedia.ReadAsync(
                source.Calls, "Google Photos Picker", source.Media, budget: null, library, item, baseUrl, fetched, time,
                async again => (await ListAsync(session, pageToken, again)).MediaItems?.FirstOrDefault(one => one.Id == picked.Id)?.MediaFile?.BaseUrl ?? baseUrl,
                cancellationToken);
            await library.AddAsync(item, content, cancellationToken);
        }
        catch (GoogleServiceException refused) when (refused.ResumeAfter is null && refused.Failure is GoogleFailure.NotFound or GoogleFailure.Forbidden or GoogleFailure.Unknown)
        {
            library.Gaps.Add(new("api", item.FileName, string.Create(CultureInfo.InvariantCulture, $"{refused.Message} Pick it again.")));
        }
    }

    private Task<ListMediaItemsResponse> ListAsync(PickingSession session, string? pageToken, CancellationToken cancellationToken)
    {
        var list = source.Service.MediaItems.List(session.Id!);
        (list.PageSize, list.PageToken) = (LibraryLimits.MediaItemsPage, pageToken);
        return source.Calls.RunAsync(list, cancellationToken);
    }

    /// <summary>Open sessions count against a limit that nobody knows.</summary>
    private async Task CloseAsync(PickingSession session, CancellationToken cancellationToken)
    {
        try
        {
            await source.Calls.RunAsync(source.Service.Sessions.Delete(session.Id!), cancellationToken);
        }
        catch (GoogleServiceException)
        {
            // It ends by itself.
        }
    }
}
