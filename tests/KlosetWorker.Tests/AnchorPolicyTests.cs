using KlosetWorker.Takeout;
using Microsoft.Extensions.Time.Testing;

namespace KlosetWorker.Tests;

public sealed class AnchorPolicyTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void A_finished_part_is_worth_an_anchor_when_its_trees_cost_less_than_a_hundredth_of_it()
    {
        var policy = new AnchorPolicy(_time);
        Assert.False(policy.IsDue(partFinished: true, 0));
        Assert.True(policy.IsDue(partFinished: true, 1_000_000));

        policy.Written(content: 1_000_000, stored: 1_010_000); // the trees cost 10,000

        Assert.False(policy.IsDue(partFinished: true, 1_900_000));
        Assert.True(policy.IsDue(partFinished: true, 2_000_000));
    }

    [Fact]
    public void Between_parts_there_is_one_about_hourly_and_one_after_six_hours_at_any_price()
    {
        var policy = new AnchorPolicy(_time);
        policy.Written(content: 0, stored: 50_000);

        Assert.False(policy.IsDue(partFinished: false, 100_000_000));
        _time.Advance(TimeSpan.FromMinutes(61));
        Assert.True(policy.IsDue(partFinished: false, 100_000_000));
        Assert.False(policy.IsDue(partFinished: false, 1_000));
        _time.Advance(TimeSpan.FromHours(5));
        Assert.True(policy.IsDue(partFinished: false, 1_000));
    }
}
