namespace KlosetWorker.Restoring.GoogleLibrary;

/// <summary>What came of a restore so far; kept beside its journal, and printed by the command.</summary>
internal sealed record GoogleRestoreReport
{
    public required string Plan { get; init; }

    public required string SnapshotId { get; init; }

    public required string Target { get; init; }

    /// <summary>Items of the plan.</summary>
    public required long Planned { get; init; }

    /// <summary>Items that are in the library now, those that Google had already among them.</summary>
    public required long Items { get; init; }

    public required long Bytes { get; init; }

    /// <summary>Items whose listing by Google showed them.</summary>
    public long Verified { get; init; }

    /// <summary>Items that Google had before.</summary>
    public long AlreadyThere { get; init; }

    /// <summary>Of these, items that another client brought: Google counts them and shows them to the person only.</summary>
    public long AlreadyThereInvisible { get; init; }

    /// <summary>Items whose date or place was written into a copy.</summary>
    public long Corrected { get; init; }

    /// <summary>Items whose date or place should have been written and could not.</summary>
    public IReadOnlyList<LeftOut> Uncorrected { get; init; } = [];

    /// <summary>Items that are not in the library though they should be.</summary>
    public IReadOnlyList<LeftOut> Failed { get; init; } = [];

    public long FailedCount { get; init; }

    /// <summary>Files that Google does not take at all.</summary>
    public IReadOnlyList<LeftOut> LeftOut { get; init; } = [];

    public long LeftOutCount { get; init; }

    public long Albums { get; init; }

    /// <summary>What is not right about albums.</summary>
    public IReadOnlyList<string> AlbumProblems { get; init; } = [];

    public required IReadOnlyList<string> Losses { get; init; }

    /// <summary>Requests of the daily quota that this process sent.</summary>
    public long Requests { get; init; }

    /// <summary>Told to stop before the end.</summary>
    public bool Stopped { get; init; }
}
