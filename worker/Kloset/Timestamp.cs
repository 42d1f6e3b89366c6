using System.Globalization;

namespace Kloset;

/// <summary>A point in time with the format's resolution. .NET's own types stop at 100 ns, which would not re-serialise identically.</summary>
/// <param name="Seconds">Since 1970-01-01T00:00:00Z; may be negative.</param>
/// <param name="Nanoseconds">0 to 999,999,999, counted forward from <paramref name="Seconds"/>.</param>
public readonly record struct Timestamp(long Seconds, int Nanoseconds) : IComparable<Timestamp>
{
    /// <summary>What Go calls the zero time: 0001-01-01T00:00:00Z.</summary>
    public static Timestamp GoZero => new(-62135596800, 0);

    public static Timestamp UnixEpoch => default;

    public static Timestamp From(DateTimeOffset time)
    {
        var ticks = time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks;
        var seconds = Math.DivRem(ticks, TimeSpan.TicksPerSecond, out var rest);
        return rest < 0
            ? new Timestamp(seconds - 1, (int)((rest + TimeSpan.TicksPerSecond) * 100))
            : new Timestamp(seconds, (int)(rest * 100));
    }

    public static Timestamp FromUnixNanoseconds(long nanoseconds)
    {
        var seconds = Math.DivRem(nanoseconds, 1_000_000_000, out var rest);
        return rest < 0 ? new Timestamp(seconds - 1, (int)(rest + 1_000_000_000)) : new Timestamp(seconds, (int)rest);
    }

    /// <summary>Wraps for times outside 1677 to 2262, as the format's own fields of this kind do.</summary>
    public long UnixNanoseconds => unchecked((Seconds * 1_000_000_000) + Nanoseconds);

    /// <summary>Cut to 100 ns, and to what <see cref="DateTimeOffset"/> can hold.</summary>
    public DateTimeOffset ToDateTimeOffset()
    {
        if (Seconds < -62135596800)
            return DateTimeOffset.MinValue;
        if (Seconds > 253402300799)
            return DateTimeOffset.MaxValue;
        return DateTimeOffset.UnixEpoch.AddTicks((Seconds * TimeSpan.TicksPerSecond) + (Nanoseconds / 100));
    }

    public int CompareTo(Timestamp other) =>
        Seconds != other.Seconds ? Seconds.CompareTo(other.Seconds) : Nanoseconds.CompareTo(other.Nanoseconds);

    public static bool operator <(Timestamp left, Timestamp right) => left.CompareTo(right) < 0;

    public static bool operator <=(Timestamp left, Timestamp right) => left.CompareTo(right) <= 0;

    public static bool operator >(Timestamp left, Timestamp right) => left.CompareTo(right) > 0;

    public static bool operator >=(Timestamp left, Timestamp right) => left.CompareTo(right) >= 0;

    /// <summary>RFC 3339 in UTC with as many digits as needed.</summary>
    public override string ToString()
    {
        var text = ToDateTimeOffset().ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture);
        return Nanoseconds == 0
            ? text + "Z"
            : text + "." + Nanoseconds.ToString("D9", CultureInfo.InvariantCulture).TrimEnd('0') + "Z";
    }
}
