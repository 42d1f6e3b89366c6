namespace GooglePhotos.Library.Data;

public sealed record MediaItem
{
    /// <summary>Stable.</summary>
    public string? Id { get; init; }

    public string? Description { get; init; }

    public string? ProductUrl { get; init; }

    /// <summary>Lives for 60 minutes and is never used bare: `=d`, `=dv` or a size follows.</summary>
    public string? BaseUrl { get; init; }

    public string? MimeType { get; init; }

    public string? Filename { get; init; }

    public MediaMetadata? MediaMetadata { get; init; }

    public ContributorInfo? ContributorInfo { get; init; }
}

public sealed record MediaMetadata
{
    /// <summary>Of the file (EXIF, QuickTime), else the time of the upload.</summary>
    public DateTimeOffset? CreationTime { get; init; }

    public long? Width { get; init; }

    public long? Height { get; init; }

    public Photo? Photo { get; init; }

    public Video? Video { get; init; }
}

public sealed record Photo
{
    public string? CameraMake { get; init; }

    public string? CameraModel { get; init; }

    public double? FocalLength { get; init; }

    public double? ApertureFNumber { get; init; }

    public int? IsoEquivalent { get; init; }

    public TimeSpan? ExposureTime { get; init; }
}

public sealed record Video
{
    public string? CameraMake { get; init; }

    public string? CameraModel { get; init; }

    public double? Fps { get; init; }

    /// <summary>One of <see cref="VideoStatus"/>, or a word that is newer than this client.</summary>
    public string? Status { get; init; }
}

public static class VideoStatus
{
    public const string Unspecified = "UNSPECIFIED";
    public const string Processing = "PROCESSING";
    public const string Ready = "READY";
    public const string Failed = "FAILED";
}

public sealed record ContributorInfo
{
    public string? ProfilePictureBaseUrl { get; init; }

    public string? DisplayName { get; init; }
}

public sealed record ListMediaItemsResponse
{
    public IReadOnlyList<MediaItem>? MediaItems { get; init; }

    /// <summary>Its presence is the only sign of more; a page may be empty and have one.</summary>
    public string? NextPageToken { get; init; }
}

/// <summary>Either an album or filters.</summary>
public sealed record SearchMediaItemsRequest
{
    public string? AlbumId { get; init; }

    /// <summary>At most 100.</summary>
    public int? PageSize { get; init; }

    public string? PageToken { get; init; }

    /// <summary>`MediaMetadata.creation_time` or `MediaMetadata.creation_time desc`; only with a date filter.</summary>
    public string? OrderBy { get; init; }

    public Filters? Filters { get; init; }
}

public sealed record SearchMediaItemsResponse
{
    public IReadOnlyList<MediaItem>? MediaItems { get; init; }

    public string? NextPageToken { get; init; }
}

public sealed record Filters
{
    public DateFilter? DateFilter { get; init; }

    public ContentFilter? ContentFilter { get; init; }

    public MediaTypeFilter? MediaTypeFilter { get; init; }

    public FeatureFilter? FeatureFilter { get; init; }

    public bool? IncludeArchivedMedia { get; init; }

    public bool? ExcludeNonAppCreatedData { get; init; }
}

/// <summary>At most 5 dates and 5 ranges.</summary>
public sealed record DateFilter
{
    public IReadOnlyList<Date>? Dates { get; init; }

    public IReadOnlyList<DateRange>? Ranges { get; init; }
}

/// <summary>Year 0 is every year; month and day 0 are a whole year or month.</summary>
public sealed record Date
{
    public int? Year { get; init; }

    public int? Month { get; init; }

    public int? Day { get; init; }
}

/// <summary>Both ends in the same form, and both within.</summary>
public sealed record DateRange
{
    public Date? StartDate { get; init; }

    public Date? EndDate { get; init; }
}

/// <summary>At most 10 of each.</summary>
public sealed record ContentFilter
{
    public IReadOnlyList<string>? IncludedContentCategories { get; init; }

    public IReadOnlyList<string>? ExcludedContentCategories { get; init; }
}

/// <summary>Exactly one of ALL_MEDIA, VIDEO, PHOTO.</summary>
public sealed record MediaTypeFilter
{
    public IReadOnlyList<string>? MediaTypes { get; init; }
}

/// <summary>NONE or FAVORITES.</summary>
public sealed record FeatureFilter
{
    public IReadOnlyList<string>? IncludedFeatures { get; init; }
}

public sealed record BatchGetMediaItemsResponse
{
    /// <summary>In the order of the request.</summary>
    public IReadOnlyList<MediaItemResult>? MediaItemResults { get; init; }
}

