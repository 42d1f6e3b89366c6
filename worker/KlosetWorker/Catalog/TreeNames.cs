using System.Globalization;
using System.Text;

namespace KlosetWorker.Catalog;

/// <summary>
/// Names in our tree. They are whole (Takeout's cuts are undone from the title), without the characters that Takeout itself replaces, and
/// cut on a character boundary where media and sidecar together would not fit a file system.
/// </summary>
internal static class TreeNames
{
    public const string SidecarSuffix = ".supplemental-metadata.json";

    /// <summary>Bytes of UTF-8 that a name may have, its sidecar's suffix counted in.</summary>
    public const int MaxBytes = 240;

    private const int MaxMediaBytes = MaxBytes - 27;
    private const string Replaced = "/\\:*?\"<>|&";

    public static string Clean(string title)
    {
        var builder = new StringBuilder(title.Length);
        foreach (var c in title.IsNormalized(NormalizationForm.FormC) ? title : Normalize(title))
        {
            builder.Append(char.IsControl(c) || Replaced.Contains(c, StringComparison.Ordinal) ? '_' : c);
        }

        var name = builder.ToString();
        return name is "" or "." or ".." ? "_" : name;
    }

    /// <summary>The name of a file of an item, before collisions are looked at.</summary>
    /// <param name="title">Of the sidecar; null when there is none.</param>
    /// <param name="entryName">Name in the archive: perhaps cut, perhaps with a counter; its extension is the file's own.</param>
    public static string OfMedia(string? title, string entryName, string role)
    {
        var extension = Path.GetExtension(entryName);
        if (string.IsNullOrEmpty(title))
        {
            return Cut(Clean(entryName), extension.Length);
        }

        var clean = Clean(title);
        var titleExtension = Path.GetExtension(clean);
        var hasOwn = titleExtension.Length is > 1 and <= 6 && !titleExtension.Contains(' ', StringComparison.Ordinal);
        var stem = hasOwn ? clean[..^titleExtension.Length] : clean;
        var name = role switch
        {
            CatalogRoles.Edited => stem + "-edited" + extension,
            _ when hasOwn && string.Equals(titleExtension, extension, StringComparison.OrdinalIgnoreCase) => clean,
            _ when role != CatalogRoles.Original && extension.Length > 1 && stem.EndsWith(extension, StringComparison.OrdinalIgnoreCase) => stem,
            _ => stem + extension,
        };
        return Cut(name, Path.GetExtension(name).Length);
    }

    /// <summary>The same name with a counter before its extension, as Takeout writes it; 0 is the name itself.</summary>
    public static string WithCounter(string name, int counter)
    {
        if (counter == 0)
        {
            return name;
        }

        var extension = Path.GetExtension(name);
        return string.Create(CultureInfo.InvariantCulture, $"{name[..^extension.Length]}({counter}){extension}");
    }

    /// <summary>What two names must not share within a folder: NFC, and without case.</summary>
    public static string Fold(string name) => Normalize(name).ToUpperInvariant();

    public static string SidecarOf(string mediaName) => mediaName + SidecarSuffix;

    private static string Cut(string name, int extensionLength)
    {
        // Room for a counter of five digits stays free.
        const int Limit = MaxMediaBytes - 7;
        if (Encoding.UTF8.GetByteCount(name) <= Limit)
        {
            return name;
        }

        var extension = extensionLength <= 16 ? name[^extensionLength..] : "";
        var room = Limit - Encoding.UTF8.GetByteCount(extension);
        var builder = new StringBuilder();
        foreach (var element in StringInfoElements(name[..^extension.Length]))
        {
            room -= Encoding.UTF8.GetByteCount(element);
            if (room < 0)
            {
                break;
            }

            builder.Append(element);
        }

        return builder.Append(extension).ToString();
    }

    private static IEnumerable<string> StringInfoElements(string text)
    {
        var elements = StringInfo.GetTextElementEnumerator(text);
        while (elements.MoveNext())
        {
            yield return elements.GetTextElement();
        }
    }

    private static string Normalize(string text)
    {
        try
        {
            return text.Normalize(NormalizationForm.FormC);
        }
        catch (ArgumentException)
        {
            return text; // lone surrogates stand for bytes that are no UTF-8
        }
    }
}

/// <summary>What a file is to its item.</summary>
internal static class CatalogRoles
{
    public const string Original = "original";
    public const string Edited = "edited";
    public const string Live = "live";
    public const string Motion = "motion";
}
