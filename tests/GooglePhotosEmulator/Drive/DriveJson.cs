using System.Globalization;
using System.Text.Json.Nodes;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;

namespace GooglePhotosEmulator.Drive;

/// <summary>Files as Drive tells them: only the fields that were asked for, int64 as strings, what does not apply is absent.</summary>
internal sealed class DriveJson(DriveStore store, IdentityStore identities)
{
    public static IReadOnlySet<string> FileFields { get; } = new HashSet<string>(StringComparer.Ordinal)
    {
        "*", "kind", "id", "name", "mimeType", "size", "md5Checksum", "sha1Checksum", "sha256Checksum", "headRevisionId", "version", "createdTime", "modifiedTime",
        "trashed", "explicitlyTrashed", "shared", "ownedByMe", "owners", "parents", "driveId", "teamDriveId", "resourceKey", "shortcutDetails", "capabilities",
        "downloadRestrictions", "originalFilename", "fullFileExtension", "fileExtension", "quotaBytesUsed", "webViewLink", "webContentLink", "iconLink", "description",
        "starred", "spaces", "properties", "appProperties", "permissions", "permissionIds", "lastModifyingUser", "sharingUser", "viewedByMe", "viewedByMeTime",
        "modifiedByMe", "modifiedByMeTime", "sharedWithMeTime", "thumbnailLink", "hasThumbnail", "thumbnailVersion", "isAppAuthorized", "writersCanShare",
        "copyRequiresWriterPermission", "imageMediaMetadata", "videoMediaMetadata", "exportLinks", "trashedTime", "trashingUser", "folderColorRgb", "contentHints",
        "contentRestrictions", "linkShareMetadata", "labelInfo", "hasAugmentedPermissions", "viewersCanCopyContent", "inheritedPermissionsDisabled",
    };

    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>Needs the store's gate.</summary>
    public JsonObject File(DriveFile file, AccessToken reader, FieldMask mask)
    {
        var json = new JsonObject();
        var role = store.RoleOf(reader.Principal, file) ?? DriveRole.Reader;
        void Set(string name, Func<JsonNode?> value)
        {
            if (mask.Has(name) && value() is { } node)
            {
                json[name] = node;
            }
        }

        var head = file.Head;
        var checksums = head is not null && !file.WithoutChecksums;
        Set("kind", () => "drive#file");
        Set("id", () => file.Id);
        Set("name", () => file.Name);
        Set("mimeType", () => file.MimeType);
        Set("size", () => head is null ? null : Text(head.Content.Length));
        Set("quotaBytesUsed", () => Text(file.Revisions.Sum(revision => revision.Content.Length)));
        Set("md5Checksum", () => checksums ? head!.Md5 : null);
        Set("sha1Checksum", () => checksums && !file.WithoutSha ? head!.Sha1 : null);
        Set("sha256Checksum", () => checksums && !file.WithoutSha ? head!.Sha256 : null);
        Set("headRevisionId", () => head?.Id);
        Set("version", () => Text(file.Version));
        Set("createdTime", () => Time(file.Created));
        Set("modifiedTime", () => Time(file.Modified));
        Set("trashed", () => store.IsTrashed(file));
        Set("explicitlyTrashed", () => file.Trashed);
        Set("originalFilename", () => head is null ? null : file.Name);
        Set("parents", () => file.ParentId is { } parent && store.Find(parent) is { } folder && store.RoleOf(reader.Principal, folder) is not null ? new JsonArray(parent) : null);
        Set("driveId", () => file.DriveId);
        Set("resourceKey", () => file.ResourceKey);
        Set("shared", () => IsShared(file));
        Set("ownedByMe", () => file.DriveId is null ? string.Equals(file.Owner, reader.Principal, StringComparison.OrdinalIgnoreCase) : null);
        Set("owners", () => file.DriveId is null ? new JsonArray(User(file.Owner, reader.Principal, file.OwnerWithheld)) : null);
        Set("shortcutDetails", () => file.ShortcutTarget is null ? null : Shortcut(file.ShortcutTarget));
        Set("capabilities", () => new JsonObject
        {
            ["canDownload"] = head is not null && (role > DriveRole.Reader || !file.DownloadForbiddenForReaders),
            ["canListChildren"] = file.IsFolder,
            ["canEdit"] = role > DriveRole.Reader,
            ["canTrash"] = role == DriveRole.Owner,
            ["canReadRevisions"] = head is not null && role > DriveRole.Reader,
        });
        Set("downloadRestrictions", () => new JsonObject
        {
            ["effectiveDownloadRestrictionWithContext"] = new JsonObject { ["restrictedForReaders"] = file.DownloadForbiddenForReaders, ["restrictedForWriters"] = false },
        });
        Set("permissionIds", () => role == DriveRole.Reader ? null : new JsonArray([.. file.Granted.Keys.Select(email => (JsonNode)PermissionId(email))]));
        return mask.Apply(json);
    }

    public JsonObject User(string email, string me, bool withheld = false)
    {
        var isMe = string.Equals(email, me, StringComparison.OrdinalIgnoreCase);
        var json = new JsonObject
        {
            ["kind"] = "drive#user",
            ["displayName"] = identities.FindUser(email)?.DisplayName ?? email,
            ["me"] = isMe,
            ["permissionId"] = PermissionId(email),
        };
        if (isMe || !withheld)
        {
            json["emailAddress"] = email;
        }

        return json;
    }

    /// <summary>Needs the store's gate.</summary>
    private bool IsShared(DriveFile file)
    {
        for (var one = file; one is not null; one = one.ParentId is { } parent ? store.Find(parent) : null)
        {
            if (one.Granted.Count > 0)
            {
                return true;
            }
        }

        return false;
    }

    private JsonObject Shortcut(string targetId)
    {
        var json = new JsonObject { ["targetId"] = targetId, ["targetMimeType"] = store.Find(targetId)?.MimeType ?? "application/octet-stream" };
        if (store.Find(targetId)?.ResourceKey is { } key)
        {
            json["targetResourceKey"] = key;
        }

        return json;
    }

    private string PermissionId(string email) => identities.Mint.Subject("permission/" + email)[..20];

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
