namespace KlosetOperator.Runtime.Leader;

/// <summary>Whether this process is the one that acts. Controllers run only while it is.</summary>
public interface ILeadership
{
    bool IsLeader { get; }

    /// <summary>Who holds the lease as far as this process knows; null before it has looked.</summary>
    string? Holder { get; }
}
