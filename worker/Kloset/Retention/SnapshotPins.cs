using System.Buffers;
using Kloset.Snapshots;
using Kloset.Storage;

namespace Kloset.Retention;

/// <param name="Since">When it was set or renewed last.</param>
public sealed record SnapshotPin(SnapshotId Snapshot, string Holder, DateTimeOffset Since);

/// <summary>
/// Snapshots that must stay for somebody's sake, beside the repository proper: `kloset-operator/pins/SNAPSHOT/HOLDER`. An unfinished restore
/// pins what it restores from, a person what is dear. Snapshots may also carry the tag <see cref="Tag"/> from the start.
/// </summary>
public sealed class SnapshotPins(IStore store)
{
    public const string Tag = "pinned";

    /// <summary>Beginning of the holder's name when a restore holds the pin.</summary>
    public const string RestoreHolder = "restore-";

    private const string Prefix = "kloset-operator/pins/";

    /// <param name="holder">Who pins it; letters, digits, '.', '-' and '_'.</param>
    public Task AddAsync(SnapshotId snapshot, string holder, CancellationToken cancellationToken) =>
        store.PutAsync(KeyOf(snapshot, holder), ReadOnlySequence<byte>.Empty, cancellationToken);

    public Task RemoveAsync(SnapshotId snapshot, string holder, CancellationToken cancellationToken) =>
        store.DeleteAsync(KeyOf(snapshot, holder), cancellationToken);

    public async Task<IReadOnlyList<SnapshotPin>> ListAsync(CancellationToken cancellationToken)
    {
        var pins = new List<SnapshotPin>();
        await foreach (var item in store.ListAsync(Prefix, cancellationToken))
        {
            if (item.Key[Prefix.Length..].Split('/') is [var hex, var holder] && SnapshotId.TryParse(hex, out var id))
                pins.Add(new SnapshotPin(id, holder, item.LastModified));
        }

        return pins;
    }

    private static string KeyOf(SnapshotId snapshot, string holder) =>
        holder.Length is > 0 and <= 100 && holder.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_') && holder.Trim('.').Length > 0
            ? $"{Prefix}{snapshot}/{holder}"
            : throw new ArgumentException($"'{holder}' cannot hold a pin: use letters, digits, '.', '-' and '_'.", nameof(holder));
}
