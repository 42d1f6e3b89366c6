using System.Net;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Cache;
using KlosetOperator.Runtime.Control;
using KlosetOperator.Runtime.Diagnostics;
using KlosetOperator.Runtime.Queue;
using KlosetOperator.Runtime.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace KlosetOperator.Runtime.Tests.Control;

[Collection(ClockworkGroup.Name)]
public sealed class ControllerTests : IAsyncDisposable
{
    private readonly TestClock _time = new();
    private readonly RuntimeMetrics _metrics = new();
    private readonly ScriptedApi _api = new();
    private readonly ApiConnection _connection;
    private readonly Store<Widget> _widgets = new(new InformerOptions<Widget>().WithIndex("secret", static widget => widget.Spec?.SecretName is { } name ? [name] : []));
    private readonly Store<V1Job> _jobs = new();
    private readonly Store<MetadataOnly<V1Secret>> _secrets = new();
    private readonly ControllerBuilder<Widget> _definition = new("widget");
    private readonly Script _script = new();
    private readonly WorkQueue<NamespacedName> _queue;
    private readonly TestLog _log = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _cancelled = new();
    private readonly MetricProbe _probe;
    private IEntityFinalizer<Widget>? _finalizer;
    private Task? _running;

    public ControllerTests()
    {
        _connection = _api.Connect(_time, _metrics);
        _queue = new WorkQueue<NamespacedName>("widget", _time, _metrics);
        _probe = new MetricProbe(_metrics);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _cancelled.CancelAsync();
        if (_running is not null)
        {
            await _running.WaitAsync(TimeSpan.FromSeconds(10));
        }

        _connection.Dispose();
        _queue.Dispose();
        _probe.Dispose();
        _metrics.Dispose();
        _stopping.Dispose();
        _cancelled.Dispose();
    }

    [Fact]
    public async Task It_is_called_with_the_cached_entity_and_never_for_a_vanished_one()
    {
        Start();
        var widget = Put("a");
        await CallsAsync(1);
        Assert.Same(widget, _script.Calls[0]);
        _widgets.Remove(NamespacedName.Of(widget));
        await Eventually.Holds(() => _queue.Depth == 0 && _queue.UnfinishedSeconds == 0, "the deletion is worked off");
        Assert.Single(_script.Calls);
    }

    [Fact]
    public async Task An_error_comes_back_with_growing_pauses_until_a_success_forgets_them()
    {
        _script.Then(static () => throw new ApiException("no", HttpStatusCode.InternalServerError, "InternalError"), times: 5);
        Start();
        Put("a");
        await CallsAsync(1);
        var waited = await _time.UntilAsync(() => _script.Calls.Count == 6, "tried again", TimeSpan.FromMilliseconds(5));

        // 5 + 10 + 20 + 40 + 80 ms.
        Assert.InRange(waited, TimeSpan.FromMilliseconds(155), TimeSpan.FromMilliseconds(1000));
        Assert.Equal(5, _probe.Sum("controller_runtime_reconcile_errors_total"));
        Assert.Equal(5, _probe.Sum("workqueue_retries_total"));
        await Eventually.Holds(() => _probe.Sum("controller_runtime_reconcile_total", "success") == 1, "counted");
    }

