using System.CommandLine;
using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Inspection;
using KlosetWorker.Contract;
using KlosetWorker.Output;
using KlosetWorker.Progress;

namespace KlosetWorker.Commands;

internal static class TakeoutCommand
{
    public static Command Build(Shell shell)
    {
        var group = new Command("takeout", "Looks into Google Takeout exports.");
        group.Add(Inspect(shell));
        return group;
    }

    private static Command Inspect(Shell shell)
    {
        var paths = new Argument<string[]>("PATH") { Description = "folders with archives or unpacked exports, or single archives", Arity = ArgumentArity.OneOrMore };
        var command = shell.Verb(
            "inspect",
            """
            Tells what exports hold, without writing anything: sets and parts, items, pairs, albums, and what is left over.

            Examples:
              kloset takeout inspect ~/Downloads/takeout
              kloset takeout inspect part-001.zip part-002.zip --json
            """,
            async (invocation, cancellationToken) =>
            {
                var storage = new LocalTakeoutStorage([.. invocation.Value(paths)!]);
                var tracker = new ProgressTracker(shell.Host.Time) { Phase = "Enumerating" };
                InspectReport report;
                await using (invocation.ReportProgress(tracker))
                {
                    report = await TakeoutInspector.InspectAsync(
                        storage, shell.Host.Time, _ => tracker.AddItems(1), ct: cancellationToken);
                }

                if (invocation.Json)
                {
                    await using var json = new TextWriterStream(invocation.Output);
                    await report.WriteAsync(json, cancellationToken);
                    invocation.Output.WriteLine();
                    return (int)ExitCode.Ok;
                }

                Write(report, invocation.Output);
                return (int)ExitCode.Ok;
            });
        command.Add(paths);
        return command;
    }

    private static void Write(InspectReport report, TextWriter output)
    {
        var sets = new Columns("Export", "Kind", "State", ">Parts", ">Bytes", "Why");
        foreach (var set in report.Sets)
        {
            sets.Add(
                Text.Printable(set.Name),
                set.Class,
                set.Completeness,
                Text.Number(set.Parts.Count),
                Text.Bytes(set.Parts.Sum(part => part.Bytes)),
                Text.Printable(set.ClassReason));
        }

        sets.Write(output);
        output.WriteLine();
        var ranks = report.Reasons.Values.GroupBy(reason => reason.Rank).OrderBy(rank => rank.Key, StringComparer.Ordinal);
        output.WriteLine($"Items        {Text.Number(report.LogicalItems)}");
        output.WriteLine($"Media files  {Text.Number(report.Pairs.Count)} ({string.Join(", ", ranks.Select(rank => $"{Text.Number(rank.Count())} {rank.Key}"))})");
        output.WriteLine($"Albums       {Text.Number(report.Albums.Count)}");
        output.WriteLine($"Without sidecar  {Text.Number(report.UnpairedMedia.Count)}, sidecars without media {Text.Number(report.UnpairedJson.Count)}, other files {Text.Number(report.Ignored.Count)}");
        foreach (var warning in report.Warnings.Take(50))
        {
            output.WriteLine($"warning: {Text.Printable(warning.Message)}");
        }

        if (report.Warnings.Count > 50)
        {
            output.WriteLine($"and {Text.Count(report.Warnings.Count - 50, "more warning")}; --json has them all");
        }
    }
}
