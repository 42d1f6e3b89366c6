namespace GooglePhotos.Takeout.Pairing;

/// <summary>Whether a title can be that of a file name: names are cut and cleaned, so a title confirms and never leads.</summary>
internal static class TitleMatch
{
    /// <summary>Whether a title makes this media name: stem (cut or not) and extension.</summary>
    internal static bool Fits(string title, string stem, string extension)
    {
        string own = Extension(title, extension);
        return (own.Length == 0 || own.Equals(extension, StringComparison.OrdinalIgnoreCase))
            && FitsStem(title.AsSpan(0, title.Length - own.Length), stem, TakeoutNames.MaxMediaName - extension.Length);
    }

    internal static bool FitsFolded(string title, string stem, string extension)
    {
        string own = Extension(title, extension);
        return (own.Length == 0 || Array.Exists(Swaps(extension), s => s.Equals(own, StringComparison.OrdinalIgnoreCase)))
            && FitsStem(Fold(title[..^own.Length]), Fold(stem), TakeoutNames.MaxMediaName - extension.Length);
    }

    internal static bool FitsStem(ReadOnlySpan<char> titleStem, string stem, int limit)
    {
        if (TakeoutNames.SameText(stem, titleStem))
        {
            return true;
        }

        return stem.Length >= limit - 1 && titleStem.Length > stem.Length
            && (stem.Length == limit || stem.Length == limit + 1 || char.IsSurrogate(titleStem[stem.Length]))
            && TakeoutNames.SameText(stem, titleStem[..stem.Length]);
    }

    internal static bool NamesExactly(string title, string stem)
    {
        title = TakeoutNames.Nfc(title);
        return TakeoutNames.SameText(stem, title.AsSpan(0, title.Length - Extension(title, "").Length));
    }

    /// <summary>The extension in a title: the one expected, or one that we know; "" otherwise ("St. Moritz" has none).</summary>
    internal static string Extension(string title, string expected)
    {
        int dot = title.LastIndexOf('.');
        if (dot < 0)
        {
            return "";
        }

        string extension = title[dot..];
        return (expected.Length > 0 && extension.Equals(expected, StringComparison.OrdinalIgnoreCase))
            || MediaTypes.OfExtension(extension) != MediaKind.Unknown
                ? extension
                : "";
    }

    internal static string[] Swaps(string extension) => extension.ToUpperInvariant() switch
    {
        ".JPG" or ".JPEG" or ".JPE" => [extension, ".jpg", ".jpeg"],
        ".TIF" or ".TIFF" => [extension, ".tif", ".tiff"],
        _ => [extension],
    };

    internal static string Fold(string text) => text.ToUpperInvariant();
}
