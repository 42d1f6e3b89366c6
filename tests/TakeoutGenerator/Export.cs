using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace TakeoutGenerator;

public enum ArchiveFormat
{
    Zip,
    Tgz,

    /// <summary>Unpacked: a folder `Takeout`.</summary>
    Folder,
}

/// <summary>How an export of a library is delivered.</summary>
public sealed record ExportOptions
{
    public required DateTimeOffset Time { get; init; }

    /// <summary>When set, only what changed after it: an increment.</summary>
    public DateTimeOffset? Since { get; init; }

    public ArchiveFormat Format { get; init; } = ArchiveFormat.Zip;

    public int Parts { get; init; } = 2;

    public string Language { get; init; } = "en";

    /// <summary>Number in the name between the time and the part.</summary>
    public int SetNumber { get; init; } = 3;

    /// <summary>Whether the index (`archive_browser.html`) is delivered too, in an archive of its own.</summary>
    public bool Index { get; init; } = true;

    /// <summary>Whether big films are handed out bare. Their names tell no export, so two full exports of one library need two folders.</summary>
    public bool Loose { get; init; } = true;

    /// <summary>
    /// What not every account has: items in the bin, album folders with a sidecar and no media, albums described as in 2019, as until 2024
    /// and as from 2025 on.
    /// </summary>
    public bool Oddities { get; init; }

    /// <summary>Whether Google fails to export some items: they stand in the index, and their media are nowhere.</summary>
    public bool Failures { get; init; }

    internal bool IsInBin(PhotoItem item) => Oddities && item.Number % 101 == 50;

    internal bool IsFailed(PhotoItem item) => Failures && !IsInBin(item) && item.Number % 95 == 41;

    internal bool IsSidecarOnly(PhotoItem item) => Oddities && !item.Loose && item.Number % 35 is 7 or 22;
}

/// <summary>What an export holds, as the truth that a reader is measured against.</summary>
/// <param name="Files">Names of the delivered archives, relative to the folder.</param>
public sealed record ExportManifest(string Account, DateTimeOffset Time, bool Increment, IReadOnlyList<string> Files, IReadOnlyList<ExportedItem> Items, IReadOnlyList<ExportedAlbum> Albums)
{
    /// <summary>Media files that Google could not export.</summary>
    public int FailedFiles { get; init; }

    /// <summary>Bytes of the index page; 0 without one.</summary>
    public long IndexSize { get; init; }

    /// <summary>Items in the bin; not among <see cref="Items"/>.</summary>
    public IReadOnlyList<ExportedItem> Binned { get; init; } = [];

    /// <summary>Items that Google could not export, whose sidecars alone are there; not among <see cref="Items"/>.</summary>
    public IReadOnlyList<ExportedItem> Failed { get; init; } = [];

    /// <summary>Every media path and its sidecar's.</summary>
    [JsonIgnore]
    public IEnumerable<(string Media, string Sidecar)> Pairs =>
        from item in Items
        from folder in item.Folders
        from file in folder.Media
        select (file.Path, folder.Sidecar);

    public string ToJson() => JsonSerializer.Serialize(this, ManifestJson.Default.ExportManifest);
}

public sealed record ExportedItem(string Title, string Url, DateTimeOffset Taken, string Description, bool Favorited, IReadOnlyList<ExportedFolder> Folders);

/// <summary>An item as it lies in one folder: in its year's, and again in each of its albums', there perhaps without media.</summary>
public sealed record ExportedFolder(string? Album, string Sidecar, IReadOnlyList<ExportedFile> Media);

/// <param name="Path">Inside the archive, beginning with `Takeout/`.</param>
/// <param name="Role">original, edited or live.</param>
public sealed record ExportedFile(string Path, string Role, long Size, string Sha256);

public sealed record ExportedAlbum(string Title, string Description, string MetadataPath, int Items);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(ExportManifest))]
internal sealed partial class ManifestJson : JsonSerializerContext;

