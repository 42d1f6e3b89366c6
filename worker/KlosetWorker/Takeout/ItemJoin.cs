using System.Globalization;
using GooglePhotos.Takeout.Metadata;
using GooglePhotos.Takeout.Sidecars;
using Kloset.Snapshots;
using KlosetWorker.Catalog;

namespace KlosetWorker.Takeout;

/// <summary>What an export says of an item as a whole.</summary>
/// <param name="From">Time of the export.</param>
/// <param name="MainSidecar">The bytes of <paramref name="Sidecar"/>.</param>
/// <param name="Year">Of the year folder, when no time is known.</param>
internal sealed record IncomingItem(Sidecar? Sidecar, StoredContent? MainSidecar, string Rank, DateTimeOffset From, bool Trashed, int? Year)
{
    /// <summary>Name of the main file in the archive; null when only others of its files are there.</summary>
    public string? MainEntryName { get; init; }

    /// <summary>The item's other files in this export, which need names beside the main one.</summary>
    public IReadOnlyList<ItemRelative> Family { get; init; } = [];
}

/// <summary>One copy of one file of the item, where the export shows it.</summary>
/// <param name="Folder">The folder of the tree that it belongs into; null for the folder of its year.</param>
/// <param name="Album">Set when that folder is an album's.</param>
/// <param name="Sidecar">The sidecar that lies beside this very copy.</param>
internal sealed record IncomingFile(string Role, string EntryName, EntryPath? Folder, string? Album, StoredContent Content, StoredContent? Sidecar);

/// <summary>
/// Joins what an export shows into what the library holds. Pure: from an item and an incoming file to the next item. Nothing is ever
/// removed; newer metadata is a new revision of the same item, and an item keeps the name under which it was first seen.
/// </summary>
internal static class ItemJoin
{
    /// <summary>Names of one content in archives that are kept: they save reading it again, and who has more copies may read some.</summary>
    private const int MostEntryNames = 100;

    /// <returns>The very item that was known when nothing of it changes.</returns>
    public static CatalogItem Join(CatalogItem? known, IncomingItem item, IncomingFile file, IFolderNames names)
    {
        var joined = known is null ? Begin(item, file) : Revise(known, item, names);
        joined = AddFile(joined, item, file, names);
        if (file.Album is { } album && !(joined.Albums ?? []).Any(membership => membership.Folder == album))
        {
            joined = joined with { Albums = [.. joined.Albums ?? [], new(album)] };
        }

        joined = AddFacts(Identify(joined, item, file), file);
        var mime = joined.Files.FirstOrDefault(held => held.Role == CatalogRoles.Original)?.Mime ?? joined.Files[0].Mime;
        joined = joined.Mime == mime ? joined : joined with { Mime = mime };
        return joined == known ? known : joined; // lists are compared as references, and stay the same where nothing is added
    }

    /// <summary>A sidecar in an album whose file lies elsewhere: the item becomes a member, and its main file is shown there, too.</summary>
    public static CatalogItem JoinAlbum(CatalogItem known, IncomingItem item, EntryPath folder, string album, IFolderNames names)
    {
        var main = known.Files.FirstOrDefault(held => held.Role == CatalogRoles.Original) ?? known.Files[0];
        return Join(known, item, new(main.Role, EntryPath.Parse(main.Paths[0]).Name, folder, album, StoredContent.Of(main), item.MainSidecar), names);
    }

    /// <summary>Newer metadata of a known item without any file.</summary>
    public static CatalogItem Revise(CatalogItem known, IncomingItem item, IFolderNames names)
    {
        var held = known.Sidecars is { Count: > 0 } sidecars ? sidecars[0] : null;
        if (item.MainSidecar is not { } main || item.Sidecar is not { } facts || held?.Sha256 == main.Sha256
            || (held is not null && known.MetadataFrom >= item.From))
        {
            return known;
        }

        var revised = Describe(known, item, facts) with
        {
            Revision = held is null ? known.Revision : known.Revision + 1,
            Sidecars = held is null
                ? known.Sidecars
                : [new() { Paths = held.Paths, Size = main.Size, Sha256 = main.Sha256, Object = main.Object }, .. known.Sidecars!.Skip(1)],
        };
        return YearOf(known, null) == YearOf(revised, null) || revised.Taken is null ? revised : Move(known, revised, names);
    }

