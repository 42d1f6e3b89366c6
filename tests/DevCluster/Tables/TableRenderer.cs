using System.Globalization;
using System.Text.Json.Nodes;
using DevCluster.Json;
using DevCluster.Resources;

namespace DevCluster.Tables;

/// <summary>Objects as the rows that <c>kubectl get</c> prints.</summary>
internal sealed class TableRenderer(TimeProvider time)
{
    public JsonObject Render(ResourceType type, IEnumerable<JsonObject> objects, JsonObject metadata, string includeObject)
    {
        var columns = Columns(type);
        var rows = new JsonArray();
        foreach (var obj in objects)
        {
            var row = new JsonObject { ["cells"] = new JsonArray([.. Cells(type, columns, obj)]) };
            row["object"] = includeObject switch
            {
                "None" => null,
                "Object" => obj.Copy(),
                _ => PartialMetadata(obj),
            };
            rows.Add(row);
        }

        return new JsonObject
        {
            ["kind"] = "Table",
            ["apiVersion"] = "meta.k8s.io/v1",
            ["metadata"] = metadata,
            ["columnDefinitions"] = new JsonArray([.. columns.Select(column => (JsonNode)new JsonObject
            {
                ["name"] = column.Name,
                ["type"] = column.Type,
                ["format"] = column.Format,
                ["description"] = column.Description,
                ["priority"] = column.Priority,
            })]),
            ["rows"] = rows,
        };
    }

    public static JsonObject PartialMetadata(JsonObject obj) => new()
    {
        ["kind"] = "PartialObjectMetadata",
        ["apiVersion"] = "meta.k8s.io/v1",
        ["metadata"] = obj.At("metadata").Copy(),
    };

    /// <summary>A time span as kubectl prints ages: two units at most, coarser with age.</summary>
    public static string HumanDuration(TimeSpan span)
    {
        var seconds = (long)Math.Truncate(span.TotalSeconds);
        if (seconds < -1)
        {
            return "<invalid>";
        }

        if (seconds < 0)
        {
            return "0s";
        }

        var minutes = seconds / 60;
        var hours = minutes / 60;
        return (seconds, minutes, hours) switch
        {
            ( < 120, _, _) => $"{seconds}s",
            (_, < 10, _) => seconds % 60 == 0 ? $"{minutes}m" : $"{minutes}m{seconds % 60}s",
            (_, < 180, _) => $"{minutes}m",
            (_, _, < 8) => minutes % 60 == 0 ? $"{hours}h" : $"{hours}h{minutes % 60}m",
            (_, _, < 48) => $"{hours}h",
            (_, _, < 24 * 8) => hours % 24 == 0 ? $"{hours / 24}d" : $"{hours / 24}d{hours % 24}h",
            (_, _, < 24 * 365 * 2) => $"{hours / 24}d",
            (_, _, < 24 * 365 * 8) => hours / 24 % 365 == 0 ? $"{hours / 24 / 365}y" : $"{hours / 24 / 365}y{hours / 24 % 365}d",
            _ => $"{hours / 24 / 365}y",
        };
    }

    private static IReadOnlyList<PrinterColumn> Columns(ResourceType type)
    {
        var name = new PrinterColumn("Name", "string", ".metadata.name", "Name must be unique within a namespace.", "name");
        var age = new PrinterColumn("Age", "date", ".metadata.creationTimestamp", "Time since creation");
        PrinterColumn Text(string title, int priority = 0) => new(title, "string", "", Priority: priority);
        return type.Columns is { } custom
            ? custom.Count == 0 ? [name, age] : [name, .. custom]
            : type.StorageName switch
            {
                "pods" => [name, Text("Ready"), Text("Status"), Text("Restarts"), Text("Age"), Text("IP", 1), Text("Node", 1)],
                "jobs.batch" => [name, Text("Status"), Text("Completions"), Text("Duration"), Text("Age"), Text("Containers", 1), Text("Images", 1)],
                ResourceCatalog.Events => [Text("Last Seen"), Text("Type"), Text("Reason"), Text("Object"), Text("Message"), Text("Name", 1)],
                "namespaces" => [name, Text("Status"), Text("Age")],
                "secrets" => [name, Text("Type"), Text("Data"), Text("Age")],
                "configmaps" => [name, Text("Data"), Text("Age")],
                "serviceaccounts" => [name, Text("Secrets"), Text("Age")],
                "persistentvolumeclaims" => [name, Text("Status"), Text("Volume"), Text("Capacity"), Text("Access Modes"), Text("StorageClass"), Text("Age")],
                "deployments.apps" => [name, Text("Ready"), Text("Up-to-date"), Text("Available"), Text("Age")],
                "leases.coordination.k8s.io" => [name, Text("Holder"), Text("Age")],
                "nodes" => [name, Text("Status"), Text("Roles"), Text("Age"), Text("Version")],
                CustomResources.ResourceName => [name, Text("Created At")],
                _ => [name, age],
            };
    }

