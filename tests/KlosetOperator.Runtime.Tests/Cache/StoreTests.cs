using CsCheck;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Cache;
using KlosetOperator.Runtime.Tests.Support;

namespace KlosetOperator.Runtime.Tests.Cache;

public sealed class StoreTests
{
    [Fact]
    public void A_late_subscriber_hears_first_what_is_there()
    {
        var store = new Store<Widget>();
        store.Upsert(Widget.Named("a"));
        var heard = new List<string>();
        using (store.Subscribe(change => heard.Add($"{change.GetType().Name} {change.Key}")))
        {
            store.Upsert(Widget.Named("b"));
            store.Remove(new NamespacedName("default", "a"));
            store.Remove(new NamespacedName("default", "never there"));
        }

        store.Upsert(Widget.Named("after"));
        Assert.Equal(["Added default/a", "Added default/b", "Deleted default/a"], heard);
    }

    [Fact]
    public void An_object_made_anew_under_the_same_name_is_two_stories()
    {
        var store = new Store<Widget>();
        var heard = new List<string>();
        using var subscription = store.Subscribe(change => heard.Add($"{change.GetType().Name} {change.Entity.Metadata.Uid}"));
        store.Upsert(With("a", uid: "1", version: "1"));
        store.Replace(null, [With("a", uid: "2", version: "5")]);
        Assert.Equal(["Added 1", "Deleted 1", "Added 2"], heard);
    }

    [Fact]
    public void Replacing_one_namespace_leaves_the_others_alone_and_keeps_what_could_not_be_read()
    {
        var store = new Store<Widget>();
        store.Upsert(Widget.Named("a", "one"));
        store.Upsert(Widget.Named("odd", "one"));
        store.Upsert(Widget.Named("b", "two"));
        store.Replace("one", [], keep: [new NamespacedName("one", "odd")]);
        Assert.Equal(["one/odd", "two/b"], store.List().Select(static widget => NamespacedName.Of(widget).ToString()).Order());
        Assert.Single(store.List("two"));
    }

    [Fact]
    public void An_unknown_index_is_a_mistake_that_says_so() =>
        Assert.Contains("'nope'", Assert.Throws<ArgumentException>(static () => new Store<Widget>().ByIndex("nope", "x")).Message, StringComparison.Ordinal);

    [Fact]
    public void Whatever_happens_indexes_and_events_agree_with_the_contents()
    {
        var step = Gen.Select(Gen.Int[0, 5], Gen.Int[0, 3], Gen.Int[0, 2], Gen.Bool);
        step.Array[0, 40].Sample(
            steps =>
            {
                var options = new InformerOptions<Widget>().WithIndex("secret", static widget => widget.Spec?.SecretName is { } name ? [name] : []);
                var store = new Store<Widget>(options);
                var model = new Dictionary<NamespacedName, Widget>();
                var heard = new Dictionary<NamespacedName, Widget>();
                using var subscription = store.Subscribe(change =>
                {
                    if (change is CacheEvent<Widget>.Deleted)
                    {
                        Assert.True(heard.Remove(change.Key));
                    }
                    else
                    {
                        Assert.Equal(change is CacheEvent<Widget>.Updated, heard.ContainsKey(change.Key));
                        heard[change.Key] = change.Entity;
                    }
                });
                var version = 0;
                foreach (var (name, secret, owner, remove) in steps)
                {
                    var widget = With($"w{name}", uid: $"u{name}", version: $"{++version}");
                    widget.Spec = new WidgetSpec { SecretName = secret == 0 ? null : $"s{secret}" };
                    widget.Metadata.OwnerReferences = owner == 0
                        ? null
                        : [new V1OwnerReference { ApiVersion = "v1", Kind = "X", Name = "x", Uid = $"o{owner}", Controller = true }];
                    if (remove)
                    {
                        store.Remove(NamespacedName.Of(widget));
                        model.Remove(NamespacedName.Of(widget));
                    }
                    else
                    {
                        store.Upsert(widget);
                        model[NamespacedName.Of(widget)] = widget;
                    }
                }

                Same(model.Values, store.List());
                Same(model.Values, heard.Values);
                for (var i = 1; i <= 3; i++)
                {
                    Same(model.Values.Where(widget => widget.Spec!.SecretName == $"s{i}"), store.ByIndex("secret", $"s{i}"));
                    Same(model.Values.Where(widget => widget.Metadata.OwnerReferences?[0].Uid == $"o{i}"), store.OwnedBy($"o{i}"));
                }
            },
            iter: 500,
            seed: "0001KV3fY4U1");
    }

    private static void Same(IEnumerable<Widget> expected, IEnumerable<Widget> actual) =>
        Assert.Equal(expected.Select(static widget => widget.Metadata.Name + widget.Metadata.ResourceVersion).Order(), actual.Select(static widget => widget.Metadata.Name + widget.Metadata.ResourceVersion).Order());

    private static Widget With(string name, string uid, string version)
    {
        var widget = Widget.Named(name);
        widget.Metadata.Uid = uid;
        widget.Metadata.ResourceVersion = version;
        return widget;
    }
}
