using System.Globalization;
using Cronos;
using KlosetOperator.Api;

namespace KlosetOperator.Schedules;

/// <param name="Time">The occurrence of cron: the slot's identity.</param>
/// <param name="Due">When it is to start: the occurrence and the object's jitter.</param>
internal readonly record struct Slot(DateTimeOffset Time, DateTimeOffset Due);

/// <summary>A schedule as it is for one object: `H` resolved, time zone found, jitter and windows known. Pure.</summary>
internal sealed class EffectiveSchedule
{
    /// <summary>A slot that became due this long before the operator started was missed by an outage, not by a restart.</summary>
    private static readonly TimeSpan OutageAfter = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan LeastSpread = TimeSpan.FromMinutes(30);

    private readonly CronExpression _cron;
    private readonly TimeZoneInfo _zone;
    private readonly IReadOnlyList<(TimeOnly From, TimeOnly To)> _windows;
    private readonly string _seed;

    private EffectiveSchedule(CronExpression cron, TimeZoneInfo zone, TimeSpan jitter, IReadOnlyList<(TimeOnly, TimeOnly)> windows, string seed, string text)
    {
        _cron = cron;
        _zone = zone;
        _windows = windows;
        _seed = seed;
        Jitter = jitter;
        Text = text;
    }

    /// <summary>For people: `17 3 * * * Europe/Zurich`.</summary>
    public string Text { get; }

    public TimeSpan Jitter { get; }

    private TimeSpan Spread => Jitter > LeastSpread ? Jitter : LeastSpread;

    /// <param name="spec">What the object says; null is the default as a whole.</param>
    /// <param name="seed">The object's uid.</param>
    /// <exception cref="InvalidScheduleException">See there.</exception>
    public static EffectiveSchedule Parse(ScheduleSpec? spec, string defaultCron, TimeSpan defaultJitter, string seed)
    {
        var cron = HashedCron.Resolve(spec?.Cron ?? defaultCron, seed);
        CronExpression expression;
        try
        {
            expression = CronExpression.Parse(cron, CronFormat.Standard);
        }
        catch (CronFormatException malformed)
        {
            throw new InvalidScheduleException($"The schedule '{spec?.Cron}' cannot be understood: {malformed.Message}");
        }

        var zone = TimeZoneInfo.Utc;
        if (spec?.TimeZone is { } name && !TimeZoneInfo.TryFindSystemTimeZoneById(name, out zone!))
        {
            throw new InvalidScheduleException($"There is no time zone '{name}'; write for example Europe/Zurich.");
        }

        var windows = (spec?.Windows ?? [])
            .Select(window => (TimeOnly.ParseExact(window.From, "HH:mm", CultureInfo.InvariantCulture), TimeOnly.ParseExact(window.To, "HH:mm", CultureInfo.InvariantCulture)))
            .ToArray();
        var schedule = new EffectiveSchedule(
            expression, zone, spec?.Jitter is { } jitter ? GoDuration.Parse(jitter) : spec is null ? defaultJitter : TimeSpan.Zero, windows, seed, $"{cron} {zone.Id}");

        // 29 February is the rarest day that there is; a schedule that misses eight years never comes.
        var from = new DateTimeOffset(2024, 1, 1, 0, 0, 0, TimeSpan.Zero);
        return schedule.Occurrence(from) is { } first && first < from.AddYears(9)
            ? schedule
            : throw new InvalidScheduleException($"The schedule '{spec?.Cron}' never comes true.");
    }

    /// <summary>
    /// When a slot's run may begin. After an outage of the operator everything is due at once: what was missed is spread again, from the
    /// start on, over the jitter or half an hour.
    /// </summary>
    /// <param name="told">
    /// What the status says. What was promised after the slot was due stands: an operator that restarts must not put it off, and two that lead
    /// at once would contradict each other without end.
    /// </param>
    public DateTimeOffset ReleaseOf(Slot slot, DateTimeOffset startedAt, DateTimeOffset? told, DateTimeOffset now)
    {
        var since = startedAt < now ? startedAt : now; // a clock was set back
        if (slot.Due >= since - OutageAfter)
        {
            return slot.Due;
        }

        return told is { } promised && promised > slot.Due && promised <= now + Spread
            ? promised
            : since + StableHash.Within(Spread, $"{_seed}/outage/{slot.Time.ToUnixTimeSeconds()}");
    }

