using System.Net;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Api;

namespace KlosetOperator.Tests.Simulation;

internal enum CallFault
{
    None,

    /// <summary>The operator dies before the call arrives, or after it took effect.</summary>
    DieBefore,
    DieAfter,

    /// <summary>The server refuses.</summary>
    Refuse,

    /// <summary>Another write came first.</summary>
    Conflict,

    /// <summary>It took effect, and nobody hears of it.</summary>
    LoseAnswer,
}

/// <summary>One operator's way to the API server, and what happens on it.</summary>
internal sealed class Line(Func<string, string, CallFault> fault)
{
    /// <summary>Nothing that this operator sends arrives any more.</summary>
    public bool IsDead { get; set; }

    /// <summary>Told of every call that took effect: verb, kind, and what the object is now.</summary>
    public Action<string, string, JsonObject?>? Took { get; set; }

    public JsonObject? Call(string verb, string kind, Func<JsonObject?> effect)
    {
        var what = IsDead ? CallFault.DieBefore : fault(verb, kind);
        if (what == CallFault.Refuse)
        {
            throw new ApiException("injected", HttpStatusCode.InternalServerError, "InternalError");
        }

        if (what == CallFault.Conflict && verb != "get")
        {
            throw new ApiException("injected", HttpStatusCode.Conflict, "Conflict");
        }

        if (what == CallFault.DieBefore)
        {
            IsDead = true;
            throw new ApiException("the operator is dead");
        }

        var result = effect();
        Took?.Invoke(verb, kind, result);
        if (what is CallFault.DieAfter or CallFault.LoseAnswer)
        {
            IsDead |= what == CallFault.DieAfter;
            throw new ApiException("no answer");
        }

        return result;
    }
}

internal sealed class SimulatedClient<T>(SimulatedApi api, Line line) : IApiClient<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly string _kind = ApiResource.Of<T>().Plural;

    public ApiResource Resource => ApiResource.Of<T>();

    // The simulation fills the caches itself, and nothing in the composition replaces whole objects: a call here would be a mistake to see.
    public Task<ObjectList<T>> ListAsync(ListQuery query, CancellationToken cancellationToken) => throw new NotSupportedException();

    public IAsyncEnumerable<WatchEvent<T>> WatchAsync(WatchQuery query, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<T> ReplaceAsync(T entity, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<T?> GetAsync(NamespacedName key, CancellationToken cancellationToken) =>
        Answer(() => line.Call("get", _kind, () => api.Get(_kind, key)) is { } found ? Typed(found) : null);

    public Task<T> CreateAsync(T entity, CancellationToken cancellationToken) =>
        Answer(() => Typed(line.Call("create", _kind, () => api.Create(_kind, (JsonObject)ApiJson.ToNode(entity)!))!));

    public Task<bool> DeleteAsync(NamespacedName key, Deletion deletion, CancellationToken cancellationToken) => Answer(() => line.Call("delete", _kind, () =>
    {
        var there = api.Get(_kind, key);
        if (there is null || (deletion.Uid is { } uid && (string?)there["metadata"]!["uid"] != uid))
        {
            return null;
        }

        if (deletion.Propagation == "Foreground")
        {
            return api.Update(_kind, key, entity => entity["metadata"]!["deletionTimestamp"] ??= "2026-01-01T00:00:00Z");
        }

        api.Delete(_kind, key);
        return there;
    }) is not null);

    public Task<T> PatchMergeAsync(NamespacedName key, JsonNode patch, CancellationToken cancellationToken, string? subresource = null) => Answer(() =>
        Typed(line.Call("patch", _kind, () => api.Update(_kind, key, entity => Merge(entity, (JsonObject)patch)))!));

    /// <summary>As the only manager of the status, an apply replaces it.</summary>
    public Task<T> ApplyAsync(JsonObject configuration, string fieldManager, bool force, CancellationToken cancellationToken, string? subresource = null) => Answer(() =>
        Typed(line.Call("apply", _kind, () => api.Update(_kind, SimulatedApi.NameOf(configuration), entity => entity["status"] = configuration["status"]!.DeepClone()))!));

    private static Task<TResult> Answer<TResult>(Func<TResult> call)
    {
        try
        {
            return Task.FromResult(call());
        }
        catch (ApiException failure)
        {
            return Task.FromException<TResult>(failure);
        }
    }

    private static T Typed(JsonObject entity) => System.Text.Json.JsonSerializer.Deserialize<T>(entity, ApiJson.Options)!;

    private static void Merge(JsonObject target, JsonObject patch)
    {
        foreach (var (name, value) in patch)
        {
            if (value is null)
            {
                target.Remove(name);
            }
            else if (value is JsonObject inner)
            {
                if (target[name] is not JsonObject there)
                {
                    target[name] = there = [];
                }

                Merge(there, inner);
            }
            else
            {
                target[name] = value.DeepClone();
            }
        }
    }
}
