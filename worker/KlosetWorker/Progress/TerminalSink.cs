using KlosetWorker.Contract;
using Spectre.Console;

namespace KlosetWorker.Progress;

/// <summary>A bar on a terminal. Spectre draws inside a task of its own until the sink is disposed of.</summary>
internal sealed class TerminalSink : IProgressSink
{
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _drawing;
    private readonly Lock _gate = new();
    private ProgressTask? _bar;

    public TerminalSink(IAnsiConsole terminal)
    {
        _drawing = terminal.Progress()
            .AutoClear(true)
            .HideCompleted(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new SpinnerColumn())
            .StartAsync(async context =>
            {
                lock (_gate)
                {
                    _bar = context.AddTask("Opening", autoStart: true, maxValue: 1);
                    _bar.IsIndeterminate = true;
                }

                await _end.Task;
            });
    }

    public TimeSpan Interval => TimeSpan.FromMilliseconds(200);

    public void Report(RunProgress progress)
    {
        lock (_gate)
        {
            if (_bar is null)
            {
                return;
            }

            _bar.Description = Markup.Escape(PlainLinesSink.Line(progress));
            var (done, total) = progress.BytesTotal is > 0
                ? (progress.BytesDone, progress.BytesTotal.Value)
                : (progress.ItemsDone, progress.ItemsTotal ?? 0);
            _bar.IsIndeterminate = total <= 0;
            _bar.MaxValue = Math.Max(1, total);
            _bar.Value = Math.Min(done, total);
        }
    }

    public void Dispose()
    {
        _end.TrySetResult();
        _drawing.Wait(TimeSpan.FromSeconds(2));
    }
}
