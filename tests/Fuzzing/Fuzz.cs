using System.Diagnostics;

namespace Fuzzing;

/// <summary>Feeds damaged inputs to a parser that must refuse them in its own words, in time, and without taking memory for what is not there.</summary>
internal static class Fuzz
{
    private const long MaxAllocation = 64L << 20;
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(10);

    /// <summary>Inputs for each parser; `make test-long` tries a hundred times as many.</summary>
    public static int Inputs => Environment.GetEnvironmentVariable("KLOSET_TEST_LONG") is { Length: > 0 } ? 1_000_000 : 10_000;

    /// <param name="refusals">What the parser may throw.</param>
    public static void Parser(IReadOnlyList<byte[]> seeds, Action<byte[]> parse, params Type[] refusals)
    {
        foreach (var seed in seeds)
        {
            parse(seed); // a seed that is refused would make every input trivially bad
        }

        var mutator = new Mutator(20261123);
        for (var number = 0; number < Inputs; number++)
        {
            var input = mutator.Mutate(seeds);
            var allocated = GC.GetAllocatedBytesForCurrentThread();
            var started = Stopwatch.GetTimestamp();
            try
            {
                parse(input);
            }
            catch (Exception exception) when (refusals.Contains(exception.GetType()))
            {
                // refused in its own words
            }
            catch (Exception exception)
            {
                Assert.Fail($"input {number} ({Convert.ToHexString(input)}) ended in {exception}");
            }

            Assert.True(Stopwatch.GetElapsedTime(started) < MaxTime, $"input {number} ({Convert.ToHexString(input)}) took {Stopwatch.GetElapsedTime(started)}");
            var taken = GC.GetAllocatedBytesForCurrentThread() - allocated;
            Assert.True(taken < MaxAllocation, $"input {number} ({Convert.ToHexString(input)}) of {input.Length} bytes took {taken} bytes of memory");
        }
    }
}
