namespace GooglePhotos.Takeout.Pairing;

/// <summary>What Google Photos appends to the stem of an edited version, by the language of the account, and to its own creations.</summary>
public static class EditedSuffixes
{
    /// <summary>The English one, which our own trees use for every language.</summary>
    public const string Canonical = "-edited";

    /// <summary>Lower case, NFC; the longest first, so that "-ha editado" is found before "-editado".</summary>
    public static IReadOnlyList<string> Edited { get; } = Sorted(
        "-edited", "-bearbeitet", "-modifié", "-modificato", "-ha editado", "-editado", "-editat", "-bewerkt", "-edytowane", "-編集済み",
        "-编辑", "-已修改", "-已編輯", "-muokattu", "-düzenlendi", "-измененный", "-отредактировано", "-відредаговано", "-편집됨",
        "-redigeret", "-upravené");

    /// <summary>Creations of Google Photos itself, English in every account, upper case in old exports; some have a sidecar of their own.</summary>
    public static IReadOnlyList<string> Creations { get; } = Sorted("-effects", "-smile", "-mix", "-collage", "-animation", "-motion");

    internal static IReadOnlyList<string> All { get; } = [.. Edited, .. Creations];

    /// <summary>The whole suffix at the end of a stem (counter already gone), or null. Case does not matter.</summary>
    internal static string? WholeAtEnd(string stem)
    {
        if (!stem.Contains('-', StringComparison.Ordinal))
        {
            return null;
        }

        foreach (string suffix in All)
        {
            if (stem.Length > suffix.Length && stem.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
            {
                return suffix;
            }
        }

        return null;
    }

    /// <summary>The lengths of all proper beginnings of suffixes that a cut stem may end with, longest first.</summary>
    internal static IEnumerable<int> CutAtEnd(string stem)
    {
        for (int start = Math.Max(1, stem.Length - MaxLength + 1); start < stem.Length; start++)
        {
            if (stem[start] == '-' && All.Any(s => s.Length > stem.Length - start
                && stem.AsSpan(start).Equals(s.AsSpan(0, stem.Length - start), StringComparison.OrdinalIgnoreCase)))
            {
                yield return stem.Length - start;
            }
        }
    }

    private static readonly int MaxLength = All.Max(s => s.Length);

    private static string[] Sorted(params string[] suffixes) =>
        [.. suffixes.Select(TakeoutNames.Nfc).OrderByDescending(s => s.Length).ThenBy(s => s, StringComparer.Ordinal)];
}
