using k8s;
using KlosetOperator.Runtime.Cache;
using KlosetOperator.Runtime.Control;
using KlosetOperator.Runtime.Events;
using KlosetOperator.Runtime.Leader;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KlosetOperator.Runtime.Hosting;

/// <summary>
/// A running operator. Starts HTTP, then the caches, then the election, then the controllers; stops in the opposite
/// order and releases the lease when nothing acts any more.
/// </summary>
public sealed partial class OperatorHost : IAsyncDisposable
{
    private static readonly TimeSpan CancelGrace = TimeSpan.FromSeconds(5);

    private readonly WebApplication _app;
    private readonly OperatorHostOptions _options;
    private readonly IReadOnlyList<Func<IServiceProvider, IRunningController>> _controllers;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal OperatorHost(WebApplication app, OperatorHostOptions options, IReadOnlyList<Func<IServiceProvider, IRunningController>> controllers)
    {
        _app = app;
        _options = options;
        _controllers = controllers;
        _time = app.Services.GetRequiredService<TimeProvider>();
        _logger = app.Services.GetRequiredService<ILogger<OperatorHost>>();
    }

    public IServiceProvider Services => _app.Services;

    /// <summary>Where HTTP is served, once it runs; empty when nothing is served.</summary>
    public IReadOnlyCollection<string> HttpUrls =>
        [.. _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? []];

    /// <summary>Completes when the controllers have been started: the caches are filled and this process leads.
    /// Cancelled when the host stops before that.</summary>
    public Task Started => _started.Task;

    /// <param name="configuration">How to reach and authenticate to the API server: <see cref="KubernetesClientConfiguration.BuildDefaultConfig"/> in most programs.</param>
    /// <param name="options">See <see cref="OperatorHostOptions"/>.</param>
    public static OperatorHostBuilder CreateBuilder(KubernetesClientConfiguration configuration, OperatorHostOptions options)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(options);