    [Fact]
    public async Task An_unexpected_exception_is_contained_and_counted_and_others_go_on()
    {
        _script.Then(static () => throw new InvalidOperationException("a bug"));
        Start();
        Put("a");
        Put("b");
        await _time.UntilAsync(() => _script.Calls.Count == 3, "a again, and b", TimeSpan.FromMilliseconds(5));
        Assert.Equal(1, _probe.Sum("controller_runtime_reconcile_panics_total"));
        Assert.Contains(_log.Lines, static line => line.Contains("a bug", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_conflict_is_no_error_only_another_look()
    {
        _script.Then(static () => throw new ApiException("changed", HttpStatusCode.Conflict, "Conflict"));
        Start();
        Put("a");
        await _time.UntilAsync(() => _script.Calls.Count == 2, "looked again", TimeSpan.FromMilliseconds(5));
        Assert.Equal(0, _probe.Sum("controller_runtime_reconcile_errors_total"));
        Assert.Equal(1, _probe.Sum("controller_runtime_reconcile_total", "requeue"));
    }

    [Fact]
    public async Task A_terminal_error_waits_for_a_change()
    {
        _script.Then(static () => new ReconcileResult.Terminal(new InvalidOperationException("wrong key")));
        Start();
        Put("a");
        await CallsAsync(1);
        _time.Advance(TimeSpan.FromDays(1));
        await Pump.SettleAsync();
        Assert.Single(_script.Calls);
        Assert.Equal(1, _probe.Sum("controller_runtime_terminal_reconcile_errors_total"));
        Put("a", size: 2);
        await CallsAsync(2);
    }

    [Fact]
    public async Task After_a_delay_it_is_called_again_and_the_earlier_failures_are_forgotten()
    {
        _script.Then(static () => throw new ApiException("no"), times: 3);
        _script.Then(static () => new ReconcileResult.After(TimeSpan.FromMinutes(10)));
        _script.Then(static () => throw new ApiException("no"));
        Start();
        Put("a");
        await _time.UntilAsync(() => _script.Calls.Count == 4, "failed thrice", TimeSpan.FromMilliseconds(5));
        await Pump.SettleAsync();
        var waited = await _time.UntilAsync(() => _script.Calls.Count == 5, "called later", TimeSpan.FromSeconds(10));
        Assert.InRange(waited, TimeSpan.FromMinutes(9.5), TimeSpan.FromMinutes(12));
        await Pump.SettleAsync();
        Assert.True(await _time.UntilAsync(() => _script.Calls.Count == 6, "with the first pause", TimeSpan.FromMilliseconds(1)) < TimeSpan.FromMilliseconds(100));
    }

    [Fact]
    public async Task A_wait_that_the_server_asked_for_is_longer_than_the_back_off()
    {
        _script.Then(static () => throw new ApiException("busy", HttpStatusCode.TooManyRequests, "TooManyRequests") { RetryAfter = TimeSpan.FromMinutes(2) });
        Start();
        Put("a");
        await CallsAsync(1);
        await Pump.SettleAsync();
        var waited = await _time.UntilAsync(() => _script.Calls.Count == 2, "again", TimeSpan.FromSeconds(2));
        Assert.InRange(waited, TimeSpan.FromSeconds(115), TimeSpan.FromSeconds(150));
    }

    [Fact]
    public async Task A_reconciliation_over_its_time_is_cancelled_and_retried()
    {
        _definition.WithReconcileTimeout(TimeSpan.FromMinutes(1));
        _script.ThenHang();
        Start();
        Put("a");
        await CallsAsync(1);
        await _time.UntilAsync(() => _script.Calls.Count == 2, "again", TimeSpan.FromSeconds(5));
        Assert.Equal(1, _probe.Sum("controller_runtime_reconcile_errors_total"));
    }

    [Fact]
    public async Task One_key_is_never_with_two_workers_while_others_run_beside_it()
    {
        _definition.WithWorkers(3);
        _script.ThenHang();
        Start();
        Put("a");
        await CallsAsync(1);
        Put("a", size: 2);
        Put("b");
        await CallsAsync(2);
        await Pump.SettleAsync();
        Assert.Equal(["a", "b"], _script.Calls.Select(static widget => widget.Metadata.Name));
        _script.Release();
        await CallsAsync(3);
        Assert.Equal(2, _script.Calls[2].Spec!.Size);
    }

    [Fact]
    public async Task Its_own_status_writes_do_not_wake_it_but_labels_annotations_and_deletion_do()
    {
        Start();
        var widget = Put("a");
        await CallsAsync(1);
        var written = ApiJson.Clone(widget) with { Status = new WidgetStatus { Phase = "x" } };
        written.Metadata.ResourceVersion = "s";
        _widgets.Upsert(written);
        await Pump.SettleAsync();
        Assert.Single(_script.Calls);
        var labelled = ApiJson.Clone(widget);
        labelled.Metadata.Labels = new Dictionary<string, string> { ["a"] = "b" };
        labelled.Metadata.ResourceVersion = "l";
        _widgets.Upsert(labelled);
        await CallsAsync(2);
        var deleted = ApiJson.Clone(labelled);
        deleted.Metadata.DeletionTimestamp = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        deleted.Metadata.ResourceVersion = "d";
        _widgets.Upsert(deleted);
        await CallsAsync(3);
    }

    [Fact]
    public async Task A_changed_child_wakes_its_owner_and_its_former_owner()
    {
        _definition.Owns<V1Job>();
        Start();
        Put("a");
        Put("b");
        await CallsAsync(2);
        _jobs.Upsert(Job("a", "1"));
        await CallsAsync(3);
        Assert.Equal("a", _script.Calls[2].Metadata.Name);
        _jobs.Upsert(Job("b", "2"));
        await CallsAsync(5);
        Assert.Equal(["a", "b"], _script.Calls.Skip(3).Select(static widget => widget.Metadata.Name).Order());
        _jobs.Upsert(Job("b", "2"));
        await Pump.SettleAsync();
        Assert.Equal(5, _script.Calls.Count);
        _jobs.Remove(new NamespacedName("default", "job"));
        await CallsAsync(6);

        // Owned by something else of that name: not ours.
        _jobs.Upsert(Job("a", "4", apiVersion: "other.org/v1"));
        await Pump.SettleAsync();
        Assert.Equal(6, _script.Calls.Count);
    }

    [Fact]
    public async Task A_changed_referent_wakes_those_that_refer_to_it()
    {
        _definition.Watches<MetadataOnly<V1Secret>>(
            static (secret, widgets) => widgets.ByIndex("secret", secret.Metadata.Name).Select(static widget => NamespacedName.Of(widget)));
        Start();
        Put("a", secret: "s");
        Put("b");
        await CallsAsync(2);
        _secrets.Upsert(new MetadataOnly<V1Secret> { Metadata = new V1ObjectMeta { Name = "s", NamespaceProperty = "default", ResourceVersion = "1" } });
        await CallsAsync(3);
        Assert.Equal("a", _script.Calls[2].Metadata.Name);
    }

    [Fact]
    public async Task A_finalizer_is_set_before_the_first_call_and_removed_when_its_work_is_done()
    {
        var finalizing = new Script();
        finalizing.Then(static () => new ReconcileResult.Retry(new ApiException("still there")));
        _finalizer = finalizing;
        _definition.WithFinalizer<Script>("example.org/cleanup");
        _api.Put(Widget.Named("a"));
        Start();
        using var feed = Feed();
        await CallsAsync(1);
        Assert.Equal(["example.org/cleanup"], _script.Calls[0].Metadata.Finalizers);
        Assert.Equal(["example.org/cleanup"], _api.All<Widget>().Single().Metadata.Finalizers);

        await new ApiClient<Widget>(_connection).DeleteAsync(new NamespacedName("default", "a"), Deletion.Background, TestContext.Current.CancellationToken);
        feed.Refresh();
        await _time.UntilAsync(() => { feed.Refresh(); return _api.All<Widget>().Count == 0; }, "gone", TimeSpan.FromMilliseconds(5));
        Assert.Equal(2, finalizing.Calls.Count);
        Assert.All(_script.Calls, static widget => Assert.Null(widget.Metadata.DeletionTimestamp));
    }

    [Fact]
    public async Task A_stop_lets_a_running_reconciliation_end_and_starts_no_other()
    {
        _script.ThenHang();
        Start();
        Put("a");
        await CallsAsync(1);
        Put("b");
        await _stopping.CancelAsync();
        await Pump.SettleAsync();
        Assert.False(_running!.IsCompleted);
        _script.Release();
        await _running.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.Single(_script.Calls);
    }

    private static V1Job Job(string owner, string version, string apiVersion = "example.org/v1alpha1") => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = "job",
            NamespaceProperty = "default",
            Uid = "job",
            ResourceVersion = version,
            OwnerReferences = [new V1OwnerReference { ApiVersion = apiVersion, Kind = "Widget", Name = owner, Uid = owner, Controller = true }],
        },
    };

    private Widget Put(string name, int size = 1, string? secret = null)
    {
        var widget = Widget.Named(name, size: size);
        widget.Spec!.SecretName = secret;
        widget.Metadata.Uid = name;
        widget.Metadata.Generation = size;
        widget.Metadata.ResourceVersion = $"{name}-{size}";
        _widgets.Upsert(widget);
        return widget;
    }

    private Task CallsAsync(int count) => Eventually.Holds(() => _script.Calls.Count == count, $"{count} calls");

    private Feeder Feed() => new(_api, _widgets);

    private void Start()
    {
        var services = new ServiceCollection()
            .AddSingleton<IInformer<V1Job>>(_jobs)
            .AddSingleton<IInformer<MetadataOnly<V1Secret>>>(_secrets)
            .BuildServiceProvider();
        var controller = new Controller<Widget>(
            _definition, _script, _finalizer, new ApiClient<Widget>(_connection), _widgets, _queue, _time, _metrics, _log.For<Controller<Widget>>());
        controller.Connect(services);
        _running = controller.RunAsync(_stopping.Token, _cancelled.Token);
    }

    /// <summary>Copies the server's widgets into the cache.</summary>
    private sealed class Feeder : IDisposable
    {
        private readonly ScriptedApi _api;
        private readonly Store<Widget> _store;

        public Feeder(ScriptedApi api, Store<Widget> store)
        {
            _api = api;
            _store = store;
            Refresh();
        }

        public void Refresh() => _store.Replace(null, _api.All<Widget>());

        public void Dispose()
        {
        }
    }

    /// <summary>A controller (or finalizer) that answers as told, and "done" when told nothing.</summary>
    private sealed class Script : IEntityController<Widget>, IEntityFinalizer<Widget>
    {
        private readonly Queue<Func<CancellationToken, Task<ReconcileResult>>> _answers = new();
        private readonly List<Widget> _calls = [];
        private readonly TaskCompletionSource _release = new();

        public IReadOnlyList<Widget> Calls
        {
            get
            {
                lock (_calls)
                {
                    return [.. _calls];
                }
            }
        }

        public void Then(Func<ReconcileResult> answer, int times = 1)
        {
            for (var i = 0; i < times; i++)
            {
                _answers.Enqueue(_ => Task.FromResult(answer()));
            }
        }

        public void ThenHang() => _answers.Enqueue(async token =>
        {
            await _release.Task.WaitAsync(token);
            return ReconcileResult.Done.Instance;
        });

        public void Release() => _release.SetResult();

        public Task<ReconcileResult> ReconcileAsync(Widget entity, CancellationToken cancellationToken)
        {
            Func<CancellationToken, Task<ReconcileResult>>? answer;
            lock (_calls)
            {
                _calls.Add(entity);
                _answers.TryDequeue(out answer);
            }

            return answer is null ? Task.FromResult<ReconcileResult>(ReconcileResult.Done.Instance) : answer(cancellationToken);
        }

        public Task<ReconcileResult> FinalizeAsync(Widget entity, CancellationToken cancellationToken) => ReconcileAsync(entity, cancellationToken);
    }
}
