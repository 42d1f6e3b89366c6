using Kloset.Repositories;
using Kloset.Writing;
using KlosetWorker.Backups;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Progress;

namespace KlosetWorker.Takeout;

/// <summary>Joins the exports of one account into its lineage.</summary>
internal sealed class TakeoutBackup(Repository repository, RepositoryWriter writer, TimeProvider time, ProgressTracker tracker, BackupRequest request)
{
    public Task<BackupReport> RunAsync(CancellationToken stop, CancellationToken cancellationToken) =>
        throw new WorkerException(ErrorCatalogue.Unsupported, $"{repository} {writer} {time} {tracker} {request} {stop} {cancellationToken}");
}
