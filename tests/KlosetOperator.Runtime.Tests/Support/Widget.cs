using k8s;
using k8s.Models;

namespace KlosetOperator.Runtime.Tests.Support;

/// <summary>A kind of our own, for tests.</summary>
[KubernetesEntity(Group = "example.org", ApiVersion = "v1", Kind = "Widget", PluralName = "widgets")]
public sealed record Widget : IKubernetesObject<V1ObjectMeta>, ISpec<WidgetSpec?>, IStatus<WidgetStatus?>
{
    public string ApiVersion { get; set; } = "example.org/v1";

    public string Kind { get; set; } = "Widget";

    public V1ObjectMeta Metadata { get; set; } = new();

    public WidgetSpec? Spec { get; set; }

    public WidgetStatus? Status { get; set; }

    public static Widget Named(string name, string @namespace = "default", int size = 1) => new()
    {
        Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = @namespace },
        Spec = new WidgetSpec { Size = size },
    };
}

public sealed record WidgetSpec
{
    public int? Size { get; set; }

    public string? SecretName { get; set; }
}

public sealed record WidgetStatus
{
    public long? ObservedGeneration { get; set; }

    public IList<V1Condition>? Conditions { get; set; }

    public string? Phase { get; set; }

    public static V1CustomResourceDefinition Definition() => KubernetesJson.Deserialize<V1CustomResourceDefinition>(
        """
        {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"widgets.example.org"},
         "spec":{"group":"example.org","scope":"Namespaced","names":{"plural":"widgets","singular":"widget","kind":"Widget"},
          "versions":[{"name":"v1","served":true,"storage":true,"subresources":{"status":{}},
           "schema":{"openAPIV3Schema":{"type":"object","properties":{
             "spec":{"type":"object","properties":{"size":{"type":"integer"},"secretName":{"type":"string"}}},
             "status":{"type":"object","properties":{"observedGeneration":{"type":"integer"},"phase":{"type":"string"},
               "conditions":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["type"],
                 "items":{"type":"object","required":["type","status","lastTransitionTime","reason","message"],"properties":{
                   "type":{"type":"string"},"status":{"type":"string"},"reason":{"type":"string"},"message":{"type":"string"},
                   "observedGeneration":{"type":"integer"},"lastTransitionTime":{"type":"string","format":"date-time"}}}}}}}}}}]}}
        """);
}
