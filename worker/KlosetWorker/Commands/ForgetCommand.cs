using System.CommandLine;
using Kloset.Retention;
using Kloset.Snapshots;
using KlosetWorker.Access;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Output;
using KlosetWorker.Retention;

namespace KlosetWorker.Commands;

internal static class ForgetCommand
{
    public static Command Build(Shell shell)
    {
        var snapshots = new Argument<string[]>("SNAPSHOT") { Description = "forget exactly these", Arity = ArgumentArity.ZeroOrMore };
        var keep = new KeepOptions();
        var origin = new Option<string?>("--account", "--origin") { Description = "only lineages of this account or host", HelpName = "NAME" };
        var dryRun = new Option<bool>("--dry-run", "-n") { Description = "only tell what would be forgotten" };
        var approve = new Option<string[]>("--approve") { Description = "hash of a large wave that was told before", HelpName = "HASH" };
        var owner = new OwnerOptions();
        var command = shell.Verb(
            "forget",
            $"""
            Forgets snapshots: those that are named, or all that a policy does not keep, lineage by lineage. Nothing is deleted yet; that is for
            `kloset maintain`, when no other snapshot needs the data. The newest snapshot, the newest complete one and pinned ones always stay;
            incomplete ones go once a newer complete one exists. More than {RetentionPlan.LargestUnasked * 100:0} % of a lineage go only with --approve.

            Examples:
              kloset forget --keep-daily 7 --keep-weekly 8 --keep-monthly 24 --dry-run
              kloset forget --keep-within 90d --account alice
              kloset forget 3fe2a1b4
            """,
            async (invocation, cancellationToken) =>
            {
                var named = invocation.Value(snapshots) ?? [];
                var policy = keep.Read(invocation);
                if (named.Length == 0 == policy is null)
                {
                    throw new WorkerException(ErrorCatalogue.InvalidArguments, "Name SNAPSHOTs, or give at least one of --keep-last, --keep-daily, … (and not both).");
                }

                var dry = invocation.Value(dryRun);
                await using var open = await invocation.OpenRepositoryAsync(cancellationToken);
                await owner.EnsureAsync(invocation, open.Store, dry, cancellationToken);
                var reports = policy is null
                    ? await ForgetNamedAsync(open, named, dry, shell.Host.Time, cancellationToken)
                    : await ApplyAsync(open, policy, invocation.Value(origin), invocation.Value(approve) ?? [], dry, shell.Host.Time, cancellationToken);
                if (invocation.Json)
                {
                    invocation.WriteJson(new ForgetOutput(dry, [.. reports.Select(Describe)]), json => json.ForgetOutput);
                }
                else
                {
                    reports.ForEach(report => Write(report, dry, invocation.Output));
                }

                if (reports.Find(report => report.Waiting is not null) is not { } waiting)
                {
                    return (int)ExitCode.Ok;
                }

                var failure = new WorkerException(ErrorCatalogue.ApprovalNeeded, Question(waiting))
                {
                    Remedy = $"When that is meant: kloset forget … --approve {string.Join(" --approve ", reports.Select(report => report.Waiting).Where(hash => hash is not null))}",
                };
                return dry ? (int)ExitCode.Ok : invocation.Json ? (int)ExitCode.ApprovalNeeded : invocation.Fail(failure);
            });
        command.Add(snapshots);
        keep.AddTo(command);
        foreach (Option option in new Option[] { origin, approve, dryRun })
        {
            command.Add(option);
        }

        owner.AddTo(command);
        return command;
    }

    /// <summary>What a person is asked, also by a Job.</summary>
    public static string Question(RetentionReport report) =>
        $"{report.WaitingSnapshots.Count} of the {Text.Count(report.Plan.Complete, "complete snapshot")} of {report.Lineage} would be forgotten"
        + (report.Shrunk is { } shrunk ? $", while {shrunk}. Nothing is forgotten until somebody has looked" : "")
        + $"; the approval is {report.Waiting}.";

