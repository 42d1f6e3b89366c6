using Kloset.Repositories;
using Kloset.Storage;
using Kloset.Storage.S3;
using KlosetWorker.Access;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Hosting;
using KlosetWorker.Output;

namespace KlosetWorker.Diagnosis;

/// <summary>
/// Looks at everything that a run needs, in the order in which it would need it, and goes on behind what is wrong: one screen, each line with what
/// to do about it.
/// </summary>
internal sealed class Doctor(WorkerHost host, EngineServices services, string cacheFolder)
{
    private static readonly TimeSpan _worryingSkew = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan _fatalSkew = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan _oldRead = TimeSpan.FromDays(60);
    private const long LittleSpace = 2L << 30;

    private readonly List<Finding> _findings = [];

    public IReadOnlyList<Finding> Findings => _findings;

    /// <param name="openStore">Fails when location or options make no sense.</param>
    /// <param name="mayWrite">Whether capabilities that only a write can show are tried.</param>
    public async Task ExamineAsync(Func<IStore> openStore, Func<Passphrase?> passphrase, bool mayWrite, CancellationToken cancellationToken)
    {
        Cache();
        if (Try("Location", openStore, opened => new Finding("Location", Verdict.Well, opened.Location)) is not { } store)
        {
            return;
        }

        await using (store)
        {
            Credentials(store);
            if (!await ReachAsync(store, cancellationToken))
            {
                return;
            }

            if (store is S3Store s3)
            {
                await BucketAsync(s3, mayWrite, cancellationToken);
            }
            else if (store is FileSystemStore)
            {
                Space(store);
            }

            if (await OpenAsync(store, passphrase, cancellationToken) is { } repository)
            {
                await using (repository)
                {
                    await LocksAsync(repository, cancellationToken);
                    await ContentsAsync(repository, cancellationToken);
                }
            }
        }
    }

    public void Add(Finding finding) => _findings.Add(finding);

    private static Finding Failed(string subject, Exception exception)
    {
        var failure = ErrorTranslation.Translate(exception);
        return new Finding(subject, Verdict.Wrong, failure.Message, failure.Remedy ?? failure.Error.Remedy, failure.Error);
    }

    private T? Try<T>(string subject, Func<T> action, Func<T, Finding> tell)
        where T : class
    {
        try
        {
            var result = action();
            Add(tell(result));
            return result;
        }
        catch (Exception exception) when (exception is WorkerException or StoreException or RepositoryException or ArgumentException)
        {
            Add(Failed(subject, exception));
            return null;
        }
    }

    private void Credentials(IStore store)
    {
        if (store is not S3Store)
        {
            return;
        }

        var missing = new[] { SecretKeys.AccessKeyId, SecretKeys.SecretAccessKey }.Where(name => host.Environment(name) is not { Length: > 0 }).ToList();
        Add(missing.Count switch
        {
            0 => new Finding("Credentials", Verdict.Well, "access key and secret key are set"),
            2 => new Finding(
                "Credentials", Verdict.Note, "no access key in the environment: the identity of this machine or pod is used",
                $"When that is not meant, set {SecretKeys.AccessKeyId} and {SecretKeys.SecretAccessKey}."),
            _ => new Finding(
                "Credentials", Verdict.Wrong, $"{missing[0]} is not set, and the other half of the pair is", $"Set {missing[0]}, too.", ErrorCatalogue.AccessDenied),
        });
    }

    private async Task<bool> ReachAsync(IStore store, CancellationToken cancellationToken)
    {
        var started = host.Time.GetTimestamp();
        try
        {
            await foreach (var _ in store.ListAsync("CONFIG", cancellationToken))
            {
            }

            Add(new Finding("Storage", Verdict.Well, $"answers in {host.Time.GetElapsedTime(started).TotalMilliseconds:0} ms, listing is allowed"));
            return true;
        }
        catch (StoreException exception) when (exception.Failure == StoreFailure.BucketMissing && store is FileSystemStore)
        {
            Add(new Finding(
                "Storage", Verdict.Wrong, exception.Message, "Mount the volume, correct the path, or make a repository there with: kloset create", ErrorCatalogue.RepositoryNotFound));
        }
        catch (StoreException exception)
        {
            Add(Failed("Storage", exception));
        }

        return false;
    }

