using System.Text.Json.Nodes;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Apply;
using KlosetOperator.Runtime.Cache;
using KlosetOperator.Runtime.Diagnostics;
using KlosetOperator.Runtime.Events;
using KlosetOperator.Runtime.Hosting;
using KlosetOperator.Runtime.Leader;
using KlosetOperator.Runtime.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace KlosetOperator.Runtime.Tests.Real;

/// <summary>What only a real API server can confirm.</summary>
public sealed class RealApiServerTests(RealServerFixture fixture)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_informer_shows_what_was_there_and_what_happens_next()
    {
        var connection = await fixture.ConnectAsync();
        var ns = await fixture.NamespaceAsync("informer");
        var widgets = new ApiClient<Widget>(connection);
        await widgets.CreateAsync(Widget.Named("first", ns), Token);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        using var metrics = new RuntimeMetrics();
        var log = new TestLog();
        var informer = new Informer<Widget>(
            widgets, new InformerOptions<Widget>(), [ns], TimeProvider.System, new Random(1), metrics, log.For<Informer<Widget>>());
        var seen = new List<string>();
        informer.Store.Subscribe(change =>
        {
            lock (seen)
            {
                seen.Add($"{change.GetType().Name} {change.Key.Name}");
            }
        });
        var running = informer.RunAsync(stop.Token);
        await informer.Synced.WaitAsync(TimeSpan.FromSeconds(20), Token);
        Assert.Equal(1, informer.Store.Get(new NamespacedName(ns, "first"))!.Spec!.Size);

        var second = await widgets.CreateAsync(Widget.Named("second", ns), Token);
        await widgets.PatchMergeAsync(new NamespacedName(ns, "second"), new JsonObject { ["spec"] = new JsonObject { ["size"] = 7 } }, Token);
        Assert.True(await widgets.DeleteAsync(new NamespacedName(ns, "first"), Deletion.Background, Token));
        Assert.False(await widgets.DeleteAsync(new NamespacedName(ns, "first"), Deletion.Background, Token));
        Assert.False(await widgets.DeleteAsync(new NamespacedName(ns, "second"), Deletion.Background with { Uid = "another" }, Token));

        await Eventually.Holds(() => informer.Store.Count == 1 && informer.Store.List().Single().Spec!.Size == 7, "the changes arrive");
        Assert.Equal(second.Metadata.Uid, informer.Store.List().Single().Metadata.Uid);
        Assert.Null(informer.Store.List().Single().Metadata.ManagedFields);
        lock (seen)
        {
            Assert.Equal(["Added first", "Added second", "Updated second", "Deleted first"], seen);
        }

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_watch_of_metadata_never_transfers_the_data_of_a_secret()
    {
        var connection = await fixture.ConnectAsync();
        var ns = await fixture.NamespaceAsync("metadata");
        await new ApiClient<V1Secret>(connection).CreateAsync(
            new V1Secret
            {
                Metadata = new V1ObjectMeta { Name = "s", NamespaceProperty = ns, Annotations = new Dictionary<string, string> { ["a"] = "b" } },
                StringData = new Dictionary<string, string> { ["password"] = "correct horse" },
            },
            Token);

        var client = new ApiClient<MetadataOnly<V1Secret>>(connection);
        var list = await client.ListAsync(new ListQuery(ns), Token);
        var secret = Assert.Single(list.Items);
        Assert.Equal("b", secret.Metadata.Annotations["a"]);
        Assert.Equal("Secret", secret.Kind);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        await foreach (var change in client.WatchAsync(new WatchQuery(ns, "0") { Timeout = TimeSpan.FromSeconds(30) }, stop.Token))
        {
            Assert.Equal("s", Assert.IsType<WatchEvent<MetadataOnly<V1Secret>>.Added>(change).Entity.Metadata.Name);
            break;
        }
    }

    [Fact]
    public async Task An_idle_watch_that_the_server_closes_ends_in_good_order_and_an_old_version_is_expired()
    {
        var connection = await fixture.ConnectAsync();
        var ns = await fixture.NamespaceAsync("idle");
        var client = new ApiClient<Widget>(connection);
        var version = (await client.ListAsync(new ListQuery(ns), Token)).ResourceVersion;

        var events = new List<WatchEvent<Widget>>();
        await foreach (var item in client.WatchAsync(new WatchQuery(ns, version) { Timeout = TimeSpan.FromSeconds(1) }, Token))
        {
            events.Add(item);
        }

        Assert.IsType<WatchEnd.Closed>(Assert.IsType<WatchEvent<Widget>.Ended>(events[^1]).End);
        Assert.All(events.SkipLast(1), static item => Assert.IsType<WatchEvent<Widget>.Bookmark>(item));

        events.Clear();
        await foreach (var item in client.WatchAsync(new WatchQuery(ns, "1") { Timeout = TimeSpan.FromSeconds(1) }, Token))
        {
            events.Add(item);
        }

        Assert.IsType<WatchEnd.Expired>(Assert.IsType<WatchEvent<Widget>.Ended>(events[^1]).End);
    }

    [Fact]
    public async Task Lists_go_page_by_page_and_refusals_say_why()
    {
        var connection = await fixture.ConnectAsync();
        var ns = await fixture.NamespaceAsync("pages");
        var client = new ApiClient<Widget>(connection);
        for (var i = 0; i < 7; i++)
        {
            await client.CreateAsync(Widget.Named($"w{i}", ns, i), Token);
        }

        var list = await client.ListAsync(new ListQuery(ns) { Limit = 3 }, Token);
        Assert.Equal(7, list.Items.Count);

        var exists = await Assert.ThrowsAsync<ApiException>(() => client.CreateAsync(Widget.Named("w1", ns), Token));
        Assert.True(exists.IsAlreadyExists);
        Assert.False(exists.IsConflict);

        var stale = list.Items[0];
        await client.PatchMergeAsync(NamespacedName.Of(stale), new JsonObject { ["spec"] = new JsonObject { ["size"] = 99 } }, Token);
        var conflict = await Assert.ThrowsAsync<ApiException>(() => client.ReplaceAsync(stale with { Spec = new WidgetSpec { Size = 5 } }, Token));
        Assert.True(conflict.IsConflict);

        var missing = await Assert.ThrowsAsync<ApiException>(() => client.CreateAsync(Widget.Named("w", "no-such-namespace"), Token));
        Assert.True(missing.IsNotFound);
        Assert.Contains("no-such-namespace", missing.Message, StringComparison.Ordinal);

        var tooNew = await Assert.ThrowsAsync<ApiException>(() => client.ListAsync(new ListQuery(ns) { ResourceVersion = "99999999" }, Token));
        Assert.True(tooNew.IsTooLargeResourceVersion, tooNew.Message);
    }

    [Fact]
    public async Task An_applied_status_keeps_foreign_fields_drops_its_own_and_is_not_sent_twice()
    {
        var connection = await fixture.ConnectAsync();
        var ns = await fixture.NamespaceAsync("status");
        var client = new ApiClient<Widget>(connection);
        var widget = await client.CreateAsync(Widget.Named("w", ns), Token);
        var key = NamespacedName.Of(widget);
        var foreign = new JsonObject
        {
            ["apiVersion"] = "example.org/v1",
            ["kind"] = "Widget",
            ["metadata"] = new JsonObject { ["name"] = "w", ["namespace"] = ns },
            ["status"] = new JsonObject
            {
                ["conditions"] = new JsonArray(new JsonObject
                {
                    ["type"] = "Audited",
                    ["status"] = "True",
                    ["reason"] = "ByHand",
                    ["message"] = "",
                    ["lastTransitionTime"] = "2026-01-01T00:00:00Z",
                }),
            },
        };
        await client.ApplyAsync(foreign, "auditor", force: false, Token, "status");

        var services = new ServiceCollection().AddSingleton<IApiClient<Widget>>(client).BuildServiceProvider();
        var applier = new StatusApplier(services, new OperatorHostOptions { Name = "test-operator" });
        var now = new DateTimeOffset(2026, 11, 23, 10, 0, 0, TimeSpan.Zero);

        async Task<StatusWrite> ApplyAsync(Func<Conditions, Conditions> set, DateTimeOffset time)
        {
            var current = (await client.GetAsync(key, Token))!;
            var conditions = set(new Conditions(current.Status?.Conditions, current.Metadata.Generation, time));
            return await applier.ApplyAsync(current, new WidgetStatus { ObservedGeneration = current.Metadata.Generation, Conditions = conditions.ToList() }, Token);
        }

        Assert.Equal(StatusWrite.Written, await ApplyAsync(c => c.Set(Conditions.Ready, false, "Starting", "…").MarkReconciling("Starting", "…"), now));
        Assert.Equal(StatusWrite.Written, await ApplyAsync(c => c.Set(Conditions.Ready, true, "Armed", "").MarkSettled(), now.AddHours(1)));
        Assert.Equal(StatusWrite.Unchanged, await ApplyAsync(c => c.Set(Conditions.Ready, true, "Armed", "").MarkSettled(), now.AddHours(2)));

        var final = (await client.GetAsync(key, Token))!;
        Assert.Equal(["Audited", "Ready"], final.Status!.Conditions!.Select(static condition => condition.Type).Order());
        Assert.Equal(now.AddHours(1).UtcDateTime, final.Status.Conditions!.Single(static condition => condition.Type == "Ready").LastTransitionTime);
        Assert.Equal(1, final.Spec!.Size);

        // Deleted and made anew: the old object's status must not land on the new one.
        await client.DeleteAsync(key, Deletion.Background, Token);
        Assert.Equal(StatusWrite.Gone, await applier.ApplyAsync(final, new WidgetStatus { Phase = "x" }, Token));
        await client.CreateAsync(Widget.Named("w", ns), Token);
        var conflict = await Assert.ThrowsAsync<ApiException>(() => applier.ApplyAsync(final, new WidgetStatus { Phase = "y" }, Token));
        Assert.True(conflict.IsConflict, conflict.Message);
        Assert.Null((await client.GetAsync(key, Token))!.Status?.Phase);
    }

    [Fact]
    public async Task Events_are_accepted_and_repeated_ones_become_a_series()
    {
        var connection = await fixture.ConnectAsync();
        var ns = await fixture.NamespaceAsync("events");
        var client = new ApiClient<Eventsv1Event>(connection);
        var widget = await new ApiClient<Widget>(connection).CreateAsync(Widget.Named("w", ns), Token);
        var log = new TestLog();
        var recorder = new EventRecorder(
            client, new OperatorHostOptions { Name = "test-operator", Identity = "pod-1" }, TimeProvider.System, new Random(3), log.For<EventRecorder>());
        for (var i = 0; i < 3; i++)
        {
            recorder.Record(widget, EventKind.Warning, "Failed", "RunJob", "It failed.");
        }

        recorder.Record(widget, EventKind.Normal, "Started", "CreateJob", new string('ä', 2000), widget);
        var node = new V1Namespace { Metadata = new V1ObjectMeta { Name = "events", Uid = "1" } };
        recorder.Record(node, EventKind.Normal, "Seen", "Look", "About an object of the cluster's scope.");
        recorder.Complete();
        await recorder.RunAsync(Token);

        Assert.Empty(log.Lines);
        var events = (await client.ListAsync(new ListQuery(ns), Token)).Items;
        Assert.Equal(2, events.Count);
        var failed = events.Single(static item => item.Reason == "Failed");
        Assert.Equal(3, failed.Series.Count);
        Assert.Equal("Warning", failed.Type);
        Assert.Equal("test-operator", failed.ReportingController);
        Assert.Equal(widget.Metadata.Uid, failed.Regarding.Uid);
        Assert.Contains((await client.ListAsync(new ListQuery("default"), Token)).Items, static item => item.Reason == "Seen");
    }

    [Fact]
    public async Task Of_two_electors_one_leads_and_the_other_takes_over_when_it_releases()
    {
        var connection = await fixture.ConnectAsync();
        var ns = await fixture.NamespaceAsync("election");
        var client = new ApiClient<V1Lease>(connection);
        using var metrics = new RuntimeMetrics();
        var log = new TestLog();
        var options = new LeaseElectionOptions
        {
            LeaseDuration = TimeSpan.FromSeconds(3),
            RenewDeadline = TimeSpan.FromSeconds(2),
            RetryPeriod = TimeSpan.FromMilliseconds(200),
        };
        LeaseElector Elector(string identity) => new(
            client, new NamespacedName(ns, "lease"), identity, options, TimeProvider.System, new Random(1), metrics, log.For<LeaseElector>());
        var first = Elector("a");
        var second = Elector("b");

        await first.AcquireAsync(Token);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var holding = first.HoldAsync(stop.Token);
        var waiting = second.AcquireAsync(Token);

        // Longer than the lease: only renewals keep it.
        await Task.Delay(TimeSpan.FromSeconds(4), Token);
        Assert.True(first.IsLeader);
        Assert.False(waiting.IsCompleted);
        Assert.Equal("a", second.Holder);

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => holding);
        await first.ReleaseAsync(Token);
        await waiting.WaitAsync(TimeSpan.FromSeconds(3), Token);
        Assert.True(second.IsLeader);
        var lease = (await client.GetAsync(new NamespacedName(ns, "lease"), Token))!;
        Assert.Equal("b", lease.Spec.HolderIdentity);
        Assert.Equal(1, lease.Spec.LeaseTransitions);

        // Somebody takes it by force: the holder stops at its next renewal.
        holding = second.HoldAsync(Token);
        await client.PatchMergeAsync(new NamespacedName(ns, "lease"), new JsonObject { ["spec"] = new JsonObject { ["holderIdentity"] = "thief" } }, Token);
        await holding.WaitAsync(TimeSpan.FromSeconds(3), Token);
        Assert.False(second.IsLeader);
    }
}
