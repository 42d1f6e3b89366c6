using System.Collections.Frozen;

namespace KlosetWorker.Contract;

/// <param name="Code">CamelCase, part of the API: <see cref="RunResult.Reason"/>, condition reasons, and the word in brackets on the command line.</param>
/// <param name="ExitCode">The process's exit code, which decides what the operator does next.</param>
/// <param name="Meaning">What happened and why, one sentence without the details of the case.</param>
/// <param name="Remedy">What to do about it.</param>
/// <param name="Retry">What the operator does next, where that is not what the exit code says.</param>
public sealed record ErrorInfo(string Code, ExitCode ExitCode, string Meaning, string Remedy, RetryClass? Retry = null);

/// <summary>
/// Every way in which a command can end other than well. The command line, <see cref="RunResult"/>, the operator's conditions and the
/// reference documentation take their words from here.
/// </summary>
public static class ErrorCatalogue
{
    public static readonly ErrorInfo InvalidArguments = new("InvalidArguments", ExitCode.Configuration,
        "The command line is not usable.", "Run the command with --help to see what it takes.");

    public static readonly ErrorInfo InvalidRunFile = new("InvalidRunFile", ExitCode.Configuration,
        "The run file is not usable.", "Operator and worker must be of versions that fit together; otherwise report this as a bug.");

    public static readonly ErrorInfo InvalidLocation = new("InvalidLocation", ExitCode.Configuration,
        "The location is not one that kloset understands.", "Give fs:PATH, s3://host[:port]/bucket[/prefix], or s3://bucket/prefix with --s3-endpoint.");

    public static readonly ErrorInfo SecretMissing = new("SecretMissing", ExitCode.Configuration,
        "A Secret that the run needs is not mounted.", "Create the Secret that the message names in the resource's namespace.");

    public static readonly ErrorInfo SecretKeyMissing = new("SecretKeyMissing", ExitCode.Configuration,
        "A Secret lacks a key that the run needs.", "Add the key to the Secret that the message names.");

    public static readonly ErrorInfo PassphraseNeeded = new("PassphraseNeeded", ExitCode.Passphrase,
        "The repository is encrypted and no passphrase was given.",
        "Set KLOSET_PASSPHRASE or KLOSET_PASSPHRASE_FILE, or give --passphrase-file.");

    public static readonly ErrorInfo WrongPassphrase = new("WrongPassphrase", ExitCode.Passphrase,
        "The passphrase does not open the repository.", "Give the passphrase with which the repository was created.");

    public static readonly ErrorInfo WeakPassphrase = new("WeakPassphrase", ExitCode.Configuration,
        "The passphrase can be guessed: a new repository wants one of at least 80 bits.",
        "Use seven or more words drawn by dice, or the output of: head -c 16 /dev/urandom | base32");

    public static readonly ErrorInfo RepositoryNotFound = new("RepositoryNotFound", ExitCode.NoRepository,
        "There is no repository at the location.", "Correct the location, or make one with: kloset create");

    public static readonly ErrorInfo RepositoryExists = new("RepositoryExists", ExitCode.Configuration,
        "There is a repository at the location already.", "Use it, or give another location; kloset never overwrites one.");

    public static readonly ErrorInfo RepositoryReplaced = new("RepositoryReplaced", ExitCode.RepositoryReplaced,
        "The repository at the location has another identity than the one expected.",
        "Point the resource at the right location, or remove the expected identity when the exchange was meant.");

    public static readonly ErrorInfo HistoryMissing = new("HistoryMissing", ExitCode.NoRepository,
        "The repository does not hold the account's newest snapshot, which was written to another place.",
        "Bring the snapshots over with kloset copy or by copying the bucket; the backup goes on by itself once they are there.",
        RetryClass.BackOff);

    public static readonly ErrorInfo RepositoryLocked = new("RepositoryLocked", ExitCode.Locked,
        "Another program holds the repository exclusively.", "Wait until it has finished; stale locks end by themselves after 10 minutes.");

