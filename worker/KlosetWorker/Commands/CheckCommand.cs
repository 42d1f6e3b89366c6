using System.CommandLine;
using Kloset.Checking;
using Kloset.Snapshots;
using KlosetWorker.Checking;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Output;
using KlosetWorker.Progress;
using Level = Kloset.Checking.CheckLevel;

namespace KlosetWorker.Commands;

internal static class CheckCommand
{
    public static Command Build(Shell shell)
    {
        var level = new Option<string>("--level")
        {
            Description = "inventory (the listing), structure (every tree), data (contents), full (every stored byte)",
            DefaultValueFactory = _ => "data",
        };
        level.AcceptOnlyFromAmong("inventory", "structure", "data", "full");
        var full = new Option<bool>("--full") { Description = "the same as --level full" };
        var bytes = new Option<long?>("--data-bytes") { Description = "how many stored bytes a data check reads at most", HelpName = "BYTES" };
        var repair = new Option<bool>("--repair") { Description = "first write lost or damaged states anew from the packfiles; deletes nothing" };
        var dryRun = new Option<bool>("--dry-run") { Description = "with --repair: only tell what it would do" };
        var snapshots = new Argument<string[]>("SNAPSHOT") { Description = "only these; default all", Arity = ArgumentArity.ZeroOrMore };
        var command = shell.Verb(
            "check",
            """
            Looks for damage, and names what it affects. Exit code 0 when all is well, 14 when something is damaged or missing. With
            --data-bytes each check goes on where the last one stopped, so that over time everything is read.

            Examples:
              kloset check
              kloset check --full --json
              kloset check --data-bytes 10000000000
              kloset check --repair --dry-run
            """,
            async (invocation, cancellationToken) =>
            {
                await using var open = await invocation.OpenRepositoryAsync(cancellationToken);
                if (invocation.Value(dryRun) && !invocation.Value(repair))
                {
                    throw new WorkerException(ErrorCatalogue.InvalidArguments, "--dry-run belongs to --repair; a check by itself changes nothing.");
                }

                var tracker = new ProgressTracker(shell.Host.Time);
                RepairReport? repaired = null;
                if (invocation.Value(repair))
                {
                    await using (invocation.ReportProgress(tracker))
                    {
                        repaired = await RepositoryCheck.RepairAsync(
                            open.Repository, new RepairOptions { DryRun = invocation.Value(dryRun) }, tracker, cancellationToken);
                    }

                    if (!invocation.Json)
                    {
                        Write(repaired, invocation.Output);
                    }
                }

                var ids = new List<SnapshotId>();
                foreach (var text in invocation.Value(snapshots) ?? [])
                {
                    ids.Add(await open.Repository.ResolveSnapshotAsync(text, cancellationToken));
                }

                CheckReport report;
                await using (invocation.ReportProgress(tracker))
                {
                    report = await RepositoryCheck.RunAsync(
                        open.Repository,
                        new CheckOptions
                        {
                            Level = invocation.Value(full) ? Level.Full : Enum.Parse<Level>(invocation.Value(level)!, ignoreCase: true),
                            DataBytes = invocation.Value(bytes),
                            Snapshots = ids.Count > 0 ? ids : null,
                        },
                        tracker,
                        cancellationToken);
                }

                if (invocation.Json)
                {
                    invocation.WriteJson(Describe(report, repaired), json => json.CheckOutput);
                }
                else
                {
                    Write(report, invocation.Output);
                }

                return (int)(report.IsClean ? ExitCode.Ok : ExitCode.Damaged);
            });
        command.Add(snapshots);
        command.Add(level);
        command.Add(full);
        command.Add(bytes);
        command.Add(repair);
        command.Add(dryRun);
        return command;
    }

    private static CheckOutput Describe(CheckReport report, RepairReport? repair) => new(
        report.Level.ToString().ToLowerInvariant(),
        report.IsClean,
        report.Snapshots,
        report.Files,
        report.Chunks,
        report.BytesRead,
        report.AllDataRead,
        repair is null ? null : new RepairOutput(
            repair.DryRun, repair.States, repair.Packfiles, repair.Blobs, [.. repair.SnapshotsBack.Select(id => id.ToString())], repair.Remarks),
        [
            .. report.Findings.Select(finding => new CheckFindingOutput(
                finding.Kind.ToString().ToLowerInvariant(),
                finding.Object,
                finding.Message,
                [.. finding.Snapshots.Select(id => id.ToString())],
                [.. finding.Paths.Select(path => path.ToString())],
                finding.AffectedPaths)),
        ]);

    private static void Write(RepairReport repair, TextWriter output)
    {
        foreach (var remark in repair.Remarks)
        {
            output.WriteLine($"note: {Text.Printable(remark)}");
        }

        if (repair.ChangesNothing)
        {
            output.WriteLine("Nothing to rebuild: what the packfiles say, the states say, too.");
            return;
        }

        output.WriteLine(
            $"{(repair.DryRun ? "Would write" : "Wrote")} {Text.Count(repair.States.Count, "state")} anew from {Text.Count(repair.Packfiles, "packfile")} with {Text.Count(repair.Blobs, "blob")}.");
        foreach (var id in repair.SnapshotsBack)
        {
            output.WriteLine($"    snapshot {id.Short} can be seen again");
        }
    }

    private static void Write(CheckReport report, TextWriter output)
    {
        foreach (var finding in report.Findings)
        {
            output.WriteLine($"{(finding.IsError ? "error" : "note")}: {Text.Printable(finding.Message)} ({finding.Object})");
            if (finding.Snapshots.Count > 0)
            {
                output.WriteLine(
                    $"    affects {Text.Count(finding.Snapshots.Count, "snapshot")}: {string.Join(", ", finding.Snapshots.Take(8).Select(id => id.Short))}{(finding.Snapshots.Count > 8 ? ", …" : "")}");
            }

            foreach (var path in finding.Paths.Take(10))
            {
                output.WriteLine($"    {Text.Printable(path.ToString())}");
            }

            if (finding.AffectedPaths > 10)
            {
                output.WriteLine($"    and {Text.Count(finding.AffectedPaths - 10, "more path")}");
            }
        }

        var errors = report.Findings.Count(finding => finding.IsError);
        output.WriteLine(
            $"Checked {Text.Count(report.Snapshots, "snapshot")}, {Text.Count(report.Files, "file")}, {Text.Count(report.Chunks, "chunk")}, read {Text.Bytes(report.BytesRead)}: "
            + (errors == 0 ? "all is well." : $"{Text.Count(errors, "error")}."));
    }
}
