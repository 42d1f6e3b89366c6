using System.CommandLine;
using System.Globalization;
using Kloset.Snapshots;
using KlosetWorker.Contract;
using KlosetWorker.Output;

namespace KlosetWorker.Commands;

internal static class SnapshotsCommand
{
    public static Command Build(Shell shell)
    {
        var origin = new Option<string?>("--origin", "--account") { Description = "only snapshots of this account or host", HelpName = "NAME" };
        var command = shell.Verb(
            "snapshots",
            """
            Lists the snapshots, oldest first.

            Examples:
              kloset snapshots
              kloset snapshots --account alice --json
            """,
            async (invocation, cancellationToken) =>
            {
                await using var open = await invocation.OpenRepositoryAsync(cancellationToken);
                var headers = await open.Repository.ListSnapshotsAsync(cancellationToken);
                var chosen = headers.Where(header => invocation.Value(origin) is not { } name || header.Source.Origin == name).ToArray();
                if (invocation.Json)
                {
                    invocation.WriteJson(new SnapshotsOutput([.. chosen.Select(Describe)]), json => json.SnapshotsOutput);
                    return (int)ExitCode.Ok;
                }

                var table = new Columns("Snapshot", "Time", "Source", "Origin", ">Files", ">Size", "State");
                foreach (var snapshot in chosen.Select(Describe))
                {
                    table.Add(
                        snapshot.Id[..8],
                        Text.Time(snapshot.Time),
                        Text.Printable(snapshot.Directory == "/" ? snapshot.Type : $"{snapshot.Type}:{snapshot.Directory}"),
                        Text.Printable(snapshot.Origin),
                        Text.Number(snapshot.Files),
                        Text.Bytes(snapshot.Bytes),
                        snapshot.Incomplete ? "incomplete" : snapshot.Errors > 0 ? Text.Count(snapshot.Errors, "error") : "");
                }

                table.Write(invocation.Output);
                return (int)ExitCode.Ok;
            });
        command.Add(origin);
        return command;
    }

    public static SnapshotOutput Describe(SnapshotHeader header) => new(
        header.Id.ToString(),
        header.Timestamp.ToDateTimeOffset(),
        header.Source.Type,
        header.Source.Origin,
        header.Source.Directory,
        header.Name,
        (long)header.Source.Summary.TotalFiles,
        (long)header.Source.Summary.TotalSize,
        (long)header.Source.Summary.Below.Errors,
        SnapshotMarks.IsIncomplete(header),
        header.Duration.TotalSeconds,
        header.Tags ?? [],
        SnapshotMarks.Find(header, SnapshotMarks.RunId),
        long.TryParse(SnapshotMarks.Find(header, SnapshotMarks.Items), CultureInfo.InvariantCulture, out var items) ? items : null);
}