    public static readonly ErrorInfo RepositoryDamaged = new("RepositoryDamaged", ExitCode.Damaged,
        "The repository has damage that the run could not go around.", "Run kloset check and follow what it says.");

    public static readonly ErrorInfo RepositoryUnsupported = new("RepositoryUnsupported", ExitCode.Configuration,
        "The repository uses a version or an algorithm that this program does not know.", "Use the program that wrote it, or a newer kloset.");

    public static readonly ErrorInfo BucketNotFound = new("BucketNotFound", ExitCode.Configuration,
        "The bucket does not exist.", "Create the bucket, or correct its name; kloset never creates buckets.");

    public static readonly ErrorInfo AccessDenied = new("AccessDenied", ExitCode.Authorisation,
        "The store refused access.", "Check the credentials and what they are allowed to do; the needed permissions are in the docs.");

    public static readonly ErrorInfo StoreUnreachable = new("StoreUnreachable", ExitCode.NoProgress,
        "The store does not answer.", "Check the endpoint, DNS, certificates and network policies between here and the store.");

    public static readonly ErrorInfo StoreThrottled = new("StoreThrottled", ExitCode.NoProgress,
        "The store keeps asking to slow down.", "Run fewer jobs at once, or ask the store's operator for a higher limit.");

    public static readonly ErrorInfo StoreFull = new("StoreFull", ExitCode.Full,
        "The store has no room left.", "Free space or raise the quota.");

    public static readonly ErrorInfo StoreFailed = new("StoreFailed", ExitCode.NoProgress,
        "The store answered with an error.", "Look at the store's own logs; the message has its words.");

    public static readonly ErrorInfo TargetFull = new("TargetFull", ExitCode.Full,
        "The target of the restore has no room left.", "Free space, or restore a selection.");

    public static readonly ErrorInfo TargetFileExists = new("TargetFileExists", ExitCode.Configuration,
        "A file is already there, and nothing is to be overwritten.", "Restore into an empty folder, or choose --existing skip or overwrite.");

    public static readonly ErrorInfo TargetUnusable = new("TargetUnusable", ExitCode.Configuration,
        "The target of the restore cannot be written to.", "Give a folder that exists or can be made, and that this user may write to.");

    public static readonly ErrorInfo SourceNotFound = new("SourceNotFound", ExitCode.Configuration,
        "The source is not there.", "Correct the path, or mount what it names.");

    public static readonly ErrorInfo SourceUnreadable = new("SourceUnreadable", ExitCode.Configuration,
        "The source cannot be read.", "Check the permissions of what the message names.");

    public static readonly ErrorInfo SourceEmpty = new("SourceEmpty", ExitCode.Incomplete,
        "The source holds no export that could be read.", "Put the archives where the message says, whole and under their own names.");

    public static readonly ErrorInfo LibraryIncomplete = new("LibraryIncomplete", ExitCode.Incomplete,
        "A snapshot was saved, but something that belongs to the library is missing in it.",
        "Replace the parts that the message names, or accept the gap.");

    public static readonly ErrorInfo FilesUnreadable = new("FilesUnreadable", ExitCode.Incomplete,
        "A snapshot was saved, but some files could not be read.", "Look at what the message names, then run the backup again.");

    public static readonly ErrorInfo RestoreIncomplete = new("RestoreIncomplete", ExitCode.Incomplete,
        "Some files could not be restored.", "Look at what the message names, then run the restore again: what is there already is kept.");

    public static readonly ErrorInfo WrongAccount = new("WrongAccount", ExitCode.WrongAccount,
        "The grant or the export belongs to another account than the resource names.", "Use the export or the credentials of the right account.");

    public static readonly ErrorInfo SnapshotNotFound = new("SnapshotNotFound", ExitCode.Configuration,
        "There is no such snapshot.", "List what there is with: kloset snapshots");

    public static readonly ErrorInfo SnapshotAmbiguous = new("SnapshotAmbiguous", ExitCode.Configuration,
        "More than one snapshot begins with these digits.", "Give more digits of the snapshot's identifier.");

