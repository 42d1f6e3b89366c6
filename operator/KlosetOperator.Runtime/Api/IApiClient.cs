using System.Text.Json.Nodes;
using k8s;
using k8s.Models;

namespace KlosetOperator.Runtime.Api;

/// <summary>
/// The API of one kind. Every call but <see cref="WatchAsync"/> has a time limit of its own. Failures are
/// <see cref="ApiException"/>; cancellation by the caller is <see cref="OperationCanceledException"/>.
/// A null namespace means the cluster's scope: all namespaces when listing and watching.
/// </summary>
public interface IApiClient<T>
    where T : IKubernetesObject<V1ObjectMeta>
{
    ApiResource Resource { get; }

    /// <summary>All objects: follows continue tokens to the end.</summary>
    Task<ObjectList<T>> ListAsync(ListQuery query, CancellationToken cancellationToken);

    /// <summary>
    /// What happens to the objects after <see cref="WatchQuery.ResourceVersion"/>. The stream never throws for what the
    /// server or the network do: its last element is one <see cref="WatchEvent{T}.Ended"/> that says how it ended.
    /// </summary>
    IAsyncEnumerable<WatchEvent<T>> WatchAsync(WatchQuery query, CancellationToken cancellationToken);

    /// <summary>The object as the server has it now; null when there is none.</summary>
    Task<T?> GetAsync(NamespacedName key, CancellationToken cancellationToken);

    /// <summary>Creates by POST. An object of the same name: <see cref="ApiException.IsAlreadyExists"/>.</summary>
    Task<T> CreateAsync(T entity, CancellationToken cancellationToken);

    /// <summary>Replaces by PUT; the entity's resourceVersion, when set, must still be the current one.</summary>
    Task<T> ReplaceAsync(T entity, CancellationToken cancellationToken);

    /// <summary>Deletes the object. False when there was none (or, with preconditions, when it is another one).</summary>
    Task<bool> DeleteAsync(NamespacedName key, Deletion deletion, CancellationToken cancellationToken);

    /// <summary>JSON merge patch (RFC 7386).</summary>
    Task<T> PatchMergeAsync(NamespacedName key, JsonNode patch, CancellationToken cancellationToken, string? subresource = null);

    /// <summary>
    /// Server-side apply. <paramref name="configuration"/> holds apiVersion, kind, metadata and exactly the fields that
    /// <paramref name="fieldManager"/> wants to own; fields that it owned and no longer sends are removed.
    /// </summary>
    Task<T> ApplyAsync(JsonObject configuration, string fieldManager, bool force, CancellationToken cancellationToken, string? subresource = null);
}

/// <param name="Namespace">Null lists all namespaces.</param>
public sealed record ListQuery(string? Namespace = null)
{
    public string? LabelSelector { get; init; }

    public string? FieldSelector { get; init; }

    /// <summary><c>"0"</c>: whatever the server's cache has; another: not older than; null: the newest, read with a quorum.</summary>
    public string? ResourceVersion { get; init; }

    /// <summary>Objects per page; the server ignores it for lists from its cache.</summary>
    public int? Limit { get; init; }
}

/// <param name="Items">In the order of the server.</param>
/// <param name="ResourceVersion">Where a watch goes on from.</param>
public sealed record ObjectList<T>(IReadOnlyList<T> Items, string ResourceVersion)
{
    /// <summary>Objects that this program's types cannot hold. They exist: a cache keeps what it knew of them.</summary>
    public IReadOnlyList<UndecodableObject> Undecodable { get; init; } = [];
}

/// <summary>An object whose JSON does not fit its type.</summary>
public sealed record UndecodableObject(NamespacedName Key, string ResourceVersion, string Error);

/// <param name="Namespace">Null watches all namespaces.</param>
/// <param name="ResourceVersion">The last one seen.</param>
public sealed record WatchQuery(string? Namespace, string ResourceVersion)
{
    public string? LabelSelector { get; init; }

    public string? FieldSelector { get; init; }

    /// <summary>After this time the server closes the watch by itself.</summary>
    public TimeSpan? Timeout { get; init; }
}

/// <summary>How and what exactly to delete.</summary>
public sealed record Deletion
{
    /// <summary>Dependents are collected after the object is gone.</summary>
    public static readonly Deletion Background = new() { Propagation = "Background" };

    /// <summary>The object goes after its dependents.</summary>
    public static readonly Deletion Foreground = new() { Propagation = "Foreground" };

    /// <summary>Dependents stay.</summary>
    public static readonly Deletion Orphan = new() { Propagation = "Orphan" };

    public string Propagation { get; init; } = "Background";

    public TimeSpan? GracePeriod { get; init; }

    /// <summary>Delete only the object with this uid.</summary>
    public string? Uid { get; init; }

    /// <summary>Delete only this version of the object.</summary>
    public string? ResourceVersion { get; init; }
}
