using System.Collections.Immutable;
using System.Text.Json.Nodes;
using DevCluster.Json;
using DevCluster.Schemas;
using k8s.Models;

namespace DevCluster.Resources;

/// <summary>What is served: the built-in resources that an operator meets, and those of the CustomResourceDefinitions.</summary>
internal sealed class ResourceCatalog
{
    public const string Events = "events";

    private ImmutableDictionary<(string Group, string Version, string Plural), ResourceType> _types;

    public ResourceCatalog()
    {
        BuiltIn = new BuiltInSchemas();
        ObjectMeta = BuiltIn.Of(typeof(V1ObjectMeta));
        _types = BuiltIns().ToImmutableDictionary(type => (type.Group, type.Version, type.Plural));
    }

    public BuiltInSchemas BuiltIn { get; }

    public StructuralSchema ObjectMeta { get; }

    /// <summary>Grows with every change; part of the hash of discovery documents.</summary>
    public int Generation { get; private set; }

    public IEnumerable<ResourceType> All => _types.Values;

    public ResourceType? Find(string group, string version, string plural) => _types.GetValueOrDefault((group, version, plural));

    public ResourceType? FindKind(string groupVersion, string kind) =>
        _types.Values.FirstOrDefault(type => type.GroupVersion == groupVersion && type.Kind == kind);

    /// <summary>The resource whose objects lie under a storage name.</summary>
    public ResourceType? FindStorage(string storageName) => _types.Values.FirstOrDefault(type => type.QualifiedName == storageName);

    public bool HasGroupVersion(string group, string version) => _types.Keys.Any(key => key.Group == group && key.Version == version);

    /// <summary>Reads a definition.</summary>
    /// <param name="errors">What it must be refused for.</param>
    public IReadOnlyList<ResourceType> Read(JsonObject definition, List<FieldError> errors)
    {
        var spec = definition.Object("spec");
        var group = spec.Text("group") ?? "";
        var names = spec.Object("names");
        var plural = names.Text("plural") ?? "";
        var kind = names.Text("kind") ?? "";
        if (group.Length == 0)
        {
            errors.Add(FieldError.Required("spec.group"));
        }

        if (plural.Length == 0)
        {
            errors.Add(FieldError.Required("spec.names.plural"));
        }

        if (kind.Length == 0)
        {
            errors.Add(FieldError.Required("spec.names.kind"));
        }

        if (spec.Text("scope") is not ("Namespaced" or "Cluster"))
        {
            errors.Add(FieldError.NotSupported("spec.scope", spec.At("scope").Copy(), [JsonValue.Create("Cluster"), JsonValue.Create("Namespaced")]));
        }

        if (definition.Text("metadata", "name") != $"{plural}.{group}")
        {
            errors.Add(FieldError.Invalid("metadata.name", definition.Text("metadata", "name"), "must be spec.names.plural+\".\"+spec.group"));
        }

        var types = new List<ResourceType>();
        var index = 0;
        var stored = 0;
        foreach (var version in spec.Array("versions") ?? [])
        {
            var path = $"spec.versions[{index++}]";
            stored += version.Flag("storage") == true ? 1 : 0;
            if (version.Object("schema", "openAPIV3Schema") is not { } source)
            {
                errors.Add(FieldError.Required($"{path}.schema.openAPIV3Schema", "schemas are required"));
                continue;
            }

            var schema = StructuralSchema.Parse(source, $"{path}.schema.openAPIV3Schema", errors);
            if (schema.Type != SchemaType.Object)
            {
                errors.Add(FieldError.Invalid($"{path}.schema.openAPIV3Schema.type", source.Text("type"), "must be \"object\" at the root"));
            }

            schema.Properties["metadata"] = ObjectMeta;
            schema.Properties["apiVersion"] = new StructuralSchema { Type = SchemaType.String };
            schema.Properties["kind"] = new StructuralSchema { Type = SchemaType.String };
            if (version.Flag("served") != true)
            {
                continue;
            }

            types.Add(new ResourceType
            {
                Group = group,
                Version = version.Text("name") ?? "",
                Plural = plural,
                Kind = kind,
                Singular = names.Text("singular") ?? kind.ToLowerInvariant(),
                Namespaced = spec.Text("scope") == "Namespaced",
                ShortNames = Strings(names, "shortNames"),
                Categories = Strings(names, "categories"),
                HasStatus = version.Object("subresources", "status") is not null,
                Schema = schema,
                IsCustom = true,
                HasGeneration = true,
                Columns = [.. (version.Array("additionalPrinterColumns") ?? []).Select(column => new PrinterColumn(
                    column.Text("name") ?? "", column.Text("type") ?? "string", column.Text("jsonPath") ?? "",
                    column.Text("description") ?? "", column.Text("format") ?? "", (int)(column.Integer("priority") ?? 0)))],
                SelectableFields = (version.Array("selectableFields") ?? [])
                    .Select(field => field.Text("jsonPath")?.TrimStart('.')).OfType<string>().ToHashSet(StringComparer.Ordinal),
            });
        }

        if (stored != 1)
        {
            errors.Add(FieldError.Invalid("spec.versions", null, "must have exactly one version marked as storage version"));
        }

        return types;
    }

