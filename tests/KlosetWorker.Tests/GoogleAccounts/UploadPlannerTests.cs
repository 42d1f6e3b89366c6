using System.Globalization;
using GooglePhotos.Library;
using KlosetWorker.Catalog;
using KlosetWorker.Contract;
using KlosetWorker.Restoring.GoogleLibrary;

namespace KlosetWorker.Tests.GoogleAccounts;

public sealed class UploadPlannerTests
{
    private static readonly DateTimeOffset Noon = new(2023, 6, 9, 12, 0, 0, TimeSpan.Zero);

    private static string Hex(int number) => number.ToString("x40", CultureInfo.InvariantCulture);

    private static CatalogFile File(int number, string name, string role = "original", string mime = "image/jpeg", long size = 1_000) => new()
    {
        Role = role,
        Paths = [$"/Google Photos/Photos from 2023/{name}"],
        Size = size,
        Sha256 = Hex(number) + Hex(0)[..24],
        Sha1 = Hex(number).ToUpperInvariant(),
        Crc32 = "00000000",
        Object = "o",
        Mime = mime,
    };

    private static CatalogItem Item(int number, params CatalogFile[] files) => new()
    {
        Id = $"url:{number}",
        Rank = "exact",
        Taken = Noon.AddMinutes(number),
        Title = $"IMG_{number}.jpg",
        Files = files.Length > 0 ? files : [File(number, $"IMG_{number}.jpg")],
    };

    private static UploadRequest Request(Edition edition = Edition.AsSeen) => new() { SnapshotId = "s", Query = new(), Edition = edition };

    private static UploadPlan Plan(UploadRequest request, params CatalogItem[] items)
    {
        var planner = new UploadPlanner(request);
        foreach (var item in items)
        {
            planner.Add(item);
        }

        return planner.Finish();
    }

    [Fact]
    public void Items_go_up_in_the_order_in_which_they_were_taken_whatever_the_order_of_the_catalog_and_undated_ones_last()
    {
        var undated = Item(9) with { Taken = null };
        var plan = Plan(Request(), undated, Item(3), Item(1), Item(2));
        Assert.Equal([Hex(1), Hex(2), Hex(3), Hex(9)], plan.Items.Select(item => item.Key));
        Assert.Equal(plan.Hash, Plan(Request(), Item(1), Item(2), Item(3), undated).Hash);
    }

    [Theory]
    [InlineData(Edition.AsSeen, new[] { 2, 5 })]
    [InlineData(Edition.Originals, new[] { 1, 4 })]
    [InlineData(Edition.Both, new[] { 1, 2, 3, 4, 5 })]
    public void The_edition_decides_which_files_of_an_item_go_up(Edition edition, int[] expected)
    {
        var live = Item(1, File(1, "A.heic", mime: "image/heic"), File(2, "A-edited.jpg", "edited"), File(3, "A.mov", "live", "video/quicktime"));
        var raw = Item(4, File(4, "B.jpg"), File(5, "B-edited.jpg", "edited"));
        Assert.Equal(expected.Select(Hex).Order(), Plan(Request(edition), live, raw).Items.Select(item => item.Key).Order());
    }

    [Fact]
    public void Same_bytes_are_one_upload_and_stand_in_the_albums_of_both()
    {
        var one = Item(1) with { Albums = [new("A")] };
        var twin = Item(2, File(1, "copy.jpg")) with { Albums = [new("B")] };
        var plan = Plan(Request(), one, twin);
        Assert.Single(plan.Items);
        Assert.Equal([Hex(1)], plan.Albums.Single(album => album.Folder == "B").Items);
        Assert.Contains(plan.Losses, loss => loss.Contains("same bytes", StringComparison.Ordinal));
    }

    [Fact]
    public void Albums_keep_their_known_order_and_else_the_time_with_title_text_and_cover()
    {
        var request = Request() with
        {
            Albums =
            [
                new("Ordered", "Ordered / 2023", "A text", 3, Cover: "url:2"),
                new("ByTime", "By time", null, 2),
            ],
        };
        var plan = Plan(
            request,
            Item(1) with { Albums = [new("Ordered", 2), new("ByTime")] },
            Item(2) with { Albums = [new("Ordered", 0)] },
            Item(3) with { Albums = [new("Ordered", 1), new("ByTime")] });
        var ordered = plan.Albums.Single(album => album.Folder == "Ordered");
        Assert.Equal(("Ordered / 2023", "A text", Hex(2)), (ordered.Title, ordered.Text, ordered.Cover));
        Assert.Equal([Hex(2), Hex(3), Hex(1)], ordered.Items);
        Assert.Equal([Hex(1), Hex(3)], plan.Albums.Single(album => album.Folder == "ByTime").Items);
    }

