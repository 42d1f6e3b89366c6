using System.Net;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Diagnostics;
using KlosetOperator.Runtime.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace KlosetOperator.Runtime.Apply;

internal sealed class StatusApplier(IServiceProvider services, OperatorHostOptions options) : IStatusApplier
{
    private const string Subresource = "status";

    // Fingerprints of what was applied last to objects (by uid) that also carry fields or conditions of others. Forgetting costs
    // one call that changes nothing; the statuses themselves, as trees, would be most of the memory of a large fleet.
    private readonly Lock _lock = new();
    private readonly LruTable<string, UInt128> _lastApplied = new(4096);

    private string Manager => options.Name + "-status";

    public async Task<StatusWrite> ApplyAsync<TEntity, TStatus>(TEntity entity, TStatus desired, CancellationToken cancellationToken)
        where TEntity : class, IKubernetesObject<V1ObjectMeta>, IStatus<TStatus?>
        where TStatus : class
    {
        ArgumentNullException.ThrowIfNull(entity);
        ArgumentNullException.ThrowIfNull(desired);
        var wanted = ApiJson.ToNode(desired) ?? throw new ArgumentException("A status must not be null.", nameof(desired));
        var current = ApiJson.ToNode(entity.Status);
        if (StatusComparison.Says(current, wanted))
        {
            return StatusWrite.Unchanged;
        }

        var key = NamespacedName.Of(entity);
        if (StatusComparison.SaysAtLeast(current, wanted) && LastApplied(entity.Metadata.Uid) is { } last && last == StatusComparison.Fingerprint(wanted))
        {
            // The rest belongs to others: we applied exactly this and it stayed.
            return StatusWrite.Unchanged;
        }

        var client = services.GetRequiredService<IApiClient<TEntity>>();
        try
        {
            var answer = await client.ApplyAsync(Configuration(client.Resource, key, wanted.DeepClone()), Manager, force: true, cancellationToken, Subresource)
                .ConfigureAwait(false);
            if (answer.Metadata.Uid != entity.Metadata.Uid)
            {
                // Deleted and made anew since the cache saw it. The server has no precondition for this, so take back
                // what the new object must not inherit; nothing else acts on this name meanwhile.
                await client.ApplyAsync(Configuration(client.Resource, key, new JsonObject()), Manager, force: true, cancellationToken, Subresource)
                    .ConfigureAwait(false);
                throw new ApiException(
                    $"apply the status of {client.Resource} {key}: it is another object of that name by now.", HttpStatusCode.Conflict, "Conflict");
            }
        }
        catch (ApiException error) when (error.IsNotFound)
        {
            return StatusWrite.Gone;
        }

        lock (_lock)
        {
            _lastApplied.Set(entity.Metadata.Uid, StatusComparison.Fingerprint(wanted));
        }

        return StatusWrite.Written;
    }

    private static JsonObject Configuration(ApiResource resource, NamespacedName key, JsonNode status)
    {
        var metadata = new JsonObject { ["name"] = key.Name };
        if (key.Namespace.Length > 0)
        {
            metadata["namespace"] = key.Namespace;
        }

        return new JsonObject { ["apiVersion"] = resource.ApiVersion, ["kind"] = resource.Kind, ["metadata"] = metadata, ["status"] = status };
    }

    private UInt128? LastApplied(string uid)
    {
        lock (_lock)
        {
            return _lastApplied.TryGet(uid, out var applied) ? applied : null;
        }
    }
}
