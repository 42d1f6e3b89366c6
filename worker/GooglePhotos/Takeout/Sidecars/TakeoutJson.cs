namespace GooglePhotos.Takeout.Sidecars;

/// <summary>What a JSON file of an export is, decided by its content and never by its name, which Google translates.</summary>
public abstract record TakeoutJson
{
    private TakeoutJson() { }

    /// <summary>The metadata of one photo or video: it has a title and the time it was taken or uploaded.</summary>
    /// <param name="Sidecar">The whole <see cref="Sidecars.Sidecar"/> as it is parsed; of the files of an export, its identity.</param>
    public sealed record OfMedia(SidecarIdentity Sidecar) : TakeoutJson;

    /// <summary>The metadata of an album: it has a title and no such time.</summary>
    public sealed record OfAlbum(AlbumMetadata Album) : TakeoutJson;

    /// <summary>Anything else that is JSON (comments, print subscriptions, memory titles). Kept verbatim, read by nobody.</summary>
    public sealed record Other : TakeoutJson
    {
        public static Other Instance { get; } = new();
    }

    /// <summary>A file named .json that is not JSON. <paramref name="Reason"/> is for people.</summary>
    public sealed record Unreadable(string Reason) : TakeoutJson;
}

/// <summary>
/// What a sidecar says that decides what belongs together. An export has a sidecar for every photo, and this much of all of them is in memory
/// at once.
/// </summary>
public record SidecarIdentity
{
    // A library has a hundred thousand of these, so nullable numbers are packed.
    private const long None = long.MinValue;
    private readonly long _taken = None;
    private readonly long _created = None;
    private readonly CompactText _url;

    /// <summary>The name at upload: not cut, not sanitised, perhaps without extension, never with a counter.</summary>
    public required string Title { get; init; }

    /// <summary>The item's page in Google Photos: the identity that survives from export to export.</summary>
    public string? Url { get => _url.ToString(); init => _url = new(value); }

    /// <summary>The time that Photos shows, in UTC seconds. The person may have changed it; the file's own time stays what it was.</summary>
    public long? TakenSeconds { get => _taken == None ? null : _taken; init => _taken = value ?? None; }

    /// <summary>The time of the upload, in UTC seconds.</summary>
    public long? CreatedSeconds { get => _created == None ? null : _created; init => _created = value ?? None; }

    public bool Trashed { get; init; }

    /// <summary><see cref="Url"/>, to find others of the same.</summary>
    internal CompactText UrlKey => _url;

    public DateTimeOffset? TakenAt => Instant(TakenSeconds);

    public DateTimeOffset? CreatedAt => Instant(CreatedSeconds);

    internal static DateTimeOffset? Instant(long? seconds) =>
        seconds is { } s && s >= -62135596800 && s <= 253402300799 ? DateTimeOffset.FromUnixTimeSeconds(s) : null;
}

/// <summary>The fields of a media item's sidecar that we understand. The raw bytes are kept beside it, so nothing else is lost.</summary>
public sealed record Sidecar : SidecarIdentity
{
    public string? Description { get; init; }

    public long? ModifiedSeconds { get; init; }

    /// <summary>The place that Photos shows.</summary>
    public Place? Place { get; init; }

    /// <summary>The place that the file itself names.</summary>
    public Place? PlaceInFile { get; init; }

    /// <summary>Named faces only.</summary>
    public IReadOnlyList<string> People { get; init; } = [];

    public bool Favorited { get; init; }

    public bool Archived { get; init; }

    /// <summary>How the item came in: <c>mobileUpload</c>, <c>webUpload</c>, <c>composition</c> … , with the device type after a colon when there is one.</summary>
    public string? Origin { get; init; }

    /// <summary>The folder on the device that uploaded it.</summary>
    public string? DeviceFolder { get; init; }

    public IReadOnlyList<SharedComment> Comments { get; init; } = [];

    internal SidecarIdentity Identity => new() { Title = Title, Url = Url, TakenSeconds = TakenSeconds, CreatedSeconds = CreatedSeconds, Trashed = Trashed };
}

/// <summary>A place in degrees (WGS 84); altitude in metres when it is known.</summary>
public sealed record Place(double Latitude, double Longitude, double? Altitude = null);

public sealed record SharedComment(string? Text, bool Liked, string? Author, long? CreatedSeconds);

/// <summary>An album's own JSON, in any of its three shapes (2019, 2020 to 2024, 2025).</summary>
public sealed record AlbumMetadata
{
    public required string Title { get; init; }

    public string? Description { get; init; }

    public string? Access { get; init; }

    public long? DateSeconds { get; init; }

    public Place? Place { get; init; }

    /// <summary>Texts and places between the photos, in the file's order.</summary>
    public IReadOnlyList<AlbumEnrichment> Enrichments { get; init; } = [];

    public IReadOnlyList<SharedComment> Comments { get; init; } = [];
}

/// <summary>A text or a list of places inside an album.</summary>
public sealed record AlbumEnrichment(string? Text, IReadOnlyList<NamedPlace> Places);

public sealed record NamedPlace(string? Name, string? Description, double? Latitude, double? Longitude);
