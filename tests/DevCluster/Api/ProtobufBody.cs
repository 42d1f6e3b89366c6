using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using DevCluster.Json;

namespace DevCluster.Api;

/// <summary>
/// Request bodies in Kubernetes' protobuf form, which <c>kubectl create</c> and <c>kubectl auth can-i</c> send. Only the kinds that these
/// make are known, with the field numbers of the API's generated.proto files; the rest is refused by name. Answers are JSON.
/// </summary>
internal static class ProtobufBody
{
    public const string ContentType = "application/vnd.kubernetes.protobuf";

    private static readonly Message Meta = new()
    {
        [1] = new("name"),
        [2] = new("generateName"),
        [3] = new("namespace"),
        [4] = new("selfLink"),
        [5] = new("uid"),
        [6] = new("resourceVersion"),
        [7] = new("generation", Shape.Integer),
        [8] = new("creationTimestamp", Shape.Time),
        [9] = new("deletionTimestamp", Shape.Time),
        [11] = new("labels", Shape.TextMap),
        [12] = new("annotations", Shape.TextMap),
        [13] = new("ownerReferences", Shape.Messages, new() { [1] = new("kind"), [3] = new("name"), [4] = new("uid"), [5] = new("apiVersion"), [6] = new("controller", Shape.Flag), [7] = new("blockOwnerDeletion", Shape.Flag) }),
        [14] = new("finalizers", Shape.Texts),
    };

    private static readonly Message Rule = new()
    {
        [1] = new("verbs", Shape.Texts),
        [2] = new("apiGroups", Shape.Texts),
        [3] = new("resources", Shape.Texts),
        [4] = new("resourceNames", Shape.Texts),
        [5] = new("nonResourceURLs", Shape.Texts),
    };

    private static readonly Message Binding = new()
    {
        [1] = new("metadata", Shape.Message, Meta),
        [2] = new("subjects", Shape.Messages, new() { [1] = new("kind"), [2] = new("apiGroup"), [3] = new("name"), [4] = new("namespace") }),
        [3] = new("roleRef", Shape.Message, new() { [1] = new("apiGroup"), [2] = new("kind"), [3] = new("name") }),
    };

    private static readonly Message PodTemplate = new()
    {
        [1] = new("metadata", Shape.Message, Meta),
        [2] = new("spec", Shape.Message, new()
        {
            [2] = new("containers", Shape.Messages, new()
            {
                [1] = new("name"),
                [2] = new("image"),
                [3] = new("command", Shape.Texts),
                [4] = new("args", Shape.Texts),
                [5] = new("workingDir"),
                [7] = new("env", Shape.Messages, new() { [1] = new("name"), [2] = new("value") }),
                [13] = new("terminationMessagePath"),
                [14] = new("imagePullPolicy"),
                [20] = new("terminationMessagePolicy"),
            }),
            [3] = new("restartPolicy"),
            [6] = new("dnsPolicy"),
            [8] = new("serviceAccountName"),
            [19] = new("schedulerName"),
        }),
    };

    private static readonly Dictionary<string, Message> Kinds = new(StringComparer.Ordinal)
    {
        ["Namespace"] = new() { [1] = new("metadata", Shape.Message, Meta), [2] = new("spec", Shape.Message, new() { [1] = new("finalizers", Shape.Texts) }), [3] = new("status", Shape.Message, new() { [1] = new("phase") }) },
        ["Secret"] = new() { [1] = new("metadata", Shape.Message, Meta), [2] = new("data", Shape.BytesMap), [3] = new("type"), [4] = new("stringData", Shape.TextMap), [5] = new("immutable", Shape.Flag) },
        ["ConfigMap"] = new() { [1] = new("metadata", Shape.Message, Meta), [2] = new("data", Shape.TextMap), [3] = new("binaryData", Shape.BytesMap), [4] = new("immutable", Shape.Flag) },
        ["ServiceAccount"] = new() { [1] = new("metadata", Shape.Message, Meta), [3] = new("imagePullSecrets", Shape.Messages, new() { [1] = new("name") }), [4] = new("automountServiceAccountToken", Shape.Flag) },
        ["Role"] = new() { [1] = new("metadata", Shape.Message, Meta), [2] = new("rules", Shape.Messages, Rule) },
        ["ClusterRole"] = new() { [1] = new("metadata", Shape.Message, Meta), [2] = new("rules", Shape.Messages, Rule) },
        ["RoleBinding"] = Binding,
        ["ClusterRoleBinding"] = Binding,
        ["Job"] = new()
        {
            [1] = new("metadata", Shape.Message, Meta),
            [2] = new("spec", Shape.Message, new() { [1] = new("parallelism", Shape.Integer), [2] = new("completions", Shape.Integer), [3] = new("activeDeadlineSeconds", Shape.Integer), [6] = new("template", Shape.Message, PodTemplate), [7] = new("backoffLimit", Shape.Integer), [10] = new("suspend", Shape.Flag) }),
        },
        ["SelfSubjectRulesReview"] = new() { [1] = new("metadata", Shape.Message, Meta), [2] = new("spec", Shape.Message, new() { [1] = new("namespace") }) },
        ["SelfSubjectReview"] = new() { [1] = new("metadata", Shape.Message, Meta) },
        ["SelfSubjectAccessReview"] = new()
        {
            [1] = new("metadata", Shape.Message, Meta),
            [2] = new("spec", Shape.Message, new()
            {
                [1] = new("resourceAttributes", Shape.Message, new() { [1] = new("namespace"), [2] = new("verb"), [3] = new("group"), [4] = new("version"), [5] = new("resource"), [6] = new("subresource"), [7] = new("name") }),
                [2] = new("nonResourceAttributes", Shape.Message, new() { [1] = new("path"), [2] = new("verb") }),
            }),
        },
    };

