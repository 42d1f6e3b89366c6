using System.Buffers;

namespace Kloset.Storage;

/// <param name="Key">Relative name, '/'-separated.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Version">Changes when the content does (an ETag); null where the store has none.</param>
public sealed record StoreItem(string Key, long Size, DateTimeOffset LastModified, string? Version = null);

/// <summary>
/// A flat set of named, immutable byte strings. Keys are '/'-separated relative names such as "packfiles/ab/abcd…".
/// All methods may be called concurrently. Failures are <see cref="StoreException"/>.
/// </summary>
public interface IStore : IAsyncDisposable
{
    /// <summary>For people; never holds a secret.</summary>
    string Location { get; }

    /// <summary>What the store was asked for so far.</summary>
    StoreCounters Counters { get; }

    /// <summary>Null where objects are not locked, because the store cannot or was not told to.</summary>
    IObjectLock? ObjectLock => null;

    /// <summary>Prepares an empty place for a new repository (directories of the fs layout). Fails when it holds foreign things.</summary>
    Task InitializeAsync(CancellationToken cancellationToken);

    /// <summary>Items whose key starts with <paramref name="prefix"/>, in no particular order. Temporary names are never listed.</summary>
    IAsyncEnumerable<StoreItem> ListAsync(string prefix, CancellationToken cancellationToken);

    Task<Stream> OpenReadAsync(string key, CancellationToken cancellationToken);

    /// <summary>Fills <paramref name="destination"/> or throws.</summary>
    Task ReadRangeAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken);

    /// <summary>As <see cref="ReadRangeAsync(string, long, Memory{byte}, CancellationToken)"/>, of the very content that was listed: for places into which others write.</summary>
    /// <exception cref="StoreException">With <see cref="StoreFailure.Changed"/>, where the store can tell that it is another one by now.</exception>
    Task ReadRangeAsync(StoreItem item, long offset, Memory<byte> destination, CancellationToken cancellationToken) =>
        ReadRangeAsync(item.Key, offset, destination, cancellationToken);

    /// <summary>Atomic and durable: when it returns, the content is there as a whole. Overwrites.</summary>
    Task PutAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken);

    /// <returns>False when the key was there; nothing was written then.</returns>
    Task<bool> PutIfAbsentAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken);

    /// <summary>Absent is fine.</summary>
    Task DeleteAsync(string key, CancellationToken cancellationToken);
}
