using Kloset.Envelopes;
using Kloset.Packfiles;
using Kloset.Repositories;
using Kloset.States;
using Kloset.Storage;

namespace Kloset.Checking;

/// <summary>Reads whole packfiles: envelope, tag, footer, index, and every blob that a state places there.</summary>
internal sealed class PackfileCheck(IStore store, BlobReader blobs, DamageLedger ledger, int parallelism)
{
    /// <summary>Packfiles are closed at 64 MiB; with the largest blob behind that none comes near this.</summary>
    private const int LargestPackfile = 1 << 30;

    private byte[] _packfile = [];
    private IReadOnlyDictionary<Mac, IReadOnlyList<int>>? _places;

    public long BytesRead { get; private set; }

    private RepositoryIndex Index => blobs.Index;

    /// <summary>The places of blobs by packfile, as numbers for <see cref="RepositoryIndex.PlaceAt"/>.</summary>
    public IReadOnlyDictionary<Mac, IReadOnlyList<int>> Places => _places ??= Index.PlacesByPackfile();

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
        if (_packfile.Length < item.Size)
            _packfile = GC.AllocateUninitializedArray<byte>((int)item.Size);
        ReadOnlyMemory<byte> file = _packfile.AsMemory(0, (int)item.Size);
        await store.ReadRangeAsync(item.Key, 0, _packfile.AsMemory(0, (int)item.Size), cancellationToken);
        BytesRead += file.Length;
        // The states' places are what readers use; the packfile's own index is for repair.
        var index = ReadIndex(id, file.Span, asItStands);
        var numbers = Places.GetValueOrDefault(id, []);
        var places = new List<(BlobType Type, Mac Id, BlobLocation Location)>(numbers.Count);
        places.AddRange(numbers.Select(Index.PlaceAt));
        if (index is not null)
            Compare(id, index, places, asItStands);
        Parallel.ForEach(
            places, new ParallelOptions { MaxDegreeOfParallelism = parallelism, CancellationToken = cancellationToken },
            place => CheckBlob(id, file.Span, place.Type, place.Id, place.Location));
    }

    private PackfileIndex? ReadIndex(Mac id, ReadOnlySpan<byte> file, CheckFindingKind asItStands)
    {
        var problem = "";
        PackfileIndex? index = null;
        try
        {
            StorageEnvelope.ReadHeader(file, ResourceType.Packfile, PackfileIndex.NewestVersion);
            if (blobs.Codec.ComputeMac(file[..^StorageEnvelope.TagSize]) != new Mac(file[^StorageEnvelope.TagSize..]))
                problem = "its content does not match its tag";
            index = PackfileIndex.Read(blobs.Codec, StorageEnvelope.Payload(file), 0, out _);
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

    private void CheckBlob(Mac id, ReadOnlySpan<byte> file, BlobType type, Mac blob, BlobLocation location)
    {
        if (type == BlobType.Random)
            return;
        try
        {
            if (location.Offset > file.Length || StorageEnvelope.HeaderSize + location.Offset + location.Length > file.Length - StorageEnvelope.TagSize)
                throw new MalformedException("it lies behind the end of the packfile");
            using var clear = new PooledBuffer((int)Math.Min(location.Length + 1024L, 16 << 20));
            blobs.Decode(type, in blob, file.Slice((int)(StorageEnvelope.HeaderSize + location.Offset), (int)location.Length), clear);
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
