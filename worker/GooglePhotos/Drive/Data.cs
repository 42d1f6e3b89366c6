namespace GooglePhotos.Drive.Data;

/// <summary>What the pick-up asks for. A member that does not apply is absent, and so is one that was not asked for.</summary>
public sealed record File
{
    public const string FolderType = "application/vnd.google-apps.folder";
    public const string ShortcutType = "application/vnd.google-apps.shortcut";

    /// <summary>The members above, for the parameter `fields`.</summary>
    public const string Fields =
        "id,name,mimeType,size,md5Checksum,sha1Checksum,sha256Checksum,headRevisionId,version,createdTime,modifiedTime,trashed,ownedByMe,"
        + "owners(displayName,emailAddress,permissionId,me),parents,driveId,resourceKey,shortcutDetails(targetId,targetMimeType,targetResourceKey),"
        + "capabilities(canDownload,canListChildren)";

    public string? Id { get; init; }

    /// <summary>Not unique in a folder.</summary>
    public string? Name { get; init; }

    public string? MimeType { get; init; }

    /// <summary>Absent for folders and shortcuts.</summary>
    public long? Size { get; init; }

    public string? Md5Checksum { get; init; }

    public string? Sha1Checksum { get; init; }

    public string? Sha256Checksum { get; init; }

    /// <summary>Another one is another content.</summary>
    public string? HeadRevisionId { get; init; }

    /// <summary>Grows with every change, also of what nobody sees.</summary>
    public long? Version { get; init; }

    public DateTimeOffset? CreatedTime { get; init; }

    public DateTimeOffset? ModifiedTime { get; init; }

    public bool? Trashed { get; init; }

    public bool? OwnedByMe { get; init; }

    /// <summary>None on shared drives; the address may be withheld.</summary>
    public IReadOnlyList<User>? Owners { get; init; }

    public IReadOnlyList<string>? Parents { get; init; }

    public string? DriveId { get; init; }

    public string? ResourceKey { get; init; }

    public ShortcutDetails? ShortcutDetails { get; init; }

    public Capabilities? Capabilities { get; init; }
}

public sealed record User
{
    public string? DisplayName { get; init; }

    public string? EmailAddress { get; init; }

    public string? PermissionId { get; init; }

    public bool? Me { get; init; }
}

public sealed record ShortcutDetails
{
    public string? TargetId { get; init; }

    public string? TargetMimeType { get; init; }

    public string? TargetResourceKey { get; init; }
}

public sealed record Capabilities
{
    public bool? CanDownload { get; init; }

    public bool? CanListChildren { get; init; }
}

public sealed record FileList
{
    public string? NextPageToken { get; init; }

    /// <summary>True: the listing failed somewhere, which never means that nothing is there.</summary>
    public bool? IncompleteSearch { get; init; }

    /// <summary>May be empty while there is a next page.</summary>
    public IReadOnlyList<File>? Files { get; init; }
}

public sealed record About
{
    public User? User { get; init; }

    public StorageQuota? StorageQuota { get; init; }
}

/// <summary>Bytes.</summary>
public sealed record StorageQuota
{
    /// <summary>Absent when there is none.</summary>
    public long? Limit { get; init; }

    public long? Usage { get; init; }

    public long? UsageInDrive { get; init; }

    public long? UsageInDriveTrash { get; init; }
}