    private enum Shape
    {
        Text,
        Texts,
        Integer,
        Flag,
        Message,
        Messages,
        TextMap,
        BytesMap,
        Time,
    }

    /// <exception cref="ApiException">The kind, or a field of it, is not among the known ones.</exception>
    public static JsonObject Parse(ReadOnlyMemory<byte> body)
    {
        if (!body.Span.StartsWith("k8s\0"u8))
        {
            throw ApiException.BadRequest("the body does not begin with the magic number of Kubernetes' protobuf form");
        }

        string apiVersion = "", kind = "";
        var raw = ReadOnlyMemory<byte>.Empty;
        foreach (var (number, _, bytes) in Fields(body[4..]))
        {
            if (number == 1)
            {
                foreach (var (part, _, text) in Fields(bytes))
                {
                    _ = part == 1 ? apiVersion = Encoding.UTF8.GetString(text.Span) : kind = Encoding.UTF8.GetString(text.Span);
                }
            }
            else if (number == 2)
            {
                raw = bytes;
            }
        }

        if (!Kinds.TryGetValue(kind, out var message))
        {
            throw ApiException.UnsupportedMediaType($"{ContentType} for {kind}", "application/json", "application/yaml");
        }

        var result = Read(raw, message, kind);
        result["apiVersion"] = apiVersion;
        result["kind"] = kind;
        return result;
    }

    private static JsonObject Read(ReadOnlyMemory<byte> source, Message message, string path)
    {
        var result = new JsonObject();
        foreach (var (number, value, bytes) in Fields(source))
        {
            if (!message.TryGetValue(number, out var field))
            {
                if (bytes.Length > 0 && !IsBlank(bytes))
                {
                    throw ApiException.UnsupportedMediaType($"{ContentType} with field {number.ToString(CultureInfo.InvariantCulture)} of {path}", "application/json", "application/yaml");
                }

                continue;
            }

            switch (field.Shape)
            {
                case Shape.Text when bytes.Length > 0:
                    result[field.Name] = Encoding.UTF8.GetString(bytes.Span);
                    break;
                case Shape.Texts:
                    result.EnsureArray(field.Name).Add(Encoding.UTF8.GetString(bytes.Span));
                    break;
                case Shape.Integer when number != 7 || value != 0:
                    result[field.Name] = (long)value;
                    break;
                case Shape.Flag:
                    result[field.Name] = value != 0;
                    break;
                case Shape.Message when bytes.Length > 0:
                    result[field.Name] = Read(bytes, field.Message!, $"{path}.{field.Name}");
                    break;
                case Shape.Messages:
                    result.EnsureArray(field.Name).Add(Read(bytes, field.Message!, $"{path}.{field.Name}"));
                    break;
                case Shape.TextMap or Shape.BytesMap:
                    var key = "";
                    var content = ReadOnlyMemory<byte>.Empty;
                    foreach (var (part, _, text) in Fields(bytes))
                    {
                        if (part == 1)
                        {
                            key = Encoding.UTF8.GetString(text.Span);
                        }
                        else
                        {
                            content = text;
                        }
                    }

                    result.Ensure(field.Name)[key] = field.Shape == Shape.TextMap ? Encoding.UTF8.GetString(content.Span) : Convert.ToBase64String(content.Span);
                    break;
                case Shape.Time when bytes.Length > 0:
                    var seconds = Fields(bytes).Where(part => part.Number == 1).Select(part => (long)part.Value).FirstOrDefault();
                    result[field.Name] = DateTimeOffset.FromUnixTimeSeconds(seconds).ToApiTime();
                    break;
            }
        }

        return result;
    }

    /// <summary>A message in which nothing is set but defaults.</summary>
    private static bool IsBlank(ReadOnlyMemory<byte> source)
    {
        try
        {
            return Fields(source).All(field => field.Value == 0 && (field.Bytes.Length == 0 || IsBlank(field.Bytes)));
        }
        catch (ApiException)
        {
            return false;
        }
    }

    private static List<(int Number, ulong Value, ReadOnlyMemory<byte> Bytes)> Fields(ReadOnlyMemory<byte> source)
    {
        var fields = new List<(int, ulong, ReadOnlyMemory<byte>)>();
        var at = 0;
        while (at < source.Length)
        {
            var tag = Varint(source.Span, ref at);
            switch (tag & 7)
            {
                case 0:
                    fields.Add(((int)(tag >> 3), Varint(source.Span, ref at), default));
                    break;
                case 2:
                    var length = Varint(source.Span, ref at);
                    if (length > (ulong)(source.Length - at))
                    {
                        throw ApiException.BadRequest("the protobuf body is cut");
                    }

                    fields.Add(((int)(tag >> 3), 0, source.Slice(at, (int)length)));
                    at += (int)length;
                    break;
                default:
                    throw ApiException.BadRequest("the protobuf body has a wire type that Kubernetes does not use");
            }
        }

        return fields;
    }

    private static ulong Varint(ReadOnlySpan<byte> source, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; shift < 64 && at < source.Length; shift += 7)
        {
            var b = source[at++];
            value |= (ulong)(b & 0x7f) << shift;
            if (b < 0x80)
            {
                return value;
            }
        }

        throw ApiException.BadRequest("the protobuf body is cut");
    }

    private sealed class Message : Dictionary<int, Field>;

    private sealed record Field(string Name, Shape Shape = Shape.Text, Message? Message = null);
}
