using Kloset.Snapshots;

namespace Kloset.Writing.Trees;

/// <summary>What the builder knows of one directory of the new tree.</summary>
internal sealed class DirectoryNode(EntryPath path)
{
    public EntryPath Path { get; } = path;

    /// <summary>OBJECT of the listing: the basis' own until the directory is merged; null for a new, empty one.</summary>
    public Mac? Dirpack { get; set; }

    /// <summary>VFS_SUMMARY blob: the basis' own until something below changes.</summary>
    public Mac? SummaryId { get; set; }

    /// <summary>Counters of the direct children; null while the basis' are still right.</summary>
    public SummaryCounters? Own { get; set; }

    /// <summary>What the sub-directories add; filled from the deepest ones up.</summary>
    public SummaryCounters Below { get; } = new();

    /// <summary>Something at or below this directory changed.</summary>
    public bool IsDirty { get; set; }
}
