namespace GooglePhotos.Picker.Data;

public sealed record PickingSession
{
    public string? Id { get; init; }

    /// <summary>The page on which the person picks; dead once they are done.</summary>
    public string? PickerUri { get; init; }

    public DateTimeOffset? ExpireTime { get; init; }

    /// <summary>True once the person is done.</summary>
    public bool? MediaItemsSet { get; init; }

    /// <summary>Absent once picked.</summary>
    public PollingConfig? PollingConfig { get; init; }

    public PickingConfig? PickingConfig { get; init; }
}

public sealed record PollingConfig
{
    public TimeSpan? PollInterval { get; init; }

    /// <summary>Zero: stop polling.</summary>
    public TimeSpan? TimeoutIn { get; init; }
}

public sealed record PickingConfig
{
    /// <summary>At most 2,000, which is also the default; more is cut to it.</summary>
    public long? MaxItemCount { get; init; }
}

public sealed record PickedMediaItem
{
    /// <summary>Stable across sessions.</summary>
    public string? Id { get; init; }

    public DateTimeOffset? CreateTime { get; init; }

    /// <summary>PHOTO, VIDEO, TYPE_UNSPECIFIED, or a word that is newer than this client.</summary>
    public string? Type { get; init; }

    public MediaFile? MediaFile { get; init; }
}

public sealed record MediaFile
{
    /// <summary>Lives for 60 minutes, and only with the session; wants the access token.</summary>
    public string? BaseUrl { get; init; }

    public string? MimeType { get; init; }

    public string? Filename { get; init; }

    public MediaFileMetadata? MediaFileMetadata { get; init; }
}

public sealed record MediaFileMetadata
{
    public int? Width { get; init; }

    public int? Height { get; init; }

    public string? CameraMake { get; init; }

    public string? CameraModel { get; init; }

    public PhotoMetadata? PhotoMetadata { get; init; }

    public VideoMetadata? VideoMetadata { get; init; }
}

public sealed record PhotoMetadata
{
    public double? FocalLength { get; init; }

    public double? ApertureFNumber { get; init; }

    public int? IsoEquivalent { get; init; }

    public TimeSpan? ExposureTime { get; init; }
}

public sealed record VideoMetadata
{
    public double? Fps { get; init; }

    /// <summary>UNSPECIFIED, PROCESSING, READY, FAILED.</summary>
    public string? ProcessingStatus { get; init; }
}

public sealed record ListMediaItemsResponse
{
    public IReadOnlyList<PickedMediaItem>? MediaItems { get; init; }

    public string? NextPageToken { get; init; }
}

public sealed record Empty;
