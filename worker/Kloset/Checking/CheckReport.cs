using Kloset.Snapshots;

namespace Kloset.Checking;

/// <summary>How deep a check looks; each level holds those before it.</summary>
public enum CheckLevel
{
    /// <summary>What the states name is there, with a plausible size.</summary>
    Inventory,

    /// <summary>Every header, tree, entry, object and index of every snapshot can be read, and every chunk has a visible place.</summary>
    Structure,

    /// <summary>Chunks are read and verified, up to a budget of bytes.</summary>
    Data,

    /// <summary>Every stored byte, envelope tag and packfile index, also of what no snapshot needs.</summary>
    Full,
}

public sealed record CheckOptions
{
    public CheckLevel Level { get; init; } = CheckLevel.Structure;

    /// <summary>
    /// Stored bytes that a <see cref="CheckLevel.Data"/> check may read of packfiles; null: all. With a budget the checks of a repository take turns:
    /// each goes on where the last one stopped, by a position that is kept in the store, so that over time everything is read.
    /// </summary>
    public long? DataBytes { get; init; }

    /// <summary>Where a data check goes on: <see cref="CheckReport.NextDataPosition"/> of the last one. Null: where the position in the store says.</summary>
    public Mac? DataPosition { get; init; }

    /// <summary>Null: all snapshots. Else a data check reads only the packfiles that these need.</summary>
    public IReadOnlyList<SnapshotId>? Snapshots { get; init; }
}

public enum CheckFindingKind
{
    /// <summary>A resource that the states name is not in the store.</summary>
    Missing,

    /// <summary>It is there, but is not what was written.</summary>
    Damaged,

    /// <summary>Nothing refers to it; harmless, cleaned by maintenance.</summary>
    Orphan,

    /// <summary>Something that other clients would stumble over.</summary>
    Warning,
}

/// <param name="Object">What is affected, as a store key or "blob type identifier".</param>
/// <param name="Paths">At most <see cref="MaxPaths"/> of the paths that need it.</param>
/// <param name="AffectedPaths">All paths that need it, counted once for each snapshot.</param>
public sealed record CheckFinding(
    CheckFindingKind Kind, string Object, string Message, IReadOnlyList<SnapshotId> Snapshots, IReadOnlyList<EntryPath> Paths, long AffectedPaths)
{
    public const int MaxPaths = 100;

    /// <summary>Whether data or its description is lost.</summary>
    public bool IsError => Kind is CheckFindingKind.Missing or CheckFindingKind.Damaged;
}

/// <param name="BytesRead">Stored bytes that were read and verified.</param>
/// <param name="NextDataPosition">Where the next data check goes on; null when all was read.</param>
public sealed record CheckReport(
    CheckLevel Level, IReadOnlyList<CheckFinding> Findings, int Snapshots, long Files, long Chunks, long BytesRead, Mac? NextDataPosition)
{
    public bool IsClean => !Findings.Any(f => f.IsError);

    /// <summary>When checks with a budget last had read everything, for checks with a budget; null before that.</summary>
    public DateTimeOffset? AllDataRead { get; init; }
}

/// <param name="Stage">One word for people: inventory, structure, data, packfiles.</param>
public readonly record struct CheckProgress(string Stage, long Done, long Total);
