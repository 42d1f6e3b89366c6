using System.Globalization;
using System.Text.RegularExpressions;

namespace KlosetOperator.Schedules;

/// <summary>
/// Replaces `H`, `H(a-b)`, `H/n` and `H(a-b)/n` in the five fields of cron by values that depend on the seed alone. We do it
/// ourselves, and not in the cron library, so that the resolved text can be shown and never moves with a library's version.
/// </summary>
internal static partial class HashedCron
{
    /// <summary>Ranges that `H` alone means. Days of the month end at 28, so that every month has the day.</summary>
    private static readonly (int Low, int High, int Most)[] Ranges = [(0, 59, 59), (0, 23, 23), (1, 28, 31), (1, 12, 12), (0, 6, 7)];

    /// <exception cref="InvalidScheduleException">Not five fields, or a range of `H` that the field does not have.</exception>
    public static string Resolve(string cron, string seed)
    {
        var fields = cron.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length != Ranges.Length)
        {
            throw new InvalidScheduleException($"'{cron}' does not have five fields (minute, hour, day, month, day of the week).");
        }

        for (var i = 0; i < fields.Length; i++)
        {
            var field = i;
            fields[i] = Token().Replace(fields[i], match => Replace(match, Ranges[field], $"{seed}/{field}", cron));
        }

        return string.Join(' ', fields);
    }

    private static string Replace(Match match, (int Low, int High, int Most) range, string seed, string cron)
    {
        var (low, high) = (range.Low, range.High);
        if (match.Groups["low"].Success)
        {
            low = int.Parse(match.Groups["low"].ValueSpan, CultureInfo.InvariantCulture);
            high = int.Parse(match.Groups["high"].ValueSpan, CultureInfo.InvariantCulture);
            if (low > high || low < range.Low || high > range.Most)
            {
                throw new InvalidScheduleException($"'{match.Value}' in '{cron}' is no range from {range.Low} to {range.Most}.");
            }
        }

        if (!match.Groups["step"].Success)
        {
            return (low + (int)(StableHash.Of(seed) % (ulong)(high - low + 1))).ToString(CultureInfo.InvariantCulture);
        }

        var step = int.Parse(match.Groups["step"].ValueSpan, CultureInfo.InvariantCulture);
        if (step < 1 || step > high - low + 1)
        {
            throw new InvalidScheduleException($"The step of '{match.Value}' in '{cron}' is not from 1 to {high - low + 1}.");
        }

        return string.Create(CultureInfo.InvariantCulture, $"{low + (int)(StableHash.Of(seed) % (ulong)step)}-{high}/{step}");
    }

    [GeneratedRegex(@"\bH(\((?<low>\d{1,2})-(?<high>\d{1,2})\))?(/(?<step>\d{1,2}))?(?![A-Za-z])")]
    private static partial Regex Token();
}
