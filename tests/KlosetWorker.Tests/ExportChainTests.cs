using CsCheck;
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
        Assert.Equal(("export", "2026-03-02 to 2026-05-02"), (gap.Kind, gap.Name));
    }

    [Fact]
    public void A_later_full_export_heals_the_hole()
    {
        var coverage = ExportChain.Follow([Set("full", 0), Set("increment", 182, oldestNew: 122), Set("full", 200)]);

        Assert.Equal((Base.AddDays(200), 1), (coverage.CoveredThrough, coverage.Links));
        Assert.Empty(coverage.Gaps);
    }

    [Fact]
    public void Items_of_a_lost_increment_that_come_again_edited_do_not_hide_it()
    {
        var coverage = ExportChain.Follow([Set("full", 0), Set("increment", 60, oldestNew: 1), Set("increment", 182, oldestNew: 61)]);

        Assert.Equal(Base.AddDays(60), coverage.CoveredThrough);
        Assert.Equal("export", Assert.Single(coverage.Gaps).Kind);
    }

    [Theory]
    [InlineData(60, 110, 180)]
    [InlineData(60, 118, 181)]
    [InlineData(60, 70, 181)]
    [InlineData(0, 40, 120)]
    public void A_full_export_by_hand_does_not_hide_that_the_schedules_next_one_was_lost(int scheduled, int byHand, int next) =>
        Assert.Equal("export", Assert.Single(ExportChain.Follow(
            [Set("full", 0), .. scheduled > 0 ? [Set("increment", scheduled)] : Array.Empty<ManifestSet>(), Set("full", byHand), Set("increment", next)]).Gaps).Kind);

    [Theory]
    [InlineData(3, 63, 124)]
    [InlineData(30, 91, 150)]
    [InlineData(60, 120, 181)]
    public void A_schedule_set_up_after_a_full_export_by_hand_is_no_hole(int start, int first, int second) =>
        Assert.Empty(ExportChain.Follow([Set("full", 0), Set("full", start), Set("increment", first), Set("increment", second)]).Gaps);

    /// <summary>Years of Google's schedule with exports off their day by up to three days: renewed in time, and full exports by hand between.</summary>
    [Fact]
    public void What_is_called_covered_lacks_no_export_and_what_lacks_none_is_covered() =>
        (from day in Gen.Int[0, 365]
         from drifts in Gen.Int[-3, 3].Array[12]
         from renewedAfter in Gen.Int[350, 385]
         from lost in Gen.Int[-8, 11].Array[3]
         from byHand in Gen.Int[-400, 700].Array[2]
         select (day, drifts, renewedAfter, lost, byHand)).Sample(
            year =>
            {
                var start = Base.AddDays(year.day);
                var google = year.drifts.Select((drift, index) => (
                    Time: (index < 6 ? start : start.AddDays(year.renewedAfter)).AddMonths(index % 6 * 2).AddDays(index % 6 == 0 ? 0 : drift).AddHours(index),
                    Kind: index % 6 == 0 ? "full" : "increment",
                    Held: index == 0 || !year.lost.Contains(index) || (index == 6 && year.byHand.Any(made => made > 0)))).ToList();
                foreach (var made in year.byHand.Where(made => made > 0).Select(made => start.AddDays(made).AddMinutes(30)))
                {
                    // Where nothing of a schedule is held but what a person did right before, no calendar tells the two apart.
                    var renewed = start.AddDays(year.renewedAfter);
                    if (new[] { start.AddMonths(2), renewed, renewed.AddMonths(2) }.All(first => (made - first).Duration() > TimeSpan.FromDays(18)))
                    {
                        google.Add((made, "full", true));
                    }
                }

                google.Sort((left, right) => left.Time.CompareTo(right.Time));
                var coverage = ExportChain.Follow(google.Where(export => export.Held).Select((export, index) => new ManifestSet
                {
                    Name = $"set-{index}",
                    Time = export.Time,
                    Kind = export.Kind,
                    Completeness = "proven",
                    OldestNewItem = export.Time.AddDays(-60),
                }));
                var unbroken = google.FindLastIndex(export => export is { Held: true, Kind: "full" });
                while (unbroken + 1 < google.Count && google[unbroken + 1].Held)
                {
                    unbroken++;
                }

                Assert.True(coverage.CoveredThrough <= google[unbroken].Time, $"{coverage.CoveredThrough} is after {google[unbroken].Time}: a hole was called covered");
                if (google.TrueForAll(export => export.Held) && !year.byHand.Any(made => made > 0))
                {
                    Assert.Empty(coverage.Gaps);
                    Assert.Equal(google[^1].Time, coverage.CoveredThrough);
                }
            },
            iter: 20_000,
            threads: 1);

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
