using CsCheck;
using KlosetOperator.Api;
using KlosetOperator.Schedules;

namespace KlosetOperator.Tests.Schedules;

public sealed class EffectiveScheduleTests
{
    private const string Uid = "0b2f6a1e-0000-4000-8000-000000000001";

    [Fact]
    public void Missed_slots_collapse_into_the_newest_one()
    {
        var schedule = Parse("0 3 * * *");
        var slot = schedule.LatestDue(Time("2026-11-01T03:00:00Z"), Time("2026-11-20T12:00:00Z"));
        Assert.Equal(Time("2026-11-20T03:00:00Z"), slot!.Value.Time);
    }

    [Fact]
    public void A_slot_that_was_filled_is_not_due_again() =>
        Assert.Null(Parse("0 3 * * *").LatestDue(Time("2026-11-20T03:00:00Z"), Time("2026-11-20T12:00:00Z")));

    [Theory]
    [InlineData("2026-03-29T00:59:00Z", "2026-03-29T01:00:00Z")] // 2:30 does not exist that night: it comes when the clock has jumped
    [InlineData("2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z")] // 2:30 comes twice that night: once is enough
    [InlineData("2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z")]
    public void A_daily_run_happens_once_on_the_days_when_the_clock_changes(string now, string due)
    {
        var schedule = Parse("30 2 * * *", "Europe/Zurich");
        Assert.Equal(Time(due), schedule.NextDue(DateTimeOffset.MinValue, Time(now))!.Value.Time);
    }

    [Fact]
    public void Jitter_delays_a_slot_by_less_than_itself_and_always_by_the_same() =>
        Gen.Select(Gen.Int[0, 5000], Gen.Guid).Sample((day, uid) =>
        {
            var schedule = EffectiveSchedule.Parse(new ScheduleSpec { Cron = "0 3 * * *", Jitter = "45m" }, "", TimeSpan.Zero, uid.ToString());
            var now = Time("2026-01-01T03:00:00Z").AddDays(day);
            var slot = schedule.NextDue(now.AddSeconds(-1), now.AddSeconds(-1))!.Value;
            return slot.Time == now && slot.Due >= now && slot.Due < now.AddMinutes(45)
                && schedule.LatestDue(now.AddSeconds(-1), slot.Due) == slot
                && schedule.LatestDue(now.AddSeconds(-1), slot.Due.AddSeconds(-1)) is null;
        }, iter: 300, seed: "0N0XIzNsQ0O2");

    [Fact]
    public void What_is_next_becomes_due_and_nothing_is_left_out_between() =>
        Gen.Select(OneOf("H H * * *", "*/7 * * * *", "H/20 * * * *", "0 2 * * 1", "15 10 1 * *"), Gen.Int[0, 500_000], OneOf("UTC", "Europe/Zurich", "America/St_Johns"), OneOf("1m", "30m", "5h"))
            .Sample((cron, minute, zone, jitter) =>
            {
                var schedule = EffectiveSchedule.Parse(new ScheduleSpec { Cron = cron, TimeZone = zone, Jitter = jitter }, "", TimeSpan.Zero, Uid);
                var now = Time("2026-01-01T00:00:00Z").AddMinutes(minute);
                var next = schedule.NextDue(DateTimeOffset.MinValue.AddDays(1), now)!.Value;
                return next.Due > now && schedule.LatestDue(now.AddDays(-60), next.Due)!.Value.Due <= next.Due
                    && schedule.NextDue(DateTimeOffset.MinValue.AddDays(1), next.Due.AddSeconds(-1))!.Value.Due == next.Due;
            }, iter: 300, seed: "0N0XIzNsQ0O2");

    [Theory]
    [InlineData("2026-11-23T21:30:00Z", true)]  // 22:30 in Zurich
    [InlineData("2026-11-23T20:30:00Z", false)]
    [InlineData("2026-11-23T04:59:00Z", true)]  // 5:59
    [InlineData("2026-11-23T05:00:00Z", false)] // the end is exclusive
    public void A_window_may_go_over_midnight(string now, bool open) => Assert.Equal(open, Night().IsOpen(Time(now)));

    [Fact]
    public void A_window_says_when_it_opens_and_closes()
    {
        Assert.Equal(Time("2026-11-23T21:00:00Z"), Night().NextOpening(Time("2026-11-23T12:00:00Z")));
        Assert.Equal(Time("2026-11-24T05:00:00Z"), Night().Closing(Time("2026-11-23T22:00:00Z")));
        Assert.Equal(Time("2026-11-24T05:00:00Z"), Night().Closing(Time("2026-11-24T03:00:00Z")));
        Assert.Null(Parse("0 3 * * *").Closing(Time("2026-11-24T03:00:00Z")));
    }

    [Fact]
    public void Windows_that_follow_each_other_close_with_the_last()
    {
        var schedule = EffectiveSchedule.Parse(
            new ScheduleSpec { Cron = "0 3 * * *", Windows = [new() { From = "01:00", To = "02:00" }, new() { From = "02:00", To = "04:00" }] }, "", TimeSpan.Zero, Uid);
        Assert.Equal(Time("2026-11-24T04:00:00Z"), schedule.Closing(Time("2026-11-24T01:30:00Z")));
    }

    [Theory]
    [InlineData("0 0 30 2 *", null)]
    [InlineData("61 * * * *", null)]
    [InlineData("0 3 * * *", "Mars/Olympus")]
    public void What_never_comes_or_cannot_be_understood_is_refused(string cron, string? zone) =>
        Assert.Throws<InvalidScheduleException>(() => Parse(cron, zone));

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static EffectiveSchedule Parse(string cron, string? zone = null) =>
        EffectiveSchedule.Parse(new ScheduleSpec { Cron = cron, TimeZone = zone }, "", TimeSpan.Zero, Uid);

    private static EffectiveSchedule Night() => EffectiveSchedule.Parse(
        new ScheduleSpec { Cron = "0 23 * * *", TimeZone = "Europe/Zurich", Windows = [new() { From = "22:00", To = "06:00" }] }, "", TimeSpan.Zero, Uid);

    private static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
