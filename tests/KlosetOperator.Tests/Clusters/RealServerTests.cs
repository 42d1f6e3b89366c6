using System.Net;
using System.Text.Json.Nodes;
using k8s;
using k8s.Autorest;
using k8s.Models;
using KlosetOperator.Api;
using static KlosetOperator.Tests.Clusters.OperatorOnCluster;

namespace KlosetOperator.Tests.Clusters;

/// <summary>
/// One life on a real API server with its real controllers: what others wrote stays, the truth is told within two minutes of anything, and a
/// namespace with everything in it goes.
/// </summary>
public sealed class RealServerTests
{
    private const string Repositories = "klosetrepositories";
    private const string Backups = "photobackups";
    private const string Restores = "photorestores";
    private static readonly TimeSpan TwoMinutes = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task What_others_wrote_stays_the_truth_is_told_and_a_namespace_goes_with_everything_in_it()
    {
        await using var world = await OperatorOnRealServer.StartAsync(controllers: true);
        var samples = Path.Combine(Root(), "config/samples");
        await world.ApplyAsync("-f", Path.Combine(samples, "namespace.yaml"));
        await world.CreatePassphraseAsync();
        await world.ApplyAsync("-f", Path.Combine(samples, "volume.yaml"));
        world.StartOperator();

        // A pod that cannot begin is said on the repository and in an Event, and its end goes on.
        var pod = await world.UntilPodAsync("create");
        await world.WaitingAsync(pod, "ErrImagePull", "no such host");
        var stuck = await world.UntilAsync(Repositories, "lab", entity => OperatorOnCluster.Condition(entity, "Ready", "reason") == Reasons.ImageUnavailable, "ImageUnavailable", TwoMinutes);
        Assert.Contains("describe pod", OperatorOnCluster.Condition(stuck, "Ready", "message"), StringComparison.Ordinal);
        Assert.Equal("FixConfiguration", (string?)stuck["status"]!["actions"]![0]!["kind"]);
        await UntilAsync(() => world.Admin.EventsV1.ListNamespacedEvent(OperatorOnRealServer.Namespace).Items.FirstOrDefault(entry => entry.Reason == Reasons.ImageUnavailable), "an Event");
        await world.EndAsync(pod, Good);
        await world.UntilAsync(Repositories, "lab", entity => OperatorOnCluster.Condition(entity, "Ready") == "True", "Ready");

        // Others write beside the operator: on our object, in its status, and on the Job.
        pod = await world.UntilPodAsync("backup");
        await world.RunningAsync(pod);
        await world.UntilAsync(Backups, "carol", entity => OperatorOnCluster.Condition(entity, "Running", "reason") == "BackingUp", "BackingUp", TwoMinutes);
        await ForeignHandAsync(world);
        await world.Admin.BatchV1.PatchNamespacedJobAsync(
            new V1Patch("""{"metadata":{"labels":{"team":"family"},"annotations":{"note":"mine"}}}""", V1Patch.PatchType.MergePatch), pod.Metadata.Labels["job-name"], OperatorOnRealServer.Namespace,
            cancellationToken: TestContext.Current.CancellationToken);
        await world.EndAsync(pod, Good);
        var backup = await world.UntilAsync(Backups, "carol", entity => OperatorOnCluster.Condition(entity, "Protected") == "True" && entity["status"]!["active"] is null, "a backup", TwoMinutes);
        AssertForeign(backup);
        var job = await world.Admin.BatchV1.ReadNamespacedJobAsync(pod.Metadata.Labels["job-name"], OperatorOnRealServer.Namespace, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(("family", "mine"), (job.Metadata.Labels["team"], job.Metadata.Annotations["note"]));
        Assert.Null(job.Metadata.ManagedFields.FirstOrDefault(entry => entry.Manager.StartsWith("kloset", StringComparison.Ordinal) && entry.Operation == "Apply"));

        // The API server dies in the middle of a run, which ends meanwhile.
        await AnnotateAsync(world, "carol", "kloset.dev/run", "again");
        pod = await world.UntilPodAsync("backup");
        await world.RunningAsync(pod);
        await world.UntilAsync(Backups, "carol", entity => entity["status"]!["active"] is not null, "a second run", TwoMinutes);
        await world.Server.StopApiServerAsync();
        await Task.Delay(3000, TestContext.Current.CancellationToken);
        await world.Server.RestartApiServerAsync(TestContext.Current.CancellationToken);
        await world.EndAsync(pod, Good);
        backup = await world.UntilAsync(Backups, "carol", entity => entity["status"]!["runs"]!.AsArray().Count == 2 && entity["status"]!["active"] is null, "the end of the second run", TwoMinutes);
        AssertForeign(backup);

        var restarted = world.Calls.Count;

        // Nothing holds up the end: not a run, a restore, a pin, or a store that nobody answers for.
        await world.ApplyAsync("-f", Path.Combine(samples, "volume-restore.yaml"));
        pod = await world.UntilPodAsync("restore");
        await world.RunningAsync(pod);
        await AnnotateAsync(world, "carol", "kloset.dev/run", "and again");
        await world.UntilPodAsync("backup");
        await RemoveForeignFinalizerAsync(world);
        await world.Admin.CoreV1.DeleteNamespaceAsync(OperatorOnRealServer.Namespace, cancellationToken: TestContext.Current.CancellationToken);
        await UntilAsync(
            () => IsGone(() => world.Admin.CoreV1.ReadNamespace(OperatorOnRealServer.Namespace)) ? "so" : null, "the end of the namespace",
            () => string.Join('\n', world.Admin.CoreV1.ReadNamespace(OperatorOnRealServer.Namespace).Status.Conditions.Select(condition => condition.Message)));

        // And then it is quiet: nobody tries to create in what is gone.
        await Task.Delay(1500, TestContext.Current.CancellationToken);
        var before = world.Calls.Count(IsWork);
        await Task.Delay(3000, TestContext.Current.CancellationToken);
        Assert.Equal(before, world.Calls.Count(IsWork));
        Assert.Equal(0, await world.StopOperatorAsync());
        Assert.DoesNotContain(world.Calls, call => call.Status is HttpStatusCode.Unauthorized);

        // An API server that has just started knows no roles yet; after that, only a namespace that ends refuses what is new.
        Assert.All(world.Calls.Skip(restarted).Where(call => call.Status == HttpStatusCode.Forbidden), call => Assert.StartsWith("POST", call.Call, StringComparison.Ordinal));
    }

    private static bool IsWork((string Call, HttpStatusCode Status, string Accept) call) =>
        !call.Call.Contains("/leases", StringComparison.Ordinal) && !call.Call.Contains("watch=", StringComparison.Ordinal);

    /// <summary>Another controller, and a person: a label, an annotation, a finalizer, a condition and a field of the status.</summary>
    private static async Task ForeignHandAsync(OperatorOnRealServer world)
    {
        await world.Admin.CustomObjects.PatchNamespacedCustomObjectAsync(
            new V1Patch("""{"metadata":{"labels":{"team":"family"},"annotations":{"note":"mine"},"finalizers":["example.org/audit"]}}""", V1Patch.PatchType.MergePatch),
            "kloset.dev", "v1alpha1", OperatorOnRealServer.Namespace, Backups, "carol");
        await world.Admin.CustomObjects.PatchNamespacedCustomObjectStatusAsync(
            new V1Patch(
                """
                {"apiVersion":"kloset.dev/v1alpha1","kind":"PhotoBackup","metadata":{"name":"carol"},
                 "status":{"conditions":[{"type":"Audited","status":"True","reason":"ByHand","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}],"picker":{"uri":"https://example.org/"}}}
                """, V1Patch.PatchType.ApplyPatch),
            "kloset.dev", "v1alpha1", OperatorOnRealServer.Namespace, Backups, "carol", fieldManager: "auditor", force: false);
    }

    private static void AssertForeign(JsonObject backup)
    {
        Assert.Equal("family", (string?)backup["metadata"]!["labels"]!["team"]);
        Assert.Equal("mine", (string?)backup["metadata"]!["annotations"]!["note"]);
        Assert.Equal("example.org/audit", (string?)backup["metadata"]!["finalizers"]![0]);
        Assert.Equal("ByHand", OperatorOnCluster.Condition(backup, "Audited", "reason"));
        Assert.Equal("https://example.org/", (string?)backup["status"]!["picker"]!["uri"]);
        Assert.Equal(1, (long)backup["metadata"]!["generation"]!); // the operator never writes a spec
    }

    private static Task<object> AnnotateAsync(OperatorOnRealServer world, string name, string annotation, string value) => world.Admin.CustomObjects.PatchNamespacedCustomObjectAsync(
        new V1Patch(new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [annotation] = value } } }.ToJsonString(), V1Patch.PatchType.MergePatch),
        "kloset.dev", "v1alpha1", OperatorOnRealServer.Namespace, Backups, name);

    /// <summary>It belongs to another controller, which would do this.</summary>
    private static Task<object> RemoveForeignFinalizerAsync(OperatorOnRealServer world) => world.Admin.CustomObjects.PatchNamespacedCustomObjectAsync(
        new V1Patch("""{"metadata":{"finalizers":null}}""", V1Patch.PatchType.MergePatch), "kloset.dev", "v1alpha1", OperatorOnRealServer.Namespace, Backups, "carol");

    private static bool IsGone(Func<object> read)
    {
        try
        {
            read();
            return false;
        }
        catch (HttpOperationException missing) when (missing.Response.StatusCode == HttpStatusCode.NotFound)
        {
            return true;
        }
    }
}
