using GooglePhotos.Takeout.Exports;

namespace GooglePhotos.Tests.Takeout;

public sealed class ExportScheduleTests
{
    private static readonly DateTimeOffset Base = new(2026, 1, 10, 8, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Nothing_is_predicted_without_exports() =>
        Assert.Equal(new ExportSchedule(null, null), ExportSchedule.Predict([]));

    [Fact]
    public void After_a_full_export_the_first_increment_is_due_in_two_months_and_the_schedule_ends_in_a_year() =>
        Assert.Equal(new ExportSchedule(Base.AddMonths(2), Base.AddYears(1)), ExportSchedule.Predict([(Base, ExportClass.Full)]));

    [Fact]
    public void An_export_some_days_late_does_not_move_the_next() => Assert.Equal(
        Base.AddMonths(4),
        ExportSchedule.Predict([(Base.AddMonths(2).AddDays(6), ExportClass.Increment), (Base, ExportClass.Full)]).NextExpected);

    [Fact]
    public void After_the_last_export_of_the_year_nothing_more_is_expected()
    {
        ExportSchedule schedule = ExportSchedule.Predict(
            [(Base, ExportClass.Full), .. Enumerable.Range(1, 5).Select(i => (Base.AddMonths(2 * i), ExportClass.Increment))]);
        Assert.Null(schedule.NextExpected);
        Assert.Equal(Base.AddYears(1), schedule.Ends);
    }

    [Fact]
    public void A_new_full_export_begins_a_new_year() => Assert.Equal(
        Base.AddMonths(26),
        ExportSchedule.Predict([(Base, ExportClass.Full), (Base.AddMonths(10), ExportClass.Increment), (Base.AddMonths(12), ExportClass.Full), (Base.AddMonths(24), ExportClass.Full), (Base.AddMonths(13), ExportClass.Selection)]).NextExpected);
}
