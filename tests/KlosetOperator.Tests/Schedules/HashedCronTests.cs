using KlosetOperator.Schedules;

namespace KlosetOperator.Tests.Schedules;

public sealed class HashedCronTests
{
    [Theory]
    [InlineData("0 3 * * *", "0 3 * * *")]
    [InlineData("H H * * *", "57 12 * * *")]
    [InlineData("H(0-29) H(1-5) H * H", "27 3 26 * 5")]
    [InlineData("H/15 * * * *", "12-59/15 * * * *")]
    [InlineData("*/5 H(22-23) 1,H 1-3 *", "*/5 22 1,26 1-3 *")]
    public void The_same_seed_gives_the_same_schedule_for_ever(string cron, string resolved) =>
        Assert.Equal(resolved, HashedCron.Resolve(cron, "0b2f6a1e-0000-4000-8000-000000000001"));

    [Theory]
    [InlineData("H H * *")]
    [InlineData("H(40-20) * * * *")]
    [InlineData("H(0-60) * * * *")]
    [InlineData("H/0 * * * *")]
    [InlineData("* * H(0-3) * *")]
    public void What_cannot_be_resolved_is_refused(string cron) =>
        Assert.Throws<InvalidScheduleException>(() => HashedCron.Resolve(cron, "seed"));

    [Fact]
    public void Slots_of_many_objects_are_spread_evenly()
    {
        const int Objects = 14_400;
        var buckets = new int[144]; // ten minutes each
        for (var i = 0; i < Objects; i++)
        {
            var fields = HashedCron.Resolve("H H * * *", $"uid-{i}").Split(' ').Take(2).Select(field => int.Parse(field, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
            buckets[((fields[1] * 60) + fields[0]) / 10]++;
        }

        const double Expected = Objects / 144.0;
        var chiSquare = buckets.Sum(count => (count - Expected) * (count - Expected) / Expected);
        Assert.InRange(chiSquare, 90, 210); // 143 degrees of freedom: p between 0.0002 and 0.9998
    }
}
