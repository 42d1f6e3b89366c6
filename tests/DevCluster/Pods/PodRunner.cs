using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DevCluster.Api;
using DevCluster.Controllers;
using DevCluster.Json;
using DevCluster.Resources;
using DevCluster.Storage;

namespace DevCluster.Pods;

/// <summary>Scheduler and kubelet: runs the containers of every Pod as local processes and keeps the Pod's status true.</summary>
internal sealed partial class PodRunner(
    ObjectStore store, ResourceCatalog catalog, ResourceOperations operations, ClusterEvents events, PodLogs logs, ClusterOptions options,
    string dataDirectory, Func<string, string, string> claimFolder)
    : IClusterController, IAsyncDisposable
{
    public const string NodeName = "devcluster";

    private const string Component = "kubelet";
    private const int MessageBytes = 4096;
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, RunningPod> _pods = new(StringComparer.Ordinal);
    private readonly TimeProvider _time = options.Time;

    private string PodsDirectory { get; } = Path.Combine(dataDirectory, "pods");

    public void OnChange(Change change)
    {
        if (change.Current.Key.Resource != "pods")
        {
            return;
        }

        var uid = change.Current.Uid;
        if (change.Kind == ChangeKind.Deleted)
        {
            if (_pods.TryRemove(uid, out var gone))
            {
                gone.Stop(TimeSpan.Zero, _time);
                _ = CleanAsync(gone, uid);
            }

            return;
        }

        var pod = change.Current.ToNode();
        if (_pods.TryGetValue(uid, out var running))
        {
            if (change.Current.Deleting)
            {
                running.Stop(TimeSpan.FromSeconds(pod.Integer("metadata", "deletionGracePeriodSeconds") ?? 30), _time);
            }

            return;
        }

        if (change.Current.Deleting || pod.Text("status", "phase") is "Succeeded" or "Failed")
        {
            return;
        }

        var started = new RunningPod(change.Current.Key, uid, pod, new PodFolder(store, pod, PodsDirectory, claimFolder));
        if (_pods.TryAdd(uid, started))
        {
            started.Work = Task.Run(() => RunAsync(started));
        }
    }

    /// <summary>Process ids of a pod's containers that run now.</summary>
    public IReadOnlyList<int> ProcessesOf(string space, string pod) =>
        [.. _pods.Values.Where(running => running.Key.Namespace == space && running.Key.Name == pod).SelectMany(running => running.Processes).Select(process => process.ProcessId)];

    public async ValueTask DisposeAsync()
    {
        foreach (var pod in _pods.Values)
        {
            pod.Stop(TimeSpan.Zero, _time);
        }

        await Task.WhenAll(_pods.Values.Select(pod => pod.Work)).WaitAsync(TimeSpan.FromSeconds(5), TimeProvider.System).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    private async Task CleanAsync(RunningPod pod, string uid)
    {
        await pod.Work;
        logs.Remove(uid);
        try
        {
            pod.Folder.Delete();
        }
        catch (IOException)
        {
            // A process that was just killed may still write; the folder goes with the cluster then.
        }

        pod.Dispose();
    }

    private async Task RunAsync(RunningPod pod)
    {
        try
        {
            await RunToEndAsync(pod);
        }
        catch (OperationCanceledException)
        {
            // Stopped before it ran.
            Status(pod, status =>
            {
                if (status.Text("phase") is not ("Succeeded" or "Failed"))
                {
                    status["phase"] = "Failed";
                }
            });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            events.Emit(pod.Content, "Warning", "Failed", e.Message, Component);
            Status(pod, status =>
            {
                status["phase"] = "Failed";
                status["reason"] = "ContainerCannotRun";
                status["message"] = e.Message;
            });
        }

        if (store.GetByUid(pod.Uid) is { Deleting: true })
        {
            try
            {
                operations.Delete(catalog.Find("", "v1", "pods")!, pod.Key.Namespace, pod.Key.Name, new DeleteOptions { GracePeriodSeconds = 0, ExpectedUid = pod.Uid });
            }
            catch (ApiException e) when (e.Code is 404 or 409)
            {
                // Gone already.
            }
        }
    }

    private async Task RunToEndAsync(RunningPod pod)
    {
        await ScheduleAsync(pod);
        var ct = pod.Stopped;
        if (pod.Content.Integer("spec", "activeDeadlineSeconds") is { } seconds)
        {
            pod.Deadline = _time.CreateTimer(_ =>
            {
                pod.EndReason = "DeadlineExceeded";
                pod.Stop(TimeSpan.FromSeconds(pod.Content.Integer("spec", "terminationGracePeriodSeconds") ?? 30), _time);
            }, null, TimeSpan.FromSeconds(seconds), Timeout.InfiniteTimeSpan);
        }

        Waiting(pod, "ContainerCreating", null);
        for (string? told = null; ;)
        {
            try
            {
                pod.Folder.Mount();
                break;
            }
            catch (MountException e)
            {
                if (told != e.Message)
                {
                    events.Emit(pod.Content, "Warning", "FailedMount", told = e.Message, Component);
                }

                await Task.Delay(Retry, _time, ct);
            }
        }

        foreach (var init in Containers(pod, "initContainers"))
        {
            var exit = await RunContainerAsync(pod, init, "initContainerStatuses", ct);
            if (exit != 0)
            {
                Finish(pod, false);
                return;
            }
        }

        var exits = await Task.WhenAll(Containers(pod, "containers").Select(container => RunContainerAsync(pod, container, "containerStatuses", ct)));
        Finish(pod, exits.All(exit => exit == 0));
    }

    private async Task ScheduleAsync(RunningPod pod)
    {
        for (string? told = null; ;)
        {
            var missing = (pod.Content.Array("spec", "volumes") ?? []).Select(volume => volume.Text("persistentVolumeClaim", "claimName")).OfType<string>()
                .FirstOrDefault(claim => store.Get(new ObjectKey("persistentvolumeclaims", pod.Key.Namespace, claim)) is null);
            if (missing is null)
            {
                break;
            }

            var message = $"0/1 nodes are available: persistentvolumeclaim \"{missing}\" not found. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
            if (told != message)
            {
                events.Emit(pod.Content, "Warning", "FailedScheduling", told = message, "default-scheduler");
            }

            Status(pod, status => SetCondition(status, "PodScheduled", "False", "Unschedulable", message));
            await Task.Delay(Retry, _time, pod.Stopped);
        }

        operations.Mutate(pod.Key, obj =>
        {
            if (obj.Text("metadata", "uid") != pod.Uid)
            {
                return false;
            }

            obj.Ensure("spec")["nodeName"] = NodeName;
            var status = obj.Ensure("status");
            SetCondition(status, "PodScheduled", "True", null, null);
            status["startTime"] = _time.GetUtcNow().ToApiTime();
            status["hostIP"] = "127.0.0.1";
            return true;
        });
        pod.Content.Ensure("spec")["nodeName"] = NodeName;
        events.Emit(pod.Content, "Normal", "Scheduled", $"Successfully assigned {pod.Key.Namespace}/{pod.Key.Name} to {NodeName}", "default-scheduler");
    }

    private async Task<int> RunContainerAsync(RunningPod pod, JsonObject container, string list, CancellationToken ct)
    {
        var name = container.Text("name") ?? "";
        var image = container.Text("image") ?? "";
        var restarts = 0;
        while (true)
        {
            var root = pod.Folder.MakeRoot(container);
            var (process, log) = await StartAsync(pod, container, name, image, root, list, ct);
            var started = _time.GetUtcNow();
            ContainerStatus(pod, list, name, image, restarts, true, new JsonObject { ["running"] = new JsonObject { ["startedAt"] = started.ToApiTime() } });
            events.Emit(pod.Content, "Normal", "Started", $"Started container {name}", Component);
            pod.Add(process, _time);
            var exit = await process.Completion;
            pod.Remove(process);
            log.End();
            var message = ReadMessage(container, root, log, exit);
            var terminated = new JsonObject
            {
                ["exitCode"] = exit,
                ["reason"] = exit == 0 ? "Completed" : "Error",
                ["startedAt"] = started.ToApiTime(),
                ["finishedAt"] = _time.GetUtcNow().ToApiTime(),
                ["containerID"] = string.Create(CultureInfo.InvariantCulture, $"devcluster://{pod.Uid}/{name}/{restarts}"),
            };
            if (message.Length > 0)
            {
                terminated["message"] = message;
            }

            ContainerStatus(pod, list, name, image, restarts, false, new JsonObject { ["terminated"] = terminated });
            var policy = pod.Content.Text("spec", "restartPolicy");
            if (pod.IsStopping || policy == "Never" || (policy == "OnFailure" && exit == 0) || (list == "initContainerStatuses" && exit == 0))
            {
                return exit;
            }

            restarts++;
            events.Emit(pod.Content, "Warning", "BackOff", $"Back-off restarting failed container {name} in pod {pod.Key.Name}", Component);
            ContainerStatus(pod, list, name, image, restarts, false, new JsonObject { ["waiting"] = new JsonObject { ["reason"] = "CrashLoopBackOff" } }, new JsonObject { ["terminated"] = terminated.Copy() });
            await Task.Delay(TimeSpan.FromTicks(Math.Min(TimeSpan.TicksPerMinute * 5, options.PodBackoff.Ticks << Math.Min(restarts - 1, 10))), _time, ct);
        }
    }

    private async Task<(IContainerProcess Process, ContainerLog Log)> StartAsync(
        RunningPod pod, JsonObject container, string name, string image, ContainerRoot root, string list, CancellationToken ct)
    {
        string? told = null;
        while (true)
        {
            ct.ThrowIfCancellationRequested();
            var program = ProgramOf(image);
            if (program is null && options.ContainerRunner is null)
            {
                await WaitForAsync("ErrImagePull", $"Failed to pull image \"{image}\": not found: DevCluster knows no program for it");
                ContainerWaiting(pod, list, name, image, "ImagePullBackOff", $"Back-off pulling image \"{image}\"");
                continue;
            }

            Dictionary<string, string> environment;
            try
            {
                environment = EnvironmentOf(pod, container, root);
            }
            catch (MountException e)
            {
                await WaitForAsync("CreateContainerConfigError", e.Message);
                continue;
            }

            string Expand(string value) => root.Rewrite(Variable().Replace(value, match => environment.GetValueOrDefault(match.Groups[1].Value, match.Value)));
            var command = (container.Array("command") ?? []).Select(item => Expand(item.Text() ?? "")).ToArray();
            var arguments = (container.Array("args") ?? []).Select(item => Expand(item.Text() ?? "")).ToArray();
            if (command.Length > 0)
            {
                (program, arguments) = (Resolve(command[0], program), [.. command[1..], .. arguments]);
            }

            var log = logs.Start(pod.Uid, name);
            var start = new ContainerStart
            {
                Image = image,
                Namespace = pod.Key.Namespace,
                PodName = pod.Key.Name,
                ContainerName = name,
                Arguments = arguments,
                Environment = environment,
                WorkingDirectory = container.Text("workingDir") is { Length: > 0 } directory && Directory.Exists(root.Rewrite(directory)) ? root.Rewrite(directory) : root.Root,
                TerminationMessageFile = root.MessageFile,
                Log = line => log.Append(_time.GetUtcNow(), line),
            };
            try
            {
                if (options.ContainerRunner?.Invoke(start) is { } stand)
                {
                    return (stand, log);
                }

                if (program is null)
                {
                    await WaitForAsync("ErrImagePull", $"Failed to pull image \"{image}\": not found");
                    continue;
                }

                return (ProcessContainer.Start(program, start), log);
            }
            catch (System.ComponentModel.Win32Exception e)
            {
                await WaitForAsync("CreateContainerError", $"{program}: {e.Message}");
            }
        }

        async Task WaitForAsync(string reason, string message)
        {
            if (told != message)
            {
                told = message;
                ContainerWaiting(pod, list, name, image, reason, message);
                events.Emit(pod.Content, "Warning", reason == "ErrImagePull" ? "Failed" : reason, message, Component);
            }

            await Task.Delay(Retry, _time, ct);
        }
    }

    private string? ProgramOf(string image)
    {
        if (options.Images.TryGetValue(image, out var program))
        {
            return program;
        }

        var name = image.Split('@')[0];
        name = name[(name.LastIndexOf('/') + 1)..].Split(':')[0];
        return options.Images.GetValueOrDefault(name);
    }

    /// <summary>A command that is not the image's own program is looked for on this machine.</summary>
    private static string? Resolve(string command, string? program)
    {
        if (program is not null && Path.GetFileName(program) == Path.GetFileName(command))
        {
            return program;
        }

        if (command.StartsWith('/'))
        {
            return File.Exists(command) ? command : program;
        }

        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, command)).FirstOrDefault(File.Exists) ?? program;
    }

    private static Dictionary<string, string> EnvironmentOf(RunningPod pod, JsonObject container, ContainerRoot root)
    {
        var result = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var source in container.Array("envFrom") ?? [])
        {
            foreach (var (member, resource, kind) in new[] { ("secretRef", "secrets", "secret"), ("configMapRef", "configmaps", "configmap") })
            {
                if (source.Object(member) is not { } reference)
                {
                    continue;
                }

                var data = pod.Folder.Data(resource, reference.Text("name") ?? "");
                if (data is null && reference.Flag("optional") != true)
                {
                    throw new MountException($"{kind} \"{reference.Text("name")}\" not found");
                }

                foreach (var (key, value) in data ?? new Dictionary<string, byte[]>())
                {
                    result[source.Text("prefix") + key] = Encoding.UTF8.GetString(value);
                }
            }
        }

        foreach (var variable in container.Array("env") ?? [])
        {
            var name = variable.Text("name") ?? "";
            var value = Variable().Replace(variable.Text("value") ?? "", match => result.GetValueOrDefault(match.Groups[1].Value, match.Value));
            if (variable.Object("valueFrom") is { } from)
            {
                if (from.Text("fieldRef", "fieldPath") is { } field)
                {
                    value = pod.Folder.Field(field) ?? throw new MountException($"field label not supported: {field}");
                }
                else if (from.Object("resourceFieldRef") is not null)
                {
                    value = "0";
                }
                else
                {
                    var isSecret = from.Object("secretKeyRef") is not null;
                    var reference = from.Object(isSecret ? "secretKeyRef" : "configMapKeyRef")!;
                    var data = pod.Folder.Data(isSecret ? "secrets" : "configmaps", reference.Text("name") ?? "");
                    if (data is null || !data.TryGetValue(reference.Text("key") ?? "", out var bytes))
                    {
                        if (reference.Flag("optional") == true)
                        {
                            continue;
                        }

                        throw new MountException(data is null
                            ? $"{(isSecret ? "secret" : "configmap")} \"{reference.Text("name")}\" not found"
                            : $"couldn't find key {reference.Text("key")} in {(isSecret ? "Secret" : "ConfigMap")} {pod.Key.Namespace}/{reference.Text("name")}");
                    }

                    value = Encoding.UTF8.GetString(bytes);
                }
            }

            result[name] = root.Rewrite(value);
        }

        return result;
    }

    private static string ReadMessage(JsonObject container, ContainerRoot root, ContainerLog log, int exit)
    {
        var bytes = File.Exists(root.MessageFile) ? File.ReadAllBytes(root.MessageFile) : [];
        if (bytes.Length == 0 && exit != 0 && container.Text("terminationMessagePolicy") == "FallbackToLogsOnError")
        {
            return log.Tail(80, 2048);
        }

        return Encoding.UTF8.GetString(bytes.AsSpan(..Math.Min(bytes.Length, MessageBytes)));
    }

    private static IEnumerable<JsonObject> Containers(RunningPod pod, string list) => (pod.Content.Array("spec", list) ?? []).OfType<JsonObject>();

    private void Finish(RunningPod pod, bool succeeded)
    {
        pod.Deadline?.Dispose();
        Status(pod, status =>
        {
            status["phase"] = succeeded && pod.EndReason is null ? "Succeeded" : "Failed";
            if (pod.EndReason is { } reason)
            {
                status["reason"] = reason;
                status["message"] = "Pod was active on the node longer than the specified deadline";
            }

            SetCondition(status, "Ready", "False", "PodCompleted", null);
            SetCondition(status, "ContainersReady", "False", "PodCompleted", null);
        });
    }

    private void Waiting(RunningPod pod, string reason, string? message)
    {
        foreach (var container in Containers(pod, "containers"))
        {
            ContainerWaiting(pod, "containerStatuses", container.Text("name") ?? "", container.Text("image") ?? "", reason, message);
        }
    }

    private void ContainerWaiting(RunningPod pod, string list, string name, string image, string reason, string? message)
    {
        var waiting = new JsonObject { ["reason"] = reason };
        if (message is not null)
        {
            waiting["message"] = message;
        }

        ContainerStatus(pod, list, name, image, 0, false, new JsonObject { ["waiting"] = waiting });
    }

    private void ContainerStatus(RunningPod pod, string list, string name, string image, int restarts, bool ready, JsonObject state, JsonObject? lastState = null) => Status(pod, status =>
    {
        var statuses = status.EnsureArray(list);
        if (statuses.FirstOrDefault(item => item.Text("name") == name) is { } old)
        {
            statuses.Remove(old);
        }

        statuses.Add(new JsonObject
        {
            ["name"] = name,
            ["image"] = image,
            ["imageID"] = image,
            ["restartCount"] = restarts,
            ["ready"] = ready,
            ["started"] = ready,
            ["state"] = state.Copy(),
            ["lastState"] = lastState.Copy() ?? new JsonObject(),
        });
        if (ready && list == "containerStatuses")
        {
            status["phase"] = "Running";
            status["podIP"] = "127.0.0.1";
            status["podIPs"] = new JsonArray(new JsonObject { ["ip"] = "127.0.0.1" });
            SetCondition(status, "Initialized", "True", null, null);
            var all = statuses.Count == Containers(pod, list).Count() && statuses.All(item => item.Flag("ready") == true);
            SetCondition(status, "ContainersReady", all ? "True" : "False", null, null);
            SetCondition(status, "Ready", all ? "True" : "False", null, null);
        }
    });

    private void Status(RunningPod pod, Action<JsonObject> change) => operations.Mutate(pod.Key, obj =>
    {
        if (obj.Text("metadata", "uid") != pod.Uid)
        {
            return false;
        }

        change(obj.Ensure("status"));
        return true;
    });

    private void SetCondition(JsonObject status, string type, string value, string? reason, string? message)
    {
        var conditions = status.EnsureArray("conditions");
        if (conditions.FirstOrDefault(item => item.Text("type") == type) is JsonObject existing)
        {
            if (existing.Text("status") == value && existing.Text("reason") == reason && existing.Text("message") == message)
            {
                return;
            }

            conditions.Remove(existing);
        }

        var condition = new JsonObject { ["type"] = type, ["status"] = value, ["lastProbeTime"] = null, ["lastTransitionTime"] = _time.GetUtcNow().ToApiTime() };
        if (reason is not null)
        {
            condition["reason"] = reason;
        }

        if (message is not null)
        {
            condition["message"] = message;
        }

        conditions.Add(condition);
    }

    [GeneratedRegex(@"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")]
    private static partial Regex Variable();

    private sealed class RunningPod(ObjectKey key, string uid, JsonObject content, PodFolder folder) : IDisposable
    {
        private readonly Lock _gate = new();
        private readonly CancellationTokenSource _stopped = new();
        private readonly List<IContainerProcess> _processes = [];
        private ITimer? _grace;

        public ObjectKey Key => key;

        public string Uid => uid;

        public JsonObject Content => content;

        public PodFolder Folder => folder;

        public Task Work { get; set; } = Task.CompletedTask;

        public ITimer? Deadline { get; set; }

        public string? EndReason { get; set; }

        public CancellationToken Stopped => _stopped.Token;

        public bool IsStopping => _stopped.IsCancellationRequested;

        public IReadOnlyList<IContainerProcess> Processes
        {
            get
            {
                lock (_gate)
                {
                    return [.. _processes];
                }
            }
        }

        public void Dispose()
        {
            _grace?.Dispose();
            Deadline?.Dispose();
            _stopped.Dispose();
        }

        public void Add(IContainerProcess process, TimeProvider time)
        {
            lock (_gate)
            {
                _processes.Add(process);
            }

            if (IsStopping)
            {
                Stop(TimeSpan.Zero, time);
            }
        }

        public void Remove(IContainerProcess process)
        {
            lock (_gate)
            {
                _processes.Remove(process);
            }
        }

        /// <summary>SIGTERM now, SIGKILL after the grace period; a second call can only shorten it.</summary>
        public void Stop(TimeSpan grace, TimeProvider time)
        {
            var first = !_stopped.IsCancellationRequested;
            _stopped.Cancel();
            if (grace <= TimeSpan.Zero)
            {
                foreach (var process in Processes)
                {
                    process.Kill();
                }

                return;
            }

            if (first)
            {
                foreach (var process in Processes)
                {
                    process.Terminate();
                }

                _grace = time.CreateTimer(_ => Stop(TimeSpan.Zero, time), null, grace, Timeout.InfiniteTimeSpan);
            }
        }
    }
}
