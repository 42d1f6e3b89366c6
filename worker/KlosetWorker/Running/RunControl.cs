using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Hosting;
using KlosetWorker.Output;
using KlosetWorker.Progress;

namespace KlosetWorker.Running;

/// <summary>
/// When a run has to end before its end. A signal or the end of the slice asks for an anchor (<see cref="Stop"/>); a second signal, or
/// nothing moving for too long, ends the work where it stands (<see cref="Abort"/>).
/// </summary>
internal sealed class RunControl : IAsyncDisposable
{
    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stop;
    private readonly CancellationTokenSource _abort;
    private readonly CancellationTokenSource _end = new();
    private readonly ITimer _slice;
    private readonly Task _watching;
    private readonly TimeSpan _patience;
    private volatile bool _stalled;

    public RunControl(WorkerHost host, RunLimits limits, ProgressTracker tracker, CancellationToken cancellationToken)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(host.Stop);
        _abort = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _slice = host.Time.CreateTimer(static state => ((CancellationTokenSource)state!).Cancel(), _stop, TimeSpan.FromSeconds(limits.SliceSeconds), Timeout.InfiniteTimeSpan);
        _patience = TimeSpan.FromSeconds(limits.NoProgressSeconds);
        _watching = WatchAsync(host.Time, tracker);
    }

    public CancellationToken Stop => _stop.Token;

    public CancellationToken Abort => _abort.Token;

    /// <summary>Says no progress where an abort by the watchdog shows itself as a cancellation.</summary>
    public WorkerException Explain(Exception exception) => _stalled && exception is OperationCanceledException
        ? new WorkerException(ErrorCatalogue.NoProgress, $"Nothing moved for {Text.Duration(_patience)}.", exception)
        : ErrorTranslation.Translate(exception);

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _watching;
        await _slice.DisposeAsync();
        _stop.Dispose();
        _abort.Dispose();
        _end.Dispose();
    }

    private async Task WatchAsync(TimeProvider time, ProgressTracker tracker)
    {
        using var timer = new PeriodicTimer(WatchInterval < _patience ? WatchInterval : _patience, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_end.Token))
            {
                if (tracker.Still >= _patience)
                {
                    _stalled = true;
                    await _abort.CancelAsync();
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }
}
