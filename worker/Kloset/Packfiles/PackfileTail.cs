using Kloset.Envelopes;
using Kloset.Repositories;
using Kloset.Storage;

namespace Kloset.Packfiles;

/// <summary>Reads a packfile's own index with one or two small requests, without the blobs before it.</summary>
internal static class PackfileTail
{
    private const int FirstRead = 64 << 10;

    /// <summary>An index of more cannot belong to a packfile that anybody writes: 56 bytes for each of at most some millions of blobs.</summary>
    private const long LongestTail = 256 << 20;

    /// <returns>The index, or why there is none; the problem ends without a full stop.</returns>
    public static async Task<(PackfileIndex? Index, string? Problem)> TryReadIndexAsync(
        IStore store, BlobCodec codec, StoreItem item, CancellationToken cancellationToken)
    {
        try
        {
            var payload = item.Size - StorageEnvelope.HeaderSize - StorageEnvelope.TagSize;
            if (payload < 4)
                throw new MalformedException("it is too short for a packfile");
            using var header = new PooledBuffer(StorageEnvelope.HeaderSize);
            await store.ReadRangeAsync(item.Key, 0, header.Resize(StorageEnvelope.HeaderSize), cancellationToken);
            StorageEnvelope.ReadBareHeader(header.Span, ResourceType.Packfile, PackfileIndex.NewestVersion);
            var length = Math.Min(payload, FirstRead);
            while (true)
            {
                if (length > LongestTail)
                    throw new MalformedException($"its index claims {length} bytes");
                using var tail = new PooledBuffer((int)length);
                await store.ReadRangeAsync(item.Key, StorageEnvelope.HeaderSize + payload - length, tail.Resize((int)length), cancellationToken);
                if (PackfileIndex.Read(codec, tail.Span, payload - length, out var needed) is { } index)
                    return (index, null);
                length = Math.Min(payload, Math.Max(needed, length + 1));
            }
        }
        catch (MalformedException exception)
        {
            return (null, exception.Message);
        }
        catch (StoreException exception) when (exception.Failure is StoreFailure.NotFound or StoreFailure.Invalid)
        {
            return (null, exception.Message.TrimEnd('.'));
        }
    }
}
