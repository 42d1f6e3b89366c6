namespace KlosetOperator.Runtime.Api;

/// <summary>Reads the end of containers' logs.</summary>
public interface IPodLogs
{
    /// <summary>
    /// The last lines of a container's log. Null when there is none to read yet or any more: the pod is gone, or its
    /// container has not started.
    /// </summary>
    /// <param name="tailLines">At most this many lines.</param>
    /// <param name="limitBytes">At most this many bytes; the server then cuts the end, so leave room.</param>
    Task<string?> TailAsync(NamespacedName pod, string container, int tailLines, int limitBytes, CancellationToken cancellationToken);
}
