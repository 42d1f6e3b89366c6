using KlosetOperator.Runs;

namespace KlosetOperator.Tests.Runs;

public sealed class BackOffTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(5, 16)]
    [InlineData(9, 256)]
    [InlineData(10, 360)]
    [InlineData(10_000, 360)]
    public void Waits_double_from_one_minute_to_six_hours(int failures, int minutes)
    {
        var wait = BackOff.After(failures, "uid");
        Assert.InRange(wait, TimeSpan.FromMinutes(minutes * 0.9), TimeSpan.FromMinutes(minutes));
    }

    [Fact]
    public void Objects_that_fail_together_do_not_come_back_together() =>
        Assert.True(Enumerable.Range(0, 100).Select(i => BackOff.After(10, $"uid-{i}")).Distinct().Count() > 90);
}
