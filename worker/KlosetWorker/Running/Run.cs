using System.Text;
using System.Text.Json;
using Kloset.Checking;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Storage;
using KlosetWorker.Access;
using KlosetWorker.Backups;
using KlosetWorker.Catalog;
using KlosetWorker.Checking;
using KlosetWorker.Commands;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Hosting;
using KlosetWorker.Output;
using KlosetWorker.Progress;
using KlosetWorker.Restoring;
using KlosetWorker.Takeout;

namespace KlosetWorker.Running;

/// <summary>One Job's work: reads the run file, does what it says, and leaves a result whatever happens.</summary>
internal sealed class Run(WorkerHost host)
{
    private const int MaxSnapshots = 10;
    private static readonly TimeSpan LockPatience = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan LockRetry = TimeSpan.FromSeconds(10);

    private readonly ProgressTracker _tracker = new(host.Time);
    private readonly MountedSecrets _secrets = new(host.Environment(WorkerEnvironment.Secrets));
    private readonly MountedVolumes _volumes = new(host.Environment(WorkerEnvironment.Source));
    private string _runId = "";

    public async Task<int> ExecuteAsync(CancellationToken cancellationToken)
    {
        // The last chance: an exception on a thread of its own would end the process without a word.
        void LastChance(object sender, UnhandledExceptionEventArgs crash) =>
            WriteResult(Failure(ErrorTranslation.Translate(crash.ExceptionObject as Exception ?? new InvalidOperationException("unknown"))));
        AppDomain.CurrentDomain.UnhandledException += LastChance;
        RunResult result;
        int exitCode;
        try
        {
            (result, exitCode) = await ExecuteGuardedAsync(cancellationToken);
        }
        finally
        {
            AppDomain.CurrentDomain.UnhandledException -= LastChance;
        }

        WriteResult(result);
        host.Output.WriteLine(RunResult.ToJson(result));
        if (exitCode != 0)
        {
            host.Error.WriteLine($"kloset: {Text.Printable(result.Message ?? result.Reason)} [{result.Reason}]");
        }

        return exitCode;
    }

    private async Task<(RunResult Result, int ExitCode)> ExecuteGuardedAsync(CancellationToken cancellationToken)
    {
        try
        {
            var run = ReadRunFile();
            _runId = run.RunId;
            if (run.Problems() is { Count: > 0 } problems)
            {
                throw new WorkerException(ErrorCatalogue.InvalidRunFile, $"The run file is not usable: {string.Join("; ", problems)}.");
            }

            await using var reporter = new ProgressReporter(_tracker, new JsonLinesSink(host.Output), host.Time);
            await using var control = new RunControl(host, run.Limits ?? new(), _tracker, cancellationToken);
            try
            {
                return await ExecuteAsync(run, control);
            }
#pragma warning disable CA1031 // whatever it was becomes a result
            catch (Exception exception)
#pragma warning restore CA1031
            {
                var failure = control.Explain(exception);
                return (Failure(failure), (int)failure.Error.ExitCode);
            }
        }
#pragma warning disable CA1031
        catch (Exception exception)
#pragma warning restore CA1031
        {
            var failure = ErrorTranslation.Translate(exception);
            return (Failure(failure), (int)failure.Error.ExitCode);
        }
    }