    private async Task BucketAsync(S3Store store, bool mayWrite, CancellationToken cancellationToken)
    {
        S3Capabilities bucket;
        try
        {
            bucket = await store.ProbeAsync(host.Time, mayWrite, cancellationToken);
        }
        catch (Exception exception) when (exception is StoreException or Amazon.Runtime.AmazonServiceException or HttpRequestException)
        {
            Add(new Finding("Bucket", Verdict.Note, $"cannot be asked what it can do: {exception.Message}"));
            return;
        }

        if (bucket.ClockSkew is { } skew)
        {
            var size = skew.Duration();
            Add(size >= _worryingSkew
                ? new Finding(
                    "Clock", size >= _fatalSkew ? Verdict.Wrong : Verdict.Warning, $"this machine is {Text.Duration(size)} {(skew > TimeSpan.Zero ? "ahead of" : "behind")} the server",
                    "Set the clock by NTP: locks count as gone after 10 minutes, and requests are refused from 15 minutes on.", size >= _fatalSkew ? ErrorCatalogue.AccessDenied : null)
                : new Finding("Clock", Verdict.Well, $"within {Math.Ceiling(size.TotalSeconds):0} s of the server"));
        }

        if (bucket.WriteProblem is { } problem)
        {
            Add(new Finding(
                "Writing", Verdict.Warning, $"not allowed: {problem}", "Enough for restores and checks; backups need PutObject on the whole prefix. The policies are in docs/tasks/immutability.md."));
        }
        else if (mayWrite)
        {
            Add(bucket.ConditionalPut == S3Support.Yes
                ? new Finding("Writing", Verdict.Well, "allowed; the first of two writers wins (If-None-Match)")
                : new Finding(
                    "Writing", Verdict.Note, "allowed; the server does not keep the first of two writers (If-None-Match)",
                    "Create each repository from one place only; everything else does not depend on it."));
            Add(bucket.Checksums switch
            {
                S3Support.Yes => new Finding("Checksums", Verdict.Well, "a body that does not match its checksum is refused"),
                S3Support.No => new Finding(
                    "Checksums", Verdict.Warning, "the server stores bodies that do not match their checksums", "Use https all the way, and run `kloset check --level data` regularly."),
                _ => new Finding("Checksums", Verdict.Note, "cannot be told"),
            });
        }

        Add((bucket.ObjectLock, bucket.Versioning) switch
        {
            (S3Support.Yes, _) => new Finding("Object lock", Verdict.Well, $"on, versions are kept{(bucket.DefaultRetention is { } retention ? $"; the bucket holds every object by {retention}" : "")}"),
            (_, S3Support.Yes) => new Finding("Object lock", Verdict.Note, "off; versions are kept, so what is deleted or overwritten can be fetched back until a life cycle removes it"),
            (S3Support.No, S3Support.No) => new Finding(
                "Object lock", Verdict.Note, "off, and versions are not kept: who holds the credentials can destroy the backups", "For protection against that see docs/tasks/immutability.md."),
            _ => new Finding("Object lock", Verdict.Note, "these credentials may not ask"),
        });
    }

    private void Space(IStore store)
    {
        var path = store.Location["fs:".Length..];
        if (Free(path) is { } free)
        {
            Add(free < LittleSpace
                ? new Finding("Space", Verdict.Warning, $"{Text.Bytes(free)} free where the repository lies", "Free space, or enlarge the volume, before the next backup.")
                : new Finding("Space", Verdict.Well, $"{Text.Bytes(free)} free where the repository lies"));
        }
    }

    private void Cache()
    {
        try
        {
            Directory.CreateDirectory(cacheFolder);
            var probe = Path.Combine(cacheFolder, $"kloset-doctor-{services.HostName}-{Environment.ProcessId}");
            File.WriteAllBytes(probe, [1]);
            File.Delete(probe);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Add(new Finding(
                "Cache", Verdict.Wrong, $"{cacheFolder} cannot be written: {exception.Message}", $"Give --cache or {WorkerEnvironment.Cache} a folder that this user may write to.", ErrorCatalogue.TargetUnusable));
            return;
        }

        Add(Free(cacheFolder) is { } free && free < LittleSpace
            ? new Finding("Cache", Verdict.Warning, $"{cacheFolder} has {Text.Bytes(free)} free", "A backup of a million files sorts about 1 GiB there: give --cache a larger place.")
            : new Finding("Cache", Verdict.Well, $"{cacheFolder} can be written{(Free(cacheFolder) is { } left ? $", {Text.Bytes(left)} free" : "")}"));
    }

