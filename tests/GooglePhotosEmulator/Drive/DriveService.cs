using System.Globalization;
using System.Text.Json.Nodes;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Library;
using GooglePhotosEmulator.Media;
using GooglePhotosEmulator.Quotas;

namespace GooglePhotosEmulator.Drive;

/// <summary>Drive v3, as far as somebody reads who picks up what Takeout delivered.</summary>
internal sealed class DriveService(
    IdentityStore identities, DriveStore store, DriveJson json, DriveListing listing, StorageMeter storage, QuotaLedger ledger, EmulatorOptions options)
    : IGoogleService
{
    private const string DefaultFileFields = "kind,id,name,mimeType";
    private static readonly string[] ReadScopes =
        [Scopes.DriveReadOnly, Scopes.DriveFull, Scopes.DriveMetadataReadOnly, Scopes.DriveFile, Scopes.DrivePhotosReadOnly];

    public ApiMethod? Resolve(GoogleRequest request)
    {
        if (request.Host is not (GoogleHosts.GoogleApis or GoogleHosts.Drive) || request.Segments is not ["drive", "v3", .. var path])
        {
            return null;
        }

        var media = request.Query("alt") == "media";
        return (request.Verb, path) switch
        {
            ("GET", ["about"]) => Method("about.get", 5, AboutAsync),
            ("GET", ["files"]) => Method("files.list", 100, ListAsync),
            ("GET", ["files", var id]) when media => Method("files.media", 200, (r, t) => MediaAsync(r, t, id, null), id),
            ("GET", ["files", var id]) => Method("files.get", 5, (r, t) => GetAsync(r, t, id), id),
            ("GET", ["files", var id, "revisions", var revision]) when media => Method("revisions.media", 200, (r, t) => MediaAsync(r, t, id, revision), id),
            ("GET", ["files", var id, "revisions", var revision]) => Method("revisions.get", 5, (r, t) => RevisionAsync(r, t, id, revision), id),
            ("GET", ["changes", "startPageToken"]) => Method("changes.getStartPageToken", 50, StartPageTokenAsync),
            ("GET", ["changes"]) => Method("changes.list", 50, ChangesAsync),
            ("POST", ["files"] or ["files", _, "copy"]) => Method("files.create", 50, (_, t) => throw Refusal(t)),
            ("PATCH" or "DELETE", ["files", var id]) => Method("files.update", 50, (_, t) => throw Refusal(t), id),
            _ => null,
        };
    }

    private ApiMethod Method(string name, long units, Func<GoogleRequest, AccessToken, Task> handle, string target = "") =>
        new($"drive.{name}", request =>
        {
            var token = Authorize(request);
            Charge(token, units);
            return handle(request, token);
        }, target);

    private AccessToken Authorize(GoogleRequest request)
    {
        if (request.Token is not { } token)
        {
            throw new AnswerException(request.Header("Authorization") is null ? DriveAnswers.DailyLimitExceededUnreg() : DriveAnswers.AuthError());
        }

        if (identities.FindClient(token.ClientId) is { } client && client.Id == token.ClientId && client.DisabledApis.Contains(GoogleHosts.Drive))
        {
            throw new AnswerException(DriveAnswers.AccessNotConfigured(client.ProjectNumber));
        }

        if (!token.Allows(ReadScopes))
        {
            throw new AnswerException(DriveAnswers.InsufficientScopes());
        }

        return identities.FindUser(token.Principal) is { DriveAppsForbidden: true } ? throw new AnswerException(DriveAnswers.DomainPolicy()) : token;
    }

    private void Charge(AccessToken token, long units)
    {
        var quotas = options.Quotas;
        if (!ledger.TakeFromMinute($"drive/{token.Project}/{token.Principal}", quotas.DriveUnitsPerMinutePerUser, units))
        {
            throw new AnswerException(DriveAnswers.UserRateLimitExceeded());
        }

        if (!ledger.TakeFromMinute($"drive/{token.Project}", quotas.DriveUnitsPerMinute, units))
        {
            throw new AnswerException(DriveAnswers.RateLimitExceeded());
        }

        if (!ledger.TakeFromDay($"drive/{token.Project}", quotas.DriveUnitsPerDay, units))
        {
            throw new AnswerException(DriveAnswers.DailyLimitExceeded());
        }
    }

    private async Task AboutAsync(GoogleRequest request, AccessToken token)
    {
        var mask = Mask(request, null) ?? throw new AnswerException(DriveAnswers.FieldsRequired());
        var quota = new JsonObject();
        if (identities.FindUser(token.Principal) is { } user)
        {
            if (user.StorageLimit is { } limit)
            {
                quota["limit"] = Text(limit);
            }

            lock (store.Gate)
            {
                quota["usage"] = Text(storage.Used(user));
                quota["usageInDrive"] = Text(store.BytesOwnedBy(user.Email));
                quota["usageInDriveTrash"] = Text(store.TrashedBytesOwnedBy(user.Email));
            }
        }
        else
        {
            quota["limit"] = "0"; // a service account has no storage of its own
            quota["usage"] = "0";
            quota["usageInDrive"] = "0";
            quota["usageInDriveTrash"] = "0";
        }

        await request.WriteAsync(mask.Apply(new JsonObject
        {
            ["kind"] = "drive#about",
            ["user"] = json.User(token.Principal, token.Principal),
            ["storageQuota"] = quota,
        }));
    }

    private async Task ListAsync(GoogleRequest request, AccessToken token)
    {
        var mask = Mask(request, $"kind,incompleteSearch,nextPageToken,files({DefaultFileFields})")!;
        var below = mask.Below("files") ?? FieldMask.Parse("*")!;
        CheckFields(below);
        JsonObject answer;
        lock (store.Gate)
        {
            var (files, next, incomplete) = listing.Page(request, token);
            answer = new JsonObject { ["kind"] = "drive#fileList", ["incompleteSearch"] = incomplete };
            if (next is not null)
            {
                answer["nextPageToken"] = next;
            }

            answer["files"] = new JsonArray([.. files.Select(file => json.File(file, token, below))]);
        }

        await request.WriteAsync(mask.Apply(answer));
    }

    private async Task GetAsync(GoogleRequest request, AccessToken token, string id)
    {
        var mask = Mask(request, DefaultFileFields)!;
        CheckFields(mask);
        JsonObject answer;
        lock (store.Gate)
        {
            answer = json.File(Find(request, token, id), token, mask);
        }

        await request.WriteAsync(answer);
    }

    private async Task RevisionAsync(GoogleRequest request, AccessToken token, string id, string revisionId)
    {
        JsonObject answer;
        lock (store.Gate)
        {
            var (file, revision) = FindRevision(request, token, id, revisionId);
            answer = new JsonObject
            {
                ["kind"] = "drive#revision",
                ["id"] = revision.Id,
                ["mimeType"] = file.MimeType,
                ["modifiedTime"] = DriveJson.Time(revision.Modified),
                ["size"] = Text(revision.Content.Length),
                ["md5Checksum"] = revision.Md5,
            };
        }

        await request.WriteAsync(Mask(request, "kind,id,mimeType,modifiedTime")!.Apply(answer));
    }

    private async Task MediaAsync(GoogleRequest request, AccessToken token, string id, string? revisionId)
    {
        if (!token.Allows(Scopes.DriveReadOnly, Scopes.DriveFull, Scopes.DriveFile))
        {
            throw new AnswerException(DriveAnswers.InsufficientScopes()); // names and checksums, no bytes
        }

        DriveFile file;
        DriveRevision revision;
        lock (store.Gate)
        {
            file = Find(request, token, id);
            revision = revisionId is not null ? FindRevision(request, token, id, revisionId).Revision : file.Head ?? throw new AnswerException(DriveAnswers.FileNotDownloadable());
            var role = store.RoleOf(token.Principal, file);
            if (file.DownloadForbiddenForReaders && role is null or DriveRole.Reader)
            {
                throw new AnswerException(DriveAnswers.CannotDownloadFile());
            }

            if (file.Abusive && !(role == DriveRole.Owner && request.Query("acknowledgeAbuse") == "true"))
            {
                throw new AnswerException(DriveAnswers.CannotDownloadAbusiveFile());
            }
        }

        var range = ByteRange.Parse(request.Header("Range"), revision.Content.Length, out var unsatisfiable);
        if (unsatisfiable)
        {
            throw new AnswerException(DriveAnswers.RangeNotSatisfiable());
        }

        if (file.DownloadQuota == DownloadQuotaState.AllRefused || (file.DownloadQuota == DownloadQuotaState.UnboundedRefused && range is not { Bounded: true }))
        {
            throw new AnswerException(DriveAnswers.DownloadQuotaExceeded());
        }

        if (!ledger.TakeFromDay($"drive-bytes/{token.Principal}", options.Quotas.DriveBytesPerDay, range?.Length ?? revision.Content.Length))
        {
            throw new AnswerException(DriveAnswers.DownloadQuotaExceeded("usageLimits"));
        }

        await ContentAnswer.SendAsync(request, revision.Content, file.MimeType, range);
    }

    private async Task StartPageTokenAsync(GoogleRequest request, AccessToken token)
    {
        long last;
        lock (store.Gate)
        {
            last = store.LastChange;
        }

        await request.WriteAsync(new JsonObject { ["kind"] = "drive#startPageToken", ["startPageToken"] = Text(last + 1) });
    }

    private async Task ChangesAsync(GoogleRequest request, AccessToken token)
    {
        // these tokens never expire
        if (!long.TryParse(request.Query("pageToken"), NumberStyles.None, CultureInfo.InvariantCulture, out var from) || from < 1)
        {
            throw new AnswerException(DriveAnswers.Invalid("pageToken"));
        }

        var mask = Mask(request, $"kind,nextPageToken,newStartPageToken,changes(kind,changeType,fileId,removed,time,file({DefaultFileFields}))")!;
        var fileMask = mask.Below("changes")?.Below("file") ?? FieldMask.Parse("*")!;
        var size = DriveListing.PageSize(request);
        var answer = new JsonObject { ["kind"] = "drive#changeList" };
        lock (store.Gate)
        {
            var changes = store.ChangesAfter(from - 1).Take(size).ToArray();
            var list = new JsonArray();
            foreach (var change in changes)
            {
                var file = change.Removed ? null : store.Find(change.FileId);
                var visible = file is not null && store.RoleOf(token.Principal, file) is not null;
                var entry = new JsonObject
                {
                    ["kind"] = "drive#change",
                    ["changeType"] = "file",
                    ["fileId"] = change.FileId,
                    ["removed"] = !visible,
                    ["time"] = DriveJson.Time(change.Time),
                };
                if (visible)
                {
                    entry["file"] = json.File(file!, token, fileMask);
                }

                list.Add((JsonNode)entry);
            }

            var next = from + changes.Length;
            answer[next <= store.LastChange ? "nextPageToken" : "newStartPageToken"] = Text(next);
            answer["changes"] = list;
        }

        await request.WriteAsync(mask.Apply(answer));
    }

    /// <summary>Needs the gate. No access and no file look the same.</summary>
    private DriveFile Find(GoogleRequest request, AccessToken token, string id)
    {
        var file = id == "root" ? store.Root(token.Principal) : store.Find(id);
        if (file is null || store.RoleOf(token.Principal, file) is null || (file.DriveId is not null && request.Query("supportsAllDrives") != "true")
            || (file.ResourceKey is { } key && store.RoleOf(token.Principal, file) is DriveRole.Reader && !HasKey(request, id, key)))
        {
            throw new AnswerException(DriveAnswers.NotFound(id));
        }

        return DriveListing.MayApp(token, file) ? file : throw new AnswerException(DriveAnswers.AppNotAuthorizedToFile());
    }

    /// <summary>Needs the gate.</summary>
    private (DriveFile File, DriveRevision Revision) FindRevision(GoogleRequest request, AccessToken token, string id, string revisionId)
    {
        var file = Find(request, token, id);
        if (store.RoleOf(token.Principal, file) is DriveRole.Reader)
        {
            throw new AnswerException(DriveAnswers.InsufficientFilePermissions());
        }

        return (file, file.Revisions.FirstOrDefault(revision => revision.Id == revisionId) ?? throw new AnswerException(DriveAnswers.RevisionNotFound(revisionId)));
    }

    private static bool HasKey(GoogleRequest request, string id, string key) =>
        (request.Header("X-Goog-Drive-Resource-Keys") ?? "").Split(',', StringSplitOptions.TrimEntries).Contains($"{id}/{key}");

    private static AnswerException Refusal(AccessToken token) =>
        new(token.IsServiceAccount && token.Allows(Scopes.DriveFull, Scopes.DriveFile) ? DriveAnswers.StorageQuotaExceeded(true) : DriveAnswers.InsufficientScopes());

    private static FieldMask? Mask(GoogleRequest request, string? absent)
    {
        var text = request.Query("fields");
        try
        {
            return FieldMask.Parse(string.IsNullOrWhiteSpace(text) ? absent : text);
        }
        catch (FormatException e)
        {
            throw new AnswerException(DriveAnswers.InvalidField(e.Message));
        }
    }

    private static void CheckFields(FieldMask mask)
    {
        if (mask.Names.FirstOrDefault(name => !DriveJson.FileFields.Contains(name)) is { } unknown)
        {
            throw new AnswerException(DriveAnswers.InvalidField(unknown));
        }
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
