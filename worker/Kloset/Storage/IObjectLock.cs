namespace Kloset.Storage;

public enum ObjectLockMode
{
    /// <summary>Whoever holds `s3:BypassGovernanceRetention` may still delete.</summary>
    Governance,

    /// <summary>Nobody may delete before the time, the owner of the account included.</summary>
    Compliance,
}

/// <summary>How long what is written cannot be deleted.</summary>
public sealed record ObjectLockPolicy(ObjectLockMode Mode, int Days)
{
    private static readonly TimeSpan LargestSlack = TimeSpan.FromDays(7);

    /// <summary>The least time that anything needed stays locked after a backup or a maintenance.</summary>
    public TimeSpan Guaranteed => TimeSpan.FromDays(Days);

    /// <summary>
    /// Locks are set this much longer than promised, so that they need to be prolonged once in that time only, and not object by object after
    /// every backup.
    /// </summary>
    public TimeSpan Slack => Guaranteed / 4 < LargestSlack ? Guaranteed / 4 : LargestSlack;

    public DateTimeOffset Until(DateTimeOffset now) => now + Guaranteed + Slack;

    /// <summary>What is locked. Locks of the repository and what the operator keeps for itself must stay free.</summary>
    public static bool Covers(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key == "CONFIG" || key.StartsWith("packfiles/", StringComparison.Ordinal) || key.StartsWith("states/", StringComparison.Ordinal);
    }
}

/// <summary>A store whose objects cannot be deleted before a time that each of them carries. Its puts set that time by themselves.</summary>
public interface IObjectLock
{
    ObjectLockPolicy Policy { get; }

    /// <summary>Tries it out, because some servers take the headers and ignore them.</summary>
    /// <exception cref="StoreException"><see cref="StoreFailure.Invalid"/>: this bucket locks nothing.</exception>
    Task ProbeAsync(CancellationToken cancellationToken);

    /// <returns>The latest time of all versions of the key; null when none is locked.</returns>
    Task<DateTimeOffset?> RetainedUntilAsync(string key, CancellationToken cancellationToken);

    /// <summary>
    /// Prolongs the locks of the keys below a prefix that are <paramref name="wanted"/>: of each key the first version, which is the true one of
    /// an object that never changes, also when somebody has hidden it since.
    /// </summary>
    /// <returns>How many.</returns>
    Task<int> ExtendAsync(string prefix, Func<string, bool> wanted, DateTimeOffset until, CancellationToken cancellationToken);

    /// <summary>Deletes every version, after their locks have ended.</summary>
    Task PurgeAsync(string key, CancellationToken cancellationToken);
}
