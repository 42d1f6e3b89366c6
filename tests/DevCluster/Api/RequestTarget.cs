using Microsoft.Extensions.Primitives;

namespace DevCluster.Api;

/// <summary>The parts of <c>/api/v1/namespaces/NS/pods/NAME/log</c> and its like.</summary>
internal sealed record RequestTarget(string Group, string Version, string Resource, string Namespace, string Name, string Subresource)
{
    /// <returns>Null for a path that names no resource.</returns>
    public static RequestTarget? Parse(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        (string Group, string Version, int At) root = parts switch
        {
            ["api", var version, _, ..] => ("", version, 2),
            ["apis", var group, var version, _, ..] => (group, version, 3),
            _ => ("", "", 0),
        };
        if (root.At == 0)
        {
            return null;
        }

        var rest = parts.AsSpan(root.At);
        var space = "";
        if (rest is ["namespaces", var named, not ("status" or "finalize"), ..])
        {
            space = named;
            rest = rest[2..];
        }

        return new RequestTarget(root.Group, root.Version, rest[0], space,
            rest.Length > 1 ? Uri.UnescapeDataString(rest[1]) : "", rest.Length > 2 ? string.Join('/', rest[2..].ToArray()) : "");
    }
}

/// <summary>In which form a client wants objects.</summary>
internal enum Form
{
    Object,
    Table,
    PartialMetadata,
}

internal static class Accepted
{
    /// <exception cref="ApiException">Nothing of what the client accepts is served.</exception>
    public static (Form Form, string Version, bool Aggregated) Parse(StringValues accept)
    {
        var text = accept.ToString();
        if (text.Length == 0)
        {
            return (Form.Object, "v1", false);
        }

        foreach (var range in text.Split(','))
        {
            var parts = range.Split(';', StringSplitOptions.TrimEntries);
            if (parts[0] is not ("application/json" or "*/*" or "application/*" or "text/plain" or "application/yaml"))
            {
                continue;
            }

            string? Parameter(string name) =>
                parts.FirstOrDefault(part => part.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];
            switch (Parameter("as"))
            {
                case null:
                    return (Form.Object, "v1", false);
                case "Table" when Parameter("v") is "v1":
                    return (Form.Table, "v1", false);
                case "PartialObjectMetadata" or "PartialObjectMetadataList" when Parameter("v") is "v1":
                    return (Form.PartialMetadata, "v1", false);
                case "APIGroupDiscoveryList" when Parameter("v") is "v2":
                    return (Form.Object, "v2", true);
            }
        }

        throw new ApiException(406, "NotAcceptable",
            "only the following media types are accepted: application/json, application/json;as=Table;v=v1;g=meta.k8s.io, application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io");
    }
}
