using Kloset.Maintenance;
using Kloset.Repositories;
using KlosetWorker.Progress;

namespace KlosetWorker.Maintenance;

/// <summary>Runs the engine's maintenance with our progress.</summary>
internal static class MaintenanceSteps
{
    public static Task<MaintenanceReport> RunAsync(Repository repository, MaintenanceOptions options, ProgressTracker tracker, CancellationToken cancellationToken)
    {
        tracker.Phase = "Maintaining";
        return repository.MaintainAsync(options, new Steps(tracker), cancellationToken);
    }

    private sealed class Steps(ProgressTracker tracker) : IProgress<MaintenanceProgress>
    {
        private readonly Lock _lock = new();
        private MaintenanceProgress _last;

        public void Report(MaintenanceProgress value)
        {
            lock (_lock)
            {
                var done = value.Stage == _last.Stage ? value.Done - _last.Done : value.Done;
                _last = value;
                tracker.Expect(value.Total, null);
                tracker.AddItems(Math.Max(0, done));
            }
        }
    }
}
