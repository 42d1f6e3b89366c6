using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using GooglePhotos.Library;
using KlosetWorker.Catalog;
using KlosetWorker.Contract;
using KlosetWorker.Output;

namespace KlosetWorker.Restoring.GoogleLibrary;

/// <summary>What a plan is made from besides the items.</summary>
internal sealed record UploadRequest
{
    public required string SnapshotId { get; init; }

    public required CatalogQuery Query { get; init; }

    public Edition Edition { get; init; } = Edition.AsSeen;

    /// <summary>Titles, descriptions and covers, from the manifest.</summary>
    public IReadOnlyList<CatalogAlbum> Albums { get; init; } = [];

    /// <summary>What the source of the snapshot could not show, in its own words.</summary>
    public IReadOnlyList<string> CannotShow { get; init; } = [];

    /// <summary>Items that newer exports no longer have: gone from Google.</summary>
    public IReadOnlySet<string> Missing { get; init; } = new HashSet<string>();

    /// <summary>False when the target is known to be another account than the one that was backed up.</summary>
    public bool SameAccount { get; init; } = true;

    /// <summary>Leaves out what the account may hold still, as far as the snapshot knows: only what newer exports lack goes up.</summary>
    public bool OnlyMissing { get; init; }

    public long RequestsPerDay { get; init; } = LibraryLimits.RequestsPerDay;

    /// <summary>From this size on an upload costs two requests.</summary>
    public long ResumableFrom { get; init; } = UploadPlanner.ResumableFrom;
}

/// <summary>From the catalog to a plan, line by line. Pure.</summary>
internal sealed class UploadPlanner(UploadRequest request)
{
    public const long ResumableFrom = 64 << 20;

    /// <summary>Write requests of a person in a minute, as Google's refusals name it (`WritesPerMinutePerUser`).</summary>
    public const int WritesPerMinute = 30;

    private readonly Dictionary<string, PlannedItem> _items = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<(int? Order, string Key)>> _albums = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _covers = new(StringComparer.Ordinal);
    private readonly List<LeftOut> _leftOut = [];
    private readonly Tally _tally = new();

    public void Add(CatalogItem item)
    {
        if (!request.Query.Matches(item))
        {
            return;
        }

        if (item.Trashed == true)
        {
            _tally.Trashed++;
            return;
        }

        if (request.OnlyMissing && request.SameAccount && !request.Missing.Contains(item.Id))
        {
            _tally.Skipped++;
            return;
        }

        var uploaded = 0;
        foreach (var file in Chosen(item))
        {
            if (WhyNot(file, MimeOf(item, file)) is { } reason)
            {
                _leftOut.Add(new(file.Paths[0], reason));
                continue;
            }

            uploaded++;
            AddFile(item, file);
        }

        if (uploaded > 0)
        {
            Count(item);
        }
    }

    public UploadPlan Finish()
    {
        var items = _items.Values.OrderBy(item => item.Taken ?? DateTimeOffset.MaxValue).ThenBy(item => item.Key, StringComparer.Ordinal).ToArray();
        var albums = Albums(items);
        var cost = Cost(items, albums);
        return new()
        {
            Items = items,
            Albums = albums,
            LeftOut = _leftOut,
            Losses = [.. Losses()],
            LikelyDuplicates = request.SameAccount ? _tally.MayBeThere : 0,
            Cost = cost,
            Hash = Hash(items, albums),
        };
    }

    /// <summary>
    /// Which files of an item go up. The moving part of a live photo cannot be joined to its photo by any public interface, and would stand beside it as a
    /// film of three seconds: it goes up only where everything is asked for.
    /// </summary>
    private IEnumerable<CatalogFile> Chosen(CatalogItem item)
    {
        var edited = item.Files.Any(file => file.Role == "edited");
        foreach (var file in item.Files)
        {
            var take = (file.Role, request.Edition) switch
            {
                ("live" or "motion", Edition.Both) => true,
                ("live" or "motion", _) => false,
                ("original", Edition.AsSeen) => !edited,
                ("edited", Edition.Originals) => false,
                _ => true,
            };
            _tally.Live += file.Role is "live" or "motion" && !take ? 1 : 0;
            if (take)
            {
                yield return file;
            }
        }

        _tally.Edited += edited && request.Edition != Edition.Both ? 1 : 0;
    }

