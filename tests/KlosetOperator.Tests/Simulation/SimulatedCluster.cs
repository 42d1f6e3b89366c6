using System.Text.Json.Nodes;
using k8s.Models;
using KlosetOperator.Jobs;
using KlosetOperator.Runtime.Api;
using KlosetWorker.Contract;

namespace KlosetOperator.Tests.Simulation;

/// <summary>A snapshot as it truly is, whatever anybody says.</summary>
internal sealed record TrueSnapshot(string RunId, long Missing, DateTimeOffset CoveredThrough);

/// <summary>
/// What is in the cluster besides the operator: the controller of Jobs, the nodes, and workers that write into true repositories. Moves
/// one step at a time, and goes wrong when it is told to.
/// </summary>
internal sealed class SimulatedCluster(SimulatedApi api, TimeProvider time, Random random)
{
    private const string Jobs = "jobs";
    private const string Pods = "pods";
    private static readonly Guid Identity = Guid.Parse("6f1c0000-0000-4000-8000-000000000001");
    private static readonly int[] Classes = [.. ExitCodes.All.Select(row => (int)row.Code).Where(code => code is not (0 or 3 or 4 or 15 or 130))];
    private readonly HashSet<string> _lostNodes = [];
    private readonly HashSet<string> _repositories = [];
    private int _pods;

    /// <summary>Whether workers do well.</summary>
    public bool IsHealthy { get; set; }

    /// <summary>By account: what the repository truly holds, oldest first.</summary>
    public Dictionary<string, List<TrueSnapshot>> Truth { get; } = [];

    /// <summary>By Job: slots of backups whose Job is complete.</summary>
    public HashSet<(string Owner, string Slot)> Completed { get; } = [];

    /// <summary>By run id: what the worker said and did, when it ended by itself.</summary>
    public Dictionary<string, RunResult> Said { get; } = [];

    public IEnumerable<V1Job> ActiveJobs => api.List(Jobs).Select(api.Typed<V1Job>).Where(job => !JobViews.IsFinished(job));

    /// <summary>One Job or pod goes one step.</summary>
    public void Step()
    {
        var jobs = ActiveJobs.ToList();
        if (jobs.Count > 0)
        {
            Advance(jobs[random.Next(jobs.Count)]);
        }
    }

    public void LoseNode()
    {
        foreach (var pod in api.List(Pods).Select(api.Typed<V1Pod>).Where(pod => pod.Status?.Phase == "Running").Take(1))
        {
            _lostNodes.Add(pod.Metadata.Name);
            SetPod(pod, status => status["conditions"] = new JsonArray(new JsonObject { ["type"] = "Ready", ["status"] = "Unknown", ["lastTransitionTime"] = Now() }));
        }
    }

    /// <summary>The lost node answers again; its pods go on.</summary>
    public void FindNode()
    {
        foreach (var pod in api.List(Pods).Select(api.Typed<V1Pod>).Where(pod => _lostNodes.Contains(pod.Metadata.Name)).ToList())
        {
            SetPod(pod, status => status.Remove("conditions"));
        }

        _lostNodes.Clear();
    }

    /// <summary>A drain.</summary>
    public void EvictPod()
    {
        foreach (var pod in api.List(Pods).Select(api.Typed<V1Pod>).Where(pod => pod.Status?.Phase is "Running" or "Pending").Take(1).ToList())
        {
            api.Delete(Pods, NamespacedName.Of(pod));
        }
    }

    private void Advance(V1Job job)
    {
        var pods = api.List(Pods).Select(api.Typed<V1Pod>).Where(pod => pod.Metadata.OwnerReferences[0].Uid == job.Metadata.Uid).ToList();
        var live = pods.FirstOrDefault(pod => pod.Status?.Phase is "Pending" or "Running");
        if (job.Metadata.DeletionTimestamp is not null)
        {
            if (live is not null && _lostNodes.Contains(live.Metadata.Name))
            {
                return; // nobody can tell the kubelet
            }

            pods.ForEach(pod => api.Delete(Pods, NamespacedName.Of(pod)));
            api.Delete(Jobs, NamespacedName.Of(job));
        }
        else if (job.Spec.Suspend == true)
        {
            if (live is not null && _lostNodes.Contains(live.Metadata.Name))
            {
                return;
            }

            if (live is not null)
            {
                api.Delete(Pods, NamespacedName.Of(live));
            }

            if (job.Status?.Active > 0)
            {
                SetJob(job, status => status["active"] = 0);
            }
        }
        else if (live is null)
        {
            Start(job);
        }
        else if (live.Status.Phase == "Pending")
        {
            SetPod(live, status => status["phase"] = "Running");
        }
        else if (!_lostNodes.Contains(live.Metadata.Name))
        {
            End(job, live);
        }
    }

