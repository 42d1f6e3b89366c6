using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using DevCluster.Api;
using DevCluster.Json;
using DevCluster.Resources;
using DevCluster.Storage;

namespace DevCluster.Controllers;

/// <summary>
/// Jobs of one completion: makes their Pods, counts how these end, and settles the Job by its back-off limit, failure policy, deadline
/// and suspension, with the conditions and reasons of the real controller.
/// </summary>
internal sealed class JobController(
    ObjectStore store, ResourceCatalog catalog, ResourceOperations operations, ClusterEvents events, ControlLoop loop, ClusterOptions options) : IClusterController
{
    private const string Component = "job-controller";
    private static readonly TimeSpan MostBackoff = TimeSpan.FromMinutes(10);

    private readonly Dictionary<string, Memory> _jobs = new(StringComparer.Ordinal);
    private readonly TimeProvider _time = options.Time;

    public void OnChange(Change change)
    {
        switch (change.Current.Key.Resource)
        {
            case "jobs.batch" when change.Kind == ChangeKind.Deleted:
                _jobs.Remove(change.Current.Uid);
                break;
            case "jobs.batch":
                Sync(change.Current.Uid);
                break;
            case "pods":
                foreach (var owner in change.Current.Owners)
                {
                    if (store.GetByUid(owner) is { Key.Resource: "jobs.batch" })
                    {
                        if (change.Kind == ChangeKind.Deleted)
                        {
                            // What was deleted before it ended has failed.
                            Count(owner, change.Current.ToNode(), gone: true);
                        }

                        Sync(owner);
                    }
                }

                break;
        }
    }

    private void Sync(string uid)
    {
        if (store.GetByUid(uid) is not { Deleting: false } stored)
        {
            return;
        }

        var job = stored.ToNode();
        if (job.Text("spec", "managedBy") is { } manager && manager != "kubernetes.io/job-controller")
        {
            return;
        }

        if (Has(job, "Complete") || Has(job, "Failed"))
        {
            Expire(stored, job);
            return;
        }

        var memory = _jobs.TryGetValue(uid, out var known) ? known : _jobs[uid] = new Memory();
        var pods = store.DependentsOf(uid).Where(pod => pod.Key.Resource == "pods").Select(pod => (Stored: pod, Content: pod.ToNode())).ToArray();
        foreach (var (_, content) in pods)
        {
            Count(uid, content, gone: false);
        }

        var active = pods.Where(pod => Phase(pod.Content) is not ("Succeeded" or "Failed")).ToArray();
        if (job.Flag("spec", "suspend") == true && memory.Verdict is null)
        {
            Suspend(stored, job, memory, active);
            return;
        }

        if (job.Time("status", "startTime") is null || Has(job, "Suspended"))
        {
            var resumed = Condition(job, "Suspended") is not null;
            operations.Mutate(stored.Key, obj =>
            {
                var status = obj.Ensure("status");
                status["startTime"] = _time.GetUtcNow().ToApiTime();
                if (resumed)
                {
                    SetCondition(status, "Suspended", "False", "JobResumed", "Job resumed");
                }

                return true;
            });
            if (resumed)
            {
                events.Emit(job, "Normal", "Resumed", "Job resumed", Component);
            }

            if (job.Integer("spec", "activeDeadlineSeconds") is { } seconds)
            {
                loop.PostAfter(TimeSpan.FromSeconds(seconds), () => Sync(uid));
            }

            return;
        }

        Judge(job, memory);
        if (memory.Verdict is { } verdict)
        {
            Settle(stored, memory, verdict, active);
            return;
        }

        UpdateCounts(stored, memory, active);
        if (active.Length > 0)
        {
            return;
        }

        var wait = memory.Failed == 0 ? TimeSpan.Zero
            : memory.LastFailure + TimeSpan.FromTicks(Math.Min(MostBackoff.Ticks, options.PodBackoff.Ticks << (int)Math.Min(memory.Failed - 1, 20))) - _time.GetUtcNow();
        if (wait > TimeSpan.Zero)
        {
            loop.PostAfter(wait, () => Sync(uid));
            return;
        }

        CreatePod(job);
    }

    /// <summary>Takes one ended Pod into account, once.</summary>
    private void Count(string uid, JsonObject pod, bool gone)
    {
        var memory = _jobs.TryGetValue(uid, out var known) ? known : _jobs[uid] = new Memory();
        var podUid = pod.Text("metadata", "uid") ?? "";
        var phase = Phase(pod);
        var replaceEarly = store.GetByUid(uid)?.ToNode().Text("spec", "podReplacementPolicy") == "TerminatingOrFailed";
        var ended = phase is "Succeeded" or "Failed" || gone || (replaceEarly && pod.Text("metadata", "deletionTimestamp") is not null);
        if (!ended || !memory.Counted.Add(podUid))
        {
            return;
        }

        if (phase == "Succeeded")
        {
            memory.Succeeded++;
            return;
        }

        if (memory.Suspended.Contains(podUid) || store.GetByUid(uid)?.ToNode() is not { } job)
        {
            return;
        }

        var (action, message) = PodFailurePolicy.Match(job.Object("spec", "podFailurePolicy"), pod);
        if (action == "Ignore")
        {
            return;
        }

        memory.Failed++;
        memory.LastFailure = _time.GetUtcNow();
        if (action == "FailJob")
        {
            memory.Verdict ??= new Verdict(false, "PodFailurePolicy", message);
        }
    }

    private void Judge(JsonObject job, Memory memory)
    {
        if (memory.Verdict is not null)
        {
            return;
        }

        var deadline = job.Integer("spec", "activeDeadlineSeconds");
        if (memory.Succeeded >= (job.Integer("spec", "completions") ?? 1))
        {
            memory.Verdict = new Verdict(true, "CompletionsReached", "Reached expected number of succeeded pods");
        }
        else if (memory.Failed > (job.Integer("spec", "backoffLimit") ?? 6))
        {
            memory.Verdict = new Verdict(false, "BackoffLimitExceeded", "Job has reached the specified backoff limit");
        }
        else if (deadline is { } seconds && job.Time("status", "startTime") is { } start && _time.GetUtcNow() - start >= TimeSpan.FromSeconds(seconds))
        {
            memory.Verdict = new Verdict(false, "DeadlineExceeded", "Job was active longer than specified deadline");
        }
    }

    private void Settle(StoredObject stored, Memory memory, Verdict verdict, (StoredObject Stored, JsonObject Content)[] active)
    {
        foreach (var pod in active.Where(pod => !pod.Stored.Deleting))
        {
            DeletePod(pod.Stored);
        }

        var done = active.Length == 0;
        operations.Mutate(stored.Key, job =>
        {
            var status = job.Ensure("status");
            WriteCounts(status, memory, active);
            SetCondition(status, verdict.Success ? "SuccessCriteriaMet" : "FailureTarget", "True", verdict.Reason, verdict.Message);
            if (done)
            {
                SetCondition(status, verdict.Success ? "Complete" : "Failed", "True", verdict.Reason, verdict.Message);
                if (verdict.Success)
                {
                    status["completionTime"] = _time.GetUtcNow().ToApiTime();
                }
            }

            return true;
        });
        if (done)
        {
            events.Emit(stored.ToNode(), verdict.Success ? "Normal" : "Warning", verdict.Success ? "Completed" : verdict.Reason,
                verdict.Success ? "Job completed" : verdict.Message, Component);
        }
    }

    private void Suspend(StoredObject stored, JsonObject job, Memory memory, (StoredObject Stored, JsonObject Content)[] active)
    {
        foreach (var pod in active.Where(pod => !pod.Stored.Deleting))
        {
            memory.Suspended.Add(pod.Stored.Uid);
            DeletePod(pod.Stored);
        }

        if (!Has(job, "Suspended"))
        {
            events.Emit(job, "Normal", "Suspended", "Job suspended", Component);
        }

        operations.Mutate(stored.Key, obj =>
        {
            var status = obj.Ensure("status");
            WriteCounts(status, memory, active);
            status.Remove("startTime");
            SetCondition(status, "Suspended", "True", "JobSuspended", "Job suspended");
            return true;
        });
    }

    private void CreatePod(JsonObject job)
    {
        var name = job.Text("metadata", "name")!;
        var space = job.Text("metadata", "namespace")!;
        var pod = new JsonObject
        {
            ["metadata"] = job.At("spec", "template", "metadata").Copy() ?? new JsonObject(),
            ["spec"] = job.At("spec", "template", "spec").Copy(),
        };
        var metadata = pod.Object("metadata")!;
        metadata["name"] = $"{name}-{RandomNumberGenerator.GetString("bcdfghjklmnpqrstvwxz2456789", 5)}";
        metadata["generateName"] = name + "-";
        metadata["namespace"] = space;
        metadata["ownerReferences"] = new JsonArray(new JsonObject
        {
            ["apiVersion"] = "batch/v1",
            ["kind"] = "Job",
            ["name"] = name,
            ["uid"] = job.Text("metadata", "uid"),
            ["controller"] = true,
            ["blockOwnerDeletion"] = true,
        });
        try
        {
            var created = operations.Create(catalog.Find("", "v1", "pods")!, space, pod, new WriteOptions { FieldManager = Component });
            events.Emit(job, "Normal", "SuccessfulCreate", $"Created pod: {created.Key.Name}", Component);
        }
        catch (ApiException e)
        {
            events.Emit(job, "Warning", "FailedCreate", $"Error creating: {e.Message}", Component);
            loop.PostAfter(TimeSpan.FromSeconds(5), () => Sync(job.Text("metadata", "uid")!));
        }

    }

    private void DeletePod(StoredObject pod)
    {
        try
        {
            operations.Delete(catalog.Find("", "v1", "pods")!, pod.Key.Namespace, pod.Key.Name, new DeleteOptions { ExpectedUid = pod.Uid, PropagationPolicy = "Background" });
        }
        catch (ApiException e) when (e.Code is 404 or 409)
        {
            // Gone already.
        }
    }

    private void Expire(StoredObject stored, JsonObject job)
    {
        if (job.Integer("spec", "ttlSecondsAfterFinished") is not { } ttl)
        {
            return;
        }

        var finished = (Condition(job, "Complete") ?? Condition(job, "Failed")).Time("lastTransitionTime") ?? _time.GetUtcNow();
        var left = finished + TimeSpan.FromSeconds(ttl) - _time.GetUtcNow();
        if (left > TimeSpan.Zero)
        {
            loop.PostAfter(left, () =>
            {
                if (store.GetByUid(stored.Uid) is { Deleting: false } current)
                {
                    Expire(current, current.ToNode());
                }
            });
            return;
        }

        operations.Delete(catalog.Find("batch", "v1", "jobs")!, stored.Key.Namespace, stored.Key.Name, new DeleteOptions { PropagationPolicy = "Foreground", ExpectedUid = stored.Uid });
    }

    private void UpdateCounts(StoredObject stored, Memory memory, (StoredObject Stored, JsonObject Content)[] active) => operations.Mutate(stored.Key, job =>
    {
        WriteCounts(job.Ensure("status"), memory, active);
        return true;
    });

    private static void WriteCounts(JsonObject status, Memory memory, (StoredObject Stored, JsonObject Content)[] active)
    {
        void Put(string name, long value)
        {
            if (value > 0)
            {
                status[name] = value;
            }
            else
            {
                status.Remove(name);
            }
        }

        Put("active", active.LongCount(pod => !pod.Stored.Deleting));
        Put("terminating", active.LongCount(pod => pod.Stored.Deleting));
        Put("failed", memory.Failed);
        Put("succeeded", memory.Succeeded);
        status["ready"] = active.LongCount(pod => (pod.Content.Array("status", "conditions") ?? []).Any(c => c.Text("type") == "Ready" && c.Text("status") == "True"));
    }

    private void SetCondition(JsonObject status, string type, string value, string reason, string message)
    {
        var conditions = status.EnsureArray("conditions");
        var now = _time.GetUtcNow().ToApiTime();
        if (conditions.FirstOrDefault(item => item.Text("type") == type) is JsonObject existing)
        {
            if (existing.Text("status") == value && existing.Text("reason") == reason)
            {
                return;
            }

            conditions.Remove(existing);
        }

        conditions.Add(new JsonObject
        {
            ["type"] = type,
            ["status"] = value,
            ["lastProbeTime"] = now,
            ["lastTransitionTime"] = now,
            ["reason"] = reason,
            ["message"] = message,
        });
    }

    private static string Phase(JsonObject pod) => pod.Text("status", "phase") ?? "Pending";

    private static JsonNode? Condition(JsonObject job, string type) =>
        (job.Array("status", "conditions") ?? []).FirstOrDefault(condition => condition.Text("type") == type);

    private static bool Has(JsonObject job, string type) => Condition(job, type).Text("status") == "True";

    private sealed record Verdict(bool Success, string Reason, string Message);

    /// <summary>What the real controller keeps in finalizers and status.</summary>
    private sealed class Memory
    {
        public HashSet<string> Counted { get; } = new(StringComparer.Ordinal);

        /// <summary>Pods that a suspension ended: no failures.</summary>
        public HashSet<string> Suspended { get; } = new(StringComparer.Ordinal);

        public long Failed { get; set; }

        public long Succeeded { get; set; }

        public DateTimeOffset LastFailure { get; set; }

        public Verdict? Verdict { get; set; }
    }
}

