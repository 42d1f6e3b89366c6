using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using DevCluster.Json;
using DevCluster.Schemas;

namespace DevCluster.Resources;

/// <summary>What the API server does to built-in kinds before it stores them: conversions, defaults and the rules that an operator meets.</summary>
internal static class BuiltInStrategies
{
    public const string JobNameLabel = "batch.kubernetes.io/job-name";
    public const string ControllerUidLabel = "batch.kubernetes.io/controller-uid";

    public static void PrepareForCreate(ResourceType type, JsonObject obj, List<FieldError> errors)
    {
        switch (type.StorageName)
        {
            case "namespaces":
                if (obj.Text("metadata", "name") is { } name && name.Any(c => c is '.' or '_' or ':'))
                {
                    errors.Add(FieldError.Invalid("metadata.name", name,
                        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"));
                }

                obj.Ensure("metadata").Ensure("labels")["kubernetes.io/metadata.name"] = obj.Text("metadata", "name");
                obj.Ensure("spec")["finalizers"] = new JsonArray("kubernetes");
                obj["status"] = new JsonObject { ["phase"] = "Active" };
                break;
            case "secrets":
                FoldStringData(obj);
                Default(obj, "type", "Opaque");
                break;
            case "pods":
                PodDefaults(obj.Ensure("spec"));
                Default(obj.Object("spec")!, "serviceAccountName", "default");
                obj["status"] = new JsonObject { ["phase"] = "Pending", ["qosClass"] = "BestEffort" };
                break;
            case "jobs.batch":
                PrepareJob(obj, errors);
                obj["status"] = new JsonObject();
                break;
            case "persistentvolumeclaims":
                var claim = obj.Ensure("spec");
                Default(claim, "volumeMode", "Filesystem");
                Default(claim, "storageClassName", "standard");
                if (claim.Array("accessModes") is not { Count: > 0 })
                {
                    errors.Add(FieldError.Required("spec.accessModes", "at least 1 access mode is required"));
                }

                if (claim.At("resources", "requests", "storage") is null)
                {
                    errors.Add(FieldError.Required("spec.resources[storage]"));
                }

                obj["status"] = new JsonObject { ["phase"] = "Pending" };
                break;
            case "deployments.apps":
                var deployment = obj.Ensure("spec");
                Default(deployment, "replicas", 1);
                Default(deployment, "revisionHistoryLimit", 10);
                Default(deployment, "progressDeadlineSeconds", 600);
                if (deployment.Object("template", "spec") is { } template)
                {
                    PodDefaults(template);
                }

                break;
        }
    }

    public static void PrepareForUpdate(ResourceType type, JsonObject obj, JsonObject old, List<FieldError> errors)
    {
        switch (type.StorageName)
        {
            case "secrets":
                FoldStringData(obj);
                Default(obj, "type", old.Text("type") ?? "Opaque");
                if (old.Text("type") != obj.Text("type"))
                {
                    errors.Add(FieldError.Invalid("type", obj.At("type").Copy(), "field is immutable"));
                }

                goto case "configmaps";
            case "configmaps":
                if (old.Flag("immutable") == true && (!JsonAccess.Same(old.At("data"), obj.At("data")) || !JsonAccess.Same(old.At("binaryData"), obj.At("binaryData"))))
                {
                    errors.Add(FieldError.Forbidden("data", "field is immutable when `immutable` is set"));
                }

                break;
            case "jobs.batch":
                JobDefaults(obj.Ensure("spec"));
                var running = old.Text("status", "startTime") is not null || old.Flag("spec", "suspend") != true;
                foreach (var field in new[] { "template", "selector", "completions", "completionMode", "podFailurePolicy", "successPolicy", "backoffLimitPerIndex", "managedBy" })
                {
                    if ((field != "template" || running) && !JsonAccess.Same(old.At("spec", field), obj.At("spec", field)))
                    {
                        errors.Add(FieldError.Invalid($"spec.{field}", obj.At("spec", field).Copy(), "field is immutable"));
                    }
                }

                break;
            case "pods":
                PodDefaults(obj.Ensure("spec"));
                break;
            case "persistentvolumeclaims":
                foreach (var field in new[] { "accessModes", "storageClassName", "selector", "volumeMode", "dataSource" })
                {
                    if (!JsonAccess.Same(old.At("spec", field), obj.At("spec", field)))
                    {
                        errors.Add(FieldError.Forbidden("spec",
                            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"));
                        break;
                    }
                }

                break;
        }
    }

    private static void PrepareJob(JsonObject job, List<FieldError> errors)
    {
        var name = job.Text("metadata", "name") ?? "";
        var uid = job.Text("metadata", "uid");
        var spec = job.Ensure("spec");
        if (spec.Object("template", "spec") is not { } pod)
        {
            errors.Add(FieldError.Required("spec.template.spec"));
            return;
        }

        var restart = pod.Text("restartPolicy");
        JobDefaults(spec);
        if (restart is not ("Never" or "OnFailure"))
        {
            errors.Add(restart is null
                ? FieldError.Required("spec.template.spec.restartPolicy", "valid values: \"OnFailure\", \"Never\"")
                : FieldError.NotSupported("spec.template.spec.restartPolicy", restart, [JsonValue.Create("OnFailure"), JsonValue.Create("Never")]));
        }

        if (pod.Array("containers") is not { Count: > 0 })
        {
            errors.Add(FieldError.Required("spec.template.spec.containers"));
        }

        if (name.Length > 63)
        {
            errors.Add(FieldError.Invalid("metadata.name", name, "must be no more than 63 characters"));
        }

        if (spec.Object("podFailurePolicy") is not null && restart != "Never")
        {
            errors.Add(FieldError.Invalid("spec.template.spec.restartPolicy", restart, "only \"Never\" is supported when podFailurePolicy is specified"));
        }

        if (spec.Object("podFailurePolicy") is not null && spec.Text("podReplacementPolicy") != "Failed")
        {
            errors.Add(FieldError.NotSupported("spec.podReplacementPolicy", spec.At("podReplacementPolicy").Copy(), [JsonValue.Create("Failed")]));
        }

        var index = 0;
        foreach (var rule in spec.Array("podFailurePolicy", "rules") ?? [])
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"spec.podFailurePolicy.rules[{index++}]");
            if (rule.Object("onExitCodes") is { } codes)
            {
                var values = (codes.Array("values") ?? []).Select(value => value.Integer() ?? -1).ToArray();
                if (values.Length is 0 or > 255)
                {
                    errors.Add(FieldError.Invalid($"{path}.onExitCodes.values", null, "must have between 1 and 255 items"));
                }

                if (!values.SequenceEqual(values.Order()) || values.Distinct().Count() != values.Length)
                {
                    errors.Add(FieldError.Invalid($"{path}.onExitCodes.values", codes.At("values").Copy(), "must be ordered and without duplicates"));
                }

                if (codes.Text("operator") == "In" && values.Contains(0))
                {
                    errors.Add(FieldError.Invalid($"{path}.onExitCodes.values[0]", 0, "must not be 0 for the In operator"));
                }
            }
            else if (rule.Array("onPodConditions") is null)
            {
                errors.Add(FieldError.Invalid(path, null, "specifying one of OnExitCodes and OnPodConditions is required"));
            }
        }

        if (spec.Flag("manualSelector") != true)
        {
            var labels = spec.Object("template")!.Ensure("metadata").Ensure("labels");
            labels[ControllerUidLabel] = uid;
            labels["controller-uid"] = uid;
            labels[JobNameLabel] = name;
            labels["job-name"] = name;
            if (job.Object("metadata", "labels") is not { Count: > 0 })
            {
                job.Ensure("metadata")["labels"] = labels.Copy();
            }

            spec["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { [ControllerUidLabel] = uid } };
        }
    }

    private static void JobDefaults(JsonObject spec)
    {
        Default(spec, "completionMode", "NonIndexed");
        Default(spec, "backoffLimit", 6);
        Default(spec, "suspend", false);
        Default(spec, "manualSelector", false);
        Default(spec, "parallelism", 1);
        Default(spec, "completions", 1);
        Default(spec, "podReplacementPolicy", spec.Object("podFailurePolicy") is null ? "TerminatingOrFailed" : "Failed");
        foreach (var rule in spec.Array("podFailurePolicy", "rules") ?? [])
        {
            foreach (var condition in rule.Array("onPodConditions") ?? [])
            {
                Default((JsonObject)condition!, "status", "True");
            }
        }

        if (spec.Object("template", "spec") is { } pod)
        {
            PodDefaults(pod);
        }
    }

    private static void PodDefaults(JsonObject spec)
    {
        Default(spec, "restartPolicy", "Always");
        Default(spec, "terminationGracePeriodSeconds", 30);
        Default(spec, "dnsPolicy", "ClusterFirst");
        Default(spec, "schedulerName", "default-scheduler");
        spec.Ensure("securityContext");
        foreach (var name in new[] { "containers", "initContainers" })
        {
            foreach (var container in (spec.Array(name) ?? []).OfType<JsonObject>())
            {
                Default(container, "terminationMessagePath", "/dev/termination-log");
                Default(container, "terminationMessagePolicy", "File");
                var image = container.Text("image") ?? "";
                Default(container, "imagePullPolicy",
                    image.EndsWith(":latest", StringComparison.Ordinal) || !image[(image.LastIndexOf('/') + 1)..].Contains(':', StringComparison.Ordinal) ? "Always" : "IfNotPresent");
                container.Ensure("resources");
                foreach (var variable in container.Array("env") ?? [])
                {
                    if (variable.Object("valueFrom", "fieldRef") is { } field)
                    {
                        Default(field, "apiVersion", "v1");
                    }
                }
            }
        }

        foreach (var volume in spec.Array("volumes") ?? [])
        {
            foreach (var kind in new[] { "secret", "configMap", "projected", "downwardAPI" })
            {
                if (volume.Object(kind) is { } source)
                {
                    Default(source, "defaultMode", 420);
                }
            }

            foreach (var item in volume.Array("downwardAPI", "items") ?? [])
            {
                if (item.Object("fieldRef") is { } field)
                {
                    Default(field, "apiVersion", "v1");
                }
            }
        }
    }

    private static void FoldStringData(JsonObject secret)
    {
        if (secret.Object("stringData") is { } texts)
        {
            var data = secret.Ensure("data");
            foreach (var (name, value) in texts)
            {
                data[name] = Convert.ToBase64String(Encoding.UTF8.GetBytes(value.Text() ?? ""));
            }
        }

        secret.Remove("stringData");
    }

    private static void Default(JsonObject obj, string name, JsonNode value)
    {
        if (obj.At(name) is null)
        {
            obj[name] = value;
        }
    }
}