    private void AddFile(CatalogItem item, CatalogFile file)
    {
        var key = file.Sha1.ToLowerInvariant();
        if (_items.ContainsKey(key))
        {
            _tally.SameBytes++;
        }
        else
        {
            _items[key] = new PlannedItem
            {
                Key = key,
                Path = file.Paths[0],
                Size = file.Size,
                Mime = MimeOf(item, file),
                FileName = FileName(item, file),
                Description = Cut(item.Description, LibraryLimits.DescriptionLength, () => _tally.DescriptionsCut++),
                Taken = item.Taken,
                Zone = ZoneOf(item.Zone),
                Place = item.Place,
            };
        }

        foreach (var membership in item.Albums ?? [])
        {
            if (request.Query.Albums.Count > 0 && !request.Query.MatchesAlbum(membership.Folder))
            {
                continue;
            }

            if (!_albums.TryGetValue(membership.Folder, out var members))
            {
                _albums[membership.Folder] = members = [];
            }

            members.Add((membership.Order, key));
            var cover = request.Albums.FirstOrDefault(album => album.Folder == membership.Folder)?.Cover;
            if (cover is not null && (cover == item.Id || (item.Aliases ?? []).Contains(cover) || file.Paths.Any(path => path.EndsWith("/" + cover, StringComparison.Ordinal))))
            {
                _covers.TryAdd(membership.Folder, key);
            }
        }
    }

    private List<PlannedAlbum> Albums(PlannedItem[] items)
    {
        var place = items.Index().ToDictionary(pair => pair.Item.Key, pair => pair.Index, StringComparer.Ordinal);
        var albums = new List<PlannedAlbum>();
        foreach (var (folder, members) in _albums.OrderBy(album => album.Key, StringComparer.Ordinal))
        {
            var known = request.Albums.FirstOrDefault(album => album.Folder == folder);
            var ordered = members.OrderBy(member => member.Order ?? int.MaxValue).ThenBy(member => place[member.Key]).Select(member => member.Key).Distinct(StringComparer.Ordinal).ToArray();
            _tally.AlbumSurplus += Math.Max(0, ordered.Length - LibraryLimits.ItemsPerAlbum);
            var title = Cut(known?.Title is { Length: > 0 } given ? given : folder, LibraryLimits.TitleLength, () => _tally.TextsCut++)!;
            var text = Cut(known?.Description, LibraryLimits.DescriptionLength, () => _tally.TextsCut++);
            albums.Add(new(folder, title, text, ordered.Length > LibraryLimits.ItemsPerAlbum ? ordered[..LibraryLimits.ItemsPerAlbum] : ordered, _covers.GetValueOrDefault(folder)));
        }

        return albums;
    }

    private UploadCost Cost(PlannedItem[] items, List<PlannedAlbum> albums)
    {
        static long Parts(long count, long size) => (count + size - 1) / size;
        var writes = Parts(items.Length, LibraryLimits.Batch)
            + albums.Sum(album => 1 + (album.Text is null ? 0 : 1) + (album.Cover is null ? 0 : 1) + Parts(album.Items.Count, LibraryLimits.Batch));
        var uploads = items.Sum(item => item.Size < request.ResumableFrom ? 1L : 2L);
        var looks = 1 + Parts(items.Length, LibraryLimits.MediaItemsPage) + (albums.Count > 0 ? 1 : 0)
            + albums.Sum(album => Parts(album.Items.Count, LibraryLimits.MediaItemsPage));
        var requests = uploads + writes + looks;
        var days = Math.Max(Parts(requests, request.RequestsPerDay), Parts(writes, WritesPerMinute * 60L * 24));
        return new(requests, writes, items.Length == 0 ? 0 : (int)days);
    }

    private string Hash(PlannedItem[] items, List<PlannedAlbum> albums)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Append(params string?[] fields)
        {
            foreach (var field in fields)
            {
                hash.AppendData(Encoding.UTF8.GetBytes((field ?? "\u0001") + "\0"));
            }
        }

        Append("plan 1", request.SnapshotId, request.Edition.ToString());
        foreach (var item in items)
        {
            Append(item.Key, item.FileName, item.Description, item.Taken?.ToString("O", CultureInfo.InvariantCulture), item.Zone?.ToString(), item.Place?.ToString());
        }

        foreach (var album in albums)
        {
            Append([album.Folder, album.Title, album.Text, album.Cover, .. album.Items]);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }

    private void Count(CatalogItem item)
    {
        _tally.Uploaded++;
        _tally.People += item.People is { Count: > 0 } ? 1 : 0;
        _tally.Archived += item.Archived == true ? 1 : 0;
        _tally.Favourites += item.Favourite == true ? 1 : 0;
        _tally.MayBeThere += request.Missing.Contains(item.Id) ? 0 : 1;
    }

