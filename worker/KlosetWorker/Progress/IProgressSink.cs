using KlosetWorker.Contract;

namespace KlosetWorker.Progress;

/// <summary>Where progress goes to.</summary>
internal interface IProgressSink : IDisposable
{
    /// <summary>How often it wants to be told.</summary>
    TimeSpan Interval { get; }

    void Report(RunProgress progress);
}

/// <summary>For `--quiet` and commands that finish at once.</summary>
internal sealed class NoProgressSink : IProgressSink
{
    public TimeSpan Interval => TimeSpan.FromMinutes(10);

    public void Report(RunProgress progress)
    {
    }

    public void Dispose()
    {
    }
}
