using Kloset.Envelopes;
using Kloset.Repositories;
using Kloset.Storage;

namespace Kloset.Packfiles;

/// <summary>
/// A packfile read once from front to end. No more of it is held than the reader still wants, and its MAC is made along the way, while what was
/// read is in the processor's cache. Not safe for concurrent use.
/// </summary>
internal sealed class PackfileScan : IAsyncDisposable
{
    /// <summary>Read at once.</summary>
    private const int Step = 1 << 20;

    private readonly IStore _store;
    private readonly StoreItem _item;
    private readonly Stream _stream;
    private readonly MacHasher _hasher;
    private readonly PooledBuffer _window = new(4 * Step);

    /// <summary>Where the window starts in the file, and from where on it is wanted.</summary>
    private long _start, _wanted;

    private PackfileScan(IStore store, StoreItem item, Stream stream, MacHasher hasher)
    {
        _store = store;
        _item = item;
        _stream = stream;
        _hasher = hasher;
    }

    private long Read => _start + _window.Length;

    /// <param name="item">As the store lists it: the file is to have that length.</param>
    public static async Task<PackfileScan> OpenAsync(IStore store, BlobCodec codec, StoreItem item, CancellationToken cancellationToken) =>
        new(store, item, await store.OpenReadAsync(item.Key, cancellationToken), codec.CreateHasher());

    /// <summary>Reads on until the file's bytes before <paramref name="end"/> are there.</summary>
    /// <exception cref="MalformedException">The file ends before.</exception>
    public async ValueTask ReadToAsync(long end, CancellationToken cancellationToken)
    {
        while (Read < end)
        {
            if (_window.Capacity - _window.Length < Step)
                DropUnwanted();
            var count = (int)Math.Min(Step, _item.Size - Read);
            var piece = _window.GetMemory(count)[..count];
            var filled = await FillAsync(piece, cancellationToken);
            // The tag at the end is not part of what it is made of.
            _hasher.Append(piece.Span[..(int)Math.Clamp(_item.Size - StorageEnvelope.TagSize - Read, 0, filled)]);
            _window.Advance(filled);
            if (filled < count)
                throw new MalformedException($"it ends after {Read} of {_item.Size} bytes");
        }
    }

    /// <summary>Bytes of the file that were read and are still wanted.</summary>
    public ReadOnlySpan<byte> Slice(long offset, int length) => _window.Span.Slice((int)(offset - _start), length);

    /// <summary>What lies before is not wanted any more.</summary>
    public void Release(long offset) => _wanted = Math.Max(_wanted, offset);

    /// <summary>Reads to the end, and compares the MAC of everything with the tag. Once.</summary>
    public async ValueTask<bool> HasValidTagAsync(CancellationToken cancellationToken)
    {
        while (Read < _item.Size)
        {
            // Step by step: what is not wanted goes on the way.
            await ReadToAsync(Math.Min(_item.Size, Read + Step), cancellationToken);
        }

        return _hasher.Finish() == new Mac(_window.Span[^StorageEnvelope.TagSize..]);
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        _hasher.Dispose();
        _window.Dispose();
    }

    private void DropUnwanted()
    {
        var count = (int)Math.Min(_wanted - _start, _window.Length);
        if (count <= 0)
            return;
        _window.Discard(count);
        _start += count;
    }

    private async ValueTask<int> FillAsync(Memory<byte> piece, CancellationToken cancellationToken)
    {
        try
        {
            return await _stream.ReadAtLeastAsync(piece, piece.Length, throwOnEndOfStream: false, cancellationToken);
        }
        catch (IOException exception)
        {
            throw new StoreException(StoreFailure.Other, $"Cannot read {_item.Key} from {_store.Location}: {exception.Message}", exception);
        }
    }
}
