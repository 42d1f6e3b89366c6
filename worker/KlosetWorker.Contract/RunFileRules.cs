namespace KlosetWorker.Contract;

/// <summary>What a run file must fulfil beyond its types: the members that its kind needs, exactly one of several, and names that cannot leave their folder.</summary>
internal static class RunFileRules
{
    private const int MaxRunIdLength = 200;

    public static IEnumerable<string> Problems(RunFile run)
    {
        if (run.Schema != RunFile.CurrentSchema)
        {
            yield return $"schema is {run.Schema}, this worker knows {RunFile.CurrentSchema}";
            yield break;
        }

        if (run.RunId.Length is 0 or > MaxRunIdLength)
        {
            yield return $"runId must have 1 to {MaxRunIdLength} characters";
        }

        foreach (var problem in Repository(run.Repository))
        {
            yield return problem;
        }

        if (run.Account is { Id.Length: 0 })
        {
            yield return "account.id is empty";
        }

        IEnumerable<string> ofKind = run.Kind switch
        {
            RunKind.Backup when run.Backup is null => ["kind backup needs the member backup"],
            RunKind.Backup when run.Account is null => ["kind backup needs the member account"],
            RunKind.Backup => Backup(run.Backup),
            RunKind.Restore when run.Restore is null => ["kind restore needs the member restore"],
            RunKind.Restore => Restore(run.Restore, run.Account),
            RunKind.Inspect when run.Inspect is null => ["kind inspect needs the member inspect"],
            RunKind.Check when run.Check is null => ["kind check needs the member check"],
            RunKind.Maintain when run.Maintain is null => ["kind maintain needs the member maintain"],
            _ => [],
        };
        foreach (var problem in ofKind)
        {
            yield return problem;
        }

        if (run.Limits is { SliceSeconds: <= 0 } or { NoProgressSeconds: <= 0 } or { BandwidthBytesPerSecond: <= 0 })
        {
            yield return "limits must be positive";
        }
    }

    private static IEnumerable<string> Repository(RunRepository repository)
    {
        foreach (var problem in Location("repository.backend", repository.Backend))
        {
            yield return problem;
        }

        if (repository.Backend.GoogleDrive is not null)
        {
            yield return "repository.backend cannot be Google Drive";
        }

        if (repository.Immutability is { } locked)
        {
            if (locked.Mode is not ("Governance" or "Compliance") || locked.Days is < 1 or > 36_500)
            {
                yield return "repository.immutability must have the mode Governance or Compliance and 1 to 36500 days";
            }

            if (repository.Backend.S3 is null)
            {
                yield return "repository.immutability needs a bucket";
            }
        }

        if (repository.Passphrase is { } passphrase)
        {
            foreach (var problem in Reference("repository.passphrase", passphrase))
            {
                yield return problem;
            }
        }
    }

    private static IEnumerable<string> Backup(RunBackup backup)
    {
        var sources = (backup.Takeout is null ? 0 : 1) + (backup.Folder is null ? 0 : 1)
            + (backup.LibraryCredentialsSecret is null ? 0 : 1) + (backup.PickerCredentialsSecret is null ? 0 : 1);
        if (sources != 1)
        {
            yield return "backup must have exactly one of takeout, folder, libraryCredentialsSecret and pickerCredentialsSecret";
        }

        if (backup.Takeout is { Count: 0 or > 4 })
        {
            yield return "backup.takeout must name 1 to 4 locations";
        }

        foreach (var problem in (backup.Takeout ?? []).SelectMany((location, index) => Location($"backup.takeout[{index}]", location)))
        {
            yield return problem;
        }

        if (backup.Folder is { } folder)
        {
            foreach (var problem in Location("backup.folder", new() { Volume = folder }))
            {
                yield return problem;
            }
        }

        if (backup.SettleSeconds < 0)
        {
            yield return "backup.settleSeconds is negative";
        }

        if (backup.Retention is { KeepLast: 0, KeepHourly: 0, KeepDaily: 0, KeepWeekly: 0, KeepMonthly: 0, KeepYearly: 0, KeepWithin: null or "" })
        {
            yield return "backup.retention would keep nothing; leave it out to keep everything";
        }
    }

