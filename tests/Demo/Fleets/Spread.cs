namespace Demo.Fleets;

/// <summary>How evenly moments lie in a span of time.</summary>
/// <param name="ChiSquare">Pearson's statistic over equal buckets.</param>
/// <param name="DegreesOfFreedom">One less than the buckets.</param>
/// <param name="Fullest">Moments in the fullest bucket.</param>
public sealed record Spread(double ChiSquare, int DegreesOfFreedom, int Fullest, double Mean)
{
    /// <summary>Above this are one in a thousand even spreads. Wilson and Hilferty's approximation of the quantile.</summary>
    public double OneInAThousand
    {
        get
        {
            const double Z = 3.0902; // the normal distribution's 99.9 %
            var ninth = 2.0 / (9 * DegreesOfFreedom);
            return DegreesOfFreedom * Math.Pow(1 - ninth + (Z * Math.Sqrt(ninth)), 3);
        }
    }

    public bool IsEven => ChiSquare < OneInAThousand;

    /// <param name="from">Where the first bucket begins; what lies outside of the span is wrapped into it.</param>
    public static Spread Of(IReadOnlyCollection<DateTimeOffset> moments, DateTimeOffset from, TimeSpan span, int buckets)
    {
        var counts = new int[buckets];
        foreach (var moment in moments)
        {
            var part = (moment - from) / span;
            counts[(int)((part - Math.Floor(part)) * buckets) % buckets]++;
        }

        var mean = (double)moments.Count / buckets;
        return new Spread(counts.Sum(count => (count - mean) * (count - mean) / mean), buckets - 1, counts.Max(), mean);
    }
}
