namespace GooglePhotos.Takeout.Metadata;

/// <summary>
/// Finds the zone of a photo. Photos shows UTC, the camera wrote local time without zone: a difference of whole quarter hours within
/// fourteen hours is a zone, any other difference is a date that somebody changed.
/// </summary>
public static class TimeZoneRule
{
    private static readonly TimeSpan Quarter = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan Widest = TimeSpan.FromHours(14);

    // The camera's clock and Photos count the same second; a film's may be one off by rounding.
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromSeconds(2);

    // The satellites' time is that of the last fix, which can be a few minutes old.
    private static readonly TimeSpan FixTolerance = TimeSpan.FromMinutes(5);

    /// <param name="taken">The time that Photos shows.</param>
    /// <returns>Null when nothing tells, or when the times contradict each other.</returns>
    public static TimeSpan? Derive(DateTimeOffset? taken, MediaMetadata file)
    {
        if (file.TakenLocal is not { } local)
        {
            return file.Offset;
        }

        if (file.Offset is { } named && named.Duration() <= Widest)
        {
            return named;
        }

        return (file.GpsTime is { } gps ? Round(local - gps.UtcDateTime, FixTolerance) : null)
            ?? (taken is { } shown ? Round(local - shown.UtcDateTime, ClockTolerance) : null);
    }

    /// <summary>Whether the file's own time says another moment than Photos does, so that a restore must write the date.</summary>
    public static bool Contradicts(DateTimeOffset taken, MediaMetadata file)
    {
        if (file.TakenUtc is { } utc)
        {
            return (utc - taken).Duration() > ClockTolerance && (file.TakenLocal is null || file.Offset is not null);
        }

        return file.TakenLocal is { } local && Round(local - taken.UtcDateTime, ClockTolerance) is null;
    }

    private static TimeSpan? Round(TimeSpan difference, TimeSpan tolerance)
    {
        TimeSpan rounded = TimeSpan.FromTicks((long)Math.Round((double)difference.Ticks / Quarter.Ticks) * Quarter.Ticks);
        return rounded.Duration() <= Widest && (difference - rounded).Duration() <= tolerance ? rounded : null;
    }
}
