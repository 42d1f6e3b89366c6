using System.Collections.Immutable;
using GooglePhotosEmulator.Media;

namespace GooglePhotosEmulator.Library;

public enum VideoStatus
{
    Processing,
    Ready,
    Failed,
}

/// <summary>A photo or video of a person's library, as the person has it. What a client sees of it is <see cref="LibraryJson"/>'s.</summary>
public sealed class MediaItem
{
    private readonly Func<MediaItem, VideoStatus> _videoStatus;

    internal MediaItem(string id, long sequence, string owner, Content content, byte[] sha1, MediaFacts facts, string fileName, DateTimeOffset uploaded,
        Func<MediaItem, VideoStatus> videoStatus)
    {
        Id = id;
        Sequence = sequence;
        Owner = owner;
        Content = content;
        Sha1 = sha1;
        Facts = facts;
        FileName = fileName;
        Uploaded = uploaded;
        Created = facts.Taken ?? uploaded;
        _videoStatus = videoStatus;
    }

    public string Id { get; }

    /// <summary>E-mail address of the person.</summary>
    public string Owner { get; }

    public string FileName { get; }

    public string MimeType => Facts.MimeType;

    public long Size => Content.Length;

    /// <summary>When it was taken, as the file says; else when it was uploaded. Nothing sets it.</summary>
    public DateTimeOffset Created { get; }

    public DateTimeOffset Uploaded { get; }

    public string Description { get; set; } = "";

    public bool Favorite { get; set; }

    public bool Archived { get; set; }

    /// <summary>Such as <c>LANDSCAPES</c>; the emulator recognises nothing by itself.</summary>
    public ISet<string> Categories { get; } = new HashSet<string>(StringComparer.Ordinal);

    /// <summary>Clients that uploaded it. Empty for what a phone or the web page brought in.</summary>
    public IReadOnlyCollection<string> Clients => CreatedBy;

    public string Sha1Hex => Convert.ToHexStringLower(Sha1);

    /// <summary>Ready for photos.</summary>
    public VideoStatus Video => MediaFormat.IsVideo(Facts.MimeType) ? _videoStatus(this) : VideoStatus.Ready;

    /// <summary>Never becomes ready.</summary>
    public bool VideoFails { get; set; }

    /// <summary>The person deleted it.</summary>
    public bool Deleted { get; internal set; }

    /// <summary>The bytes as they were uploaded; no API gives them.</summary>
    public byte[] OriginalBytes() => Content.ToArray();

    /// <summary>Replaced as a whole under the library's gate, so that it can be read without.</summary>
    internal ImmutableHashSet<string> CreatedBy { get; set; } = [];

    /// <summary>Order of arrival in the library.</summary>
    internal long Sequence { get; }

    internal Content Content { get; }

    internal byte[] Sha1 { get; }

    internal MediaFacts Facts { get; }
}
