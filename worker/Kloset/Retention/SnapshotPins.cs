using System.Buffers;
using Kloset.Snapshots;
using Kloset.Storage;

namespace Kloset.Retention;

/// <summary>
/// Snapshots that must stay for somebody's sake, beside the repository proper: `kloset-operator/pins/SNAPSHOT/HOLDER`. An unfinished restore
/// pins what it restores from, a person what is dear. Snapshots may also carry the tag <see cref="Tag"/> from the start.
/// </summary>
public sealed class SnapshotPins(IStore store)
{
    public const string Tag = "pinned";

    private const string Prefix = "kloset-operator/pins/";

    /// <param name="holder">Who pins it; letters, digits, '.', '-' and '_'.</param>
    public Task AddAsync(SnapshotId snapshot, string holder, CancellationToken cancellationToken) =>
        store.PutAsync(KeyOf(snapshot, holder), ReadOnlySequence<byte>.Empty, cancellationToken);

    public Task RemoveAsync(SnapshotId snapshot, string holder, CancellationToken cancellationToken) =>
        store.DeleteAsync(KeyOf(snapshot, holder), cancellationToken);

    public async Task<ILookup<SnapshotId, string>> ListAsync(CancellationToken cancellationToken)
    {
        var pins = new List<(SnapshotId Snapshot, string Holder)>();
        await foreach (var item in store.ListAsync(Prefix, cancellationToken))
        {
            if (item.Key[Prefix.Length..].Split('/') is [var hex, var holder] && SnapshotId.TryParse(hex, out var id))
                pins.Add((id, holder));
        }

        return pins.ToLookup(pin => pin.Snapshot, pin => pin.Holder);
    }

    private static string KeyOf(SnapshotId snapshot, string holder) =>
        holder.Length is > 0 and <= 100 && holder.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_') && holder.Trim('.').Length > 0
            ? $"{Prefix}{snapshot}/{holder}"
            : throw new ArgumentException($"'{holder}' cannot hold a pin: use letters, digits, '.', '-' and '_'.", nameof(holder));
}
