using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Runs;
using KlosetWorker.Contract;

namespace KlosetOperator.Jobs;

/// <summary>From our kinds to the worker's orders. Pure, but for the mounts that it collects.</summary>
internal static class RunFiles
{
    public static RunRepository Repository(KlosetRepository repository, MountPlan mounts, string cluster, bool maintains = false)
    {
        var spec = repository.Spec;
        return new RunRepository
        {
            Backend = new RunLocation
            {
                S3 = spec.Backend.S3 is { } s3 ? mounts.S3(s3, maintains ? spec.Maintenance?.CredentialsSecretRef?.Name : null) : null,
                Volume = spec.Backend.Volume is { } volume ? mounts.Volume(volume, writable: true) : null,
            },
            Passphrase = spec.Encryption.PassphraseSecretRef is { } passphrase ? mounts.Key(passphrase) : null,
            RepositoryId = Guid.TryParse(spec.RepositoryID ?? repository.Status?.RepositoryID, out var id) ? id : null,
            Create = spec.Create && spec.RepositoryID is null,
            Owner = Owner(cluster, repository.Metadata),
            TakeOverFrom = StallMark.Annotation(repository.Metadata, Annotations.TakeOver),
            Immutability = spec.Immutability is { } locked ? new RunObjectLock(locked.Mode.ToString(), locked.Days) : null,
        };
    }

    /// <summary>The name under which a cluster's operator owns a repository.</summary>
    public static string Owner(string cluster, V1ObjectMeta repository) => $"{cluster}/{repository.NamespaceProperty}/{repository.Name}";

    public static RunLimits Limits(KlosetRepository repository, DateTimeOffset? closing, DateTimeOffset now)
    {
        var limits = new RunLimits { BandwidthBytesPerSecond = repository.Spec.BandwidthBytesPerSecond?.Bytes };
        return closing is { } end && (end - now).TotalSeconds < limits.SliceSeconds
            ? limits with { SliceSeconds = Math.Max(60, (int)(end - now).TotalSeconds) }
            : limits;
    }

    /// <param name="hasMoved">The repository is another one than the account's snapshots were written into, or lies elsewhere.</param>
    public static RunBackup Backup(PhotoBackup backup, bool hasMoved, MountPlan mounts)
    {
        var (spec, status) = (backup.Spec, backup.Status);
        var gap = StallMark.Annotation(backup.Metadata, Annotations.AcceptGap);
        var forget = ApprovedForget(backup);
        return new RunBackup
        {
            Takeout = spec.Source.Takeout?.Locations.Select(location => Location(location, mounts)).ToArray(),
            SettleSeconds = spec.Source.Takeout is { } takeout ? (int)GoDuration.Parse(takeout.Settle).TotalSeconds : 1800,
            LibraryCredentialsSecret = spec.Source.Library is { } library ? mounts.Secret(library.CredentialsSecretRef.Name) : null,
            PickerCredentialsSecret = spec.Source.Picker is { } picker ? mounts.Secret(picker.CredentialsSecretRef.Name) : null,
            PickerMaxItems = spec.Source.Picker?.MaxItems,

            // With an answer of a person's to give to the repository, or one that is not known yet, the worker must open it even when the
            // source brings nothing new.
            IngestedDigest = !hasMoved && forget is null && (gap is null || gap != status?.Library?.GapHash) ? status?.IngestedDigest : null,
            History = hasMoved && status?.Snapshots?.OrderBy(snapshot => snapshot.Incomplete == true).FirstOrDefault() is { } newest // anchors are not copied
                ? new RunHistoryMark(newest.Id, newest.Time)
                : null,
            Selection = spec.Selection is { } selection
                ? new RunSelection
                {
                    IncludeAlbums = selection.Albums?.Include,
                    ExcludeAlbums = selection.Albums?.Exclude,
                    IncludeTrashed = selection.IncludeTrashed,
                }
                : null,
            Retention = spec.Retention is { } keep
                ? new RunRetention(
                    keep.KeepLast, keep.KeepHourly, keep.KeepDaily, keep.KeepWeekly, keep.KeepMonthly, keep.KeepYearly,
                    keep.KeepWithin.Length == 0 ? null : keep.KeepWithin)
                : null,
            AcceptedGaps = gap is null ? null : [gap],
            ApprovedForget = forget,
        };
    }

    /// <summary>The forget wave that waits, if a person approved it.</summary>
    public static string? ApprovedForget(PhotoBackup backup) =>
        StallMark.Annotation(backup.Metadata, Annotations.ApproveForget) is { } approved && approved == backup.Status?.Forget?.Hash ? approved : null;

    /// <param name="snapshot">The snapshot that an earlier run resolved; null for the first.</param>
    public static RunRestore Restore(PhotoRestore restore, string? snapshot, bool planOnly, MountPlan mounts)
    {
        var spec = restore.Spec;
        return new RunRestore
        {
            SnapshotId = snapshot ?? spec.Source.SnapshotID,
            Latest = snapshot is null && spec.Source.Latest == true,
            AsOf = snapshot is null ? spec.Source.AsOf : null,
            Select = spec.Select is { } select ? Select(select) : null,
            Target = spec.Target.GooglePhotos is null
                ? new RunLocation
                {
                    Volume = spec.Target.Volume is { } volume ? mounts.Volume(volume, writable: true) : null,
                    S3 = spec.Target.S3 is { } s3 ? mounts.S3(s3) : null,
                }
                : null,
            GooglePhotos = spec.Target.GooglePhotos is { } google
                ? new RunGooglePhotosTarget(
                    google.Account.Id, google.Account.Email, mounts.Secret(google.Account.CredentialsSecretRef.Name), google.AllowOtherAccount)
                : null,
            ExistingFiles = Enum.Parse<ExistingFiles>((spec.Options?.ExistingFiles ?? ExistingFilesPolicy.Fail).ToString()),
            Edition = spec.Options?.Edition is { } edition ? Enum.Parse<Edition>(edition.ToString()) : null,
            PlanOnly = planOnly,
            ApprovedPlan = string.IsNullOrEmpty(spec.ApprovedPlan) ? null : spec.ApprovedPlan,
            RestoreId = restore.Metadata.Uid,
        };
    }

    private static RunLocation Location(TakeoutLocation location, MountPlan mounts) => new()
    {
        S3 = location.S3 is { } s3 ? mounts.S3(s3) : null,
        Volume = location.Volume is { } volume ? mounts.Volume(volume, writable: false) : null,
        GoogleDrive = location.GoogleDrive is { } drive ? Drive(drive, mounts) : null,
    };

    private static RunGoogleDrive Drive(GoogleDriveLocation drive, MountPlan mounts)
    {
        if (drive.WorkloadIdentity is { } identity)
        {
            mounts.WorkloadIdentity(identity.Audience);
        }

        return new RunGoogleDrive(drive.FolderID, mounts.Secret(drive.CredentialsSecretRef.Name));
    }

    private static RunSelect Select(RestoreSelect select) => new()
    {
        Albums = select.Albums,
        TakenFrom = select.Taken?.From,
        TakenTo = select.Taken?.To,
        People = select.People,
        Place = select.Place switch
        {
            { Box: { } box } => new RunPlace { South = box.South, West = box.West, North = box.North, East = box.East },
            { Radius: { } circle } => new RunPlace { Latitude = circle.Latitude, Longitude = circle.Longitude, RadiusMeters = circle.Meters },
            _ => null,
        },
        MediaTypes = select.MediaTypes,
        Paths = select.Paths,
        Ids = select.Ids,
    };
}
