using System.Buffers;
using System.Text;
using Kloset.Snapshots;
using Kloset.Storage;

namespace Kloset.Retention;

/// <summary>
/// Waves of forgetting that wait for a person: which snapshots a hash stands for, in `kloset-operator/forget/HASH`. Between the asking and the
/// answer new snapshots come and the plan changes; what was approved stays known.
/// </summary>
public sealed class ForgetWaves(IStore store)
{
    private const string Prefix = "kloset-operator/forget/";

    /// <returns>The hash to approve.</returns>
    public async Task<string> ProposeAsync(IReadOnlyCollection<SnapshotId> snapshots, CancellationToken cancellationToken)
    {
        var hash = RetentionPlan.HashOf(snapshots);
        var content = Encoding.ASCII.GetBytes(string.Join('\n', snapshots.Order().Select(id => id.ToString())));
        await store.PutAsync(Prefix + hash, new ReadOnlySequence<byte>(content), cancellationToken);
        return hash;
    }

    /// <returns>Nothing when there is no such wave, or when what is stored is not what the hash stands for.</returns>
    public async Task<IReadOnlySet<SnapshotId>> FindAsync(string hash, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(hash);
        if (hash.Length != 16 || !hash.All(char.IsAsciiHexDigitLower))
            return new HashSet<SnapshotId>();
        try
        {
            using var content = new PooledBuffer();
            await StoreReading.ReadAllAsync(store, Prefix + hash, content, cancellationToken);
            var ids = new HashSet<SnapshotId>();
            foreach (var line in Encoding.ASCII.GetString(content.Span).Split('\n'))
            {
                if (!SnapshotId.TryParse(line, out var id))
                    return new HashSet<SnapshotId>();
                ids.Add(id);
            }

            return RetentionPlan.HashOf(ids) == hash ? ids : new HashSet<SnapshotId>();
        }
        catch (StoreException exception) when (exception.Failure == StoreFailure.NotFound)
        {
            return new HashSet<SnapshotId>();
        }
    }

    public Task RemoveAsync(string hash, CancellationToken cancellationToken) => store.DeleteAsync(Prefix + hash, cancellationToken);
}