public sealed record MediaItemResult
{
    public Status? Status { get; init; }

    public MediaItem? MediaItem { get; init; }
}

/// <summary>google.rpc.Status.</summary>
public sealed record Status
{
    /// <summary>A canonical code of gRPC; 0 and absent are success.</summary>
    public int? Code { get; init; }

    public string? Message { get; init; }
}

public sealed record BatchCreateMediaItemsRequest
{
    /// <summary>Also adds to this album of ours.</summary>
    public string? AlbumId { get; init; }

    /// <summary>Only with an album.</summary>
    public AlbumPosition? AlbumPosition { get; init; }

    /// <summary>1 to 50.</summary>
    public IReadOnlyList<NewMediaItem>? NewMediaItems { get; init; }
}

public sealed record NewMediaItem
{
    /// <summary>At most 1,000 characters.</summary>
    public string? Description { get; init; }

    public SimpleMediaItem? SimpleMediaItem { get; init; }
}

public sealed record SimpleMediaItem
{
    public string? UploadToken { get; init; }

    /// <summary>At most 255 characters, no path.</summary>
    public string? FileName { get; init; }
}

public sealed record BatchCreateMediaItemsResponse
{
    /// <summary>Each has its own status, and one may be missing: then nobody knows, look the item up before trying again.</summary>
    public IReadOnlyList<NewMediaItemResult>? NewMediaItemResults { get; init; }
}

public sealed record NewMediaItemResult
{
    public string? UploadToken { get; init; }

    public Status? Status { get; init; }

    public MediaItem? MediaItem { get; init; }
}

public sealed record Album
{
    public string? Id { get; init; }

    /// <summary>At most 500 characters.</summary>
    public string? Title { get; init; }

    public string? ProductUrl { get; init; }

    public bool? IsWriteable { get; init; }

    public long? MediaItemsCount { get; init; }

    public string? CoverPhotoBaseUrl { get; init; }

    public string? CoverPhotoMediaItemId { get; init; }
}

public sealed record ListAlbumsResponse
{
    public IReadOnlyList<Album>? Albums { get; init; }

    public string? NextPageToken { get; init; }
}

public sealed record CreateAlbumRequest
{
    public Album? Album { get; init; }
}

/// <summary>1 to 50; one bad id and nothing happens.</summary>
public sealed record BatchAddMediaItemsToAlbumRequest
{
    public IReadOnlyList<string>? MediaItemIds { get; init; }
}

/// <summary>1 to 50; one bad id and nothing happens.</summary>
public sealed record BatchRemoveMediaItemsFromAlbumRequest
{
    public IReadOnlyList<string>? MediaItemIds { get; init; }
}

public sealed record Empty;

public sealed record AddEnrichmentToAlbumRequest
{
    public NewEnrichmentItem? NewEnrichmentItem { get; init; }

    public AlbumPosition? AlbumPosition { get; init; }
}

/// <summary>Exactly one is set.</summary>
public sealed record NewEnrichmentItem
{
    public TextEnrichment? TextEnrichment { get; init; }

    public LocationEnrichment? LocationEnrichment { get; init; }

    public MapEnrichment? MapEnrichment { get; init; }
}

public sealed record TextEnrichment
{
    public string? Text { get; init; }
}

public sealed record LocationEnrichment
{
    public Location? Location { get; init; }
}

public sealed record MapEnrichment
{
    public Location? Origin { get; init; }

    public Location? Destination { get; init; }
}

public sealed record Location
{
    public string? LocationName { get; init; }

    public LatLng? Latlng { get; init; }
}

public sealed record LatLng
{
    public double? Latitude { get; init; }

    public double? Longitude { get; init; }
}

public sealed record AddEnrichmentToAlbumResponse
{
    public EnrichmentItem? EnrichmentItem { get; init; }
}

public sealed record EnrichmentItem
{
    public string? Id { get; init; }
}

public sealed record AlbumPosition
{
    /// <summary>One of <see cref="AlbumPositionType"/>.</summary>
    public string? Position { get; init; }

    public string? RelativeMediaItemId { get; init; }

    public string? RelativeEnrichmentItemId { get; init; }
}

public static class AlbumPositionType
{
    public const string FirstInAlbum = "FIRST_IN_ALBUM";
    public const string LastInAlbum = "LAST_IN_ALBUM";
    public const string AfterMediaItem = "AFTER_MEDIA_ITEM";
    public const string AfterEnrichmentItem = "AFTER_ENRICHMENT_ITEM";
}
