using System.CommandLine;
using GooglePhotos.Drive;
using GooglePhotos.Takeout.Archives;
using Kloset.Repositories;
using Kloset.Storage;
using KlosetWorker.Access;
using KlosetWorker.Backups;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.GoogleAccounts;
using KlosetWorker.Hosting;
using KlosetWorker.Maintenance;
using KlosetWorker.Output;
using KlosetWorker.Progress;
using KlosetWorker.Retention;

namespace KlosetWorker.Commands;

internal static class BackupCommand
{
    private const string DrivePrefix = "gdrive:";
    private const string LibraryWord = "library:";
    private const string PickerWord = "picker:";

    public static Command Build(Shell shell)
    {
        var sources = new Argument<string[]>("SOURCE") { Description = "takeout:PATH or takeout:gdrive:FOLDERID (up to four), library:, picker:, or folder:PATH", Arity = ArgumentArity.ZeroOrMore };
        var run = new Option<bool>("--run") { Description = $"do what the run file says that {WorkerEnvironment.Run} names; this is how the operator calls" };
        var account = new Option<string?>("--account") { Description = "whose library it is; a label of your choice, the same every time", HelpName = "NAME" };
        var email = new Option<string?>("--email") { Description = "address that the exports must belong to", HelpName = "ADDRESS" };
        var origin = new Option<string?>("--origin") { Description = "of a folder backup; default this host's name", HelpName = "NAME" };
        var tags = new Option<string[]>("--tag") { Description = "tag of the snapshot", HelpName = "TAG" };
        var settle = new Option<int>("--settle")
        {
            Description = "seconds that a set of archives without index must lie unchanged before it is taken as whole (a run of the operator waits half an hour)",
            DefaultValueFactory = _ => 0,
            HelpName = "SECONDS",
        };
        var readers = new Option<int?>("--readers") { Description = "files read at the same time", HelpName = "NUMBER" };
        var credentials = new Option<string?>("--google-credentials")
        {
            Description = $"file with Google credentials, for Drive, library: and picker: (default: {WorkerEnvironment.GoogleCredentials}); kloset login makes one",
            HelpName = "FILE",
        };
        var command = shell.Verb(
            "backup",
            """
            Saves Takeout exports as a photo library, or a folder as it is. Each backup is a whole snapshot; only what is new is stored.

            Examples:
              kloset backup takeout:$HOME/Downloads/takeout --account alice
              kloset backup takeout:gdrive:1x2y3z --account alice --google-credentials drive.json
              kloset backup picker: --account alice --google-credentials picker.json
              kloset backup folder:/srv/documents
              kloset backup --run
            """,
            async (invocation, cancellationToken) =>
            {
                if (invocation.Value(run))
                {
                    return await RunCommand.RunAsync(shell.Host, cancellationToken);
                }

                var request = await ReadAsync(invocation, invocation.Value(credentials), invocation.Value(sources) ?? [], invocation.Value(account), invocation.Value(email), invocation.Value(origin), TimeSpan.FromSeconds(invocation.Value(settle)), cancellationToken);
                await using var open = await invocation.OpenRepositoryAsync(cancellationToken);
                var tracker = new ProgressTracker(shell.Host.Time);
                BackupReport report;
                await using (invocation.ReportProgress(tracker))
                {
                    report = await new Backup(open, shell.Host.Time, tracker).RunAsync(
                        request with
                        {
                            Tags = invocation.Value(tags) ?? [],
                            CacheFolder = invocation.CacheFolder,
                            Readers = invocation.Value(readers) ?? Math.Max(2, Environment.ProcessorCount),
                        },
                        shell.Host.Stop,
                        cancellationToken);
                }

                await TidyAsync(open, request, report, shell.Host, cancellationToken);
                return Tell(invocation, report, tracker);
            });
        command.Add(sources);
        foreach (Option option in new Option[] { run, account, email, origin, tags, settle, readers, credentials })
        {
            command.Add(option);
        }

        return command;
    }

    /// <summary>
    /// Object locks are prolonged, and what an interrupted backup left behind goes once a whole one is there; which whole snapshots stay, a person
    /// says with `kloset forget`.
    /// </summary>
    private static async Task TidyAsync(OpenRepository open, BackupRequest request, BackupReport report, WorkerHost host, CancellationToken cancellationToken)
    {
        try
        {
            await open.Repository.ExtendObjectLocksAsync(cancellationToken);
            if (report.Outcome == RunOutcome.Succeeded && await Ownership.FindOtherAsync(open.Store, null, takeOver: false, host.Time, cancellationToken) is null)
            {
                await new LineageRetention(open.Repository, host.Time).ApplyAsync(new() { Lineage = Lineage.Of(request) }, cancellationToken);
            }
        }
        catch (Exception exception) when (exception is StoreException or RepositoryException)
        {
            host.Error.WriteLine($"warning: The backup is saved, but tidying up behind it failed: {Text.Printable(exception.Message)}");
        }
    }

