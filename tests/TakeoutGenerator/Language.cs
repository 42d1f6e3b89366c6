namespace TakeoutGenerator;

/// <summary>The words that Takeout translates.</summary>
internal sealed record Language(string Root, Func<int, string> Year, string AlbumJson, string EditedSuffix, string IndexName, string Bin)
{
    public static Language Of(string code) => code switch
    {
        "en" => new("Google Photos", year => $"Photos from {year}", "metadata.json", "-edited", "archive_browser.html", "Trash"),
        "de" => new("Google Fotos", year => $"Fotos von {year}", "Metadaten.json", "-bearbeitet", "Archiv_Übersicht.html", "Papierkorb"),
        "ja" => new("Google フォト", year => $"{year} 年の写真", "メタデータ.json", "-編集済み", "archive_browser.html", "ゴミ箱"),
        _ => throw new ArgumentException($"the generator speaks en, de and ja, not '{code}'", nameof(code)),
    };
}
