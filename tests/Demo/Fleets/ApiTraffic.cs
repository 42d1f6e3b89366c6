using System.Collections.Concurrent;
using DevCluster.Faults;

namespace Demo.Fleets;

/// <summary>Calls of clients to an API server, counted by what they are and by the second.</summary>
public sealed class ApiTraffic
{
    private readonly ConcurrentDictionary<(string Verb, string Resource), int> _counts = new();
    private readonly ConcurrentDictionary<long, int> _seconds = new();
    private readonly ConcurrentQueue<DateTimeOffset> _jobs = new();
    private long _last = TimeProvider.System.GetTimestamp();

    public ApiTraffic(FaultScript script) => script.Answered += Count;

    /// <summary>How long nobody called.</summary>
    public TimeSpan Silence => TimeProvider.System.GetElapsedTime(Interlocked.Read(ref _last));

    public int Calls => _counts.Values.Sum();

    /// <summary>Calls that change our objects, or Jobs. Events and leases are none of these.</summary>
    public int Writes => Sum(call => IsWrite(call.Verb) && call.Resource is not ("events" or "leases"));

    public int Events => Sum(call => IsWrite(call.Verb) && call.Resource == "events");

    /// <summary>Calls in the fullest second.</summary>
    public int MostInASecond => _seconds.Values.DefaultIfEmpty().Max();

    /// <summary>When Jobs were created.</summary>
    public IReadOnlyList<DateTimeOffset> JobsCreated => [.. _jobs];

    public void Reset()
    {
        _counts.Clear();
        _seconds.Clear();
        _jobs.Clear();
    }

    public override string ToString() => string.Join(", ", _counts.OrderByDescending(count => count.Value).Select(count => $"{count.Key.Verb} {count.Key.Resource} {count.Value}"));

    private static bool IsWrite(string verb) => verb is "create" or "update" or "patch" or "delete" or "deletecollection";

    private int Sum(Func<(string Verb, string Resource), bool> which) => _counts.Where(count => which(count.Key)).Sum(count => count.Value);

    private void Count(ApiRequest request, int code)
    {
        Interlocked.Exchange(ref _last, TimeProvider.System.GetTimestamp());
        var resource = request.Subresource.Length > 0 ? $"{request.Resource}/{request.Subresource}" : request.Resource;
        _counts.AddOrUpdate((request.Verb, resource), 1, static (_, count) => count + 1);
        _seconds.AddOrUpdate(TimeProvider.System.GetTimestamp() / TimeProvider.System.TimestampFrequency, 1, static (_, count) => count + 1);
        if (request.Verb == "create" && resource == "jobs" && code is 200 or 201)
        {
            _jobs.Enqueue(TimeProvider.System.GetUtcNow());
        }
    }
}