/// <summary>The first rule of a <c>podFailurePolicy</c> that a failed Pod matches.</summary>
internal static class PodFailurePolicy
{
    /// <returns>FailJob, Ignore or Count; with the message of the condition for FailJob.</returns>
    public static (string Action, string Message) Match(JsonObject? policy, JsonObject pod)
    {
        var name = $"{pod.Text("metadata", "namespace")}/{pod.Text("metadata", "name")}";
        var index = -1;
        foreach (var rule in policy.Array("rules") ?? [])
        {
            index++;
            var action = rule.Text("action") ?? "Count";
            if (rule.Object("onExitCodes") is { } codes)
            {
                var values = (codes.Array("values") ?? []).Select(value => value.Integer()).ToHashSet();
                foreach (var status in pod.Array("status", "containerStatuses") ?? [])
                {
                    var container = status.Text("name");
                    if (status.Integer("state", "terminated", "exitCode") is not { } exit || exit == 0
                        || (codes.Text("containerName") is { } only && only != container))
                    {
                        continue;
                    }

                    if (codes.Text("operator") == "NotIn" ? !values.Contains(exit) : values.Contains(exit))
                    {
                        return (action, string.Create(CultureInfo.InvariantCulture, $"Container {container} for pod {name} failed with exit code {exit} matching {action} rule at index {index}"));
                    }
                }
            }

            foreach (var wanted in rule.Array("onPodConditions") ?? [])
            {
                var type = wanted.Text("type");
                if ((pod.Array("status", "conditions") ?? []).Any(condition => condition.Text("type") == type && condition.Text("status") == (wanted.Text("status") ?? "True")))
                {
                    return (action, string.Create(CultureInfo.InvariantCulture, $"Pod {name} has condition {type} matching {action} rule at index {index}"));
                }
            }
        }

        return ("Count", "");
    }
}