        // Nothing but what is asked for: no settings files, no ambient addresses to listen on.
        var web = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = options.Name });
        web.Configuration.AddEnvironmentVariables();
        return new OperatorHostBuilder(web, configuration, options);
    }

    /// <summary>
    /// Runs until <paramref name="stop"/> is cancelled, the process gets SIGTERM or SIGINT, or leadership is lost.
    /// Once only.
    /// </summary>
    /// <returns>The process's exit code: 0 after a stop that was asked for, 1 otherwise. After a lost lease the
    /// process must end at once: return this from Main.</returns>
    public async Task<int> RunAsync(CancellationToken stop = default)
    {
        var lifetime = _app.Services.GetRequiredService<IHostApplicationLifetime>();
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stop, lifetime.ApplicationStopping);
        try
        {
            await _app.StartAsync(stopping.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            _started.TrySetCanceled(CancellationToken.None);
            return 0;
        }

        var outcome = await RunStartedAsync(stopping.Token).ConfigureAwait(false);
        _started.TrySetCanceled(CancellationToken.None);
        if (outcome == Outcome.LeadershipLost)
        {
            // Another replica may act by now. Whatever still runs here ends with the process, not in good order.
            LogLeadershipLost();
            return 1;
        }

        using var httpLimit = new CancellationTokenSource(CancelGrace, _time);
        await _app.StopAsync(httpLimit.Token).ConfigureAwait(false);
        LogStopped();
        return outcome == Outcome.Stopped ? 0 : 1;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    /// <summary>The controllers, listening to their caches. They do nothing before they are run, or stepped.</summary>
    internal IReadOnlyList<IRunningController> Connect()
    {
        var controllers = _controllers.Select(create => create(Services)).ToList();
        foreach (var controller in controllers)
        {
            controller.Connect(Services);
        }

        return controllers;
    }

    private async Task<Outcome> RunStartedAsync(CancellationToken stopping)
    {
        // Caches serve the reconciliations that are still ending, and outlive them.
        using var cachesStop = new CancellationTokenSource();
        var informers = Services.GetRequiredService<InformerGroup>();
        var elector = Services.GetService<LeaseElector>();
        var recorder = Services.GetRequiredService<EventRecorder>();
        var publishing = Task.Run(() => recorder.RunAsync(cachesStop.Token), CancellationToken.None);
        var outcome = Outcome.Failed;
        try
        {
            informers.Start(cachesStop.Token);
            await FillCachesAsync(informers, stopping).ConfigureAwait(false);
            LogSynced();
            if (_options.OnSynced is { } prepare)
            {
                await UnlessEndedAsync(prepare(Services, stopping), informers).ConfigureAwait(false);
            }

            if (elector is not null)
            {
                await UnlessEndedAsync(elector.AcquireAsync(stopping), informers).ConfigureAwait(false);
            }

            outcome = await LeadAsync(elector, informers, stopping).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            outcome = Outcome.Stopped;
        }
        catch (TimeoutException error)
        {
            LogStartFailed(error.Message);
        }
        catch (Exception error)
        {
            LogBroken(error);
        }

        if (outcome == Outcome.LeadershipLost)
        {
            await cachesStop.CancelAsync().ConfigureAwait(false);
            return outcome;
        }

        await FlushAsync(recorder, publishing).ConfigureAwait(false);
        await cachesStop.CancelAsync().ConfigureAwait(false);
        await informers.StoppedAsync().ConfigureAwait(false);
        if (elector is not null)
        {
            await ReleaseAsync(elector).ConfigureAwait(false);
        }

        return outcome;
    }

    /// <summary>
    /// A server that is away, or that refuses everybody since it has just started, is waited for: to end and be started again would
    /// only make the wait longer, since the kubelet doubles its pauses. What cannot pass by itself ends the process.
    /// </summary>
    private async Task FillCachesAsync(InformerGroup informers, CancellationToken stopping)
    {
        while (true)
        {
            try
            {
                await informers.WaitForSyncAsync(_options.CacheSyncTimeout, stopping).ConfigureAwait(false);
                return;
            }
            catch (TimeoutException error) when (informers.MayHeal)
            {
                LogStillFilling(error.Message);
            }
        }
    }

    /// <summary>Waits for <paramref name="task"/>; throws when a cache stops being kept up to date meanwhile, for it would only grow old.</summary>
    private static async Task UnlessEndedAsync(Task task, InformerGroup informers)
    {
        var ended = informers.Ended;
        if (await Task.WhenAny(task, ended).ConfigureAwait(false) == ended)
        {
            await (await ended.ConfigureAwait(false)).ConfigureAwait(false);
        }

        await task.ConfigureAwait(false);
    }

    private async Task<Outcome> LeadAsync(LeaseElector? elector, InformerGroup informers, CancellationToken stopping)
    {
        using var cancelled = new CancellationTokenSource();
        using var draining = CancellationTokenSource.CreateLinkedTokenSource(stopping);

        // The lease is renewed while the controllers drain: another replica must not start meanwhile.
        using var holdStop = new CancellationTokenSource();
        var holding = elector is null ? Task.Delay(Timeout.InfiniteTimeSpan, _time, holdStop.Token) : elector.HoldAsync(holdStop.Token);

        var controllers = Connect();
        try
        {
            var working = Task.WhenAll(controllers.Select(controller => controller.RunAsync(draining.Token, cancelled.Token)));
            _started.TrySetResult();
            LogStarted();

            var stopped = Task.Delay(Timeout.InfiniteTimeSpan, _time, stopping);
            var ended = informers.Ended;
            var first = await Task.WhenAny(holding, stopped, working, ended).ConfigureAwait(false);
            if (first == stopped)
            {
                LogStopping();
                first = await Task.WhenAny(working, holding, Task.Delay(_options.ShutdownTimeout, _time, CancellationToken.None)).ConfigureAwait(false);
            }

            await draining.CancelAsync().ConfigureAwait(false);
            await cancelled.CancelAsync().ConfigureAwait(false);
            if (first == holding)
            {
                return Outcome.LeadershipLost;
            }

            if (first == ended)
            {
                await (await ended.ConfigureAwait(false)).ConfigureAwait(false);
            }

            // Cancelled now. One that does not listen must not keep the lease from being released.
            await working.WaitAsync(CancelGrace, _time, CancellationToken.None).ConfigureAwait(false);
            return Outcome.Stopped;
        }
        finally
        {
            await holdStop.CancelAsync().ConfigureAwait(false);
            await holding.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (var controller in controllers)
            {
                controller.Dispose();
            }
        }
    }

    private async Task FlushAsync(EventRecorder recorder, Task publishing)
    {
        recorder.Complete();
        try
        {
            await publishing.WaitAsync(CancelGrace, _time, CancellationToken.None).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Events are not worth more waiting.
        }
    }

    private async Task ReleaseAsync(LeaseElector elector)
    {
        using var limit = new CancellationTokenSource(CancelGrace, _time);
        try
        {
            await elector.ReleaseAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // It expires by itself.
        }
    }

    private enum Outcome
    {
        Stopped,
        LeadershipLost,
        Failed,
    }
}
