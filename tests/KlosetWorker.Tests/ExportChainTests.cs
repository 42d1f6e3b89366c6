using KlosetWorker.Catalog;
using KlosetWorker.Takeout;

namespace KlosetWorker.Tests;

public sealed class ExportChainTests
{
    private static readonly DateTimeOffset Base = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static ManifestSet Set(string kind, int day, string completeness = "proven", int? oldestNew = null) => new()
    {
        Name = $"set-{day}",
        Time = Base.AddDays(day),
        Kind = kind,
        Completeness = completeness,
        OldestNewItem = oldestNew is { } days ? Base.AddDays(days) : null,
    };

    [Fact]
    public void Full_and_increments_without_a_hole_cover_through_the_newest()
    {
        var coverage = ExportChain.Follow([Set("full", 0), Set("increment", 60, oldestNew: 1), Set("increment", 121, "assumed", oldestNew: 62)]);

        Assert.Equal((Base.AddDays(121), 3), (coverage.CoveredThrough, coverage.Links));
        Assert.Empty(coverage.Gaps);
    }

    [Fact]
    public void A_lost_increment_is_a_hole_with_its_dates()
    {
        var coverage = ExportChain.Follow([Set("full", 0), Set("increment", 60, oldestNew: 1), Set("increment", 182, oldestNew: 122)]);

        Assert.Equal((Base.AddDays(60), 2), (coverage.CoveredThrough, coverage.Links));
        var gap = Assert.Single(coverage.Gaps);
        Assert.Equal(("export", "2026-03-02 to 2026-05-03"), (gap.Kind, gap.Name));
    }

    [Fact]
    public void A_later_full_export_heals_the_hole()
    {
        var coverage = ExportChain.Follow([Set("full", 0), Set("increment", 182, oldestNew: 122), Set("full", 200)]);

        Assert.Equal((Base.AddDays(200), 1), (coverage.CoveredThrough, coverage.Links));
        Assert.Empty(coverage.Gaps);
    }

    [Fact]
    public void A_late_increment_that_begins_right_after_the_last_one_is_no_hole() =>
        Assert.Empty(ExportChain.Follow([Set("full", 0), Set("increment", 100, oldestNew: 2)]).Gaps);

    [Fact]
    public void An_increment_without_a_base_covers_nothing()
    {
        var coverage = ExportChain.Follow([Set("increment", 60)]);

        Assert.Null(coverage.CoveredThrough);
        Assert.Equal("base", Assert.Single(coverage.Gaps).Kind);
    }

    [Theory]
    [InlineData("incomplete")]
    [InlineData("pending")]
    public void An_export_that_is_not_whole_does_not_move_the_cover(string completeness) =>
        Assert.Equal(Base, ExportChain.Follow([Set("full", 0), Set("increment", 60, completeness, 1)]).CoveredThrough);

    [Fact]
    public void A_selection_claims_nothing() => Assert.Null(ExportChain.Follow([Set("selection", 0)]).CoveredThrough);

    [Fact]
    public void The_hash_of_a_gap_does_not_depend_on_the_order()
    {
        ManifestGap one = new("part", "1", "x", "a");
        ManifestGap two = new("part", "2", "y", "a");

        Assert.Equal(ExportChain.Hash([one, two]), ExportChain.Hash([two, one]));
        Assert.NotEqual(ExportChain.Hash([one]), ExportChain.Hash([one, two]));
        Assert.Null(ExportChain.Hash([]));
    }
}
