using CsCheck;
using KlosetOperator.Runtime.Queue;
using Microsoft.Extensions.Time.Testing;

namespace KlosetOperator.Runtime.Tests.Queue;

public sealed class WorkQueueTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly WorkQueue<string> _queue;

    public WorkQueueTests() => _queue = new WorkQueue<string>("test", _time);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _queue.Dispose();

    [Fact]
    public async Task A_key_waits_once_however_often_it_is_added()
    {
        _queue.Add("a");
        _queue.Add("b");
        _queue.Add("a");
        Assert.Equal(2, _queue.Depth);
        Assert.Equal("a", await TakeAsync());
        Assert.Equal("b", await TakeAsync());
        Assert.Equal(0, _queue.Depth);
    }

    [Fact]
    public async Task A_key_added_while_a_worker_has_it_waits_until_it_is_given_back_and_then_once()
    {
        _queue.Add("a");
        Assert.Equal("a", await TakeAsync());
        _queue.Add("a");
        _queue.Add("a");
        Assert.Equal(0, _queue.Depth);
        _queue.Done("a");
        Assert.Equal(1, _queue.Depth);
        Assert.Equal("a", await TakeAsync());
        _queue.Done("a");
        Assert.Equal(0, _queue.Depth);
    }

    [Fact]
    public async Task What_is_only_a_look_waits_behind_what_happened_and_is_moved_up_when_something_does()
    {
        _queue.Add("initial-1", QueuePriority.Low);
        _queue.Add("initial-2", QueuePriority.Low);
        _queue.Add("changed");
        _queue.Add("initial-2");
        _queue.Add("changed", QueuePriority.Low);
        Assert.Equal(["changed", "initial-2", "initial-1"], [await TakeAsync(), await TakeAsync(), await TakeAsync()]);
        Assert.Equal(0, _queue.Depth);
    }

    [Fact]
    public async Task Of_several_times_the_earliest_wins_and_it_fires_once()
    {
        _queue.AddAfter("a", TimeSpan.FromMinutes(10));
        _queue.AddAfter("a", TimeSpan.FromMinutes(5));
        _queue.AddAfter("a", TimeSpan.FromMinutes(20));
        _time.Advance(TimeSpan.FromMinutes(5) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(0, _queue.Depth);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal("a", await TakeAsync());
        _queue.Done("a");
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(0, _queue.Depth);
    }

    [Fact]
    public void Delays_of_days_fire_when_they_are_due_and_not_at_the_timers_limit()
    {
        _queue.AddAfter("a", TimeSpan.FromDays(75));
        for (var day = 0; day < 75; day++)
        {
            Assert.Equal(0, _queue.Depth);
            _time.Advance(TimeSpan.FromDays(1));
        }

        Assert.Equal(1, _queue.Depth);
    }

    [Fact]
    public void Setting_the_wall_clock_neither_fires_nor_holds_back_anything()
    {
        _queue.AddAfter("a", TimeSpan.FromHours(1));
        _time.AdjustTime(_time.GetUtcNow().AddDays(3));
        Assert.Equal(0, _queue.Depth);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, _queue.Depth);
    }

    [Fact]
    public void The_back_off_doubles_from_5_ms_up_to_1000_s_and_is_forgotten()
    {
        var backoff = new ItemBackoff<string>();
        var delays = Enumerable.Range(0, 20).Select(_ => backoff.Next("a").TotalMilliseconds).ToList();
        Assert.Equal([5, 10, 20, 40, 80], delays.Take(5));
        Assert.Equal(655_360, delays[17]);
        Assert.Equal([1_000_000, 1_000_000], delays.Skip(18));
        Assert.Equal(5, backoff.Next("b").TotalMilliseconds);
        Assert.Equal(TimeSpan.FromMinutes(1), backoff.Next("a", atMost: TimeSpan.FromMinutes(1)));
        backoff.Forget("a");
        Assert.Equal(5, backoff.Next("a").TotalMilliseconds);
    }

    [Fact]
    public void A_wait_that_somebody_asked_for_is_kept()
    {
        _queue.AddRateLimited("a", TimeSpan.FromMinutes(1));
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(0, _queue.Depth);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, _queue.Depth);
    }

    [Fact]
    public async Task A_closed_queue_gives_out_nothing_and_lets_waiting_workers_go()
    {
        var waiting = _queue.TakeAsync(Token);
        _queue.Close();
        Assert.False((await waiting).Taken);
        _queue.Add("late");
        Assert.False((await _queue.TakeAsync(Token)).Taken);
    }

    [Fact]
    public async Task Gauges_tell_how_long_work_has_been_going_on()
    {
        _queue.Add("a");
        _queue.Add("b");
        await TakeAsync();
        _time.Advance(TimeSpan.FromSeconds(3));
        await TakeAsync();
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(7, _queue.UnfinishedSeconds);
        Assert.Equal(5, _queue.LongestSeconds);
    }

    [Fact]
    public void Many_workers_never_share_a_key_and_nothing_that_was_added_is_lost() =>
        Gen.Int[0, int.MaxValue].Sample(
            seed =>
            {
                using var queue = new WorkQueue<int>("model", TimeProvider.System);
                var owned = new int[8];
                var wanted = new int[8];
                var handled = new int[8];
                var shared = 0;
                async Task WorkAsync()
                {
                    while (await queue.TakeAsync(CancellationToken.None) is (true, var key))
                    {
                        if (Interlocked.Increment(ref owned[key]) > 1)
                        {
                            Interlocked.Increment(ref shared);
                        }

                        // What was added before now is seen by this look.
                        var seen = Volatile.Read(ref wanted[key]);
                        await Task.Yield();
                        handled[key] = Math.Max(handled[key], seen);
                        Interlocked.Decrement(ref owned[key]);
                        queue.Done(key);
                    }
                }

                var workers = Enumerable.Range(0, 4).Select(_ => Task.Run(WorkAsync)).ToArray();
                var adders = Enumerable.Range(0, 3).Select(adder => Task.Run(() =>
                {
                    var random = new Random(seed + adder);
                    for (var i = 0; i < 200; i++)
                    {
                        var key = random.Next(8);
                        Interlocked.Increment(ref wanted[key]);
                        queue.Add(key, (QueuePriority)random.Next(2));
                    }
                })).ToArray();
                Task.WaitAll(adders);
                Assert.True(SpinWait.SpinUntil(() => queue.Depth == 0 && owned.All(static count => count == 0) && wanted.SequenceEqual(handled), TimeSpan.FromSeconds(20)));
                queue.Close();
                Task.WaitAll(workers);
                return shared == 0;
            },
            iter: 15,
            seed: "0002KV3fY4U1",
            threads: 1);

    private async Task<string> TakeAsync()
    {
        var (taken, key) = await _queue.TakeAsync(Token).WaitAsync(TimeSpan.FromSeconds(10), Token);
        Assert.True(taken);
        return key;
    }
}
