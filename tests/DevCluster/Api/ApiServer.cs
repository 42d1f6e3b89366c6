using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DevCluster.Faults;
using DevCluster.Json;
using DevCluster.Patching;
using DevCluster.Pods;
using DevCluster.Resources;
using DevCluster.Storage;
using DevCluster.Tables;

namespace DevCluster.Api;

/// <summary>The HTTP side of the API server.</summary>
internal sealed class ApiServer(
    ObjectStore store, ResourceCatalog catalog, ResourceOperations operations, FaultScript faults, PodLogs logs, ClusterOptions options)
{
    /// <summary>Protobuf: swagger "2.0", info with a title and a version, no paths.</summary>
    private static readonly byte[] EmptySwagger = [0x0a, 3, .. "2.0"u8, 0x12, 19, 0x0a, 10, .. "Kubernetes"u8, 0x12, 5, .. "v1.32"u8, 0x42, 0];

    private readonly Discovery _discovery = new(catalog);
    private readonly OpenApiDocuments _openApi = new(catalog);
    private readonly TableRenderer _tables = new(options.Time);
    private readonly TimeProvider _time = options.Time;

    public async Task HandleAsync(HttpContext http)
    {
        var path = http.Request.Path.Value ?? "/";
        var target = RequestTarget.Parse(path);
        var request = new ApiRequest(faults.NextNumber(), VerbOf(http.Request, target), target?.Resource ?? "", target?.Namespace ?? "",
            target?.Name ?? "", target?.Subresource ?? "", path, http.Request.Headers.UserAgent.ToString());
        try
        {
            switch (faults.Judge(request))
            {
                case RequestFault.Refuse refuse:
                    if (refuse.RetryAfterSeconds is { } seconds)
                    {
                        http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
                    }

                    throw new ApiException(refuse.Code, refuse.Reason, refuse.Message);
                case RequestFault.Cut:
                    http.Abort();
                    faults.Report(request, 0);
                    return;
                case RequestFault.LoseResponse:
                    http.Response.Body = new AbortingStream(http);
                    break;
                case RequestFault.Delay delay:
                    await Task.Delay(delay.For, _time, http.RequestAborted);
                    break;
            }

            if (options.Tls && http.Request.Headers.Authorization != $"Bearer {options.Token}" && path is not ("/healthz" or "/livez" or "/readyz" or "/version"))
            {
                throw new ApiException(401, "Unauthorized", "Unauthorized");
            }

            await RouteAsync(http, path, target, request);
        }
        catch (ApiException e)
        {
            await WriteAsync(http, e.ToStatus(), e.Code);
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            await WriteAsync(http, ApiException.Status(400, "BadRequest", $"the object provided is unrecognized: {e.Message}"), 400);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client is gone.
        }

        faults.Report(request, http.Response.StatusCode);
    }

    private static string VerbOf(HttpRequest request, RequestTarget? target)
    {
        if (target is null)
        {
            return "other";
        }

        return request.Method switch
        {
            "GET" when target.Subresource == "log" => "log",
            "GET" when request.Query["watch"].ToString() is "true" or "1" => "watch",
            "GET" or "HEAD" => target.Name.Length > 0 ? "get" : "list",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => target.Name.Length > 0 ? "delete" : "deletecollection",
            _ => "other",
        };
    }

    private async Task RouteAsync(HttpContext http, string path, RequestTarget? target, ApiRequest request)
    {
        if (target is not null)
        {
            await ResourceAsync(http, target, request);
            return;
        }

        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (parts is ["openapi", "v3", .. var document])
        {
            var content = document switch
            {
                [] => _openApi.Index(),
                ["api", var version] => _openApi.Document("", version),
                ["apis", var group, var version] => _openApi.Document(group, version),
                _ => null,
            };
            await WriteAsync(http, content ?? throw ApiException.PathNotFound());
            return;
        }

        if (parts is ["openapi", "v2"])
        {
            // Swagger 2.0 without paths: kubectl falls back to it for kinds that v3 does not know, and then asks no more of it.
            http.Response.ContentType = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
            await http.Response.Body.WriteAsync(EmptySwagger, http.RequestAborted);
            return;
        }

        if (parts is ["healthz" or "livez" or "readyz", ..])
        {
            await WriteTextAsync(http, "ok");
            return;
        }

        if (parts is ["version"])
        {
            await WriteAsync(http, new JsonObject
            {
                ["major"] = "1",
                ["minor"] = "32",
                ["gitVersion"] = "v1.32.0+devcluster",
                ["gitCommit"] = "",
                ["gitTreeState"] = "clean",
                ["buildDate"] = "2024-12-11T00:00:00Z",
                ["goVersion"] = "none",
                ["compiler"] = "dotnet",
                ["platform"] = "linux/amd64",
            });
            return;
        }

        var aggregated = parts is ["api"] or ["apis"] && Accepted.Parse(http.Request.Headers.Accept).Aggregated;
        if (aggregated)
        {
            await WriteAsync(http, _discovery.Aggregated(parts[0] == "api"), contentType: Discovery.AggregatedContentType);
            return;
        }

        var found = parts switch
        {
            [] => new JsonObject { ["paths"] = new JsonArray("/api", "/api/v1", "/apis", "/healthz", "/openapi/v3", "/version") },
            ["api"] => Discovery.CoreVersions(),
            ["apis"] => _discovery.Groups(),
            ["api", var version] => _discovery.Resources("", version),
            ["apis", var group] => _discovery.Group(group),
            ["apis", var group, var version] => _discovery.Resources(group, version),
            _ => null,
        };
        await WriteAsync(http, found ?? throw ApiException.PathNotFound());
    }

    private async Task ResourceAsync(HttpContext http, RequestTarget target, ApiRequest request)
    {
        if (Discovery.IsReview(target.Group, target.Resource, out var review))
        {
            await ReviewAsync(http, review);
            return;
        }

        var type = catalog.Find(target.Group, target.Version, target.Resource) ?? throw ApiException.PathNotFound();
        var name = target.Name;
        var space = type.Namespaced ? target.Namespace : "";
        if (type.QualifiedName == "pods" && target.Subresource == "log")
        {
            await LogAsync(http, type, space, name);
            return;
        }

        if (target.Subresource is not ("" or "status" or "finalize") || (target.Subresource == "status" && !type.HasStatus))
        {
            throw ApiException.PathNotFound();
        }

        if (name.Length > 0 && type.Namespaced && space.Length == 0)
        {
            throw ApiException.PathNotFound();
        }

        var (form, _, _) = Accepted.Parse(http.Request.Headers.Accept);
        switch (request.Verb)
        {
            case "get":
                await WriteObjectAsync(http, type, operations.Get(type, space, name), form);
                break;
            case "list":
                await ListAsync(http, type, target.Namespace, form);
                break;
            case "watch":
                await WatchAsync(http, type, target, form, request);
                break;
            case "create":
                {
                    if (type.Namespaced && space.Length == 0)
                    {
                        throw ApiException.MethodNotAllowed();
                    }

                    var write = Options(http);
                    var stored = operations.Create(type, space, await ReadAsync(http), write);
                    faults.Done(request);
                    await WriteObjectAsync(http, type, stored, form, 201, write);
                    break;
                }

            case "update":
                {
                    var write = Options(http);
                    var stored = operations.Update(type, space, name, target.Subresource, await ReadAsync(http), write);
                    faults.Done(request);
                    await WriteObjectAsync(http, type, stored, form, 200, write);
                    break;
                }

            case "patch":
                await PatchAsync(http, type, space, target, form, request);
                break;
            case "delete":
                {
                    var (stored, gone) = operations.Delete(type, space, name, await DeleteOptionsAsync(http));
                    faults.Done(request);
                    if (gone && type.QualifiedName != "pods")
                    {
                        var status = ApiException.Status(200, "", "", new JsonObject { ["name"] = name, ["group"] = type.Group, ["kind"] = type.Plural, ["uid"] = stored.Uid });
                        status.Remove("message");
                        status.Remove("reason");
                        await WriteAsync(http, status);
                    }
                    else
                    {
                        await WriteObjectAsync(http, type, stored, form);
                    }

                    break;
                }

            case "deletecollection":
                {
                    var selection = SelectionOf(http, type);
                    var delete = await DeleteOptionsAsync(http);
                    var (revision, objects) = store.List(type.StorageName, target.Namespace.Length > 0 ? target.Namespace : null);
                    var deleted = objects.Where(stored => selection.Matches(stored, type)).ToArray();
                    foreach (var stored in deleted)
                    {
                        try
                        {
                            operations.Delete(type, stored.Key.Namespace, stored.Key.Name, delete);
                        }
                        catch (ApiException e) when (e.Code == 404)
                        {
                            // Gone already.
                        }
                    }

                    faults.Done(request);
                    await WriteListAsync(http, type, deleted, form, new JsonObject { ["resourceVersion"] = Text(revision) });
                    break;
                }

            default:
                throw ApiException.MethodNotAllowed();
        }
    }

    private async Task PatchAsync(HttpContext http, ResourceType type, string space, RequestTarget target, Form form, ApiRequest request)
    {
        var contentType = (http.Request.ContentType ?? "").Split(';')[0];
        var write = Options(http);
        StoredObject stored;
        var created = false;
        switch (contentType)
        {
            case "application/apply-patch+yaml":
                if (http.Request.Query["fieldManager"].ToString().Length == 0)
                {
                    throw ApiException.BadRequest("PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch");
                }

                (stored, created) = operations.Apply(type, space, target.Name, target.Subresource, await ReadAsync(http), write);
                break;
            case "application/merge-patch+json":
                var merge = await ReadAsync(http);
                stored = operations.Patch(type, space, target.Name, target.Subresource, live => (JsonObject)MergePatch.Apply(live, merge)!, write);
                break;
            case "application/strategic-merge-patch+json" when !type.IsCustom:
                var strategic = await ReadAsync(http);
                stored = operations.Patch(type, space, target.Name, target.Subresource, live => StrategicMergePatch.Apply(live, strategic, type.Schema), write);
                break;
            case "application/json-patch+json":
                var json = JsonNode.Parse(await BodyAsync(http)) as JsonArray ?? throw ApiException.BadRequest("a JSON patch is a list of operations");
                stored = operations.Patch(type, space, target.Name, target.Subresource, live => JsonPatch.Apply(live, json), write);
                break;
            default:
                throw ApiException.UnsupportedMediaType(contentType, "application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml");
        }

        faults.Done(request);
        await WriteObjectAsync(http, type, stored, form, created ? 201 : 200, write);
    }

    private async Task ListAsync(HttpContext http, ResourceType type, string space, Form form)
    {
        var query = http.Request.Query;
        var selection = SelectionOf(http, type);
        var limit = int.TryParse(query["limit"], NumberStyles.None, CultureInfo.InvariantCulture, out var given) && given > 0 ? given : int.MaxValue;
        ObjectKey? after = null;
        long? began = null;
        if (query["continue"].ToString() is { Length: > 0 } token)
        {
            (began, after) = ReadContinue(type, token);
            if (!store.IsRemembered(type.StorageName, began.Value))
            {
                throw ApiException.Expired("The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.");
            }
        }
        else if (long.TryParse(query["resourceVersion"], NumberStyles.None, CultureInfo.InvariantCulture, out var minimum) && minimum > store.Revision)
        {
            throw new ApiException(504, "Timeout", $"Too large resource version: {minimum}, current: {store.Revision}",
                new JsonObject { ["causes"] = new JsonArray(new JsonObject { ["reason"] = "ResourceVersionTooLarge", ["message"] = "Too large resource version" }), ["retryAfterSeconds"] = 1 });
        }

        var scope = space.Length > 0 ? space : null;
        var (revision, objects) = store.List(type.StorageName, scope, after);
        var page = new List<StoredObject>();
        StoredObject? more = null;
        foreach (var stored in objects)
        {
            if (!selection.IsEverything && !selection.Matches(stored, type))
            {
                continue;
            }

            if (page.Count == limit)
            {
                more = stored;
                break;
            }

            page.Add(stored);
        }

        var metadata = new JsonObject { ["resourceVersion"] = Text(began ?? revision) };
        if (more is not null)
        {
            metadata["continue"] = WriteContinue(began ?? revision, page[^1].Key);
            if (selection.IsEverything)
            {
                metadata["remainingItemCount"] = store.List(type.StorageName, scope, page[^1].Key).Objects.Count();
            }
        }

        await WriteListAsync(http, type, page, form, metadata);
    }

    private async Task WatchAsync(HttpContext http, ResourceType type, RequestTarget target, Form form, ApiRequest request)
    {
        var query = http.Request.Query;
        var selection = SelectionOf(http, type);
        if (target.Name.Length > 0)
        {
            selection = Selection.Parse(type, null, $"metadata.name={target.Name}");
        }

        bool Matches(StoredObject stored) =>
            (target.Namespace.Length == 0 || stored.Key.Namespace == target.Namespace) && (selection.IsEverything || selection.Matches(stored, type));

        var bookmarks = query["allowWatchBookmarks"].ToString() is "true" or "1";
        var initialEvents = query["sendInitialEvents"].ToString() is "true" or "1";
        var version = query["resourceVersion"].ToString();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, options.Stopping);
        var timeout = int.TryParse(query["timeoutSeconds"], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds > 0 ? seconds : 1800;
        using var timer = _time.CreateTimer(_ => end.Cancel(), null, TimeSpan.FromSeconds(timeout), Timeout.InfiniteTimeSpan);

        var writer = new WatchWriter(http, faults, request, end);
        IReadOnlyList<StoredObject> initial = [];
        ObjectStore.Subscription? subscription;
        if (initialEvents || version is "" or "0")
        {
            (var revision, var objects) = store.List(type.StorageName);
            initial = [.. objects.Where(Matches)];
            subscription = store.Watch(type.StorageName, revision);
        }
        else if (long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var revision))
        {
            subscription = store.Watch(type.StorageName, revision);
        }
        else
        {
            throw ApiException.BadRequest($"Invalid value: \"{version}\": resourceVersion");
        }

        http.Response.ContentType = "application/json";
        await http.Response.StartAsync(end.Token);
        await http.Response.Body.FlushAsync(end.Token);
        if (subscription is null)
        {
            await writer.ErrorAsync(ApiException.Expired($"too old resource version: {version} (window)").ToStatus());
            return;
        }

        using var watched = subscription;
        var first = true;
        JsonNode Shape(StoredObject stored)
        {
            var content = ResourceOperations.FromStored(type, stored.ToNode());
            switch (form)
            {
                case Form.Table:
                    var table = _tables.Render(type, [content], new JsonObject { ["resourceVersion"] = Text(stored.Revision) }, query["includeObject"].ToString());
                    if (!first)
                    {
                        table["columnDefinitions"] = null;
                    }

                    first = false;
                    return table;
                case Form.PartialMetadata:
                    return TableRenderer.PartialMetadata(content);
                default:
                    return content;
            }
        }

        JsonObject Bookmark(long revision)
        {
            if (form == Form.Table)
            {
                var table = _tables.Render(type, [], new JsonObject { ["resourceVersion"] = Text(revision) }, "None");
                return table;
            }

            return new JsonObject
            {
                ["kind"] = form == Form.PartialMetadata ? "PartialObjectMetadata" : type.Kind,
                ["apiVersion"] = form == Form.PartialMetadata ? "meta.k8s.io/v1" : type.GroupVersion,
                ["metadata"] = new JsonObject { ["resourceVersion"] = Text(revision), ["creationTimestamp"] = null },
            };
        }

        try
        {
            foreach (var stored in initial)
            {
                await writer.EventAsync("ADDED", stored.Key, Shape(stored));
            }

            if (initialEvents && bookmarks)
            {
                var done = Bookmark(store.Revision);
                done.Ensure("metadata")["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
                await writer.EventAsync("BOOKMARK", default, done);
            }

            while (true)
            {
                while (watched.Changes.TryRead(out var change))
                {
                    var before = change.Previous is { } previous && Matches(previous);
                    var after = change.Kind != ChangeKind.Deleted && Matches(change.Current);
                    if (before && !after)
                    {
                        var last = change.Kind == ChangeKind.Deleted ? change.Current : new StoredObject(change.Current.Key, change.Revision, AtRevision(change.Previous!, change.Revision));
                        await writer.EventAsync("DELETED", last.Key, Shape(last));
                    }
                    else if (after)
                    {
                        await writer.EventAsync(before ? "MODIFIED" : "ADDED", change.Current.Key, Shape(change.Current));
                    }
                }

                await writer.FlushAsync();
                if (!await WaitAsync(watched, bookmarks, end.Token) && watched.Progress() is { } revision)
                {
                    await writer.EventAsync("BOOKMARK", default, Bookmark(revision));
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Time is up, the client is gone, or a fault ended the watch.
        }
    }

    /// <returns>False when it is time for a bookmark.</returns>
    private async Task<bool> WaitAsync(ObjectStore.Subscription watched, bool bookmarks, CancellationToken ct)
    {
        if (!bookmarks)
        {
            return await watched.Changes.WaitToReadAsync(ct);
        }

        using var pause = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var timer = _time.CreateTimer(_ => pause.Cancel(), null, options.BookmarkInterval, Timeout.InfiniteTimeSpan);
        try
        {
            return await watched.Changes.WaitToReadAsync(pause.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return false;
        }
    }

    private async Task LogAsync(HttpContext http, ResourceType type, string space, string name)
    {
        var pod = operations.Get(type, space, name);
        var content = pod.ToNode();
        var query = http.Request.Query;
        var containers = (content.Array("spec", "containers") ?? []).Select(container => container.Text("name") ?? "").ToArray();
        var container = query["container"].ToString() is { Length: > 0 } given ? given
            : containers.Length == 1 ? containers[0]
            : throw ApiException.BadRequest($"a container name must be specified for pod {name}, choose one of: [{string.Join(' ', containers)}]");
        if (!containers.Contains(container))
        {
            throw ApiException.BadRequest($"container {container} is not valid for pod {name}");
        }

        if (logs.Find(pod.Uid, container) is not { } log)
        {
            var waiting = (content.Array("status", "containerStatuses") ?? []).FirstOrDefault(status => status.Text("name") == container).Text("state", "waiting", "reason");
            throw ApiException.BadRequest($"container \"{container}\" in pod \"{name}\" is waiting to start: {waiting ?? "ContainerCreating"}");
        }

        int? tail = int.TryParse(query["tailLines"], NumberStyles.None, CultureInfo.InvariantCulture, out var lines) ? lines : null;
        long? limit = long.TryParse(query["limitBytes"], NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes : null;
        DateTimeOffset? since = int.TryParse(query["sinceSeconds"], NumberStyles.None, CultureInfo.InvariantCulture, out var ago) ? _time.GetUtcNow() - TimeSpan.FromSeconds(ago)
            : DateTimeOffset.TryParse(query["sinceTime"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at : null;
        var stamped = query["timestamps"].ToString() is "true" or "1";
        http.Response.ContentType = "text/plain";
        await http.Response.StartAsync(http.RequestAborted);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, options.Stopping);
        try
        {
            await foreach (var line in log.ReadAsync(tail, since, query["follow"].ToString() is "true" or "1", end.Token))
            {
                var text = Encoding.UTF8.GetBytes(stamped ? $"{line.Time.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'} {line.Text}\n" : line.Text + "\n");
                if (limit is { } most)
                {
                    text = text[..(int)Math.Min(text.Length, most)];
                    limit -= text.Length;
                }

                await http.Response.Body.WriteAsync(text, end.Token);
                await http.Response.Body.FlushAsync(end.Token);
                if (limit == 0)
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The reader has had enough.
        }
    }

    /// <summary>Everything is allowed to whoever holds the token.</summary>
    private static async Task ReviewAsync(HttpContext http, string kind)
    {
        var body = await ReadAsync(http);
        body["status"] = kind switch
        {
            "SelfSubjectRulesReview" => new JsonObject
            {
                ["resourceRules"] = new JsonArray(new JsonObject { ["verbs"] = new JsonArray("*"), ["apiGroups"] = new JsonArray("*"), ["resources"] = new JsonArray("*") }),
                ["nonResourceRules"] = new JsonArray(new JsonObject { ["verbs"] = new JsonArray("*"), ["nonResourceURLs"] = new JsonArray("*") }),
                ["incomplete"] = false,
            },
            "TokenReview" or "SelfSubjectReview" => new JsonObject
            {
                ["authenticated"] = true,
                ["userInfo"] = new JsonObject { ["username"] = "kubernetes-admin", ["groups"] = new JsonArray("system:masters", "system:authenticated") },
            },
            _ => new JsonObject { ["allowed"] = true, ["reason"] = "DevCluster allows everything" },
        };
        await WriteAsync(http, body, 201);
    }

    private static Selection SelectionOf(HttpContext http, ResourceType type) =>
        Selection.Parse(type, http.Request.Query["labelSelector"], http.Request.Query["fieldSelector"]);

    private static WriteOptions Options(HttpContext http)
    {
        var query = http.Request.Query;
        var agent = http.Request.Headers.UserAgent.ToString().Split('/')[0];
        if (query["dryRun"].ToString() is not ("" or "All"))
        {
            throw ApiException.BadRequest($"dryRun: Unsupported value: \"{query["dryRun"]}\": supported values: \"All\"");
        }

        return new WriteOptions
        {
            FieldManager = query["fieldManager"].ToString() is { Length: > 0 } manager ? manager : agent.Length > 0 ? agent : "unknown",
            DryRun = query["dryRun"] == "All",
            FieldValidation = query["fieldValidation"].ToString() is { Length: > 0 } validation ? validation : "Warn",
            Force = query["force"].ToString() is "true" or "1",
        };
    }

    private static async Task<DeleteOptions> DeleteOptionsAsync(HttpContext http)
    {
        var query = http.Request.Query;
        var body = await BodyAsync(http) is { Length: > 0 } text ? ParseObject(text) : [];
        var orphan = body.Flag("orphanDependents");
        return new DeleteOptions
        {
            GracePeriodSeconds = body.Integer("gracePeriodSeconds")
                ?? (long.TryParse(query["gracePeriodSeconds"], NumberStyles.None, CultureInfo.InvariantCulture, out var grace) ? grace : null),
            PropagationPolicy = body.Text("propagationPolicy")
                ?? (query["propagationPolicy"].ToString() is { Length: > 0 } policy ? policy : orphan is null ? null : orphan.Value ? "Orphan" : "Background"),
            ExpectedUid = body.Text("preconditions", "uid"),
            ExpectedResourceVersion = body.Text("preconditions", "resourceVersion"),
            DryRun = body.Array("dryRun") is { Count: > 0 } || query["dryRun"] == "All",
        };
    }

    private static async Task<string> BodyAsync(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body, Encoding.UTF8);
        return await reader.ReadToEndAsync(http.RequestAborted);
    }

    private static async Task<JsonObject> ReadAsync(HttpContext http)
    {
        var contentType = (http.Request.ContentType ?? "application/json").Split(';')[0];
        if (contentType == ProtobufBody.ContentType)
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body, http.RequestAborted);
            return ProtobufBody.Parse(body.ToArray());
        }

        if (contentType.Contains("protobuf", StringComparison.Ordinal) || contentType.Contains("cbor", StringComparison.Ordinal))
        {
            throw ApiException.UnsupportedMediaType(contentType, "application/json", "application/yaml");
        }

        return ParseObject(await BodyAsync(http));
    }

    private static JsonObject ParseObject(string text) =>
        text.AsSpan().TrimStart().StartsWith("{")
            ? JsonNode.Parse(text) as JsonObject ?? throw ApiException.BadRequest("the body is no object")
            : YamlDocuments.ParseAll(text) is [var only, ..] ? only : throw ApiException.BadRequest("the body is no object");

    private async Task WriteObjectAsync(HttpContext http, ResourceType type, StoredObject stored, Form form, int code = 200, WriteOptions? write = null)
    {
        foreach (var warning in write?.Warnings ?? [])
        {
            http.Response.Headers.Append("Warning", $"299 - \"{warning.Replace("\"", "\\\"", StringComparison.Ordinal)}\"");
        }

        if (form == Form.Object && type.StoredAs is null)
        {
            http.Response.StatusCode = code;
            http.Response.ContentType = "application/json";
            await http.Response.Body.WriteAsync(stored.Json, http.RequestAborted);
            return;
        }

        var content = ResourceOperations.FromStored(type, stored.ToNode());
        await WriteAsync(http, form switch
        {
            Form.Table => _tables.Render(type, [content], new JsonObject { ["resourceVersion"] = Text(stored.Revision) }, http.Request.Query["includeObject"].ToString()),
            Form.PartialMetadata => TableRenderer.PartialMetadata(content),
            _ => content,
        }, code);
    }

    private async Task WriteListAsync(HttpContext http, ResourceType type, IReadOnlyList<StoredObject> page, Form form, JsonObject metadata)
    {
        if (form == Form.Table)
        {
            await WriteAsync(http, _tables.Render(type, page.Select(stored => ResourceOperations.FromStored(type, stored.ToNode())), metadata, http.Request.Query["includeObject"].ToString()));
            return;
        }

        var partial = form == Form.PartialMetadata;
        var buffer = new ArrayBufferWriter<byte>(64 * 1024);
        buffer.Write(Encoding.UTF8.GetBytes(
            $"{{\"kind\":\"{(partial ? "PartialObjectMetadataList" : type.ListKind)}\",\"apiVersion\":\"{(partial ? "meta.k8s.io/v1" : type.GroupVersion)}\",\"metadata\":{metadata.ToJsonString()},\"items\":["));
        for (var i = 0; i < page.Count; i++)
        {
            if (i > 0)
            {
                buffer.Write(","u8);
            }

            buffer.Write(partial ? JsonSerializer.SerializeToUtf8Bytes(TableRenderer.PartialMetadata(page[i].ToNode()), JsonText.Compact)
                : type.StoredAs is null ? page[i].Json
                : JsonSerializer.SerializeToUtf8Bytes(EventForms.ToEvents(page[i].ToNode()), JsonText.Compact));
        }

        buffer.Write("]}"u8);
        http.Response.ContentType = "application/json";
        await http.Response.Body.WriteAsync(buffer.WrittenMemory, http.RequestAborted);
    }

    private static async Task WriteAsync(HttpContext http, JsonNode content, int code = 200, string contentType = "application/json")
    {
        if (http.Response.HasStarted)
        {
            return;
        }

        http.Response.StatusCode = code;
        http.Response.ContentType = contentType;
        await http.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(content, JsonText.Compact), http.RequestAborted);
    }

    private static async Task WriteTextAsync(HttpContext http, string text)
    {
        http.Response.ContentType = "text/plain; charset=utf-8";
        await http.Response.WriteAsync(text, http.RequestAborted);
    }

    private static JsonObject AtRevision(StoredObject stored, long revision)
    {
        var content = stored.ToNode();
        content.Ensure("metadata")["resourceVersion"] = Text(revision);
        return content;
    }

    private static string Text(long revision) => revision.ToString(CultureInfo.InvariantCulture);

    private static string WriteContinue(long revision, ObjectKey last) =>
        Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Text(revision)}\n{last.Namespace}\n{last.Name}"));

    private static (long Revision, ObjectKey After) ReadContinue(ResourceType type, string token)
    {
        try
        {
            if (Encoding.UTF8.GetString(Convert.FromBase64String(token)).Split('\n') is [var revision, var space, var name])
            {
                return (long.Parse(revision, CultureInfo.InvariantCulture), new ObjectKey(type.StorageName, space, name));
            }
        }
        catch (FormatException)
        {
            // Answered below.
        }

        throw ApiException.BadRequest("continue key is not valid");
    }

    /// <summary>The answer of a request whose response gets lost.</summary>
    private sealed class AbortingStream(HttpContext http) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => 0;

        public override long Position { get; set; }

        public override void Flush() => http.Abort();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => http.Abort();

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            http.Abort();
            return ValueTask.CompletedTask;
        }
    }
}
