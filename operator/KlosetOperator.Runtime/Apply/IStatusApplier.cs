using k8s;
using k8s.Models;

namespace KlosetOperator.Runtime.Apply;

/// <summary>Writes status by server-side apply, and only when it says something new.</summary>
public interface IStatusApplier
{
    /// <summary>
    /// Makes the status of <paramref name="entity"/> say <paramref name="desired"/>: all that this operator has to
    /// say, every time. Fields and conditions of other managers stay. When the cached status already says it
    /// (transition times aside) nothing is sent.
    /// </summary>
    /// <exception cref="Api.ApiException">Conflict: another object of that name by now; or any other failure. Reconcile again.</exception>
    Task<StatusWrite> ApplyAsync<TEntity, TStatus>(TEntity entity, TStatus desired, CancellationToken cancellationToken)
        where TEntity : class, IKubernetesObject<V1ObjectMeta>, IStatus<TStatus?>
        where TStatus : class;
}

public enum StatusWrite
{
    /// <summary>The object said so already; no call was made.</summary>
    Unchanged,

    Written,

    /// <summary>The object no longer exists.</summary>
    Gone,
}
