using System.Globalization;
using System.IO.Enumeration;
using System.Text;
using KlosetWorker.Contract;

namespace KlosetWorker.Catalog;

/// <summary>
/// Which items somebody wants. Different criteria must all hold; of several values of one criterion one must. Names are compared without
/// case; albums, people and paths may hold `*` and `?`.
/// </summary>
internal sealed record CatalogQuery
{
    private const double EarthRadiusMeters = 6_371_000;

    public IReadOnlyList<string> Albums { get; init; } = [];

    public DateTimeOffset? TakenFrom { get; init; }

    /// <summary>Exclusive.</summary>
    public DateTimeOffset? TakenTo { get; init; }

    public IReadOnlyList<string> People { get; init; } = [];

    public RunPlace? Place { get; init; }

    /// <summary>`image`, `video`, or a MIME type such as `image/heic`.</summary>
    public IReadOnlyList<string> MediaTypes { get; init; } = [];

    public IReadOnlyList<string> Paths { get; init; } = [];

    public IReadOnlyList<string> Ids { get; init; } = [];

    /// <summary>Words that must all occur in title, description, people, albums or paths.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    public bool? Favourite { get; init; }

    public bool IsEmpty =>
        Albums.Count == 0 && TakenFrom is null && TakenTo is null && People.Count == 0 && Place is null && MediaTypes.Count == 0
        && Paths.Count == 0 && Ids.Count == 0 && Words.Count == 0 && Favourite is null;

    /// <summary>Whether only paths are asked for, which need no catalog.</summary>
    public bool IsPathsOnly => this with { Paths = [] } is { IsEmpty: true } && Paths.Count > 0;

    public static CatalogQuery From(RunSelect? select) => select is null ? new() : new()
    {
        Albums = select.Albums ?? [],
        TakenFrom = select.TakenFrom,
        TakenTo = select.TakenTo,
        People = select.People ?? [],
        Place = select.Place,
        MediaTypes = select.MediaTypes ?? [],
        Paths = select.Paths ?? [],
        Ids = select.Ids ?? [],
    };

    /// <summary>Whether a year's file can hold anything that is wanted.</summary>
    public bool WantsYear(int year) => year == 0
        ? TakenFrom is null && TakenTo is null
        : (TakenFrom is not { } from || year >= from.UtcDateTime.Year) && (TakenTo is not { } to || year <= to.UtcDateTime.Year);

    public bool Matches(CatalogItem item) =>
        (Albums.Count == 0 || (item.Albums ?? []).Any(album => MatchesAlbum(album.Folder)))
        && (TakenFrom is not { } from || item.Taken >= from)
        && (TakenTo is not { } to || item.Taken < to)
        && (People.Count == 0 || (item.People ?? []).Any(person => People.Any(wanted => Like(person, wanted))))
        && (Place is not { } place || (item.Place ?? item.PlaceOfFile) is { } where && IsIn(place, where))
        && (MediaTypes.Count == 0 || MediaTypes.Any(type => IsOfType(item.Mime, type)))
        && (Paths.Count == 0 || item.Files.SelectMany(file => file.Paths).Any(MatchesPath))
        && (Ids.Count == 0 || Ids.Any(id => id == item.Id || item.Id == "url:" + id || (item.Aliases ?? []).Contains(id, StringComparer.Ordinal)))
        && (Favourite is not { } favourite || (item.Favourite ?? false) == favourite)
        && Words.All(word => Texts(item).Any(text => text.Contains(word, StringComparison.CurrentCultureIgnoreCase)));

    public bool MatchesAlbum(string folder) => Albums.Any(wanted => Like(folder, wanted));

    /// <summary>A path itself, everything below it, or a pattern.</summary>
    public bool MatchesPath(string path) => Paths.Any(wanted =>
    {
        var clean = "/" + wanted.Trim('/');
        return path == clean || path.StartsWith(clean + "/", StringComparison.Ordinal) || clean == "/" || Like(path, clean);
    });

    private static bool Like(string text, string wanted) =>
        FileSystemName.MatchesSimpleExpression(Fold(wanted).Replace("\\", "\\\\", StringComparison.Ordinal), Fold(text), ignoreCase: true);

    private static string Fold(string text) => text.IsNormalized(NormalizationForm.FormC) ? text : text.Normalize(NormalizationForm.FormC);

    private static bool IsOfType(string? mime, string wanted) =>
        mime is not null && (wanted.Contains('/', StringComparison.Ordinal)
            ? Like(mime, wanted)
            : mime.StartsWith((wanted.ToLowerInvariant() is "photo" or "photos" or "images" ? "image" : wanted.TrimEnd('s')) + "/", StringComparison.OrdinalIgnoreCase));

    private static bool IsIn(RunPlace place, CatalogPlace where)
    {
        if (place is { Latitude: { } latitude, Longitude: { } longitude, RadiusMeters: { } radius })
        {
            return DistanceMeters(latitude, longitude, where.Latitude, where.Longitude) <= radius;
        }

        if (place is { South: { } south, North: { } north, West: { } west, East: { } east })
        {
            // A box over the date line has its western edge east of its eastern one.
            return where.Latitude >= south && where.Latitude <= north
                && (west <= east ? where.Longitude >= west && where.Longitude <= east : where.Longitude >= west || where.Longitude <= east);
        }

        return false;
    }

    private static double DistanceMeters(double latitude1, double longitude1, double latitude2, double longitude2)
    {
        static double Radians(double degrees) => degrees * Math.PI / 180;
        var a = Math.Pow(Math.Sin(Radians(latitude2 - latitude1) / 2), 2)
            + (Math.Cos(Radians(latitude1)) * Math.Cos(Radians(latitude2)) * Math.Pow(Math.Sin(Radians(longitude2 - longitude1) / 2), 2));
        return 2 * EarthRadiusMeters * Math.Asin(Math.Min(1, Math.Sqrt(a)));
    }

    private static IEnumerable<string> Texts(CatalogItem item) =>
        new[] { item.Title, item.Description, item.Camera }
            .Concat(item.People ?? [])
            .Concat((item.Albums ?? []).Select(album => album.Folder))
            .Concat(item.Files.SelectMany(file => file.Paths))
            .OfType<string>();

    /// <summary>`2023`, `2023-06`, `2023-06-09`, or a full time; the end of a range takes the whole year, month or day in.</summary>
    public static DateTimeOffset? ParseTime(string text, bool isEnd)
    {
        (string Format, Func<DateTimeOffset, DateTimeOffset> Next)[] forms =
        [
            ("yyyy", time => time.AddYears(1)),
            ("yyyy-MM", time => time.AddMonths(1)),
            ("yyyy-MM-dd", time => time.AddDays(1)),
        ];
        foreach (var (format, next) in forms)
        {
            if (DateTimeOffset.TryParseExact(text, format, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var start))
            {
                return isEnd ? next(start) : start;
            }
        }

        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
    }
}
