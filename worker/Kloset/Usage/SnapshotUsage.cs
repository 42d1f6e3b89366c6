using Kloset.Snapshots;

namespace Kloset.Usage;

/// <summary>What a snapshot costs.</summary>
/// <param name="LogicalBytes">Of its files, as a restore writes them.</param>
/// <param name="StoredBytes">Encoded bytes of everything that it needs, shared or not.</param>
/// <param name="UniqueBytes">Those that no other snapshot needs: what forgetting it and maintenance would free at most.</param>
public sealed record SnapshotUsage(SnapshotHeader Header, long LogicalBytes, long Files, long StoredBytes, long UniqueBytes, long Blobs);

/// <param name="StoredBytes">Encoded bytes of everything that any snapshot needs, once.</param>
/// <param name="UnneededBytes">Encoded bytes of blobs that no snapshot needs; space comes back when all blobs of a packfile are unneeded.</param>
/// <param name="PaddingBytes">Random bytes that the format wants at both ends of each packfile.</param>
/// <param name="Unreadable">Blobs that are needed and damaged or missing; figures are too small by them.</param>
public sealed record RepositoryUsage(IReadOnlyList<SnapshotUsage> Snapshots, long StoredBytes, long UnneededBytes, long PaddingBytes, long Unreadable);
