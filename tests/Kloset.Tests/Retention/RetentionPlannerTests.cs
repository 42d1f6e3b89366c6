using System.Globalization;
using CsCheck;
using Kloset.Retention;
using Kloset.Snapshots;

namespace Kloset.Tests.Retention;

public sealed class RetentionPlannerTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Lineages of up to 60 snapshots over three years, some incomplete, some pinned, some of the same second.</summary>
    private static Gen<RetentionCandidate[]> Lineages { get; } =
        Gen.Select(Gen.Long[0, 3 * 365 * 86_400L], Gen.Int[0, 3], Gen.Int[0, 12]).Array[0, 60].Select(all => all
            .Select((one, i) => new RetentionCandidate(Id(i), Start.AddSeconds(one.Item1 / 1800 * 1800), one.Item2 > 0, one.Item3 == 0)).ToArray());

    private static Gen<RetentionPolicy?> Policies { get; } =
        Gen.Select(Gen.Int[0, 4], Gen.Int[0, 6], Gen.Int[0, 10], Gen.Int[0, 6], Gen.Int[0, 14], Gen.Int[0, 4], Gen.Int[0, 100], Gen.Int[0, 9]).Select(
            (last, hourly, daily, weekly, monthly, yearly, within, absent) => absent == 0 ? null : new RetentionPolicy
            {
                KeepLast = last,
                KeepHourly = hourly,
                KeepDaily = daily,
                KeepWeekly = weekly,
                KeepMonthly = monthly,
                KeepYearly = yearly,
                KeepWithin = TimeSpan.FromDays(within),
            });

    [Fact]
    public void The_newest_the_newest_complete_and_the_pinned_ones_always_stay() =>
        Gen.Select(Lineages, Policies).Sample((lineage, policy) =>
        {
            var plan = RetentionPlanner.Plan(lineage, policy);
            var gone = plan.Forgotten.ToHashSet();
            Assert.Equal(lineage.Length, plan.Verdicts.Count);
            Assert.DoesNotContain(lineage, snapshot => snapshot.IsPinned && gone.Contains(snapshot.Id));
            if (plan.Verdicts is [var newest, ..])
                Assert.True(newest.Stays);
            if (plan.Verdicts.FirstOrDefault(verdict => verdict.Snapshot.IsComplete) is { } complete)
                Assert.True(complete.Stays);
        }, iter: 5000);

    [Fact]
    public void An_incomplete_one_goes_exactly_when_a_newer_complete_one_exists() =>
        Gen.Select(Lineages, Policies).Sample((lineage, policy) =>
        {
            var verdicts = RetentionPlanner.Plan(lineage, policy).Verdicts;
            for (var i = 0; i < verdicts.Count; i++)
            {
                if (verdicts[i].Snapshot is not { IsComplete: false, IsPinned: false })
                    continue;
                Assert.Equal(!verdicts.Take(i).Any(newer => newer.Snapshot.IsComplete), verdicts[i].Stays);
            }
        }, iter: 5000);

    [Fact]
    public void Incomplete_ones_fill_no_place_of_a_complete_one() =>
        Gen.Select(Lineages, Policies).Sample((lineage, policy) =>
        {
            var with = RetentionPlanner.Plan(lineage, policy);
            var without = RetentionPlanner.Plan(lineage.Where(snapshot => snapshot.IsComplete), policy);
            var kept = with.Verdicts.Where(verdict => verdict.Stays && verdict.Snapshot.IsComplete).Select(verdict => verdict.Snapshot.Id);
            Assert.Equal(without.Verdicts.Where(verdict => verdict.Stays).Select(verdict => verdict.Snapshot.Id), kept);
        }, iter: 5000);

    [Fact]
    public void A_rule_of_n_keeps_the_newest_of_each_of_the_last_n_periods_that_have_any() =>
        Gen.Select(Lineages, Policies).Sample((lineage, policy) =>
        {
            var kept = RetentionPlanner.Plan(lineage, policy).Verdicts.Where(verdict => verdict.Stays).Select(verdict => verdict.Snapshot.Id).ToHashSet();
            var complete = lineage.Where(snapshot => snapshot.IsComplete).ToList();
            var expected = complete.Where(snapshot => snapshot.IsPinned).Select(snapshot => snapshot.Id).ToHashSet();
            if (policy is null)
                expected = [.. complete.Select(snapshot => snapshot.Id)];
            else
            {
                // The rules as a person would write them down, with other means.
                Period(_ => 0, 1);
                Period(snapshot => snapshot.Id, policy.KeepLast);
                Period(snapshot => snapshot.Time.ToString("yyyyMMddHH", CultureInfo.InvariantCulture), policy.KeepHourly);
                Period(snapshot => snapshot.Time.ToString("yyyyMMdd", CultureInfo.InvariantCulture), policy.KeepDaily);
                Period(snapshot => snapshot.Time.Date.AddDays(-((int)snapshot.Time.DayOfWeek + 6) % 7), policy.KeepWeekly);
                Period(snapshot => snapshot.Time.ToString("yyyyMM", CultureInfo.InvariantCulture), policy.KeepMonthly);
                Period(snapshot => snapshot.Time.Year, policy.KeepYearly);
                if (complete.Count > 0 && policy.KeepWithin > TimeSpan.Zero)
                    expected.UnionWith(complete.Where(snapshot => snapshot.Time >= complete.Max(other => other.Time) - policy.KeepWithin).Select(snapshot => snapshot.Id));
            }

            Assert.Equal(expected.Order(), kept.Where(id => complete.Any(snapshot => snapshot.Id == id)).Order());

            void Period(Func<RetentionCandidate, object> keyOf, int count)
            {
                expected.UnionWith(complete.GroupBy(keyOf).Select(group => group.MaxBy(snapshot => (snapshot.Time, snapshot.Id))!)
                    .OrderByDescending(snapshot => (snapshot.Time, snapshot.Id)).Take(count).Select(snapshot => snapshot.Id));
            }
        }, iter: 3000);

    [Fact]
    public void What_is_decided_twice_is_decided_the_same_whatever_the_order_and_nothing_more_goes_the_second_time() =>
        Gen.Select(Lineages, Policies, Gen.Int).Sample((lineage, policy, seed) =>
        {
            var first = RetentionPlanner.Plan(lineage, policy);
            var shuffled = lineage.ToArray();
            new Random(seed).Shuffle(shuffled);
            Assert.Equal(first.Forgotten, RetentionPlanner.Plan(shuffled, policy).Forgotten);
            Assert.Empty(RetentionPlanner.Plan(lineage.Where(snapshot => !first.Forgotten.Contains(snapshot.Id)), policy).Forgotten);
        }, iter: 3000);

    [Fact]
    public void A_large_wave_waits_for_the_hash_that_names_it_and_what_was_approved_goes_also_when_the_plan_has_moved()
    {
        var lineage = Enumerable.Range(0, 10).Select(day => new RetentionCandidate(Id(day), Start.AddDays(day), true)).ToList();
        lineage.Add(new RetentionCandidate(Id(100), Start.AddDays(1.5), false));
        var policy = new RetentionPolicy { KeepLast = 4 };
        var plan = RetentionPlanner.Plan(lineage, policy);
        Assert.True(plan.NeedsApproval(added: 1));
        Assert.Equal(6, plan.CompleteForgotten);
        // Unasked only the superseded anchor goes.
        Assert.Equal([Id(100)], plan.Allowed(new HashSet<SnapshotId>(), added: 1));
        var approved = plan.Forgotten.ToHashSet();
        Assert.Matches("^[0-9a-f]{16}$", RetentionPlan.HashOf(approved));

        // Two days later: two more snapshots, two more that go.
        lineage.AddRange([new RetentionCandidate(Id(10), Start.AddDays(10), true), new RetentionCandidate(Id(11), Start.AddDays(11), true)]);
        var later = RetentionPlanner.Plan(lineage, policy);
        Assert.Equal(8, later.CompleteForgotten);
        Assert.Equal(later.Forgotten, later.Allowed(approved, added: 1));
        Assert.NotEqual(RetentionPlan.HashOf(later.Forgotten), RetentionPlan.HashOf(approved));
    }

    [Fact]
    public void A_policy_that_keeps_two_does_not_ask_every_night()
    {
        var lineage = Enumerable.Range(0, 3).Select(day => new RetentionCandidate(Id(day), Start.AddDays(day), true)).ToList();
        var plan = RetentionPlanner.Plan(lineage, new RetentionPolicy { KeepLast = 2 });
        Assert.False(plan.NeedsApproval(added: 1));
        Assert.True(plan.NeedsApproval(added: 0));
        Assert.Equal(plan.Forgotten, plan.Allowed(new HashSet<SnapshotId>(), added: 1));
    }

    [Fact]
    public void Thirty_percent_go_unasked_and_one_more_does_not()
    {
        var lineage = Enumerable.Range(0, 10).Select(day => new RetentionCandidate(Id(day), Start.AddDays(day), true)).ToList();
        Assert.False(RetentionPlanner.Plan(lineage, new RetentionPolicy { KeepLast = 7 }).NeedsApproval(added: 0));
        Assert.True(RetentionPlanner.Plan(lineage, new RetentionPolicy { KeepLast = 6 }).NeedsApproval(added: 0));
    }

    [Theory]
    [InlineData("720h", 720)]
    [InlineData("90d", 90 * 24)]
    [InlineData("1y2w", (365 + 14) * 24)]
    [InlineData("1.5h", 1.5)]
    [InlineData("1h30m", 1.5)]
    public void Periods_are_read_as_people_and_Go_write_them(string text, double hours) =>
        Assert.Equal(TimeSpan.FromHours(hours), RetentionPolicy.ParsePeriod(text));

    [Theory]
    [InlineData("")]
    [InlineData("90")]
    [InlineData("d")]
    [InlineData("-1d")]
    [InlineData("1 d")]
    [InlineData("1.2.3h")]
    [InlineData("3 months")]
    [InlineData("99999999999999y")]
    public void What_is_no_period_is_refused(string text) => Assert.Throws<FormatException>(() => RetentionPolicy.ParsePeriod(text));

    private static SnapshotId Id(int number)
    {
        var bytes = new byte[Mac.Size];
        new Random(number).NextBytes(bytes);
        return new SnapshotId(new Mac(bytes));
    }
}
