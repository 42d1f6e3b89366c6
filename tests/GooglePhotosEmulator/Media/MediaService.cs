using System.Collections.Concurrent;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Library;
using GooglePhotosEmulator.Picker;
using GooglePhotosEmulator.Quotas;

namespace GooglePhotosEmulator.Media;

/// <summary><c>lh3.googleusercontent.com</c>: the bytes behind baseUrls.</summary>
internal sealed class MediaService(
    BaseUrls urls, ConcurrentDictionary<string, MediaItem> items, IdentityStore identities, PickerSessions sessions, QuotaLedger ledger, EmulatorOptions options)
    : IGoogleService
{
    private const string Forbidden = "<!DOCTYPE html><title>Error 403 (Forbidden)!!1</title><p>Your client does not have permission to get URL from this server.</p>";

    public ApiMethod? Resolve(GoogleRequest request)
    {
        if (request.Host != GoogleHosts.UserContent || request.Segments is not ["lr" or "ppa", var text])
        {
            return null;
        }

        var (path, suffix) = Split(text);
        return new ApiMethod("media.get", r => ServeAsync(r, request.Segments[0], path, suffix), path.Split('.')[0]);
    }

    private async Task ServeAsync(GoogleRequest request, string kind, string path, string suffix)
    {
        if (!HttpMethods.IsGet(request.Verb) && !HttpMethods.IsHead(request.Verb))
        {
            throw Html(405);
        }

        var url = urls.Read(kind, path) ?? throw Html(404);
        if (!items.TryGetValue(url.ItemId, out var item) || item.Deleted)
        {
            throw Html(404);
        }

        if (url.Ended || (kind == "ppa" && !MayRead(request, url, item)))
        {
            throw Html(403);
        }

        Charge(url, kind);
        if (MediaFormat.IsVideo(item.Facts.MimeType) && item.Video != VideoStatus.Ready)
        {
            throw Html(404);
        }

        var rendition = Renditions.Make(item, suffix) ?? throw Html(400);
        var content = Content.Of(rendition.Bytes);
        var range = ByteRange.Parse(request.Header("Range"), content.Length, out var unsatisfiable);
        if (unsatisfiable)
        {
            throw Html(416);
        }

        request.Http.Response.Headers.ContentDisposition = $"attachment;filename=\"{Uri.EscapeDataString(item.FileName)}\"";
        request.Http.Response.Headers.CacheControl = "private, max-age=86400, no-transform";
        await ContentAnswer.SendAsync(request, content, rendition.MimeType, range);
    }

    private bool MayRead(GoogleRequest request, BaseUrl url, MediaItem item) =>
        request.Token is { } token && token.Principal == item.Owner && token.Allows(Scopes.Picker) && sessions.IsOpen(url.SessionId);

    private void Charge(BaseUrl url, string kind)
    {
        var project = identities.FindClient(url.ClientId)?.ProjectNumber ?? "1";
        if (kind == "lr" && !ledger.TakeFromDay($"media/{project}", options.Quotas.LibraryMediaPerDay))
        {
            throw new AnswerException(PhotosAnswers.MediaPerDay(options.Quotas.LibraryMediaPerDay ?? 0, project));
        }

        if (kind != "lr" && !ledger.TakeFromMinute($"picker-media/{project}", options.Quotas.PickerMediaPerMinute))
        {
            throw new AnswerException(PhotosAnswers.PickerMediaPerMinute(options.Quotas.PickerMediaPerMinute ?? 0, project));
        }
    }

    private static (string Path, string Suffix) Split(string text)
    {
        var at = text.IndexOf('=');
        return at < 0 ? (text, "") : (text[..at], text[at..]);
    }

    private static AnswerException Html(int status) =>
        new(new Answer(status, status == 403 ? Forbidden : $"<!DOCTYPE html><title>Error {status}</title>") { ContentType = "text/html; charset=UTF-8" });
}
