using Kloset.Envelopes;
using Kloset.Packfiles;
using Kloset.States;
using Kloset.Storage;

namespace Kloset.Repositories;

/// <summary>
/// Fetches blobs by (type, identifier), decodes and verifies them. Small reads go through a cache of windows, because small blobs that are
/// needed together lie together. Safe for concurrent use.
/// </summary>
internal sealed class BlobReader(IStore store, BlobCodec codec, RepositoryIndex index, long maxChunkSize)
{
    /// <summary>More than any tree node, entry, object or summary needs; an object of 100 GB has some 15 MB of chunk list.</summary>
    private const int MaxMetadata = 256 << 20;

    /// <summary>Gaps up to this are read along rather than asked for apart.</summary>
    private const int MaxGap = 128 << 10;

    private const int MaxRun = 4 << 20;

    private readonly PackfileWindows _windows = new(store);

    public BlobCodec Codec => codec;

    public RepositoryIndex Index => index;

    /// <summary>Stored bytes above which a location cannot be honest.</summary>
    private long MaxStored => Math.Max(MaxMetadata, (2 * maxChunkSize) + (1 << 20));

    /// <summary>Reads one blob into <paramref name="destination"/>. Tries every place that it has.</summary>
    /// <exception cref="RepositoryException">Damaged; names the blob.</exception>
    public async ValueTask ReadAsync(BlobType type, Mac id, PooledBuffer destination, CancellationToken cancellationToken)
    {
        if (!index.TryFind(type, in id, out var location))
            throw NotThere(type, in id);
        try
        {
            await ReadAtAsync(type, id, location, destination, cancellationToken);
        }
        catch (Exception exception) when (exception is RepositoryException or StoreException { Failure: StoreFailure.NotFound })
        {
            foreach (var (other, packfile) in index.FindAll(type, in id))
            {
                if (other == location || !packfile.IsReadable)
                    continue;
                try
                {
                    await ReadAtAsync(type, id, other, destination, cancellationToken);
                    return;
                }
                catch (Exception again) when (again is RepositoryException or StoreException { Failure: StoreFailure.NotFound })
                {
                    // The first failure is the one to tell.
                }
            }

            if (exception is StoreException missing)
                throw RepositoryException.Damaged(type, in id, $"The {Describe(type, in id)} cannot be read: {missing.Message}", missing);
            throw;
        }
    }

    public async ValueTask<T> ReadAsync<T>(BlobType type, Mac id, BlobParser<T> parse, CancellationToken cancellationToken)
    {
        using var buffer = new PooledBuffer();
        await ReadAsync(type, id, buffer, cancellationToken);
        return Parse(type, in id, buffer.Span, parse);
    }

    /// <summary>Parses a decoded blob, and names it when that fails.</summary>
    public static T Parse<T>(BlobType type, in Mac id, ReadOnlySpan<byte> bytes, BlobParser<T> parse)
    {
        try
        {
            return parse(bytes);
        }
        catch (MalformedException exception)
        {
            throw RepositoryException.Damaged(type, in id, $"The {Describe(type, in id)} is damaged: {exception.Message}.", exception);
        }
    }

    /// <summary>
    /// Reads many blobs with few requests: neighbours in a packfile are fetched together. Calls <paramref name="receive"/> once for each, in the
    /// order of storage, one at a time.
    /// </summary>
    public async Task ReadManyAsync(
        BlobType type, IReadOnlyCollection<Mac> ids, Action<Mac, ReadOnlySpan<byte>> receive, CancellationToken cancellationToken)
    {
        var places = new List<(Mac Id, BlobLocation Location)>(ids.Count);
        foreach (var id in ids)
            places.Add(index.TryFind(type, in id, out var location) ? (id, location) : throw NotThere(type, in id));
        places.Sort((a, b) => a.Location.Ordinal != b.Location.Ordinal
            ? a.Location.Ordinal.CompareTo(b.Location.Ordinal)
            : a.Location.Offset.CompareTo(b.Location.Offset));
        using var clear = new PooledBuffer();
        for (var start = 0; start < places.Count;)
        {
            var end = RunEnd(places, start, p => p.Location);
            if (end == start + 1)
            {
                await ReadAsync(type, places[start].Id, Cleared(clear), cancellationToken);
                receive(places[start].Id, clear.Span);
            }
            else
            {
                using var run = new PooledBuffer(MaxRun);
                var first = places[start].Location;
                var fetched = await TryFetchAsync(first, places[end - 1].Location, run, cancellationToken);
                for (var i = start; i < end; i++)
                {
                    var (id, location) = places[i];
                    var ok = fetched && TryDecode(type, in id, run.Span.Slice((int)(location.Offset - first.Offset), (int)location.Length), Cleared(clear));
                    if (!ok)
                        await ReadAsync(type, id, Cleared(clear), cancellationToken);
                    receive(id, clear.Span);
                }
            }

            start = end;
        }
    }

