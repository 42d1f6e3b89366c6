using Kloset.Checking;
using Kloset.Repositories;
using Kloset.Snapshots;

namespace Kloset.Usage;

/// <summary>
/// Walks every snapshot and adds up what it needs. A blob's owner is the only snapshot that was seen to need it; the second one that does takes the
/// bytes off the first one's account. 5 bytes of memory a blob.
/// </summary>
internal sealed class UsageMeter(Repository repository)
{
    private const int Nobody = 0;
    private const int Shared = -1;

    private long _unreadable;

    public async Task<RepositoryUsage> RunAsync(IProgress<CheckProgress>? progress, CancellationToken cancellationToken)
    {
        var headers = await repository.ListSnapshotsAsync(cancellationToken);
        var index = repository.Index;
        var owners = new int[index.SlotCount];
        var stored = new long[headers.Count + 1];
        var unique = new long[headers.Count + 1];
        var blobs = new long[headers.Count + 1];
        long total = 0;
        for (var number = 1; number <= headers.Count; number++)
        {
            progress?.Report(new CheckProgress("snapshots", number - 1, headers.Count));
            var seen = new System.Collections.BitArray(owners.Length);
            var self = number;
            var ledger = new DamageLedger(index);
            var walk = new SnapshotCheck(repository.Blobs, ledger, repository.Services.Parallelism)
            {
                ComparesListings = false,
                Touched = (type, id) =>
                {
                    var slot = index.SlotOf(type, in id);
                    if (slot < 0 || slot >= owners.Length || seen[slot])
                        return;
                    seen[slot] = true;
                    var length = index.PlaceAt(slot).Location.Length;
                    stored[self] += length;
                    blobs[self]++;
                    if (owners[slot] == Nobody)
                    {
                        owners[slot] = self;
                        unique[self] += length;
                        total += length;
                    }
                    else if (owners[slot] != Shared)
                    {
                        unique[owners[slot]] -= length;
                        owners[slot] = Shared;
                    }
                },
            };
            await walk.RunAsync(headers[number - 1].Id, cancellationToken);
            _unreadable += ledger.Count + ledger.Omitted;
        }

        long unneeded = 0, padding = 0;
        for (var slot = 0; slot < owners.Length; slot++)
        {
            if (owners[slot] != Nobody || !index.IsPlaceVisible(slot))
                continue;
            var (type, _, location) = index.PlaceAt(slot);
            if (type == BlobType.Random)
                padding += location.Length;
            else
                unneeded += location.Length;
        }

        return new RepositoryUsage(
            [.. headers.Select((header, i) => new SnapshotUsage(header, Logical(header), Files(header), stored[i + 1], unique[i + 1], blobs[i + 1]))],
            total, unneeded, padding, _unreadable);
    }

    private static long Logical(SnapshotHeader header) => (header.Sources ?? []).Sum(source => (long)source.Summary.TotalSize);

    private static long Files(SnapshotHeader header) => (header.Sources ?? []).Sum(source => (long)source.Summary.TotalFiles);
}
