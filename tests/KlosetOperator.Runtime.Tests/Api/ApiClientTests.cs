using System.Net;
using System.Text.Json.Nodes;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Diagnostics;
using KlosetOperator.Runtime.Tests.Support;

namespace KlosetOperator.Runtime.Tests.Api;

[Collection(ClockworkGroup.Name)]
public sealed class ApiClientTests : IDisposable
{
    private readonly TestClock _time = new();
    private readonly RuntimeMetrics _metrics = new();
    private readonly ScriptedApi _api = new();
    private readonly ApiConnection _connection;
    private readonly ApiClient<Widget> _client;

    public ApiClientTests()
    {
        _connection = _api.Connect(_time, _metrics);
        _client = new ApiClient<Widget>(_connection);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _connection.Dispose();
        _metrics.Dispose();
    }

    [Fact]
    public async Task A_list_follows_its_continue_tokens_and_does_not_name_a_version_beside_one()
    {
        for (var i = 0; i < 8; i++)
        {
            _api.Put(Widget.Named($"w{i}"));
        }

        _api.PageLimit = 3;
        var list = await _client.ListAsync(new ListQuery { Limit = 500, ResourceVersion = "0" }, Token);
        Assert.Equal(8, list.Items.Count);
        Assert.Equal("108", list.ResourceVersion);
        Assert.All(list.Items, static item => Assert.Equal(("Widget", "example.org/v1"), (item.Kind, item.ApiVersion)));
        Assert.Equal(
            [
                "GET /apis/example.org/v1/widgets?limit=500&resourceVersion=0",
                "GET /apis/example.org/v1/widgets?limit=500&continue=3",
                "GET /apis/example.org/v1/widgets?limit=500&continue=6",
            ],
            _api.Requests);
    }

    [Fact]
    public async Task An_odd_object_does_not_hide_the_others_of_a_list()
    {
        _api.Put(Widget.Named("good"));
        _api.PutRaw<Widget>("default", "odd", new JsonObject { ["spec"] = new JsonObject { ["size"] = "many" } });
        var list = await _client.ListAsync(new ListQuery(), Token);
        Assert.Equal("good", Assert.Single(list.Items).Metadata.Name);
        Assert.Equal(new NamespacedName("default", "odd"), Assert.Single(list.Undecodable).Key);
    }

    [Fact]
    public async Task A_server_that_is_busy_is_asked_again_after_the_time_it_names_with_the_same_body()
    {
        _api.Fail(static _ => true, static () => ScriptedApi.Status(HttpStatusCode.TooManyRequests, "TooManyRequests", retryAfter: TimeSpan.FromSeconds(3)), times: 2);
        var creating = _client.CreateAsync(Widget.Named("w", size: 42), Token);
        var waited = await _time.UntilAsync(() => creating.IsCompleted, "created", TimeSpan.FromMilliseconds(500));
        Assert.Equal(42, (await creating).Spec!.Size);
        Assert.InRange(waited, TimeSpan.FromSeconds(6), TimeSpan.FromSeconds(8));
        Assert.Equal(3, _api.Requests.Count);
    }

    [Fact]
    public async Task A_long_wait_is_handed_to_the_caller()
    {
        _api.Fail(static _ => true, static () => ScriptedApi.Status(HttpStatusCode.ServiceUnavailable, "ServiceUnavailable", retryAfter: TimeSpan.FromMinutes(5)));
        var error = await Assert.ThrowsAsync<ApiException>(() => _client.GetAsync(new NamespacedName("default", "w"), Token));
        Assert.Equal(TimeSpan.FromMinutes(5), error.RetryAfter);
        Assert.True(error.IsTransient);
        Assert.Single(_api.Requests);
    }

    [Fact]
    public async Task A_500_without_an_invitation_is_not_sent_again()
    {
        _api.Fail(static _ => true, static () => ScriptedApi.Status(HttpStatusCode.InternalServerError, "InternalError", "boom"));
        var error = await Assert.ThrowsAsync<ApiException>(() => _client.CreateAsync(Widget.Named("w"), Token));
        Assert.Equal("create widgets.example.org default/w: boom", error.Message);
        Assert.Single(_api.Requests);
    }

    [Fact]
    public async Task A_call_without_an_answer_ends_at_its_limit()
    {
        var never = new TaskCompletionSource();
        using var connection = _api.Connect(_time, _metrics, [new Stall(never.Task)]);
        var getting = new ApiClient<Widget>(connection).GetAsync(new NamespacedName("default", "w"), Token);
        var waited = await _time.UntilAsync(() => getting.IsCompleted, "given up", TimeSpan.FromSeconds(1));
        var error = await Assert.ThrowsAsync<ApiException>(() => getting);
        Assert.Null(error.StatusCode);
        Assert.InRange(waited, TimeSpan.FromSeconds(29), TimeSpan.FromSeconds(33));
    }

