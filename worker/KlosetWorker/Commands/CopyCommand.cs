using System.CommandLine;
using Kloset.Copying;
using Kloset.Snapshots;
using KlosetWorker.Access;
using KlosetWorker.Catalog;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Hosting;
using KlosetWorker.Output;
using KlosetWorker.Progress;

namespace KlosetWorker.Commands;

internal static class CopyCommand
{
    /// <summary>Before the name of a variable: for the repository that is copied to.</summary>
    private const string Prefix = "KLOSET_TO_";

    public static Command Build(Shell shell)
    {
        var to = new Option<string>("--to") { Description = "the repository to copy to, which must exist: fs:PATH or s3://host/bucket/prefix", HelpName = "LOCATION", Required = true };
        var passphraseFile = new Option<string?>("--to-passphrase-file")
        {
            Description = $"file with its passphrase (default: {Prefix}PASSPHRASE, {Prefix}PASSPHRASE_FILE, or asked for)",
            HelpName = "FILE",
        };
        var endpoint = new Option<string?>("--to-s3-endpoint") { Description = "https://host[:port] of its S3 server (default: --s3-endpoint)", HelpName = "URL" };
        var region = new Option<string?>("--to-s3-region") { Description = "region of its S3 server (default: --s3-region)", HelpName = "REGION" };
        var account = new Option<string?>("--account") { Description = "only the snapshots of this account or origin", HelpName = "NAME" };
        var latest = new Option<bool>("--latest") { Description = "only the newest snapshot of each lineage" };
        var snapshots = new Argument<string[]>("SNAPSHOT") { Description = "only these; default all", Arity = ArgumentArity.ZeroOrMore };
        var command = shell.Verb(
            "copy",
            $"""
            Copies snapshots to another repository, under that one's key: to renew a passphrase, to reclaim space, or to have a second copy.
            What is there already is not written again; interrupted, it goes on where it stopped. Snapshots keep their identifiers, times,
            origins and tags. Credentials of the other bucket: {Prefix}AWS_ACCESS_KEY_ID and {Prefix}AWS_SECRET_ACCESS_KEY, else the same ones.

            Examples:
              kloset create --repository fs:/srv/photos-2 --passphrase-file new-passphrase
              kloset copy --to fs:/srv/photos-2 --to-passphrase-file new-passphrase
              kloset copy --to s3://s3.example.net/photos/second --latest --account alice
            """,
            async (invocation, cancellationToken) =>
            {
                await using var source = await invocation.OpenRepositoryAsync(cancellationToken);
                var there = Target(shell.Host);
                var settings = invocation.StoreSettings;
                await using var target = await OpenRepository.OpenAsync(
                    StoreFactory.Open(
                        settings with
                        {
                            Location = invocation.Value(to)!,
                            AsOf = null, // what the source was then is written now
                            S3Endpoint = invocation.Value(endpoint) ?? settings.S3Endpoint,
                            S3Region = invocation.Value(region) ?? settings.S3Region,
                        },
                        there),
                    () => PassphraseSource.Find(there, invocation.Value(passphraseFile), confirm: false),
                    invocation.Services,
                    cancellationToken);
                var chosen = new List<SnapshotId>();
                foreach (var text in invocation.Value(snapshots) ?? [])
                {
                    chosen.Add(await source.Repository.ResolveSnapshotAsync(text, cancellationToken));
                }

                var ids = Choose(await source.Repository.ListSnapshotsAsync(cancellationToken), chosen, invocation.Value(account), invocation.Value(latest));
                var tracker = new ProgressTracker(shell.Host.Time) { Phase = "Copying" };
                CopyReport report;
                await using (invocation.ReportProgress(tracker))
                {
                    // The first signal ends it too: what was stored is kept by a state, and the next run goes on from it.
                    using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, shell.Host.Stop);
                    report = await source.Repository.CopyToAsync(
                        target.Repository,
                        new CopyOptions { Snapshots = ids, CacheDirectory = invocation.CacheFolder, Derived = new CatalogTranslation(invocation.CacheFolder) },
                        new Steps(tracker),
                        stop.Token);
                }

                if (invocation.Json)
                {
                    invocation.WriteJson(
                        new CopyOutput(
                            target.Store.Location, [.. report.Copied.Select(id => id.ToString())], [.. report.Present.Select(id => id.ToString())],
                            report.Files, report.BytesRead, report.BytesStored, tracker.Elapsed.TotalSeconds),
                        json => json.CopyOutput);
                }
                else
                {
                    invocation.Output.WriteLine(
                        $"Copied {Text.Count(report.Copied.Count, "snapshot")} to {target.Store.Location}"
                        + (report.Present.Count > 0 ? $", {report.Present.Count} more were there" : "")
                        + $": read {Text.Count(report.Files, "file")} ({Text.Bytes(report.BytesRead)}), stored {Text.Bytes(report.BytesStored)} in {Text.Duration(tracker.Elapsed)}.");
                }

                return (int)ExitCode.Ok;
            });
        command.Add(snapshots);
        foreach (Option option in new Option[] { to, passphraseFile, endpoint, region, account, latest })
        {
            command.Add(option);
        }

        return command;
    }

    private static List<SnapshotId> Choose(IReadOnlyList<SnapshotHeader> all, List<SnapshotId> chosen, string? account, bool latest)
    {
        var headers = all.Where(header => (chosen.Count == 0 || chosen.Contains(header.Id)) && (account is null || header.Source.Origin == account)).ToList();
        if (headers.Count == 0 && (chosen.Count > 0 || account is not null))
        {
            throw new WorkerException(ErrorCatalogue.SnapshotNotFound, account is null ? "None of these snapshots is there." : $"There is no snapshot of '{account}'.");
        }

        return latest
            ? [.. headers.GroupBy(header => (header.Source.Type, header.Source.Origin, header.Source.Directory)).Select(lineage => lineage.Last().Id)]
            : [.. headers.Select(header => header.Id)];
    }

    /// <summary>The world as the other repository sees it: variables of its own first. Its passphrase is never taken to be the source's.</summary>
    private static WorkerHost Target(WorkerHost host) => host with
    {
        Environment = name => name is WorkerEnvironment.Passphrase or WorkerEnvironment.PassphraseFile
            ? host.Environment(Prefix + name["KLOSET_".Length..])
            : host.Environment(Prefix + name) ?? host.Environment(name),
    };

    private sealed class Steps(ProgressTracker tracker) : IProgress<CopyProgress>
    {
        private readonly Lock _lock = new();
        private CopyProgress? _last;

        public void Report(CopyProgress value)
        {
            lock (_lock)
            {
                if (_last is { } last && (value.Files < last.Files || value.Bytes < last.Bytes))
                {
                    return; // several flows report, and one was overtaken
                }

                tracker.AddItems(value.Files - (_last?.Files ?? 0));
                tracker.AddBytes(value.Bytes - (_last?.Bytes ?? 0));
                _last = value;
            }
        }
    }
}