    private IEnumerable<string> Losses()
    {
        if (_tally.Skipped > 0)
        {
            yield return $"{Text.Count(_tally.Skipped, "item")} may be in the account still and are left out.";
        }

        if (_tally.Uploaded == 0)
        {
            yield break;
        }

        if (_leftOut.Count > 0)
        {
            yield return $"{Text.Count(_leftOut.Count, "file")} cannot be uploaded; the first: {_leftOut[0].Path} ({_leftOut[0].Reason}).";
        }

        if (request.SameAccount && _tally.MayBeThere > 0)
        {
            yield return $"{Text.Count(_tally.MayBeThere, "item")} may be in the account still: files that go up unchanged are recognised by Google, those that need a date or place written would stand there twice.";
        }

        (long Number, string Words)[] counted =
        [
            (_tally.People, "name people; Google's interface takes no names of faces."),
            (_tally.Archived, "were archived and will stand among the others."),
            (_tally.Favourites, "were favourites; the star cannot be given back."),
            (_tally.Edited, request.Edition == Edition.AsSeen ? "were edited: the edited version goes up, the original stays in the backup." : "were edited: the original goes up, the edited version stays in the backup."),
            (_tally.Live, "have a moving part that cannot be joined to its photo; it stays in the backup."),
            (_tally.Trashed, "were in the trash and are left out."),
            (_tally.SameBytes, "have the same bytes as another one; Google makes one item of both."),
            (_tally.DescriptionsCut, "have a description longer than 1,000 characters, which is cut."),
        ];
        foreach (var (number, words) in counted.Where(line => line.Number > 0))
        {
            yield return $"{Text.Count(number, "item")} {words}";
        }

        if (_tally.AlbumSurplus > 0)
        {
            yield return $"Albums hold at most {Text.Number(LibraryLimits.ItemsPerAlbum)} items in Google: {Text.Number(_tally.AlbumSurplus)} memberships are left out.";
        }

        if (_tally.TextsCut > 0)
        {
            yield return $"{Text.Count(_tally.TextsCut, "title or description of an album", "titles or descriptions of albums")} are too long and cut.";
        }

        if (_albums.Count > 0 && request.CannotShow.Any(what => what.Contains("order", StringComparison.Ordinal)))
        {
            yield return "The exports do not tell the order and the covers of albums: they are ordered by the time taken.";
        }

        yield return "Views, comments, likes and sharing cannot be given back; everything counts against the account's storage; nothing of it can be taken back by a program.";
    }

    private static string? WhyNot(CatalogFile file, string mime)
    {
        if (file.Size == 0)
        {
            return "it is empty";
        }

        var video = mime.StartsWith("video/", StringComparison.Ordinal);
        if (!video && !mime.StartsWith("image/", StringComparison.Ordinal))
        {
            return $"Google Photos takes no {mime}";
        }

        if (!AcceptedTypes.Accepts(Path.GetExtension(file.Paths[0]), mime))
        {
            return $"Google Photos takes no {mime} named {Path.GetExtension(file.Paths[0])}";
        }

        var limit = video ? LibraryLimits.VideoBytes : LibraryLimits.PhotoBytes;
        return file.Size > limit ? $"{Text.Bytes(file.Size)} are more than Google takes of a {(video ? "video" : "photo")}" : null;
    }

    private static string MimeOf(CatalogItem item, CatalogFile file) => file.Mime ?? (file.Role is "original" or "edited" ? item.Mime : null) ?? "application/octet-stream";

    /// <summary>The title that people know, with the extension of this very file; names of their own where both editions go up.</summary>
    private string FileName(CatalogItem item, CatalogFile file)
    {
        var own = file.Paths[0][(file.Paths[0].LastIndexOf('/') + 1)..];
        var keepsTitle = item.Title is { Length: > 0 } && (file.Role == "original" || (file.Role == "edited" && request.Edition == Edition.AsSeen));
        if (!keepsTitle)
        {
            own = own.Replace('/', '_');
            return Shorten(Path.GetFileNameWithoutExtension(own), Path.GetExtension(own));
        }

        var title = item.Title!.Replace('/', '_').Replace('\\', '_');
        var extension = Path.GetExtension(own);
        return string.Equals(Path.GetExtension(title), extension, StringComparison.OrdinalIgnoreCase)
            ? Shorten(Path.GetFileNameWithoutExtension(title), Path.GetExtension(title))
            : Shorten(AcceptedTypes.IsExtension(Path.GetExtension(title)) ? Path.GetFileNameWithoutExtension(title) : title, extension);
    }

    private static string Shorten(string stem, string extension)
    {
        var room = Math.Max(1, LibraryLimits.FileNameLength - extension.Length);
        return CutText(stem.Length == 0 ? "_" : stem, room) + extension;
    }

    private static string? Cut(string? text, int length, Action cut)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return null;
        }

        if (text.Length <= length)
        {
            return text;
        }

        cut();
        return CutText(text, length - 1) + "…";
    }

    private static string CutText(string text, int length) =>
        text.Length <= length ? text : text[..(char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)];

    private static TimeSpan? ZoneOf(string? zone) =>
        zone is { Length: 6 } && TimeSpan.TryParseExact(zone[1..], @"hh\:mm", CultureInfo.InvariantCulture, out var offset) ? (zone[0] == '-' ? -offset : offset) : null;

    private sealed class Tally
    {
        public long Uploaded { get; set; }

        public long People { get; set; }

        public long Archived { get; set; }

        public long Favourites { get; set; }

        public long Edited { get; set; }

        public long Live { get; set; }

        public long Trashed { get; set; }

        public long Skipped { get; set; }

        public long SameBytes { get; set; }

        public long DescriptionsCut { get; set; }

        public long TextsCut { get; set; }

        public long AlbumSurplus { get; set; }

        public long MayBeThere { get; set; }
    }
}