    [Fact]
    public async Task A_caller_who_cancels_gets_a_cancellation_not_an_error()
    {
        using var connection = _api.Connect(_time, _metrics, [new Stall(new TaskCompletionSource().Task)]);
        using var stop = new CancellationTokenSource();
        var getting = new ApiClient<Widget>(connection).GetAsync(new NamespacedName("default", "w"), stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => getting);
    }

    [Fact]
    public async Task An_answer_that_is_no_Status_still_makes_a_readable_error()
    {
        _api.Fail(static _ => true, static () => new HttpResponseMessage(HttpStatusCode.BadGateway) { Content = new StringContent("<html>proxy</html>") });
        var error = await Assert.ThrowsAsync<ApiException>(() => _client.GetAsync(new NamespacedName("default", "w"), Token));
        Assert.Equal("get widgets.example.org default/w: 502 Bad Gateway", error.Message);
    }

    [Fact]
    public async Task An_unreachable_server_makes_an_error_without_a_code()
    {
        _api.Fail(static _ => true, ScriptedApi.Unreachable);
        var error = await Assert.ThrowsAsync<ApiException>(() => _client.GetAsync(new NamespacedName("default", "w"), Token));
        Assert.Null(error.StatusCode);
        Assert.True(error.IsTransient);
    }

    [Fact]
    public void Times_are_written_as_the_kind_of_field_wants_them()
    {
        var time = new DateTime(2026, 11, 23, 10, 20, 30, DateTimeKind.Utc);
        var lease = ApiJson.ToNode(new V1Lease { Spec = new V1LeaseSpec { RenewTime = time } })!;
        Assert.Equal("2026-11-23T10:20:30.000000Z", (string?)lease["spec"]!["renewTime"]);
        var record = ApiJson.ToNode(new Eventsv1Event { EventTime = time, Series = new Eventsv1EventSeries { Count = 2, LastObservedTime = time } })!;
        Assert.Equal("2026-11-23T10:20:30.000000Z", (string?)record["eventTime"]);
        Assert.Equal("2026-11-23T10:20:30.000000Z", (string?)record["series"]!["lastObservedTime"]);
        var condition = ApiJson.ToNode(new V1Condition { LastTransitionTime = time })!;
        Assert.Equal("2026-11-23T10:20:30Z", (string?)condition["lastTransitionTime"]);
        Assert.Equal(time, ApiJson.Clone(new V1Condition { LastTransitionTime = time }).LastTransitionTime);
        Assert.Equal(time.AddTicks(1230), ApiJson.Clone(new V1Lease { Spec = new V1LeaseSpec { RenewTime = time.AddTicks(1230) } }).Spec.RenewTime);
    }

    [Fact]
    public void Strings_that_repeat_are_one_object_and_all_are_right()
    {
        static V1ConfigMap Read(string json) => System.Text.Json.JsonSerializer.Deserialize<V1ConfigMap>(json, ApiJson.Options)!;
        var first = Read("""{"metadata":{"name":"same","labels":{"key":"value"}},"data":{"a":"ä","b":"x\n\u00e4","c":null}}""");
        var second = Read("""{"metadata":{"name":"same","labels":{"key":"value"}}}""");
        Assert.Same(first.Metadata.Name, second.Metadata.Name);
        Assert.Same(first.Metadata.Labels["key"], second.Metadata.Labels["key"]);
        Assert.Equal(["ä", "x\nä", null], first.Data.Values);
        Assert.Throws<System.Text.Json.JsonException>(static () => Read("""{"metadata":{"name":7}}"""));
        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            var text = new string((char)('a' + random.Next(26)), random.Next(1, 40)) + random.Next(1000);
            Assert.Equal(text, Read("{\"data\":{\"" + text + "\":\"" + text + "\"}}").Data[text]);
        }
    }

    [Fact]
    public void Paths_follow_the_group_and_the_namespace()
    {
        Assert.Equal("api/v1/namespaces/n/secrets/a%2Fb", ApiResource.Of<V1Secret>().Path("n", "a/b"));
        Assert.Equal("apis/example.org/v1/namespaces/n/widgets/w/status", ApiResource.Of<Widget>().Path("n", "w", "status"));
        Assert.Equal("apis/batch/v1/jobs", ApiResource.Of<V1Job>().Path(null));
        Assert.True(ApiResource.Of<MetadataOnly<V1Secret>>().MetadataOnly);
        Assert.Throws<InvalidOperationException>(static () => ApiResource.Of<string>());
    }

    private sealed class Stall(Task until) : DelegatingHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            await until.WaitAsync(cancellationToken);
            return await base.SendAsync(request, cancellationToken);
        }
    }
}
