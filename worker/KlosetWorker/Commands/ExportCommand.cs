using System.CommandLine;
using Kloset.Snapshots;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Exporting;
using KlosetWorker.Output;
using KlosetWorker.Progress;
using KlosetWorker.Restoring;

namespace KlosetWorker.Commands;

internal static class ExportCommand
{
    public static Command Build(Shell shell)
    {
        var snapshotAndPath = SnapshotArgument.Create();
        var output = new Option<string>("--output", "-o") { Description = "file to write, or - for standard output", HelpName = "FILE", Required = true };
        var format = new Option<string?>("--format") { Description = "tar or zip (default: what the file's name ends in, else tar)" };
        format.AcceptOnlyFromAmong("tar", "zip");
        var overwrite = new Option<bool>("--overwrite") { Description = "replace the file when it is there" };
        var withCatalog = new Option<bool>("--with-catalog") { Description = "the folder .kloset with catalog and manifest, too" };
        var queryOptions = new QueryOptions();
        var command = shell.Verb(
            "export",
            """
            Writes a snapshot, a path or a selection as one archive, verified on the way. A tar keeps names, times, modes and links exactly; a zip
            keeps times to two seconds, in UTC. Nothing is kept on disk in between, so the archive may be larger than this machine.

            Examples:
              kloset export latest -o photos.tar
              kloset export "latest:/Google Photos/Iceland" -o iceland.zip
              kloset export latest --format tar -o - | ssh nas tar -x -C /photos
            """,
            async (invocation, cancellationToken) =>
            {
                var file = invocation.Value(output)!;
                var toPipe = file == "-";
                if (toPipe && invocation.Json)
                {
                    throw new WorkerException(ErrorCatalogue.InvalidArguments, "--json and the archive cannot both go to standard output.") { Remedy = "Give -o FILE, or leave --json out." };
                }

                var zip = (invocation.Value(format) ?? (file.EndsWith(".zip", StringComparison.OrdinalIgnoreCase) ? "zip" : "tar")) == "zip";
                var query = queryOptions.Read(invocation);
                await using var open = await invocation.OpenRepositoryAsync(cancellationToken);
                var (snapshot, path) = await SnapshotArgument.Parse(invocation.Value(snapshotAndPath)!).OpenAsync(open.Repository, cancellationToken);
                var top = await SnapshotArgument.RequireAsync(snapshot, path, cancellationToken);
                var tracker = new ProgressTracker(shell.Host.Time);
                if (query.IsEmpty && path.IsRoot)
                {
                    var summary = snapshot.Header.Source.Summary;
                    tracker.Expect((long)summary.TotalFiles, (long)summary.TotalSize);
                }

                await using var target = new ExportTarget(toPipe ? null : file, shell.Host.OutputBytes, invocation.Value(overwrite));
                ExportReport report;
                await using (invocation.ReportProgress(tracker))
                {
                    var entries = new RestoreSelection(snapshot, query, Contract.Edition.Both).EntriesAsync(path, invocation.Value(withCatalog), cancellationToken);
                    IExportFormat archive = zip ? new ZipExport(target.Stream) : new PaxTar(target.Stream);
                    report = await new SnapshotExport(snapshot, archive, tracker).RunAsync(
                        entries, top.Kind == EntryKind.Directory ? path : path.Parent, cancellationToken);
                }

                await target.CommitAsync(cancellationToken);
                foreach (var warning in report.Warnings)
                {
                    shell.Host.Error.WriteLine($"warning: {Text.Printable(warning)}");
                }

                var said = new ExportOutput(snapshot.Id.ToString(), file, zip ? "zip" : "tar", report.Files, report.Bytes, tracker.Elapsed.TotalSeconds, report.Warnings);
                if (invocation.Json)
                {
                    invocation.WriteJson(said, json => json.ExportOutput);
                }
                else if (!toPipe)
                {
                    invocation.Output.WriteLine($"Exported {Text.Count(said.Files, "file")} ({Text.Bytes(said.Bytes)}) of snapshot {snapshot.Id.Short} to {file} in {Text.Duration(tracker.Elapsed)}.");
                }

                return (int)ExitCode.Ok;
            });
        command.Add(snapshotAndPath);
        foreach (Option option in new Option[] { output, format, overwrite, withCatalog })
        {
            command.Add(option);
        }

        queryOptions.AddTo(command);
        return command;
    }
}
