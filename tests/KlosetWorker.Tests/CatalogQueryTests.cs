using KlosetWorker.Catalog;

namespace KlosetWorker.Tests;

public sealed class CatalogQueryTests
{
    private static readonly CatalogItem Item = new()
    {
        Id = "url:https://photos.google.com/photo/AF1Qip1",
        Taken = DateTimeOffset.Parse("2023-06-09T10:19:47Z", System.Globalization.CultureInfo.InvariantCulture),
        Title = "IMG_0186.HEIC",
        Description = "Geysir at noon",
        Place = new(64.31, -20.30),
        People = ["Susan", "Björk"],
        Favourite = true,
        Albums = [new("Iceland 2023")],
        Mime = "image/heic",
        Rank = "exact",
        Files =
        [
            new()
            {
                Role = "original",
                Paths = ["/Google Photos/Photos from 2023/IMG_0186.HEIC", "/Google Photos/Iceland 2023/IMG_0186.HEIC"],
                Size = 1,
                Sha256 = "",
                Sha1 = "",
                Crc32 = "",
                Object = "",
            },
        ],
    };

    private static DateTimeOffset? Time(string text, bool isEnd) => CatalogQuery.ParseTime(text, isEnd);

    [Fact]
    public void Every_criterion_must_hold() => Assert.Multiple(
        () => Assert.True(new CatalogQuery().Matches(Item)),
        () => Assert.True(new CatalogQuery { Albums = ["iceland*"], People = ["susan"], Favourite = true }.Matches(Item)),
        () => Assert.False(new CatalogQuery { Albums = ["iceland*"], People = ["Peter"] }.Matches(Item)),
        () => Assert.True(new CatalogQuery { People = ["Peter", "BJÖRK"] }.Matches(Item)),
        () => Assert.True(new CatalogQuery { Words = ["geysir", "0186"] }.Matches(Item)),
        () => Assert.False(new CatalogQuery { Words = ["geysir", "waterfall"] }.Matches(Item)),
        () => Assert.True(new CatalogQuery { Ids = ["https://photos.google.com/photo/AF1Qip1"] }.Matches(Item)),
        () => Assert.True(new CatalogQuery { Paths = ["/Google Photos/Photos from 2023"] }.Matches(Item)),
        () => Assert.False(new CatalogQuery { Paths = ["/Google Photos/Photos from 202"] }.Matches(Item)));

    [Theory]
    [InlineData("image", true)]
    [InlineData("photo", true)]
    [InlineData("image/heic", true)]
    [InlineData("image/*", true)]
    [InlineData("video", false)]
    public void A_type_is_a_class_or_a_MIME_type(string type, bool matches) =>
        Assert.Equal(matches, new CatalogQuery { MediaTypes = [type] }.Matches(Item));

    [Theory]
    [InlineData("2023", "2023", true)]
    [InlineData("2023-06-09", "2023-06-09", true)]
    [InlineData("2023-06-10", null, false)]
    [InlineData(null, "2023-05", false)]
    [InlineData(null, "2023-06", true)]
    public void A_year_month_or_day_counts_whole(string? from, string? to, bool matches) => Assert.Equal(
        matches,
        new CatalogQuery { TakenFrom = from is null ? null : Time(from, false), TakenTo = to is null ? null : Time(to, true) }.Matches(Item));

    [Theory]
    [InlineData(64.3, -20.3, 5_000, true)]
    [InlineData(64.1, -21.9, 50_000, false)]
    [InlineData(64.1, -21.9, 100_000, true)]
    public void A_radius_is_measured_on_the_globe(double latitude, double longitude, double radius, bool matches) => Assert.Equal(
        matches, new CatalogQuery { Place = new() { Latitude = latitude, Longitude = longitude, RadiusMeters = radius } }.Matches(Item));

    [Theory]
    [InlineData(60, -25, 67, -13, true)]
    [InlineData(60, 170, 67, -10, true)]
    [InlineData(60, 170, 67, -170, false)]
    public void A_box_may_cross_the_date_line(double south, double west, double north, double east, bool matches) => Assert.Equal(
        matches, new CatalogQuery { Place = new() { South = south, West = west, North = north, East = east } }.Matches(Item));
}
