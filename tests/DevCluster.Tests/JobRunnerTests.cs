using System.Diagnostics;
using System.Text.Json.Nodes;
using DevCluster.Json;
using static DevCluster.Tests.ClusterClient;

namespace DevCluster.Tests;

public sealed class JobRunnerTests
{
    private static readonly ClusterOptions Shell = new()
    {
        Images = new Dictionary<string, string> { ["sh"] = "/bin/sh" },
        PodBackoff = TimeSpan.FromMilliseconds(50),
    };

    [Fact]
    public async Task A_job_reads_its_volumes_and_its_end_shows_in_the_status()
    {
        await using var client = await StartAsync(Shell, definitions: false);
        await client.PostAsync("/api/v1/namespaces/default/persistentvolumeclaims",
            JsonNode.Parse("""{"metadata":{"name":"drop"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}""")!);
        await File.WriteAllTextAsync(Path.Combine(client.Cluster.ClaimFolder("default", "drop"), "file"), "claimed", Ct);
        await client.PostAsync("/api/v1/namespaces/default/secrets", JsonNode.Parse("""{"metadata":{"name":"one"},"stringData":{"key":"secret"}}""")!);
        client.Cluster.Apply(Job("hello", "cat $RUN; echo; cat $SECRETS/one/key; echo; ls $SECRETS; cat $SOURCE/drop/file; echo; printf result > $RESULT"));

        var job = await client.UntilAsync("jobs.batch", "hello", obj => ConditionOf(obj, "Complete") is not null);
        Assert.Equal("CompletionsReached", ConditionOf(job, "SuccessCriteriaMet"));
        Assert.Equal(1, job.Integer("status", "succeeded"));
        var pod = Assert.Single(client.Cluster.List("pods"));
        var terminated = pod.Array("status", "containerStatuses")![0].Object("state", "terminated");
        Assert.Equal(0, terminated.Integer("exitCode"));
        Assert.Equal("result", terminated.Text("message"));
        Assert.Equal("Succeeded", pod.Text("status", "phase"));
        var log = await client.TextAsync($"/api/v1/namespaces/default/pods/{pod.Text("metadata", "name")}/log?container=main");
        Assert.Equal("{\"a\":1}\nsecret\none\nclaimed\n", log);
        Assert.Equal("claimed\n", await client.TextAsync($"/api/v1/namespaces/default/pods/{pod.Text("metadata", "name")}/log?tailLines=1"));
        Assert.Equal("Bound", client.Cluster.Get("persistentvolumeclaims", "default", "drop").Text("status", "phase"));
    }

    [Fact]
    public async Task A_missing_secret_holds_the_pod_back_until_it_is_there()
    {
        await using var client = await StartAsync(Shell, definitions: false);
        client.Cluster.Apply(Job("waits", "cat $SECRETS/one/key", claim: false));
        await client.UntilAsync("jobs.batch", "waits", _ => client.Cluster.List("events").Any(e => e.Text("reason") == "FailedMount"));
        var pod = Assert.Single(client.Cluster.List("pods"));
        Assert.Equal("ContainerCreating", pod.Array("status", "containerStatuses")![0].Text("state", "waiting", "reason"));
        await client.PostAsync("/api/v1/namespaces/default/secrets", JsonNode.Parse("""{"metadata":{"name":"one"},"stringData":{"key":"now"}}""")!);
        await client.UntilAsync("jobs.batch", "waits", obj => ConditionOf(obj, "Complete") is not null);
    }

    [Fact]
    public async Task An_optional_secret_may_be_missing_and_an_unknown_image_waits()
    {
        await using var client = await StartAsync(Shell, definitions: false);
        var job = Job("optional", "ls $SECRETS/one", claim: false);
        job["spec"]!["template"]!["spec"]!["volumes"]![1]!["secret"]!["optional"] = true;
        client.Cluster.Apply(job);
        await client.UntilAsync("jobs.batch", "optional", obj => ConditionOf(obj, "Complete") is not null);

        job = Job("image", "true", claim: false);
        job["spec"]!["template"]!["spec"]!["volumes"]![1]!["secret"]!["optional"] = true;
        job["spec"]!["template"]!["spec"]!["containers"]![0]!["image"] = "nowhere/unknown:1";
        client.Cluster.Apply(job);
        await client.UntilAsync("jobs.batch", "image", _ => client.Cluster.List("pods").Any(pod =>
            pod.Array("status", "containerStatuses")?[0].Text("state", "waiting", "reason") == "ImagePullBackOff"));
    }

