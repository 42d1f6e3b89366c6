using KlosetWorker.Contract;

namespace KlosetWorker.Progress;

/// <summary>One JSON line every few seconds for the operator, which reads them from the pod's log.</summary>
internal sealed class JsonLinesSink(TextWriter output) : IProgressSink
{
    public TimeSpan Interval => TimeSpan.FromSeconds(5);

    public void Report(RunProgress progress) => output.WriteLine(progress.ToLine());

    public void Dispose()
    {
    }
}
