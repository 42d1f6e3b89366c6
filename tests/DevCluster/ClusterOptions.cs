using DevCluster.Faults;

namespace DevCluster;

public sealed record ClusterOptions
{
    /// <summary>Port on 127.0.0.1; 0 takes a free one.</summary>
    public int Port { get; init; }

    /// <summary>
    /// TLS with a certificate of its own, which the kubeconfig carries. Without it there is no token either: kubectl sends none in clear.
    /// </summary>
    public bool Tls { get; init; } = true;

    /// <summary>Bearer token that clients must send over TLS.</summary>
    public string Token { get; init; } = "devcluster";

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public FaultScript Faults { get; init; } = new();

    /// <summary>Changes that a watch can catch up with, per resource. A real server keeps about as many.</summary>
    public int WatchWindow { get; init; } = 5_000;

    public TimeSpan BookmarkInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Folder of pods and claims; null makes a temporary one that goes with the cluster.</summary>
    public string? DataDirectory { get; init; }

    /// <summary>Folders of particular claims, by <c>namespace/claim</c>; other claims lie below <see cref="DataDirectory"/>.</summary>
    public IReadOnlyDictionary<string, string> ClaimFolders { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Programs by image. An image matches a name when it is equal to it, or when its last path segment without tag and digest is.
    /// </summary>
    public IReadOnlyDictionary<string, string> Images { get; init; } = new Dictionary<string, string>();

    /// <summary>Stands in for programs: a test may run a container as a task. Asked before <see cref="Images"/>.</summary>
    public Func<Pods.ContainerStart, Pods.IContainerProcess?>? ContainerRunner { get; init; }

    /// <summary>False leaves Pods and Jobs alone: they are stored, and the test plays the controllers.</summary>
    public bool RunJobs { get; init; } = true;

    /// <summary>First wait before a failed Pod is replaced or a container restarted; doubles each time. Kubernetes waits 10 s.</summary>
    public TimeSpan PodBackoff { get; init; } = TimeSpan.FromSeconds(10);

    internal CancellationToken Stopping { get; init; }
}
