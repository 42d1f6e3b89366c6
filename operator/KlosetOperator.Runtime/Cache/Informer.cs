using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Diagnostics;
using KlosetOperator.Runtime.Hosting;
using Microsoft.Extensions.Logging;

namespace KlosetOperator.Runtime.Cache;

/// <summary>One kind: its store, and the reflectors that feed it (one, or one per watched namespace).</summary>
internal sealed partial class Informer<T> : IRunningInformer
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly List<Reflector<T>> _reflectors;
    private readonly ApiResource _resource;
    private readonly ILogger _logger;

    /// <summary>For the host: with the options that were registered for the kind.</summary>
    public Informer(
        IApiClient<T> client,
        InformerRegistry registry,
        OperatorHostOptions host,
        TimeProvider time,
        Random random,
        RuntimeMetrics metrics,
        ILogger<Informer<T>> logger)
        : this(client, registry.Get<T>(), [.. host.WatchNamespaces], time, random, metrics, logger)
    {
    }

    public Informer(
        IApiClient<T> client,
        InformerOptions<T> options,
        IReadOnlyCollection<string> namespaces,
        TimeProvider time,
        Random random,
        RuntimeMetrics metrics,
        ILogger<Informer<T>> logger)
    {
        _resource = client.Resource;
        _logger = logger;
        Store = new Store<T>(options) { Mishap = error => LogMishap(error, _resource.ToString()) };
        IEnumerable<string?> scopes = namespaces.Distinct(StringComparer.Ordinal);
        if (options.ClusterScoped || namespaces.Count == 0)
        {
            scopes = [null];
        }

        _reflectors = [.. scopes.Select(scope => new Reflector<T>(client, Store, options, scope, time, random, metrics, logger))];
    }

    public Store<T> Store { get; }

    public Task Synced => Store.Synced;

    public string Describe()
    {
        var waiting = _reflectors.Where(static reflector => !reflector.Synced.IsCompleted).ToList();
        var reason = waiting.Select(static reflector => reflector.LastError?.Message).FirstOrDefault(static message => message is not null);
        return $"{_resource}: {reason ?? "no answer yet"}";
    }

    public bool MayHeal => _reflectors.All(static reflector =>
        reflector.Synced.IsCompleted || reflector.LastError is null or ApiException { IsTransient: true } or ApiException { IsUnauthorized: true });

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var reflectors = Task.WhenAll(_reflectors.Select(reflector => reflector.RunAsync(cancellationToken)));
        await Task.WhenAny(Task.WhenAll(_reflectors.Select(static reflector => reflector.Synced)), reflectors).ConfigureAwait(false);
        if (!reflectors.IsCompleted)
        {
            Store.MarkSynced();
        }

        await reflectors.ConfigureAwait(false);
    }
}

internal interface IRunningInformer
{
    Task Synced { get; }

    /// <summary>Runs until cancelled.</summary>
    Task RunAsync(CancellationToken cancellationToken);

    /// <summary>For an error message: the kind, and why it is not in sync.</summary>
    string Describe();

    /// <summary>It is in sync, or what keeps it from that may pass: a server that is away, busy, or does not know yet who may do what.</summary>
    bool MayHeal { get; }
}
