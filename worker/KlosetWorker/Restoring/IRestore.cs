using Kloset.Snapshots;

namespace KlosetWorker.Restoring;

/// <summary>A way back for the entries of a snapshot. Run again, it goes on where it was stopped.</summary>
internal interface IRestore
{
    /// <param name="entries">Parents before children.</param>
    /// <param name="root">The directory whose contents land in the target; entries outside of it land under their whole path.</param>
    Task<RestoreReport> RunAsync(IAsyncEnumerable<Entry> entries, EntryPath root, CancellationToken stop, CancellationToken cancellationToken);
}
