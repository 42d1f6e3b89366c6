namespace DevCluster.Faults;

/// <summary>One request as the fault script sees it.</summary>
/// <param name="Number">Counts all requests of clients from 1; what is read-only or a watch counts too.</param>
/// <param name="Verb">get, list, watch, create, update, patch, delete, deletecollection, log, other.</param>
/// <param name="Resource">Plural, such as <c>jobs</c>; empty for discovery.</param>
public sealed record ApiRequest(long Number, string Verb, string Resource, string Namespace, string Name, string Subresource, string Path, string UserAgent);

/// <param name="Type">ADDED, MODIFIED, DELETED or BOOKMARK.</param>
/// <param name="Sequence">Counts the events of this watch from 1.</param>
public sealed record WatchDelivery(ApiRequest Request, string Type, string Namespace, string Name, long Sequence);

/// <summary>What happens to a request.</summary>
public abstract record RequestFault
{
    private protected RequestFault()
    {
    }

    /// <summary>Answered with a failure, without having had any effect.</summary>
    /// <param name="RetryAfterSeconds">Sent as <c>Retry-After</c>.</param>
    public sealed record Refuse(int Code, string Reason = "InternalError", string Message = "injected", int? RetryAfterSeconds = null) : RequestFault;

    /// <summary>Carried out, but the connection is cut before the answer.</summary>
    public sealed record LoseResponse : RequestFault;

    /// <summary>The connection is cut before anything happens.</summary>
    public sealed record Cut : RequestFault;

    /// <summary>Carried out later.</summary>
    public sealed record Delay(TimeSpan For) : RequestFault;
}

public enum WatchFault
{
    Drop,
    Duplicate,

    /// <summary>Delivered after the next event.</summary>
    SwapWithNext,

    /// <summary>The watch ends here without this event, as when a connection is cut.</summary>
    Cut,

    /// <summary>The watch ends here with an error that its revision has expired.</summary>
    Expire,
}

/// <summary>
/// Faults that a test injects between clients and the API server. Rules are asked in the order in which they were added; the first
/// that answers decides. Everything inside the cluster (Job runner, garbage collector) goes past the script.
/// </summary>
public sealed class FaultScript
{
    private readonly Lock _gate = new();
    private readonly List<Func<ApiRequest, RequestFault?>> _requestRules = [];
    private readonly List<Func<WatchDelivery, WatchFault?>> _watchRules = [];
    private readonly List<(Func<ApiRequest, bool> When, Action<ApiRequest> Do)> _before = [];
    private readonly List<(Func<ApiRequest, bool> When, Action<ApiRequest> Do)> _after = [];
    private long _requests;

    /// <summary>Requests so far.</summary>
    public long RequestCount => Interlocked.Read(ref _requests);

    /// <summary>Told of every request with the answer's code; 0 when the connection was cut.</summary>
    public event Action<ApiRequest, int>? Answered;

    public FaultScript OnRequest(Func<ApiRequest, RequestFault?> rule)
    {
        lock (_gate)
        {
            _requestRules.Add(rule);
        }

        return this;
    }

    /// <summary>The fault strikes the first <paramref name="times"/> requests that match.</summary>
    public FaultScript Fail(Func<ApiRequest, bool> when, RequestFault fault, int times = 1)
    {
        var left = times;
        return OnRequest(request => when(request) && Interlocked.Decrement(ref left) >= 0 ? fault : null);
    }

    public FaultScript OnWatch(Func<WatchDelivery, WatchFault?> rule)
    {
        lock (_gate)
        {
            _watchRules.Add(rule);
        }

        return this;
    }

    /// <summary>Crash points: called when a matching request arrives, before it has any effect.</summary>
    public FaultScript Before(Func<ApiRequest, bool> when, Action<ApiRequest> action)
    {
        lock (_gate)
        {
            _before.Add((when, action));
        }

        return this;
    }

    /// <summary>Crash points: called when a matching request has had its effect, before it is answered.</summary>
    public FaultScript After(Func<ApiRequest, bool> when, Action<ApiRequest> action)
    {
        lock (_gate)
        {
            _after.Add((when, action));
        }

        return this;
    }

    public void Clear()
    {
        lock (_gate)
        {
            _requestRules.Clear();
            _watchRules.Clear();
            _before.Clear();
            _after.Clear();
        }
    }

    internal long NextNumber() => Interlocked.Increment(ref _requests);

    internal RequestFault? Judge(ApiRequest request)
    {
        Run(_before, request);
        return First(_requestRules, rule => rule(request));
    }

    internal void Done(ApiRequest request) => Run(_after, request);

    internal void Report(ApiRequest request, int code) => Answered?.Invoke(request, code);

    internal WatchFault? Judge(WatchDelivery delivery) => First<Func<WatchDelivery, WatchFault?>, WatchFault?>(_watchRules, rule => rule(delivery));

    private TResult? First<TRule, TResult>(List<TRule> rules, Func<TRule, TResult?> ask)
    {
        TRule[] copy;
        lock (_gate)
        {
            if (rules.Count == 0)
            {
                return default;
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

        return default;
    }

    private void Run(List<(Func<ApiRequest, bool> When, Action<ApiRequest> Do)> hooks, ApiRequest request)
    {
        (Func<ApiRequest, bool> When, Action<ApiRequest> Do)[] copy;
        lock (_gate)
        {
            copy = [.. hooks];
        }

        foreach (var (when, action) in copy)
        {
            if (when(request))
            {
                action(request);
            }
        }
    }
}