    /// <summary>How far blobs from <paramref name="start"/> on can be fetched with one request.</summary>
    public static int RunEnd<T>(IReadOnlyList<T> places, int start, Func<T, BlobLocation> locationOf)
    {
        var first = locationOf(places[start]);
        var reach = first.Offset + first.Length;
        var end = start + 1;
        for (; end < places.Count; end++)
        {
            var next = locationOf(places[end]);
            if (next.Ordinal != first.Ordinal || next.Offset < reach || next.Offset - reach > MaxGap || next.Offset + next.Length - first.Offset > MaxRun)
                break;
            reach = next.Offset + next.Length;
        }

        return end;
    }

    /// <summary>Fetches the stored bytes from the first place to the end of the last.</summary>
    public async Task<bool> TryFetchAsync(BlobLocation first, BlobLocation last, PooledBuffer destination, CancellationToken cancellationToken)
    {
        try
        {
            await FetchAsync(first, checked((int)(last.Offset + last.Length - first.Offset)), destination, cancellationToken);
            return true;
        }
        catch (StoreException exception) when (exception.Failure == StoreFailure.NotFound)
        {
            return false;
        }
    }

    /// <summary>Decodes and verifies stored bytes.</summary>
    public bool TryDecode(BlobType type, in Mac id, ReadOnlySpan<byte> stored, PooledBuffer destination)
    {
        try
        {
            Decode(type, in id, stored, destination);
            return true;
        }
        catch (MalformedException)
        {
            return false;
        }
    }

    /// <exception cref="MalformedException">Not what was written.</exception>
    public void Decode(BlobType type, in Mac id, ReadOnlySpan<byte> stored, PooledBuffer destination)
    {
        if (type == BlobType.Random)
        {
            destination.Write(stored);
            return;
        }

        codec.Decode(stored, destination, type == BlobType.Chunk ? Math.Max(maxChunkSize, 64 << 20) : MaxMetadata);
        // A snapshot's identifier is random, all others are the MAC of the content.
        if (type is not (BlobType.Snapshot or BlobType.Signature) && codec.ComputeMac(destination.Span) != id)
            throw new MalformedException("its content does not match its MAC");
    }

    /// <summary>As <see cref="Decode"/>, for whoever only wants to know.</summary>
    /// <exception cref="MalformedException">Not what was written.</exception>
    public void Verify(BlobType type, in Mac id, ReadOnlySpan<byte> stored)
    {
        using var clear = new PooledBuffer((int)Math.Min(stored.Length + 1024L, 16 << 20));
        Decode(type, in id, stored, clear);
    }

    public static string Describe(BlobType type, in Mac id) => $"{BlobTypes.NameOf(type)} {id}";

    private static PooledBuffer Cleared(PooledBuffer buffer)
    {
        buffer.Clear();
        return buffer;
    }

    internal RepositoryException NotThere(BlobType type, in Mac id)
    {
        var places = index.FindAll(type, in id);
        var why = places.Count == 0
            ? "no state names a place for it"
            : places[0].Packfile switch
            {
                { Deleted: true } => $"its packfile {places[0].Location.Packfile} was deleted",
                { Declared: false } => $"its packfile {places[0].Location.Packfile} is not declared by any state",
                { Coloured: true } => $"its packfile {places[0].Location.Packfile} is marked for deletion",
                _ => $"its packfile {places[0].Location.Packfile} is missing from the store",
            };
        return RepositoryException.Damaged(type, in id, $"The {Describe(type, in id)} cannot be read: {why}.");
    }

    private async ValueTask ReadAtAsync(BlobType type, Mac id, BlobLocation location, PooledBuffer destination, CancellationToken cancellationToken)
    {
        using var stored = new PooledBuffer(64);
        await FetchAsync(location, checked((int)Math.Min(location.Length, int.MaxValue)), stored, cancellationToken);
        destination.Clear();
        try
        {
            Decode(type, in id, stored.Span, destination);
        }
        catch (MalformedException exception)
        {
            throw RepositoryException.Damaged(
                type, in id, $"The {Describe(type, in id)} in packfile {location.Packfile} is damaged: {exception.Message}.", exception);
        }
    }

