using Kloset.Checking;
using KlosetWorker.Checking;
using KlosetWorker.Contract;
using KlosetWorker.Output;

namespace KlosetWorker.Running;

/// <summary>Checks the repository at the level that the order names.</summary>
internal sealed class CheckRun(RunContext context) : IRun
{
    public async Task<RunEnd> ExecuteAsync()
    {
        await using var open = await context.OpenAsync();
        var level = context.Order.Check!.Level;
        var report = await RepositoryCheck.RunAsync(
            open.Repository,
            new CheckOptions { Level = Enum.Parse<Kloset.Checking.CheckLevel>(level.ToString()), DataBytes = context.Order.Check.DataBytes },
            context.Tracker,
            context.Control.Abort);
        var errors = report.Findings.Where(finding => finding.IsError).ToArray();
        var result = new RunResult
        {
            RunId = context.Order.RunId,
            Outcome = errors.Length == 0 ? RunOutcome.Succeeded : RunOutcome.Failed,
            Reason = errors.Length == 0 ? "Succeeded" : ErrorCatalogue.RepositoryDamaged.Code,
            Message = errors.Length == 0 ? null : $"{Text.Count(errors.Length, "error")}; the first: {errors[0].Message}",
            Hint = errors.Length == 0 ? null : ErrorCatalogue.RepositoryDamaged.Remedy,
            Check = new(level, report.Snapshots, report.Files, report.BytesRead, errors.Length),
            Warnings = report.Findings.Count > 0 ? [.. report.Findings.Take(5).Select(finding => $"{finding.Object}: {finding.Message}")] : null,
            Transfer = new(open.Store.Counters.BytesRead, 0, 0, open.Store.Counters.Requests, context.Tracker.Elapsed.TotalSeconds),
        };
        return new(await context.DescribeAsync(open, result), errors.Length == 0 ? ExitCode.Ok : ExitCode.Damaged);
    }
}
