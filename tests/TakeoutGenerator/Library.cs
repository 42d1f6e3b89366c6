namespace TakeoutGenerator;

public enum SidecarStyle
{
    /// <summary>`NAME.supplemental-metadata.json`, from late 2024 on.</summary>
    SupplementalMetadata,

    /// <summary>`NAME.json`.</summary>
    Plain,
}

public enum MediaKind
{
    Jpeg,
    Png,
    Heic,
    Mp4,
}

/// <summary>How a library is made; the same options make the same bytes.</summary>
public sealed record LibraryOptions
{
    public int Seed { get; init; } = 1;

    public int Items { get; init; } = 60;

    public string Account { get; init; } = "alice@example.com";

    /// <summary>The last photo is taken a day before this.</summary>
    public DateTimeOffset Until { get; init; } = new(2026, 9, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>Noise in a still; videos have four times as much.</summary>
    public int MediaSize { get; init; } = 20_000;
}

/// <summary>A photo or video as the account holds it. Sidecars and names come from it.</summary>
public sealed record PhotoItem
{
    public required int Number { get; init; }

    public required string Title { get; init; }

    public required MediaKind Kind { get; init; }

    public required DateTimeOffset Taken { get; init; }

    public required DateTimeOffset Created { get; init; }

    /// <summary>When its metadata last changed; an increment holds what changed since the export before.</summary>
    public required DateTimeOffset Changed { get; init; }

    public string Description { get; init; } = "";

    public (double Latitude, double Longitude)? Place { get; init; }

    public IReadOnlyList<string> People { get; init; } = [];

    public bool Favorited { get; init; }

    public bool Archived { get; init; }

    public bool Edited { get; init; }

    /// <summary>A video of the same moment lies beside the still.</summary>
    public bool Live { get; init; }

    /// <summary>The still is a Pixel's motion photo (`X.MP.jpg`), and the video has its name without the extension (`X.MP`).</summary>
    public bool Motion { get; init; }

    /// <summary>Too big for a part: handed out bare beside the archives.</summary>
    public bool Loose { get; init; }

    public SidecarStyle Style { get; init; }

    public string Url => $"https://photos.google.com/photo/AF1Qip{Number:x8}";
}

public sealed record Album(string Title, string Description, IReadOnlyList<int> Items);

/// <summary>An account's library at one time. Changes make a new library; exports are written from it.</summary>
public sealed record Library(LibraryOptions Options, IReadOnlyList<PhotoItem> Items, IReadOnlyList<Album> Albums)
{
    private static readonly string[] Peoples = ["Susan", "Jón", "花子", "Ana María"];

    private static readonly (string Title, string Description, (double, double) Place)[] Journeys =
    [
        ("Iceland", "Ring road, waterfalls and rain", (64.1466, -21.9426)),
        ("Garden", "", (47.3769, 8.5417)),
        ("Kyōto 京都", "桜の季節", (35.0116, 135.7681)),
    ];

    public static Library Generate(LibraryOptions options)
    {
        var first = options.Until.AddYears(-4);
        var items = Enumerable.Range(1, options.Items).Select(number => NewItem(options, number, first, options.Until)).ToList();
        var albums = Journeys
            .Select((journey, index) => new Album(
                journey.Title,
                journey.Description,
                items.Where(item => item.Number % 7 == index).Select(item => item.Number).ToList()))
            .Where(album => album.Items.Count > 0)
            .ToList();
        return new Library(options, items, albums);
    }

    /// <summary>Two months later: new photos, an edited description, a new favourite, and one older photo more in the first album.</summary>
    public Library Later(DateTimeOffset until, int newItems)
    {
        var last = Items[^1].Number;
        var changed = Items.Select(item => (item.Number % 19) switch
        {
            3 => item with { Description = item.Description + " (told anew)", Changed = until.AddDays(-3) },
            5 when !item.Favorited => item with { Favorited = true, Changed = until.AddDays(-2) },
            _ => item,
        });
        var added = Enumerable.Range(last + 1, newItems).Select(number => NewItem(Options, number, Options.Until, until)).ToList();
        var albums = Albums
            .Select((album, index) => index > 0 ? album : album with { Items = [.. album.Items, .. added.Take(2).Select(item => item.Number)] })
            .ToList();
        return new Library(Options with { Until = until }, [.. changed, .. added], albums);
    }

