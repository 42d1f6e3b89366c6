using Kloset.Envelopes;
using Kloset.Packfiles;
using Kloset.Repositories;
using Kloset.States;
using Kloset.Storage;

namespace Kloset.Checking;

/// <summary>
/// Reads whole packfiles: envelope, tag, footer, index, and every blob that a state places there. Packfiles may be checked at the same time.
/// </summary>
internal sealed class PackfileCheck(IStore store, BlobReader blobs, DamageLedger ledger)
{
    /// <summary>Packfiles are closed at 64 MiB; with the largest blob behind that none comes near this.</summary>
    private const int LargestPackfile = 1 << 30;

    /// <summary>An index behind the last blob that is longer is asked for apart, rather than held while the rest is read.</summary>
    private const int LongestTail = 16 << 20;

    private readonly Lazy<IReadOnlyDictionary<Mac, IReadOnlyList<int>>> _places = new(blobs.Index.PlacesByPackfile);
    private long _bytesRead;

    public long BytesRead => Interlocked.Read(ref _bytesRead);

    private RepositoryIndex Index => blobs.Index;

    /// <summary>The places of blobs by packfile, as numbers for <see cref="RepositoryIndex.PlaceAt"/>.</summary>
    public IReadOnlyDictionary<Mac, IReadOnlyList<int>> Places => _places.Value;

    /// <param name="item">As the store lists it.</param>
    /// <param name="asItStands">What to call a damage: of a packfile that no snapshot needs it is a warning.</param>
    public async Task RunAsync(Mac id, StoreItem item, CheckFindingKind asItStands, CancellationToken cancellationToken)
    {
        try
        {
            await CheckAsync(id, item, asItStands, cancellationToken);
        }
        catch (MalformedException exception)
        {
            ledger.ReportPackfile(in id, asItStands, exception.Message);
        }
        catch (StoreException exception) when (exception.Failure is StoreFailure.NotFound or StoreFailure.Invalid)
        {
            ledger.ReportPackfile(in id, exception.Failure == StoreFailure.NotFound ? CheckFindingKind.Missing : asItStands, exception.Message.TrimEnd('.'));
        }
    }

    private async Task CheckAsync(Mac id, StoreItem item, CheckFindingKind asItStands, CancellationToken cancellationToken)
    {
        if (item.Size > LargestPackfile)
            throw new MalformedException($"it has {item.Size} bytes");
        if (item.Size < StorageEnvelope.HeaderSize + StorageEnvelope.TagSize)
            throw new MalformedException($"{item.Size} bytes are too few for a stored resource");
        var places = PlacesOf(in id);
        await using var scan = await PackfileScan.OpenAsync(store, blobs.Codec, item, cancellationToken);
        var problem = "";
        await scan.ReadToAsync(StorageEnvelope.HeaderSize, cancellationToken);
        try
        {
            StorageEnvelope.ReadBareHeader(scan.Slice(0, StorageEnvelope.HeaderSize), ResourceType.Packfile, PackfileIndex.NewestVersion);
        }
        catch (MalformedException exception)
        {
            problem = exception.Message;
        }

        long end = StorageEnvelope.HeaderSize;
        foreach (var (type, blob, location) in places)
        {
            var start = StorageEnvelope.HeaderSize + location.Offset;
            var fits = start + location.Length <= item.Size - StorageEnvelope.TagSize;
            scan.Release(Math.Min(start, item.Size - StorageEnvelope.TagSize));
            if (fits)
            {
                await scan.ReadToAsync(start + location.Length, cancellationToken);
                end = Math.Max(end, start + location.Length);
            }

            CheckBlob(id, type, in blob, fits ? scan.Slice(start, (int)location.Length) : default, fits);
        }

        // The states' places are what readers use; the packfile's own index is for repair.
        var index = await ReadIndexAsync(id, item, scan, end, problem, asItStands, cancellationToken);
        Interlocked.Add(ref _bytesRead, item.Size);
        if (index is not null)
            Compare(id, index, places, asItStands);
    }

    private List<(BlobType Type, Mac Id, BlobLocation Location)> PlacesOf(in Mac id)
    {
        var numbers = Places.GetValueOrDefault(id, []);
        var places = new List<(BlobType Type, Mac Id, BlobLocation Location)>(numbers.Count);
        places.AddRange(numbers.Select(Index.PlaceAt));
        places.Sort((a, b) => a.Location.Offset.CompareTo(b.Location.Offset));
        return places;
    }

    /// <param name="end">Where the last blob ends in the file.</param>
    /// <param name="problem">What is wrong with the header.</param>
    private async Task<PackfileIndex?> ReadIndexAsync(
        Mac id, StoreItem item, PackfileScan scan, long end, string problem, CheckFindingKind asItStands, CancellationToken cancellationToken)
    {
        var payloadEnd = item.Size - StorageEnvelope.TagSize;
        var isKept = item.Size - end <= LongestTail;
        scan.Release(isKept ? end : payloadEnd);
        // The rest of a damaged packfile is told from its damaged header on.
        if (!await scan.HasValidTagAsync(cancellationToken) && problem.Length == 0)
            problem = "its content does not match its tag";
        PackfileIndex? index = null;
        try
        {
            if (isKept)
                index = PackfileIndex.Read(blobs.Codec, scan.Slice(end, (int)(payloadEnd - end)), end - StorageEnvelope.HeaderSize, out _);
            if (index is null)
            {
                (index, var why) = await PackfileTail.TryReadIndexAsync(store, blobs.Codec, item, cancellationToken);
                if (why is not null && problem.Length == 0)
                    problem = why;
            }
        }
        catch (MalformedException exception)
        {
            problem = problem.Length > 0 ? $"{problem}, and {exception.Message}" : exception.Message;
        }

        if (problem.Length > 0)
            ledger.ReportPackfile(in id, asItStands, problem);
        return index;
    }

    private void Compare(Mac id, PackfileIndex index, List<(BlobType Type, Mac Id, BlobLocation Location)> places, CheckFindingKind asItStands)
    {
        // A packfile may name one blob twice: any of its places will do.
        var indexed = index.Records.ToLookup(r => (r.Type, r.Id), r => (r.Offset, r.Length));
        foreach (var (type, blob, location) in places)
        {
            if (!indexed[(type, blob)].Contains((location.Offset, location.Length)))
            {
                ledger.ReportPackfile(
                    in id, asItStands, $"a state places the {BlobReader.Describe(type, in blob)} where the packfile's index does not");
            }
        }
    }

    /// <param name="stored">Empty when it does not fit into the file.</param>
    private void CheckBlob(Mac id, BlobType type, in Mac blob, ReadOnlySpan<byte> stored, bool fits)
    {
        if (type == BlobType.Random)
            return;
        try
        {
            if (!fits)
                throw new MalformedException("it lies behind the end of the packfile");
            blobs.Verify(type, in blob, stored);
        }
        catch (MalformedException exception)
        {
            // Another whole copy makes it a damage of the packfile only.
            if (Index.FindAll(type, in blob).Count(p => p.Packfile.IsVisible) <= 1)
                ledger.Report(type, in blob, $"The {BlobReader.Describe(type, in blob)} in packfile {id} is damaged: {exception.Message}.");
            else
                ledger.ReportPackfile(in id, CheckFindingKind.Damaged, $"the {BlobReader.Describe(type, in blob)} in it is damaged ({exception.Message}), but stored elsewhere too");
        }
    }
}
