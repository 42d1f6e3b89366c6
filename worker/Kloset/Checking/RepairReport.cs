using Kloset.Snapshots;

namespace Kloset.Checking;

public sealed record RepairOptions
{
    /// <summary>Says what would be done, and writes nothing.</summary>
    public bool DryRun { get; init; }
}

/// <param name="Packfiles">Packfiles that are known again, or of which more is known.</param>
/// <param name="Blobs">Blobs that have a place again, padding not counted.</param>
/// <param name="States">Keys of the states that were written (or would be).</param>
/// <param name="SnapshotsBack">Snapshots that can be seen again.</param>
/// <param name="Remarks">What was found beside, and what cannot be rebuilt; sentences.</param>
public sealed record RepairReport(
    bool DryRun, int Packfiles, long Blobs, IReadOnlyList<string> States, IReadOnlyList<SnapshotId> SnapshotsBack, IReadOnlyList<string> Remarks)
{
    public bool ChangesNothing => States.Count == 0;
}
