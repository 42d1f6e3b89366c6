using KlosetOperator.Runtime.Leader;

namespace KlosetOperator.Runtime.Hosting;

/// <summary>What an operator's host needs to know.</summary>
public sealed class OperatorHostOptions
{
    /// <summary>
    /// The operator's name: its field manager (and, with <c>-status</c>, the one of its status writes), the reporter
    /// of its Events and its lease's name.
    /// </summary>
    public required string Name { get; set; }

    /// <summary>Where the lease lives, and Events about objects of the cluster's scope. In a pod: its own namespace.</summary>
    public string Namespace { get; set; } = "default";

    /// <summary>This process among its replicas; the pod's name. Default: the host's name.</summary>
    public string Identity { get; set; } = Environment.MachineName;

    /// <summary>The namespaces to watch. Empty: all.</summary>
    public IList<string> WatchNamespaces { get; } = [];

    /// <summary>Where probes and metrics are served, such as <c>http://0.0.0.0:8080</c>; port 0 takes a free one. Null serves nothing.</summary>
    public string? HttpUrl { get; set; } = "http://0.0.0.0:8080";

    /// <summary>Default: on, with controller-runtime's times. Null: no election, always the leader.</summary>
    public LeaseElectionOptions? LeaderElection { get; set; } = new();

    /// <summary>
    /// How long caches may take to fill at start. Longer is a start-up error, or, when the server is away or refuses everybody, said in
    /// the log each time it has passed; it is never a silent wait.
    /// </summary>
    public TimeSpan CacheSyncTimeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>What must be known before anything acts: called once the caches are filled, before the election.</summary>
    public Func<IServiceProvider, CancellationToken, Task>? OnSynced { get; set; }

    /// <summary>How long running reconciliations may go on after a stop was asked for.</summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The limit of every API call but watches (which have none) and lists (which have twice this).</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(30);
}
