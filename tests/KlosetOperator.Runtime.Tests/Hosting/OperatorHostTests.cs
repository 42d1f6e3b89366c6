using System.Net;
using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Apply;
using KlosetOperator.Runtime.Control;
using KlosetOperator.Runtime.Events;
using KlosetOperator.Runtime.Hosting;
using KlosetOperator.Runtime.Leader;
using KlosetOperator.Runtime.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KlosetOperator.Runtime.Tests.Hosting;

[Collection(ClockworkGroup.Name)]
public sealed class OperatorHostTests : IDisposable
{
    private readonly TestClock _time = new(new DateTimeOffset(2026, 11, 23, 0, 0, 0, TimeSpan.Zero));
    private readonly ScriptedApi _api = new();
    private readonly TestLog _log = new();

    public void Dispose()
    {
        _api.Dispose();
        _log.Dispose();
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_reconciles_what_is_there_and_what_comes_and_releases_its_lease_at_the_end()
    {
        _api.Put(Widget.Named("a"));
        await using var host = Build();
        using var stop = new CancellationTokenSource();
        var running = host.RunAsync(stop.Token);
        await _time.UntilAsync(() => Done("a"), "a is done");
        _api.Put(Widget.Named("b"));
        await _time.UntilAsync(() => Done("b"), "b is done");
        Assert.StartsWith("me_", _api.All<V1Lease>().Single().Spec.HolderIdentity, StringComparison.Ordinal);
        await stop.CancelAsync();
        await _time.UntilAsync(() => running.IsCompleted, "stopped");
        Assert.Equal(0, await running);
        Assert.Equal("", _api.All<V1Lease>().Single().Spec.HolderIdentity);
        Assert.Equal(2, _api.All<V1Job>().Count);
        Assert.Equal(2, _api.All<Eventsv1Event>().Count);

        // The lease is given back when nothing else is done any more.
        Assert.StartsWith("PUT /apis/coordination.k8s.io", _api.Requests[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lost_lease_ends_the_process_with_1_and_nothing_is_released()
    {
        await using var host = Build();
        var running = host.RunAsync(Token);
        await _time.UntilAsync(() => host.Started.IsCompleted, "started");
        _api.Fail(static line => line.Contains("leases", StringComparison.Ordinal), ScriptedApi.Unreachable, times: int.MaxValue);
        await _time.UntilAsync(() => running.IsCompleted, "ended");
        Assert.Equal(1, await running);
        Assert.StartsWith("me_", _api.All<V1Lease>().Single().Spec.HolderIdentity, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_kind_that_cannot_be_listed_is_a_start_up_error_that_says_which_and_why()
    {
        _api.Fail(static line => line.Contains("jobs", StringComparison.Ordinal), static () => ScriptedApi.Status(HttpStatusCode.NotFound, "NotFound", "the server knows no jobs"), times: int.MaxValue);
        await using var host = Build();
        var running = host.RunAsync(Token);
        await _time.UntilAsync(() => running.IsCompleted, "given up", TimeSpan.FromSeconds(1));
        Assert.Equal(1, await running);
        Assert.Contains(_log.Lines, static line => line.StartsWith("Critical", StringComparison.Ordinal) && line.Contains("the server knows no jobs", StringComparison.Ordinal));
        Assert.True(host.Started.IsCanceled);
    }

    [Theory]
    [InlineData(HttpStatusCode.Forbidden)]
    [InlineData(HttpStatusCode.Unauthorized)]
    [InlineData(HttpStatusCode.ServiceUnavailable)]
    public async Task A_server_that_refuses_everybody_for_minutes_is_waited_for_and_the_work_begins_soon_after(HttpStatusCode answer)
    {
        _api.Put(Widget.Named("a"));
        var refuses = true;
        await using var host = Build(builder => builder.AddHttpHandler(() => new Refusing(_ => refuses ? answer : null)));
        using var stop = new CancellationTokenSource();
        var running = host.RunAsync(stop.Token);
        var start = _time.GetUtcNow();
        await _time.UntilAsync(() => _time.GetUtcNow() - start > TimeSpan.FromMinutes(5) || running.IsCompleted, "five minutes", TimeSpan.FromSeconds(10));
        Assert.False(running.IsCompleted);
        Assert.Contains(_log.Lines, static line => line.StartsWith("Error", StringComparison.Ordinal) && line.Contains("Still waiting", StringComparison.Ordinal) && line.Contains("widgets", StringComparison.Ordinal));
        refuses = false;
        Assert.InRange(await _time.UntilAsync(() => Done("a"), "a is done"), TimeSpan.Zero, TimeSpan.FromSeconds(45));
        await stop.CancelAsync();
        await _time.UntilAsync(() => running.IsCompleted, "stopped");
    }

    [Fact]
    public async Task What_the_server_refused_for_long_is_done_within_a_minute_of_when_it_no_longer_does()
    {
        var refuses = true;
        await using var host = Build(builder => builder.AddHttpHandler(() => new Refusing(
            request => refuses && request.Method == HttpMethod.Post && request.RequestUri!.AbsolutePath.EndsWith("/jobs", StringComparison.Ordinal) ? HttpStatusCode.Forbidden : null)));
        using var stop = new CancellationTokenSource();
        var running = host.RunAsync(stop.Token);
        _api.Put(Widget.Named("a"));
        var start = _time.GetUtcNow();
        await _time.UntilAsync(() => _time.GetUtcNow() - start > TimeSpan.FromMinutes(10) || running.IsCompleted, "ten minutes", TimeSpan.FromSeconds(10));
        Assert.False(running.IsCompleted);
        refuses = false;
        Assert.InRange(await _time.UntilAsync(() => Done("a"), "a is done"), TimeSpan.Zero, TimeSpan.FromSeconds(65));
        await stop.CancelAsync();
        await _time.UntilAsync(() => running.IsCompleted, "stopped");
    }

    [Fact]
    public async Task What_must_be_known_before_anything_acts_is_found_out_once_the_caches_are_filled()
    {
        _api.Put(Widget.Named("a"));
        var known = new TaskCompletionSource();
        await using var host = Build(builder => builder.Options.OnSynced = (_, stop) => known.Task.WaitAsync(stop));
        using var stop = new CancellationTokenSource();
        var running = host.RunAsync(stop.Token);
        await _time.UntilAsync(() => _log.Lines.Any(static line => line.Contains("caches are filled", StringComparison.Ordinal)), "synced");
        await Pump.SettleAsync();
        Assert.Empty(_api.All<V1Lease>());
        known.SetResult();
        await _time.UntilAsync(() => Done("a"), "a is done");
        await stop.CancelAsync();
        await _time.UntilAsync(() => running.IsCompleted, "stopped");
    }

    [Fact]
    public async Task A_bug_in_a_map_or_an_index_is_told_and_the_rest_goes_on()
    {
        _api.Put(Widget.Named("a"));
        await using var host = Build(static builder => builder
            .AddInformer<Widget>(static informer => informer.WithIndex("broken", static _ => throw new InvalidOperationException("a bug in an index"))));
        host.Services.GetRequiredService<KlosetOperator.Runtime.Cache.IInformer<Widget>>().Subscribe(static _ => throw new InvalidOperationException("a bug in a handler"));
        using var stop = new CancellationTokenSource();
        var running = host.RunAsync(stop.Token);
        await _time.UntilAsync(() => Done("a"), "a is done");
        _api.Put(Widget.Named("b"));
        await _time.UntilAsync(() => Done("b"), "b is done");
        Assert.Contains(_log.Lines, static line => line.Contains("a bug in an index", StringComparison.Ordinal));
        Assert.Contains(_log.Lines, static line => line.Contains("a bug in a handler", StringComparison.Ordinal));
        await stop.CancelAsync();
        await _time.UntilAsync(() => running.IsCompleted, "stopped");
        Assert.Equal(0, await running);
    }

    [Fact]
    public async Task A_cache_that_is_no_longer_kept_up_to_date_ends_the_process()
    {
        var broken = false;
        await using var host = Build(builder => builder
            .AddInformer<Widget>(informer => informer.Transform = widget => broken ? throw new InvalidOperationException("a bug in a transform") : widget));
        var running = host.RunAsync(Token);
        await _time.UntilAsync(() => host.Started.IsCompletedSuccessfully, "started");
        broken = true;
        _api.Put(Widget.Named("a"));
        await _time.UntilAsync(() => running.IsCompleted, "ended");
        Assert.Equal(1, await running);
        Assert.Equal("", _api.All<V1Lease>().Single().Spec.HolderIdentity);
    }

    [Fact]
    public async Task Probes_tell_life_from_readiness_and_a_standby_is_ready()
    {
        _api.Put(new V1Lease
        {
            Metadata = new V1ObjectMeta { Name = "op", NamespaceProperty = "default" },
            Spec = new V1LeaseSpec { HolderIdentity = "another", LeaseDurationSeconds = 3600 },
        });
        _api.Fail(static line => line.Contains("widgets", StringComparison.Ordinal), ScriptedApi.Unreachable);
        await using var host = Build(builder => builder.Options.HttpUrl = "http://127.0.0.1:0");
        using var stop = new CancellationTokenSource();
        var running = host.RunAsync(stop.Token);
        await Eventually.Holds(() => host.HttpUrls.Count == 1 && !host.HttpUrls.Single().EndsWith(":0", StringComparison.Ordinal), "serving");
        using var http = new HttpClient { BaseAddress = new Uri(host.HttpUrls.Single()) };
        Assert.Equal("ok", await http.GetStringAsync(new Uri("healthz", UriKind.Relative), Token));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await http.GetAsync(new Uri("readyz", UriKind.Relative), Token)).StatusCode);
        await _time.UntilAsync(() => _log.Lines.Any(static line => line.Contains("caches are filled", StringComparison.Ordinal)), "synced");
        Assert.Equal("ok", await http.GetStringAsync(new Uri("readyz", UriKind.Relative), Token));
        Assert.False(host.Started.IsCompleted);
        await stop.CancelAsync();
        await _time.UntilAsync(() => running.IsCompleted, "stopped");
        Assert.Equal(0, await running);
        Assert.Equal("another", _api.All<V1Lease>().Single().Spec.HolderIdentity);
    }

    [Fact]
    public async Task Bound_to_namespaces_it_asks_for_nothing_else()
    {
        _api.Put(Widget.Named("a", "one"));
        _api.Put(Widget.Named("b", "two"));
        _api.Put(Widget.Named("c", "three"));
        await using var host = Build(static builder =>
        {
            builder.Options.WatchNamespaces.Add("one");
            builder.Options.WatchNamespaces.Add("two");
        });
        using var stop = new CancellationTokenSource();
        var running = host.RunAsync(stop.Token);
        await _time.UntilAsync(() => _api.All<V1Job>().Count == 2, "both");
        await stop.CancelAsync();
        await _time.UntilAsync(() => running.IsCompleted, "stopped");
        Assert.DoesNotContain(_api.Requests, static line => line.StartsWith("GET /apis/example.org/v1/widgets", StringComparison.Ordinal));
        Assert.DoesNotContain(_api.All<V1Job>(), static job => job.Metadata.NamespaceProperty == "three");
    }

    [Fact]
    public async Task An_idle_operator_writes_nothing_but_its_lease()
    {
        for (var i = 0; i < 50; i++)
        {
            _api.Put(Widget.Named($"w{i}"));
        }

        // A lease that is renewed rarely, so that the hour has few moments in which anything happens.
        var lease = new LeaseElectionOptions { LeaseDuration = TimeSpan.FromMinutes(5), RenewDeadline = TimeSpan.FromMinutes(4), RetryPeriod = TimeSpan.FromMinutes(1) };
        await using var host = Build(builder => builder.Options.LeaderElection = lease);
        using var stop = new CancellationTokenSource();
        var running = host.RunAsync(stop.Token);
        await _time.UntilAsync(() => Enumerable.Range(0, 50).All(i => Done($"w{i}")), "all done");
        await Pump.SettleAsync();
        var before = Writes();
        var start = _time.GetUtcNow();
        await _time.UntilAsync(() => _time.GetUtcNow() - start > TimeSpan.FromHours(1), "an hour", TimeSpan.FromMinutes(1), TimeSpan.FromHours(2));
        Assert.Equal(before, Writes());
        await stop.CancelAsync();
        await _time.UntilAsync(() => running.IsCompleted, "stopped");

        int Writes() => _api.Count(static line => !line.StartsWith("GET", StringComparison.Ordinal) && !line.Contains("leases", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Of_two_replicas_one_acts_and_the_other_takes_over()
    {
        await using var first = Build(static builder => builder.Options.Identity = "first");
        await using var second = Build(static builder => builder.Options.Identity = "second");
        using var stopFirst = new CancellationTokenSource();
        using var stopSecond = new CancellationTokenSource();
        var runningFirst = first.RunAsync(stopFirst.Token);
        await _time.UntilAsync(() => first.Started.IsCompleted, "the first leads");
        var runningSecond = second.RunAsync(stopSecond.Token);
        _api.Put(Widget.Named("a"));
        await _time.UntilAsync(() => Done("a"), "the first acts");
        Assert.False(second.Started.IsCompleted);
        await stopFirst.CancelAsync();
        await _time.UntilAsync(() => second.Started.IsCompletedSuccessfully, "the second leads");
        Assert.Equal(0, await runningFirst);
        _api.Put(Widget.Named("b"));
        await _time.UntilAsync(() => Done("b"), "the second acts");
        Assert.Equal(2, _api.Count(static line => line.StartsWith("POST", StringComparison.Ordinal) && line.Contains("jobs", StringComparison.Ordinal)));
        await stopSecond.CancelAsync();
        await _time.UntilAsync(() => runningSecond.IsCompleted, "stopped");
    }

    /// <summary>
    /// Calls fail before and after they took effect, watches break, versions expire, and the process dies at any
    /// moment: in the end there is exactly one Job for each widget, made once, and the status says so.
    /// </summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Whatever_breaks_in_the_end_the_world_is_right(int seed)
    {
        var random = new Random(seed);
        var chaos = new Chaos(random);
        var names = new HashSet<string>();
        for (var life = 0; life < 3; life++)
        {
            await using var host = Build(builder => builder.AddHttpHandler(() => chaos.Handler()));
            using var stop = new CancellationTokenSource();
            var running = host.RunAsync(stop.Token);
            var end = _time.GetUtcNow().AddSeconds(random.Next(20, 90));
            await _time.UntilAsync(
                () =>
                {
                    if (random.Next(12) == 0)
                    {
                        names.Add($"w{names.Count}");
                        _api.Put(Widget.Named($"w{names.Count - 1}"));
                    }

                    if (random.Next(30) == 0 && names.Count > 0)
                    {
                        _api.Put(Widget.Named($"w{random.Next(names.Count)}", size: random.Next(100)));
                    }

                    if (random.Next(25) == 0)
                    {
                        _api.CutWatches((ScriptedApi.CutStyle)random.Next(3));
                    }

                    if (random.Next(40) == 0)
                    {
                        _api.Compact();
                    }

                    return _time.GetUtcNow() >= end;
                },
                "a life",
                TimeSpan.FromSeconds(1));

            // SIGKILL: no call gets out any more, so nothing is put in order.
            chaos.Dead = true;
            await stop.CancelAsync();
            await _time.UntilAsync(() => running.IsCompleted, "the process is gone", TimeSpan.FromSeconds(2));
            chaos.Dead = false;
        }

        chaos.Calm = true;
        await using var last = Build();
        using var end2 = new CancellationTokenSource();
        var final = last.RunAsync(end2.Token);
        await _time.UntilAsync(() => names.All(Done), "everything is done", TimeSpan.FromSeconds(1));
        await end2.CancelAsync();
        await _time.UntilAsync(() => final.IsCompleted, "stopped");
        Assert.Equal(names.Select(static name => "job-" + name).Order(), _api.All<V1Job>().Select(static job => job.Metadata.Name).Order());
        Assert.All(_api.All<Widget>(), static widget => Assert.Equal(widget.Metadata.Generation, widget.Status!.ObservedGeneration));
    }

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 10)];

    private bool Done(string name) =>
        _api.All<Widget>().Single(widget => widget.Metadata.Name == name) is var widget
        && widget.Status?.Phase == "Made" && widget.Status.ObservedGeneration == widget.Metadata.Generation;

    private OperatorHost Build(Action<OperatorHostBuilder>? configure = null)
    {
        var builder = OperatorHost.CreateBuilder(
            new KubernetesClientConfiguration { Host = "http://scripted.invalid" },
            new OperatorHostOptions { Name = "op", Identity = "me", HttpUrl = null });
        builder.Services.AddSingleton<TimeProvider>(_time);
        builder.Services.AddSingleton(new Random(1));
        builder.Logging.AddProvider(_log).SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft", LogLevel.Error);
        builder.Transport = () => new Forward(_api);
        builder.AddController<Widget, WidgetController>(static controller => controller.WithWorkers(2).Owns<V1Job>());
        configure?.Invoke(builder);
        return builder.Build();
    }

    private sealed class WidgetController(
        IApiClient<V1Job> jobs, Expectations<V1Job> expected, IStatusApplier statuses, IEventRecorder events, IEntityQueue<Widget> queue, TimeProvider time)
        : IEntityController<Widget>
    {
        public async Task<ReconcileResult> ReconcileAsync(Widget entity, CancellationToken cancellationToken)
        {
            if (expected.OwnedBy(entity.Metadata.Uid).Count == 0)
            {
                try
                {
                    expected.Created(await jobs.CreateAsync(
                        new V1Job
                        {
                            Metadata = new V1ObjectMeta
                            {
                                Name = "job-" + entity.Metadata.Name,
                                NamespaceProperty = entity.Metadata.NamespaceProperty,
                                OwnerReferences = [new V1OwnerReference { ApiVersion = "example.org/v1", Kind = "Widget", Name = entity.Metadata.Name, Uid = entity.Metadata.Uid, Controller = true }],
                            },
                        },
                        cancellationToken));
                }
                catch (ApiException error) when (error.IsAlreadyExists)
                {
                    // Created by a call whose answer got lost.
                }

                events.Record(entity, EventKind.Normal, "Made", "CreateJob", "Made the Job.");
            }

            var conditions = new Conditions(entity.Status?.Conditions, entity.Metadata.Generation, time.GetUtcNow()).Set(Conditions.Ready, true, "Made", "").MarkSettled();
            await statuses.ApplyAsync(
                entity, new WidgetStatus { ObservedGeneration = entity.Metadata.Generation, Phase = "Made", Conditions = conditions.ToList() }, cancellationToken);
            queue.EnqueueAfter(NamespacedName.Of(entity), TimeSpan.FromMinutes(7));
            return new ReconcileResult.After(TimeSpan.FromMinutes(5));
        }
    }

    /// <summary>A connection of its own to the shared server, so that hosts may dispose of theirs.</summary>
    private sealed class Forward(ScriptedApi api) : DelegatingHandler
    {
        private readonly HttpMessageInvoker _invoker = new(api, disposeHandler: false);

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            _invoker.SendAsync(request, cancellationToken);
    }

    private sealed class Refusing(Func<HttpRequestMessage, HttpStatusCode?> answer) : DelegatingHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            answer(request) is { } code ? Task.FromResult(ScriptedApi.Status(code, "Refused")) : base.SendAsync(request, cancellationToken);
    }

    private sealed class Chaos(Random random)
    {
        public bool Calm { get; set; }

        public bool Dead { get; set; }

        public DelegatingHandler Handler() => new Breaker(this, new Random(random.Next()));

        private sealed class Breaker(Chaos chaos, Random random) : DelegatingHandler
        {
            protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
            {
                int dice;
                lock (random)
                {
                    dice = chaos.Calm ? 100 : random.Next(100);
                }

                if (chaos.Dead || dice < 6)
                {
                    throw new HttpRequestException("chaos: nobody there");
                }

                if (dice < 10)
                {
                    return ScriptedApi.Status(HttpStatusCode.InternalServerError, "InternalError", "chaos");
                }

                var response = await base.SendAsync(request, cancellationToken);
                if (dice < 16)
                {
                    response.Dispose();
                    throw new HttpRequestException("chaos: the answer got lost");
                }

                return response;
            }
        }
    }
}
