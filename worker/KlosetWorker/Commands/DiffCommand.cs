using System.CommandLine;
using Kloset.Snapshots;
using KlosetWorker.Contract;
using KlosetWorker.Output;

namespace KlosetWorker.Commands;

internal static class DiffCommand
{
    public static Command Build(Shell shell)
    {
        var from = new Argument<string>("FROM") { Description = "the older snapshot: latest, or the first digits of its identifier" };
        var to = new Argument<string>("TO") { Description = "the newer one" };
        var path = new Argument<string?>("PATH") { Description = "only what lies at or below this path", Arity = ArgumentArity.ZeroOrOne };
        var attributes = new Option<bool>("--attributes") { Description = "also entries that differ in times, modes or owners alone" };
        var command = shell.Verb(
            "diff",
            """
            Tells what differs between two snapshots: + added, - removed, ~ changed. With --json one object a line.

            Examples:
              kloset diff 1f3a latest
              kloset diff 1f3a 99c0 "/Google Photos/Iceland" --json
            """,
            async (invocation, cancellationToken) =>
            {
                await using var open = await invocation.OpenRepositoryAsync(cancellationToken);
                var left = await OpenAsync(open, invocation.Value(from)!, cancellationToken);
                var right = await OpenAsync(open, invocation.Value(to)!, cancellationToken);
                var below = invocation.Value(path) is { } text ? SnapshotArgument.Resolve(right, text) : EntryPath.Root;
                long added = 0, removed = 0, changed = 0, touched = 0;
                await foreach (var difference in SnapshotDiff.CompareAsync(left, right, below, cancellationToken))
                {
                    switch (difference.Kind)
                    {
                        case DifferenceKind.Added:
                            added++;
                            break;
                        case DifferenceKind.Removed:
                            removed++;
                            break;
                        case DifferenceKind.Changed:
                            changed++;
                            break;
                        default:
                            touched++;
                            if (!invocation.Value(attributes))
                            {
                                continue;
                            }

                            break;
                    }

                    Write(invocation, difference);
                }

                if (!invocation.Json)
                {
                    invocation.Output.WriteLine(
                        $"{Text.Number(added)} added, {Text.Number(removed)} removed, {Text.Number(changed)} changed"
                        + (touched > 0 ? $", {Text.Count(touched, "entry", "entries")} with other attributes only." : "."));
                }

                return (int)ExitCode.Ok;
            });
        command.Add(from);
        command.Add(to);
        command.Add(path);
        command.Add(attributes);
        return command;
    }

    private static async Task<Snapshot> OpenAsync(Access.OpenRepository open, string text, CancellationToken cancellationToken) =>
        await open.Repository.OpenSnapshotAsync(await open.Repository.ResolveSnapshotAsync(text, cancellationToken), cancellationToken);

    private static void Write(Shell.Invocation invocation, Difference difference)
    {
        var (from, to) = (difference.From, difference.To);
        if (invocation.Json)
        {
            invocation.WriteJson(
                new DiffChangeOutput(
                    difference.Kind.ToString().ToLowerInvariant(), difference.Path.ToString(), LsCommand.JsonKind((to ?? from)!.Kind), SizeOf(from), SizeOf(to),
                    from?.ModTime.ToDateTimeOffset(), to?.ModTime.ToDateTimeOffset()),
                json => json.DiffChangeOutput);
            return;
        }

        var sign = difference.Kind switch { DifferenceKind.Added => '+', DifferenceKind.Removed => '-', DifferenceKind.Changed => '~', _ => '=' };
        var end = (to ?? from)!.Kind == EntryKind.Directory ? "/" : "";
        var size = (SizeOf(from), SizeOf(to)) switch
        {
            ({ } before, { } after) when before != after => $"  ({Text.Bytes(before)} -> {Text.Bytes(after)})",
            (null, { } after) => $"  ({Text.Bytes(after)})",
            ({ } before, null) => $"  ({Text.Bytes(before)})",
            _ => "",
        };
        invocation.Output.WriteLine($"{sign} {Text.Printable(difference.Path.ToString())}{end}{size}");
    }

    private static long? SizeOf(Entry? entry) => entry is { Kind: EntryKind.File } ? entry.Size : null;
}
