namespace KlosetOperator.Api;

/// <summary>
/// Reasons of conditions, runs and Events besides those of the worker's exit codes. Part of the API: never renamed, never
/// given another meaning.
/// </summary>
public static class Reasons
{
    /// <summary>Nothing was looked at yet.</summary>
    public const string Pending = "Pending";

    /// <summary>All is as the spec wants it.</summary>
    public const string Reconciled = "Reconciled";

    /// <summary>The operator works towards the spec.</summary>
    public const string Progressing = "Progressing";

    /// <summary>Accepted and armed.</summary>
    public const string Armed = "Armed";

    /// <summary>The repository was opened and can be used.</summary>
    public const string RepositoryOpened = "RepositoryOpened";

    /// <summary>A Job creates or adopts the repository.</summary>
    public const string Initialising = "Initialising";

    /// <summary>Jobs fail because of the store; one at a time is let through until one succeeds.</summary>
    public const string StoreUnavailable = "StoreUnavailable";

    /// <summary>The KlosetRepository is not there.</summary>
    public const string RepositoryMissing = "RepositoryMissing";

    /// <summary>The KlosetRepository is not ready.</summary>
    public const string RepositoryNotReady = "RepositoryNotReady";

    /// <summary>The PhotoBackup is not there.</summary>
    public const string BackupMissing = "BackupMissing";

    /// <summary>A Secret is not there.</summary>
    public const string SecretMissing = "SecretMissing";

    /// <summary>A ConfigMap is not there.</summary>
    public const string ConfigMapMissing = "ConfigMapMissing";

    /// <summary>A PersistentVolumeClaim is not there.</summary>
    public const string ClaimMissing = "ClaimMissing";

    /// <summary>The schedule or its time zone cannot be understood, or never comes true.</summary>
    public const string InvalidSchedule = "InvalidSchedule";

    /// <summary>The run file is larger than a pod's annotation may be.</summary>
    public const string RunFileTooLarge = "RunFileTooLarge";

    /// <summary>An older PhotoBackup feeds the same account of the same repository from the same kind of source.</summary>
    public const string DuplicateAccount = "DuplicateAccount";

    /// <summary>An older KlosetRepository has the same identity.</summary>
    public const string DuplicateRepository = "DuplicateRepository";

    /// <summary>`suspend` is set.</summary>
    public const string Suspended = "Suspended";

    /// <summary>Nothing is due.</summary>
    public const string Idle = "Idle";

    /// <summary>Waits until the repository can be used.</summary>
    public const string WaitingForRepository = "WaitingForRepository";

    /// <summary>Waits until one of the Jobs that are allowed at the same time has ended.</summary>
    public const string WaitingForSlot = "WaitingForSlot";

    /// <summary>Waits until another Job for the same account has ended.</summary>
    public const string WaitingForAccount = "WaitingForAccount";

    /// <summary>Waits until maintenance, which wants the repository for itself, has ended.</summary>
    public const string WaitingForMaintenance = "WaitingForMaintenance";

    /// <summary>Waits for the next window of the schedule.</summary>
    public const string OutsideWindow = "OutsideWindow";

    /// <summary>Waits for the reset of a quota.</summary>
    public const string WaitingForQuota = "WaitingForQuota";

    /// <summary>Waits for the first snapshot of the PhotoBackup.</summary>
    public const string WaitingForSnapshot = "WaitingForSnapshot";

    /// <summary>Parts of an export may still be arriving.</summary>
    public const string WaitingForExport = "WaitingForExport";

    /// <summary>Waits after a failure before it tries again.</summary>
    public const string BackingOff = "BackingOff";

    /// <summary>Waits for a person's approval.</summary>
    public const string WaitingForApproval = "WaitingForApproval";

    /// <summary>Waits until `kloset.dev/run` asks for a run.</summary>
    public const string WaitingForRequest = "WaitingForRequest";

    /// <summary>The Job was created, its pod does not run yet.</summary>
    public const string Starting = "Starting";

    /// <summary>The pod finds no node.</summary>
    public const string Unschedulable = "Unschedulable";

    /// <summary>The node of the pod does not answer.</summary>
    public const string NodeUnreachable = "NodeUnreachable";

    /// <summary>The image of the pod cannot be pulled.</summary>
    public const string ImageUnavailable = "ImageUnavailable";

    /// <summary>The container of the pod cannot be made.</summary>
    public const string ContainerNotCreated = "ContainerNotCreated";

    /// <summary>A backup is being made.</summary>
    public const string BackingUp = "BackingUp";

    /// <summary>A restore is being made.</summary>
    public const string Restoring = "Restoring";

    /// <summary>A repository is being created or adopted.</summary>
    public const string Creating = "Creating";

    /// <summary>A repository is being checked.</summary>
    public const string Checking = "Checking";

    /// <summary>A repository is being maintained.</summary>
    public const string Maintaining = "Maintaining";

    /// <summary>The outcome of a lost run is looked up.</summary>
    public const string Inspecting = "Inspecting";

    /// <summary>The covered state is younger than the objective's maximum age.</summary>
    public const string WithinObjective = "WithinObjective";

    /// <summary>The covered state is older than the objective's maximum age.</summary>
    public const string ObjectiveMissed = "ObjectiveMissed";

    /// <summary>Nothing is covered yet.</summary>
    public const string NeverCovered = "NeverCovered";

    /// <summary>Nothing is known to be missing.</summary>
    public const string NothingMissing = "NothingMissing";

    /// <summary>Parts, items or whole exports are missing.</summary>
    public const string ItemsMissing = "ItemsMissing";

    /// <summary>What is missing was accepted by a person.</summary>
    public const string GapAccepted = "GapAccepted";

    /// <summary>No snapshot yet, so nothing can be said.</summary>
    public const string NoSnapshot = "NoSnapshot";

    /// <summary>The source suddenly holds far less than the library.</summary>
    public const string LibraryShrunk = "LibraryShrunk";

    /// <summary>Nobody must do anything.</summary>
    public const string NothingToDo = "NothingToDo";

    /// <summary>The new repository does not hold the account's newest snapshot.</summary>
    public const string HistoryMissing = "HistoryMissing";

    /// <summary>The worker was killed because it used more memory than its limit.</summary>
    public const string OutOfMemory = "OutOfMemory";

    /// <summary>The worker ended in a way that it does not know itself.</summary>
    public const string WorkerCrashed = "WorkerCrashed";

    /// <summary>The Job ended without a result.</summary>
    public const string ResultLost = "ResultLost";

    /// <summary>The Job vanished while its run was active.</summary>
    public const string JobVanished = "JobVanished";

    /// <summary>The API server refused the Job.</summary>
    public const string JobRefused = "JobRefused";

    /// <summary>Another object owns the Job's name.</summary>
    public const string JobConflict = "JobConflict";

    /// <summary>`cancel` is set.</summary>
    public const string Cancelled = "Cancelled";

    /// <summary>Maintenance or check succeeded in time.</summary>
    public const string UpToDate = "UpToDate";

    /// <summary>Maintenance or check did not succeed in time.</summary>
    public const string Overdue = "Overdue";

    /// <summary>Another cluster forgets and maintains.</summary>
    public const string OwnedElsewhere = "OwnedElsewhere";

    /// <summary>The check found damage.</summary>
    public const string DamageFound = "DamageFound";

    /// <summary>The feature is not there yet.</summary>
    public const string NotSupported = "NotSupported";
}