    /// <summary>Takes in what another item was that turned out to be this one: its identities and its albums.</summary>
    /// <param name="file">The copy of this item that was just joined.</param>
    public static CatalogItem Absorb(CatalogItem into, CatalogItem part, IncomingItem item, IncomingFile file, IFolderNames names)
    {
        foreach (var membership in part.Albums ?? [])
        {
            if (!(into.Albums ?? []).Any(held => held.Folder == membership.Folder))
            {
                into = Join(into, item, file with { Folder = CatalogPaths.Photos.Append(membership.Folder), Album = membership.Folder, Sidecar = null }, names);
            }
        }

        return into with { Aliases = [.. (into.Aliases ?? []).Union([part.Id, .. part.Aliases ?? []], StringComparer.Ordinal)] };
    }

    /// <summary>Where the item's bytes lie in the tree: path, object, and time of the file.</summary>
    public static IEnumerable<(string Path, string Object, DateTimeOffset? Time)> Placements(CatalogItem? item) => item is null
        ? []
        : item.Files.SelectMany(file => file.Paths.Select(path => (path, file.Object, item.Taken)))
            .Concat((item.Sidecars ?? []).SelectMany(sidecar => sidecar.Paths.Select(path => (path, sidecar.Object, item.Taken))));

    /// <summary>
    /// Known by a copy that another door handed out: without place, re-encoded, nobody's original. It makes room when the export has it.
    /// </summary>
    public static bool IsProvisional(CatalogItem item) => item.Id.StartsWith("pick:", StringComparison.Ordinal) || item.Id.StartsWith("lib:", StringComparison.Ordinal);

    /// <summary>Whether a provisional item can be this picture: the same pixels, as far as both tell them.</summary>
    public static bool HasPixels(CatalogItem item, MediaMetadata? facts) => HasPixels(item, facts?.Width, facts?.Height);

    /// <summary>Likewise; a picture may lie on its side.</summary>
    public static bool HasPixels(CatalogItem item, int? ownWidth, int? ownHeight) => item.Width is not { } width || item.Height is not { } height
        || ownWidth is null || ownHeight is null || (width, height) == (ownWidth, ownHeight) || (width, height) == (ownHeight, ownWidth);

    public static EntryPath YearFolder(int? year) => CatalogPaths.Photos.Append(
        year is { } known ? string.Create(CultureInfo.InvariantCulture, $"Photos from {known:0000}") : "Undated");

    private static CatalogItem Begin(IncomingItem item, IncomingFile file)
    {
        var begun = new CatalogItem { Id = Identity(item, file), Rank = item.Rank, Files = [] };
        return item.Sidecar is { } facts ? Describe(begun, item, facts) : begun with { Trashed = item.Trashed ? true : null };
    }

    private static CatalogItem Describe(CatalogItem known, IncomingItem item, Sidecar facts) => known with
    {
        Taken = facts.TakenAt ?? known.Taken,
        TakenFrom = facts.TakenAt is not null ? "sidecar" : known.TakenFrom,
        Created = facts.CreatedAt ?? known.Created,
        Title = facts.Title,
        Description = string.IsNullOrEmpty(facts.Description) ? null : facts.Description,
        Place = PlaceOf(facts.Place),
        PlaceOfFile = PlaceOf(facts.PlaceInFile),
        People = facts.People.Count > 0 ? facts.People : null,
        Favourite = facts.Favorited ? true : null,
        Archived = facts.Archived ? true : null,
        Trashed = item.Trashed || facts.Trashed ? true : null,
        Origin = facts.Origin,
        Rank = item.Rank,
        MetadataFrom = item.From,
    };

    private static CatalogPlace? PlaceOf(Place? place) => place is null ? null : new(place.Latitude, place.Longitude, place.Altitude);

    private static string Identity(IncomingItem item, IncomingFile file) =>
        item.Sidecar?.Url is { Length: > 0 } url ? "url:" + url : "sha256:" + file.Content.Sha256;

    /// <summary>A better identity takes the place of a provisional one, which stays as an alias.</summary>
    private static CatalogItem Identify(CatalogItem joined, IncomingItem item, IncomingFile file)
    {
        var identity = Identity(item, file);
        if (joined.Id == identity || (joined.Aliases ?? []).Contains(identity, StringComparer.Ordinal) || identity.StartsWith("sha256:", StringComparison.Ordinal))
        {
            return joined;
        }

        return joined with { Id = identity, Aliases = [.. joined.Aliases ?? [], joined.Id] };
    }

