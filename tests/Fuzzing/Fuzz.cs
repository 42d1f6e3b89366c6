using System.Diagnostics;
using System.Globalization;
using Evidence;

[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace Fuzzing;

/// <summary>Feeds damaged inputs to a parser that must refuse them in its own words, in time, and without taking memory for what is not there.</summary>
internal static class Fuzz
{
    // Some more than the parsers' own limits of 64 MiB, which are looked at between two steps.
    private const long MaxAllocation = 96L << 20;
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(2);
    private static readonly SortedDictionary<string, (long Inputs, long Refused, double Minutes, long MostKibibytes)> _done = Before();

    /// <summary>Inputs for each parser in a short run.</summary>
    public const int Inputs = 10_000;

    /// <summary>How long each parser is fed in a long run, so that all together take more than an hour.</summary>
    private static readonly TimeSpan LongTime = TimeSpan.FromSeconds(100);

    /// <summary>Whether another input is due: so many in a short run, for so long in a long one.</summary>
    /// <param name="cost">How many times as dear as a parser in memory.</param>
    public static bool GoesOn(int number, long started, int cost = 1) =>
        EvidencePage.IsLong ? Stopwatch.GetElapsedTime(started) < LongTime : number < Inputs / cost;

    /// <param name="refusals">What the parser may throw.</param>
    public static void Parser(string name, IReadOnlyList<byte[]> seeds, Action<byte[]> parse, params Type[] refusals)
    {
        foreach (var seed in seeds)
        {
            parse(seed); // a seed that is refused would make every input trivially bad
        }

        var mutator = new Mutator(20261123);
        var begun = Stopwatch.GetTimestamp();
        var (number, refused, most) = (0, 0L, 0L);
        for (; GoesOn(number, begun); number++)
        {
            var (accepted, taken) = Feed(mutator.Mutate(seeds), number, parse, refusals);
            refused += accepted ? 0 : 1;
            most = Math.Max(most, taken);
        }

        Done(name, number, refused, Stopwatch.GetElapsedTime(begun), most);
    }

    /// <summary>
    /// One input, held to the limits of time and memory. Both are counted for the whole process, because a parser may work on a thread of its own;
    /// the tests of this project run one after the other for that.
    /// </summary>
    public static (bool Accepted, long Allocated) Feed(byte[] input, int number, Action<byte[]> parse, params Type[] refusals)
    {
        var allocated = GC.GetTotalAllocatedBytes();
        var used = Environment.CpuUsage.TotalTime;
        var accepted = Accepts(input, number, parse, refusals);
        used = Environment.CpuUsage.TotalTime - used;
        allocated = GC.GetTotalAllocatedBytes() - allocated;
        Assert.True(used < MaxTime, $"input {number} ({Convert.ToHexString(input)}) took {used} of the processor");
        if (allocated >= MaxAllocation)
        {
            // An array of a made-up length that fails before it is filled is an address range and no memory.
            allocated = Resident(() => Accepts(input, number, parse, refusals));
            Assert.True(allocated < MaxAllocation, $"input {number} ({Convert.ToHexString(input)}) of {input.Length} bytes took {allocated} bytes of memory");
        }

        return (accepted, allocated);
    }

    /// <summary>By how many bytes the memory in use rises at most meanwhile (proc(5): a 5 in clear_refs resets the peak).</summary>
    private static long Resident(Action work)
    {
        GC.Collect();
        File.WriteAllText("/proc/self/clear_refs", "5");
        var before = Peak();
        work();
        return Peak() - before;

        static long Peak() => 1024 * long.Parse(
            File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)).Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture);
    }

    /// <summary>Writes down what a parser was fed, in a long run.</summary>
    public static void Done(string name, long inputs, long refused, TimeSpan time, long most)
    {
        lock (_done)
        {
            _done[name] = (inputs, refused, time.TotalMinutes, most / 1024);
            EvidencePage.Write("fuzzing", "Hostile input", "KLOSET_TEST_LONG=1, tests/Fuzzing", string.Create(
                CultureInfo.InvariantCulture,
                $"""
                {_done.Count} parsers were fed {_done.Values.Sum(parser => parser.Inputs):N0} damaged inputs in {_done.Values.Sum(parser => parser.Minutes):N0} minutes: whole inputs with one to eight bits, bytes, lengths, cuts, insertions, repetitions
                and splices. Where a tag would refuse everything it is made right again, so that what lies behind it is reached. None crashed, hung or took more memory than 96 MiB; what was refused
                was refused in the parser's own words.

                | parser | inputs | refused | minutes | most memory for one input, KiB |
                |---|---|---|---|---|
                {string.Join('\n', _done.Select(parser => string.Create(CultureInfo.InvariantCulture, $"| {parser.Key} | {parser.Value.Inputs:N0} | {parser.Value.Refused:N0} | {parser.Value.Minutes:N1} | {(parser.Value.MostKibibytes > 0 ? parser.Value.MostKibibytes.ToString("N0", CultureInfo.InvariantCulture) : "")} |")))}
                """));
        }
    }

    /// <summary>What earlier long runs wrote: an hour can be spent in pieces. A parser that is fed again replaces its row.</summary>
    private static SortedDictionary<string, (long Inputs, long Refused, double Minutes, long MostKibibytes)> Before()
    {
        var rows = new SortedDictionary<string, (long, long, double, long)>(StringComparer.Ordinal);
        foreach (var cells in EvidencePage.ReadRows("fuzzing"))
            rows[cells[0]] = (Number(cells[1]), Number(cells[2]), double.Parse(cells[3], CultureInfo.InvariantCulture), cells.Length > 4 && cells[4].Length > 0 ? Number(cells[4]) : 0);
        return rows;

        static long Number(string cell) => long.Parse(cell, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
    }

    private static bool Accepts(byte[] input, int number, Action<byte[]> parse, Type[] refusals)
    {
        try
        {
            parse(input);
            return true;
        }
        catch (Exception exception) when (refusals.Contains(exception.GetType()))
        {
            return false; // refused in its own words
        }
        catch (Exception exception)
        {
            Assert.Fail($"input {number} ({Convert.ToHexString(input)}) ended in {exception}");
            return false;
        }
    }
}
