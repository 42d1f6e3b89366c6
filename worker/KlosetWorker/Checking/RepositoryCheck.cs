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
        return repository.CheckAsync(options, new Steps(tracker), cancellationToken);
    }

    /// <summary>Passes every step on at once; <see cref="Progress{T}"/> would post them to the pool out of order.</summary>
    private sealed class Steps(ProgressTracker tracker) : IProgress<CheckProgress>
    {
        private long _done;

        public void Report(CheckProgress value)
        {
            tracker.Expect(value.Total, null);
            var before = Interlocked.Exchange(ref _done, value.Done);
            tracker.AddItems(value.Done - before);
        }
    }
}