    /// <summary>Whether a time in the future is one that <see cref="ReleaseOf"/> gave a missed slot, and not the next slot's.</summary>
    public bool IsPromise(DateTimeOffset told, Slot missed, DateTimeOffset now) =>
        told > now && told > missed.Due && told <= now + Spread && told != NextDue(missed.Time, now)?.Due;

    /// <summary>The newest slot after <paramref name="after"/> that is due at <paramref name="now"/>. All that were missed before it collapse into it.</summary>
    public Slot? LatestDue(DateTimeOffset after, DateTimeOffset now)
    {
        for (var time = _cron.GetPreviousOccurrence(now, _zone, inclusive: true); time > after; time = _cron.GetPreviousOccurrence(time.Value, _zone))
        {
            var slot = SlotOf(time.Value);
            if (slot.Due <= now)
            {
                return slot;
            }
        }

        return null;
    }

    /// <summary>The next slot after <paramref name="after"/> that becomes due later than <paramref name="now"/>.</summary>
    public Slot? NextDue(DateTimeOffset after, DateTimeOffset now)
    {
        Slot? best = null;
        var from = now - Jitter;
        from = from < after ? after : from;
        for (var time = Occurrence(from); time is not null && (best is null || time < best.Value.Due); time = Occurrence(time.Value))
        {
            var slot = SlotOf(time.Value);
            if (slot.Due > now && (best is null || slot.Due < best.Value.Due))
            {
                best = slot;
            }
        }

        return best;
    }

    public bool IsOpen(DateTimeOffset now)
    {
        if (_windows.Count == 0)
        {
            return true;
        }

        var local = TimeOnly.FromDateTime(TimeZoneInfo.ConvertTime(now, _zone).DateTime);
        return _windows.Any(window => local.IsBetween(window.From, window.To));
    }

    /// <summary>When a window opens next; now when one is open.</summary>
    public DateTimeOffset NextOpening(DateTimeOffset now)
    {
        if (IsOpen(now))
        {
            return now;
        }

        var today = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(now, _zone).DateTime);
        return Enumerable.Range(0, 3)
            .SelectMany(day => _windows.Select(window => AtLocal(today.AddDays(day), window.From)))
            .Where(opening => opening > now)
            .Min();
    }

    /// <summary>When the windows that are open close; null when there are none, or they follow each other for ever.</summary>
    public DateTimeOffset? Closing(DateTimeOffset now)
    {
        if (_windows.Count == 0 || !IsOpen(now))
        {
            return null;
        }

        var time = now;
        for (var hops = 0; hops < 16 && IsOpen(time); hops++)
        {
            var local = TimeZoneInfo.ConvertTime(time, _zone);
            var day = DateOnly.FromDateTime(local.DateTime);
            var at = TimeOnly.FromDateTime(local.DateTime);
            time = _windows.Where(window => at.IsBetween(window.From, window.To))
                .Select(window => new[] { AtLocal(day, window.To), AtLocal(day.AddDays(1), window.To) }.First(end => end > time))
                .Max();
        }

        return IsOpen(time) ? null : time;
    }

    private Slot SlotOf(DateTimeOffset time) =>
        new(time.ToUniversalTime(), time.ToUniversalTime() + StableHash.Within(Jitter, $"{_seed}/{time.ToUnixTimeSeconds()}"));

    private DateTimeOffset? Occurrence(DateTimeOffset after) => _cron.GetNextOccurrence(after, _zone);

    private DateTimeOffset AtLocal(DateOnly day, TimeOnly time)
    {
        var local = day.ToDateTime(time);
        while (_zone.IsInvalidTime(local))
        {
            local = local.AddMinutes(1); // the hour that summer time takes away
        }

        return new DateTimeOffset(local, _zone.GetUtcOffset(local)).ToUniversalTime();
    }
}
