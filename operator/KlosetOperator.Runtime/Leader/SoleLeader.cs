using KlosetOperator.Runtime.Hosting;

namespace KlosetOperator.Runtime.Leader;

/// <summary>Without an election this process is the only one, by its user's word.</summary>
internal sealed class SoleLeader(OperatorHostOptions options) : ILeadership
{
    public bool IsLeader => true;

    public string? Holder => options.Identity;
}
