using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Library;
using GooglePhotosEmulator.Media;
using GooglePhotosEmulator.Quotas;

namespace GooglePhotosEmulator.Picker;

/// <summary>The Picker API, and the page behind <c>pickerUri</c>.</summary>
internal sealed class PickerService(
    IdentityStore identities, PickerSessions sessions, BaseUrls urls, Paging paging, PageShape shape, QuotaLedger ledger, TimeProvider time, EmulatorOptions options)
    : IGoogleService
{
    public ApiMethod? Resolve(GoogleRequest request) => (request.Host, request.Verb, request.Segments) switch
    {
        (GoogleHosts.Picker, "POST", ["v1", "sessions"]) => Method("sessions.create", CreateAsync),
        (GoogleHosts.Picker, "GET", ["v1", "sessions", var id]) => Method("sessions.get", (r, t) => r.WriteAsync(Describe(r, Find(t, id))), id),
        (GoogleHosts.Picker, "DELETE", ["v1", "sessions", var id]) => Method("sessions.delete", (r, t) => DeleteAsync(r, t, id), id),
        (GoogleHosts.Picker, "GET", ["v1", "mediaItems"]) => Method("mediaItems.list", ListAsync, request.Query("sessionId") ?? ""),
        (GoogleHosts.Photos, "GET" or "POST", ["picker", var id, .. [] or ["autoclose"]]) => new("photospicker.page", r => PageAsync(r, id), id),
        _ => null,
    };

    private ApiMethod Method(string name, Func<GoogleRequest, AccessToken, Task> handle, string target = "") =>
        new($"photospicker.{name}", request => handle(request, Authorize(request, name)), target);

    private AccessToken Authorize(GoogleRequest request, string method)
    {
        var token = request.Token ?? throw new AnswerException(PhotosAnswers.Unauthenticated());
        if (identities.FindClient(token.ClientId) is { } client && client.DisabledApis.Contains(GoogleHosts.Picker))
        {
            throw new AnswerException(PhotosAnswers.ServiceDisabled(GoogleHosts.Picker, "Google Photos Picker API", client.ProjectNumber));
        }

        if (!token.Allows(Scopes.Picker))
        {
            throw new AnswerException(PhotosAnswers.InsufficientScopes(GoogleHosts.Picker, $"google.photos.picker.v1.Picker.{method}"));
        }

        if (identities.FindUser(token.Principal) is not { } user)
        {
            throw new AnswerException(PhotosAnswers.PermissionDenied());
        }

        if (user.NoPhotosAccount)
        {
            throw new AnswerException(PhotosAnswers.FailedPrecondition("The user does not have an active Google Photos account."));
        }

        return ledger.TakeFromMinute($"picker/{token.Project}", options.Quotas.PickerRequestsPerMinute)
            ? token
            : throw new AnswerException(PhotosAnswers.PickerPerMinute(options.Quotas.PickerRequestsPerMinute ?? 0, token.Project));
    }

    private async Task CreateAsync(GoogleRequest request, AccessToken token)
    {
        var body = await request.JsonAsync();
        var max = body["pickingConfig"]?["maxItemCount"]?.ToString() is { Length: > 0 } text
            ? long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var given) && given >= 0
                ? given
                : throw new AnswerException(PhotosAnswers.InvalidArgument("maxItemCount must not be negative."))
            : PickerSessions.Cap;
        var session = sessions.Create(identities.FindUser(token.Principal)!, token.ClientId, (int)Math.Min(max == 0 ? PickerSessions.Cap : max, PickerSessions.Cap))
            ?? throw new AnswerException(PhotosAnswers.ResourceExhausted("The user has too many picking sessions."));
        await request.WriteAsync(Describe(request, session));
    }

    private async Task DeleteAsync(GoogleRequest request, AccessToken token, string id)
    {
        Find(token, id).Deleted = true;
        await request.WriteAsync([]);
    }

    private async Task ListAsync(GoogleRequest request, AccessToken token)
    {
        var session = Find(token, request.Query("sessionId") is { Length: > 0 } id ? id : throw new AnswerException(PhotosAnswers.InvalidArgument("sessionId is required.")));
        var picked = session.Picked ?? throw new AnswerException(PhotosAnswers.FailedPrecondition("The user has not finished picking media items."));
        var size = MediaItemsResource.PageSize(request.QueryNumber("pageSize", 0), 50, 100);
        var parameters = $"picked/{session.Id}/{size}";
        var from = (int)(paging.Read(parameters, request.Query("pageToken")) ?? 0);
        var page = picked.Skip(from).Take(shape.Limit(size)).ToArray();
        var answer = new JsonObject();
        if (page.Length > 0)
        {
            answer["mediaItems"] = new JsonArray([.. page.Select(item => Item(request, token, session, item))]);
        }

        if (from + page.Length < picked.Count)
        {
            answer["nextPageToken"] = paging.Make(parameters, from + page.Length);
        }

        await request.WriteAsync(answer);
    }

    private JsonObject Describe(GoogleRequest request, PickerSession session)
    {
        var json = new JsonObject
        {
            ["id"] = session.Id,
            ["pickerUri"] = $"{request.UrlOf(GoogleHosts.Photos)}/picker/{session.Id}",
            ["expireTime"] = Rfc3339(session.Expires),
            ["pickingConfig"] = new JsonObject { ["maxItemCount"] = session.MaxItems.ToString(CultureInfo.InvariantCulture) },
        };
        if (session.Picked is not null)
        {
            json["mediaItemsSet"] = true;
            return json;
        }

        var left = Math.Max(0, (session.PollUntil - time.GetUtcNow()).TotalSeconds);
        json["pollingConfig"] = new JsonObject
        {
            ["pollInterval"] = Seconds(options.PickerPollInterval.TotalSeconds),
            ["timeoutIn"] = Seconds(left),
        };
        return json;
    }

    private JsonObject Item(GoogleRequest request, AccessToken token, PickerSession session, MediaItem item)
    {
        var facts = item.Facts;
        var metadata = new JsonObject { ["width"] = facts.Width, ["height"] = facts.Height };
        if (facts.Make is { } make)
        {
            metadata["cameraMake"] = make;
        }

        if (facts.Model is { } model)
        {
            metadata["cameraModel"] = model;
        }

        var isVideo = MediaFormat.IsVideo(facts.MimeType);
        if (isVideo)
        {
            metadata["videoMetadata"] = new JsonObject { ["fps"] = 30.0, ["processingStatus"] = item.Video.ToString().ToUpperInvariant() };
        }
        else
        {
            var photo = new JsonObject();
            LibraryJson.Exposure(photo, facts);
            metadata["photoMetadata"] = photo;
        }

        return new JsonObject
        {
            ["id"] = identities.Mint.Opaque("picked", $"{token.ClientId}/{item.Id}", 60), // the same in every session
            ["createTime"] = LibraryJson.Time(item.Created),
            ["type"] = isVideo ? "VIDEO" : "PHOTO",
            ["mediaFile"] = new JsonObject
            {
                ["baseUrl"] = urls.ForPicker(request, item.Id, token.ClientId, session.Id),
                ["mimeType"] = facts.MimeType,
                ["filename"] = item.FileName,
                ["mediaFileMetadata"] = metadata,
            },
        };
    }

    private PickerSession Find(AccessToken token, string id) =>
        sessions.Find(id) is { } session && session.User.Email == token.Principal && session.ClientId == token.ClientId
            ? session
            : throw new AnswerException(PhotosAnswers.NotFound());

    /// <summary>The page where a person picks. It stands in for the sign-in of the same account: who has the URI may pick.</summary>
    private async Task PageAsync(GoogleRequest request, string id)
    {
        if (sessions.Find(id) is not { Picked: null } session)
        {
            await HtmlAsync(request, 404, "<!doctype html><title>Google Photos</title><p>This link is no longer valid. Start again in the app.</p>");
            return;
        }

        if (HttpMethods.IsPost(request.Verb))
        {
            var form = await request.Http.Request.ReadFormAsync(request.Aborted);
            var chosen = form["item"].ToHashSet();
            sessions.Pick(id, session.User.Library.Items.Where(item => chosen.Contains(item.Id)));
            await HtmlAsync(request, 200, "<!doctype html><title>Done!</title><p>Done! Return to the app to continue.</p>");
            return;
        }

        var rows = new StringBuilder();
        foreach (var item in session.User.Library.Items)
        {
            rows.Append(CultureInfo.InvariantCulture, $"<li><label><input type=checkbox name=item value=\"{item.Id}\"> {WebUtility.HtmlEncode(item.FileName)}</label>");
        }

        await HtmlAsync(request, 200, $"<!doctype html><title>Google Photos</title><h1>Select up to {session.MaxItems} photos of {WebUtility.HtmlEncode(session.User.Email)}</h1><form method=post><ul>{rows}</ul><button>Done</button></form>");
    }

    private static Task HtmlAsync(GoogleRequest request, int status, string html) =>
        request.WriteAsync(new Answer(status, html) { ContentType = "text/html; charset=utf-8" });

    private static string Seconds(double seconds) => seconds.ToString("0.###", CultureInfo.InvariantCulture) + "s";

    private static string Rfc3339(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
