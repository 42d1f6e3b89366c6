using Kloset.Maintenance;
using Kloset.Storage;
using KlosetWorker.Contract;
using KlosetWorker.Errors;

namespace KlosetWorker.Maintenance;

/// <summary>Whether we may forget and maintain, where several clusters share a repository.</summary>
internal static class Ownership
{
    /// <summary>Claims the repository where nobody owns it.</summary>
    /// <param name="name">Null: nobody in particular, which is fine while the repository has no owner.</param>
    /// <param name="takeOver">Becomes the owner whoever was.</param>
    /// <exception cref="WorkerException">NotOwner.</exception>
    public static async Task EnsureAsync(IStore store, string? name, bool takeOver, TimeProvider time, CancellationToken cancellationToken)
    {
        if (await FindOtherAsync(store, name, takeOver, time, cancellationToken) is { } other)
        {
            throw new WorkerException(ErrorCatalogue.NotOwner, $"{store.Location} is owned by {other}, which forgets and maintains there.")
            {
                Remedy = $"Leave it to its owner, say --owner {other} to act for it, or --take-over; on a KlosetRepository set the annotation kloset.dev/take-over: {other}",
            };
        }
    }

    /// <returns>The owner when that is somebody else.</returns>
    public static async Task<string?> FindOtherAsync(IStore store, string? name, bool takeOver, TimeProvider time, CancellationToken cancellationToken)
    {
        var owner = new RepositoryOwner(store, time);
        if (takeOver && name is not null)
        {
            await owner.TakeOverAsync(name, cancellationToken);
            return null;
        }

        var known = name is null ? await owner.ReadAsync(cancellationToken) : await owner.ClaimAsync(name, cancellationToken);
        return known == name ? null : known;
    }
}
