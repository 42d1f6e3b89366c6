using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Apply;
using KlosetOperator.Runtime.Diagnostics;
using KlosetOperator.Runtime.Hosting;
using KlosetOperator.Runtime.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace KlosetOperator.Runtime.Tests.Apply;

public sealed class StatusTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 10, 0, 0, 500, TimeSpan.Zero);

    [Fact]
    public void The_transition_time_changes_only_with_the_status_and_is_in_whole_seconds()
    {
        var first = new Conditions(null, 1, Now).Set("Ready", null, "Starting", "").ToList();
        Assert.Equal(new DateTime(2026, 11, 23, 10, 0, 0, DateTimeKind.Utc), first[0].LastTransitionTime);
        Assert.Equal("Unknown", first[0].Status);
        var second = new Conditions(first, 2, Now.AddHours(1)).Set("Ready", null, "Waiting", "for a slot").ToList();
        Assert.Equal(first[0].LastTransitionTime, second[0].LastTransitionTime);
        Assert.Equal((2, "Waiting"), (second[0].ObservedGeneration, second[0].Reason));
        var third = new Conditions(second, 2, Now.AddHours(2)).Set("Ready", true, "Armed", "").ToList();
        Assert.Equal(new DateTime(2026, 11, 23, 12, 0, 0, DateTimeKind.Utc), third[0].LastTransitionTime);
    }

    [Fact]
    public void Never_are_both_halves_of_the_kstatus_pair_there()
    {
        var conditions = new Conditions(null, 1, Now).MarkReconciling("Creating", "").MarkStalled("WrongKey", "");
        Assert.Equal(["Stalled"], conditions.ToList().Select(static condition => condition.Type));
        conditions.MarkReconciling("Retrying", "");
        Assert.Equal(["Reconciling"], conditions.ToList().Select(static condition => condition.Type));
        Assert.Empty(conditions.MarkSettled().ToList());
    }

    [Fact]
    public void A_long_message_is_cut_between_characters()
    {
        var message = new Conditions(null, 1, Now).Set("Ready", false, "R", new string('ä', 600) + "😀😀").ToList()[0].Message;
        Assert.InRange(Encoding.UTF8.GetByteCount(message), Conditions.MaxMessageBytes - 4, Conditions.MaxMessageBytes);
        Assert.EndsWith("ä…", message, StringComparison.Ordinal);
        Assert.Equal("😀", Conditions.Cut("😀", 4));
        Assert.Equal("…", Conditions.Cut("😀😀", 6));
    }

    [Fact]
    public void What_is_kept_is_kept_as_it_was()
    {
        var before = new Conditions(null, 1, Now).Set("Protected", true, "R", "m").ToList();
        Assert.Equal(before, new Conditions(before, 2, Now.AddDays(1)).Keep("Protected").Keep("Absent").ToList());
    }

    [Theory]
    [InlineData("""{"a":1,"conditions":[{"type":"X","status":"True","lastTransitionTime":"1"},{"type":"Y","status":"True"}]}""",
        """{"conditions":[{"type":"Y","status":"True"},{"type":"X","status":"True","lastTransitionTime":"2"}],"a":1}""", true, true)]
    [InlineData("""{"conditions":[{"type":"X","status":"True"},{"type":"Foreign","status":"True"}]}""", """{"conditions":[{"type":"X","status":"True"}]}""", false, true)]
    [InlineData("""{"conditions":[{"type":"X","status":"True"}]}""", """{"conditions":[{"type":"X","status":"False"}]}""", false, false)]
    [InlineData("""{"conditions":[{"type":"X","status":"True"}]}""", """{"conditions":[{"type":"X","status":"True"},{"type":"Y","status":"True"}]}""", false, false)]
    [InlineData("""{"a":1,"b":2}""", """{"a":1}""", false, true)]
    [InlineData("""{"a":{"x":1,"foreign":2}}""", """{"a":{"x":1}}""", false, true)]
    [InlineData("""{"a":{"x":1}}""", """{"a":{"x":2}}""", false, false)]
    [InlineData("""{"a":1}""", """{"a":1,"b":2}""", false, false)]
    [InlineData("""{"a":[1,2]}""", """{"a":[2,1]}""", false, false)]
    [InlineData("null", """{"a":1}""", false, false)]
    public void Statuses_are_compared_without_transition_times(string current, string wanted, bool same, bool atLeast)
    {
        Assert.Equal(same, StatusComparison.Says(JsonNode.Parse(current), JsonNode.Parse(wanted)!));
        Assert.Equal(atLeast, StatusComparison.SaysAtLeast(JsonNode.Parse(current), JsonNode.Parse(wanted)!));
        if (JsonNode.Parse(current) is { } known)
        {
            Assert.Equal(same, StatusComparison.Fingerprint(known) == StatusComparison.Fingerprint(JsonNode.Parse(wanted)!));
        }
    }

    [Fact]
    public async Task A_status_that_says_nothing_new_is_not_sent()
    {
        using var metrics = new RuntimeMetrics();
        var api = new ScriptedApi();
        using var connection = api.Connect(TimeProvider.System, metrics);
        var applier = new StatusApplier(
            new ServiceCollection().AddSingleton<IApiClient<Widget>>(new ApiClient<Widget>(connection)).BuildServiceProvider(), new OperatorHostOptions { Name = "op" });
        api.Put(Widget.Named("w"));
        var widget = api.All<Widget>().Single();
        WidgetStatus Status(DateTimeOffset now) => new()
        {
            ObservedGeneration = 1,
            Conditions = new Conditions(widget.Status?.Conditions, 1, now).Set("Ready", true, "Armed", "").ToList(),
        };

        Assert.Equal(StatusWrite.Written, await applier.ApplyAsync(widget, Status(Now), TestContext.Current.CancellationToken));
        Assert.Equal("PATCH /apis/example.org/v1/namespaces/default/widgets/w/status?fieldManager=op-status&force=true", api.Requests.Single());
        widget = api.All<Widget>().Single();
        Assert.Equal(StatusWrite.Unchanged, await applier.ApplyAsync(widget, Status(Now.AddDays(1)), TestContext.Current.CancellationToken));

        // A condition of another manager: sent once more to be sure, then known.
        widget.Status!.Conditions!.Add(new V1Condition { Type = "Foreign", Status = "True" });
        Assert.Equal(StatusWrite.Unchanged, await applier.ApplyAsync(widget, Status(Now.AddDays(1)), TestContext.Current.CancellationToken));
        Assert.Single(api.Requests);
        api.Remove<Widget>("default", "w");
        Assert.Equal(StatusWrite.Gone, await applier.ApplyAsync(widget, new WidgetStatus { Phase = "new" }, TestContext.Current.CancellationToken));
    }
}