    [Fact]
    public async Task A_container_killed_by_hand_dies_with_137_and_the_job_tries_again()
    {
        await using var client = await StartAsync(Shell, definitions: false);
        client.Cluster.Apply(Plain("killed", "if [ -e $CACHE/../../../../seen ]; then exit 0; fi; touch $CACHE/../../../../seen; exec sleep 60"));
        var pod = await RunningPodAsync(client);
        Process.GetProcessById(Assert.Single(client.Cluster.ProcessesOf("default", pod))).Kill();
        var dead = await client.UntilAsync("pods", pod, obj => obj.Text("status", "phase") == "Failed");
        Assert.Equal(137, dead.Array("status", "containerStatuses")![0].Integer("state", "terminated", "exitCode"));
        var job = await client.UntilAsync("jobs.batch", "killed", obj => obj.Integer("status", "failed") == 1 && client.Cluster.List("pods").Count == 2);
        Assert.Null(ConditionOf(job, "Failed"));
    }

    [Fact]
    public async Task The_back_off_limit_ends_the_job()
    {
        await using var client = await StartAsync(Shell, definitions: false);
        client.Cluster.Apply(Plain("fails", "exit 9", backoffLimit: 1));
        var job = await client.UntilAsync("jobs.batch", "fails", obj => ConditionOf(obj, "Failed") is not null);
        Assert.Equal("BackoffLimitExceeded", ConditionOf(job, "Failed"));
        Assert.Equal("BackoffLimitExceeded", ConditionOf(job, "FailureTarget"));
        Assert.Equal(2, job.Integer("status", "failed"));
    }

    [Fact]
    public async Task The_failure_policy_ends_the_job_at_once_and_ignores_disruptions()
    {
        await using var client = await StartAsync(Shell, definitions: false);
        var policy = JsonNode.Parse("""
            {"rules":[{"action":"Ignore","onPodConditions":[{"type":"DisruptionTarget"}]},{"action":"FailJob","onExitCodes":{"operator":"In","values":[3,12]}}]}
            """)!;
        var job = Plain("policy", "exit 12");
        job["spec"]!["podFailurePolicy"] = policy;
        client.Cluster.Apply(job);
        var failed = await client.UntilAsync("jobs.batch", "policy", obj => ConditionOf(obj, "Failed") is not null);
        Assert.Equal("PodFailurePolicy", ConditionOf(failed, "Failed"));
        Assert.Single(client.Cluster.List("pods"));

        job = Plain("evicted", "exec sleep 60", backoffLimit: 0);
        job["spec"]!["podFailurePolicy"] = policy.DeepClone();
        client.Cluster.Apply(job);
        var pod = await RunningPodAsync(client);
        client.Cluster.Evict("default", pod);
        await client.UntilGoneAsync("pods", pod);
        var second = await RunningPodAsync(client);
        Assert.NotEqual(pod, second);
        Assert.Null(client.Cluster.Get("jobs.batch", "default", "evicted")!.At("status", "failed"));
    }

    [Fact]
    public async Task A_suspended_job_ends_its_pod_gently_and_resumes_with_a_new_one()
    {
        await using var client = await StartAsync(Shell, definitions: false);
        client.Cluster.Apply(Plain("pause", "trap 'echo asked; exit 4' TERM; echo up; while true; do sleep 0.1; done"));
        var pod = await RunningPodAsync(client);
        await client.UntilAsync("pods", pod, _ => client.TextAsync($"/api/v1/namespaces/default/pods/{pod}/log").Result.Length > 0);
        await client.MergeAsync("/apis/batch/v1/namespaces/default/jobs/pause", """{"spec":{"suspend":true}}""");
        await client.UntilGoneAsync("pods", pod);
        var job = await client.UntilAsync("jobs.batch", "pause", obj => ConditionOf(obj, "Suspended") is not null);
        Assert.Null(job.At("status", "failed"));
        Assert.Null(job.At("status", "startTime"));
        await client.MergeAsync("/apis/batch/v1/namespaces/default/jobs/pause", """{"spec":{"suspend":false}}""");
        Assert.NotEqual(pod, await RunningPodAsync(client));
    }

    [Fact]
    public async Task A_deadline_ends_the_job()
    {
        await using var client = await StartAsync(Shell, definitions: false);
        var job = Plain("late", "exec sleep 60");
        job["spec"]!["activeDeadlineSeconds"] = 1;
        client.Cluster.Apply(job);
        var failed = await client.UntilAsync("jobs.batch", "late", obj => ConditionOf(obj, "Failed") is not null);
        Assert.Equal("DeadlineExceeded", ConditionOf(failed, "Failed"));
    }

