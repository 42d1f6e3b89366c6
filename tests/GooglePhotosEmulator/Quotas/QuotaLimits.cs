namespace GooglePhotosEmulator.Quotas;

/// <summary>What Google allows; null does not limit.</summary>
public sealed record QuotaLimits
{
    /// <summary>Google's numbers.</summary>
    public static QuotaLimits Google { get; } = new();

    public static QuotaLimits None { get; } = new()
    {
        LibraryRequestsPerDay = null,
        LibraryMediaPerDay = null,
        WritesPerMinutePerUser = null,
        ConcurrentWritesPerUser = null,
        PickerRequestsPerMinute = null,
        PickerMediaPerMinute = null,
        PickerSessionsPerUser = null,
        DriveUnitsPerMinutePerUser = null,
        DriveUnitsPerMinute = null,
        DriveUnitsPerDay = null,
        DriveBytesPerDay = null,
    };

    /// <summary>Library API requests a day and project, uploads included, baseUrls not.</summary>
    public int? LibraryRequestsPerDay { get; init; } = 10_000;

    /// <summary>Loads of baseUrls a day and project.</summary>
    public int? LibraryMediaPerDay { get; init; } = 75_000;

    /// <summary>Everything that changes a library, but not the upload of bytes.</summary>
    public int? WritesPerMinutePerUser { get; init; } = 30;

    /// <summary>No such limit is known; the name is that of its sibling.</summary>
    public int? ReadsPerMinutePerUser { get; init; }

    public int? ConcurrentWritesPerUser { get; init; } = 1;

    public int? PickerRequestsPerMinute { get; init; } = 100_000;

    public int? PickerMediaPerMinute { get; init; } = 1_000_000;

    /// <summary>Google limits it and does not say to what; the number is ours.</summary>
    public int? PickerSessionsPerUser { get; init; } = 50;

    /// <summary>Read 5 units, list 100, download 200, change 50.</summary>
    public long? DriveUnitsPerMinutePerUser { get; init; } = 325_000;

    public long? DriveUnitsPerMinute { get; init; } = 1_000_000;

    public long? DriveUnitsPerDay { get; init; } = 400_000_000;

    /// <summary>Bytes out a day and account; about 10 TiB were seen.</summary>
    public long? DriveBytesPerDay { get; init; } = 10L << 40;
}
