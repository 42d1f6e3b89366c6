using System.Collections.Concurrent;
using GooglePhotosEmulator.Faults;

namespace GooglePhotosEmulator.Http;

/// <param name="Status">Of the answer; 0 when the connection was cut.</param>
public sealed record AnsweredCall(ApiCall Call, int Status);

/// <summary>What was asked and answered, for tests that count calls.</summary>
public sealed class CallJournal
{
    private const int Kept = 200_000;

    private readonly ConcurrentQueue<AnsweredCall> _calls = new();
    private readonly ConcurrentDictionary<string, int> _counts = new(StringComparer.Ordinal);

    /// <summary>Calls by method since the start or since <see cref="Clear"/>.</summary>
    public IReadOnlyDictionary<string, int> Counts => _counts;

    /// <summary>The newest 200,000 calls, oldest first.</summary>
    public IReadOnlyList<AnsweredCall> Calls => [.. _calls];

    /// <summary>Calls of the methods that the pattern names, such as <c>drive.*</c>.</summary>
    public int Count(string pattern)
    {
        var matches = FaultScript.Pattern(pattern);
        return _counts.Where(pair => matches(pair.Key)).Sum(pair => pair.Value);
    }

    public void Clear()
    {
        _calls.Clear();
        _counts.Clear();
    }

    internal void Add(ApiCall call, int status)
    {
        _calls.Enqueue(new AnsweredCall(call, status));
        _counts.AddOrUpdate(call.Method, 1, (_, before) => before + 1);
        if (_calls.Count > Kept)
        {
            _calls.TryDequeue(out _);
        }
    }
}
