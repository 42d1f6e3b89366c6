using System.Globalization;
using Demo.Fleets;

namespace Benchmarks;

/// <summary>Ten thousand PhotoBackups over a thousand repositories on an API server in this process, and the real operator as a process of its own.</summary>
internal sealed class FleetBenchmark : IBenchmark
{
    private const double MiB = 1 << 20;

    public string Name => "fleet";

    public string Question => "What does a fleet cost its operator and its API server?";

    /// <param name="args">Number of backups, seconds of rest, minutes to watch after the outage.</param>
    public async Task<int> RunAsync(IReadOnlyList<string> args, CancellationToken cancellationToken)
    {
        var defaults = new FleetOptions();
        var options = defaults with
        {
            Backups = args.Count > 0 ? Number(args[0]) : defaults.Backups,
            Idle = args.Count > 1 ? TimeSpan.FromSeconds(Number(args[1])) : defaults.Idle,
            AfterOutage = args.Count > 2 ? TimeSpan.FromMinutes(Number(args[2])) : defaults.AfterOutage,
        };
        options = options with { Requested = Math.Min(options.Requested, options.Backups), Namespaces = Math.Min(options.Namespaces, options.Repositories) };
        var figures = await FleetTrial.RunAsync(options, Console.Error.WriteLine, cancellationToken);
        Console.WriteLine("| question | answer |");
        Console.WriteLine("| --- | --- |");
        Row("objects", $"{options.Backups} PhotoBackups, {options.Repositories} KlosetRepositories in {options.Namespaces} namespaces; 10 runs and 10 snapshots in each status");
        Row("first start, all statuses to be written", Start(figures.First));
        Row("start again", Start(figures.Again));
        Row("memory (VmHWM) after the first start, after the next, after everything", $"{figures.First.Peak / MiB:0}, {figures.Again.Peak / MiB:0}, {figures.Peak / MiB:0} MiB");
        Row($"at rest, {figures.Idle.TotalSeconds:0} s", $"{figures.IdleWrites} writes, {figures.IdleCalls} calls of any kind (watches that are renewed), {figures.IdleResident / MiB:0} MiB resident");
        Row($"{options.Requested} runs at once", $"{figures.RunsTook.TotalSeconds:0.0} s; {figures.WritesPerRun:0.0} writes a run, and {figures.EventsPerRun:0.0} Events; {figures.RunsMostInASecond} calls in the fullest second");
        Row("another schedule for all", $"{figures.RescheduleTook.TotalSeconds:0.0} s, {figures.RescheduleWrites} writes");
        Row("slots by the default schedule, quarters of an hour", Even(figures.Slots));
        Row("start after an outage of a day", Start(figures.AfterOutage));
        Row("missed runs that wait, over what is left of the half hour", Even(figures.Released));
        Row("Jobs in each minute that follows", $"{string.Join(' ', figures.JobsPerMinute)}");
        return 0;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static FormattableString Start(StartFigures start) =>
        $"{start.Took.TotalSeconds:0.0} s until all were looked at; {start.Calls} calls ({start.Calls / start.Took.TotalSeconds:0} a second, {start.MostInASecond} in the fullest), {start.Writes} of them writes, {start.Events} Events";

    private static FormattableString Even(Spread spread) =>
        $"χ² = {spread.ChiSquare:0.0} with {spread.DegreesOfFreedom} degrees of freedom (1 in 1,000 even spreads is above {spread.OneInAThousand:0.0}); {spread.Fullest} in the fullest, {spread.Mean:0.0} in the mean";

    private static void Row(string question, FormattableString answer) => Console.WriteLine($"| {question} | {answer.ToString(CultureInfo.InvariantCulture)} |");
}
