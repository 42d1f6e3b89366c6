using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace KlosetOperator.Runtime.Diagnostics;

/// <summary>
/// The instruments of the runtime, under the names of controller-runtime and client-go so that existing dashboards
/// work. The exporter is the application's choice.
/// </summary>
public sealed class RuntimeMetrics : IDisposable
{
    /// <summary>The name of the meter, and of the activity source.</summary>
    public const string Name = "KlosetOperator.Runtime";

    internal static readonly ActivitySource Activities = new(Name);

    // controller-runtime's buckets of reconcile times, seconds.
    private static readonly double[] ReconcileBuckets =
    [
        0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0,
        1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
    ];

    // client-go's buckets of queue times: powers of ten, seconds.
    private static readonly double[] QueueBuckets = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000];

    private readonly Meter _meter;
    private readonly bool _ownsMeter;
    private readonly Lock _lock = new();
    private readonly List<IQueueObserver> _queues = [];
    private readonly Dictionary<string, Func<bool>> _leaders = [];

    public RuntimeMetrics(IMeterFactory? meters = null)
    {
        _ownsMeter = meters is null;
        _meter = meters?.Create(new MeterOptions(Name)) ?? new Meter(Name);

        ReconcileTotal = _meter.CreateCounter<long>("controller_runtime_reconcile_total", description: "Reconciliations by controller and result.");
        ReconcileErrors = _meter.CreateCounter<long>("controller_runtime_reconcile_errors_total", description: "Reconciliations that failed.");
        TerminalErrors = _meter.CreateCounter<long>("controller_runtime_terminal_reconcile_errors_total", description: "Reconciliations that failed for good.");
        ReconcilePanics = _meter.CreateCounter<long>("controller_runtime_reconcile_panics_total", description: "Reconciliations that ended in an exception nobody expected.");
        ReconcileTime = _meter.CreateHistogram("controller_runtime_reconcile_time_seconds", description: "How long reconciliations take.", advice: Buckets(ReconcileBuckets));
        ActiveWorkers = _meter.CreateUpDownCounter<long>("controller_runtime_active_workers", description: "Workers that are busy.");
        MaxWorkers = _meter.CreateUpDownCounter<long>("controller_runtime_max_concurrent_reconciles", description: "Workers there are.");

        QueueAdds = _meter.CreateCounter<long>("workqueue_adds_total", description: "Keys put into the queue.");
        QueueRetries = _meter.CreateCounter<long>("workqueue_retries_total", description: "Keys put back with a back-off.");
        QueueDuration = _meter.CreateHistogram("workqueue_queue_duration_seconds", description: "How long a key waits before a worker takes it.", advice: Buckets(QueueBuckets));
        WorkDuration = _meter.CreateHistogram("workqueue_work_duration_seconds", description: "How long a worker takes for a key.", advice: Buckets(QueueBuckets));
        _meter.CreateObservableGauge("workqueue_depth", () => Observe(static queue => (long)queue.Depth), description: "Keys waiting in the queue.");
        _meter.CreateObservableGauge("workqueue_unfinished_work_seconds", () => Observe(static queue => queue.UnfinishedSeconds), description: "Seconds of work in progress that no duration shows yet.");
        _meter.CreateObservableGauge("workqueue_longest_running_processor_seconds", () => Observe(static queue => queue.LongestSeconds), description: "How long the longest running worker has been at it.");

        RestRequests = _meter.CreateCounter<long>("rest_client_requests_total", description: "Requests to the API server by status code and method.");
        WatchRestarts = _meter.CreateCounter<long>("reflector_lists_total", description: "Lists made by reflectors, by resource.");
        _meter.CreateObservableGauge("leader_election_master_status", ObserveLeaders, description: "1 while this process leads.");
    }

    internal Counter<long> ReconcileTotal { get; }

    internal Counter<long> ReconcileErrors { get; }

    internal Counter<long> TerminalErrors { get; }

    internal Counter<long> ReconcilePanics { get; }

    internal Histogram<double> ReconcileTime { get; }

    internal UpDownCounter<long> ActiveWorkers { get; }

    internal UpDownCounter<long> MaxWorkers { get; }

    internal Counter<long> QueueAdds { get; }

    internal Counter<long> QueueRetries { get; }

    internal Histogram<double> QueueDuration { get; }

    internal Histogram<double> WorkDuration { get; }

    internal Counter<long> RestRequests { get; }

    internal Counter<long> WatchRestarts { get; }

    public void Dispose()
    {
        // A factory disposes of its meters itself.
        if (_ownsMeter)
        {
            _meter.Dispose();
        }
    }

    internal void Register(IQueueObserver queue)
    {
        lock (_lock)
        {
            _queues.Add(queue);
        }
    }

    internal void RegisterLeader(string lease, Func<bool> isLeader)
    {
        lock (_lock)
        {
            _leaders[lease] = isLeader;
        }
    }

    private static InstrumentAdvice<double> Buckets(double[] boundaries) => new() { HistogramBucketBoundaries = boundaries };

    private List<Measurement<TValue>> Observe<TValue>(Func<IQueueObserver, TValue> read)
        where TValue : struct
    {
        lock (_lock)
        {
            return _queues.ConvertAll(queue => new Measurement<TValue>(read(queue), new KeyValuePair<string, object?>("name", queue.Name)));
        }
    }

    private List<Measurement<int>> ObserveLeaders()
    {
        lock (_lock)
        {
            return [.. _leaders.Select(static leader => new Measurement<int>(leader.Value() ? 1 : 0, new KeyValuePair<string, object?>("name", leader.Key)))];
        }
    }
}

/// <summary>What a queue shows to its gauges.</summary>
internal interface IQueueObserver
{
    string Name { get; }

    int Depth { get; }

    double UnfinishedSeconds { get; }

    double LongestSeconds { get; }
}
