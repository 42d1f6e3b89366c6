using System.Buffers;
using System.Globalization;

namespace Kloset.Retention;

/// <summary>Which complete snapshots of a lineage stay. A snapshot stays when any of the rules wants it; a rule of zero wants none.</summary>
public sealed record RetentionPolicy
{
    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.");

    /// <summary>The newest ones.</summary>
    public int KeepLast { get; init; }

    /// <summary>The newest one of each of the last so many hours (days, ISO weeks, …) that have any; all in UTC.</summary>
    public int KeepHourly { get; init; }

    public int KeepDaily { get; init; }

    public int KeepWeekly { get; init; }

    public int KeepMonthly { get; init; }

    public int KeepYearly { get; init; }

    /// <summary>All that are not older than this, counted back from the newest one: a backup that stands still loses nothing.</summary>
    public TimeSpan KeepWithin { get; init; }

    /// <summary>Whether it names no rule at all; such a policy is a mistake, since it wants nothing to stay.</summary>
    public bool IsEmpty => this == new RetentionPolicy();

    /// <summary>A duration as people and Go write it: `720h`, `90d`, `1y6w`, `1h30m`. A year is 365 days; there is no month, because `m` is a minute.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static TimeSpan ParsePeriod(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var total = TimeSpan.Zero;
        var rest = text.AsSpan();
        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExcept(NumberCharacters);
            if (digits <= 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
                throw NoPeriod(text);
            rest = rest[digits..];
            var letters = rest.IndexOfAny(NumberCharacters);
            var unit = letters < 0 ? rest : rest[..letters];
            rest = rest[unit.Length..];
            double seconds = unit switch
            {
                "ms" => 0.001,
                "s" => 1,
                "m" => 60,
                "h" => 3600,
                "d" => 86400,
                "w" => 7 * 86400,
                "y" => 365 * 86400,
                _ => throw NoPeriod(text),
            };
            try
            {
                total += TimeSpan.FromSeconds(number * seconds);
            }
            catch (OverflowException)
            {
                throw NoPeriod(text);
            }
        }

        return text.Length > 0 ? total : throw NoPeriod(text);
    }

    private static FormatException NoPeriod(string text) => new($"'{text}' is not a duration; give for example 720h, 90d, 12w or 2y.");
}
