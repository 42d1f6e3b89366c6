namespace KlosetWorker.Contract;

/// <summary>Environment variables by which a Job tells its worker where things are mounted, and people tell `kloset` the same.</summary>
public static class WorkerEnvironment
{
    /// <summary>Path of the run file.</summary>
    public const string Run = "KLOSET_RUN";

    /// <summary>Folder below which each Secret or ConfigMap is mounted whole, in a folder named by its logical name.</summary>
    public const string Secrets = "KLOSET_SECRETS";

    /// <summary>Folder below which each claim is mounted, in a folder named by its logical name.</summary>
    public const string Source = "KLOSET_SOURCE";

    /// <summary>Folder for sorting and for the mapped index; may vanish between runs.</summary>
    public const string Cache = "KLOSET_CACHE";

    /// <summary>File for the result: the container's termination message.</summary>
    public const string Result = "KLOSET_RESULT";

    /// <summary>Trace that the run belongs to, in the form of W3C's header of that name.</summary>
    public const string TraceParent = "TRACEPARENT";

    public const string TraceState = "TRACESTATE";

    /// <summary>Repository location for the command line, `fs:PATH` or `s3://…`.</summary>
    public const string Repository = "KLOSET_REPOSITORY";

    public const string Passphrase = "KLOSET_PASSPHRASE";

    public const string PassphraseFile = "KLOSET_PASSPHRASE_FILE";

    /// <summary>File with the Google credentials, for the command line.</summary>
    public const string GoogleCredentials = "KLOSET_GOOGLE_CREDENTIALS";

    /// <summary>An emulator's address, below which every host of Google is the first segment of a path. Unset: Google.</summary>
    public const string GoogleEndpoint = "KLOSET_GOOGLE_ENDPOINT";
}

/// <summary>Keys that the worker looks for in mounted Secrets and, on the command line, in its environment.</summary>
public static class SecretKeys
{
    public const string AccessKeyId = "AWS_ACCESS_KEY_ID";

    public const string SecretAccessKey = "AWS_SECRET_ACCESS_KEY";

    /// <summary>Google credentials: a person's sign-in, a service account, or workload identity.</summary>
    public const string GoogleCredentials = "credentials.json";

    /// <summary>Optional, for temporary credentials.</summary>
    public const string SessionToken = "AWS_SESSION_TOKEN";
}
