using System.Text.RegularExpressions;

namespace GooglePhotos.Takeout.Pairing;

/// <summary>
/// What folder names tell, where content cannot: years, the places for archived and deleted items, and albums without a title. The lists
/// hold what was seen; an unknown language is met by structure (see <see cref="TakeoutPairing"/>).
/// </summary>
internal static partial class FolderNames
{
    /// <summary>The year of a year folder in a known language.</summary>
    internal static bool TryYear(string name, out int year)
    {
        Match match = KnownYear().Match(name);
        year = match.Success ? int.Parse(match.Groups["year"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture) : 0;
        return match.Success;
    }

    /// <summary>The name with its year taken out, for names that hold exactly one year at either end.</summary>
    internal static bool TryTemplate(string name, out string template, out int year)
    {
        Match match = AnyYear().Match(name);
        year = 0;
        template = "";
        if (!match.Success)
        {
            return false;
        }

        year = int.Parse(match.Groups["year"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture);
        template = match.Groups["before"].Value + "\0" + match.Groups["after"].Value;
        return true;
    }

    /// <summary>A folder that is no album although it lies beside them: archive, bin, locked folder, failed videos, untitled.</summary>
    internal static bool IsSpecial(string name) => Special.Contains(TakeoutNames.SplitCounter(name).Base) || Special.Contains(name);

    internal static bool IsTrash(string name) => Trash.Contains(name);

    internal static bool IsFailedVideos(string name) => name.Equals("Failed Videos", StringComparison.OrdinalIgnoreCase);

    internal static bool IsPhotosRoot(string name) => Roots.Contains(name);

    private static readonly HashSet<string> Roots = Set(
        "Google Photos", "Google Fotos", "Google Foto", "Google Foto's", "Google Fotoğraflar", "Google Kuvat", "Zdjęcia Google", "Fotky Google",
        "Google Фото", "Google Снимки", "Google フォト", "Google 相册", "Google 相簿", "Google 포토", "Google Foto-k", "Google Fotók", "Google Foton",
        "Google Fotografii", "Google Billeder", "Google Bilder");

    private static readonly HashSet<string> Trash = Set(
        "Trash", "Bin", "Papierkorb", "Corbeille", "Papelera", "Cestino", "Prullenbak", "Kosz", "Lixo", "Lixeira", "Корзина", "Кошик", "ゴミ箱", "回收站",
        "휴지통", "Papirkurv", "Papperskorg", "Roskakori", "Çöp kutusu", "Koš", "Kôš", "Paperera");

    private static readonly HashSet<string> Special = Set(
        [.. Trash, "Archive", "Archiv", "Archives", "Archivo", "Archivio", "Archief", "Archiwum", "Arquivo", "Архив", "Архів", "アーカイブ", "归档", "封存",
        "보관함", "Arkiv", "Arkisto", "Arşiv", "Archív", "Arxiu", "Locked Folder", "Gesperrter Ordner", "Dossier verrouillé", "Carpeta privada",
        "Carpeta con contraseña", "Cartella bloccata", "Vergrendelde map", "Folder zablokowany", "Pasta com bloqueio", "ロックされたフォルダ", "Failed Videos",
        "Untitled", "Sans titre", "Sin título", "Unbenannt", "Ohne Titel", "Senza titolo", "Naamloos", "Bez nazwy", "Sem título", "Sense títol", "Nimetön", "無題", "Без названия",
        "Без назви", "Adsız", "未命名", "無標題", "제목 없음", "Uden titel", "Utan titel", "Uten tittel", "Bez názvu"]);

    private static HashSet<string> Set(params string[] names) =>
        new(names.Select(TakeoutNames.Nfc), StringComparer.OrdinalIgnoreCase);

    [GeneratedRegex(
        @"^(?:(?:Photos from|Photos de|Fotos von|Fotos aus|Fotos del(?: año)?|Fotos de|Fotos do|Foto del|Foto dal|Foto's (?:van|uit)|Zdjęcia z(?: roku)?|Fotky (?:z|od)(?: roku)?|Fotografie z(?: roku)?|Фото за|Фотографии за|Фотографії за|Снимки от|Kuvat vuodelta|Kuvia vuodelta|Foton från|Bilder från|Bilder fra|Billeder fra|Fotografii din|Foto dari|Φωτογραφίες από το) (?<year>\d{4})(?: г\.?| год| рік| р\.?)?|(?<year>\d{4})\s?(?:年の写真|年的照片|年的相片|년의 사진|년 사진|yılından fotoğraflar|fotoğrafları|yılı fotoğrafları))$",
        RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex KnownYear();

    [GeneratedRegex(@"^(?:(?<before>\D{2,40})(?<year>(?:18|19|20|21)\d\d)|(?<year>(?:18|19|20|21)\d\d)(?<after>\D{2,40}))$", RegexOptions.CultureInvariant)]
    private static partial Regex AnyYear();
}