    /// <summary>What the main file says of itself, where nothing better is known.</summary>
    private static CatalogItem AddFacts(CatalogItem joined, IncomingFile file)
    {
        if (file.Content.Facts is not { } facts || file.Role != CatalogRoles.Original)
        {
            return joined;
        }

        var camera = string.Join(' ', new[] { facts.CameraMake, facts.CameraModel }.Where(name => !string.IsNullOrWhiteSpace(name)));
        return joined with
        {
            Camera = joined.Camera ?? (camera.Length > 0 ? camera : null),
            Width = joined.Width ?? facts.Width,
            Height = joined.Height ?? facts.Height,
            DurationSeconds = joined.DurationSeconds ?? facts.Duration?.TotalSeconds,
            Zone = joined.Zone ?? (TimeZoneRule.Derive(joined.Taken, facts) is { } offset ? ZoneText(offset) : null),
            PlaceOfFile = joined.PlaceOfFile ?? PlaceOf(facts.Place),
        };
    }

    private static string ZoneText(TimeSpan offset) =>
        (offset < TimeSpan.Zero ? "-" : "+") + offset.Duration().ToString(@"hh\:mm", CultureInfo.InvariantCulture);

    private static int? YearOf(CatalogItem item, int? yearFolder) => item.Taken?.UtcDateTime.Year ?? yearFolder;

    private static CatalogItem AddFile(CatalogItem joined, IncomingItem item, IncomingFile file, IFolderNames names)
    {
        var folder = file.Folder ?? YearFolder(YearOf(joined, item.Year));
        var prefix = folder + "/";
        var files = joined.Files.ToList();
        var index = files.FindIndex(held => held.Sha256 == file.Content.Sha256 && held.Role == file.Role);
        var main = ItemNames.MainIn(joined, folder) ?? ChooseMain(joined, item, file, folder, names);
        var changes = true;
        if (index >= 0)
        {
            var held = files[index];
            if (!held.Paths.Any(place => place.StartsWith(prefix, StringComparison.Ordinal)))
            {
                var path = prefix + NameOf(joined, file, folder, main, names);
                files[index] = held with { Paths = file.Folder is null ? [path, .. held.Paths] : [.. held.Paths, path] };
            }

            // The archive's own name is only worth keeping where it is not one of ours already.
            held = files[index];
            if (!held.Paths.Any(place => EntryPath.Parse(place).Name == file.EntryName) && !(held.EntryNames ?? []).Contains(file.EntryName, StringComparer.Ordinal)
                && held.EntryNames is not { Count: >= MostEntryNames })
            {
                files[index] = held with { EntryNames = [.. held.EntryNames ?? [], file.EntryName] };
            }

            changes = !ReferenceEquals(files[index], joined.Files[index]);
        }
        else
        {
            var replaced = file.Role == CatalogRoles.Edited || (file.Role == CatalogRoles.Original && IsProvisional(joined))
                ? files.FindIndex(held => held.Role == file.Role && held.Paths.Any(place => place.StartsWith(prefix, StringComparison.Ordinal)))
                : -1;
            if (replaced >= 0)
            {
                // Edited again, or the real thing at last: it takes the old one's places; the old bytes stay in the older snapshots.
                files[replaced] = New(file, files[replaced].Paths);
                joined = joined with { Revision = joined.Revision + 1 };
            }
            else
            {
                files.Add(New(file, [prefix + NameOf(joined, file, folder, main, names)]));
                files.Sort((left, right) => Rank(left.Role).CompareTo(Rank(right.Role)));
            }
        }

        joined = changes ? joined with { Files = files } : joined;
        return (file.Sidecar ?? item.MainSidecar) is { } sidecar ? AddSidecar(joined, sidecar, prefix + main + TreeNames.SidecarSuffix) : joined;
    }

    /// <summary>The first file of the item in this folder, whichever it is, decides the name of the main file.</summary>
    private static string ChooseMain(CatalogItem joined, IncomingItem item, IncomingFile file, EntryPath folder, IFolderNames names)
    {
        var elsewhere = joined.Files.Count > 0 ? ItemNames.MainIn(joined, EntryPath.Parse(joined.Files[0].Paths[0]).Parent) : null;
        var entryName = file.Role == CatalogRoles.Original ? file.EntryName : item.MainEntryName ?? joined.Title ?? file.EntryName;
        var family = item.Family.Union(joined.Files.Where(held => held.Role != CatalogRoles.Original)
            .Select(held => new ItemRelative(held.Role, EntryPath.Parse(held.Paths[0]).Name))).ToArray();
        var isLonely = joined.Sidecars is null && item.MainSidecar is null && file.Sidecar is null && ItemNames.IsClip(file.EntryName);
        return ItemNames.Choose(folder, elsewhere, TreeNames.OfMedia(joined.Title, entryName, CatalogRoles.Original), family, isLonely, names);
    }

