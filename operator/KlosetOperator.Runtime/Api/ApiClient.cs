using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using k8s;
using k8s.Models;

namespace KlosetOperator.Runtime.Api;

internal sealed class ApiClient<T>(ApiConnection connection) : IApiClient<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private const string PartialObject = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    private const string PartialList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

    /// <summary>A watch that outlives its announced time by this much is dead.</summary>
    private static readonly TimeSpan WatchGrace = TimeSpan.FromSeconds(30);

    public ApiResource Resource { get; } = ApiResource.Of<T>();

    public async Task<ObjectList<T>> ListAsync(ListQuery query, CancellationToken cancellationToken)
    {
        var items = new List<T>();
        var undecodable = new List<UndecodableObject>();
        string? next = null;
        while (true)
        {
            var parameters = new QueryString()
                .Add("labelSelector", query.LabelSelector)
                .Add("fieldSelector", query.FieldSelector)
                .Add("limit", query.Limit?.ToString(CultureInfo.InvariantCulture))
                .Add("continue", next)
                // The token says which version; naming one beside it is an error.
                .Add("resourceVersion", next is null ? query.ResourceVersion : null)
                .Add("resourceVersionMatch", next is null && query.ResourceVersion is not (null or "" or "0") ? "NotOlderThan" : null);
            var call = new ApiRequest($"list {Resource}{In(query.Namespace)}", HttpMethod.Get, Resource.Path(query.Namespace) + parameters)
            {
                Accept = Resource.MetadataOnly ? PartialList : "application/json",
            };
            var page = await connection.SendAsync(call, ReadPageAsync, cancellationToken, 2 * connection.RequestTimeout).ConfigureAwait(false);
            foreach (var item in page.Items ?? [])
            {
                if (item.Value is { } value)
                {
                    items.Add(Complete(value));
                }
                else if (item.Problem is { } problem)
                {
                    undecodable.Add(problem);
                }
            }

            next = page.Metadata?.ContinueProperty;
            if (string.IsNullOrEmpty(next))
            {
                return new ObjectList<T>(items, page.Metadata?.ResourceVersion ?? "") { Undecodable = undecodable };
            }
        }

        async Task<ListPage<T>> ReadPageAsync(HttpResponseMessage response, CancellationToken token)
        {
            var body = await response.Content.ReadAsStreamAsync(token).ConfigureAwait(false);
            await using (body.ConfigureAwait(false))
            {
                try
                {
                    return await JsonSerializer.DeserializeAsync<ListPage<T>>(body, ItemJson<T>.Options, token).ConfigureAwait(false)
                        ?? throw new ApiException($"list {Resource}: the server sent null.");
                }
                catch (JsonException error)
                {
                    throw new ApiException($"list {Resource}: the answer is not a list ({error.Message})", error);
                }
            }
        }
    }

    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync(WatchQuery query, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var parameters = new QueryString()
            .Add("watch", "true")
            .Add("allowWatchBookmarks", "true")
            .Add("resourceVersion", query.ResourceVersion)
            .Add("labelSelector", query.LabelSelector)
            .Add("fieldSelector", query.FieldSelector)
            .Add("timeoutSeconds", query.Timeout is { } timeout ? ((long)timeout.TotalSeconds).ToString(CultureInfo.InvariantCulture) : null);
        var call = new ApiRequest($"watch {Resource}{In(query.Namespace)}", HttpMethod.Get, Resource.Path(query.Namespace) + parameters)
        {
            Accept = Resource.MetadataOnly ? PartialObject : "application/json",
        };

        using var limiter = new CancellationTokenSource(connection.RequestTimeout, connection.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limiter.Token);
        var (response, failure) = await OpenWatchAsync(call, limiter, both.Token, cancellationToken).ConfigureAwait(false);
        if (failure is not null)
        {
            yield return new WatchEvent<T>.Ended(failure);
            yield break;
        }

        using (response)
        {
            // From here on the watch's own time counts.
            limiter.CancelAfter(query.Timeout is { } announced ? announced + WatchGrace : Timeout.InfiniteTimeSpan);
            var body = await response!.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            await using var stream = new WatchStream<T>(body, call.What);
            while (true)
            {
                WatchEvent<T> next;
                try
                {
                    next = await stream.NextAsync(both.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
                {
                    next = new WatchEvent<T>.Ended(new WatchEnd.Failed(new ApiException($"{call}: the server kept it open past its time.")));
                }

                switch (next)
                {
                    case WatchEvent<T>.Added change:
                        Complete(change.Entity);
                        break;
                    case WatchEvent<T>.Modified change:
                        Complete(change.Entity);
                        break;
                    case WatchEvent<T>.Deleted change:
                        Complete(change.Entity);
                        break;
                    default:
                        break;
                }

                yield return next;
                if (next is WatchEvent<T>.Ended)
                {
                    yield break;
                }
            }
        }
    }

    public async Task<T?> GetAsync(NamespacedName key, CancellationToken cancellationToken)
    {
        try
        {
            return await ReadAsync(new ApiRequest($"get {Resource} {key}", HttpMethod.Get, Resource.Path(key.Namespace, key.Name)), cancellationToken)
                .ConfigureAwait(false);
        }
        catch (ApiException error) when (error.IsNotFound)
        {
            return null;
        }
    }

    public Task<T> CreateAsync(T entity, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(entity);
        var key = NamespacedName.Of(entity);
        return ReadAsync(
            new ApiRequest($"create {Resource} {key}", HttpMethod.Post, Resource.Path(key.Namespace)) { Body = Serialize(entity) }, cancellationToken);
    }

    public Task<T> ReplaceAsync(T entity, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(entity);
        var key = NamespacedName.Of(entity);
        return ReadAsync(
            new ApiRequest($"update {Resource} {key}", HttpMethod.Put, Resource.Path(key.Namespace, key.Name)) { Body = Serialize(entity) }, cancellationToken);
    }

    public async Task<bool> DeleteAsync(NamespacedName key, Deletion deletion, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(deletion);
        var options = new V1DeleteOptions
        {
            ApiVersion = "v1",
            Kind = "DeleteOptions",
            PropagationPolicy = deletion.Propagation,
            GracePeriodSeconds = deletion.GracePeriod is { } grace ? (long)grace.TotalSeconds : null,
            Preconditions = deletion.Uid is null && deletion.ResourceVersion is null
                ? null
                : new V1Preconditions { Uid = deletion.Uid, ResourceVersion = deletion.ResourceVersion },
        };
        var call = new ApiRequest($"delete {Resource} {key}", HttpMethod.Delete, Resource.Path(key.Namespace, key.Name))
        {
            Body = JsonSerializer.SerializeToUtf8Bytes(options, ApiJson.Options),
        };
        try
        {
            return await connection.SendAsync(call, static (_, _) => Task.FromResult(true), cancellationToken).ConfigureAwait(false);
        }
        catch (ApiException error) when (error.IsNotFound || (error.IsConflict && deletion.Uid is not null && deletion.ResourceVersion is null))
        {
            return false;
        }
    }

    public Task<T> PatchMergeAsync(NamespacedName key, JsonNode patch, CancellationToken cancellationToken, string? subresource = null)
    {
        ArgumentNullException.ThrowIfNull(patch);
        return ReadAsync(
            new ApiRequest($"patch {Resource} {key}", HttpMethod.Patch, Resource.Path(key.Namespace, key.Name, subresource))
            {
                Body = Encoding.UTF8.GetBytes(patch.ToJsonString()),
                ContentType = "application/merge-patch+json",
            },
            cancellationToken);
    }

    public Task<T> ApplyAsync(JsonObject configuration, string fieldManager, bool force, CancellationToken cancellationToken, string? subresource = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var metadata = configuration["metadata"];
        var key = new NamespacedName(
            (string?)metadata?["namespace"], (string?)metadata?["name"] ?? throw new ArgumentException("The configuration has no metadata.name.", nameof(configuration)));
        var parameters = new QueryString().Add("fieldManager", fieldManager).Add("force", force ? "true" : null);
        return ReadAsync(
            new ApiRequest($"apply {Resource} {key}", HttpMethod.Patch, Resource.Path(key.Namespace, key.Name, subresource) + parameters)
            {
                // JSON is YAML, so it may go under the type that every supported server knows.
                Body = Encoding.UTF8.GetBytes(configuration.ToJsonString()),
                ContentType = "application/apply-patch+yaml",
            },
            cancellationToken);
    }

    private static string In(string? @namespace) => string.IsNullOrEmpty(@namespace) ? "" : $" in {@namespace}";

    private async Task<(HttpResponseMessage? Response, WatchEnd? Failure)> OpenWatchAsync(
        ApiRequest call, CancellationTokenSource limiter, CancellationToken limited, CancellationToken cancellationToken)
    {
        try
        {
            return (await connection.OpenAsync(call, limited).ConfigureAwait(false), null);
        }
        catch (ApiException error)
        {
            return (null, error.IsExpired ? new WatchEnd.Expired(error.Message) : new WatchEnd.Failed(error));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested && limiter.IsCancellationRequested)
        {
            return (null, new WatchEnd.Failed(new ApiException($"{call}: no answer within {connection.RequestTimeout.TotalSeconds:0} s.")));
        }
    }

    private byte[] Serialize(T entity)
    {
        Complete(entity);
        return JsonSerializer.SerializeToUtf8Bytes(entity, ApiJson.Options);
    }

    private Task<T> ReadAsync(ApiRequest call, CancellationToken cancellationToken) => connection.SendAsync(
        Resource.MetadataOnly ? call with { Accept = PartialObject } : call,
        async (response, token) =>
        {
            var body = await response.Content.ReadAsStreamAsync(token).ConfigureAwait(false);
            await using (body.ConfigureAwait(false))
            {
                try
                {
                    return Complete(await JsonSerializer.DeserializeAsync<T>(body, ApiJson.Options, token).ConfigureAwait(false)
                        ?? throw new ApiException($"{call}: the server sent null."));
                }
                catch (JsonException error)
                {
                    throw new ApiException($"{call}: the answer does not fit {typeof(T).Name} ({error.Message})", error);
                }
            }
        },
        cancellationToken);

    /// <summary>Items of lists come without their kind; everybody else wants it.</summary>
    private T Complete(T entity)
    {
        entity.ApiVersion = Resource.ApiVersion;
        entity.Kind = Resource.Kind;
        return entity;
    }
}

/// <summary>One page of a list as the server sends it.</summary>
internal sealed class ListPage<T>
{
    public V1ListMeta? Metadata { get; set; }

    public List<ListItem<T>>? Items { get; set; }
}

/// <summary>An object of a list, or what is wrong with it.</summary>
internal readonly record struct ListItem<T>(T? Value, UndecodableObject? Problem);

/// <summary>Reads the items of a list one by one, so that a single odd object does not hide all others.</summary>
internal sealed class ItemJson<T> : JsonConverter<ListItem<T>>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    public static JsonSerializerOptions Options { get; } = Create();

    public override ListItem<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var start = reader;
        try
        {
            return new ListItem<T>(Undecodable.NamedOrThrow(JsonSerializer.Deserialize<T>(ref reader, ApiJson.Options)), null);
        }
        catch (Exception error) when (Undecodable.IsDecodeFailure(error))
        {
            reader = start;
            using var document = JsonDocument.ParseValue(ref reader);
            return new ListItem<T>(default, Undecodable.Describe(document.RootElement, error));
        }
    }

    public override void Write(Utf8JsonWriter writer, ListItem<T> value, JsonSerializerOptions options) => throw new NotSupportedException();

    private static JsonSerializerOptions Create()
    {
        var options = new JsonSerializerOptions(ApiJson.Options);
        options.Converters.Add(new ItemJson<T>());
        options.MakeReadOnly();
        return options;
    }
}

