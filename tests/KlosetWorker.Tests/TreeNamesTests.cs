using System.Text;
using KlosetWorker.Catalog;

namespace KlosetWorker.Tests;

public sealed class TreeNamesTests
{
    [Theory]
    [InlineData("IMG_0186.HEIC", "IMG_0186.HEIC", "original", "IMG_0186.HEIC")]
    [InlineData("27/06/12 - 2", "27_06_12 - 2.jpg", "original", "27_06_12 - 2.jpg")]
    [InlineData("IMG_0186.HEIC", "IMG_0186-edited.jpg", "edited", "IMG_0186-edited.jpg")]
    [InlineData("IMG_4573.HEIC", "IMG_4573.MP4", "live", "IMG_4573.MP4")]
    [InlineData("PXL_20230809.MP.jpg", "PXL_20230809.MP", "motion", "PXL_20230809.MP")]
    [InlineData("a very long title that was cut by the export because it is so long.jpg", "a very long title that was cut by the export b.jpg", "original", "a very long title that was cut by the export because it is so long.jpg")]
    [InlineData(null, "IMG_1(1).jpg", "original", "IMG_1(1).jpg")]
    [InlineData("Café.JPG", "Café.jpg", "original", "Café.JPG")]
    [InlineData("..", "x", "original", "_")]
    public void A_name_is_that_of_the_title_with_the_files_own_extension(string? title, string entry, string role, string expected) =>
        Assert.Equal(expected, TreeNames.OfMedia(title, entry, role));

    [Fact]
    public void A_long_name_is_cut_between_characters_and_leaves_room_for_its_sidecar()
    {
        var name = TreeNames.OfMedia(string.Concat(Enumerable.Repeat("\U0001F468‍\U0001F469‍\U0001F467", 40)) + ".jpg", "x.jpg", "original");

        Assert.EndsWith(".jpg", name, StringComparison.Ordinal);
        Assert.True(Encoding.UTF8.GetByteCount(TreeNames.SidecarOf(TreeNames.WithCounter(name, 99999))) <= TreeNames.MaxBytes);
        Assert.Equal(name, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(name)));
    }

    [Fact]
    public void A_counter_stands_before_the_extension() => Assert.Equal("IMG(2).jpg", TreeNames.WithCounter("IMG.jpg", 2));

    [Fact]
    public void Names_that_differ_in_case_or_composition_collide() => Assert.Equal(TreeNames.Fold("CAFÉ.jpg"), TreeNames.Fold("café.JPG"));
}