    private void Start(V1Job job)
    {
        var template = job.Spec.Template.Metadata;
        api.Create(Pods, (JsonObject)ApiJson.ToNode(new V1Pod
        {
            Metadata = new V1ObjectMeta
            {
                Name = $"{job.Metadata.Name}-{_pods++:d6}",
                NamespaceProperty = job.Metadata.NamespaceProperty,
                Labels = template.Labels,
                Annotations = template.Annotations,
                OwnerReferences = [new V1OwnerReference { ApiVersion = "batch/v1", Kind = "Job", Name = job.Metadata.Name, Uid = job.Metadata.Uid, Controller = true }],
            },
            Status = new V1PodStatus { Phase = "Pending" },
        })!);
        SetJob(job, status => status["active"] = 1);
    }

    private void End(V1Job job, V1Pod pod)
    {
        var run = RunFile.Parse(pod.Metadata.Annotations[RunFile.AnnotationName]);
        var (code, result) = Work(run);
        var message = result is not null && !IsHealthy && random.Next(12) == 0 ? null : result;
        if (result is not null)
        {
            Said[run.RunId] = result;
        }

        SetPod(pod, status =>
        {
            status["phase"] = code == 0 ? "Succeeded" : "Failed";
            status["containerStatuses"] = new JsonArray(new JsonObject
            {
                ["name"] = JobBuilder.Container,
                ["image"] = "worker",
                ["imageID"] = "",
                ["ready"] = false,
                ["restartCount"] = 0,
                ["state"] = new JsonObject { ["terminated"] = new JsonObject { ["exitCode"] = code, ["message"] = message?.ToTerminationMessage() } },
            });
        });
        var failed = (job.Status?.Failed ?? 0) + (code == 0 ? 0 : 1);
        if (code == 0 || ExitCodes.Find(code) is not null || failed > 3)
        {
            if (code == 0 && run.Kind == RunKind.Backup)
            {
                Completed.Add((job.Metadata.OwnerReferences[0].Uid, job.Metadata.Annotations[JobBuilder.SlotAnnotation]));
            }

            SetJob(job, status =>
            {
                status["active"] = 0;
                status["conditions"] = new JsonArray(new JsonObject { ["type"] = code == 0 ? "Complete" : "Failed", ["status"] = "True", ["lastTransitionTime"] = Now() });
                if (code == 0)
                {
                    status["completionTime"] = Now();
                }
            });

            // Sometimes nobody can ask the pod any more.
            if (!IsHealthy && random.Next(15) == 0)
            {
                api.Delete(Pods, NamespacedName.Of(pod));
            }
        }
        else
        {
            SetJob(job, status =>
            {
                status["active"] = 0;
                status["failed"] = failed;
            });
        }
    }

    private (int Code, RunResult? Result) Work(RunFile run)
    {
        var result = new RunResult
        {
            RunId = run.RunId,
            Outcome = RunOutcome.Succeeded,
            Reason = "Succeeded",
            RepositoryId = Identity,
            Repository = new RepositoryTotals(Truth.Values.Sum(snapshots => snapshots.Count), 1, 1),
        };
        if (!IsHealthy && run.Kind != RunKind.Inspect && random.Next(4) == 0)
        {
            var code = random.Next(3) == 0 ? 137 : Classes[random.Next(Classes.Length)];
            return (code, code == 137 ? null : result with { Outcome = RunOutcome.Failed, Reason = ExitCodes.Find(code)!.Reason, RepositoryId = null });
        }

        return run.Kind switch
        {
            RunKind.Create => Create(run, result),
            RunKind.Backup => Backup(run, result),
            RunKind.Restore => Restore(run, result),
            RunKind.Inspect => Inspect(run, result),
            _ => (0, result with { Check = new CheckTotals(CheckLevel.Structure, 1, 1, 1, 0) }),
        };
    }

