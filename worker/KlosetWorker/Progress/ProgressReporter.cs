namespace KlosetWorker.Progress;

/// <summary>Reports a tracker to a sink at the sink's pace until it is disposed of, then once more.</summary>
internal sealed class ProgressReporter : IAsyncDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly Task _loop;
    private readonly ProgressTracker _tracker;
    private readonly IProgressSink _sink;

    public ProgressReporter(ProgressTracker tracker, IProgressSink sink, TimeProvider time)
    {
        _tracker = tracker;
        _sink = sink;
        _loop = LoopAsync(time, _end.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _loop;
        _sink.Dispose();
        _end.Dispose();
    }

    private async Task LoopAsync(TimeProvider time, CancellationToken end)
    {
        using var timer = new PeriodicTimer(_sink.Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(end))
            {
                _sink.Report(_tracker.Current());
            }
        }
        catch (OperationCanceledException)
        {
            if (_sink is JsonLinesSink)
            {
                _sink.Report(_tracker.Current());
            }
        }
        catch (IOException)
        {
            // Nobody reads any more; the work goes on without an audience.
        }
    }
}
