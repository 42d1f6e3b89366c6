using System.Net;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Diagnostics;
using KlosetOperator.Runtime.Events;
using KlosetOperator.Runtime.Hosting;
using KlosetOperator.Runtime.Tests.Support;

namespace KlosetOperator.Runtime.Tests.Events;

[Collection(ClockworkGroup.Name)]
public sealed class EventTests : IDisposable
{
    private readonly TestClock _time = new(new DateTimeOffset(2026, 11, 23, 0, 0, 0, TimeSpan.Zero));
    private readonly EventCorrelator _correlator = new();
    private readonly RuntimeMetrics _metrics = new();
    private readonly ScriptedApi _api = new();
    private readonly TestLog _log = new();

    public void Dispose() => _metrics.Dispose();

    [Fact]
    public void Equal_events_are_counted_and_a_silence_of_six_minutes_starts_anew()
    {
        Assert.IsType<EventDecision.Create>(Decide("note"));
        Assert.Equal(2, Assert.IsType<EventDecision.CountUp>(Decide("note")).Series.Count);
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(3, Assert.IsType<EventDecision.CountUp>(Decide("note")).Series.Count);
        _time.Advance(TimeSpan.FromMinutes(7));
        Assert.IsType<EventDecision.Create>(Decide("note"));
        Assert.IsType<EventDecision.Create>(Decide("note", reason: "Other"));
    }

    [Fact]
    public void More_than_ten_notes_of_one_reason_become_one_series()
    {
        var decisions = Enumerable.Range(0, 15).Select(i => Decide($"note {i}")).ToList();
        Assert.All(decisions.Take(10), static decision => Assert.StartsWith("note", Assert.IsType<EventDecision.Create>(decision).Note, StringComparison.Ordinal));
        Assert.Equal(EventCorrelator.CombinedPrefix + "note 10", Assert.IsType<EventDecision.Create>(decisions[10]).Note);
        Assert.All(decisions.Skip(11), static decision => Assert.IsType<EventDecision.CountUp>(decision));
        Assert.Equal(5, Assert.IsType<EventDecision.CountUp>(decisions[14]).Series.Count);
        _time.Advance(TimeSpan.FromMinutes(11));
        Assert.Equal("note 99", Assert.IsType<EventDecision.Create>(Decide("note 99")).Note);
    }

    [Fact]
    public void One_object_may_have_a_burst_of_25_and_then_one_event_in_five_minutes_while_others_are_not_held_back()
    {
        var decisions = Enumerable.Range(0, 40).Select(i => Decide("note", reason: $"R{i}")).ToList();
        Assert.Equal(25, decisions.Count(static decision => decision is EventDecision.Create));
        Assert.All(decisions.Skip(25), static decision => Assert.IsType<EventDecision.Drop>(decision));
        Assert.IsType<EventDecision.Create>(Decide("note", about: "another"));
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.IsType<EventDecision.Create>(Decide("note", reason: "Later"));
        Assert.IsType<EventDecision.Drop>(Decide("note", reason: "Later still"));
    }

    [Fact]
    public void The_table_forgets_what_was_used_least_recently()
    {
        var table = new LruTable<int, string>(3);
        table.Set(1, "a");
        table.Set(2, "b");
        table.Set(3, "c");
        Assert.True(table.TryGet(1, out _));
        table.Set(4, "d");
        Assert.False(table.TryGet(2, out _));
        Assert.Equal("c", table.GetOrAdd(3, static () => "new"));
        Assert.Equal(3, table.Count);
    }

    [Fact]
    public async Task A_published_event_says_who_what_and_why_and_a_vanished_one_is_told_anew()
    {
        using var connection = _api.Connect(_time, _metrics);
        var recorder = Recorder(connection);
        var running = recorder.RunAsync(TestContext.Current.CancellationToken);
        var widget = Widget.Named("w", "ns");
        widget.Metadata.Uid = "u";
        recorder.Record(widget, EventKind.Warning, "Failed", "Run", new string('x', 3000));
        await Eventually.Holds(() => _api.All<Eventsv1Event>().Count == 1, "published");
        var published = _api.All<Eventsv1Event>().Single();
        Assert.Equal(("test", "pod", "Failed", "Run", "Warning"), (published.ReportingController, published.ReportingInstance, published.Reason, published.Action, published.Type));
        Assert.Equal(("Widget", "example.org/v1", "w", "ns", "u"), (published.Regarding.Kind, published.Regarding.ApiVersion, published.Regarding.Name, published.Regarding.NamespaceProperty, published.Regarding.Uid));
        Assert.True(System.Text.Encoding.UTF8.GetByteCount(published.Note) <= 1024);

        _api.Remove<Eventsv1Event>("ns", published.Metadata.Name);
        recorder.Record(widget, EventKind.Warning, "Failed", "Run", new string('x', 3000));
        await Eventually.Holds(() => _api.All<Eventsv1Event>().Count == 1, "told anew");
        recorder.Complete();
        await running;
    }

    [Fact]
    public async Task Publishing_survives_a_server_that_is_away_and_gives_up_what_it_refuses()
    {
        using var connection = _api.Connect(_time, _metrics);
        var recorder = Recorder(connection);
        _api.Fail(static _ => true, ScriptedApi.Unreachable, times: 2);
        recorder.Record(Widget.Named("a", "ns"), EventKind.Normal, "A", "Do", "");
        var running = recorder.RunAsync(TestContext.Current.CancellationToken);
        await _time.UntilAsync(() => _api.All<Eventsv1Event>().Count == 1, "published", TimeSpan.FromMilliseconds(500));
        _api.Fail(static _ => true, static () => ScriptedApi.Status(HttpStatusCode.Forbidden, "Forbidden", "no RBAC for events"));
        recorder.Record(Widget.Named("b", "ns"), EventKind.Normal, "B", "Do", "");
        recorder.Complete();
        await running.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.Contains(_log.Lines, static line => line.Contains("no RBAC for events", StringComparison.Ordinal));
    }

    private EventRecorder Recorder(ApiConnection connection) => new(
        new ApiClient<Eventsv1Event>(connection), new OperatorHostOptions { Name = "test", Identity = "pod" }, _time, new Random(1), _log.For<EventRecorder>());

    private EventDecision Decide(string note, string reason = "R", string about = "object") =>
        _correlator.Decide(about, EventKind.Normal, reason, "Act", note, _time.GetUtcNow());
}
