using System.CommandLine;
using System.Globalization;
using KlosetWorker.Catalog;
using KlosetWorker.Contract;
using KlosetWorker.Errors;

namespace KlosetWorker.Commands;

/// <summary>The options by which `find` and `restore` choose items.</summary>
internal sealed class QueryOptions
{
    private readonly Option<string[]> _albums = new("--album") { Description = "in this album; * and ? match anything", HelpName = "NAME" };
    private readonly Option<string?> _from = new("--from") { Description = "taken at or after: 2023, 2023-06, 2023-06-09, or a full time (UTC)", HelpName = "TIME" };
    private readonly Option<string?> _to = new("--to-time", "--until") { Description = "taken at or before: a year, month or day counts whole", HelpName = "TIME" };
    private readonly Option<string[]> _people = new("--person") { Description = "with this person", HelpName = "NAME" };
    private readonly Option<string?> _near = new("--near") { Description = "within a radius of a place: LATITUDE,LONGITUDE,KILOMETRES", HelpName = "PLACE" };
    private readonly Option<string?> _box = new("--box") { Description = "inside a box: SOUTH,WEST,NORTH,EAST in degrees", HelpName = "BOX" };
    private readonly Option<string[]> _types = new("--type") { Description = "image, video, or a MIME type such as image/heic", HelpName = "TYPE" };
    private readonly Option<string[]> _ids = new("--id") { Description = "with this identity", HelpName = "ID" };
    private readonly Option<bool> _favourite = new("--favourite") { Description = "only favourites" };
    private readonly Option<string[]> _paths = new("--path") { Description = "this path in the snapshot, or what lies below it; * and ? match anything", HelpName = "PATH" };

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _albums, _from, _to, _people, _near, _box, _types, _ids, _favourite, _paths })
        {
            command.Add(option);
        }
    }

    public CatalogQuery Read(Shell.Invocation invocation) => new()
    {
        Albums = invocation.Value(_albums) ?? [],
        TakenFrom = Time(invocation.Value(_from), isEnd: false),
        TakenTo = Time(invocation.Value(_to), isEnd: true),
        People = invocation.Value(_people) ?? [],
        Place = Place(invocation.Value(_near), invocation.Value(_box)),
        MediaTypes = invocation.Value(_types) ?? [],
        Ids = invocation.Value(_ids) ?? [],
        Favourite = invocation.Value(_favourite) ? true : null,
        Paths = invocation.Value(_paths) ?? [],
    };

    private static DateTimeOffset? Time(string? text, bool isEnd) => text is null
        ? null
        : CatalogQuery.ParseTime(text, isEnd)
            ?? throw new WorkerException(ErrorCatalogue.InvalidArguments, $"'{text}' is no time: give 2023, 2023-06, 2023-06-09 or 2023-06-09T12:00:00Z.");

    private static RunPlace? Place(string? near, string? box)
    {
        if (near is not null)
        {
            var numbers = Numbers(near, 3);
            return new() { Latitude = numbers[0], Longitude = numbers[1], RadiusMeters = numbers[2] * 1000 };
        }

        if (box is not null)
        {
            var numbers = Numbers(box, 4);
            return new() { South = numbers[0], West = numbers[1], North = numbers[2], East = numbers[3] };
        }

        return null;
    }

    private static double[] Numbers(string text, int count)
    {
        var numbers = text.Split(',').Select(part => double.TryParse(part, CultureInfo.InvariantCulture, out var number) ? number : double.NaN).ToArray();
        return numbers.Length == count && !numbers.Any(double.IsNaN)
            ? numbers
            : throw new WorkerException(ErrorCatalogue.InvalidArguments, $"'{text}' must be {count} numbers with commas between them.");
    }
}
