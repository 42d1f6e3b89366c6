using System.Text;
using k8s.Models;

namespace KlosetOperator.Runtime.Apply;

/// <summary>
/// A list of <c>metav1.Condition</c>, one per type, kept in order of first appearance: <c>lastTransitionTime</c>
/// changes only with the status.
/// </summary>
public sealed class Conditions
{
    /// <summary>The condition that tells kstatus and people whether a long-running object is fine.</summary>
    public const string Ready = "Ready";

    /// <summary>kstatus: work is going on. Present only while True.</summary>
    public const string Reconciling = "Reconciling";

    /// <summary>kstatus: failed until somebody changes something. Present only while True; never together with <see cref="Reconciling"/>.</summary>
    public const string Stalled = "Stalled";

    /// <summary>Longest message, in bytes of UTF-8; a longer one is cut on a character's boundary.</summary>
    public const int MaxMessageBytes = 1024;

    private readonly Dictionary<string, V1Condition> _previous;
    private readonly List<V1Condition> _conditions = [];
    private readonly long? _observedGeneration;
    private readonly DateTimeOffset _now;

    /// <param name="current">What the object says now, for the transition times.</param>
    /// <param name="observedGeneration">The generation that the new conditions judge.</param>
    /// <param name="now">Written, in whole seconds, as the transition time of those whose status changes.</param>
    public Conditions(IEnumerable<V1Condition>? current, long? observedGeneration, DateTimeOffset now)
    {
        _previous = (current ?? []).GroupBy(static condition => condition.Type, StringComparer.Ordinal)
            .ToDictionary(static group => group.Key, static group => group.First(), StringComparer.Ordinal);
        _observedGeneration = observedGeneration;
        _now = now;
    }

    /// <summary>The conditions set so far, ready for a status.</summary>
    public IList<V1Condition> ToList() => [.. _conditions];

    /// <summary>The condition of this type as set so far.</summary>
    public V1Condition? this[string type] => _conditions.Find(condition => condition.Type == type);

    /// <summary>Sets a condition; a second call for the same type replaces the first.</summary>
    /// <param name="status">Null is <c>Unknown</c>.</param>
    /// <param name="reason">CamelCase, not empty.</param>
    public Conditions Set(string type, bool? status, string reason, string message)
    {
        ArgumentException.ThrowIfNullOrEmpty(reason);
        var text = status switch { true => "True", false => "False", null => "Unknown" };
        var transition = _previous.TryGetValue(type, out var before) && before.Status == text ? before.LastTransitionTime : WholeSeconds(_now);
        var condition = new V1Condition
        {
            Type = type,
            Status = text,
            Reason = reason,
            Message = Cut(message ?? "", MaxMessageBytes),
            ObservedGeneration = _observedGeneration,
            LastTransitionTime = transition,
        };
        var index = _conditions.FindIndex(existing => existing.Type == type);
        if (index < 0)
        {
            _conditions.Add(condition);
        }
        else
        {
            _conditions[index] = condition;
        }

        return this;
    }

    /// <summary>Takes over what the object says of this type, if it says anything.</summary>
    public Conditions Keep(string type)
    {
        if (_previous.TryGetValue(type, out var before) && this[type] is null)
        {
            _conditions.Add(before);
        }

        return this;
    }

    /// <summary>
    /// The kstatus pair: work goes on (<paramref name="reason"/>), nobody is needed. Removes <see cref="Stalled"/>.
    /// </summary>
    public Conditions MarkReconciling(string reason, string message)
    {
        Remove(Stalled);
        return Set(Reconciling, true, reason, message);
    }

    /// <summary>The kstatus pair: nothing will happen until somebody changes something. Removes <see cref="Reconciling"/>.</summary>
    public Conditions MarkStalled(string reason, string message)
    {
        Remove(Reconciling);
        return Set(Stalled, true, reason, message);
    }

    /// <summary>The kstatus pair: settled.</summary>
    public Conditions MarkSettled()
    {
        Remove(Stalled);
        Remove(Reconciling);
        return this;
    }

    /// <summary>Leaves a condition out.</summary>
    public Conditions Remove(string type)
    {
        _conditions.RemoveAll(condition => condition.Type == type);
        return this;
    }

    /// <summary>Whether the list says True for the type.</summary>
    public static bool IsTrue(IEnumerable<V1Condition>? conditions, string type) =>
        conditions?.Any(condition => condition.Type == type && condition.Status == "True") ?? false;

    internal static string Cut(string text, int maxBytes)
    {
        if (Encoding.UTF8.GetByteCount(text) <= maxBytes)
        {
            return text;
        }

        const string Ellipsis = "…";
        var room = maxBytes - Encoding.UTF8.GetByteCount(Ellipsis);
        var end = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            room -= rune.Utf8SequenceLength;
            if (room < 0)
            {
                break;
            }

            end += rune.Utf16SequenceLength;
        }

        return string.Concat(text.AsSpan(0, end), Ellipsis);
    }

    private static DateTime WholeSeconds(DateTimeOffset time) =>
        new(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerSecond), DateTimeKind.Utc);
}