    private static async Task<List<RetentionReport>> ApplyAsync(
        OpenRepository open, RetentionPolicy policy, string? origin, string[] approved, bool dry, TimeProvider time, CancellationToken cancellationToken)
    {
        var lineages = (await open.Repository.ListSnapshotsAsync(cancellationToken))
            .Select(Lineage.Of).OfType<Lineage>().Where(lineage => origin is null || lineage.Origin == origin).Distinct().ToArray();
        if (lineages.Length == 0 && origin is not null)
        {
            throw new WorkerException(ErrorCatalogue.SnapshotNotFound, $"No snapshot belongs to '{origin}'.");
        }

        var retention = new LineageRetention(open.Repository, time);
        var reports = new List<RetentionReport>();
        foreach (var lineage in lineages)
        {
            reports.Add(await retention.ApplyAsync(new() { Lineage = lineage, Policy = policy, Approved = approved, DryRun = dry }, cancellationToken));
        }

        return reports;
    }

    private static async Task<List<RetentionReport>> ForgetNamedAsync(
        OpenRepository open, string[] named, bool dry, TimeProvider time, CancellationToken cancellationToken)
    {
        var ids = new HashSet<SnapshotId>();
        foreach (var text in named)
        {
            ids.Add(await open.Repository.ResolveSnapshotAsync(text, cancellationToken));
        }

        var headers = await open.Repository.ListSnapshotsAsync(cancellationToken);
        var pinned = await new LineageRetention(open.Repository, time).PinnedAsync(cancellationToken);
        if (headers.FirstOrDefault(header => ids.Contains(header.Id) && LineageRetention.IsPinned(header, pinned)) is { } dear)
        {
            throw new WorkerException(ErrorCatalogue.SnapshotPinned, $"Snapshot {dear.Id.Short} is pinned; nothing was forgotten.");
        }

        if (!dry)
        {
            await open.Repository.ForgetAsync(ids, cancellationToken);
        }

        return
        [
            .. headers.Where(header => Lineage.Of(header) is not null).GroupBy(header => Lineage.Of(header)!)
                .Where(lineage => lineage.Any(header => ids.Contains(header.Id)))
                .Select(lineage => new RetentionReport(
                    lineage.Key,
                    new([.. lineage.Reverse().Select(header => new RetentionVerdict(
                        new(header.Id, header.Timestamp.ToDateTimeOffset(), !SnapshotMarks.IsIncomplete(header)), ids.Contains(header.Id) ? [] : ["not named"]))]),
                    [.. lineage.Where(header => ids.Contains(header.Id)).Select(header => header.Id)],
                    null,
                    [],
                    null)),
        ];
    }

    private static ForgetLineageOutput Describe(RetentionReport report) => new(
        report.Lineage.Type,
        report.Lineage.Origin,
        report.Lineage.Directory,
        [.. report.Forgotten.Select(id => id.ToString())],
        [.. report.Plan.Verdicts.Where(verdict => verdict.Stays).Select(verdict => new ForgetKeptOutput(verdict.Snapshot.Id.ToString(), verdict.Snapshot.Time, verdict.Reasons))],
        [.. report.WaitingSnapshots.Select(id => id.ToString())],
        report.Waiting,
        report.Shrunk);

    private static void Write(RetentionReport report, bool dry, TextWriter output)
    {
        var gone = report.Forgotten.ToHashSet();
        var table = new Columns("Snapshot", "Time", "State", "Verdict");
        foreach (var verdict in report.Plan.Verdicts)
        {
            table.Add(
                verdict.Snapshot.Id.Short,
                Text.Time(verdict.Snapshot.Time),
                verdict.Snapshot.IsComplete ? "" : "incomplete",
                verdict.Stays ? "stays: " + string.Join(", ", verdict.Reasons)
                    : gone.Contains(verdict.Snapshot.Id) ? dry ? "would go" : "forgotten" : "waits for approval");
        }

        output.WriteLine(Text.Printable(report.Lineage.ToString()));
        table.Write(output);
        output.WriteLine($"{(dry ? "Would forget" : "Forgot")} {Text.Count(gone.Count, "snapshot")}{(report.Waiting is { } hash ? $"; {Text.Count(report.WaitingSnapshots.Count, "snapshot")} wait for --approve {hash}" : "")}.");
    }
}