    [Theory]
    [InlineData("IMG_1.HEIC", "IMG_1.jpg", "IMG_1.jpg")] // an edited HEIC is written as JPEG
    [InlineData("Scan 3", "Scan 3.jpg", "Scan 3.jpg")]
    [InlineData("What? A/B.jpg", "What_ A_B.jpg", "What? A_B.jpg")]
    [InlineData("IMG.JPG", "IMG.jpg", "IMG.JPG")]
    [InlineData("Dr. Who", "Dr. Who.jpg", "Dr. Who.jpg")]
    public void The_file_name_is_the_title_that_people_know_with_the_extension_of_the_bytes(string title, string entry, string expected) =>
        Assert.Equal(expected, Plan(Request(), Item(1, File(1, entry)) with { Title = title }).Items.Single().FileName);

    [Fact]
    public void Names_titles_and_descriptions_are_cut_to_what_Google_takes_between_characters()
    {
        var request = Request() with { Albums = [new("A", new string('t', 600), new string('d', 2_000), 1)] };
        var plan = Plan(request, Item(1) with { Title = string.Concat(Enumerable.Repeat("🌋", 200)) + ".jpg", Description = new string('x', 999) + "🌋🌋", Albums = [new("A")] });
        var item = plan.Items.Single();
        Assert.InRange(item.FileName.Length, 250, LibraryLimits.FileNameLength);
        Assert.EndsWith("🌋.jpg", item.FileName, StringComparison.Ordinal);
        Assert.Equal(LibraryLimits.DescriptionLength, item.Description!.Length);
        Assert.EndsWith("x…", item.Description, StringComparison.Ordinal);
        Assert.Equal((LibraryLimits.TitleLength, LibraryLimits.DescriptionLength), (plan.Albums[0].Title.Length, plan.Albums[0].Text!.Length));
        Assert.Contains(plan.Losses, loss => loss.Contains("longer than 1,000", StringComparison.Ordinal));
        Assert.Contains(plan.Losses, loss => loss.Contains("too long and cut", StringComparison.Ordinal));
    }

    [Fact]
    public void What_Google_does_not_take_is_left_out_by_name()
    {
        var plan = Plan(
            Request(),
            Item(1, File(1, "empty.jpg", size: 0)),
            Item(2, File(2, "page.pdf", mime: "application/pdf")),
            Item(3, File(3, "huge.jpg", size: LibraryLimits.PhotoBytes + 1)),
            Item(4, File(4, "long.mp4", mime: "video/mp4", size: LibraryLimits.VideoBytes)),
            Item(5, File(5, "longer.mp4", mime: "video/mp4", size: LibraryLimits.VideoBytes + 1)),
            Item(6) with { Trashed = true });
        Assert.Equal([Hex(4)], plan.Items.Select(item => item.Key));
        Assert.Equal(["empty.jpg", "huge.jpg", "longer.mp4", "page.pdf"], plan.LeftOut.Select(left => Path.GetFileName(left.Path)).Order());
        Assert.Contains(plan.Losses, loss => loss.StartsWith("4 files cannot be uploaded", StringComparison.Ordinal));
        Assert.Contains(plan.Losses, loss => loss.Contains("in the trash", StringComparison.Ordinal));
    }

    [Fact]
    public void What_Google_cannot_take_back_is_counted()
    {
        var plan = Plan(Request(), Item(1) with { People = ["Susan"], Archived = true }, Item(2) with { Favourite = true, People = ["Jón"] });
        Assert.Contains(plan.Losses, loss => loss.StartsWith("2 items name people", StringComparison.Ordinal));
        Assert.Contains(plan.Losses, loss => loss.StartsWith("1 item were archived", StringComparison.Ordinal) || loss.StartsWith("1 item was archived", StringComparison.Ordinal));
        Assert.Contains(plan.Losses, loss => loss.Contains("favourite", StringComparison.Ordinal));
        Assert.Contains(plan.Losses, loss => loss.Contains("Views, comments", StringComparison.Ordinal));
    }

