using KlosetOperator.Api;

namespace KlosetOperator.Repositories;

/// <summary>Whether others may start Jobs on a repository, and how many. Pure.</summary>
/// <param name="Reason">Null when it can be used.</param>
internal sealed record RepositoryHealth(string? Reason, string Message, int MaxJobs)
{
    public bool IsUsable => Reason is null;

    /// <param name="shared">For a volume: whether several pods may write to it.</param>
    public static RepositoryHealth Of(KlosetRepository? repository, string name, bool shared)
    {
        if (repository is null)
        {
            return new(Reasons.RepositoryMissing, $"KlosetRepository '{name}' is not in this namespace. Create it, or correct repositoryRef.", 0);
        }

        if (repository.Metadata.DeletionTimestamp is not null)
        {
            return new(Reasons.RepositoryNotReady, $"KlosetRepository '{name}' is being deleted.", 0);
        }

        if (repository.Spec.Suspend)
        {
            return new(Reasons.RepositoryNotReady, $"KlosetRepository '{name}' is suspended.", 0);
        }

        var ready = repository.Status?.Conditions?.FirstOrDefault(condition => condition.Type == ConditionTypes.Ready);
        var most = repository.Spec.Backend.Volume is not null && !shared ? 1 : repository.Spec.Concurrency?.MaxJobs ?? 4;
        return ready switch
        {
            { Status: "True" } => new(null, "", most),

            // The breaker is half open: one Job is let through and closes it when it succeeds.
            { Reason: Reasons.StoreUnavailable } => new(null, "", 1),
            null => new(Reasons.RepositoryNotReady, $"KlosetRepository '{name}' was not looked at yet.", 0),
            _ => new(Reasons.RepositoryNotReady, $"KlosetRepository '{name}' is not ready: {ready.Reason}.", 0),
        };
    }
}
