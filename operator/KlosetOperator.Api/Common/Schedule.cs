using KlosetOperator.Api.Schema;

namespace KlosetOperator.Api;

/// <summary>When something is due.</summary>
public sealed record ScheduleSpec
{
    /// <summary>
    /// Five fields of cron. `H`, `H(a-b)` and `H/n` stand for values that are spread evenly over all objects and stay the same for one object.
    /// </summary>
    [Length(9, 128)]
    [Pattern("^[0-9A-Za-z*,/()#?-]+( +[0-9A-Za-z*,/()#?-]+){4}$")]
    public required string Cron { get; init; }

    /// <summary>IANA name of the time zone of `cron` and `windows`; UTC when absent.</summary>
    [Length(1, 64)]
    [Pattern("^[A-Za-z0-9_+/-]+$")]
    public string? TimeZone { get; init; }

    /// <summary>Each run starts up to this much later than `cron` says, by an amount that depends on the object and the slot alone.</summary>
    [Length(2, 24)]
    [Pattern(GoDuration.Pattern)]
    [ValidationRule("duration(self) > duration('0s') && duration(self) < duration('24h')", "jitter must be more than 0s and less than 24h")]
    public string? Jitter { get; init; }

    /// <summary>Runs start only within one of these; a run that is active at the end of a window stops at an anchor and goes on in the next one. Always when absent.</summary>
    [Items(1, 8)]
    [AtomicList]
    public IReadOnlyList<ScheduleWindow>? Windows { get; init; }
}

/// <summary>A daily window of time; `to` before `from` means over midnight.</summary>
[ValidationRule("self.from != self.to", "a window must not begin and end at the same time")]
public sealed record ScheduleWindow
{
    /// <summary>Begin, `HH:MM`.</summary>
    [Length(5, 5)]
    [Pattern("^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    public required string From { get; init; }

    /// <summary>End, `HH:MM`, exclusive.</summary>
    [Length(5, 5)]
    [Pattern("^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    public required string To { get; init; }
}
