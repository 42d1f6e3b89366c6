namespace KlosetOperator.Api;

/// <summary>The API group of all our kinds, and the names that are part of its contract.</summary>
public static class ApiGroup
{
    public const string Name = "kloset.dev";

    public const string Version = "v1alpha1";

    public const string GroupVersion = Name + "/" + Version;

    /// <summary>`kubectl get kloset` lists all three kinds.</summary>
    public const string Category = "kloset";
}

/// <summary>Annotations that people set, and that tools set for them.</summary>
public static class Annotations
{
    /// <summary>Any new value asks for a run now; `status.handled.run` repeats the value once the run was started.</summary>
    public const string Run = ApiGroup.Name + "/run";

    /// <summary>Any new value ends `Stalled` and the back-off; `status.handled.retry` repeats it.</summary>
    public const string Retry = ApiGroup.Name + "/retry";

    /// <summary>The hash in `status.library.gapHash`: what is missing now is accepted as missing.</summary>
    public const string AcceptGap = ApiGroup.Name + "/accept-gap";

    /// <summary>The hash of a forget wave that waits for a person.</summary>
    public const string ApproveForget = ApiGroup.Name + "/approve-forget";

    /// <summary>The owner of a repository that this cluster is to replace: which one forgets and maintains.</summary>
    public const string TakeOver = ApiGroup.Name + "/take-over";

    /// <summary>The key fingerprint of a repository, repeated by a person who holds the passphrase outside the cluster.</summary>
    public const string PassphraseConfirmed = ApiGroup.Name + "/passphrase-confirmed";

    /// <summary>On a Secret, written by `kloset login`: RFC 3339 time at which its token ends.</summary>
    public const string CredentialsExpire = ApiGroup.Name + "/expires";

    /// <summary>
    /// On a Secret: the name of the quota that its grant uses up, shared by all Secrets of one OAuth client. The Secret's own name when absent.
    /// </summary>
    public const string QuotaGroup = ApiGroup.Name + "/quota-group";

    /// <summary>On a Job: why the operator suspended it.</summary>
    public const string PausedFor = ApiGroup.Name + "/paused-for";

    /// <summary>On a Secret, written by `kloset login`: the account that the grant belongs to.</summary>
    public const string CredentialsAccount = ApiGroup.Name + "/account";
}

/// <summary>Labels on what the operator creates.</summary>
public static class Labels
{
    public const string Name = "app.kubernetes.io/name";
    public const string Instance = "app.kubernetes.io/instance";
    public const string Component = "app.kubernetes.io/component";
    public const string PartOf = "app.kubernetes.io/part-of";
    public const string ManagedBy = "app.kubernetes.io/managed-by";

    /// <summary>Id of the run; one Job has one.</summary>
    public const string RunId = ApiGroup.Name + "/run-id";

    /// <summary>Kind of the run: create, backup, restore, check, maintain, inspect.</summary>
    public const string RunKind = ApiGroup.Name + "/run-kind";

    /// <summary>Name of the KlosetRepository that the Job works on.</summary>
    public const string Repository = ApiGroup.Name + "/repository";

    /// <summary>Number of the attempt, from 1.</summary>
    public const string Attempt = ApiGroup.Name + "/attempt";

    /// <summary>Kueue's queue; passed from our object on to its Jobs.</summary>
    public const string KueueQueue = "kueue.x-k8s.io/queue-name";
}
