using System.Security.Cryptography;
using System.Text;
using Kloset.Snapshots;

namespace Kloset.Retention;

/// <summary>A snapshot of one lineage, as far as keeping it is concerned.</summary>
/// <param name="IsComplete">False for anchors: what an unfinished run left behind.</param>
/// <param name="IsPinned">It stays whatever the policy says.</param>
public sealed record RetentionCandidate(SnapshotId Id, DateTimeOffset Time, bool IsComplete, bool IsPinned = false);

/// <param name="Reasons">Why it stays; empty when it goes.</param>
public sealed record RetentionVerdict(RetentionCandidate Snapshot, IReadOnlyList<string> Reasons)
{
    public bool Stays => Reasons.Count > 0;
}

/// <summary>What a policy makes of a lineage.</summary>
/// <param name="Verdicts">Newest first.</param>
public sealed record RetentionPlan(IReadOnlyList<RetentionVerdict> Verdicts)
{
    /// <summary>A wave that forgets a larger part of a lineage than this waits for a person: a wrong policy or a wrong clock looks just like it.</summary>
    public const double LargestUnasked = 0.30;

    public IReadOnlyList<SnapshotId> Forgotten { get; } = [.. Verdicts.Where(verdict => !verdict.Stays).Select(verdict => verdict.Snapshot.Id).Order()];

    /// <summary>Complete snapshots of the lineage.</summary>
    public int Complete => Verdicts.Count(verdict => verdict.Snapshot.IsComplete);

    /// <summary>Complete ones that go. Anchors that a complete snapshot supersedes are not counted: all that they hold stays.</summary>
    public int CompleteForgotten => Verdicts.Count(verdict => verdict.Snapshot.IsComplete && !verdict.Stays);

    /// <summary>
    /// Whether a person has to approve. A run that forgets no more than it has added does not shrink the lineage and never asks: else a policy
    /// that keeps two would ask every night.
    /// </summary>
    /// <param name="added">Complete snapshots that the same run has just written.</param>
    public bool NeedsApproval(int added) => CompleteForgotten > added && CompleteForgotten > LargestUnasked * Complete;

    /// <summary>What may go now: all of it, or, when too much of it would go unasked, the superseded anchors and what was approved.</summary>
    /// <param name="approved">Snapshots that a person agreed to forget, in this or in an earlier wave.</param>
    /// <param name="frozen">Nothing complete goes unasked.</param>
    public IReadOnlyList<SnapshotId> Allowed(IReadOnlySet<SnapshotId> approved, int added, bool frozen = false)
    {
        var complete = Verdicts.Where(verdict => verdict.Snapshot.IsComplete && !verdict.Stays).Select(verdict => verdict.Snapshot.Id).ToHashSet();
        var unasked = complete.Count(id => !approved.Contains(id));
        var tooMany = frozen || (unasked > added && unasked > LargestUnasked * Complete);
        return [.. Forgotten.Where(id => !tooMany || approved.Contains(id) || !complete.Contains(id))];
    }

    /// <summary>Names a set of snapshots that are to be forgotten: what a person approves.</summary>
    /// <returns>16 hexadecimal digits.</returns>
    public static string HashOf(IEnumerable<SnapshotId> snapshots) => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.ASCII.GetBytes("forget\n" + string.Join('\n', snapshots.Order().Select(id => id.ToString())))).AsSpan(0, 8));
}
