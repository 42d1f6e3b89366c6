namespace KlosetOperator.Api;

/// <summary>Types of conditions. Part of the API: never renamed, never given another meaning.</summary>
public static class ConditionTypes
{
    /// <summary>Accepted, references resolved, armed. Stays True through nightly runs and single failures.</summary>
    public const string Ready = "Ready";

    /// <summary>The operator works towards the spec; kstatus reads it as "in progress".</summary>
    public const string Reconciling = "Reconciling";

    /// <summary>Terminal until the spec, a Secret or `kloset.dev/retry` changes; kstatus reads it as "failed".</summary>
    public const string Stalled = "Stalled";

    /// <summary>The covered state of the library is younger than the objective's maximum age. False is the red light.</summary>
    public const string Protected = "Protected";

    /// <summary>Nothing is known to be missing in the library that the repository holds.</summary>
    public const string Complete = "Complete";

    /// <summary>A Job is active. When False, the reason says what is waited for.</summary>
    public const string Running = "Running";

    /// <summary>A person must do something; `status.actions` lists what.</summary>
    public const string ActionRequired = "ActionRequired";

    /// <summary>A restore did what it had to do. Unknown until it ended.</summary>
    public const string Succeeded = "Succeeded";

    /// <summary>Maintenance succeeded within twice its interval.</summary>
    public const string Maintained = "Maintained";

    /// <summary>The last check found no damage.</summary>
    public const string Verified = "Verified";
}
