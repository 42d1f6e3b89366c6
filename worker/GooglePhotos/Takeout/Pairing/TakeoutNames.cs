using System.Text;

namespace GooglePhotos.Takeout.Pairing;

/// <summary>
/// How Takeout makes file names out of titles. Lengths are UTF-16 code units, as in Google's own code; all comparing is done in NFC
/// because macOS unpacks names in NFD while titles are NFC.
/// </summary>
public static class TakeoutNames
{
    /// <summary>The longest media name, extension included, counter not.</summary>
    public const int MaxMediaName = 51;

    /// <summary>The longest sidecar name without <c>.json</c>, counter not included.</summary>
    public const int MaxSidecarStem = 46;

    /// <summary>What sidecars are called since late 2024, before the cut.</summary>
    public const string SidecarSuffix = ".supplemental-metadata";

    /// <summary>NFC, or the text as it is when it is not well-formed UTF-16.</summary>
    public static string Nfc(string text)
    {
        try
        {
            return text.IsNormalized(NormalizationForm.FormC) ? text : text.Normalize(NormalizationForm.FormC);
        }
        catch (ArgumentException)
        {
            return text;
        }
    }

    /// <summary>The title as Takeout writes it into names: forbidden characters become "_".</summary>
    public static string Clean(string title) =>
        title.AsSpan().IndexOfAny(ForbiddenSearch) < 0 && !title.AsSpan().ContainsAnyInRange('\0', '\x1f') && !title.Contains('\x7f')
            ? title
            : string.Create(title.Length, title, static (span, source) =>
            {
                for (int i = 0; i < span.Length; i++)
                {
                    span[i] = IsForbidden(source[i]) ? '_' : source[i];
                }
            });

    /// <summary>At most <paramref name="limit"/> units; a surrogate pair at the border is kept whole (one unit more).</summary>
    public static string Cut(string text, int limit) => text.Length <= limit ? text : text[..CutLength(text, limit)];

    /// <summary>The media file's name for a title, without the counter that a folder may add.</summary>
    public static string MediaName(string title)
    {
        string clean = Clean(Nfc(title));
        (string stem, string extension) = Split(clean);
        return Cut(stem, MaxMediaName - extension.Length) + extension;
    }

    /// <summary>The sidecar's name for a title.</summary>
    /// <param name="counter">"" or "(n)".</param>
    public static string SidecarName(string title, string counter, bool oldStyle)
    {
        string clean = Clean(Nfc(title));
        return Cut(oldStyle ? clean : clean + SidecarSuffix, MaxSidecarStem) + counter + ".json";
    }

    /// <summary>The edited version's name for a title.</summary>
    public static string EditedName(string title, string suffix, string? extension = null)
    {
        (string stem, string own) = Split(Clean(Nfc(title)));
        extension ??= own;
        return Cut(stem + suffix, MaxMediaName - extension.Length) + extension;
    }

    /// <summary>The name of a sidecar without ".json".</summary>
    internal static string StripJson(string name) => name.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? name[..^5] : name;

    /// <summary>Parts a name at its last dot, when what follows is a known extension or looks like one.</summary>
    internal static (string Stem, string Extension) Split(string name)
    {
        int dot = name.LastIndexOf('.');
        if (dot <= 0 || dot == name.Length - 1)
        {
            return (name, "");
        }

        ReadOnlySpan<char> extension = name.AsSpan(dot);
        bool known = MediaTypes.OfExtension(extension) != MediaKind.Unknown;
        return known || (extension.Length <= 6 && IsPlain(extension[1..])) ? (name[..dot], name[dot..]) : (name, "");
    }

    /// <summary>Parts "name(12)" into "name" and "(12)"; without such an end the counter is "".</summary>
    internal static (string Base, string Counter) SplitCounter(string stem)
    {
        if (stem.Length < 4 || stem[^1] != ')')
        {
            return (stem, "");
        }

        int open = stem.LastIndexOf('(');
        return open > 0 && stem.Length - open is >= 3 and <= 11 && !stem.AsSpan(open + 1, stem.Length - open - 2).ContainsAnyExceptInRange('0', '9')
            ? (stem[..open], stem[open..])
            : (stem, "");
    }

    internal static int CounterValue(string counter) =>
        counter.Length == 0 ? 0 : int.TryParse(counter.AsSpan(1, counter.Length - 2), out int n) ? n : int.MaxValue;

    internal static int CutLength(string text, int limit) =>
        char.IsHighSurrogate(text[limit - 1]) && char.IsLowSurrogate(text[limit]) ? limit + 1 : limit;

    /// <summary>
    /// Whether a piece of a file name can be this piece of a title. Which characters Google replaces is only partly known, so "_"
    /// stands for any character that is neither letter nor digit.
    /// </summary>
    internal static bool SameText(ReadOnlySpan<char> name, ReadOnlySpan<char> title)
    {
        if (name.Length != title.Length)
        {
            return false;
        }

        for (int i = 0; i < name.Length; i++)
        {
            if (name[i] != title[i] && !(name[i] == '_' && !char.IsLetterOrDigit(title[i]) && !char.IsSurrogate(title[i])))
            {
                return false;
            }
        }

        return true;
    }

    private const string Forbidden = "/\\:*?\"<>|&";

    private static readonly System.Buffers.SearchValues<char> ForbiddenSearch = System.Buffers.SearchValues.Create(Forbidden);

    private static bool IsForbidden(char c) => char.IsControl(c) || Forbidden.Contains(c);

    private static bool IsPlain(ReadOnlySpan<char> text)
    {
        bool letter = false;
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c))
            {
                return false;
            }

            letter |= char.IsAsciiLetter(c);
        }

        return letter;
    }
}