/// <summary>Writes an export of a library as Google would deliver it.</summary>
public static class Export
{
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static ExportManifest Write(Library library, ExportOptions options, string folder)
    {
        Directory.CreateDirectory(folder);
        var language = Language.Of(options.Language);
        var exported = library.Items.Where(item => options.Since is null || item.Changed > options.Since).ToDictionary(item => item.Number);
        var stamp = options.Time.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        using var parts = new Parts(folder, stamp, options);
        var naming = new Dictionary<string, FolderNaming>();
        var items = new List<ExportedItem>();
        var binned = new List<ExportedItem>();
        var failed = new List<ExportedItem>();
        var members = library.Albums.Select(album => (album.Title, Items: album.Items.ToHashSet())).ToArray();
        foreach (var item in exported.Values)
        {
            var home = options.IsInBin(item) ? language.Bin : language.Year(item.Taken.UtcDateTime.Year);
            var folders = new List<ExportedFolder> { WriteItem(library, item, language, null, home, naming, parts) };
            foreach (var album in members.Where(album => album.Items.Contains(item.Number) && !options.IsInBin(item)))
            {
                folders.Add(WriteItem(library, item, language, album.Title, album.Title, naming, parts));
            }

            (options.IsInBin(item) ? binned : options.IsFailed(item) ? failed : items)
                .Add(new ExportedItem(item.Title, item.Url, item.Taken, item.Description, item.Favorited, folders));
        }

        var albums = new List<ExportedAlbum>();
        foreach (var (position, album) in library.Albums.Index().Where(album => album.Item.Items.Any(exported.ContainsKey)))
        {
            var path = $"Takeout/{language.Root}/{album.Title}/{language.AlbumJson}";
            parts.Add(path, AlbumJson(album, library.Items[0].Taken, options.Oddities ? position % 3 : 1));
            albums.Add(new ExportedAlbum(album.Title, album.Description, path, album.Items.Count(number => exported.TryGetValue(number, out var item) && !options.IsInBin(item) && !options.IsFailed(item))));
        }

        parts.Add($"Takeout/{language.Root}/print-subscriptions.json", "{}"u8.ToArray());
        parts.Add($"Takeout/{language.Root}/user-generated-memory-titles.json", "{\"memoryTitles\": []}"u8.ToArray());
        var index = options.Index ? Index(library.Options.Account, options.Time, language.Root, parts.Paths, parts.Failed) : [];
        if (index.Length > 0)
        {
            parts.AddIndex(language.IndexName, index);
        }

        return new ExportManifest(library.Options.Account, options.Time, options.Since is not null, parts.Close(), items, albums) { Binned = binned, Failed = failed, FailedFiles = parts.Failed.Count, IndexSize = index.Length };
    }

    /// <param name="shape">0: 2019, 1: until 2024, 2: from 2025 on.</param>
    private static byte[] AlbumJson(Album album, DateTimeOffset date, int shape)
    {
        var full = new Dictionary<string, object> { ["title"] = album.Title, ["description"] = album.Description, ["access"] = "protected", ["date"] = Stamp(date) };
        object json = shape switch
        {
            0 => new { albumData = full },
            1 => full,
            _ => new { title = album.Title },
        };
        return JsonSerializer.SerializeToUtf8Bytes(json, Readable);
    }

    private static ExportedFolder WriteItem(
        Library library, PhotoItem item, Language language, string? album, string folderName, Dictionary<string, FolderNaming> naming, Parts parts)
    {
        var folder = $"Takeout/{language.Root}/{folderName}";
        var others = new List<(string StemSuffix, string Extension)>();
        var roles = new List<string> { "original" };
        if (item.Edited)
        {
            others.Add((language.EditedSuffix, Path.GetExtension(item.Title)));
            roles.Add("edited");
        }

        if (item.Live)
        {
            others.Add(("", item.Motion ? "" : ".MP4"));
            roles.Add("live");
        }

        if (!naming.TryGetValue(folder, out var names))
        {
            naming[folder] = names = new FolderNaming();
        }

        var (media, sidecar, rest) = names.Name(item.Title, item.Style, others);
        var files = new List<ExportedFile>();
        foreach (var (name, role) in rest.Prepend(media).Zip(roles))
        {
            var bytes = library.Bytes(item, role);
            var path = $"{folder}/{name}";
            if (parts.Options.IsFailed(item))
            {
                parts.Failed.Add(path);
                continue;
            }

            if (album is not null && parts.Options.IsSidecarOnly(item))
            {
                continue;
            }

            if (item.Loose && parts.HasLoose)
            {
                path = parts.AddLoose(path, bytes);
            }
            else
            {
                parts.Add(path, bytes);
            }

            files.Add(new ExportedFile(path, role, bytes.Length, Convert.ToHexStringLower(SHA256.HashData(bytes))));
        }

        parts.Add($"{folder}/{sidecar}", Sidecar(item, parts.Options.IsInBin(item)));
        return new ExportedFolder(album, $"{folder}/{sidecar}", files);
    }

