namespace KlosetOperator.Runs;

/// <summary>Messages in statuses: short enough for etcd, and the same as long as their cause is the same.</summary>
internal static class Messages
{
    public const int MostCharacters = 1000;

    public static string Cap(string message) => message.Length <= MostCharacters ? message : string.Concat(message.AsSpan(0, MostCharacters - 1), "…");

    /// <summary>`12.4 GiB`.</summary>
    public static string Bytes(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        var unit = 0;
        double value = bytes;
        while (value >= 1024 && unit < units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return unit == 0
            ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{bytes} B")
            : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{value:0.0} {units[unit]}");
    }

    /// <summary>`2026-09-21 14:00 UTC`.</summary>
    public static string Time(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd HH:mm 'UTC'", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>`2026-09-21`.</summary>
    public static string Day(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
}