    public static readonly ErrorInfo PathNotFound = new("PathNotFound", ExitCode.Configuration,
        "The snapshot holds no such path.", "List what it holds with: kloset ls SNAPSHOT");

    public static readonly ErrorInfo NothingSelected = new("NothingSelected", ExitCode.Configuration,
        "The selection matches nothing in the snapshot.", "Look at what there is with: kloset find");

    public static readonly ErrorInfo RunNotFound = new("RunNotFound", ExitCode.Configuration,
        "No snapshot carries the run's identifier.", "Repeat the run: nothing of it was saved.");

    public static readonly ErrorInfo NoProgress = new("NoProgress", ExitCode.NoProgress,
        "Nothing moved for the time that a run may stand still.", "Look at the network and at the store.");

    public static readonly ErrorInfo Unsupported = new("Unsupported", ExitCode.Configuration,
        "This build cannot do what was asked.", "Leave out what the message names, or use a build that has it.");

    public static readonly ErrorInfo ApprovalNeeded = new("ApprovalNeeded", ExitCode.ApprovalNeeded,
        "A plan waits for a person's approval.", "Read the plan and approve its hash.");

    public static readonly ErrorInfo NotOwner = new("NotOwner", ExitCode.Configuration,
        "Another cluster forgets and maintains this repository; others back up, check and restore.", "Leave it to its owner, or take the repository over.");

    public static readonly ErrorInfo NoObjectLock = new("NoObjectLock", ExitCode.Configuration,
        "Immutability was asked for, and the store does not lock objects.",
        "Make a bucket with object lock (it cannot be switched on later everywhere), or leave immutability out.");

    public static readonly ErrorInfo SnapshotPinned = new("SnapshotPinned", ExitCode.Configuration,
        "A pinned snapshot is never forgotten.", "Take the pin away with: kloset pin SNAPSHOT --remove");

    public static readonly ErrorInfo Paused = new("Paused", ExitCode.Paused,
        "The run stopped at an anchor and goes on later.", "Nothing: it is queued again.");

    public static readonly ErrorInfo ExportArriving = new("ExportArriving", ExitCode.Paused,
        "Parts of an export may still be on their way; what is there is saved.", "Nothing has to be done: it goes on once no part has changed for the time that settle names.");

    public static readonly ErrorInfo Cancelled = new("Cancelled", ExitCode.Cancelled,
        "The run was told to stop.", "Run it again when it suits; what was saved is not read again.");

    public static readonly ErrorInfo InternalError = new("InternalError", (ExitCode)1,
        "The program met a case that it does not know.", "Run it again; if it happens twice, report it with the message.");

    public static IReadOnlyList<ErrorInfo> All { get; } =
    [
        InvalidArguments, InvalidRunFile, InvalidLocation, SecretMissing, SecretKeyMissing, PassphraseNeeded, WrongPassphrase, WeakPassphrase,
        RepositoryNotFound, RepositoryExists, RepositoryReplaced, HistoryMissing, RepositoryLocked, RepositoryDamaged, RepositoryUnsupported, BucketNotFound,
        AccessDenied, StoreUnreachable, StoreThrottled, StoreFull, StoreFailed, TargetFull, TargetFileExists, TargetUnusable, SourceNotFound,
        SourceUnreadable, SourceEmpty, LibraryIncomplete, FilesUnreadable, RestoreIncomplete, WrongAccount, SnapshotNotFound, SnapshotAmbiguous,
        PathNotFound, NothingSelected, RunNotFound, NoProgress, Unsupported, ApprovalNeeded, NotOwner, NoObjectLock,
        SnapshotPinned, Paused, ExportArriving, Cancelled, InternalError,
        .. GoogleErrorCatalogue.All,
    ];

    private static readonly FrozenDictionary<string, ErrorInfo> ByCode = All.ToFrozenDictionary(error => error.Code, StringComparer.Ordinal);

    /// <summary>The entry of a code; null when this version does not know it.</summary>
    public static ErrorInfo? Find(string code) => ByCode.GetValueOrDefault(code);
}
