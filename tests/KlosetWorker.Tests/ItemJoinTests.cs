using GooglePhotos.Takeout.Metadata;
using GooglePhotos.Takeout.Sidecars;
using Kloset.Snapshots;
using KlosetWorker.Catalog;
using KlosetWorker.Takeout;

namespace KlosetWorker.Tests;

public sealed class ItemJoinTests
{
    private static readonly DateTimeOffset September = new(2026, 9, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset November = new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly EntryPath Iceland = EntryPath.Parse("/Google Photos/Iceland");

    private readonly Names _names = new();

    private sealed class Names : IFolderNames
    {
        private readonly HashSet<string> _taken = [];
        private readonly Dictionary<string, StemUse> _stems = [];

        public bool IsTaken(EntryPath folder, string name) => _taken.Contains(folder + "/" + TreeNames.Fold(name));

        public StemUse UseOf(EntryPath folder, string stem) => _stems.GetValueOrDefault(folder + "/" + TreeNames.Fold(stem));

        public void Take(CatalogItem item)
        {
            foreach (var (path, _, _) in ItemJoin.Placements(item))
            {
                var place = EntryPath.Parse(path);
                _taken.Add(place.Parent + "/" + TreeNames.Fold(place.Name));
            }

            foreach (var (folder, stem, owned) in ItemNames.StemsOf(item))
            {
                _stems[folder + "/" + TreeNames.Fold(stem)] = owned ? StemUse.Owned : StemUse.Shared;
            }
        }
    }

    private static StoredContent Content(string name) => new("sha256-" + name, "sha1", "00000001", 10, "object-" + name, "image/jpeg", null);

    private static IncomingItem Item(string sidecarBytes, DateTimeOffset from, long taken = 1686305987, string title = "IMG_1.jpg", string? url = "https://photos/1", string? description = null) => new(
        new Sidecar { Title = title, Url = url, TakenSeconds = taken, Description = description }, Content(sidecarBytes), "exact", from, Trashed: false, Year: null);

    private static IncomingFile File(string content, string role = "original", EntryPath? folder = null, string? album = null, string name = "IMG_1.jpg", string? sidecar = null) =>
        new(role, name, folder, album, Content(content), sidecar is null ? null : Content(sidecar));

    private CatalogItem Join(CatalogItem? known, IncomingItem item, IncomingFile file)
    {
        var joined = ItemJoin.Join(known, item, file, _names);
        _names.Take(joined);
        return joined;
    }

    [Fact]
    public void An_item_that_is_shown_again_as_it_was_stays_the_very_same()
    {
        var first = Join(null, Item("s", September), File("a", sidecar: "s"));

        Assert.Same(first, Join(first, Item("s", November), File("a", sidecar: "s")));
        Assert.NotSame(first, Join(first, Item("s", November), File("a", folder: Iceland, album: "Iceland", sidecar: "s")));
    }

    [Fact]
    public void However_many_copies_of_one_content_there_are_its_line_in_the_catalog_stays_short()
    {
        IncomingItem Nameless() => new(null, null, "none", September, Trashed: false, Year: 2023);
        var item = Join(null, Nameless(), File("a", name: "0.jpg"));
        for (var copy = 1; copy <= 300; copy++)
        {
            item = Join(item, Nameless(), File("a", name: $"{copy}.jpg"));
        }

        Assert.Single(item.Files);
        Assert.Equal(100, item.Files[0].EntryNames!.Count);
        Assert.Same(item, Join(item, Nameless(), File("a", name: "301.jpg")));
    }

    [Fact]
    public void A_new_item_lies_in_the_folder_of_its_year_with_its_sidecar_beside_it()
    {
        var item = Join(null, Item("s", September), File("a", sidecar: "s"));

        Assert.Equal("url:https://photos/1", item.Id);
        Assert.Equal(
            ["/Google Photos/Photos from 2023/IMG_1.jpg", "/Google Photos/Photos from 2023/IMG_1.jpg.supplemental-metadata.json"],
            ItemJoin.Placements(item).Select(place => place.Path));
    }

    [Fact]
    public void The_same_photo_in_an_album_is_the_same_object_at_a_second_place()
    {
        var item = Join(null, Item("s", September), File("a", sidecar: "s"));

        item = Join(item, Item("s", September), File("a", folder: Iceland, album: "Iceland", sidecar: "s"));

        Assert.Equal(["/Google Photos/Photos from 2023/IMG_1.jpg", "/Google Photos/Iceland/IMG_1.jpg"], Assert.Single(item.Files).Paths);
        Assert.Equal(2, Assert.Single(item.Sidecars!).Paths.Count);
        Assert.Equal("Iceland", Assert.Single(item.Albums!).Folder);
        Assert.Equal(1, item.Revision);
    }

    [Fact]
    public void An_unchanged_item_stays_the_very_same()
    {
        var item = Join(null, Item("s", September), File("a", sidecar: "s"));

        Assert.Equal(
            System.Text.Json.JsonSerializer.Serialize(item, CatalogJson.Readable.CatalogItem),
            System.Text.Json.JsonSerializer.Serialize(Join(item, Item("s", November), File("a", sidecar: "s")), CatalogJson.Readable.CatalogItem));
    }

    [Fact]
    public void Newer_metadata_is_a_revision_and_older_metadata_is_not()
    {
        var item = Join(null, Item("s1", September), File("a", sidecar: "s1"));

        var revised = Join(item, Item("s2", November, description: "Geysir"), File("a", sidecar: "s2"));
        var late = Join(revised, Item("s0", September.AddDays(-60), description: "old"), File("a", sidecar: "s0"));

        Assert.Equal((2, "Geysir"), (revised.Revision, revised.Description));
        Assert.Equal("sha256-s2", Assert.Single(revised.Sidecars!).Sha256);
        Assert.Equal((2, "Geysir"), (late.Revision, late.Description));
    }

    [Fact]
    public void A_new_date_moves_file_and_sidecar_to_the_other_year()
    {
        var item = Join(null, Item("s1", September), File("a", sidecar: "s1"));

        var moved = Join(item, Item("s2", November, taken: 1577836800), File("a", sidecar: "s2"));

        Assert.Equal(
            ["/Google Photos/Photos from 2020/IMG_1.jpg", "/Google Photos/Photos from 2020/IMG_1.jpg.supplemental-metadata.json"],
            ItemJoin.Placements(moved).Select(place => place.Path));
    }

    [Fact]
    public void Two_items_of_one_name_get_counters_and_the_first_one_keeps_its_name()
    {
        var first = Join(null, Item("s1", September), File("a", sidecar: "s1"));
        var second = Join(null, Item("s2", September, url: "https://photos/2", title: "img_1.JPG"), File("b", sidecar: "s2"));
        var edited = Join(second, Item("s2", September, url: "https://photos/2", title: "img_1.JPG"), File("c", "edited", name: "IMG_1-edited(1).jpg"));

        Assert.Equal("/Google Photos/Photos from 2023/IMG_1.jpg", first.Files[0].Paths[0]);
        Assert.Equal("/Google Photos/Photos from 2023/img_1(1).JPG", second.Files[0].Paths[0]);
        Assert.Equal("/Google Photos/Photos from 2023/img_1(1)-edited.jpg", edited.Files[1].Paths[0]);
        Assert.Single(edited.Sidecars!);
    }

    [Fact]
    public void An_edited_version_that_comes_first_keeps_the_place_of_its_original_free()
    {
        IncomingItem Described(string url) => Item("s" + url, September, url: url) with { MainEntryName = "IMG_1.jpg", Family = [new("edited", "IMG_1-edited.jpg")] };
        var edited = Join(null, Described("https://photos/1"), File("e1", "edited", name: "IMG_1-edited.jpg"));
        var other = Join(null, Item("s9", September, url: "https://photos/9"), File("x", sidecar: "s9"));
        var second = Join(null, Described("https://photos/2"), File("e2", "edited", name: "IMG_1-edited(1).jpg"));
        var whole = Join(edited, Described("https://photos/1"), File("a", sidecar: "shttps://photos/1"));

        Assert.Equal(["/Google Photos/Photos from 2023/IMG_1-edited.jpg", "/Google Photos/Photos from 2023/IMG_1.jpg.supplemental-metadata.json"], ItemJoin.Placements(edited).Select(place => place.Path));
        Assert.Equal("/Google Photos/Photos from 2023/IMG_1(1).jpg", other.Files[0].Paths[0]);
        Assert.Equal("/Google Photos/Photos from 2023/IMG_1(2)-edited.jpg", second.Files[0].Paths[0]);
        Assert.Equal(["/Google Photos/Photos from 2023/IMG_1.jpg", "/Google Photos/Photos from 2023/IMG_1-edited.jpg", "/Google Photos/Photos from 2023/IMG_1.jpg.supplemental-metadata.json"],
            ItemJoin.Placements(whole).Select(place => place.Path));
    }

    [Fact]
    public void A_picture_with_a_clip_shares_its_stem_with_no_other_picture()
    {
        var raw = Join(null, Item("s1", September, title: "IMG_2.DNG", url: "https://photos/1"), File("r", name: "IMG_2.DNG", sidecar: "s1"));
        var jpeg = Join(null, Item("s2", September, title: "IMG_2.jpg", url: "https://photos/2"), File("j", name: "IMG_2.jpg", sidecar: "s2"));
        var live = Join(null, Item("s3", September, title: "IMG_2.HEIC", url: "https://photos/3") with { MainEntryName = "IMG_2.HEIC", Family = [new("live", "IMG_2.MP4")] },
            File("l", "live", name: "IMG_2.MP4"));
        var png = Join(null, Item("s4", September, title: "IMG_2(1).PNG", url: "https://photos/4"), File("p", name: "IMG_2(1).PNG", sidecar: "s4"));

        Assert.Equal("/Google Photos/Photos from 2023/IMG_2.DNG", raw.Files[0].Paths[0]);
        Assert.Equal("/Google Photos/Photos from 2023/IMG_2.jpg", jpeg.Files[0].Paths[0]);
        Assert.Equal("/Google Photos/Photos from 2023/IMG_2(1).MP4", live.Files[0].Paths[0]);
        Assert.Equal("/Google Photos/Photos from 2023/IMG_2(1)(1).PNG", png.Files[0].Paths[0]);
    }

    [Fact]
    public void A_new_date_moves_all_files_of_an_item_under_one_name()
    {
        Join(null, Item("s9", September, taken: 1577836800, url: "https://photos/9"), File("x", sidecar: "s9"));
        var item = Join(null, Item("s1", September), File("a", sidecar: "s1"));
        item = Join(item, Item("s1", September), File("e", "edited", name: "IMG_1-edited.jpg"));

        var moved = Join(item, Item("s2", November, taken: 1577836800), File("a", sidecar: "s2"));

        Assert.Equal(
            ["/Google Photos/Photos from 2020/IMG_1(1).jpg", "/Google Photos/Photos from 2020/IMG_1(1)-edited.jpg", "/Google Photos/Photos from 2020/IMG_1(1).jpg.supplemental-metadata.json"],
            ItemJoin.Placements(moved).Select(place => place.Path));
    }

    [Fact]
    public void An_edit_made_anew_takes_the_place_of_the_old_edit_and_other_original_bytes_are_kept_beside()
    {
        var item = Join(null, Item("s", September), File("a", sidecar: "s"));
        item = Join(item, Item("s", September), File("e1", "edited", name: "IMG_1-edited.jpg"));

        var again = Join(item, Item("s", November), File("e2", "edited", name: "IMG_1-edited.jpg"));
        var other = Join(again, Item("s", November), File("b"));

        Assert.Equal(["sha256-a", "sha256-e2"], again.Files.Select(file => file.Sha256));
        Assert.Equal(["sha256-a", "sha256-b", "sha256-e2"], other.Files.Select(file => file.Sha256));
        Assert.Equal("/Google Photos/Photos from 2023/IMG_1(1).jpg", other.Files[1].Paths[0]);
    }

    [Fact]
    public void What_the_file_says_of_itself_is_kept_with_the_zone_that_follows_from_it()
    {
        var facts = new MediaMetadata { CameraMake = "Apple", CameraModel = "iPhone 13", Width = 4032, Height = 3024, TakenLocal = new DateTime(2023, 6, 9, 12, 19, 47) };
        var file = File("a", sidecar: "s");

        var item = Join(null, Item("s", September), file with { Content = file.Content with { Facts = facts } });

        Assert.Equal(("Apple iPhone 13", 4032, 3024, "+02:00"), (item.Camera, item.Width, item.Height, item.Zone));
    }

    [Fact]
    public void A_picked_copy_makes_room_for_the_file_of_the_export()
    {
        var picked = Join(null, Item("s", September, url: null), File("small")) with { Id = "pick:1", Sidecars = null, Width = 4032, Height = 3024 };

        var whole = Join(picked, Item("s", November), File("whole", sidecar: "s"));

        Assert.True(ItemJoin.HasPixels(picked, new MediaMetadata { Width = 3024, Height = 4032 }));
        Assert.False(ItemJoin.HasPixels(picked, new MediaMetadata { Width = 1024, Height = 768 }));
        Assert.Equal(("url:https://photos/1", "sha256-whole"), (whole.Id, Assert.Single(whole.Files).Sha256));
        Assert.Equal(["pick:1"], whole.Aliases);
        Assert.Equal("/Google Photos/Photos from 2023/IMG_1.jpg", whole.Files[0].Paths[0]);
    }

    [Fact]
    public void A_provisional_identity_becomes_an_alias()
    {
        var item = Join(null, Item("s", September, url: null), File("a"));
        Assert.Equal("sha256:sha256-a", item.Id);

        var known = Join(item, Item("s2", November), File("a", sidecar: "s2"));

        Assert.Equal("url:https://photos/1", known.Id);
        Assert.Equal(["sha256:sha256-a"], known.Aliases);
    }

    [Fact]
    public void An_item_without_any_time_lies_in_its_own_folder()
    {
        var item = Join(null, new(null, null, "none", September, false, null), File("a", folder: EntryPath.Parse("/Google Photos/Archive"), name: "x.gif"));

        Assert.Equal("/Google Photos/Archive/x.gif", item.Files[0].Paths[0]);
        Assert.Null(item.Sidecars);
    }
}
