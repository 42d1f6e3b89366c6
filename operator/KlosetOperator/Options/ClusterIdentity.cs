using k8s.Models;
using KlosetOperator.Runtime.Api;

namespace KlosetOperator.Options;

/// <summary>
/// Names this cluster in a repository's `kloset-operator/owner`. A cluster has no name of its own; the uid of kube-system is what
/// people use for one. Known before anything acts: a wrong name would give a repository up, or share it with another cluster.
/// </summary>
internal sealed partial class ClusterIdentity(IApiClient<MetadataOnly<V1Namespace>> namespaces, OperatorOptions options, TimeProvider time, ILogger<ClusterIdentity> logger)
{
    /// <summary>For an operator that may not read kube-system and was not told a name.</summary>
    private const string Unnamed = "unnamed";

    private static readonly NamespacedName KubeSystem = new(null, "kube-system");
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    /// <summary>A server that has just started may know some roles before others: this many refusals in a row are meant.</summary>
    private const int Refusals = 5;

    private string? _name = options.ClusterName is { Length: > 0 } given ? given : null;

    public string Name => _name ?? throw new InvalidOperationException("The cluster's name is not known yet.");

    /// <summary>Finds the name, however long the server is away.</summary>
    public async Task ResolveAsync(CancellationToken cancellationToken)
    {
        for (var refused = 0; _name is null;)
        {
            try
            {
                _name = (await namespaces.GetAsync(KubeSystem, cancellationToken).ConfigureAwait(false))?.Metadata.Uid ?? Unnamed;
            }
            catch (ApiException error) when (error.IsForbidden && ++refused == Refusals)
            {
                LogUnnamed();
                _name = Unnamed;
            }
            catch (ApiException error) when (error.IsTransient || error.IsUnauthorized)
            {
                refused = error.IsForbidden ? refused : 0;
                await Task.Delay(error.RetryAfter ?? Pause, time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    [LoggerMessage(601, LogLevel.Warning, "The uid of the namespace kube-system cannot be read; set --cluster-name if several clusters share a repository")]
    private partial void LogUnnamed();
}