    private static byte[] Sidecar(PhotoItem item, bool trashed)
    {
        var geo = new Dictionary<string, double>
        {
            ["latitude"] = item.Place?.Latitude ?? 0,
            ["longitude"] = item.Place?.Longitude ?? 0,
            ["altitude"] = 0,
            ["latitudeSpan"] = 0,
            ["longitudeSpan"] = 0,
        };
        var sidecar = new Dictionary<string, object>
        {
            ["title"] = item.Title,
            ["description"] = item.Description,
            ["imageViews"] = (item.Number % 50).ToString(CultureInfo.InvariantCulture),
            ["creationTime"] = Stamp(item.Created),
            ["photoTakenTime"] = Stamp(item.Taken),
            ["geoData"] = geo,
            ["geoDataExif"] = geo,
            ["url"] = item.Url,
            ["googlePhotosOrigin"] = new { mobileUpload = new { deviceType = "ANDROID_PHONE" } },
        };
        if (item.People.Count > 0)
        {
            sidecar["people"] = item.People.Select(name => new { name }).ToArray();
        }

        if (item.Favorited)
        {
            sidecar["favorited"] = true;
        }

        if (item.Archived)
        {
            sidecar["archived"] = true;
        }

        if (trashed)
        {
            sidecar["trashed"] = true;
        }

        return JsonSerializer.SerializeToUtf8Bytes(sidecar, Readable);
    }

    private static Dictionary<string, string> Stamp(DateTimeOffset time) => new()
    {
        ["timestamp"] = time.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
        ["formatted"] = time.UtcDateTime.ToString("d MMM yyyy, HH:mm:ss 'UTC'", CultureInfo.InvariantCulture),
    };

    private static byte[] Index(string account, DateTimeOffset time, string root, IEnumerable<string> paths, HashSet<string> failed)
    {
        var html = new StringBuilder()
            .Append("<!DOCTYPE html><html><head><meta charset=\"UTF-8\"><script>var unused = '<div>';</script></head><body>\n")
            .Append("<div class=\"job-id hidden\">6f9619ff-8b86-d011-b42d-00c04fc964ff</div>\n")
            .Append(CultureInfo.InvariantCulture, $"<h1 class=\"header_title\">Archive for {WebUtility.HtmlEncode(account)}</h1>\n")
            .Append(CultureInfo.InvariantCulture, $"<div class=\"header_subtext\">{time.UtcDateTime:MMM d, yyyy, h:mm:ss tt} UTC</div>\n")
            .Append("<div id=\"service-details-PHOTOS\" class=\"service-detail\">\n")
            .Append(CultureInfo.InvariantCulture, $"<h1 class=\"data-folder-name\" data-folder-name=\"{WebUtility.HtmlEncode(root)}\">{WebUtility.HtmlEncode(root)}</h1>\n");
        foreach (var folder in paths.Concat(failed).GroupBy(path => Path.GetDirectoryName(path)!))
        {
            html.Append(CultureInfo.InvariantCulture, $"<div class=\"extracted-folder-name\">{WebUtility.HtmlEncode(Path.GetFileName(folder.Key))}</div>\n");
            foreach (var path in folder)
            {
                html.Append(CultureInfo.InvariantCulture, $"<div class=\"file-leaf\"><div class=\"extracted-file-name\"> {WebUtility.HtmlEncode(Path.GetFileName(path))}</div><div class=\"failure-message\">{(failed.Contains(path) ? "Dieses Element konnte nicht exportiert werden." : "")}</div></div>\n");
            }
        }

        return Encoding.UTF8.GetBytes(html.Append("</div></body></html>\n").ToString());
    }

