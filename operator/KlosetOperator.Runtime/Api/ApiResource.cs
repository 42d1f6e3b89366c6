using System.Collections.Concurrent;
using System.Reflection;
using k8s.Models;

namespace KlosetOperator.Runtime.Api;

/// <summary>Where the objects of a kind live in the API: read from the type's <see cref="KubernetesEntityAttribute"/>.</summary>
/// <param name="Group">Empty for the core group.</param>
/// <param name="Plural">The resource's name in paths.</param>
/// <param name="MetadataOnly">Ask the server for <c>PartialObjectMetadata</c> only: no spec, data or status ever arrives.</param>
public sealed record ApiResource(string Group, string Version, string Kind, string Plural, bool MetadataOnly = false)
{
    private static readonly ConcurrentDictionary<Type, ApiResource> Known = new();

    /// <summary><c>group/version</c>, or the bare version in the core group.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>The resource of <typeparamref name="T"/>.</summary>
    /// <exception cref="InvalidOperationException">The type carries no <c>[KubernetesEntity]</c>.</exception>
    public static ApiResource Of<T>() => Of(typeof(T));

    public static ApiResource Of(Type type)
    {
        ArgumentNullException.ThrowIfNull(type);
        return Known.GetOrAdd(type, static t =>
        {
            if (t.IsGenericType && t.GetGenericTypeDefinition() == typeof(MetadataOnly<>))
            {
                return Of(t.GetGenericArguments()[0]) with { MetadataOnly = true };
            }

            var entity = t.GetCustomAttribute<KubernetesEntityAttribute>()
                ?? throw new InvalidOperationException($"{t.Name} has no [KubernetesEntity]: its place in the API is unknown.");
            return new ApiResource(entity.Group ?? "", entity.ApiVersion, entity.Kind, entity.PluralName);
        });
    }

    /// <summary>The path of the collection, or of one object (and its subresource), relative to the server's address.</summary>
    public string Path(string? @namespace, string? name = null, string? subresource = null)
    {
        var path = new System.Text.StringBuilder(Group.Length == 0 ? $"api/{Version}" : $"apis/{Group}/{Version}");
        if (!string.IsNullOrEmpty(@namespace))
        {
            path.Append("/namespaces/").Append(Uri.EscapeDataString(@namespace));
        }

        path.Append('/').Append(Plural);
        if (name is not null)
        {
            path.Append('/').Append(Uri.EscapeDataString(name));
        }

        if (subresource is not null)
        {
            path.Append('/').Append(subresource);
        }

        return path.ToString();
    }

    public override string ToString() => Group.Length == 0 ? Plural : $"{Plural}.{Group}";
}