    private RunFile ReadRunFile()
    {
        var path = host.Environment(WorkerEnvironment.Run) is { Length: > 0 } named
            ? named
            : throw new WorkerException(ErrorCatalogue.InvalidRunFile, $"{WorkerEnvironment.Run} does not name a run file.");
        try
        {
            return new FileInfo(path).Length <= RunFile.MaxBytes
                ? RunFile.Parse(File.ReadAllText(path))
                : throw new WorkerException(ErrorCatalogue.InvalidRunFile, $"The run file {path} is larger than {RunFile.MaxBytes} bytes.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new WorkerException(ErrorCatalogue.InvalidRunFile, $"The run file {path} cannot be read: {exception.Message}", exception);
        }
    }

    private async Task<(RunResult Result, int ExitCode)> ExecuteAsync(RunFile run, RunControl control) => run.Kind switch
    {
        RunKind.Create => await CreateAsync(run, control),
        RunKind.Backup => await BackupAsync(run, control),
        RunKind.Restore => await RestoreAsync(run, control),
        RunKind.Check => await CheckAsync(run, control),
        RunKind.Inspect => await InspectAsync(run, control),
        RunKind.Maintain => throw new WorkerException(ErrorCatalogue.Unsupported, "This worker cannot maintain a repository."),
        _ => throw new WorkerException(ErrorCatalogue.InvalidRunFile, $"The kind {run.Kind} is not known."),
    };

    /// <summary>A protection that was asked for and is not there must not look as if it were.</summary>
    private static void RefuseImmutability(RunFile run)
    {
        if (run.Repository.Immutability is not null)
        {
            throw new WorkerException(
                ErrorCatalogue.Unsupported,
                "This worker cannot put object locks. Remove immutability from the repository's spec, and protect the bucket by versioning or a default retention of its own.");
        }
    }

    /// <summary>What was asked for and is not done, where leaving it undone loses nothing.</summary>
    private static IEnumerable<string> Ignored(RunFile run)
    {
        if (run.Backup?.Retention is not null)
        {
            yield return "Retention is not applied by this worker: every snapshot is kept.";
        }

        if (run.Limits?.BandwidthBytesPerSecond is not null)
        {
            yield return "The limit on bandwidth is not applied by this worker.";
        }
    }

    private async Task<(RunResult, int)> CreateAsync(RunFile run, RunControl control)
    {
        RefuseImmutability(run);
        var store = StoreFactory.Open(run.Repository.Backend, _secrets, _volumes);
        await using var closeStore = store;
        try
        {
            await OpenRepository.ReadConfigurationAsync(store, control.Abort);
        }
        catch (RepositoryException missing) when (missing.Failure == RepositoryFailure.NoRepository && run.Repository is { Create: true, RepositoryId: null })
        {
            using var passphrase = ReadPassphrase(run.Repository);
            if (passphrase is not null)
            {
                CreateCommand.RequireStrength(passphrase);
            }

            await using var made = await Repository.CreateAsync(store, new RepositoryCreation { Passphrase = passphrase?.Bytes }, Services, control.Abort);
            return (await DescribeAsync(run, store, made, new() { RunId = run.RunId, Outcome = RunOutcome.Succeeded, Reason = "Created" }, control.Abort), 0);
        }

        await using var open = await OpenAsync(run, control.Abort);
        return (await DescribeAsync(run, open.Store, open.Repository, new() { RunId = run.RunId, Outcome = RunOutcome.Succeeded, Reason = "Adopted" }, control.Abort), 0);
    }

    private async Task<(RunResult, int)> BackupAsync(RunFile run, RunControl control)
    {
        RefuseImmutability(run);
        var backup = run.Backup!;
        var request = Request(run, backup);
        _tracker.Phase = "Enumerating";

        // Look first, open later: an unchanged listing ends the run before a key is derived.
        if (request.Takeout is { } locations && backup.IngestedDigest is { } ingested
            && (await TakeoutLocations.ListAsync(locations, control.Abort)).Digest == ingested)
        {
            return (new() { RunId = run.RunId, Outcome = RunOutcome.NothingNew, Reason = "NothingNew", IngestedDigest = ingested }, 0);
        }

        _tracker.Phase = "Opening";
        await using var open = await OpenAsync(run, control.Abort);
        var report = await WaitForLockAsync(
            () => new Backup(open, host.Time, _tracker).RunAsync(request, control.Stop, control.Abort), control);
        var error = report.Outcome == RunOutcome.Paused ? ErrorCatalogue.Paused : report.Error;
        var result = new RunResult
        {
            RunId = run.RunId,
            Outcome = report.Outcome,
            Reason = error?.Code ?? (report.Outcome == RunOutcome.NothingNew ? "NothingNew" : "Succeeded"),
            Message = report.Message,
            Hint = error?.Remedy,
            SnapshotId = report.SnapshotId,
            IngestedDigest = report.IngestedDigest,
            Library = report.Library ?? new LibraryTotals(report.Files, report.Bytes, report.Errors),
            Exports = report.Exports,
            Actions = report.Actions.Count > 0 ? [.. report.Actions.Take(5)] : null,
            Warnings = Ignored(run).Concat(report.Warnings).Take(5).ToArray() is { Length: > 0 } warnings ? warnings : null,
            ResumeAfter = report.ResumeAfter,
            Transfer = new(report.BytesRead, report.BytesStored, request.Folder is null ? report.ItemsNew : report.FilesRead, open.Store.Counters.Requests, _tracker.Elapsed.TotalSeconds),
        };
        return (await DescribeAsync(run, open.Store, open.Repository, result, control.Abort), (int)(error?.ExitCode ?? ExitCode.Ok));
    }

    private BackupRequest Request(RunFile run, RunBackup backup)
    {
        if (backup.LibraryCredentialsSecret is not null || backup.PickerCredentialsSecret is not null)
        {
            throw new WorkerException(ErrorCatalogue.Unsupported, "This worker cannot read the Library or the Picker API.");
        }

        var request = new BackupRequest
        {
            Origin = run.Account!.Id,
            Email = run.Account.Email,
            RunId = run.RunId,
            Settle = TimeSpan.FromSeconds(backup.SettleSeconds),
            IngestedDigest = backup.IngestedDigest,
            Selection = backup.Selection,
            AcceptedGaps = backup.AcceptedGaps ?? [],
            CacheFolder = CacheFolder,
        };
        if (backup.Folder is { } folder)
        {
            var path = _volumes.Resolve(folder);
            return Directory.Exists(path)
                ? request with { Folder = path }
                : throw new WorkerException(ErrorCatalogue.SourceNotFound, $"The volume '{folder.Name}' has no folder {folder.Path}.");
        }

        return request with { Takeout = [.. backup.Takeout!.Select(Location)] };
    }

    private TakeoutLocation Location(RunLocation location)
    {
        if (location.Volume is { } volume)
        {
            var path = _volumes.Resolve(volume);
            return Directory.Exists(path)
                ? TakeoutLocation.OfFolder(path)
                : throw new WorkerException(ErrorCatalogue.SourceNotFound, $"The volume '{volume.Name}' has no folder {volume.Path}.");
        }

        return location.S3 is { } s3
            ? new() { Bucket = new Kloset.Storage.S3.S3Store(StoreFactory.Options(s3, _secrets)) }
            : throw new WorkerException(ErrorCatalogue.Unsupported, "This worker cannot read Google Drive.");
    }

    private async Task<(RunResult, int)> RestoreAsync(RunFile run, RunControl control)
    {
        var restore = run.Restore!;
        if (restore.GooglePhotos is not null)
        {
            throw new WorkerException(ErrorCatalogue.Unsupported, "This worker cannot restore into Google Photos.");
        }

        var folder = restore.Target!.Volume is { } volume
            ? _volumes.Resolve(volume)
            : throw new WorkerException(ErrorCatalogue.Unsupported, "This worker restores to volumes only.");
        await using var open = await OpenAsync(run, control.Abort);
        var snapshot = await open.Repository.OpenSnapshotAsync(await ChooseAsync(run, restore, open.Repository, control.Abort), control.Abort);
        var query = CatalogQuery.From(restore.Select);
        var root = EntryPath.Parse(snapshot.Header.Source.Directory);
        if (query.IsEmpty)
        {
            var summary = snapshot.Header.Source.Summary;
            _tracker.Expect((long)summary.TotalFiles, (long)summary.TotalSize);
        }

        var target = new TargetFolder(folder);
        var entries = new RestoreSelection(snapshot, query, restore.Edition ?? Edition.Both).EntriesAsync(root, withCatalog: false, control.Abort);
        var options = new RestoreOptions { ExistingFiles = restore.ExistingFiles, HardLinks = restore.HardLinks };
        var report = await new FolderRestore(snapshot, target, options, _tracker).RunAsync(entries, root, control.Stop, control.Abort);
        var (outcome, error, message) = report switch
        {
            { Stopped: true } => (RunOutcome.Paused, ErrorCatalogue.Paused, "The restore was stopped; the next try goes on from what is there."),
            { Failed: > 0 } => (RunOutcome.Incomplete, ErrorCatalogue.RestoreIncomplete,
                $"{Text.Count(report.Failed, "file")} could not be restored; the first: {(report.Warnings.Count > 0 ? report.Warnings[0] : "unknown")}"),
            { Files: 0, AlreadyThere: 0, Skipped: 0 } when !query.IsEmpty => (RunOutcome.Failed, ErrorCatalogue.NothingSelected,
                $"The selection matches nothing in snapshot {snapshot.Id.Short}."),
            _ => (RunOutcome.Succeeded, (ErrorInfo?)null, (string?)null),
        };
        var result = new RunResult
        {
            RunId = run.RunId,
            Outcome = outcome,
            Reason = error?.Code ?? "Succeeded",
            Message = message,
            Hint = error?.Remedy,
            SnapshotId = snapshot.Id.ToString(),
            Restored = new(report.Files + report.AlreadyThere, report.Bytes, report.Skipped, report.Failed),
            Warnings = report.Warnings.Count > 0 ? [.. report.Warnings.Take(5)] : null,
            Transfer = new(open.Store.Counters.BytesRead, 0, report.Files, open.Store.Counters.Requests, _tracker.Elapsed.TotalSeconds),
        };
        return (await DescribeAsync(run, open.Store, open.Repository, result, control.Abort), (int)(error?.ExitCode ?? ExitCode.Ok));
    }

    private static async Task<SnapshotId> ChooseAsync(RunFile run, RunRestore restore, Repository repository, CancellationToken cancellationToken)
    {
        if (restore.SnapshotId is { } text)
        {
            return await repository.ResolveSnapshotAsync(text, cancellationToken);
        }

        // Whole snapshots first; an anchor is better than nothing, since the first backup of a large library takes days.
        var lineage = (await repository.ListSnapshotsAsync(cancellationToken))
            .Where(header => header.Source.Origin == run.Account!.Id && (restore.AsOf is not { } asOf || header.Timestamp.ToDateTimeOffset() <= asOf))
            .ToArray();
        var chosen = lineage.LastOrDefault(header => !SnapshotMarks.IsIncomplete(header)) ?? lineage.LastOrDefault();
        return chosen?.Id ?? throw new WorkerException(
            ErrorCatalogue.SnapshotNotFound,
            restore.AsOf is { } time ? $"Account {run.Account!.Id} has no snapshot at or before {Text.Time(time)}." : $"Account {run.Account!.Id} has no snapshot.");
    }

    private async Task<(RunResult, int)> CheckAsync(RunFile run, RunControl control)
    {
        await using var open = await OpenAsync(run, control.Abort);
        var level = run.Check!.Level;
        var report = await RepositoryCheck.RunAsync(
            open.Repository,
            new CheckOptions { Level = Enum.Parse<Kloset.Checking.CheckLevel>(level.ToString()), DataBytes = run.Check.DataBytes },
            _tracker,
            control.Abort);
        var errors = report.Findings.Where(finding => finding.IsError).ToArray();
        var result = new RunResult
        {
            RunId = run.RunId,
            Outcome = errors.Length == 0 ? RunOutcome.Succeeded : RunOutcome.Failed,
            Reason = errors.Length == 0 ? "Succeeded" : ErrorCatalogue.RepositoryDamaged.Code,
            Message = errors.Length == 0 ? null : $"{Text.Count(errors.Length, "error")}; the first: {errors[0].Message}",
            Hint = errors.Length == 0 ? null : ErrorCatalogue.RepositoryDamaged.Remedy,
            Check = new(level, report.Snapshots, report.Files, report.BytesRead, errors.Length),
            Warnings = report.Findings.Count > 0 ? [.. report.Findings.Take(5).Select(finding => $"{finding.Object}: {finding.Message}")] : null,
            Transfer = new(open.Store.Counters.BytesRead, 0, 0, open.Store.Counters.Requests, _tracker.Elapsed.TotalSeconds),
        };
        return (await DescribeAsync(run, open.Store, open.Repository, result, control.Abort), (int)(errors.Length == 0 ? ExitCode.Ok : ExitCode.Damaged));
    }

    /// <summary>Looks up how a run ended whose result was lost: by the run id in the context of the snapshots.</summary>
    private async Task<(RunResult, int)> InspectAsync(RunFile run, RunControl control)
    {
        await using var open = await OpenAsync(run, control.Abort);
        var lost = run.Inspect!.LostRunId;
        var header = (await open.Repository.ListSnapshotsAsync(control.Abort))
            .LastOrDefault(snapshot => SnapshotMarks.Find(snapshot, SnapshotMarks.RunId) == lost);
        var result = new RunResult { RunId = run.RunId, Outcome = RunOutcome.Succeeded, Reason = ErrorCatalogue.RunNotFound.Code, Message = $"No snapshot carries the run {lost}." };
        if (header is not null)
        {
            var snapshot = await open.Repository.OpenSnapshotAsync(header.Id, control.Abort);
            var manifest = await CatalogReader.ReadManifestAsync(snapshot, control.Abort);
            var outcome = SnapshotMarks.IsIncomplete(header) ? RunOutcome.Paused : manifest is { Missing.Count: > 0 } ? RunOutcome.Incomplete : RunOutcome.Succeeded;
            result = result with
            {
                FoundRunId = lost,
                Outcome = outcome,
                Reason = outcome switch { RunOutcome.Paused => ErrorCatalogue.Paused.Code, RunOutcome.Incomplete => ErrorCatalogue.LibraryIncomplete.Code, _ => "Succeeded" },
                Message = null,
                SnapshotId = header.Id.ToString(),
                IngestedDigest = manifest?.IngestedDigest,
                Library = manifest is null ? null : ManifestSummary.Library(manifest),
                Exports = manifest is null ? null : ManifestSummary.Exports(manifest),
            };
        }

        return (await DescribeAsync(run, open.Store, open.Repository, result, control.Abort), 0);
    }

    /// <summary>Adds what every result tells: the repository's identity and size, and the newest snapshots of the lineage.</summary>
    private static async Task<RunResult> DescribeAsync(RunFile run, IStore store, Repository repository, RunResult result, CancellationToken cancellationToken)
    {
        await repository.RefreshAsync(cancellationToken);
        var totals = await repository.GetTotalsAsync(cancellationToken);
        var snapshots = (await repository.ListSnapshotsAsync(cancellationToken))
            .Where(header => run.Account is null || header.Source.Origin == run.Account.Id)
            .Reverse()
            .Take(MaxSnapshots)
            .Select(header => SnapshotsCommand.Describe(header))
            .Select(snapshot => new SnapshotSummary(snapshot.Id, snapshot.Time, snapshot.Items ?? snapshot.Files, snapshot.Bytes, snapshot.Incomplete))
            .ToArray();
        return result with
        {
            RepositoryId = repository.Id,
            KeyFingerprint = repository.KeyFingerprint,
            Repository = new(totals.Snapshots, totals.StoredBytes, totals.Packfiles),
            Snapshots = snapshots.Length > 0 ? snapshots : null,
            Transfer = result.Transfer ?? new(store.Counters.BytesRead, store.Counters.BytesWritten, 0, store.Counters.Requests, 0),
        };
    }

    private async Task<OpenRepository> OpenAsync(RunFile run, CancellationToken cancellationToken)
    {
        var store = StoreFactory.Open(run.Repository.Backend, _secrets, _volumes);
        if (run.Repository.RepositoryId is { } expected)
        {
            try
            {
                var configuration = await OpenRepository.ReadConfigurationAsync(store, cancellationToken);
                if (configuration.RepositoryId != expected)
                {
                    throw new WorkerException(
                        ErrorCatalogue.RepositoryReplaced, $"The repository at {store.Location} is {configuration.RepositoryId}, and {expected} was expected.");
                }
            }
            catch
            {
                await store.DisposeAsync();
                throw;
            }
        }

        return await OpenRepository.OpenAsync(store, () => ReadPassphrase(run.Repository), Services, cancellationToken);
    }

    private Passphrase? ReadPassphrase(RunRepository repository)
    {
        if (repository.Passphrase is not { } reference)
        {
            return null;
        }

        var bytes = _secrets.Read(reference);
        var length = bytes.Length > 0 && bytes[^1] == (byte)'\n' ? bytes.Length - 1 : bytes.Length;
        return length > 0
            ? new(bytes[..length])
            : throw new WorkerException(ErrorCatalogue.SecretKeyMissing, $"The key {reference.Key} of the Secret mounted as '{reference.Secret}' is empty.");
    }

    private async Task<T> WaitForLockAsync<T>(Func<Task<T>> work, RunControl control)
    {
        var started = host.Time.GetTimestamp();
        while (true)
        {
            try
            {
                return await work();
            }
            catch (RepositoryException locked) when (locked.Failure == RepositoryFailure.Locked && host.Time.GetElapsedTime(started) < LockPatience)
            {
                _tracker.Phase = "Waiting";
                await Task.Delay(LockRetry, host.Time, control.Stop);
            }
        }
    }

    private EngineServices Services => EngineServices.System with { Time = host.Time };

    private string CacheFolder => host.Environment(WorkerEnvironment.Cache) is { Length: > 0 } folder ? folder : Path.GetTempPath();

    private RunResult Failure(WorkerException failure) => new()
    {
        RunId = _runId,
        Outcome = failure.Error.ExitCode switch { ExitCode.Paused => RunOutcome.Paused, ExitCode.Incomplete => RunOutcome.Incomplete, _ => RunOutcome.Failed },
        Reason = failure.Error.Code,
        Message = failure.Message,
        Hint = failure.Remedy ?? failure.Error.Remedy,
        ResumeAfter = failure.ResumeAfter,
    };

    private void WriteResult(RunResult result)
    {
        if (host.Environment(WorkerEnvironment.Result) is not { Length: > 0 } path)
        {
            return;
        }

        try
        {
            File.WriteAllText(path, result.ToTerminationMessage(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            host.Error.WriteLine($"kloset: the result could not be written to {path}: {exception.Message}");
        }
    }
}
