using Demo.Staging;

namespace Demo.Fleets;

/// <summary>A start of the operator: what it took until every object was looked at.</summary>
public sealed record StartFigures(TimeSpan Took, int Calls, int Writes, int Events, int MostInASecond, long Peak);

/// <summary>What a fleet costs.</summary>
/// <param name="First">All statuses are to be written.</param>
/// <param name="Again">All are as they should be.</param>
/// <param name="AfterOutage">All missed a run.</param>
/// <param name="Slots">The next runs by the default schedule, over the day.</param>
/// <param name="Released">The missed runs that wait after the start, over what is left of the half hour.</param>
/// <param name="JobsPerMinute">Jobs created in each minute after the start that followed the outage.</param>
public sealed record FleetFigures(
    StartFigures First,
    StartFigures Again,
    TimeSpan Idle,
    int IdleCalls,
    int IdleWrites,
    long IdleResident,
    double WritesPerRun,
    double EventsPerRun,
    TimeSpan RunsTook,
    int RunsMostInASecond,
    TimeSpan RescheduleTook,
    int RescheduleWrites,
    Spread Slots,
    StartFigures AfterOutage,
    int WaitingAfterOutage,
    Spread Released,
    IReadOnlyList<int> JobsPerMinute,
    long Peak);

/// <summary>Takes a fleet through a first start, a restart, rest, runs, a change of all schedules and an outage of a day.</summary>
public static class FleetTrial
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan Outage = TimeSpan.FromHours(25);
    private static readonly TimeSpan Jitter = TimeSpan.FromMinutes(30);

    /// <param name="say">Told what is being done.</param>
    public static async Task<FleetFigures> RunAsync(FleetOptions options, Action<string> say, CancellationToken ct)
    {
        say($"making {options.Backups} backups");
        await using var stage = await FleetStage.SetAsync(options, ct);
        var first = await StartAsync(stage, say, "the first start", ct);
        var again = await StartAsync(stage, say, "a start with nothing to do", ct);

        say($"nothing to do for {options.Idle.TotalSeconds:0} s");
        await stage.UntilQuietAsync(TimeSpan.FromSeconds(5), Patience, ct);
        stage.Traffic.Reset();
        await Task.Delay(options.Idle, TimeProvider.System, ct);
        var (idleCalls, idleWrites, resident) = (stage.Traffic.Calls, stage.Traffic.Writes + stage.Traffic.Events, stage.Memory().Resident);

        say($"{options.Requested} runs at once");
        stage.Traffic.Reset();
        var running = TimeProvider.System.GetTimestamp();
        stage.RequestRuns("now");
        while (stage.Answered("now") < options.Requested)
        {
            if (TimeProvider.System.GetElapsedTime(running) > Patience)
            {
                throw new StageException($"Only {stage.Answered("now")} of {options.Requested} runs ended. Calls: {stage.Traffic}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, ct);
        }

        var runsTook = TimeProvider.System.GetElapsedTime(running);
        await stage.UntilQuietAsync(TimeSpan.FromSeconds(5), Patience, ct);
        say($"calls: {stage.Traffic}");
        var (runWrites, runEvents, runMost) = (stage.Traffic.Writes, stage.Traffic.Events, stage.Traffic.MostInASecond);

        say("another schedule for all");
        stage.Traffic.Reset();
        var changing = TimeProvider.System.GetTimestamp();
        stage.UseDefaultSchedule();
        while (stage.NextRuns().Count(static next => next < TimeProvider.System.GetUtcNow().AddDays(2)) < options.Backups)
        {
            if (TimeProvider.System.GetElapsedTime(changing) > Patience)
            {
                throw new StageException($"Not all have another next run. Calls: {stage.Traffic}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, ct);
        }

        await stage.UntilQuietAsync(TimeSpan.FromSeconds(3), Patience, ct);
        var (rescheduleTook, rescheduleWrites) = (TimeProvider.System.GetElapsedTime(changing) - stage.Traffic.Silence, stage.Traffic.Writes);
        var slots = Spread.Of(stage.NextRuns(), DateTimeOffset.UnixEpoch, TimeSpan.FromDays(1), Buckets(options, 96));
        var peak = stage.Memory().Peak;

        await stage.StopOperatorAsync();
        say("nobody ran for a day");
        await stage.MissRunsAsync(Outage, ct);
        var back = TimeProvider.System.GetUtcNow();
        var outage = await StartAsync(stage, say, "the start after an outage", ct);
        var waiting = stage.Waiting("WaitingForSlot");

        // Who had its turn while the others were still looked at is not among those that wait.
        var (from, until) = (TimeProvider.System.GetUtcNow(), back + Jitter);
        var released = Spread.Of([.. stage.NextRuns().Where(next => next >= from && next < until)], from, until - from, Buckets(options, 30));
        if (options.AfterOutage > TimeSpan.Zero)
        {
            say($"the missed runs, for {options.AfterOutage.TotalMinutes:0} minutes");
            await Task.Delay(options.AfterOutage, TimeProvider.System, ct);
        }

        var minutes = (int)options.AfterOutage.TotalMinutes;
        var perMinute = new int[minutes];
        foreach (var created in stage.Traffic.JobsCreated)
        {
            if ((int)(created - back).TotalMinutes is var minute && minute < minutes)
            {
                perMinute[minute]++;
            }
        }

        return new FleetFigures(
            first, again, options.Idle, idleCalls, idleWrites, resident, (double)runWrites / options.Requested, (double)runEvents / options.Requested, runsTook, runMost,
            rescheduleTook, rescheduleWrites, slots, outage, waiting, released, perMinute, Math.Max(peak, stage.Memory().Peak));
    }

    /// <summary>Pearson's test wants five or more in a bucket.</summary>
    private static int Buckets(FleetOptions options, int most) => Math.Min(most, options.Backups / 10);

    private static async Task<StartFigures> StartAsync(FleetStage stage, Action<string> say, string what, CancellationToken ct)
    {
        await stage.StopOperatorAsync();
        stage.Traffic.Reset();
        stage.StartOperator();
        var took = await stage.UntilAllSeenAsync(Patience, ct);
        say($"{what}: {took.TotalSeconds:0.0} s; {stage.Traffic}");
        return new StartFigures(took, stage.Traffic.Calls, stage.Traffic.Writes, stage.Traffic.Events, stage.Traffic.MostInASecond, stage.Memory().Peak);
    }
}