    private async Task FetchAsync(BlobLocation location, int length, PooledBuffer destination, CancellationToken cancellationToken)
    {
        if (length > MaxStored)
            throw RepositoryException.Damaged($"A state claims a blob of {length} bytes in packfile {location.Packfile}.");
        var target = destination.Resize(length);
        if (length <= PackfileWindows.LargestRead)
        {
            try
            {
                await _windows.ReadAsync(location, target, cancellationToken);
                return;
            }
            catch (StoreException exception) when (exception.Failure == StoreFailure.NotFound)
            {
                // A state may claim more than the file holds, which must not take the honest blobs along.
            }
        }

        await store.ReadRangeAsync(
            PackfileIndex.KeyOf(location.Packfile), StorageEnvelope.HeaderSize + location.Offset, target, cancellationToken);
    }
}

internal delegate T BlobParser<out T>(ReadOnlySpan<byte> bytes);

/// <summary>
/// The most recently used pieces of packfiles, so that small reads beside one another cost one request. Pieces are reused: a large array for
/// each would keep the collector busy and the process big.
/// </summary>
internal sealed class PackfileWindows(IStore store)
{
    private const int WindowSize = 256 << 10;
    private const int Capacity = 48;

    public const int LargestRead = 128 << 10;

    private readonly Lock _lock = new();
    private readonly Dictionary<WindowKey, LinkedListNode<Window>> _windows = [];
    private readonly LinkedList<Window> _recent = [];
    private readonly Stack<byte[]> _free = [];

    public async Task ReadAsync(BlobLocation location, Memory<byte> destination, CancellationToken cancellationToken)
    {
        var offset = location.Offset;
        while (!destination.IsEmpty)
        {
            var number = offset / WindowSize;
            var window = Acquire(location, number);
            try
            {
                var length = await window.Length!.WaitAsync(cancellationToken);
                var within = (int)(offset - (number * WindowSize));
                if (within >= length)
                    throw new StoreException(StoreFailure.NotFound, $"Packfile {location.Packfile} ends before byte {offset}.");
                var count = Math.Min(destination.Length, length - within);
                window.Bytes.AsMemory(within, count).CopyTo(destination);
                destination = destination[count..];
                offset += count;
            }
            finally
            {
                Release(window);
            }
        }
    }

    private Window Acquire(BlobLocation location, long number)
    {
        var key = new WindowKey(location.Ordinal, number, location.DataEnd);
        lock (_lock)
        {
            if (_windows.TryGetValue(key, out var node))
            {
                _recent.Remove(node);
                if (!node.Value.Length!.IsFaulted)
                {
                    _recent.AddFirst(node);
                    node.Value.Users++;
                    return node.Value;
                }

                Evict(node.Value);
            }

            var window = new Window(key, _free.TryPop(out var bytes) ? bytes : GC.AllocateUninitializedArray<byte>(WindowSize)) { Users = 2 };
            // One use is the reader's, the other that of the request itself.
            window.Length = FetchAsync(location, window);
            _windows.Add(key, _recent.AddFirst(window));
            if (_recent.Count > Capacity)
            {
                var oldest = _recent.Last!.Value;
                _recent.RemoveLast();
                Evict(oldest);
            }

            return window;
        }
    }

    private void Evict(Window window)
    {
        _windows.Remove(window.Key);
        window.IsEvicted = true;
        if (window.Users == 0)
            _free.Push(window.Bytes);
    }

    private void Release(Window window)
    {
        lock (_lock)
        {
            if (--window.Users == 0 && window.IsEvicted)
                _free.Push(window.Bytes);
        }
    }

    private async Task<int> FetchAsync(BlobLocation location, Window window)
    {
        await Task.Yield(); // not under the lock
        try
        {
            var start = window.Key.Number * WindowSize;
            var length = (int)Math.Max(0, Math.Min(WindowSize, location.DataEnd - start));
            await store.ReadRangeAsync(
                PackfileIndex.KeyOf(location.Packfile), StorageEnvelope.HeaderSize + start, window.Bytes.AsMemory(0, length), CancellationToken.None);
            return length;
        }
        finally
        {
            Release(window);
        }
    }

    /// <param name="DataEnd">Part of the key because a packfile may turn out to be longer than was known.</param>
    private readonly record struct WindowKey(int Ordinal, long Number, long DataEnd);

    private sealed class Window(WindowKey key, byte[] bytes)
    {
        public WindowKey Key => key;

        public byte[] Bytes => bytes;

        /// <summary>How much of the bytes is filled, once it is.</summary>
        public Task<int>? Length { get; set; }

        public int Users { get; set; }

        public bool IsEvicted { get; set; }
    }
}
