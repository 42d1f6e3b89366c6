using System.Net;
using System.Text.Json.Nodes;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Cache;
using KlosetOperator.Runtime.Diagnostics;
using KlosetOperator.Runtime.Tests.Support;

namespace KlosetOperator.Runtime.Tests.Cache;

[Collection(ClockworkGroup.Name)]
public sealed class ReflectorTests : IAsyncDisposable
{
    private const string Lists = "GET /apis/example.org/v1/widgets?resourceVersion";
    private readonly TestClock _time = new();
    private readonly RuntimeMetrics _metrics = new();
    private readonly ScriptedApi _api = new();
    private readonly TestLog _log = new();
    private readonly ApiConnection _connection;
    private readonly Store<Widget> _store = new();
    private readonly InformerOptions<Widget> _options = new();
    private readonly List<string> _heard = [];
    private readonly CancellationTokenSource _stop = new();
    private Reflector<Widget>? _reflector;
    private Task? _running;

    public ReflectorTests()
    {
        _connection = _api.Connect(_time, _metrics);
        _store.Subscribe(change =>
        {
            lock (_heard)
            {
                _heard.Add($"{change.GetType().Name} {change.Key.Name}");
            }
        });
    }

    private List<string> Heard
    {
        get
        {
            lock (_heard)
            {
                return [.. _heard];
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_running is not null)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
        }

        _connection.Dispose();
        _metrics.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task It_lists_from_the_servers_cache_and_watches_from_there_with_bookmarks_and_a_random_end()
    {
        _api.Put(Widget.Named("a"));
        await StartAsync();
        Assert.Equal("GET /apis/example.org/v1/widgets?resourceVersion=0", _api.Requests[0]);
        Assert.StartsWith("GET /apis/example.org/v1/widgets?watch=true&allowWatchBookmarks=true&resourceVersion=101&timeoutSeconds=", _api.Requests[1], StringComparison.Ordinal);
        Assert.InRange(int.Parse(_api.Requests[1].Split('=')[^1], System.Globalization.CultureInfo.InvariantCulture), 300, 600);

        _api.Put(Widget.Named("b"));
        _api.Put(Widget.Named("a", size: 2));
        _api.Remove<Widget>("default", "b");
        await _time.UntilAsync(() => Heard.Count == 4, "all events");
        Assert.Equal(["Added a", "Added b", "Updated a", "Deleted b"], Heard);
    }

    [Theory]
    [InlineData(nameof(ScriptedApi.CutStyle.Clean))]
    [InlineData(nameof(ScriptedApi.CutStyle.MidLine))]
    [InlineData(nameof(ScriptedApi.CutStyle.Reset))]
    public async Task A_watch_that_ends_goes_on_from_the_last_version_without_a_list(string style)
    {
        await StartAsync();
        _api.Put(Widget.Named("a"));
        await _time.UntilAsync(() => Heard.Count == 1, "the first event");
        _api.CutWatches(Enum.Parse<ScriptedApi.CutStyle>(style));
        _api.Put(Widget.Named("b"));
        await _time.UntilAsync(() => Heard.Count == 2, "the event from between the watches");
        Assert.Equal(1, Count(Lists));
        Assert.Contains(_api.Requests, static line => line.Contains("watch=true&allowWatchBookmarks=true&resourceVersion=101&", StringComparison.Ordinal));
        Assert.Equal(["Added a", "Added b"], Heard);
    }

    [Fact]
    public async Task A_bookmark_moves_the_version_on()
    {
        await StartAsync();
        for (var i = 0; i < 5; i++)
        {
            _api.Tick();
        }

        _api.Bookmark();
        await Pump.SettleAsync();
        _api.Compact();
        _api.CutWatches(ScriptedApi.CutStyle.Clean);
        await _time.UntilAsync(() => Count("resourceVersion=105&") == 1, "watched from the bookmark");
        Assert.Equal(1, Count(Lists));
    }

    [Fact]
    public async Task An_expired_version_is_listed_again_and_what_vanished_meanwhile_is_told_as_deleted()
    {
        _api.Put(Widget.Named("stays"));
        _api.Put(Widget.Named("goes"));
        _api.Put(Widget.Named("renewed"));
        await StartAsync();
        _api.DeafenWatches();
        _api.Remove<Widget>("default", "goes");
        _api.Remove<Widget>("default", "renewed");
        _api.Put(Widget.Named("renewed"));
        _api.Put(Widget.Named("comes"));
        _api.Compact();
        await ReopenAsync();
        await _time.UntilAsync(() => Heard.Contains("Added comes"), "listed again");
        Assert.Equal(["Deleted goes", "Added comes", "Deleted renewed", "Added renewed"], Heard.Skip(3));
        Assert.Equal(["GET /apis/example.org/v1/widgets?resourceVersion=0", "GET /apis/example.org/v1/widgets?resourceVersion=103&resourceVersionMatch=NotOlderThan"], _api.Requests.Where(static line => !line.Contains("watch", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_version_that_the_server_cannot_list_either_is_given_up_for_the_truth_from_etcd_page_by_page()
    {
        for (var i = 0; i < 3; i++)
        {
            _api.Put(Widget.Named($"w{i}"));
        }

        await StartAsync();
        _api.DeafenWatches();
        _api.Compact();
        _api.Tick();
        _api.PageLimit = 2;
        _api.Fail(static line => line.Contains("NotOlderThan", StringComparison.Ordinal), static () => ScriptedApi.Status(HttpStatusCode.Gone, "Expired"));
        _api.Compact();
        await ReopenAsync();
        await _time.UntilAsync(() => _api.WatcherCount == 1, "watching again");
        Assert.Equal(2, Count("GET /apis/example.org/v1/widgets?limit=500"));
        Assert.Contains("GET /apis/example.org/v1/widgets?limit=500&continue=2", _api.Requests);
        Assert.Equal(3, _store.Count);
    }

    [Fact]
    public async Task A_server_that_is_away_is_waited_for_with_growing_pauses_and_nothing_is_forgotten()
    {
        _api.Put(Widget.Named("a"));
        await StartAsync();
        _api.Fail(static _ => true, ScriptedApi.Unreachable, times: 6);
        _api.CutWatches(ScriptedApi.CutStyle.Reset);
        var away = await _time.UntilAsync(() => _api.WatcherCount == 1, "back again", TimeSpan.FromSeconds(1));
        Assert.Equal(["Added a"], Heard);
        Assert.Equal(1, Count(Lists));

        // 0.8 + 1.6 + 3.2 + … doubled at most by jitter; in any case neither a stampede nor an hour.
        Assert.InRange(away, TimeSpan.FromSeconds(25), TimeSpan.FromSeconds(200));
    }

    [Fact]
    public async Task A_busy_server_is_left_alone_for_the_time_that_it_asks_for_and_keeps_its_version()
    {
        await StartAsync();
        _api.Fail(static line => line.Contains("watch", StringComparison.Ordinal), static () => ScriptedApi.Status(HttpStatusCode.TooManyRequests, "TooManyRequests", retryAfter: TimeSpan.FromSeconds(90)));
        _api.CutWatches(ScriptedApi.CutStyle.Reset);
        await _time.UntilAsync(() => Count("watch=true") == 2, "refused");
        var waited = await _time.UntilAsync(() => _api.WatcherCount == 1, "admitted", TimeSpan.FromSeconds(1));
        Assert.InRange(waited, TimeSpan.FromSeconds(85), TimeSpan.FromSeconds(110));
        Assert.Equal(1, Count(Lists));
    }

    [Fact]
    public async Task Internal_errors_are_retried_for_a_minute_then_all_is_listed_again()
    {
        await StartAsync();
        _api.Fail(static line => line.Contains("watch", StringComparison.Ordinal), static () => ScriptedApi.Status(HttpStatusCode.InternalServerError, "InternalError"), times: 12);
        _api.CutWatches(ScriptedApi.CutStyle.Reset);
        var failing = await _time.UntilAsync(() => Count(Lists) == 2, "listed again", TimeSpan.FromSeconds(1));
        Assert.InRange(failing, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(200));
        await _time.UntilAsync(() => _api.WatcherCount == 1, "watching again", TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task Watches_that_are_closed_at_once_do_not_make_a_busy_loop()
    {
        await StartAsync();
        _api.Fail(static line => line.Contains("watch", StringComparison.Ordinal), static () => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("") }, times: 1000);
        _api.CutWatches(ScriptedApi.CutStyle.Reset);
        var start = _time.GetUtcNow();
        await _time.UntilAsync(() => _time.GetUtcNow() - start > TimeSpan.FromMinutes(5), "five minutes", TimeSpan.FromSeconds(2));
        Assert.InRange(Count("watch=true"), 6, 40);
    }

    [Fact]
    public async Task An_idle_watch_that_the_server_closes_in_good_time_is_opened_again_at_once()
    {
        await StartAsync();
        for (var i = 0; i < 3; i++)
        {
            _time.Advance(TimeSpan.FromMinutes(6));
            _api.CutWatches(ScriptedApi.CutStyle.Clean);
            Assert.True(await _time.UntilAsync(() => _api.WatcherCount == 1, "open again") < TimeSpan.FromSeconds(5));
        }

        Assert.Empty(_log.Lines);
    }

    [Fact]
    public async Task A_server_that_keeps_a_watch_open_and_dead_is_left_after_the_announced_time()
    {
        await StartAsync();
        _api.DeafenWatches();
        _api.Put(Widget.Named("missed"));
        await _time.UntilAsync(() => Heard.Count == 1, "noticed", TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(12));
    }

    [Fact]
    public async Task Forbidden_lists_are_repeated_and_say_why_until_somebody_grants_them()
    {
        _api.Fail(static _ => true, static () => ScriptedApi.Status(HttpStatusCode.Forbidden, "Forbidden", "widgets is forbidden: no RBAC"), times: 3);
        Start();
        await _time.UntilAsync(() => _reflector!.LastError is not null, "failed");
        Assert.Contains("no RBAC", _reflector!.LastError!.Message, StringComparison.Ordinal);
        Assert.False(_reflector.Synced.IsCompleted);
        await _time.UntilAsync(() => _reflector.Synced.IsCompleted, "granted");
        Assert.Null(_reflector.LastError);
    }

    [Fact]
    public async Task An_object_that_no_longer_fits_its_type_keeps_its_last_good_state_until_it_is_deleted()
    {
        _api.Put(Widget.Named("w", size: 1));
        await StartAsync();
        _api.PutRaw<Widget>("default", "w", new JsonObject { ["spec"] = new JsonObject { ["size"] = "many" } });
        await _time.UntilAsync(() => _log.Lines.Any(static line => line.StartsWith("Error", StringComparison.Ordinal)), "told");
        Assert.Equal(1, _store.List().Single().Spec!.Size);
        _api.Compact();
        _api.Tick();
        _api.Compact();
        _api.CutWatches(ScriptedApi.CutStyle.Reset);
        await _time.UntilAsync(() => Count(Lists) == 2 && _api.WatcherCount == 1, "listed again");
        Assert.Equal(1, _store.List().Single().Spec!.Size);
        _api.Remove<Widget>("default", "w");
        await _time.UntilAsync(() => _store.Count == 0, "deleted");
    }

    [Fact]
    public async Task Events_that_get_lost_for_good_are_healed_by_the_resync()
    {
        _options.Resync = TimeSpan.FromMinutes(30);
        _api.Put(Widget.Named("a"));
        await StartAsync();

        // The watch lives and skips an event: its next ones move the version past it.
        _api.DeafenWatches();
        _api.Put(Widget.Named("lost"));
        _store.Upsert(_api.All<Widget>().Single(static widget => widget.Metadata.Name == "a"));
        await _time.UntilAsync(() => Heard.Contains("Added lost"), "healed", TimeSpan.FromSeconds(20), TimeSpan.FromMinutes(45));
    }

    [Fact]
    public async Task A_doubled_event_tells_nothing_new_and_a_late_one_is_healed_by_the_resync()
    {
        _options.Resync = TimeSpan.FromMinutes(30);
        await StartAsync();
        var changes = new List<CacheEvent<Widget>>();
        using var subscription = _store.Subscribe(change =>
        {
            lock (changes)
            {
                changes.Add(change);
            }
        });
        _api.Put(Widget.Named("w", size: 1));
        await _time.UntilAsync(() => _store.Count == 1, "added");
        var first = new JsonObject { ["type"] = "ADDED", ["object"] = ApiJson.ToNode(_api.All<Widget>().Single()) }.ToJsonString() + "\n";
        _api.SendRaw(first);
        await _time.UntilAsync(() => changes.Count == 2, "doubled");
        Assert.False(Runtime.Control.Predicates.Changed(changes[1]));

        _api.Put(Widget.Named("w", size: 2));
        _api.SendRaw(first);
        await _time.UntilAsync(() => changes.Count == 4, "late");
        Assert.Equal(1, _store.List().Single().Spec!.Size);
        await _time.UntilAsync(() => _store.List().Single().Spec!.Size == 2, "healed", TimeSpan.FromSeconds(20), TimeSpan.FromMinutes(45));
    }

    [Fact]
    public async Task Broken_watches_and_lost_history_leave_the_cache_right_in_the_end()
    {
        await StartAsync();
        var random = new Random(5);
        for (var i = 0; i < 40; i++)
        {
            _api.Put(Widget.Named($"w{random.Next(5)}", size: i));
            if (random.Next(3) == 0)
            {
                _api.CutWatches((ScriptedApi.CutStyle)random.Next(3));
            }

            if (random.Next(5) == 0)
            {
                _api.Remove<Widget>("default", $"w{random.Next(5)}");
            }

            if (random.Next(8) == 0)
            {
                _api.Compact();
            }
        }

        await _time.UntilAsync(() => Same(_api.All<Widget>(), _store.List()), "the same as the server");
    }

    private static bool Same(IEnumerable<Widget> left, IEnumerable<Widget> right) =>
        left.Select(static widget => (widget.Metadata.Name, widget.Spec!.Size)).Order().SequenceEqual(right.Select(static widget => (widget.Metadata.Name, widget.Spec!.Size)).Order());

    private int Count(string part) => _api.Count(line => line.Contains(part, StringComparison.Ordinal));

    private void Start()
    {
        _reflector = new Reflector<Widget>(
            new ApiClient<Widget>(_connection), _store, _options, scope: null, _time, new Random(7), _metrics, _log.For<Reflector<Widget>>());
        _running = Task.Run(() => _reflector.RunAsync(_stop.Token));
    }

    private async Task StartAsync()
    {
        Start();
        await _time.UntilAsync(() => _api.WatcherCount == 1, "watching");
    }

    /// <summary>Deafened watches are still open on the client's side; only their announced end closes them.</summary>
    private Task<TimeSpan> ReopenAsync() => _time.UntilAsync(() => Count("watch=true") > 1, "the dead watch is left", TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(12));
}
