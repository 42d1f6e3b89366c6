using k8s.Models;
using KlosetOperator.Runtime.Diagnostics;

namespace KlosetOperator.Runtime.Events;

/// <summary>What to do with an event.</summary>
internal abstract record EventDecision
{
    private EventDecision()
    {
    }

    /// <summary>Too many about this object.</summary>
    public sealed record Drop : EventDecision;

    /// <param name="Note">The note, perhaps marked as standing for several.</param>
    /// <param name="Series">Where to report back the object's name.</param>
    public sealed record Create(string Note, EventSeries Series) : EventDecision;

    /// <summary>The same again: count up what is there.</summary>
    public sealed record CountUp(EventSeries Series) : EventDecision;
}

/// <summary>Equal events that one object of the API stands for.</summary>
internal sealed class EventSeries
{
    public int Count { get; set; } = 1;

    public DateTimeOffset LastSeen { get; set; }

    /// <summary>The object as the server answered; null until it was created.</summary>
    public Eventsv1Event? Published { get; set; }
}

/// <summary>
/// Decides what becomes of an event, by client-go's rules and numbers. A table in memory, no IO, not thread-safe.
/// </summary>
internal sealed class EventCorrelator
{
    /// <summary>How many series, objects and groups are remembered. Forgetting one costs a new event, no more.</summary>
    public const int Capacity = 4096;

    /// <summary>About one object at once; then one every <see cref="RefillEvery"/>.</summary>
    public const int Burst = 25;

    /// <summary>More notes than this within <see cref="SimilarWithin"/> are told as one series.</summary>
    public const int MaxSimilar = 10;

    public const string CombinedPrefix = "(combined from similar events): ";

    public static readonly TimeSpan RefillEvery = TimeSpan.FromMinutes(5);

    public static readonly TimeSpan SimilarWithin = TimeSpan.FromMinutes(10);

    /// <summary>A series that was silent for this long is over; the next event starts a new one.</summary>
    public static readonly TimeSpan SeriesEndsAfter = TimeSpan.FromMinutes(6);

    private readonly LruTable<string, Bucket> _buckets = new(Capacity);
    private readonly LruTable<GroupKey, Group> _groups = new(Capacity);
    private readonly LruTable<(GroupKey Group, string Note), EventSeries> _series = new(Capacity);

    public EventDecision Decide(string objectKey, EventKind kind, string reason, string action, string note, DateTimeOffset now)
    {
        if (!Allow(objectKey, now))
        {
            return new EventDecision.Drop();
        }

        var groupKey = new GroupKey(objectKey, kind, reason, action);
        var group = _groups.GetOrAdd(groupKey, static () => new Group());
        if (now - group.LastSeen > SimilarWithin)
        {
            group.Notes.Clear();
        }

        group.LastSeen = now;
        group.Notes.Add(note);
        var combined = group.Notes.Count > MaxSimilar;
        if (combined)
        {
            // The set need not grow further to know that there are too many.
            group.Notes.Remove(note);
            group.Notes.Add("");
        }

        var seriesKey = (groupKey, combined ? "" : note);
        if (_series.TryGet(seriesKey, out var series) && now - series.LastSeen <= SeriesEndsAfter)
        {
            series.Count++;
            series.LastSeen = now;
            return new EventDecision.CountUp(series);
        }

        series = new EventSeries { LastSeen = now };
        _series.Set(seriesKey, series);
        return new EventDecision.Create(combined ? CombinedPrefix + note : note, series);
    }

    private bool Allow(string objectKey, DateTimeOffset now)
    {
        var bucket = _buckets.GetOrAdd(objectKey, () => new Bucket { Tokens = Burst, Filled = now });
        var elapsed = now - bucket.Filled;
        if (elapsed > TimeSpan.Zero)
        {
            bucket.Tokens = Math.Min(Burst, bucket.Tokens + (elapsed / RefillEvery));
            bucket.Filled = now;
        }

        if (bucket.Tokens < 1)
        {
            return false;
        }

        bucket.Tokens--;
        return true;
    }

    private sealed record GroupKey(string Object, EventKind Kind, string Reason, string Action);

    private sealed class Bucket
    {
        public double Tokens { get; set; }

        public DateTimeOffset Filled { get; set; }
    }

    private sealed class Group
    {
        public HashSet<string> Notes { get; } = new(StringComparer.Ordinal);

        public DateTimeOffset LastSeen { get; set; }
    }
}
