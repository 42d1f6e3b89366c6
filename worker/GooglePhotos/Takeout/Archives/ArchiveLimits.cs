namespace GooglePhotos.Takeout.Archives;

/// <summary>How far an archive is trusted. The defaults are far above anything Takeout makes and far below what hurts.</summary>
public sealed record ArchiveLimits
{
    /// <summary>Entries of one part; each costs some hundred bytes of memory. Google's own parts hold a few ten thousand.</summary>
    public int MaxEntriesPerPart { get; init; } = 2_000_000;

    /// <summary>Bytes of one entry's name.</summary>
    public int MaxNameBytes { get; init; } = 4096;

    /// <summary>
    /// A file that unpacks to more than <see cref="BombFloorBytes"/> and to more than this many times its packed size is a bomb: pictures
    /// and films do not shrink.
    /// </summary>
    public int MaxRatio { get; init; } = 200;

    public long BombFloorBytes { get; init; } = 64 << 20;

    /// <summary>Findings kept with their text; further ones are only counted.</summary>
    public int MaxFindings { get; init; } = 10_000;
}
