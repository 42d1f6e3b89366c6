using GooglePhotos.Takeout.Sidecars;

namespace GooglePhotos.Takeout.Metadata;

/// <summary>What a picture or film says about itself. Everything may be missing.</summary>
public sealed record MediaMetadata
{
    public static MediaMetadata Unknown { get; } = new();

    /// <summary>By the first bytes, never by the name.</summary>
    public string? MimeType { get; init; }

    /// <summary>The camera's clock: local, without zone (EXIF DateTimeOriginal).</summary>
    public DateTime? TakenLocal { get; init; }

    /// <summary>The zone that the file names beside its local time (EXIF OffsetTimeOriginal, QuickTime creation date).</summary>
    public TimeSpan? Offset { get; init; }

    /// <summary>The satellites' time (EXIF GPSDateTime).</summary>
    public DateTimeOffset? GpsTime { get; init; }

    /// <summary>A film's creation time in UTC (QuickTime mvhd).</summary>
    public DateTimeOffset? CreatedUtc { get; init; }

    public string? CameraMake { get; init; }

    public string? CameraModel { get; init; }

    /// <summary>Pixels as stored, before any rotation.</summary>
    public int? Width { get; init; }

    public int? Height { get; init; }

    /// <summary>EXIF orientation, 1 to 8.</summary>
    public int? Orientation { get; init; }

    public Place? Place { get; init; }

    public TimeSpan? Duration { get; init; }

    /// <summary>The moment in UTC, when the file alone tells it.</summary>
    public DateTimeOffset? TakenUtc => TakenLocal is { } local && Offset is { } offset && local.Ticks - offset.Ticks is > 0
        ? new DateTimeOffset(local - offset, TimeSpan.Zero)
        : CreatedUtc;
}
