using System.Diagnostics;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Cache;
using KlosetOperator.Runtime.Diagnostics;
using KlosetOperator.Runtime.Queue;
using Microsoft.Extensions.Logging;

namespace KlosetOperator.Runtime.Control;

/// <summary>Takes keys from the queue, calls the controller with the cached entity, and acts on what came of it.</summary>
internal sealed partial class Controller<TEntity> : IRunningController
    where TEntity : class, IKubernetesObject<V1ObjectMeta>
{
    // Nobody tells when the server is well again; who failed since its illness began must not wait for a quarter of an hour more.
    private static readonly TimeSpan LongestWaitForServer = TimeSpan.FromMinutes(1);

    private readonly ControllerBuilder<TEntity> _definition;
    private readonly IEntityController<TEntity> _controller;
    private readonly IEntityFinalizer<TEntity>? _finalizer;
    private readonly IApiClient<TEntity> _client;
    private readonly IInformer<TEntity> _informer;
    private readonly TimeProvider _time;
    private readonly RuntimeMetrics _metrics;
    private readonly ILogger _logger;
    private readonly WorkQueue<NamespacedName> _queue;
    private readonly KeyValuePair<string, object?> _label;
    private readonly List<IDisposable> _subscriptions = [];

    public Controller(
        ControllerBuilder<TEntity> definition,
        IEntityController<TEntity> controller,
        IEntityFinalizer<TEntity>? finalizer,
        IApiClient<TEntity> client,
        IInformer<TEntity> informer,
        WorkQueue<NamespacedName> queue,
        TimeProvider time,
        RuntimeMetrics metrics,
        ILogger logger)
    {
        _definition = definition;
        _controller = controller;
        _finalizer = finalizer;
        _client = client;
        _informer = informer;
        _time = time;
        _metrics = metrics;
        _logger = logger;
        _queue = queue;
        _label = new KeyValuePair<string, object?>("controller", definition.Name);
    }

    public string Name => _definition.Name;

    public void Connect(IServiceProvider services)
    {
        _subscriptions.Add(_informer.Subscribe(change =>
        {
            if (_definition.OwnPredicate(change))
            {
                _queue.Add(change.Key, PriorityOf(change));
            }
        }));
        foreach (var source in _definition.Sources)
        {
            _subscriptions.Add(source.Connect(
                services, _informer.Cache, (key, initial) => _queue.Add(key, initial ? QueuePriority.Low : QueuePriority.Normal)));
        }
    }

    /// <summary>
    /// Works until <paramref name="stopping"/>; then takes nothing more and lets the running reconciliations end.
    /// <paramref name="cancelled"/> cancels those.
    /// </summary>
    public async Task RunAsync(CancellationToken stopping, CancellationToken cancelled)
    {
        _metrics.MaxWorkers.Add(_definition.Workers, _label);
        using var registration = stopping.Register(_queue.Close);
        try
        {
            await Task.WhenAll(Enumerable.Range(0, _definition.Workers).Select(_ => Task.Run(() => WorkAsync(cancelled), CancellationToken.None)))
                .ConfigureAwait(false);
        }
        finally
        {
            _metrics.MaxWorkers.Add(-_definition.Workers, _label);
        }
    }

    public void Dispose()
    {
        foreach (var subscription in _subscriptions)
        {
            subscription.Dispose();
        }
    }

    private static QueuePriority PriorityOf(CacheEvent<TEntity> change) => change switch
    {
        CacheEvent<TEntity>.Added { IsInInitialList: true } => QueuePriority.Low,
        CacheEvent<TEntity>.Updated updated when updated.Old.Metadata.ResourceVersion == updated.Current.Metadata.ResourceVersion => QueuePriority.Low,
        _ => QueuePriority.Normal,
    };

    public int Waiting => _queue.Depth;

    public async Task<bool> StepAsync(CancellationToken cancelled)
    {
        var (taken, key) = await _queue.TakeAsync(cancelled).ConfigureAwait(false);
        if (!taken)
        {
            return false;
        }

        _metrics.ActiveWorkers.Add(1, _label);
        try
        {
            await ProcessAsync(key, cancelled).ConfigureAwait(false);
        }
        finally
        {
            _metrics.ActiveWorkers.Add(-1, _label);
            _queue.Done(key);
        }

        return true;
    }

    private async Task WorkAsync(CancellationToken cancelled)
    {
        try
        {
            while (!cancelled.IsCancellationRequested && await StepAsync(cancelled).ConfigureAwait(false))
            {
            }
        }
        catch (OperationCanceledException) when (cancelled.IsCancellationRequested)
        {
            // The queue was waited for; what was processed heard of it elsewhere.
        }
    }

    private async Task ProcessAsync(NamespacedName key, CancellationToken cancelled)
    {
        if (_informer.Cache.Get(key) is not { } entity)
        {
            _queue.Forget(key);
            return;
        }

        using var activity = RuntimeMetrics.Activities.StartActivity("reconcile");
        activity?.SetTag("controller", Name).SetTag("k8s.namespace.name", key.Namespace).SetTag("k8s.object.name", key.Name);
        var started = _time.GetTimestamp();
        var result = await CallAsync(entity, cancelled).ConfigureAwait(false);
        _metrics.ReconcileTime.Record(_time.GetElapsedTime(started).TotalSeconds, _label);
        if (result is null)
        {
            return;
        }

        if (result is ReconcileResult.Retry or ReconcileResult.Terminal)
        {
            activity?.SetStatus(ActivityStatusCode.Error);
        }

        Settle(key, result);
    }

    private void Settle(NamespacedName key, ReconcileResult result)
    {
        switch (result)
        {
            case ReconcileResult.Done:
                _queue.Forget(key);
                Count("success");
                break;
            case ReconcileResult.After { Delay: var delay }:
                // Forget first: a wait that was asked for is no failure.
                _queue.Forget(key);
                _queue.AddAfter(key, delay);
                Count("requeue_after");
                break;
            case ReconcileResult.Retry { Error: var error }:
                if (error is ApiException { IsConflict: true } or ApiException { IsNotFound: true })
                {
                    // The cache was behind. That is normal, and the next look is better.
                    LogBehind(Name, key, error.Message);
                    Count("requeue");
                }
                else
                {
                    LogFailed(Name, key, error.Message);
                    _metrics.ReconcileErrors.Add(1, _label);
                    Count("error");
                }

                _queue.AddRateLimited(key, (error as ApiException)?.RetryAfter, error is ApiException ? LongestWaitForServer : null);
                break;
            case ReconcileResult.Terminal { Error: var error }:
                LogTerminal(Name, key, error.Message);
                _queue.Forget(key);
                _metrics.ReconcileErrors.Add(1, _label);
                _metrics.TerminalErrors.Add(1, _label);
                Count("error");
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>What came of it; null when the process is going down and it does not count.</summary>
    private async Task<ReconcileResult?> CallAsync(TEntity entity, CancellationToken cancelled)
    {
        using var limiter = new CancellationTokenSource(_definition.ReconcileTimeout ?? Timeout.InfiniteTimeSpan, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancelled, limiter.Token);
        try
        {
            return await ReconcileAsync(entity, both.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancelled.IsCancellationRequested)
        {
            return null;
        }
        catch (OperationCanceledException) when (limiter.IsCancellationRequested)
        {
            return new ReconcileResult.Retry(new TimeoutException($"Took longer than {_definition.ReconcileTimeout?.TotalSeconds:0} s."));
        }
        catch (ApiException error)
        {
            return new ReconcileResult.Retry(error);
        }
        catch (Exception error)
        {
            // A bug in one reconciliation must not end all others. It is counted apart, with its stack in the log.
            LogPanicked(error, Name, NamespacedName.Of(entity));
            _metrics.ReconcilePanics.Add(1, _label);
            return new ReconcileResult.Retry(error);
        }
    }

    private async Task<ReconcileResult> ReconcileAsync(TEntity entity, CancellationToken cancellationToken)
    {
        if (_finalizer is not { } finalizer || _definition.FinalizerName is not { } name)
        {
            return await _controller.ReconcileAsync(entity, cancellationToken).ConfigureAwait(false);
        }

        var finalizers = entity.Metadata.Finalizers ?? [];
        if (entity.Metadata.DeletionTimestamp is null)
        {
            // First the finalizer, then the effects that it undoes.
            var held = finalizers.Contains(name)
                ? entity
                : await SetFinalizersAsync(entity, [.. finalizers, name], cancellationToken).ConfigureAwait(false);
            return await _controller.ReconcileAsync(held, cancellationToken).ConfigureAwait(false);
        }

        if (!finalizers.Contains(name))
        {
            return ReconcileResult.Done.Instance;
        }

        var result = await finalizer.FinalizeAsync(entity, cancellationToken).ConfigureAwait(false);
        if (result is ReconcileResult.Done)
        {
            try
            {
                await SetFinalizersAsync(entity, [.. finalizers.Where(existing => existing != name)], cancellationToken).ConfigureAwait(false);
            }
            catch (ApiException error) when (error.IsNotFound)
            {
                // Gone: so was the finalizer.
            }
        }

        return result;
    }

    private Task<TEntity> SetFinalizersAsync(TEntity entity, IEnumerable<string> finalizers, CancellationToken cancellationToken) =>
        _client.PatchMergeAsync(
            NamespacedName.Of(entity),
            new JsonObject
            {
                ["metadata"] = new JsonObject
                {
                    ["finalizers"] = new JsonArray([.. finalizers.Select(static finalizer => (JsonNode?)finalizer)]),

                    // A merge patch replaces the whole list: only if nobody else changed it meanwhile.
                    ["resourceVersion"] = entity.Metadata.ResourceVersion,
                },
            },
            cancellationToken);

    private void Count(string result) => _metrics.ReconcileTotal.Add(1, _label, new KeyValuePair<string, object?>("result", result));
}

internal interface IRunningController : IDisposable
{
    string Name { get; }

    /// <summary>Subscribes to everything that wakes the controller.</summary>
    void Connect(IServiceProvider services);

    Task RunAsync(CancellationToken stopping, CancellationToken cancelled);

    /// <summary>Keys that wait.</summary>
    int Waiting { get; }

    /// <summary>Takes the next key, waiting for one, and processes it. False once the queue is closed.</summary>
    Task<bool> StepAsync(CancellationToken cancelled);
}
