namespace Demo.Fleets;

/// <summary>How large a fleet is, and how long it is looked at.</summary>
public sealed record FleetOptions
{
    public int Backups { get; init; } = 10_000;

    public int Repositories => Backups / BackupsPerRepository;

    public int BackupsPerRepository { get; init; } = 10;

    /// <summary>Each has some of the repositories.</summary>
    public int Namespaces { get; init; } = 100;

    /// <summary>How long nothing is due while writes are counted.</summary>
    public TimeSpan Idle { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Backups that are asked to run at once.</summary>
    public int Requested { get; init; } = 200;

    /// <summary>How long after an outage Jobs are counted; zero looks only at when they are to begin.</summary>
    public TimeSpan AfterOutage { get; init; } = TimeSpan.FromMinutes(35);
}