    [Fact]
    public async Task A_finished_job_goes_after_its_time_to_live_and_a_deleted_one_takes_its_process_along()
    {
        await using var client = await StartAsync(Shell, definitions: false);
        var job = Plain("brief", "true");
        job["spec"]!["ttlSecondsAfterFinished"] = 0;
        client.Cluster.Apply(job);
        await client.UntilGoneAsync("jobs.batch", "brief");
        Assert.Empty(client.Cluster.List("pods"));

        client.Cluster.Apply(Plain("long", "exec sleep 60"));
        var pod = await RunningPodAsync(client);
        using var process = Process.GetProcessById(client.Cluster.ProcessesOf("default", pod)[0]);
        await client.SendAsync(HttpMethod.Delete, "/apis/batch/v1/namespaces/default/jobs/long?propagationPolicy=Foreground", null);
        await client.UntilGoneAsync("jobs.batch", "long");
        Assert.Empty(client.Cluster.List("pods"));
        await process.WaitForExitAsync(Ct);
    }

    [Fact]
    public async Task A_jobs_template_can_not_be_changed()
    {
        await using var client = await StartAsync(Shell, definitions: false);
        client.Cluster.Apply(Plain("fixed", "exec sleep 60"));
        var (_, status) = await client.SendAsync(HttpMethod.Patch, "/apis/batch/v1/namespaces/default/jobs/fixed",
            JsonNode.Parse("""{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"other"}]}}}}"""), "application/strategic-merge-patch+json");
        Assert.Contains("field is immutable", status.Text("message"), StringComparison.Ordinal);
    }

    private static async Task<string> RunningPodAsync(ClusterClient client)
    {
        for (var i = 0; i < 400; i++)
        {
            var running = client.Cluster.List("pods").FirstOrDefault(pod =>
                pod.Text("status", "phase") == "Running" && client.Cluster.ProcessesOf("default", pod.Text("metadata", "name")!).Count > 0);
            if (running is not null)
            {
                return running.Text("metadata", "name")!;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Ct);
        }

        throw new TimeoutException("no pod is running");
    }

    private static JsonObject Plain(string name, string script, int backoffLimit = 6) => (JsonObject)JsonNode.Parse("""
        {"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"NAME"},"spec":{"backoffLimit":LIMIT,"template":{"spec":{"restartPolicy":"Never","terminationGracePeriodSeconds":5,
          "containers":[{"name":"main","image":"registry.example/tools/sh:v1","args":["-c",SCRIPT],
            "env":[{"name":"CACHE","value":"/cache"}],"volumeMounts":[{"name":"cache","mountPath":"/cache"}]}],
          "volumes":[{"name":"cache","emptyDir":{}}]}}}}
        """.Replace("NAME", name, StringComparison.Ordinal).Replace("LIMIT", backoffLimit.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal).Replace("SCRIPT", JsonValue.Create(script)!.ToJsonString(), StringComparison.Ordinal))!;

    private static JsonObject Job(string name, string script, bool claim = true)
    {
        var job = (JsonObject)JsonNode.Parse("""
            {"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"NAME"},"spec":{"template":{"metadata":{"annotations":{"kloset.dev/run":"{\"a\":1}"}},"spec":{"restartPolicy":"Never",
              "containers":[{"name":"main","image":"sh","args":["-c",SCRIPT],
                "env":[{"name":"RUN","value":"/run/kloset/run/run.json"},{"name":"SECRETS","value":"/run/kloset/secrets"},{"name":"SOURCE","value":"/source"},{"name":"RESULT","value":"/dev/termination-log"}],
                "volumeMounts":[{"name":"run","mountPath":"/run/kloset/run"},{"name":"one","mountPath":"/run/kloset/secrets/one"},{"name":"src","mountPath":"/source/drop"}]}],
              "volumes":[{"name":"run","downwardAPI":{"items":[{"path":"run.json","fieldRef":{"fieldPath":"metadata.annotations['kloset.dev/run']"}}]}},
                {"name":"one","secret":{"secretName":"one"}},{"name":"src","persistentVolumeClaim":{"claimName":"drop"}}]}}}}
            """.Replace("NAME", name, StringComparison.Ordinal).Replace("SCRIPT", JsonValue.Create(script)!.ToJsonString(), StringComparison.Ordinal))!;
        if (!claim)
        {
            ((JsonObject)job["spec"]!["template"]!["spec"]!["volumes"]![2]!).Remove("persistentVolumeClaim");
            job["spec"]!["template"]!["spec"]!["volumes"]![2]!["emptyDir"] = new JsonObject();
        }

        return job;
    }
}