internal static class Undecodable
{
    /// <summary>What converters throw on a value that they cannot hold: not all say it by <see cref="JsonException"/>.</summary>
    public static bool IsDecodeFailure(Exception error) =>
        error is JsonException or FormatException or ArgumentException or InvalidOperationException or NotSupportedException or OverflowException;

    public static T NamedOrThrow<T>(T? entity)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        string.IsNullOrEmpty(entity?.Metadata?.Name) ? throw new JsonException("an object without a name") : entity;

    public static UndecodableObject Describe(JsonElement element, Exception error)
    {
        var metadata = element.ValueKind == JsonValueKind.Object && element.TryGetProperty("metadata", out var found) ? found : default;
        return new UndecodableObject(
            new NamespacedName(Text(metadata, "namespace"), Text(metadata, "name") ?? ""), Text(metadata, "resourceVersion") ?? "", error.Message);
    }

    private static string? Text(JsonElement element, string property) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.String
            ? Text(value)
            : null;

    private static string? Text(JsonElement value)
    {
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            // Bytes that are no UTF-8.
            return null;
        }
    }
}

/// <summary>Builds the part of an address after the question mark.</summary>
internal sealed class QueryString
{
    private readonly StringBuilder _text = new();

    /// <summary>Null leaves the parameter out.</summary>
    public QueryString Add(string name, string? value)
    {
        if (value is not null)
        {
            _text.Append(_text.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
        }

        return this;
    }

    public override string ToString() => _text.ToString();
}