    private static IEnumerable<string> Restore(RunRestore restore, RunAccount? account)
    {
        var chosen = (restore.SnapshotId is null ? 0 : 1) + (restore.Latest ? 1 : 0) + (restore.AsOf is null ? 0 : 1);
        if (chosen != 1)
        {
            yield return "restore must have exactly one of snapshotId, latest and asOf";
        }

        if (restore.RestoreId.Length is 0 or > 80 || !restore.RestoreId.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
        {
            yield return "restore.restoreId must have 1 to 80 letters, digits, '-', '_' and '.'";
        }

        if (restore.SnapshotId is null && account is null)
        {
            yield return "restore of the latest snapshot, or of a time, needs the member account";
        }

        if ((restore.Target is null) == (restore.GooglePhotos is null))
        {
            yield return "restore must have exactly one of target and googlePhotos";
        }

        if (restore.Target is { } target)
        {
            foreach (var problem in Location("restore.target", target))
            {
                yield return problem;
            }
        }
    }

    private static IEnumerable<string> Location(string name, RunLocation location)
    {
        var kinds = (location.S3 is null ? 0 : 1) + (location.Volume is null ? 0 : 1) + (location.GoogleDrive is null ? 0 : 1);
        if (kinds != 1)
        {
            yield return $"{name} must have exactly one of s3, volume and googleDrive";
        }

        if (location.Volume is { } volume)
        {
            if (!IsFolderName(volume.Name))
            {
                yield return $"{name}.volume.name is not a plain name";
            }

            if (volume.Path.Split('/').Contains("..", StringComparer.Ordinal) || volume.Path.Contains('\0', StringComparison.Ordinal))
            {
                yield return $"{name}.volume.path leaves the volume";
            }
        }

        if (location.S3 is { } s3)
        {
            if (s3.Bucket.Length == 0 || s3.Bucket.Contains('/', StringComparison.Ordinal))
            {
                yield return $"{name}.s3.bucket is not a bucket's name";
            }

            if (s3.CredentialsSecret is { } credentials && !IsFolderName(credentials))
            {
                yield return $"{name}.s3.credentialsSecret is not a plain name";
            }

            foreach (var problem in s3.CaBundle is null ? [] : Reference($"{name}.s3.caBundle", s3.CaBundle))
            {
                yield return problem;
            }

            if (s3.Encryption is { } encryption && ((encryption.Algorithm is null) == (encryption.CustomerKey is null)
                || encryption.Algorithm is not (null or "AES256" or "aws:kms") || (encryption.KmsKeyId is not null && encryption.Algorithm != "aws:kms")))
            {
                yield return $"{name}.s3.encryption must have the algorithm AES256 or aws:kms, the latter perhaps with a key's id, or a customer's key";
            }

            foreach (var problem in s3.Encryption?.CustomerKey is { } key ? Reference($"{name}.s3.encryption.customerKey", key) : [])
            {
                yield return problem;
            }
        }

        if (location.GoogleDrive is { } drive && !IsFolderName(drive.CredentialsSecret))
        {
            yield return $"{name}.googleDrive.credentialsSecret is not a plain name";
        }
    }

    private static IEnumerable<string> Reference(string name, SecretKeyRef reference)
    {
        if (!IsFolderName(reference.Secret) || !IsFolderName(reference.Key))
        {
            yield return $"{name} must name a Secret and a key by plain names";
        }
    }

    private static bool IsFolderName(string name) =>
        name.Length > 0 && name is not ("." or "..") && !name.Contains('/', StringComparison.Ordinal) && !name.Contains('\0', StringComparison.Ordinal);
}
