namespace KlosetOperator.Runtime.Diagnostics;

/// <summary>
/// Growing delays with jitter between tries of one activity: doubled each time up to a limit, and back at the start
/// after a healthy time. Not thread-safe.
/// </summary>
internal sealed class Backoff(TimeSpan initial, TimeSpan limit, double jitter, TimeSpan resetAfter, TimeProvider time, Random random)
{
    private TimeSpan _next;
    private long _last = time.GetTimestamp();

    /// <summary>
    /// client-go's for reflectors, but for the limit: its half minute (a whole one with jitter) is made for thousands of kubelets, and
    /// an operator that is one of a kind must be back soon after its server is.
    /// </summary>
    public static Backoff ForReflector(TimeProvider time, Random random) =>
        new(TimeSpan.FromMilliseconds(800), TimeSpan.FromSeconds(10), 1.0, TimeSpan.FromMinutes(2), time, random);

    public TimeSpan Next()
    {
        if (time.GetElapsedTime(_last) > resetAfter)
        {
            _next = TimeSpan.Zero;
        }

        var delay = _next < initial ? initial : _next;
        _next = delay * 2 < limit ? delay * 2 : limit;
        var jittered = delay + (delay * (jitter * random.NextDouble()));

        // Healthy time counts from the end of the wait.
        _last = time.GetTimestamp() + (long)(jittered.TotalSeconds * time.TimestampFrequency);
        return jittered;
    }
}
