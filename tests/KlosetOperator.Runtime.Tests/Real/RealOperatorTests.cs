using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Apply;
using KlosetOperator.Runtime.Control;
using KlosetOperator.Runtime.Events;
using KlosetOperator.Runtime.Hosting;
using KlosetOperator.Runtime.Tests.Support;
using Microsoft.Extensions.Logging;

namespace KlosetOperator.Runtime.Tests.Real;

/// <summary>A whole operator on a real API server, with no more rights than the README names.</summary>
public sealed class RealOperatorTests(RealServerFixture fixture)
{
    private const string Finalizer = "example.org/cleanup";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_documented_rights_are_enough_to_reconcile_finalize_elect_and_tell()
    {
        var connection = await fixture.ConnectAsync();
        var ns = await fixture.NamespaceAsync("operator");
        await GrantAsync(connection, ns);
        var widgets = new ApiClient<Widget>(connection);
        await widgets.CreateAsync(Widget.Named("w", ns), Token);

        var log = new TestLog();
        var builder = OperatorHost.CreateBuilder(
            fixture.Server.Configuration("operator"), new OperatorHostOptions { Name = "test-operator", Namespace = ns, HttpUrl = null });
        builder.Options.WatchNamespaces.Add(ns);
        builder.Logging.AddProvider(log).AddFilter("Microsoft", LogLevel.Error);
        builder.AddController<Widget, Reconciler>(static controller => controller.Owns<MetadataOnly<V1ConfigMap>>().WithFinalizer<Cleaner>(Finalizer));
        await using var host = builder.Build();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var running = host.RunAsync(stop.Token);

        var key = new NamespacedName(ns, "w");
        await Eventually.Holds(async () => (await widgets.GetAsync(key, Token))?.Status?.Phase == "Made", "reconciled");
        Assert.Contains(Finalizer, (await widgets.GetAsync(key, Token))!.Metadata.Finalizers);
        var maps = new ApiClient<V1ConfigMap>(connection);

        // What it owns comes back when somebody deletes it.
        var first = (await maps.GetAsync(new NamespacedName(ns, "map-w"), Token))!;
        await maps.DeleteAsync(new NamespacedName(ns, "map-w"), Deletion.Background, Token);
        await Eventually.Holds(async () => await maps.GetAsync(new NamespacedName(ns, "map-w"), Token) is { } map && map.Metadata.Uid != first.Metadata.Uid, "made again");

        await widgets.DeleteAsync(key, Deletion.Background, Token);
        await Eventually.Holds(async () => await widgets.GetAsync(key, Token) is null, "finalized and gone");
        await Eventually.Holds(
            async () => (await new ApiClient<Eventsv1Event>(connection).ListAsync(new ListQuery(ns), Token)).Items.Any(static item => item.Reason == "Cleaned"), "told");

        await stop.CancelAsync();
        Assert.Equal(0, await running.WaitAsync(TimeSpan.FromSeconds(30), Token));
        Assert.Equal("", (await new ApiClient<V1Lease>(connection).GetAsync(new NamespacedName(ns, "test-operator"), Token))!.Spec.HolderIdentity);
        Assert.DoesNotContain(log.Lines, static line => line.Contains("forbidden", StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain(log.Lines, static line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    private static async Task GrantAsync(ApiConnection connection, string ns)
    {
        static V1PolicyRule Rule(string group, string resource, params string[] verbs) => new() { ApiGroups = [group], Resources = [resource], Verbs = verbs };
        await new ApiClient<V1Role>(connection).CreateAsync(
            new V1Role
            {
                Metadata = new V1ObjectMeta { Name = "operator", NamespaceProperty = ns },
                Rules =
                [
                    Rule("example.org", "widgets", "list", "watch", "patch"),
                    Rule("example.org", "widgets/status", "patch"),
                    Rule("", "configmaps", "list", "watch", "create"),
                    Rule("coordination.k8s.io", "leases", "get", "create", "update"),
                    Rule("events.k8s.io", "events", "create", "patch"),
                ],
            },
            Token);
        await new ApiClient<V1RoleBinding>(connection).CreateAsync(
            new V1RoleBinding
            {
                Metadata = new V1ObjectMeta { Name = "operator", NamespaceProperty = ns },
                RoleRef = new V1RoleRef { ApiGroup = "rbac.authorization.k8s.io", Kind = "Role", Name = "operator" },
                Subjects = [new Rbacv1Subject { Kind = "User", Name = "operator", ApiGroup = "rbac.authorization.k8s.io" }],
            },
            Token);
    }

    private sealed class Reconciler(IApiClient<V1ConfigMap> maps, Expectations<MetadataOnly<V1ConfigMap>> expected, IStatusApplier statuses, TimeProvider time)
        : IEntityController<Widget>
    {
        public async Task<ReconcileResult> ReconcileAsync(Widget entity, CancellationToken cancellationToken)
        {
            if (expected.OwnedBy(entity.Metadata.Uid).Count == 0)
            {
                var created = await maps.CreateAsync(
                    new V1ConfigMap
                    {
                        Metadata = new V1ObjectMeta
                        {
                            Name = "map-" + entity.Metadata.Name,
                            NamespaceProperty = entity.Metadata.NamespaceProperty,
                            OwnerReferences = [new V1OwnerReference { ApiVersion = "example.org/v1", Kind = "Widget", Name = entity.Metadata.Name, Uid = entity.Metadata.Uid, Controller = true }],
                        },
                        Data = new Dictionary<string, string> { ["never"] = "in the operator's memory" },
                    },
                    cancellationToken);
                expected.Created(new MetadataOnly<V1ConfigMap> { Metadata = created.Metadata });
            }

            var conditions = new Conditions(entity.Status?.Conditions, entity.Metadata.Generation, time.GetUtcNow()).Set(Conditions.Ready, true, "Made", "");
            await statuses.ApplyAsync(entity, new WidgetStatus { Phase = "Made", Conditions = conditions.ToList() }, cancellationToken);
            return ReconcileResult.Done.Instance;
        }
    }

    private sealed class Cleaner(IEventRecorder events) : IEntityFinalizer<Widget>
    {
        public Task<ReconcileResult> FinalizeAsync(Widget entity, CancellationToken cancellationToken)
        {
            events.Record(entity, EventKind.Normal, "Cleaned", "Finalize", "Nothing is left behind.");
            return Task.FromResult<ReconcileResult>(ReconcileResult.Done.Instance);
        }
    }
}