    private static CatalogItem AddSidecar(CatalogItem joined, StoredContent sidecar, string path)
    {
        var sidecars = (joined.Sidecars ?? []).ToList();
        if (sidecars.Exists(held => held.Paths.Contains(path, StringComparer.Ordinal)))
        {
            return joined;
        }

        var index = sidecars.FindIndex(held => held.Sha256 == sidecar.Sha256);
        if (index >= 0)
        {
            sidecars[index] = sidecars[index] with { Paths = [.. sidecars[index].Paths, path] };
        }
        else
        {
            sidecars.Add(new() { Paths = [path], Size = sidecar.Size, Sha256 = sidecar.Sha256, Object = sidecar.Object });
        }

        return joined with { Sidecars = sidecars };
    }

    private static CatalogFile New(IncomingFile file, IReadOnlyList<string> paths) => new()
    {
        Role = file.Role,
        Paths = paths,
        Size = file.Content.Size,
        Sha256 = file.Content.Sha256,
        Sha1 = file.Content.Sha1,
        Crc32 = file.Content.Crc32,
        Object = file.Content.Object,
        Mime = file.Content.Mime,
        EntryNames = paths.Any(path => EntryPath.Parse(path).Name == file.EntryName) ? null : [file.EntryName],
    };

    /// <summary>Files of one item share the stem, counter included, so that they find one another again by name.</summary>
    private static string NameOf(CatalogItem joined, IncomingFile file, EntryPath folder, string main, IFolderNames names)
    {
        if (file.Role == CatalogRoles.Original)
        {
            // The same item with other bytes in the same folder: both are kept.
            var isThere = joined.Files.Any(held => held.Role == CatalogRoles.Original && held.Paths.Contains(folder + "/" + main, StringComparer.Ordinal));
            return isThere ? ItemNames.Free(folder, main, names) : main;
        }

        return ItemNames.Free(folder, TreeNames.OfMedia(main, file.EntryName, file.Role), names);
    }

    /// <summary>The photo was given another date: what lay in the old year's folder lies in the new one's.</summary>
    private static CatalogItem Move(CatalogItem before, CatalogItem after, IFolderNames names)
    {
        var old = YearFolder(YearOf(before, null));
        if (ItemNames.MainIn(after, old) is not { } oldMain)
        {
            return after;
        }

        var (from, folder) = (old + "/", YearFolder(YearOf(after, null)));
        var family = after.Files.Where(file => file.Role != CatalogRoles.Original)
            .Select(file => new ItemRelative(file.Role, EntryPath.Parse(file.Paths[0]).Name)).ToArray();
        var main = ItemNames.Choose(folder, oldMain, TreeNames.OfMedia(after.Title, oldMain, CatalogRoles.Original), family, isLonely: false, names);
        var used = new HashSet<string>(StringComparer.Ordinal);
        string MoveOne(string path, string role)
        {
            if (!path.StartsWith(from, StringComparison.Ordinal))
            {
                return path;
            }

            var name = path[from.Length..];
            var wanted = role == CatalogRoles.Original ? (name == oldMain ? main : name) : TreeNames.OfMedia(main, name, role);
            var free = ItemNames.Free(folder, wanted, names);
            for (var counter = 1; !used.Add(free); counter++)
            {
                free = ItemNames.Free(folder, TreeNames.WithCounter(wanted, counter), names);
            }

            return folder + "/" + free;
        }

        var files = after.Files.Select(file => file with { Paths = [.. file.Paths.Select(path => MoveOne(path, file.Role))] }).ToArray();
        var sidecars = after.Sidecars?.Select(sidecar => sidecar with
        {
            Paths = [.. sidecar.Paths.Select(path => path == from + oldMain + TreeNames.SidecarSuffix ? folder + "/" + main + TreeNames.SidecarSuffix : path)],
        }).ToArray();
        return after with { Files = files, Sidecars = sidecars };
    }

    private static int Rank(string role) => role switch
    {
        CatalogRoles.Original => 0,
        CatalogRoles.Edited => 1,
        _ => 2,
    };
}
