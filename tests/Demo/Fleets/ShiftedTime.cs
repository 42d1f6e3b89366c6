namespace Demo.Fleets;

/// <summary>The clock of a cluster that can be set back, so that what is made then is old.</summary>
internal sealed class ShiftedTime : TimeProvider
{
    public TimeSpan Offset { get; set; }

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Offset;
}
