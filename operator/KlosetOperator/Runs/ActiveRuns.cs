using KlosetOperator.Api;
using KlosetWorker.Contract;

namespace KlosetOperator.Runs;

/// <summary>`status.active` from the Job and the newest line of progress. Pure.</summary>
internal static class ActiveRuns
{
    /// <param name="before">What the status says now; its numbers stay until newer ones come.</param>
    public static ActiveRun Of(JobView job, ActiveRun? before, RunProgress? progress, DateTimeOffset now)
    {
        var same = before?.RunID == job.RunId ? before : null;
        var active = new ActiveRun
        {
            RunID = job.RunId,
            Kind = RunHistory.KindName(job.Kind),
            Job = job.Name,
            Slot = job.Slot,
            Attempt = job.Attempt,
            StartTime = job.Created,
            Phase = same?.Phase,
            ItemsDone = same?.ItemsDone,
            ItemsTotal = same?.ItemsTotal,
            BytesDone = same?.BytesDone,
            BytesTotal = same?.BytesTotal,
            Eta = same?.Eta,
            ProgressTime = same?.ProgressTime,
            Asks = same?.Asks,
        };
        return progress is null
            ? active
            : active with
            {
                Phase = progress.Phase,
                ItemsDone = progress.ItemsDone,
                ItemsTotal = progress.ItemsTotal,
                BytesDone = progress.BytesDone,
                BytesTotal = progress.BytesTotal,
                Eta = progress.EtaSeconds is { } seconds ? GoDuration.Format(Rough(TimeSpan.FromSeconds(seconds))) : null,
                ProgressTime = now,
                Asks = progress.Action is { } asks
                    ? new ActionStatus { Kind = asks.Kind, Message = Messages.Cap(asks.Message), Url = asks.Url, Deadline = Whole(asks.Deadline) }
                    : null,
            };
    }

    /// <summary>`42 %`, by bytes where they are known, else by items.</summary>
    public static string? Percent(ActiveRun active) => (active.BytesTotal, active.ItemsTotal) switch
    {
        ( > 0, _) => $"{Math.Clamp(100 * (active.BytesDone ?? 0) / active.BytesTotal!.Value, 0, 99)} %",
        (_, > 0) => $"{Math.Clamp(100 * (active.ItemsDone ?? 0) / active.ItemsTotal!.Value, 0, 99)} %",
        _ => active.ItemsDone is { } items ? $"{items} items" : null,
    };

    /// <summary>As the API server keeps times; else the same deadline would look like a new one at every look.</summary>
    private static DateTimeOffset? Whole(DateTimeOffset? time) => time is { } moment ? DateTimeOffset.FromUnixTimeSeconds(moment.ToUnixTimeSeconds()) : null;

    /// <summary>No seconds on an hour: people do not read them and every change is a write.</summary>
    private static TimeSpan Rough(TimeSpan eta) => eta >= TimeSpan.FromHours(1)
        ? TimeSpan.FromMinutes(5 * Math.Ceiling(eta.TotalMinutes / 5))
        : eta >= TimeSpan.FromMinutes(2) ? TimeSpan.FromMinutes(Math.Ceiling(eta.TotalMinutes)) : eta;
}
