namespace Kloset.Maintenance;

/// <summary>What is known of one packfile.</summary>
/// <param name="Size">Bytes of the file in the store; null when it is not there.</param>
/// <param name="IsDeclared">A state says that it exists.</param>
/// <param name="IsDeleted">A state says that it was removed.</param>
/// <param name="IsNeeded">A live snapshot refers to something in it.</param>
/// <param name="Stored">When it was declared, or, without a state, when it was written.</param>
/// <param name="MarkedSince">Null when it is not marked.</param>
/// <param name="RetainedUntil">End of its object lock, as far as it is known.</param>
internal sealed record PackfileFacts(
    Mac Id, long? Size, bool IsDeclared, bool IsDeleted, bool IsNeeded, DateTimeOffset Stored, DateTimeOffset? MarkedSince, DateTimeOffset? RetainedUntil = null);

internal enum PackfileFate
{
    /// <summary>Needed: stays as it is.</summary>
    Live,

    /// <summary>Needed and marked: the mark goes.</summary>
    Rescue,

    /// <summary>Not needed: marked now.</summary>
    Mark,

    /// <summary>Not needed, but so young that a writer may still come back for it.</summary>
    Young,

    /// <summary>Marked, and in its grace period.</summary>
    Wait,

    /// <summary>Marked long enough ago: to be removed.</summary>
    Remove,

    /// <summary>Marked long enough ago, and under an object lock.</summary>
    Retained,

    /// <summary>Removed by its states; an interrupted run left the file.</summary>
    Leftover,

    /// <summary>Removed with its file, and its mark still says since when it may be removed.</summary>
    Settle,

    /// <summary>Neither in the store nor declared.</summary>
    Gone,
}

/// <summary>What becomes of packfiles. Pure.</summary>
internal static class MaintenancePlanner
{
    /// <summary>
    /// The last moment that a state can express (in 2262): since when a packfile is marked that is gone for good. No client's grace period ever ends
    /// after it, so none looks for the file again.
    /// </summary>
    public static Timestamp Never { get; } = Timestamp.FromUnixNanoseconds(long.MaxValue);

    /// <summary>
    /// Marking and removing are never the same run: between them lies the grace period, in which a writer that counted on the packfile commits, and
    /// the next run takes the mark back.
    /// </summary>
    /// <param name="orphansStay">A state is lost: packfiles that none names may be all that is left of its snapshots.</param>
    public static PackfileFate Decide(PackfileFacts packfile, DateTimeOffset now, TimeSpan grace, bool orphansStay) => packfile switch
    {
        { IsDeleted: true, Size: null, MarkedSince: { } since } when since < Never.ToDateTimeOffset() => PackfileFate.Settle,
        { IsDeleted: true, Size: null } => PackfileFate.Gone,
        { IsDeleted: true } => PackfileFate.Leftover,
        { IsNeeded: true, MarkedSince: not null } => PackfileFate.Rescue,
        { IsNeeded: true } => PackfileFate.Live,
        { IsDeclared: false, Size: null } => PackfileFate.Gone,
        { IsDeclared: false } when orphansStay => PackfileFate.Young,
        { MarkedSince: { } since } when now - since <= grace => PackfileFate.Wait,
        { MarkedSince: not null, RetainedUntil: { } until } when until > now => PackfileFate.Retained,
        { MarkedSince: not null } => PackfileFate.Remove,
        _ when now - packfile.Stored <= grace => PackfileFate.Young,
        _ => PackfileFate.Mark,
    };
}
