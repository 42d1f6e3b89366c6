namespace Kloset.Maintenance;

public sealed record MaintenanceOptions
{
    /// <summary>
    /// How long something unneeded stays: after it was stored before it is marked, and after it was marked before it is removed. It must be longer
    /// than any writer may work without refreshing its lock, and than people need to notice a mistake; plakar has the same seven days.
    /// </summary>
    public static readonly TimeSpan DefaultGracePeriod = TimeSpan.FromDays(7);

    public TimeSpan GracePeriod { get; init; } = DefaultGracePeriod;

    /// <summary>Only tell what would be done; takes no lock and writes nothing.</summary>
    public bool DryRun { get; init; }
}

/// <param name="Stage">One word for people: snapshots, removing, extending.</param>
public readonly record struct MaintenanceProgress(string Stage, long Done, long Total);

/// <param name="Packfiles">How many.</param>
/// <param name="Bytes">Of their files in the store.</param>
public readonly record struct PackfileCount(int Packfiles, long Bytes)
{
    internal static PackfileCount Of(IEnumerable<PackfileFacts> packfiles)
    {
        var count = 0;
        long bytes = 0;
        foreach (var packfile in packfiles)
        {
            count++;
            bytes += packfile.Size ?? 0;
        }

        return new PackfileCount(count, bytes);
    }
}

/// <summary>What a maintenance did, or would do.</summary>
/// <param name="Live">Needed by snapshots.</param>
/// <param name="Marked">Found unneeded, and marked: invisible from now on, and removed after the grace period.</param>
/// <param name="Rescued">Were marked, and a snapshot needs them: the mark was taken back.</param>
/// <param name="Removed">Marked long enough ago, and removed.</param>
/// <param name="Waiting">Marked, and still in the grace period.</param>
/// <param name="Young">Unneeded, and stored so lately that a writer may still come back for them.</param>
/// <param name="Retained">Marked long enough ago, and still under an object lock.</param>
/// <param name="NextRemoval">When the next ones that wait may be removed; null when none waits.</param>
/// <param name="Extended">Objects whose object lock was prolonged.</param>
/// <param name="Warnings">What a person should know.</param>
public sealed record MaintenanceReport(
    bool DryRun,
    int Snapshots,
    PackfileCount Live,
    PackfileCount Marked,
    PackfileCount Rescued,
    PackfileCount Removed,
    PackfileCount Waiting,
    PackfileCount Young,
    PackfileCount Retained,
    DateTimeOffset? NextRemoval,
    int Extended,
    IReadOnlyList<string> Warnings);
