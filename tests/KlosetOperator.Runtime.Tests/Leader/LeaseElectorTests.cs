using System.Net;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Diagnostics;
using KlosetOperator.Runtime.Leader;
using KlosetOperator.Runtime.Tests.Support;

namespace KlosetOperator.Runtime.Tests.Leader;

[Collection(ClockworkGroup.Name)]
public sealed class LeaseElectorTests : IDisposable
{
    private static readonly NamespacedName Key = new("default", "lease");
    private readonly TestClock _time = new();
    private readonly RuntimeMetrics _metrics = new();
    private readonly ScriptedApi _api = new();
    private readonly ApiConnection _connection;
    private readonly TestLog _log = new();
    private readonly CancellationTokenSource _stop = new();

    public LeaseElectorTests() => _connection = _api.Connect(_time, _metrics);

    private V1LeaseSpec Lease => _api.All<V1Lease>().Single().Spec;

    public void Dispose()
    {
        _stop.Cancel();
        _connection.Dispose();
        _metrics.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task The_first_to_ask_creates_the_lease_and_renews_it()
    {
        var elector = await LeaderAsync("a");
        Assert.Equal(("a", 15, 0), (Lease.HolderIdentity, Lease.LeaseDurationSeconds, Lease.LeaseTransitions));
        var acquired = Lease.AcquireTime;
        var before = Lease.RenewTime;
        _ = elector.HoldAsync(_stop.Token);
        await _time.UntilAsync(() => Lease.RenewTime - before > TimeSpan.FromSeconds(9), "renewed", TimeSpan.FromMilliseconds(500));
        Assert.Equal(acquired, Lease.AcquireTime);
        Assert.True(elector.IsLeader);
    }

    [Fact]
    public async Task A_dead_holders_lease_is_taken_only_a_full_duration_after_it_was_last_seen_to_change_whatever_its_clock_said()
    {
        // By its own clock it expired long ago; that clock is not ours.
        PutLease("dead", renewed: _time.GetUtcNow().UtcDateTime.AddDays(-1), seconds: 40);
        var elector = Elector("b");
        var acquiring = elector.AcquireAsync(_stop.Token);
        var waited = await _time.UntilAsync(() => acquiring.IsCompleted, "taken", TimeSpan.FromMilliseconds(500));
        Assert.InRange(waited, TimeSpan.FromSeconds(40), TimeSpan.FromSeconds(55));
        Assert.Equal(("b", 1), (Lease.HolderIdentity, Lease.LeaseTransitions));
    }

    [Fact]
    public async Task A_holder_whose_clock_runs_behind_keeps_the_lease_while_it_renews()
    {
        PutLease("slow-clock", _time.GetUtcNow().UtcDateTime.AddYears(-1), 15);
        var elector = Elector("b");
        var acquiring = elector.AcquireAsync(_stop.Token);
        for (var i = 0; i < 20; i++)
        {
            var target = _time.GetUtcNow().AddSeconds(5);
            await _time.UntilAsync(() => _time.GetUtcNow() >= target, "five seconds", TimeSpan.FromSeconds(1));
            PutLease("slow-clock", _time.GetUtcNow().UtcDateTime.AddYears(-1), 15);
        }

        Assert.False(acquiring.IsCompleted);
    }

    [Fact]
    public async Task A_released_lease_is_taken_at_the_next_try()
    {
        var first = await LeaderAsync("a");
        var second = Elector("b");
        var acquiring = second.AcquireAsync(_stop.Token);
        await Pump.SettleAsync();
        await first.ReleaseAsync(TestContext.Current.CancellationToken);
        Assert.False(first.IsLeader);
        Assert.Equal(("", 1), (Lease.HolderIdentity, Lease.LeaseDurationSeconds));
        Assert.True(await _time.UntilAsync(() => acquiring.IsCompleted, "taken", TimeSpan.FromMilliseconds(200)) < TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task A_holder_that_cannot_renew_is_out_after_the_deadline_and_stops_asking()
    {
        var elector = await LeaderAsync("a");
        var holding = elector.HoldAsync(_stop.Token);
        _api.Fail(static _ => true, ScriptedApi.Unreachable, times: int.MaxValue);
        var waited = await _time.UntilAsync(() => holding.IsCompleted, "lost", TimeSpan.FromMilliseconds(200));
        Assert.InRange(waited, TimeSpan.FromSeconds(9.5), TimeSpan.FromSeconds(15));
        Assert.False(elector.IsLeader);
        var asked = _api.Requests.Count;
        _time.Advance(TimeSpan.FromMinutes(1));
        await Pump.SettleAsync();
        Assert.Equal(asked, _api.Requests.Count);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_at_all_cannot_keep_a_holder_in_office()
    {
        var stall = new Stall();
        using var connection = _api.Connect(_time, _metrics, [stall]);
        var elector = Elector("a", connection);
        await elector.AcquireAsync(_stop.Token);
        var holding = elector.HoldAsync(_stop.Token);
        stall.On = true;
        var waited = await _time.UntilAsync(() => holding.IsCompleted, "lost", TimeSpan.FromMilliseconds(200));
        Assert.InRange(waited, TimeSpan.FromSeconds(9.5), TimeSpan.FromSeconds(15));
        Assert.False(elector.IsLeader);
    }

    [Fact]
    public async Task A_short_outage_is_survived()
    {
        var elector = await LeaderAsync("a");
        var holding = elector.HoldAsync(_stop.Token);
        _api.Fail(static _ => true, static () => ScriptedApi.Status(HttpStatusCode.InternalServerError, "InternalError"), times: 3);
        var before = Lease.RenewTime;
        await _time.UntilAsync(() => Lease.RenewTime > before, "renewed", TimeSpan.FromMilliseconds(200));
        Assert.True(elector.IsLeader);
        Assert.False(holding.IsCompleted);
    }

    [Fact]
    public async Task A_renewal_whose_answer_got_lost_is_found_to_be_ours()
    {
        var elector = await LeaderAsync("a");
        _ = elector.HoldAsync(_stop.Token);
        _api.Fail(static line => line.StartsWith("PUT", StringComparison.Ordinal), ScriptedApi.Unreachable, after: true);
        await _time.UntilAsync(() => _api.Count(static line => line.StartsWith("PUT", StringComparison.Ordinal)) >= 3, "renewed again", TimeSpan.FromMilliseconds(200));
        Assert.True(elector.IsLeader);
        Assert.Equal(0, Lease.LeaseTransitions);
    }

    [Fact]
    public async Task Of_many_who_wait_exactly_one_gets_it_each_time()
    {
        var electors = Enumerable.Range(0, 4).Select(i => Elector($"e{i}")).ToList();
        var acquiring = electors.Select(elector => elector.AcquireAsync(_stop.Token)).ToList();
        for (var round = 0; round < 4; round++)
        {
            await _time.UntilAsync(() => electors.Any(static elector => elector.IsLeader), "somebody leads", TimeSpan.FromMilliseconds(500));
            var leader = electors.Single(static elector => elector.IsLeader);
            Assert.Equal(leader, electors.Single(elector => elector.IsLeader && Lease.HolderIdentity == leader.Holder));
            await leader.ReleaseAsync(TestContext.Current.CancellationToken);
            electors.Remove(leader);
        }

        await Task.WhenAll(acquiring);
    }

    [Fact]
    public async Task A_holder_whose_loop_is_stuck_is_unhealthy_and_a_standby_never_is()
    {
        var holder = await LeaderAsync("a");
        var standby = Elector("b");
        _time.Advance(TimeSpan.FromSeconds(24));
        Assert.True(holder.IsHealthy);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.False(holder.IsHealthy);
        Assert.True(standby.IsHealthy);
    }

    [Fact]
    public void Times_that_would_let_two_lead_at_once_are_refused() =>
        Assert.Throws<ArgumentException>(() => Elector("a", options: new LeaseElectionOptions { LeaseDuration = TimeSpan.FromSeconds(10) }));

    [Fact]
    public void Two_processes_of_one_name_have_different_identities()
    {
        var random = new Random(1);
        Assert.NotEqual(LeaseElector.UniqueIdentity("pod", random), LeaseElector.UniqueIdentity("pod", random));
    }

    private LeaseElector Elector(string identity, ApiConnection? connection = null, LeaseElectionOptions? options = null) => new(
        new ApiClient<V1Lease>(connection ?? _connection), Key, identity, options ?? new LeaseElectionOptions(), _time, new Random(identity.Length), _metrics, _log.For<LeaseElector>());

    private async Task<LeaseElector> LeaderAsync(string identity)
    {
        var elector = Elector(identity);
        await elector.AcquireAsync(_stop.Token);
        return elector;
    }

    private void PutLease(string holder, DateTime renewed, int seconds) => _api.Put(new V1Lease
    {
        Metadata = new V1ObjectMeta { Name = Key.Name, NamespaceProperty = Key.Namespace, Labels = new Dictionary<string, string> { ["v"] = $"{_time.GetUtcNow().Ticks}" } },
        Spec = new V1LeaseSpec { HolderIdentity = holder, LeaseDurationSeconds = seconds, RenewTime = renewed.AddTicks(_time.GetUtcNow().Ticks % 100_000_000_000), AcquireTime = renewed, LeaseTransitions = 0 },
    });

    private sealed class Stall : DelegatingHandler
    {
        public bool On { get; set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (On)
            {
                await Task.Delay(Timeout.Infinite, cancellationToken);
            }

            return await base.SendAsync(request, cancellationToken);
        }
    }
}
