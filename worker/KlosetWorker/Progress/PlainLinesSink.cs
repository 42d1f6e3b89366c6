using KlosetWorker.Contract;
using KlosetWorker.Output;

namespace KlosetWorker.Progress;

/// <summary>A line for people every half minute, on standard error, when there is no terminal.</summary>
internal sealed class PlainLinesSink(TextWriter error) : IProgressSink
{
    public TimeSpan Interval => TimeSpan.FromSeconds(30);

    public void Report(RunProgress progress) => error.WriteLine(Line(progress));

    public void Dispose()
    {
    }

    internal static string Line(RunProgress progress)
    {
        var items = progress.ItemsTotal is { } itemsTotal ? $"{Text.Number(progress.ItemsDone)} of {Text.Number(itemsTotal)}" : Text.Number(progress.ItemsDone);
        var bytes = progress.BytesTotal is { } bytesTotal ? $"{Text.Bytes(progress.BytesDone)} of {Text.Bytes(bytesTotal)}" : Text.Bytes(progress.BytesDone);
        var eta = progress.EtaSeconds is { } seconds ? $", {Text.Duration(TimeSpan.FromSeconds(seconds))} left" : "";
        return $"{progress.Phase}: {items} items, {bytes}{eta}";
    }
}
