namespace KlosetOperator.Runtime.Leader;

/// <summary>The times of lease election; the defaults are controller-runtime's.</summary>
public sealed record LeaseElectionOptions
{
    /// <summary>How long others wait, after they last saw the lease change, before they take it.</summary>
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// The holder gives up after trying to renew for this long. Must leave room below <see cref="LeaseDuration"/>: in
    /// the difference the process stops acting before another may start.
    /// </summary>
    public TimeSpan RenewDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Between two tries.</summary>
    public TimeSpan RetryPeriod { get; init; } = TimeSpan.FromSeconds(2);
}