    private IEnumerable<JsonNode?> Cells(ResourceType type, IReadOnlyList<PrinterColumn> columns, JsonObject obj)
    {
        if (type.Columns is not null || columns is [_, { Type: "date" }])
        {
            return columns.Select(column => Cell(column, obj));
        }

        var name = obj.Text("metadata", "name");
        var age = Age(obj.Text("metadata", "creationTimestamp"));
        object?[] cells = type.StorageName switch
        {
            "pods" => [name, PodReady(obj), PodStatus(obj), Restarts(obj), age, obj.Text("status", "podIP") ?? "<none>", obj.Text("spec", "nodeName") ?? "<none>"],
            "jobs.batch" => [name, JobStatus(obj), $"{obj.Integer("status", "succeeded") ?? 0}/{obj.Integer("spec", "completions") ?? 1}", JobDuration(obj), age,
                string.Join(',', Containers(obj).Select(container => container.Text("name"))), string.Join(',', Containers(obj).Select(container => container.Text("image")))],
            ResourceCatalog.Events => EventCells(obj),
            "namespaces" => [name, obj.Text("status", "phase"), age],
            "secrets" => [name, obj.Text("type"), obj.Object("data")?.Count ?? 0, age],
            "configmaps" => [name, (obj.Object("data")?.Count ?? 0) + (obj.Object("binaryData")?.Count ?? 0), age],
            "serviceaccounts" => [name, obj.Array("secrets")?.Count ?? 0, age],
            "persistentvolumeclaims" => [name, obj.Text("metadata", "deletionTimestamp") is null ? obj.Text("status", "phase") : "Terminating", obj.Text("spec", "volumeName") ?? "",
                obj.At("status", "capacity", "storage")?.ToString() ?? "", AccessModes(obj), obj.Text("spec", "storageClassName") ?? "", age],
            "deployments.apps" => [name, $"{obj.Integer("status", "readyReplicas") ?? 0}/{obj.Integer("spec", "replicas") ?? 1}",
                obj.Integer("status", "updatedReplicas") ?? 0, obj.Integer("status", "availableReplicas") ?? 0, age],
            "leases.coordination.k8s.io" => [name, obj.Text("spec", "holderIdentity") ?? "", age],
            "nodes" => [name, "Ready", "control-plane", age, obj.Text("status", "nodeInfo", "kubeletVersion") ?? ""],
            _ => [name, obj.Text("metadata", "creationTimestamp")],
        };
        return cells.Select(cell => cell switch
        {
            int i => JsonValue.Create(i),
            long l => JsonValue.Create(l),
            string s => JsonValue.Create(s),
            _ => (JsonNode?)null,
        });
    }

    private JsonNode? Cell(PrinterColumn column, JsonObject obj)
    {
        var found = JsonPath.Find(obj, column.JsonPath);
        if (found.Count == 0)
        {
            return null;
        }

        var value = found[0];
        return column.Type switch
        {
            "string" => JsonPath.Text(value),
            "date" => Age(value.Text()),
            "integer" => value is JsonValue integer && JsonAccess.ToInteger(integer) is { } l ? l : null,
            "number" => value is JsonValue number && JsonAccess.ToNumber(number) is { } d ? d : null,
            "boolean" => value.Flag() is { } flag ? flag : null,
            _ => null,
        };
    }

    private string Age(string? timestamp) =>
        timestamp is null ? "<unknown>"
        : DateTimeOffset.TryParse(timestamp, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var then) ? HumanDuration(time.GetUtcNow() - then)
        : "<invalid>";

    private static IEnumerable<JsonNode?> Containers(JsonObject job) => job.Array("spec", "template", "spec", "containers") ?? [];

    private static string AccessModes(JsonObject claim) => string.Join(',', (claim.Array("spec", "accessModes") ?? []).Select(mode => mode.Text() switch
    {
        "ReadWriteOnce" => "RWO",
        "ReadWriteMany" => "RWX",
        "ReadOnlyMany" => "ROX",
        "ReadWriteOncePod" => "RWOP",
        var other => other,
    }));

    private static string PodReady(JsonObject pod)
    {
        var statuses = pod.Array("status", "containerStatuses") ?? [];
        return $"{statuses.Count(status => status.Flag("ready") == true)}/{pod.Array("spec", "containers")?.Count ?? 0}";
    }

    private static string Restarts(JsonObject pod) =>
        (pod.Array("status", "containerStatuses") ?? []).Sum(status => status.Integer("restartCount") ?? 0).ToString(CultureInfo.InvariantCulture);

    private static string PodStatus(JsonObject pod)
    {
        var reason = pod.Text("status", "reason") ?? pod.Text("status", "phase") ?? "Unknown";
        foreach (var status in pod.Array("status", "containerStatuses") ?? [])
        {
            if (status.Text("state", "waiting", "reason") is { Length: > 0 } waiting)
            {
                reason = waiting;
            }
            else if (status.Text("state", "terminated", "reason") is { Length: > 0 } terminated)
            {
                reason = terminated;
            }
        }

        return pod.Text("metadata", "deletionTimestamp") is null ? reason : "Terminating";
    }

    private static string JobStatus(JsonObject job)
    {
        bool Has(string type) => (job.Array("status", "conditions") ?? []).Any(condition => condition.Text("type") == type && condition.Text("status") == "True");
        return Has("Complete") ? "Complete" : Has("Failed") ? "Failed" : job.Text("metadata", "deletionTimestamp") is not null ? "Terminating"
            : Has("Suspended") ? "Suspended" : Has("FailureTarget") ? "FailureTarget" : Has("SuccessCriteriaMet") ? "SuccessCriteriaMet" : "Running";
    }

    private string JobDuration(JsonObject job)
    {
        if (job.Time("status", "startTime") is not { } start)
        {
            return "";
        }

        return HumanDuration((job.Time("status", "completionTime") ?? time.GetUtcNow()) - start);
    }

    private object?[] EventCells(JsonObject e)
    {
        var core = e.Object("regarding") is null ? e : EventForms.ToCore(e);
        var seen = core.Text("series", "lastObservedTime") ?? core.Text("lastTimestamp") ?? core.Text("eventTime") ?? core.Text("metadata", "creationTimestamp");
        var kind = core.Text("involvedObject", "kind")?.ToLowerInvariant();
        return [Age(seen), core.Text("type"), core.Text("reason"), $"{kind}/{core.Text("involvedObject", "name")}", core.Text("message")?.Trim(), core.Text("metadata", "name")];
    }
}