    private static async Task<BackupRequest> ReadAsync(
        Shell.Invocation invocation, string? credentials, string[] sources, string? account, string? email, string? origin, TimeSpan settle, CancellationToken cancellationToken)
    {
        if (sources is [LibraryWord or PickerWord])
        {
            var access = new GoogleAccess(invocation.Host);
            var file = access.FromFile(credentials);
            return new()
            {
                Origin = account ?? throw new WorkerException(ErrorCatalogue.InvalidArguments, "A backup of Google Photos needs to know whose library it is.")
                {
                    Remedy = "Give --account NAME, the same name at every backup.",
                },
                Email = email,
                Source = sources[0] == LibraryWord
                    ? await access.OpenLibraryAsync(file, email, unattended: false, cancellationToken)
                    : await access.OpenPickerAsync(file, email, unattended: false, maxItems: null, link => invocation.Host.Error.WriteLine($"Pick photos here, then press Done: {link}"), cancellationToken),
            };
        }

        var folders = sources.Where(source => source.StartsWith("folder:", StringComparison.Ordinal)).Select(source => source[7..]).ToArray();
        var takeouts = sources.Where(source => source.StartsWith("takeout:", StringComparison.Ordinal)).Select(source => source[8..]).ToArray();
        if (folders.Length + takeouts.Length != sources.Length || sources.Length == 0 || (folders.Length > 0 && takeouts.Length > 0) || folders.Length > 1 || takeouts.Length > 4)
        {
            throw new WorkerException(ErrorCatalogue.InvalidArguments, "Give one folder:PATH, or up to four of takeout:PATH, or library: or picker:, or --run.");
        }

        foreach (var path in folders.Concat(takeouts.Where(path => !path.StartsWith(DrivePrefix, StringComparison.Ordinal))))
        {
            if (path.Length == 0 || !(Directory.Exists(path) || (takeouts.Length > 0 && File.Exists(path))))
            {
                throw new WorkerException(ErrorCatalogue.SourceNotFound, $"There is no folder '{path}'.");
            }
        }

        if (folders.Length == 1)
        {
            return new() { Origin = origin ?? invocation.Services.HostName, Source = new FolderSource(Path.GetFullPath(folders[0])) };
        }

        var locations = new List<ITakeoutStorage>();
        foreach (var path in takeouts)
        {
            locations.Add(path.StartsWith(DrivePrefix, StringComparison.Ordinal) ? await DriveAsync(path[DrivePrefix.Length..]) : new LocalTakeoutStorage(Path.GetFullPath(path)));
        }

        return new()
        {
            Origin = account ?? origin ?? throw new WorkerException(ErrorCatalogue.InvalidArguments, "A takeout backup needs to know whose library it is.")
            {
                Remedy = "Give --account NAME, the same name at every backup.",
            },
            Email = email,
            Source = new TakeoutSource(locations, settle),
        };

        Task<DriveTakeoutStorage> DriveAsync(string folder)
        {
            var access = new GoogleAccess(invocation.Host);
            return access.OpenDriveAsync(access.FromFile(credentials), folder, email, unattended: false, cancellationToken);
        }
    }

    private static int Tell(Shell.Invocation invocation, BackupReport report, ProgressTracker tracker)
    {
        if (invocation.Json)
        {
            invocation.WriteJson(
                new BackupOutput(
                    report.Outcome.ToString(), report.SnapshotId, report.Files, report.Bytes, report.FilesRead, report.BytesRead, report.BytesStored,
                    report.Errors, tracker.Elapsed.TotalSeconds, report.Warnings, report.Library, report.Exports),
                json => json.BackupOutput);
            return (int)(report.Error?.ExitCode ?? ExitCode.Ok);
        }

        foreach (var warning in report.Warnings)
        {
            invocation.Host.Error.WriteLine($"warning: {Text.Printable(warning)}");
        }

        if (report.Outcome == RunOutcome.NothingNew)
        {
            invocation.Output.WriteLine("Nothing new: the newest snapshot holds all of it.");
            return (int)ExitCode.Ok;
        }

        invocation.Output.WriteLine(
            $"Saved snapshot {report.SnapshotId![..8]}: {Text.Count(report.Files, "file")}, {Text.Bytes(report.Bytes)}; "
            + $"read {Text.Count(report.FilesRead, "file")} ({Text.Bytes(report.BytesRead)}), stored {Text.Bytes(report.BytesStored)} in {Text.Duration(tracker.Elapsed)}.");
        return report.Error is { } error ? invocation.Fail(new WorkerException(error, report.Message ?? error.Meaning)) : (int)ExitCode.Ok;
    }
}