    /// <summary>The archives of one export; an entry goes to the part that its name hashes to, so that media and sidecar part company.</summary>
    private sealed class Parts : IDisposable
    {
        private readonly string _folder;
        private readonly string _stamp;
        private readonly ExportOptions _options;
        private readonly List<string> _names = [];
        private readonly List<ZipArchive> _zips = [];
        private readonly List<TarWriter> _tars = [];
        private readonly List<string> _paths = [];
        private int _loose;

        public Parts(string folder, string stamp, ExportOptions options)
        {
            (_folder, _stamp, _options) = (folder, stamp, options);
            if (options.Format == ArchiveFormat.Folder)
            {
                _names.Add("Takeout");
                return;
            }

            for (var part = 1; part <= options.Parts; part++)
            {
                Open($"takeout-{stamp}-{options.SetNumber}-{part:000}");
            }
        }

        public ExportOptions Options => _options;

        public bool HasLoose => _options.Loose;

        /// <summary>Paths that Google could not export.</summary>
        public HashSet<string> Failed { get; } = new(StringComparer.Ordinal);

        /// <summary>Paths of all entries so far, without the index.</summary>
        public IReadOnlyList<string> Paths => _paths;

        public void Add(string path, byte[] content)
        {
            _paths.Add(path);
            var part = path.Aggregate(7, (hash, character) => unchecked((hash * 31) + character)) & int.MaxValue;
            Write(part % Math.Max(1, _options.Parts), path, content);
        }

        /// <summary>A file of its own beside the archives, under its name with a number that continues theirs.</summary>
        /// <returns>That name.</returns>
        public string AddLoose(string path, byte[] content)
        {
            _paths.Add(path);
            var name = $"{Path.GetFileNameWithoutExtension(path)}-{_options.Parts + ++_loose:000}{Path.GetExtension(path)}";
            _names.Add(name);
            File.WriteAllBytes(Path.Combine(_folder, name), content);
            return name;
        }

        public void AddIndex(string name, byte[] content)
        {
            var part = 0;
            if (_options.Format != ArchiveFormat.Folder)
            {
                part = Math.Max(_zips.Count, _tars.Count);
                Open($"takeout-{_stamp}-001"); // no set number: that is how the index differs from part 1
            }

            Write(part, $"Takeout/{name}", content);
        }

        public List<string> Close()
        {
            Dispose();
            return _names;
        }

        public void Dispose()
        {
            _zips.ForEach(zip => zip.Dispose());
            _tars.ForEach(tar => tar.Dispose());
            _zips.Clear();
            _tars.Clear();
            foreach (var file in _names.Select(name => Path.Combine(_folder, name)).Where(File.Exists))
            {
                // as they come from Google: the parts of one export are of one time
                File.SetLastWriteTimeUtc(file, _options.Time.UtcDateTime);
            }
        }

        private void Open(string stem)
        {
            var name = stem + (_options.Format == ArchiveFormat.Zip ? ".zip" : ".tgz");
            _names.Add(name);
            var file = new FileStream(Path.Combine(_folder, name), FileMode.Create);
            if (_options.Format == ArchiveFormat.Zip)
            {
                _zips.Add(new ZipArchive(file, ZipArchiveMode.Create));
            }
            else
            {
                _tars.Add(new TarWriter(new GZipStream(file, CompressionLevel.Fastest), TarEntryFormat.Pax));
            }
        }

        private void Write(int part, string path, byte[] content)
        {
            switch (_options.Format)
            {
                case ArchiveFormat.Zip:
                    var entry = _zips[part].CreateEntry(path, CompressionLevel.Fastest);
                    entry.LastWriteTime = _options.Time;
                    using (var stream = entry.Open())
                    {
                        stream.Write(content);
                    }

                    break;
                case ArchiveFormat.Tgz:
                    _tars[part].WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, path) { ModificationTime = _options.Time, DataStream = new MemoryStream(content) });
                    break;
                default:
                    var full = Path.Combine(_folder, path);
                    Directory.CreateDirectory(Path.GetDirectoryName(full)!);
                    File.WriteAllBytes(full, content);
                    break;
            }
        }
    }
}