    private static long? Free(string path)
    {
        try
        {
            return new DriveInfo(Path.GetFullPath(path)).AvailableFreeSpace;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    private async Task<Repository?> OpenAsync(IStore store, Func<Passphrase?> passphrase, CancellationToken cancellationToken)
    {
        try
        {
            var configuration = await OpenRepository.ReadConfigurationAsync(store, cancellationToken);
            Add(new Finding(
                "Repository", Verdict.Well,
                $"{configuration.RepositoryId} of {Text.Time(configuration.Timestamp.ToDateTimeOffset())}; {configuration.Hashing.Algorithm}, {configuration.Compression?.Algorithm ?? "not compressed"}, {(configuration.Encryption is { } e ? "encrypted by " + e.KeyDerivation.Name : "NOT encrypted")}"));
            using var secret = configuration.Encryption is null ? null : passphrase();
            if (configuration.Encryption is not null && secret is null)
            {
                throw new WorkerException(ErrorCatalogue.PassphraseNeeded, "The repository is encrypted, and no passphrase was given.");
            }

            var repository = await Repository.OpenAsync(store, secret?.Bytes, services, cancellationToken);
            Add(repository.KeyFingerprint is { } fingerprint
                ? new Finding("Passphrase", Verdict.Well, $"opens it; key fingerprint {fingerprint}")
                : new Finding("Passphrase", Verdict.Warning, "not needed: everybody who can read the storage can read the photos", "Only a new repository can be encrypted: kloset create, then back up or copy into it."));
            return repository;
        }
        catch (Exception exception) when (exception is WorkerException or RepositoryException or StoreException)
        {
            var failed = Failed("Repository", exception);
            Add(failed with { Subject = failed.Error!.ExitCode == ExitCode.Passphrase ? "Passphrase" : "Repository" });
            return null;
        }
    }

    private async Task LocksAsync(Repository repository, CancellationToken cancellationToken)
    {
        try
        {
            var locks = await repository.ListLocksAsync(cancellationToken);
            if (locks.Count == 0)
            {
                Add(new Finding("Locks", Verdict.Well, "none is held"));
            }

            foreach (var held in locks)
            {
                var age = host.Time.GetUtcNow() - held.Timestamp.ToDateTimeOffset();
                Add(held switch
                {
                    { Unreadable: { } why } => new Finding(
                        "Locks", Verdict.Warning, $"locks/{held.Id} cannot be read ({why}); writers wait for it", "It is removed by the next backup 10 minutes after it was written; sooner: delete this file."),
                    { Stale: true } => new Finding("Locks", Verdict.Note, $"a stale one of {Text.Printable(held.HostName)}, {Text.Duration(age)} old; the next writer removes it"),
                    { Exclusive: true } => new Finding(
                        "Locks", Verdict.Note, $"{Text.Printable(held.HostName)} tidies (exclusive lock, refreshed {Text.Duration(age)} ago); backups wait", "Wait until it is done, 10 minutes after its last refresh at most."),
                    _ => new Finding("Locks", Verdict.Note, $"{Text.Printable(held.HostName)} writes or restores (refreshed {Text.Duration(age)} ago); maintenance waits"),
                });
            }
        }
        catch (Exception exception) when (exception is RepositoryException or StoreException)
        {
            Add(Failed("Locks", exception));
        }
    }

    private async Task ContentsAsync(Repository repository, CancellationToken cancellationToken)
    {
        try
        {
            await repository.RefreshAsync(cancellationToken);
            var totals = await repository.GetTotalsAsync(cancellationToken);
            foreach (var problem in repository.StateProblems.Take(3))
            {
                Add(new Finding("Index", Verdict.Wrong, problem, "Run: kloset check --repair --dry-run, and without --dry-run when its plan is right.", ErrorCatalogue.RepositoryDamaged));
            }

            if (repository.StateProblems.Count > 0)
            {
                return;
            }

            Add(new Finding(
                "Index", Verdict.Well, $"{Text.Count(totals.States, "state")} name {Text.Count(totals.Blobs, "blob")} ({Text.Bytes(totals.StoredBytes)}) in {Text.Count(totals.Packfiles, "packfile")}"));
            var lineages = Lineages.Of(await repository.ListSnapshotsAsync(cancellationToken));
            if (lineages.Count == 0)
            {
                Add(new Finding("Snapshots", Verdict.Warning, "there is none yet", "Make the first one: kloset backup"));
            }

            foreach (var lineage in lineages)
            {
                var what = $"{Text.Printable(lineage.Type)} {Text.Printable(lineage.Origin)}{(lineage.Directory == "/" ? "" : " " + Text.Printable(lineage.Directory))}: {Text.Count(lineage.Snapshots, "snapshot")}, newest {Text.Time(lineage.Newest)}";
                Add(lineage.Incomplete
                    ? new Finding("Snapshots", Verdict.Warning, $"{what}, which is incomplete", "Run the backup again: it goes on from there.")
                    : new Finding("Snapshots", Verdict.Well, what));
            }

            var read = await repository.FindLastFullReadAsync(cancellationToken);
            Add(read is { } time && host.Time.GetUtcNow() - time <= _oldRead
                ? new Finding("Data check", Verdict.Well, $"everything was read, up to {Text.Time(time)}")
                : new Finding(
                    "Data check", Verdict.Note, read is { } old ? $"everything was last read up to {Text.Time(old)}" : "no round of checks with a budget has read everything yet",
                    "Run `kloset check --data-bytes …` regularly, or `kloset check --full` once in a while."));
        }
        catch (Exception exception) when (exception is RepositoryException or StoreException)
        {
            Add(Failed("Snapshots", exception));
        }
    }
}
