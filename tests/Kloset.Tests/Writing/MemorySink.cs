using Kloset.Hashing;
using Kloset.Writing;

namespace Kloset.Tests.Writing;

/// <summary>Keeps blobs in memory, with plain BLAKE3 as the MAC.</summary>
internal sealed class MemorySink : IBlobSink
{
    public Dictionary<(BlobType Type, Mac Id), byte[]> Blobs { get; } = [];

    public Dictionary<Mac, byte[]> Dirpacks { get; } = [];

    public ValueTask<Mac> PutBlobAsync(BlobType type, ReadOnlyMemory<byte> clear, CancellationToken cancellationToken)
    {
        var id = ComputeMac(clear.Span);
        Blobs[(type, id)] = clear.ToArray();
        return new(id);
    }

    public async Task<Mac> PutDirpackAsync(Stream content, CancellationToken cancellationToken)
    {
        using var memory = new MemoryStream();
        await content.CopyToAsync(memory, cancellationToken);
        var id = ComputeMac(memory.ToArray());
        Dirpacks[id] = memory.ToArray();
        return id;
    }

    public Mac ComputeMac(ReadOnlySpan<byte> clear)
    {
        Span<byte> hash = stackalloc byte[Blake3.HashSize];
        Blake3.Hash(clear, hash);
        return new Mac(hash);
    }
}