    public void Replace(IReadOnlyList<ResourceType> types)
    {
        foreach (var type in types)
        {
            _types = _types.SetItem((type.Group, type.Version, type.Plural), type);
        }

        Generation++;
    }

    public void Remove(string group, string plural)
    {
        _types = _types.RemoveRange(_types.Keys.Where(key => key.Group == group && key.Plural == plural));
        Generation++;
    }

    private static string[] Strings(JsonNode? node, string name) => [.. (node.Array(name) ?? []).Select(item => item.Text()).OfType<string>()];

    private IEnumerable<ResourceType> BuiltIns()
    {
        yield return Make<V1Namespace>("", "v1", "namespaces", false, ["ns"], status: true);
        yield return Make<V1Node>("", "v1", "nodes", false, ["no"], status: true);
        yield return Make<V1PersistentVolume>("", "v1", "persistentvolumes", false, ["pv"], status: true);
        yield return Make<V1Pod>("", "v1", "pods", true, ["po"], ["all"], status: true);
        yield return Make<V1Secret>("", "v1", "secrets", true, []);
        yield return Make<V1ConfigMap>("", "v1", "configmaps", true, ["cm"]);
        yield return Make<V1ServiceAccount>("", "v1", "serviceaccounts", true, ["sa"]);
        yield return Make<V1Service>("", "v1", "services", true, ["svc"], ["all"], status: true);
        yield return Make<V1Endpoints>("", "v1", "endpoints", true, ["ep"]);
        yield return Make<V1LimitRange>("", "v1", "limitranges", true, ["limits"]);
        yield return Make<V1ResourceQuota>("", "v1", "resourcequotas", true, ["quota"], status: true);
        yield return Make<V1PersistentVolumeClaim>("", "v1", "persistentvolumeclaims", true, ["pvc"], status: true);
        yield return Make<Corev1Event>("", "v1", Events, true, ["ev"], kind: "Event");
        yield return Make<Eventsv1Event>("events.k8s.io", "v1", Events, true, ["ev"], kind: "Event") with { StoredAs = Events };
        yield return Make<V1Deployment>("apps", "v1", "deployments", true, ["deploy"], ["all"], status: true, generation: true);
        yield return Make<V1ReplicaSet>("apps", "v1", "replicasets", true, ["rs"], ["all"], status: true, generation: true);
        yield return Make<V1StatefulSet>("apps", "v1", "statefulsets", true, ["sts"], ["all"], status: true, generation: true);
        yield return Make<V1DaemonSet>("apps", "v1", "daemonsets", true, ["ds"], ["all"], status: true, generation: true);
        yield return Make<V1Job>("batch", "v1", "jobs", true, [], ["all"], status: true, generation: true);
        yield return Make<V1CronJob>("batch", "v1", "cronjobs", true, ["cj"], ["all"], status: true, generation: true);
        yield return Make<V1Lease>("coordination.k8s.io", "v1", "leases", true, []);
        yield return Make<V1Role>("rbac.authorization.k8s.io", "v1", "roles", true, []);
        yield return Make<V1RoleBinding>("rbac.authorization.k8s.io", "v1", "rolebindings", true, []);
        yield return Make<V1ClusterRole>("rbac.authorization.k8s.io", "v1", "clusterroles", false, []);
        yield return Make<V1ClusterRoleBinding>("rbac.authorization.k8s.io", "v1", "clusterrolebindings", false, []);
        yield return Make<V1NetworkPolicy>("networking.k8s.io", "v1", "networkpolicies", true, ["netpol"], generation: true);
        yield return Make<V1Ingress>("networking.k8s.io", "v1", "ingresses", true, ["ing"], status: true, generation: true);
        yield return Make<V1PodDisruptionBudget>("policy", "v1", "poddisruptionbudgets", true, ["pdb"], status: true, generation: true);
        yield return Make<V1PriorityClass>("scheduling.k8s.io", "v1", "priorityclasses", false, ["pc"], generation: true);
        yield return Make<V1StorageClass>("storage.k8s.io", "v1", "storageclasses", false, ["sc"]);
        yield return Make<V1ValidatingAdmissionPolicy>("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", false, [], status: true, generation: true);
        yield return Make<V1ValidatingAdmissionPolicyBinding>("admissionregistration.k8s.io", "v1", "validatingadmissionpolicybindings", false, [], generation: true);
        yield return Make<V1CustomResourceDefinition>("apiextensions.k8s.io", "v1", "customresourcedefinitions", false, ["crd", "crds"], ["api-extensions"], status: true, generation: true);
    }

    private ResourceType Make<T>(
        string group, string version, string plural, bool namespaced, string[] shortNames, string[]? categories = null,
        bool status = false, bool generation = false, string? kind = null)
    {
        kind ??= typeof(T).Name[2..];
        return new ResourceType
        {
            Group = group,
            Version = version,
            Plural = plural,
            Kind = kind,
            Singular = kind.ToLowerInvariant(),
            Namespaced = namespaced,
            ShortNames = shortNames,
            Categories = categories ?? [],
            HasStatus = status,
            HasGeneration = generation,
            Schema = BuiltIn.Of(typeof(T)),
        };
    }
}