    private (int, RunResult) Create(RunFile run, RunResult result)
    {
        _repositories.Add(run.Repository.Backend.Volume!.Name);
        return (0, result);
    }

    private (int, RunResult?) Backup(RunFile run, RunResult result)
    {
        var account = run.Account!.Id;
        if (!IsHealthy && random.Next(8) == 0)
        {
            return (4, result with { Outcome = RunOutcome.Paused, Reason = "Paused", QuotaGroup = "g", ResumeAfter = time.GetUtcNow() + TimeSpan.FromMinutes(random.Next(1, 300)) });
        }

        var snapshots = Truth.TryGetValue(account, out var known) ? known : Truth[account] = [];
        var missing = !IsHealthy && random.Next(5) == 0 ? random.Next(1, 5) : 0;
        var snapshot = new TrueSnapshot(run.RunId, missing, missing > 0 ? snapshots.LastOrDefault()?.CoveredThrough ?? default : Whole(time.GetUtcNow()).AddHours(-1));
        snapshots.RemoveAll(other => other.RunId == run.RunId);
        snapshots.Add(snapshot);
        if (!IsHealthy && random.Next(12) == 0)
        {
            return (137, null); // committed, and killed before it could say so
        }

        return Tell(snapshot, result);
    }

    private static (int, RunResult) Tell(TrueSnapshot snapshot, RunResult result) => (snapshot.Missing > 0 ? 3 : 0, result with
    {
        Outcome = snapshot.Missing > 0 ? RunOutcome.Incomplete : RunOutcome.Succeeded,
        Reason = snapshot.Missing > 0 ? "LibraryIncomplete" : "Succeeded",
        SnapshotId = new string('a', 64),
        IngestedDigest = "digest",
        Library = new LibraryTotals(100, 1000, snapshot.Missing, snapshot.Missing > 0 ? $"gap-{snapshot.Missing}" : null),
        Exports = new ExportsSummary(snapshot.CoveredThrough == default ? null : snapshot.CoveredThrough, "export", 1),
    });

    private (int, RunResult) Restore(RunFile run, RunResult result) => Truth.GetValueOrDefault(run.Account!.Id) is not { Count: > 0 }
        ? (2, result with { Outcome = RunOutcome.Failed, Reason = nameof(ErrorCatalogue.SnapshotNotFound) })
        : run.Restore!.PlanOnly
        ? (0, result with { SnapshotId = new string('a', 64), Plan = new RestorePlan(600, 1, 1, "plan") })
        : !IsHealthy && random.Next(3) == 0
            ? (4, result with { Outcome = RunOutcome.Paused, Reason = "Paused", SnapshotId = new string('a', 64) })
            : (0, result with { SnapshotId = new string('a', 64), Restored = new RestoreTotals(100, 1000) });

    private (int, RunResult) Inspect(RunFile run, RunResult result)
    {
        var found = Truth.Values.SelectMany(snapshots => snapshots).FirstOrDefault(snapshot => snapshot.RunId == run.Inspect!.LostRunId);
        if (found is null)
        {
            return (2, result with { Outcome = RunOutcome.Failed, Reason = "RunNotFound", RepositoryId = null });
        }

        var (code, told) = Tell(found, result);
        return (code, told with { FoundRunId = found.RunId });
    }

    private void SetJob(V1Job job, Action<JsonObject> change) => Set(Jobs, NamespacedName.Of(job), change);

    private void SetPod(V1Pod pod, Action<JsonObject> change) => Set(Pods, NamespacedName.Of(pod), change);

    private void Set(string kind, NamespacedName key, Action<JsonObject> change)
    {
        if (api.Get(kind, key) is not null)
        {
            api.Update(kind, key, entity =>
            {
                var status = entity["status"] as JsonObject ?? [];
                entity.Remove("status");
                change(status);
                entity["status"] = status;
            });
        }
    }

    private string Now() => time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);

    private static DateTimeOffset Whole(DateTimeOffset moment) => DateTimeOffset.FromUnixTimeSeconds(moment.ToUnixTimeSeconds());
}
