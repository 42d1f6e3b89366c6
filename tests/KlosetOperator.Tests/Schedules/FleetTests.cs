using KlosetOperator.Admission;
using KlosetOperator.Api;
using KlosetOperator.Runs;
using KlosetOperator.Schedules;
using KlosetOperator.Tests.Backups;

namespace KlosetOperator.Tests.Schedules;

/// <summary>Ten thousand objects with the default schedule.</summary>
public sealed class FleetTests
{
    private const int Fleet = 10_000;
    private static readonly DateTimeOffset Midnight = new(2026, 11, 23, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Slots_are_spread_evenly_over_the_day()
    {
        const int Buckets = 96; // quarters of an hour
        var counts = new int[Buckets];
        for (var i = 0; i < Fleet; i++)
        {
            var schedule = EffectiveSchedule.Parse(null, "H H * * *", TimeSpan.FromMinutes(30), $"00000000-0000-4000-8000-{i:x12}");
            counts[(int)((schedule.NextDue(Midnight.AddDays(-1), Midnight)!.Value.Due - Midnight).TotalMinutes / 15) % Buckets]++;
        }

        var expected = (double)Fleet / Buckets;
        var chi = counts.Sum(count => (count - expected) * (count - expected) / expected);
        Assert.True(chi < 142, $"χ² = {chi:0.0} with 95 degrees of freedom; 1 in 1,000 even spreads is above 141.6");
    }

    [Fact]
    public void After_an_outage_of_a_day_runs_come_back_spread_over_the_jitter()
    {
        var perMinute = new int[31];
        for (var i = 0; i < Fleet; i++)
        {
            var back = Midnight.AddDays(1);
            var world = new BackupWorld(cron: "H H * * *", change: spec => spec with { Schedule = new ScheduleSpec { Cron = "H H * * *", Jitter = "30m" } }, number: i);
            world.Reconcile();
            world.EndWell();
            world.Now = back.AddDays(1);
            world.StartedAt = world.Now;
            var decision = world.Reconcile();
            var release = decision is RunDecision.Wait { Until: { } until } ? until : world.Now;
            perMinute[(int)Math.Min(30, (release - world.Now).TotalMinutes)]++;
            if (i >= 2000)
            {
                break; // each costs a fraction of a millisecond, and 2,000 show the spread
            }
        }

        Assert.True(perMinute.Take(30).Max() < 2 * 2000 / 30.0, $"the fullest minute has {perMinute.Max()} of 2,000: {string.Join(' ', perMinute)}");
    }

    [Fact]
    public void Thousands_that_wait_at_once_are_answered_quickly_and_in_order()
    {
        var ledger = new AdmissionLedger(100);
        var woken = 0;
        ledger.Freed += claimants => woken += claimants.Count;
        AdmissionAnswer Ask(int i) => ledger.TryAdmit(
            new AdmissionRequest(new Claimant("PhotoBackup", "ns", $"b{i:d5}"), $"ns/j{i:d5}", new AdmissionTicket($"ns/r{i / 10}", $"a{i}", null, false), Midnight.AddSeconds(i), false, 4), Midnight);
        for (var i = 0; i < Fleet; i++)
        {
            Assert.Equal(i < 250 && i % 10 < 4, Ask(i) is AdmissionAnswer.Admitted);
        }

        // Each end lets in exactly one, the one that waits longest and has room.
        for (var i = 0; i < 40; i++)
        {
            ledger.Release($"ns/j{(i / 4 * 10) + (i % 4):d5}", Midnight);
        }

        Assert.True(woken >= 40);
        Assert.IsType<AdmissionAnswer.Admitted>(Ask(4));
        Assert.IsType<AdmissionAnswer.Refused>(Ask(9_999));
    }
}
