using System.CommandLine;
using Kloset.Maintenance;
using KlosetWorker.Contract;
using KlosetWorker.Maintenance;
using KlosetWorker.Output;
using KlosetWorker.Progress;

namespace KlosetWorker.Commands;

internal static class MaintainCommand
{
    public static Command Build(Shell shell)
    {
        var dryRun = new Option<bool>("--dry-run", "-n") { Description = "only tell what would be done; takes no lock" };
        var grace = new Option<string>("--grace-period")
        {
            Description = "how long unneeded data stays before it is marked, and marked before it is removed: 168h, 7d",
            DefaultValueFactory = _ => "7d",
            HelpName = "PERIOD",
        };
        var owner = new OwnerOptions();
        var command = shell.Verb(
            "maintain",
            """
            Finds data that no snapshot needs, marks it, and removes what was marked longer than the grace period ago. Needs the repository for
            itself: no backup may run. It may be interrupted at any time; the next one finishes its work.

            Examples:
              kloset maintain --dry-run
              kloset maintain --grace-period 30d --json
            """,
            async (invocation, cancellationToken) =>
            {
                var options = new MaintenanceOptions { DryRun = invocation.Value(dryRun), GracePeriod = KeepOptions.Period("--grace-period", invocation.Value(grace)!) };
                await using var open = await invocation.OpenRepositoryAsync(cancellationToken);
                await owner.EnsureAsync(invocation, open.Store, options.DryRun, cancellationToken);
                var tracker = new ProgressTracker(shell.Host.Time);
                MaintenanceReport report;
                await using (invocation.ReportProgress(tracker))
                {
                    report = await MaintenanceSteps.RunAsync(open.Repository, options, tracker, cancellationToken);
                }

                if (invocation.Json)
                {
                    invocation.WriteJson(Describe(report, tracker.Elapsed), json => json.MaintainOutput);
                }
                else
                {
                    Write(report, invocation.Output, shell.Host.Error);
                }

                return (int)ExitCode.Ok;
            });
        command.Add(dryRun);
        command.Add(grace);
        owner.AddTo(command);
        return command;
    }

    private static MaintainOutput Describe(MaintenanceReport report, TimeSpan elapsed) => new(
        report.DryRun, report.Snapshots, Of(report.Live), Of(report.Marked), Of(report.Rescued), Of(report.Removed), Of(report.Waiting), Of(report.Young), Of(report.Retained),
        report.NextRemoval, report.Extended, elapsed.TotalSeconds, report.Warnings);

    private static PackfilesOutput Of(PackfileCount count) => new(count.Packfiles, count.Bytes);

    private static void Write(MaintenanceReport report, TextWriter output, TextWriter error)
    {
        foreach (var warning in report.Warnings)
        {
            error.WriteLine($"warning: {Text.Printable(warning)}");
        }

        var would = report.DryRun ? "would be " : "";
        var table = new Columns("What", ">Packfiles", ">Size");
        foreach (var (name, count) in new[]
        {
            ($"needed by {Text.Count(report.Snapshots, "snapshot")}", report.Live),
            ("unneeded, stored lately", report.Young),
            ($"{would}marked as unneeded", report.Marked),
            ($"{would}needed after all, mark taken back", report.Rescued),
            ("marked, in the grace period", report.Waiting),
            ("marked, under an object lock", report.Retained),
            ($"{would}removed", report.Removed),
        })
        {
            table.Add(name, Text.Number(count.Packfiles), Text.Bytes(count.Bytes));
        }

        table.Write(output);
        if (report.Extended > 0)
        {
            output.WriteLine($"Object locks prolonged: {Text.Number(report.Extended)}.");
        }

        if (report.NextRemoval is { } next)
        {
            output.WriteLine($"What is marked may go from {Text.Time(next)} on.");
        }
    }
}
