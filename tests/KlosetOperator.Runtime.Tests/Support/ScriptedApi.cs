using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using k8s;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Diagnostics;

namespace KlosetOperator.Runtime.Tests.Support;

/// <summary>
/// A small API server in this process that misbehaves on command: objects with versions, a history that can be
/// compacted, watches that can be cut, and a script of faults.
/// </summary>
internal sealed class ScriptedApi : DelegatingHandler
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Resource, string Namespace, string Name), JsonObject> _objects = [];
    private readonly List<Change> _history = [];
    private readonly List<Watcher> _watchers = [];
    private readonly List<Fault> _faults = [];
    private readonly List<string> _requests = [];
    private long _version = 100;
    private long _compacted = 100;
    private int _uids;

    public enum CutStyle
    {
        /// <summary>The end of the stream, as at a watch's timeout.</summary>
        Clean,

        /// <summary>Half an event, then the end of the stream.</summary>
        MidLine,

        /// <summary>The connection is reset.</summary>
        Reset,
    }

    /// <summary>Objects per page when a list asks for pages; smaller than what is asked for, as servers may.</summary>
    public int PageLimit { get; set; } = int.MaxValue;

    /// <summary>"VERB path?query" of every request, in order.</summary>
    public IReadOnlyList<string> Requests
    {
        get
        {
            lock (_lock)
            {
                return [.. _requests];
            }
        }
    }

    public int WatcherCount
    {
        get
        {
            lock (_lock)
            {
                return _watchers.Count;
            }
        }
    }

    public long Version
    {
        get
        {
            lock (_lock)
            {
                return _version;
            }
        }
    }

    public ApiConnection Connect(TimeProvider time, RuntimeMetrics metrics, IEnumerable<DelegatingHandler>? outer = null) => new(
        new KubernetesClientConfiguration { Host = "http://scripted.invalid" }, time, metrics, TimeSpan.FromSeconds(30), outer, [this]);

    /// <summary>How many requests matched.</summary>
    public int Count(Func<string, bool> match) => Requests.Count(match);

    /// <summary>Answers the next requests that match with something else. <paramref name="after"/>: once the request took effect.</summary>
    public void Fail(Func<string, bool> match, Func<HttpResponseMessage> answer, int times = 1, bool after = false)
    {
        lock (_lock)
        {
            _faults.Add(new Fault(match, answer, after) { Left = times });
        }
    }

    /// <summary>A refusal with a Status body.</summary>
    public static HttpResponseMessage Status(HttpStatusCode code, string reason, string message = "scripted", TimeSpan? retryAfter = null)
    {
        var body = new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["status"] = "Failure",
            ["reason"] = reason,
            ["message"] = message,
            ["code"] = (int)code,
        };
        var response = new HttpResponseMessage(code) { Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json") };
        if (retryAfter is { } wait)
        {
            response.Headers.RetryAfter = new System.Net.Http.Headers.RetryConditionHeaderValue(wait);
        }

        return response;
    }

    public static HttpResponseMessage Unreachable() => throw new HttpRequestException("Connection refused (scripted)");

    /// <summary>Creates or changes an object behind everybody's back.</summary>
    public void Put<T>(T entity)
        where T : class, IKubernetesObject<k8s.Models.V1ObjectMeta>
    {
        var resource = ApiResource.Of<T>();
        var node = (JsonObject)ApiJson.ToNode(entity)!;
        lock (_lock)
        {
            var key = (resource.ToString(), entity.Metadata.NamespaceProperty ?? "", entity.Metadata.Name);
            if (_objects.TryGetValue(key, out var existing))
            {
                node["metadata"]!["uid"] = (string?)existing["metadata"]!["uid"];
                node["metadata"]!["generation"] = (long?)existing["metadata"]!["generation"];
                Store(key, node, existing);
            }
            else
            {
                Store(key, node, null);
            }
        }
    }

    public void Remove<T>(string @namespace, string name)
        where T : class, IKubernetesObject<k8s.Models.V1ObjectMeta>
    {
        lock (_lock)
        {
            Drop((ApiResource.Of<T>().ToString(), @namespace, name));
        }
    }

    public IReadOnlyList<T> All<T>()
        where T : class, IKubernetesObject<k8s.Models.V1ObjectMeta>
    {
        lock (_lock)
        {
            var resource = ApiResource.Of<T>().ToString();
            return [.. _objects.Where(entry => entry.Key.Resource == resource)
                .Select(static entry => System.Text.Json.JsonSerializer.Deserialize<T>(entry.Value, ApiJson.Options)!)];
        }
    }

    /// <summary>Puts a raw object in, to send what no type can hold.</summary>
    public void PutRaw<T>(string @namespace, string name, JsonObject entity)
        where T : class, IKubernetesObject<k8s.Models.V1ObjectMeta>
    {
        lock (_lock)
        {
            var key = (ApiResource.Of<T>().ToString(), @namespace, name);
            entity["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = @namespace };
            Store(key, entity, _objects.GetValueOrDefault(key));
        }
    }

    /// <summary>Forgets the history: every version before now is expired.</summary>
    public void Compact()
    {
        lock (_lock)
        {
            _compacted = _version;
            _history.Clear();
        }
    }

    /// <summary>Moves the version on without a change.</summary>
    public void Tick()
    {
        lock (_lock)
        {
            _version++;
        }
    }

    public void Bookmark()
    {
        lock (_lock)
        {
            foreach (var watcher in _watchers)
            {
                watcher.Send("BOOKMARK", new JsonObject { ["metadata"] = new JsonObject { ["resourceVersion"] = Text(_version) } });
            }
        }
    }

    /// <summary>Sends a line as it is to all watches.</summary>
    public void SendRaw(string line)
    {
        lock (_lock)
        {
            _watchers.ForEach(watcher => watcher.Send(line));
        }
    }

    public void CutWatches(CutStyle style)
    {
        lock (_lock)
        {
            _watchers.ForEach(watcher => watcher.Cut(style));
            _watchers.Clear();
        }
    }

    /// <summary>Loses what happens from now on for the watches that are open, as a broken proxy might.</summary>
    public void DeafenWatches()
    {
        lock (_lock)
        {
            _watchers.Clear();
        }
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var line = $"{request.Method.Method} {request.RequestUri!.PathAndQuery}";
        var body = request.Content is null ? null : await request.Content.ReadAsStringAsync(cancellationToken);
        Fault? fault;
        lock (_lock)
        {
            _requests.Add(line);
            fault = _faults.Find(candidate => candidate.Left > 0 && candidate.Match(line));
            if (fault is not null)
            {
                fault.Left--;
            }
        }

        if (fault is { After: false })
        {
            return fault.Answer();
        }

        HttpResponseMessage response;
        lock (_lock)
        {
            response = Handle(request, body is null or "" ? null : JsonNode.Parse(body)!.AsObject());
        }

        if (fault is not null)
        {
            response.Dispose();
            return fault.Answer();
        }

        return response;
    }

    private static string Text(long version) => version.ToString(CultureInfo.InvariantCulture);

    private static HttpResponseMessage Json(JsonNode node, HttpStatusCode code = HttpStatusCode.OK) =>
        new(code) { Content = new StringContent(node.ToJsonString(), Encoding.UTF8, "application/json") };

    private HttpResponseMessage Handle(HttpRequestMessage request, JsonObject? body)
    {
        var uri = request.RequestUri!;
        var query = uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Select(static pair => pair.Split('=', 2)).ToDictionary(static pair => pair[0], static pair => Uri.UnescapeDataString(pair[1]));
        var segments = uri.AbsolutePath.Trim('/').Split('/').Select(Uri.UnescapeDataString).ToList();
        var group = segments[0] == "api" ? "" : segments[1];
        segments.RemoveRange(0, segments[0] == "api" ? 2 : 3);
        var @namespace = "";
        if (segments[0] == "namespaces" && segments.Count > 2)
        {
            @namespace = segments[1];
            segments.RemoveRange(0, 2);
        }

        var resource = group.Length == 0 ? segments[0] : $"{segments[0]}.{group}";
        if (segments.Count == 1)
        {
            return request.Method == HttpMethod.Post ? Create(resource, @namespace, body!)
                : query.ContainsKey("watch") ? Watch(resource, @namespace, query)
                : List(resource, @namespace, query);
        }

        var key = (resource, @namespace, segments[1]);
        var subresource = segments.Count > 2 ? segments[2] : null;
        if (!_objects.TryGetValue(key, out var existing))
        {
            return Status(HttpStatusCode.NotFound, "NotFound", $"{resource} \"{segments[1]}\" not found");
        }

        return request.Method.Method switch
        {
            "GET" => Json(existing.DeepClone()),
            "PUT" => Replace(key, existing, body!),
            "DELETE" => Delete(key, existing, body),
            "PATCH" when request.Content!.Headers.ContentType!.MediaType == "application/merge-patch+json" => MergePatch(key, existing, body!),
            "PATCH" => Apply(key, existing, body!, subresource),
            _ => Status(HttpStatusCode.MethodNotAllowed, "MethodNotAllowed"),
        };
    }

    private HttpResponseMessage List(string resource, string @namespace, Dictionary<string, string> query)
    {
        var asked = query.GetValueOrDefault("resourceVersion");
        if (asked is not (null or "" or "0") && long.Parse(asked, CultureInfo.InvariantCulture) > _version)
        {
            return Status(HttpStatusCode.GatewayTimeout, "Timeout", $"Too large resource version: {asked}, current: {_version}");
        }

        var items = _objects.Where(entry => entry.Key.Resource == resource && (@namespace.Length == 0 || entry.Key.Namespace == @namespace))
            .Where(entry => Matches(entry.Value, query.GetValueOrDefault("labelSelector")))
            .OrderBy(static entry => entry.Key).Select(static entry => entry.Value).ToList();
        var start = query.TryGetValue("continue", out var token) ? int.Parse(token, CultureInfo.InvariantCulture) : 0;
        var limit = query.TryGetValue("limit", out var text) ? Math.Min(PageLimit, int.Parse(text, CultureInfo.InvariantCulture)) : int.MaxValue;
        var page = items.Skip(start).Take(limit).ToList();
        var metadata = new JsonObject { ["resourceVersion"] = Text(_version) };
        if (start + page.Count < items.Count)
        {
            metadata["continue"] = Text(start + page.Count);
        }

        return Json(new JsonObject { ["metadata"] = metadata, ["items"] = new JsonArray([.. page.Select(static item => item.DeepClone())]) });
    }

    private HttpResponseMessage Watch(string resource, string @namespace, Dictionary<string, string> query)
    {
        var watcher = new Watcher(resource, @namespace, query.GetValueOrDefault("labelSelector"));
        var from = long.Parse(query["resourceVersion"], CultureInfo.InvariantCulture);
        var response = new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(watcher.Output) };
        if (from < _compacted)
        {
            watcher.Send("ERROR", new JsonObject { ["kind"] = "Status", ["code"] = 410, ["reason"] = "Expired", ["message"] = $"too old resource version: {from}" });
            watcher.Cut(CutStyle.Clean);
            return response;
        }

        foreach (var change in _history.Where(change => change.Version > from))
        {
            Tell(watcher, change);
        }

        _watchers.Add(watcher);
        return response;
    }

    private HttpResponseMessage Create(string resource, string @namespace, JsonObject body)
    {
        var key = (resource, @namespace, (string)body["metadata"]!["name"]!);
        if (_objects.ContainsKey(key))
        {
            return Status(HttpStatusCode.Conflict, "AlreadyExists", $"{resource} \"{key.Item3}\" already exists");
        }

        return Json(Store(key, body, null).DeepClone(), HttpStatusCode.Created);
    }

    private HttpResponseMessage Replace((string, string, string) key, JsonObject existing, JsonObject body)
    {
        var asked = (string?)body["metadata"]?["resourceVersion"];
        return asked is not null && asked != (string?)existing["metadata"]!["resourceVersion"]
            ? Status(HttpStatusCode.Conflict, "Conflict", "the object has been modified")
            : Json(Store(key, body, existing).DeepClone());
    }

    private HttpResponseMessage Delete((string, string, string) key, JsonObject existing, JsonObject? body)
    {
        if ((string?)body?["preconditions"]?["uid"] is { } uid && uid != (string?)existing["metadata"]!["uid"])
        {
            return Status(HttpStatusCode.Conflict, "Conflict", "Precondition failed: UID");
        }

        if (existing["metadata"]!["finalizers"] is JsonArray { Count: > 0 })
        {
            var marked = existing.DeepClone().AsObject();
            marked["metadata"]!["deletionTimestamp"] ??= "2026-01-01T00:00:00Z";
            return Json(Store(key, marked, existing).DeepClone());
        }

        Drop(key);
        return Json(new JsonObject { ["kind"] = "Status", ["status"] = "Success" });
    }

    private HttpResponseMessage MergePatch((string, string, string) key, JsonObject existing, JsonObject patch)
    {
        if ((string?)patch["metadata"]?["resourceVersion"] is { } version && version != (string?)existing["metadata"]!["resourceVersion"])
        {
            return Status(HttpStatusCode.Conflict, "Conflict", "the object has been modified");
        }

        var merged = Merge(existing.DeepClone(), patch)!.AsObject();
        if (existing["metadata"]!["deletionTimestamp"] is not null && merged["metadata"]!["finalizers"] is not JsonArray { Count: > 0 })
        {
            Drop(key);
            return Json(merged);
        }

        return Json(Store(key, merged, existing).DeepClone());
    }

    private HttpResponseMessage Apply((string, string, string) key, JsonObject existing, JsonObject configuration, string? subresource)
    {
        // One manager only: what it applies is what there is.
        var applied = existing.DeepClone().AsObject();
        var part = subresource ?? "spec";
        applied[part] = configuration[part]?.DeepClone();
        return Json(Store(key, applied, existing).DeepClone());
    }

    private static JsonNode? Merge(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes)
        {
            return patch?.DeepClone();
        }

        var result = target as JsonObject ?? [];
        foreach (var (name, value) in changes)
        {
            if (value is null)
            {
                result.Remove(name);
            }
            else
            {
                var merged = Merge(result[name]?.DeepClone(), value);
                result[name] = merged;
            }
        }

        return result;
    }

    private JsonObject Store((string Resource, string Namespace, string Name) key, JsonObject node, JsonObject? existing)
    {
        var stored = node.DeepClone().AsObject();
        var metadata = stored["metadata"]!.AsObject();
        metadata["uid"] = (string?)existing?["metadata"]!["uid"] ?? $"uid-{++_uids}";
        metadata["generation"] = existing is null ? 1
            : ((long?)existing["metadata"]!["generation"] ?? 1) + (JsonNode.DeepEquals(existing["spec"], stored["spec"]) ? 0 : 1);
        metadata["resourceVersion"] = (string?)existing?["metadata"]!["resourceVersion"] ?? Text(_version);
        if (existing is not null && JsonNode.DeepEquals(existing, stored))
        {
            return existing;
        }

        metadata["resourceVersion"] = Text(++_version);
        _objects[key] = stored;
        Tell(new Change(_version, existing is null ? "ADDED" : "MODIFIED", key, stored.DeepClone().AsObject(), existing));
        return stored;
    }

    private void Drop((string Resource, string Namespace, string Name) key)
    {
        if (_objects.Remove(key, out var last))
        {
            var deleted = last.DeepClone().AsObject();
            deleted["metadata"]!["resourceVersion"] = Text(++_version);
            Tell(new Change(_version, "DELETED", key, deleted, last));
        }
    }

    private void Tell(Change change)
    {
        _history.Add(change);
        _watchers.ForEach(watcher => Tell(watcher, change));
    }

    private static void Tell(Watcher watcher, Change change)
    {
        if (watcher.Resource == change.Key.Resource && (watcher.Namespace.Length == 0 || watcher.Namespace == change.Key.Namespace)
            && Matches(change.Entity, watcher.LabelSelector))
        {
            watcher.Send(change.Type, change.Entity);
        }
    }

    private static bool Matches(JsonObject entity, string? selector) =>
        selector is null || selector.Split('=') is [var label, var value] && (string?)entity["metadata"]?["labels"]?[label] == value;

    private sealed record Change(long Version, string Type, (string Resource, string Namespace, string Name) Key, JsonObject Entity, JsonObject? Before);

    private sealed record Fault(Func<string, bool> Match, Func<HttpResponseMessage> Answer, bool After)
    {
        public int Left { get; set; }
    }

    private sealed class Watcher(string resource, string @namespace, string? labelSelector)
    {
        private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: 0, useSynchronizationContext: false));

        public string Resource => resource;

        public string Namespace => @namespace;

        public string? LabelSelector => labelSelector;

        public Stream Output => _pipe.Reader.AsStream();

        public void Send(string type, JsonObject entity) =>
            Send(new JsonObject { ["type"] = type, ["object"] = entity.DeepClone() }.ToJsonString() + "\n");

        public void Send(string text)
        {
            _pipe.Writer.Write(Encoding.UTF8.GetBytes(text));
            _pipe.Writer.FlushAsync().AsTask().GetAwaiter().GetResult();
        }

        public void Cut(CutStyle style)
        {
            if (style == CutStyle.MidLine)
            {
                Send("{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"na");
            }

            _pipe.Writer.Complete(style == CutStyle.Reset ? new IOException("Connection reset by peer (scripted)") : null);
        }
    }
}

internal static class PipeWriterExtensions
{
    public static void Write(this PipeWriter writer, byte[] bytes) => System.Buffers.BuffersExtensions.Write(writer, bytes);
}