    private static PhotoItem NewItem(LibraryOptions options, int number, DateTimeOffset from, DateTimeOffset until)
    {
        var random = new Random(HashCode(options.Seed, number));
        var taken = from + TimeSpan.FromSeconds(Math.Round((until - from - TimeSpan.FromDays(1)).TotalSeconds * random.NextDouble()));
        var created = taken.AddHours(random.Next(1, 20));
        var journey = number % 7 < Journeys.Length ? Journeys[number % 7] : default;
        var (kind, title) = (number % 11) switch
        {
            0 => (MediaKind.Mp4, $"VID_{taken:yyyyMMdd_HHmmss}.mp4"),
            1 => (MediaKind.Png, $"Screenshot_{taken:yyyyMMdd-HHmmss}.png"),
            2 or 3 => (MediaKind.Heic, $"IMG_{number % 40:0000}.HEIC"),
            4 when number % 9 == 0 => (MediaKind.Jpeg, $"{number:000000} a walk so long that an edited version of it is only a counter.jpg"),
            4 => (MediaKind.Jpeg, $"A long walk along the northern shore of the lake in autumn {number % 3}.jpg"),
            5 => (MediaKind.Jpeg, $"What? A café & bar: {number}.jpg"),
            6 => (MediaKind.Jpeg, $"00{number % 10}_BURST{taken:yyyyMMddHHmmss}_COVER.jpg"),
            _ => (MediaKind.Jpeg, $"IMG_{number % 40:0000}.jpg"), // numbers of cameras start again: counters appear
        };
        var motion = kind == MediaKind.Jpeg && number % 23 == 7;
        title = kind != MediaKind.Jpeg ? title
            : motion ? $"PXL_{taken:yyyyMMdd_HHmmss}{number % 1000:000}.MP.jpg"
            : number % 29 == 5 ? $"DSC_{number / 29:00000}.DNG"
            : number % 29 == 6 ? $"DSC_{number / 29:00000}.JPG" // the JPEG of the RAW before it
            : number % 31 == 3 ? $"Scan {number}" // no extension: Takeout adds one to the file and none to the sidecar
            : title;
        return new PhotoItem
        {
            Number = number,
            Title = title,
            Kind = kind,
            Taken = taken,
            Created = created,
            Changed = created,
            Description = number % 4 == 0 ? $"Photo number {number}, with ümläuts and 絵文字 🌋" : "",
            Place = journey.Title is null ? null : (journey.Place.Item1 + (random.NextDouble() / 10), journey.Place.Item2 + (random.NextDouble() / 10)),
            People = number % 5 == 0 ? [Peoples[number % Peoples.Length]] : [],
            Favorited = number % 13 == 0,
            Archived = number % 17 == 0,
            Edited = number % 9 == 0 && kind == MediaKind.Jpeg && number % 29 is not (5 or 6),
            Live = motion || (kind == MediaKind.Heic && number % 2 == 0),
            Motion = motion,
            Loose = kind == MediaKind.Mp4 && number % 3 == 0 && journey.Title is null,
            Style = number % 6 == 5 ? SidecarStyle.Plain : SidecarStyle.SupplementalMetadata,
        };
    }

    /// <summary>The bytes of the still or video itself, of its edited version, or of its moving part.</summary>
    internal byte[] Bytes(PhotoItem item, string role)
    {
        var random = new Random(HashCode(Options.Seed, item.Number, role.Length, role[0]));
        var size = Math.Max(64, (Options.MediaSize / 2) + random.Next(Math.Max(1, Options.MediaSize)));
        return (role, item.Kind) switch
        {
            ("live", _) => MediaBytes.Mp4(random, size, item.Taken, "qt  "),
            (_, MediaKind.Mp4) => MediaBytes.Mp4(random, size * 4, item.Taken),
            (_, MediaKind.Png) => MediaBytes.Png(random, size),
            (_, MediaKind.Heic) => MediaBytes.Heic(random, size, item.Number % 11 == 2 ? item.Taken.ToOffset(TimeSpan.FromHours(2)) : null, item.Place),
            _ => MediaBytes.Jpeg(random, size, item.Taken.ToOffset(TimeSpan.FromHours(2)), "Example One", item.Place),
        };
    }

    // the runtime's own HashCode differs from process to process
    private static int HashCode(params int[] values) => values.Aggregate(17, (hash, value) => unchecked((hash * 16777619) ^ value));
}
