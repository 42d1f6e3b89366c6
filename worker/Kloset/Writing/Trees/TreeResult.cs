using Kloset.Snapshots;

namespace Kloset.Writing.Trees;

/// <summary>The trees of a snapshot, stored: what its header names.</summary>
internal sealed record TreeResult(Mac Root, Mac ExtendedAttributes, Mac Errors, IReadOnlyList<SnapshotIndex> Indexes, DirectorySummary Summary);
