using Demo.Fleets;

namespace EndToEnd;

/// <summary>The fleet of the benchmark in small, with what must hold for any size.</summary>
public sealed class FleetTests
{
    private const double MiB = 1 << 20;

    [Fact]
    public async Task Three_hundred_backups_over_thirty_repositories_cost_nothing_at_rest_and_stampede_never()
    {
        var options = new FleetOptions { Backups = 300, Namespaces = 10, Idle = TimeSpan.FromSeconds(5), Requested = 60, AfterOutage = TimeSpan.Zero };
        var figures = await FleetTrial.RunAsync(options, TestContext.Current.TestOutputHelper!.WriteLine, TestContext.Current.CancellationToken);
        Assert.InRange(figures.First.Writes, options.Backups, 1.1 * (options.Backups + options.Repositories));
        Assert.Equal(0, figures.Again.Writes + figures.Again.Events);
        Assert.Equal(0, figures.IdleWrites);
        Assert.InRange(figures.WritesPerRun, 2, 6);
        Assert.InRange(figures.RescheduleWrites, options.Backups, 1.05 * options.Backups);
        AssertSpread(figures.Slots);

        // All missed a run, but those whose Jobs of just now are still there: nearly all wait for their turn, and their turns are spread.
        var missed = options.Backups - options.Requested;
        Assert.InRange(figures.WaitingAfterOutage, 0.8 * missed, missed);
        AssertSpread(figures.Released);
        Assert.InRange(figures.Peak / MiB, 1, 256);
    }

    /// <summary>The objects' uids differ each time, so that now and then an even spread looks uneven; a stampede is far beyond this.</summary>
    private static void AssertSpread(Spread spread) => Assert.True(spread.ChiSquare < 1.5 * spread.OneInAThousand, $"{spread}");
}
