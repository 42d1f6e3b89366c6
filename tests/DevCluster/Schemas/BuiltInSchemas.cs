using System.Collections;
using System.Reflection;
using System.Text.Json.Serialization;
using k8s.Models;

namespace DevCluster.Schemas;

/// <summary>
/// Schemas of built-in kinds, read from the model types of the Kubernetes client. The models do not say how lists merge; the few
/// lists that are keyed are named here, as the API reference documents them.
/// </summary>
internal sealed class BuiltInSchemas
{
    private static readonly Dictionary<string, (string[] Keys, string Patch)> KeyedLists = new(StringComparer.Ordinal)
    {
        ["containers"] = (["name"], "name"),
        ["initContainers"] = (["name"], "name"),
        ["ephemeralContainers"] = (["name"], "name"),
        ["volumes"] = (["name"], "name"),
        ["imagePullSecrets"] = (["name"], "name"),
        ["env"] = (["name"], "name"),
        ["volumeMounts"] = (["mountPath"], "mountPath"),
        ["volumeDevices"] = (["devicePath"], "devicePath"),
        ["ownerReferences"] = (["uid"], "uid"),
        ["hostAliases"] = (["ip"], "ip"),
        ["topologySpreadConstraints"] = (["topologyKey", "whenUnsatisfiable"], "topologyKey"),
        ["resourceClaims"] = (["name"], "name"),
        ["conditions"] = (["type"], "type"),
    };

    private readonly Dictionary<Type, StructuralSchema> _schemas = [];
    private readonly Lock _gate = new();

    public IReadOnlyCollection<StructuralSchema> All => _schemas.Values;

    public StructuralSchema Of(Type type)
    {
        lock (_gate)
        {
            return Read(type);
        }
    }

    private StructuralSchema Read(Type type)
    {
        type = System.Nullable.GetUnderlyingType(type) ?? type;
        if (type.Name.Contains("IntOrString", StringComparison.Ordinal))
        {
            return new StructuralSchema { IntOrString = true };
        }

        if (type == typeof(ResourceQuantity))
        {
            return new StructuralSchema { Type = SchemaType.Any, PreserveUnknown = true, IntOrString = false };
        }

        if (type == typeof(string))
        {
            return new StructuralSchema { Type = SchemaType.String };
        }

        if (type == typeof(DateTime) || type == typeof(DateTimeOffset))
        {
            return new StructuralSchema { Type = SchemaType.String, Format = "date-time" };
        }

        if (type == typeof(byte[]))
        {
            return new StructuralSchema { Type = SchemaType.String, Format = "byte" };
        }

        if (type == typeof(int) || type == typeof(long))
        {
            return new StructuralSchema { Type = SchemaType.Integer, Format = type == typeof(int) ? "int32" : "int64" };
        }

        if (type == typeof(double))
        {
            return new StructuralSchema { Type = SchemaType.Number };
        }

        if (type == typeof(bool))
        {
            return new StructuralSchema { Type = SchemaType.Boolean };
        }

        if (type == typeof(object) || type == typeof(V1JSONSchemaProps))
        {
            // A schema inside a CustomResourceDefinition is read by its own parser.
            return new StructuralSchema { PreserveUnknown = true };
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() is { } generic)
        {
            var arguments = type.GetGenericArguments();
            if (generic == typeof(IDictionary<,>) || generic == typeof(Dictionary<,>))
            {
                return new StructuralSchema { Type = SchemaType.Object, AdditionalProperties = Nullable(Read(arguments[1])) };
            }

            if (typeof(IEnumerable).IsAssignableFrom(type))
            {
                return new StructuralSchema { Type = SchemaType.Array, Items = Read(arguments[0]) };
            }
        }

        if (_schemas.TryGetValue(type, out var known))
        {
            return known;
        }

        var schema = new StructuralSchema { Type = SchemaType.Object, Name = NameOf(type), Nullable = true };
        _schemas[type] = schema;
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            if (property.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name is not { } name)
            {
                continue;
            }

            var child = Read(property.PropertyType);
            if (child.Name is null)
            {
                child.Nullable = true;
                Annotate(type, name, child);
            }

            schema.Properties[name] = child;
        }

        return schema;
    }

    private static StructuralSchema Nullable(StructuralSchema schema)
    {
        schema.Nullable = true;
        return schema;
    }

    private static void Annotate(Type type, string name, StructuralSchema child)
    {
        if (child.Type != SchemaType.Array)
        {
            return;
        }

        if (name == "finalizers")
        {
            child.List = ListKind.Set;
        }
        else if (name == "ports" && type == typeof(V1Container))
        {
            (child.List, child.ListKeys, child.PatchMergeKey) = (ListKind.Map, ["containerPort", "protocol"], "containerPort");
        }
        else if (name == "ports" && type == typeof(V1ServiceSpec))
        {
            (child.List, child.ListKeys, child.PatchMergeKey) = (ListKind.Map, ["port", "protocol"], "port");
        }
        else if (KeyedLists.TryGetValue(name, out var keyed) && child.Items?.Name is not null
            && keyed.Keys.All(key => child.Items.Properties.ContainsKey(key)))
        {
            (child.List, child.ListKeys, child.PatchMergeKey) = (ListKind.Map, keyed.Keys, keyed.Patch);
        }
    }

    /// <summary>The name under which OpenAPI clients know the type, such as <c>io.k8s.api.batch.v1.Job</c>.</summary>
    private static string NameOf(Type type)
    {
        var name = type.Name;
        foreach (var prefix in new[] { "Corev1", "Eventsv1", "V1" })
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal) && name.Length > prefix.Length)
            {
                return prefix == "Eventsv1" ? $"io.k8s.api.events.v1.{name[prefix.Length..]}" : $"io.k8s.api.v1.{name[prefix.Length..]}";
            }
        }

        return $"io.k8s.api.{name}";
    }
}
