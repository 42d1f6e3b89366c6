using Kloset.Maintenance;
using KlosetWorker.Contract;
using KlosetWorker.Maintenance;

namespace KlosetWorker.Running;

/// <summary>Removes what no snapshot needs any more, for the cluster that owns the repository.</summary>
internal sealed class MaintainRun(RunContext context) : IRun
{
    public async Task<RunEnd> ExecuteAsync()
    {
        await using var open = await context.OpenAsync();
        await context.EnsureOwnerAsync(open.Store);
        var options = new MaintenanceOptions { GracePeriod = TimeSpan.FromSeconds(context.Order.Maintain!.GracePeriodSeconds) };
        var report = await context.WaitForLockAsync(() => MaintenanceSteps.RunAsync(open.Repository, options, context.Tracker, context.Control.Abort));
        var result = new RunResult
        {
            RunId = context.Order.RunId,
            Outcome = RunOutcome.Succeeded,
            Reason = "Succeeded",
            Maintenance = new(
                report.Snapshots, report.Marked.Packfiles, report.Removed.Packfiles, report.Removed.Bytes,
                report.Waiting.Packfiles + report.Retained.Packfiles, report.NextRemoval),
            Warnings = report.Warnings.Count > 0 ? [.. report.Warnings.Take(5)] : null,
            Transfer = new(open.Store.Counters.BytesRead, open.Store.Counters.BytesWritten, 0, open.Store.Counters.Requests, context.Tracker.Elapsed.TotalSeconds),
        };
        return new(await context.DescribeAsync(open, result), ExitCode.Ok);
    }
}
