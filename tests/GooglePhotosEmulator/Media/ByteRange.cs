using System.Globalization;

namespace GooglePhotosEmulator.Media;

/// <summary>A <c>Range: bytes=a-b</c> header against a length.</summary>
/// <param name="Start">First byte.</param>
/// <param name="End">Last byte, included.</param>
/// <param name="Bounded">Both ends were given.</param>
internal sealed record ByteRange(long Start, long End, bool Bounded)
{
    public long Length => End - Start + 1;

    /// <returns>Null without a usable header: the whole file is answered.</returns>
    /// <param name="unsatisfiable">True when the range begins behind the end.</param>
    public static ByteRange? Parse(string? header, long length, out bool unsatisfiable)
    {
        unsatisfiable = false;
        if (header is null || !header.StartsWith("bytes=", StringComparison.Ordinal) || header.Contains(','))
        {
            return null;
        }

        var parts = header["bytes=".Length..].Split('-');
        if (parts.Length != 2)
        {
            return null;
        }

        if (parts[0].Length == 0)
        {
            if (!TryParse(parts[1], out var last) || last == 0)
            {
                unsatisfiable = last == 0;
                return null;
            }

            return new ByteRange(Math.Max(0, length - last), length - 1, true);
        }

        if (!TryParse(parts[0], out var start))
        {
            return null;
        }

        var bounded = TryParse(parts[1], out var end);
        if (start >= length || (bounded && end < start))
        {
            unsatisfiable = true;
            return null;
        }

        return new ByteRange(start, bounded ? Math.Min(end, length - 1) : length - 1, bounded);
    }

    private static bool TryParse(string text, out long value) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