    [Fact]
    public void Likely_duplicates_are_those_that_the_same_account_may_hold_still()
    {
        var request = Request() with { Missing = new HashSet<string> { "url:1" } };
        Assert.Equal(2, Plan(request, Item(1), Item(2), Item(3)).LikelyDuplicates);
        Assert.Equal(0, Plan(request with { SameAccount = false }, Item(1), Item(2), Item(3)).LikelyDuplicates);
    }

    [Fact]
    public void What_may_be_there_still_is_left_out_when_only_what_is_gone_is_asked_for_and_never_for_another_account()
    {
        var request = Request() with { OnlyMissing = true, Missing = new HashSet<string> { "url:2" } };
        var plan = Plan(request, Item(1), Item(2), Item(3));
        Assert.Equal([Hex(2)], plan.Items.Select(item => item.Key));
        Assert.Equal(0, plan.LikelyDuplicates);
        Assert.Contains(plan.Losses, loss => loss.StartsWith("2 items may be in the account still and are left out", StringComparison.Ordinal));
        Assert.NotEqual(plan.Hash, Plan(request with { OnlyMissing = false }, Item(1), Item(2), Item(3)).Hash);
        Assert.Equal(3, Plan(request with { SameAccount = false }, Item(1), Item(2), Item(3)).Items.Count);
    }

    [Theory]
    [InlineData(9_700, 10_000, 1)]
    [InlineData(9_900, 10_000, 2)]
    [InlineData(100_000, 10_000, 11)] // the reference's own arithmetic
    [InlineData(100, 60, 2)]
    public void The_days_follow_from_the_quota(int items, long perDay, int days)
    {
        var plan = Plan(Request() with { RequestsPerDay = perDay }, [.. Enumerable.Range(1, items).Select(number => Item(number))]);
        Assert.Equal(days, plan.Cost.Days);
        Assert.Equal(items + ((items + 49) / 50) + 1 + ((items + 99) / 100), plan.Cost.Requests);
    }

    [Fact]
    public void Large_films_cost_two_requests_and_albums_their_own()
    {
        var plan = Plan(
            Request() with { Albums = [new("A", "A", "text", 1, Cover: "url:1")] },
            Item(1, File(1, "film.mp4", mime: "video/mp4", size: UploadPlanner.ResumableFrom)) with { Albums = [new("A")] });
        Assert.Equal(2 + 1 + (1 + 1 + 1 + 1) + (1 + 1 + 1 + 1), plan.Cost.Requests);
        Assert.Equal(5, plan.Cost.Writes);
    }

    [Fact]
    public void The_hash_names_what_would_be_done_and_changes_with_all_of_it()
    {
        var plain = Plan(Request(), Item(1) with { Albums = [new("A")] }).Hash;
        string[] others =
        [
            Plan(Request() with { SnapshotId = "t" }, Item(1) with { Albums = [new("A")] }).Hash,
            Plan(Request(Edition.Both), Item(1) with { Albums = [new("A")] }).Hash,
            Plan(Request(), Item(2) with { Albums = [new("A")] }).Hash,
            Plan(Request(), Item(1) with { Albums = [new("A")], Description = "new" }).Hash,
            Plan(Request(), Item(1) with { Albums = [new("A")], Taken = Noon }).Hash,
            Plan(Request(), Item(1) with { Albums = [new("A")], Zone = "+02:00" }).Hash,
            Plan(Request(), Item(1) with { Albums = [new("A")], Place = new(1, 2) }).Hash,
            Plan(Request(), Item(1) with { Albums = [new("B")] }).Hash,
            Plan(Request() with { Albums = [new("A", "A", "text", 1)] }, Item(1) with { Albums = [new("A")] }).Hash,
            Plan(Request() with { Albums = [new("A", "A", null, 1, Cover: "url:1")] }, Item(1) with { Albums = [new("A")] }).Hash,
        ];
        Assert.Equal(others.Length + 1, others.Append(plain).Distinct(StringComparer.Ordinal).Count());
        Assert.All(others.Append(plain), hash => Assert.Equal(32, hash.Length));
    }
}
