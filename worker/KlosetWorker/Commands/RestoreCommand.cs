using System.CommandLine;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Output;
using KlosetWorker.Progress;
using KlosetWorker.Restoring;

namespace KlosetWorker.Commands;

internal static class RestoreCommand
{
    public static Command Build(Shell shell)
    {
        var snapshotAndPath = SnapshotArgument.Create();
        var to = new Option<string>("--to", "-t") { Description = "folder to restore into, made when it is not there; s3://… of a bucket, or googlephotos:ADDRESS", HelpName = "TARGET", Required = true };
        var existing = new Option<string>("--existing")
        {
            Description = "what to do about files that are there with another size or time",
            DefaultValueFactory = _ => "fail",
        };
        existing.AcceptOnlyFromAmong("fail", "skip", "overwrite");
        var edition = new Option<string?>("--edition")
        {
            Description = "of edited photos: both versions (the default), the one as seen (the default for Google Photos), or the original",
        };
        edition.AcceptOnlyFromAmong("both", "as-seen", "originals");
        var hardLinks = new Option<bool>("--hard-links") { Description = "files of the same content become hard links of one another" };
        var withCatalog = new Option<bool>("--with-catalog") { Description = "the folder .kloset with catalog and manifest, too" };
        var queryOptions = new QueryOptions();
        var google = new GoogleRestoreVerb();
        var command = shell.Verb(
            "restore",
            """
            Restores a snapshot, a path or a selection into a folder, a bucket, or back into Google Photos. Every byte is verified while it is written; a restore that was
            interrupted goes on where it ended when it is run again.

            Examples:
              kloset restore latest --to /tmp/photos
              kloset restore "latest:/Google Photos/Iceland" --to /tmp/iceland
              kloset restore latest --to s3://s3.example.net/restored/alice
              kloset restore --album Iceland --person Susan --to /tmp/susan --edition as-seen
              kloset restore latest --to googlephotos:alice@example.com --plan
              kloset restore latest --to googlephotos:alice@example.com --google-credentials alice.json --approve 0123456789abcdef0123456789abcdef
            """,
            async (invocation, cancellationToken) =>
            {
                var query = queryOptions.Read(invocation);
                await using var open = await invocation.OpenRepositoryAsync(cancellationToken);
                await using var guard = await RestoreGuard.TakeAsync(open, holder: null, cancellationToken);
                if (guard.Warning is { } unlocked)
                {
                    shell.Host.Error.WriteLine($"warning: {Text.Printable(unlocked)}");
                }

                var (snapshot, path) = await SnapshotArgument.Parse(invocation.Value(snapshotAndPath)!).OpenAsync(open.Repository, cancellationToken);
                var top = await SnapshotArgument.RequireAsync(snapshot, path, cancellationToken);
                if (GoogleRestoreVerb.IsMeant(invocation.Value(to)!))
                {
                    Edition? wish = invocation.Value(edition) switch { "as-seen" => Edition.AsSeen, "originals" => Edition.Originals, "both" => Edition.Both, _ => null };
                    return await google.RunAsync(invocation, invocation.Value(to)!, open, snapshot, path, query, wish, onlyMissing: invocation.Value(existing) == "skip", cancellationToken);
                }

                if (google.IsPlan(invocation))
                {
                    throw new WorkerException(ErrorCatalogue.InvalidArguments, "--plan belongs to restores into Google Photos.");
                }

                var tracker = new ProgressTracker(shell.Host.Time);
                var options = new RestoreOptions
                {
                    ExistingFiles = Enum.Parse<ExistingFiles>(invocation.Value(existing)!, ignoreCase: true),
                    HardLinks = invocation.Value(hardLinks),
                };
                var chosen = invocation.Value(edition) switch { "as-seen" => Edition.AsSeen, "originals" => Edition.Originals, _ => Edition.Both };
                if (query.IsEmpty)
                {
                    var summary = snapshot.Header.Source.Summary;
                    tracker.Expect(path.IsRoot ? (long)summary.TotalFiles : null, path.IsRoot ? (long)summary.TotalSize : null);
                }

                await using var bucket = invocation.TryOpenBucket(invocation.Value(to)!);
                var folder = bucket is null ? new TargetFolder(invocation.Value(to)!) : null;
                IRestore restore = bucket is null ? new FolderRestore(snapshot, folder!, options, tracker) : new BucketRestore(snapshot, bucket, options, tracker);
                var target = bucket?.Location ?? folder!.Root;
                RestoreReport report;
                await using (invocation.ReportProgress(tracker))
                {
                    var entries = new RestoreSelection(snapshot, query, chosen).EntriesAsync(path, invocation.Value(withCatalog), cancellationToken);
                    var root = top.Kind == Kloset.Snapshots.EntryKind.Directory ? path : path.Parent;
                    report = await restore.RunAsync(entries, root, shell.Host.Stop, cancellationToken);
                }

                var output = new RestoreOutput(
                    snapshot.Id.ToString(), target, report.Files, report.Bytes, report.AlreadyThere, report.Skipped, report.Failed,
                    tracker.Elapsed.TotalSeconds, report.Warnings);
                if (invocation.Json)
                {
                    invocation.WriteJson(output, json => json.RestoreOutput);
                }
                else
                {
                    foreach (var warning in report.Warnings)
                    {
                        shell.Host.Error.WriteLine($"warning: {Text.Printable(warning)}");
                    }

                    invocation.Output.WriteLine(
                        $"Restored {Text.Count(report.Files, "file")} ({Text.Bytes(report.Bytes)}) of snapshot {snapshot.Id.Short} to {target} in {Text.Duration(tracker.Elapsed)}"
                        + (report.AlreadyThere > 0 ? $"; {Text.Number(report.AlreadyThere)} were there already" : "")
                        + (report.Skipped > 0 ? $"; {Text.Number(report.Skipped)} skipped" : "") + ".");
                }

                if (report.Stopped)
                {
                    return (int)ExitCode.Cancelled;
                }

                return report switch
                {
                    { Failed: > 0 } => Fail(invocation, ErrorCatalogue.RestoreIncomplete, $"{Text.Count(report.Failed, "file")} could not be restored; the first: {(report.Warnings.Count > 0 ? report.Warnings[0] : "unknown")}"),
                    { Files: 0, AlreadyThere: 0, Skipped: 0 } when !query.IsEmpty => Fail(invocation, ErrorCatalogue.NothingSelected, "Nothing was restored."),
                    _ => (int)ExitCode.Ok,
                };
            });
        command.Add(snapshotAndPath);
        foreach (Option option in new Option[] { to, existing, edition, hardLinks, withCatalog })
        {
            command.Add(option);
        }

        queryOptions.AddTo(command);
        google.AddTo(command);
        return command;
    }

    private static int Fail(Shell.Invocation invocation, ErrorInfo error, string message)
    {
        if (!invocation.Json)
        {
            return invocation.Fail(new WorkerException(error, message));
        }

        return (int)error.ExitCode;
    }
}
