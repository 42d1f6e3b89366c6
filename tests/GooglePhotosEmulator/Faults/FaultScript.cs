using System.Text.RegularExpressions;

namespace GooglePhotosEmulator.Faults;

/// <summary>
/// Faults that a test injects between clients and the emulator. Rules are asked in the order in which they were added; the first that
/// answers decides. A pattern names methods (<see cref="ApiCall.Method"/>), with <c>*</c> for anything.
/// </summary>
public sealed class FaultScript
{
    private readonly Lock _gate = new();
    private readonly List<Func<ApiCall, Fault?>> _rules = [];
    private readonly List<Func<NewItem, ItemFault?>> _itemRules = [];
    private long _items;

    /// <summary>The next <paramref name="times"/> calls of the method meet the fault.</summary>
    public FaultScript Next(int times, string pattern, Fault fault, int skip = 0)
    {
        var matches = Pattern(pattern);
        return Next(times, call => matches(call.Method), fault, skip);
    }

    /// <summary>The next <paramref name="times"/> calls that match meet the fault, after <paramref name="skip"/> that pass.</summary>
    public FaultScript Next(int times, Func<ApiCall, bool> when, Fault fault, int skip = 0)
    {
        var seen = 0;
        return OnCall(call =>
        {
            if (!when(call))
            {
                return null;
            }

            var number = Interlocked.Increment(ref seen);
            return number > skip && number <= skip + times ? fault : null;
        });
    }

    /// <summary>Every call of the method meets the fault, until <see cref="Clear"/>.</summary>
    public FaultScript Always(string pattern, Fault fault)
    {
        var matches = Pattern(pattern);
        return OnCall(call => matches(call.Method) ? fault : null);
    }

    /// <summary>Every <paramref name="nth"/> call of the method meets the fault.</summary>
    public FaultScript Every(int nth, string pattern, Fault fault)
    {
        var matches = Pattern(pattern);
        var seen = 0;
        return OnCall(call => matches(call.Method) && Interlocked.Increment(ref seen) % nth == 0 ? fault : null);
    }

    public FaultScript OnCall(Func<ApiCall, Fault?> rule)
    {
        lock (_gate)
        {
            _rules.Add(rule);
        }

        return this;
    }

    /// <summary>The next <paramref name="times"/> items that match meet the fault.</summary>
    public FaultScript NextItems(int times, ItemFault fault, Func<NewItem, bool>? when = null)
    {
        var left = times;
        return OnItem(item => (when is null || when(item)) && Interlocked.Decrement(ref left) >= 0 ? fault : null);
    }

    public FaultScript OnItem(Func<NewItem, ItemFault?> rule)
    {
        lock (_gate)
        {
            _itemRules.Add(rule);
        }

        return this;
    }

    public void Clear()
    {
        lock (_gate)
        {
            _rules.Clear();
            _itemRules.Clear();
        }
    }

    internal long NextItemNumber() => Interlocked.Increment(ref _items);

    internal Fault? Judge(ApiCall call) => First(_rules, rule => rule(call));

    internal ItemFault? Judge(NewItem item) => First(_itemRules, rule => rule(item));

    internal static Func<string, bool> Pattern(string pattern)
    {
        if (!pattern.Contains('*'))
        {
            return name => name == pattern;
        }

        var regex = new Regex("^" + Regex.Escape(pattern).Replace("\\*", ".*") + "$", RegexOptions.CultureInvariant);
        return regex.IsMatch;
    }

    private TResult? First<TRule, TResult>(List<TRule> rules, Func<TRule, TResult?> ask)
        where TResult : class
    {
        TRule[] copy;
        lock (_gate)
        {
            if (rules.Count == 0)
            {
                return null;
            }

            copy = [.. rules];
        }

        foreach (var rule in copy)
        {
            if (ask(rule) is { } answer)
            {
                return answer;
            }
        }

        return null;
    }
}
