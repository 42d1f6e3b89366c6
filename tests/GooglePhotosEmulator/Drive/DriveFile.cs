using System.Security.Cryptography;
using GooglePhotosEmulator.Media;

namespace GooglePhotosEmulator.Drive;

public enum DriveRole
{
    Reader,
    Writer,
    Owner,
}

public enum DownloadQuotaState
{
    Free,

    /// <summary>Reads without an end (the whole file, <c>bytes=0-</c>) are refused; bounded ones are not.</summary>
    UnboundedRefused,

    AllRefused,
}

/// <summary>A file, folder or shortcut. Changing one from a test goes over <see cref="DriveStore"/>, which keeps versions and changes.</summary>
public sealed class DriveFile
{
    internal const string FolderType = "application/vnd.google-apps.folder";
    internal const string ShortcutType = "application/vnd.google-apps.shortcut";

    internal DriveFile(string id, string name, string mimeType, string owner, string? parentId, DateTimeOffset created)
    {
        Id = id;
        Name = name;
        MimeType = mimeType;
        Owner = owner;
        ParentId = parentId;
        Created = created;
        Modified = created;
    }

    public string Id { get; }

    public string Name { get; internal set; }

    public string MimeType { get; }

    /// <summary>E-mail address; on a shared drive nobody owns a file and this is empty.</summary>
    public string Owner { get; }

    public string? ParentId { get; internal set; }

    public DateTimeOffset Created { get; }

    public DateTimeOffset Modified { get; internal set; }

    public long Version { get; internal set; }

    public bool Trashed { get; internal set; }

    /// <summary>Of the shared drive that it lies on.</summary>
    public string? DriveId { get; internal init; }

    public string? ShortcutTarget { get; internal init; }

    /// <summary>Shared by an old link: readers must send it in a header.</summary>
    public string? ResourceKey { get; set; }

    /// <summary>Google takes it for malware: only the owner may load it, with <c>acknowledgeAbuse</c>.</summary>
    public bool Abusive { get; set; }

    /// <summary>The owner lets readers look and not download.</summary>
    public bool DownloadForbiddenForReaders { get; set; }

    public DownloadQuotaState DownloadQuota { get; set; }

    /// <summary>Answers leave the checksums out, as for some files.</summary>
    public bool WithoutChecksums { get; set; }

    /// <summary>Only MD5 is given.</summary>
    public bool WithoutSha { get; set; }

    /// <summary>The owner's address is withheld from others.</summary>
    public bool OwnerWithheld { get; set; }

    /// <summary>Clients that made it or for which the person picked it: all that <c>drive.file</c> shows.</summary>
    public ISet<string> AppClients { get; } = new HashSet<string>(StringComparer.Ordinal);

    /// <summary>Roles by e-mail address, of this file alone; folders hand theirs down.</summary>
    public IReadOnlyDictionary<string, DriveRole> Permissions => Granted;

    public long Size => Head?.Content.Length ?? 0;

    public bool IsFolder => MimeType == FolderType;

    /// <summary>Bytes of the newest revision, as they are.</summary>
    public byte[] ReadAllBytes() => Head?.Content.ToArray() ?? [];

    internal Dictionary<string, DriveRole> Granted { get; } = new(StringComparer.OrdinalIgnoreCase);

    internal List<DriveRevision> Revisions { get; } = [];

    internal DriveRevision? Head => Revisions.Count > 0 ? Revisions[^1] : null;
}

internal sealed class DriveRevision(string id, Content content, DateTimeOffset modified)
{
    private readonly Lazy<string> _md5 = new(() => Convert.ToHexStringLower(content.Hash(HashAlgorithmName.MD5)));
    private readonly Lazy<string> _sha1 = new(() => Convert.ToHexStringLower(content.Hash(HashAlgorithmName.SHA1)));
    private readonly Lazy<string> _sha256 = new(() => Convert.ToHexStringLower(content.Hash(HashAlgorithmName.SHA256)));

    public string Id { get; } = id;

    public Content Content { get; } = content;

    public DateTimeOffset Modified { get; } = modified;

    public string Md5 => _md5.Value;

    public string Sha1 => _sha1.Value;

    public string Sha256 => _sha256.Value;
}
