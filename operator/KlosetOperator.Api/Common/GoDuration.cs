using System.Globalization;

namespace KlosetOperator.Api;

/// <summary>Durations as Kubernetes people write them: `30m`, `1800h`, `1h30m`.</summary>
public static class GoDuration
{
    /// <summary>RE2 pattern: whole hours, minutes and seconds in this order, at least one of them.</summary>
    public const string Pattern = "^([0-9]{1,7}h)?([0-9]{1,7}m)?([0-9]{1,7}s)?$";

    /// <exception cref="FormatException">The text is no duration.</exception>
    public static TimeSpan Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var total = TimeSpan.Zero;
        var number = 0L;
        var digits = 0;
        var last = 'x';
        foreach (var c in text)
        {
            if (char.IsAsciiDigit(c) && digits < 9)
            {
                number = (number * 10) + (c - '0');
                digits++;
                continue;
            }

            var inOrder = digits > 0 && (c, last) switch
            {
                ('h', 'x') => true,
                ('m', 'x' or 'h') => true,
                ('s', 'x' or 'h' or 'm') => true,
                _ => false,
            };
            if (!inOrder)
            {
                throw Invalid(text);
            }

            total += c switch
            {
                'h' => TimeSpan.FromHours(number),
                'm' => TimeSpan.FromMinutes(number),
                _ => TimeSpan.FromSeconds(number),
            };
            (last, number, digits) = (c, 0, 0);
        }

        return digits > 0 || last == 'x' ? throw Invalid(text) : total;
    }

    /// <summary>The shortest text that <see cref="Parse"/> reads back; whole seconds.</summary>
    public static string Format(TimeSpan duration)
    {
        var seconds = (long)duration.TotalSeconds;
        var text = string.Concat(
            seconds >= 3600 ? string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600}h") : "",
            seconds / 60 % 60 > 0 ? string.Create(CultureInfo.InvariantCulture, $"{seconds / 60 % 60}m") : "",
            seconds % 60 > 0 ? string.Create(CultureInfo.InvariantCulture, $"{seconds % 60}s") : "");
        return text.Length == 0 ? "0s" : text;
    }

    private static FormatException Invalid(string text) => new($"'{text}' is not a duration; write for example 30m or 36h.");
}
