using Kloset.Checking;
using Kloset.Repositories;
using KlosetWorker.Progress;

namespace KlosetWorker.Checking;

/// <summary>Runs the engine's check with our progress.</summary>
internal static class RepositoryCheck
{
    public static Task<CheckReport> RunAsync(Repository repository, CheckOptions options, ProgressTracker tracker, CancellationToken cancellationToken)
    {
        tracker.Phase = "Checking";
        return repository.CheckAsync(options, new StepProgress(tracker), cancellationToken);
    }

    public static Task<RepairReport> RepairAsync(Repository repository, RepairOptions options, ProgressTracker tracker, CancellationToken cancellationToken)
    {
        tracker.Phase = "Repairing";
        return repository.RepairAsync(options, new StepProgress(tracker), cancellationToken);
    }
}
