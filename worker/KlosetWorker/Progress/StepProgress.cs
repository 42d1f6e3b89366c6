using Kloset.Checking;

namespace KlosetWorker.Progress;

/// <summary>Passes the engine's steps on at once; <see cref="Progress{T}"/> would post them to the pool out of order.</summary>
internal sealed class StepProgress(ProgressTracker tracker) : IProgress<CheckProgress>
{
    private long _done;

    public void Report(CheckProgress value)
    {
        tracker.Expect(value.Total, null);
        var before = Interlocked.Exchange(ref _done, value.Done);
        tracker.AddItems(value.Done - before);
    }
}
