using System.Diagnostics;
using System.Globalization;

namespace Benchmarks;

/// <summary>
/// Bytes per second of processor time that one thread takes: the best of several rounds, because neighbours only ever make code slower.
/// Processor time instead of the clock's, so that the figures also mean something on a machine that is busy with other things.
/// </summary>
internal sealed class Throughput(TimeSpan perRound, int rounds)
{
    private const double GiB = 1L << 30;

    /// <summary>Measures <paramref name="operation"/>, which processes <paramref name="bytes"/>, in GiB/s.</summary>
    public double Measure(long bytes, Action operation)
    {
        // Long enough for the tiered compiler to have finished with it.
        long warmUp = Stopwatch.GetTimestamp();
        int calls = 0;
        while (calls < 50 && Stopwatch.GetElapsedTime(warmUp) < TimeSpan.FromMilliseconds(400))
        {
            operation();
            calls++;
        }

        // Asking for the time costs about a microsecond.
        long batch = Math.Max(1, (256 << 10) / bytes);
        double best = 0;
        for (int round = 0; round < rounds; round++)
        {
            TimeSpan start = Environment.CpuUsage.TotalTime;
            long done = 0;
            TimeSpan elapsed;
            do
            {
                for (int call = 0; call < batch; call++)
                {
                    operation();
                }

                done += batch;
                elapsed = Environment.CpuUsage.TotalTime - start;
            }
            while (elapsed < perRound);

            best = Math.Max(best, done * bytes / GiB / elapsed.TotalSeconds);
        }

        return best;
    }

    public static string Format(double gibPerSecond) => gibPerSecond.ToString(gibPerSecond >= 1 ? "0.00" : "0.000", CultureInfo.InvariantCulture);

    public static string Ratio(double value, double reference) => (value / reference).ToString(value / reference >= 10 ? "0" : "0.00", CultureInfo.InvariantCulture) + "x";
}
