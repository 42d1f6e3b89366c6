using System.CommandLine;
using System.Globalization;
using TakeoutGenerator;

var items = new Option<int>("--items") { Description = "Number of photos and videos.", DefaultValueFactory = _ => 60 };
var seed = new Option<int>("--seed") { Description = "The same seed makes the same bytes.", DefaultValueFactory = _ => 1 };
var output = new Option<string>("--output") { Description = "Folder that the export is written to.", Required = true };
var language = new Option<string>("--language") { Description = "Language of the account: en, de or ja.", DefaultValueFactory = _ => "en" };
var format = new Option<ArchiveFormat>("--format") { Description = "How it is delivered.", DefaultValueFactory = _ => ArchiveFormat.Zip };
var parts = new Option<int>("--parts") { Description = "Number of archives.", DefaultValueFactory = _ => 2 };
var size = new Option<int>("--media-size") { Description = "Average bytes of a still.", DefaultValueFactory = _ => 20_000 };
var increments = new Option<int>("--increments") { Description = "Further exports, two months apart, with what is new in each.", DefaultValueFactory = _ => 0 };
var command = new RootCommand("Writes a made-up Google Photos library as Google Takeout delivers it, with a manifest of the truth.") { items, seed, output, language, format, parts, size, increments };
command.SetAction(parsed =>
{
    var folder = parsed.GetRequiredValue(output);
    var library = Library.Generate(new LibraryOptions { Items = parsed.GetValue(items), Seed = parsed.GetValue(seed), MediaSize = parsed.GetValue(size) });
    DateTimeOffset? since = null;
    for (var export = 0; export <= parsed.GetValue(increments); export++)
    {
        var options = new ExportOptions
        {
            Time = library.Options.Until,
            Since = since,
            Format = parsed.GetValue(format),
            Parts = parsed.GetValue(parts),
            Language = parsed.GetValue(language)!,
            SetNumber = 3 + export,
        };
        var manifest = Export.Write(library, options, folder);
        var name = $"manifest-{options.Time.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture)}.json";
        File.WriteAllText(Path.Combine(folder, name), manifest.ToJson());
        Console.WriteLine($"{string.Join(' ', manifest.Files)}: {manifest.Items.Count} items, {manifest.Albums.Count} albums; the truth is in {name}");
        since = library.Options.Until;
        library = library.Later(library.Options.Until.AddDays(61), Math.Max(1, parsed.GetValue(items) / 10));
    }

    return 0;
});
return command.Parse(args).Invoke();
