using System.CommandLine;
using Kloset.Snapshots;
using Kloset.Usage;
using KlosetWorker.Contract;
using KlosetWorker.Output;
using KlosetWorker.Progress;

namespace KlosetWorker.Commands;

internal static class DuCommand
{
    public static Command Build(Shell shell)
    {
        var snapshotAndPath = new Argument<string?>("SNAPSHOT[:PATH]") { Description = "one snapshot, with the folders in it", Arity = ArgumentArity.ZeroOrOne };
        var command = shell.Verb(
            "du",
            """
            Tells what each snapshot costs: its files' bytes, the stored bytes that it needs, and those that no other snapshot needs. With a
            snapshot also the folders in it. Reads all metadata of all snapshots.

            Examples:
              kloset du
              kloset du "latest:/Google Photos" --json
            """,
            async (invocation, cancellationToken) =>
            {
                await using var open = await invocation.OpenRepositoryAsync(cancellationToken);
                var one = invocation.Value(snapshotAndPath) is { } text
                    ? await SnapshotArgument.Parse(text).OpenAsync(open.Repository, cancellationToken)
                    : ((Snapshot Snapshot, EntryPath Path)?)null;
                var tracker = new ProgressTracker(shell.Host.Time) { Phase = "Measuring" };
                RepositoryUsage usage;
                await using (invocation.ReportProgress(tracker))
                {
                    usage = await open.Repository.MeasureUsageAsync(new StepProgress(tracker), cancellationToken);
                }

                var folders = one is { } chosen ? await FoldersAsync(chosen.Snapshot, chosen.Path, cancellationToken) : null;
                var output = new DuOutput(
                    [
                        .. usage.Snapshots.Where(s => one is null || s.Header.Id == one.Value.Snapshot.Id).Select(s => new DuSnapshotOutput(
                            s.Header.Id.ToString(), s.Header.Timestamp.ToDateTimeOffset(), s.Header.Source.Origin, s.Files, s.LogicalBytes, s.StoredBytes, s.UniqueBytes, s.Blobs)),
                    ],
                    usage.StoredBytes, usage.UnneededBytes, usage.PaddingBytes, usage.Unreadable, folders);
                if (invocation.Json)
                {
                    invocation.WriteJson(output, json => json.DuOutput);
                }
                else
                {
                    Write(output, one is null, invocation.Output);
                }

                return (int)ExitCode.Ok;
            });
        command.Add(snapshotAndPath);
        return command;
    }

    private static async Task<IReadOnlyList<DuFolderOutput>> FoldersAsync(Snapshot snapshot, EntryPath path, CancellationToken cancellationToken)
    {
        await SnapshotArgument.RequireAsync(snapshot, path, cancellationToken);
        var folders = new List<DuFolderOutput>();
        await foreach (var entry in snapshot.ListAsync(path, cancellationToken))
        {
            if (entry.Kind == EntryKind.Directory && await snapshot.FindSummaryAsync(entry.Path, cancellationToken) is { } summary)
            {
                folders.Add(new DuFolderOutput(entry.Path.ToString(), (long)summary.TotalSize, (long)summary.TotalFiles));
            }
        }

        folders.Sort((a, b) => b.Bytes.CompareTo(a.Bytes));
        return folders;
    }

    private static void Write(DuOutput output, bool all, TextWriter writer)
    {
        var table = new Columns("Snapshot", "Time", "Origin", ">Files", ">Logical", ">Stored", ">Unique");
        foreach (var snapshot in output.Snapshots)
        {
            table.Add(
                snapshot.Id[..8], Text.Time(snapshot.Time), Text.Printable(snapshot.Origin), Text.Number(snapshot.Files), Text.Bytes(snapshot.LogicalBytes),
                Text.Bytes(snapshot.StoredBytes), Text.Bytes(snapshot.UniqueBytes));
        }

        table.Write(writer);
        if (output.Folders is { } folders)
        {
            writer.WriteLine();
            var list = new Columns(">Logical", ">Files", "Folder");
            foreach (var folder in folders)
            {
                list.Add(Text.Bytes(folder.Bytes), Text.Number(folder.Files), Text.Printable(folder.Path));
            }

            list.Write(writer);
        }

        if (all)
        {
            writer.WriteLine(
                $"All snapshots together need {Text.Bytes(output.StoredBytes)}; {Text.Bytes(output.UnneededBytes)} are needed by none, and padding takes {Text.Bytes(output.PaddingBytes)}.");
        }

        if (output.Unreadable > 0)
        {
            writer.WriteLine($"{Text.Count(output.Unreadable, "blob")} could not be read, so the figures are too small. Run: kloset check");
        }
    }
}
