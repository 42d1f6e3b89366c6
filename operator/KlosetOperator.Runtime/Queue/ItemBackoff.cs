namespace KlosetOperator.Runtime.Queue;

/// <summary>The back-off of each key: 5 ms · 2ⁿ, at most 1000 s. Not thread-safe.</summary>
internal sealed class ItemBackoff<TKey>
    where TKey : notnull
{
    private static readonly TimeSpan Base = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1000);

    private readonly Dictionary<TKey, int> _failures = [];

    public TimeSpan Next(TKey key, TimeSpan? atMost = null)
    {
        var failures = _failures.GetValueOrDefault(key);
        _failures[key] = failures + 1;

        // 5 ms · 2^18 is beyond the limit already.
        var limit = atMost < Limit ? atMost.Value : Limit;
        return failures >= 18 || Base * (1 << failures) > limit ? limit : Base * (1 << failures);
    }

    public int Failures(TKey key) => _failures.GetValueOrDefault(key);

    public void Forget(TKey key) => _failures.Remove(key);
}
