namespace DevCluster.Pods;

/// <summary>What a container is started with. Paths below mounts are already those of the pod's folder on this machine.</summary>
public sealed record ContainerStart
{
    public required string Image { get; init; }

    public required string Namespace { get; init; }

    public required string PodName { get; init; }

    public required string ContainerName { get; init; }

    public required IReadOnlyList<string> Arguments { get; init; }

    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    public required string WorkingDirectory { get; init; }

    /// <summary>The file whose content becomes the termination message.</summary>
    public required string TerminationMessageFile { get; init; }

    /// <summary>Takes a line of standard output or standard error.</summary>
    public required Action<string> Log { get; init; }
}

/// <summary>A running container.</summary>
public interface IContainerProcess
{
    /// <summary>Process id; 0 when it is no process.</summary>
    int ProcessId { get; }

    /// <summary>Ends with the exit code; 128 + n for signal n.</summary>
    Task<int> Completion { get; }

    /// <summary>SIGTERM.</summary>
    void Terminate();

    /// <summary>SIGKILL.</summary>
    void Kill();
}
