using Kloset.Envelopes;
using Kloset.Repositories;
using Kloset.Storage;
using Microsoft.Win32.SafeHandles;

namespace Kloset.States;

/// <summary>
/// A state that is too long to be held: its stored form, as it is, in a file of the cache folder, and parsed from there. Its tag was found to be right
/// while it was fetched.
/// </summary>
internal sealed class SpooledState : IDisposable
{
    private const int Step = 1 << 20;

    private readonly SafeFileHandle _file;
    private readonly long _payload;
    private readonly uint _version;

    private SpooledState(SafeFileHandle file, long payload, uint version)
    {
        _file = file;
        _payload = payload;
        _version = version;
    }

    /// <returns>Null when it vanished.</returns>
    /// <exception cref="MalformedException">Damaged, longer than the store's listing says, or of a version that is not known.</exception>
    public static async Task<SpooledState?> FetchAsync(IStore store, BlobCodec codec, StoreItem item, string folder, CancellationToken cancellationToken)
    {
        var file = TemporaryFile.Create(folder, "state");
        try
        {
            await using var stream = await store.OpenReadAsync(item.Key, cancellationToken);
            using var hasher = codec.CreateHasher();
            using var window = new PooledBuffer(2 * Step);
            uint? version = null;
            long length = 0;
            while (await FillAsync(store, item, stream, window, cancellationToken))
            {
                version ??= StorageEnvelope.ReadHeader(window.Span, ResourceType.State, StateParser.NewestVersion);
                // What may be the tag waits for what follows it.
                var count = window.Length - StorageEnvelope.TagSize;
                hasher.Append(window.Span[..count]);
                RandomAccess.Write(file, window.Span[..count], length);
                length += count;
                window.Discard(count);
                if (length > item.Size)
                    throw new MalformedException($"it has more than the {item.Size} bytes that are listed");
            }

            if (version is null || hasher.Finish() != new Mac(window.Span[^StorageEnvelope.TagSize..]))
                throw new MalformedException("its content does not match its tag");
            return new SpooledState(file, length - StorageEnvelope.HeaderSize, version.Value);
        }
        catch (StoreException exception) when (exception.Failure == StoreFailure.NotFound)
        {
            file.Dispose();
            return null;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Parses all of it; may be done again.</summary>
    public (Mac Parent, StateTrailer Trailer) Parse(BlobCodec codec, IStateVisitor visitor)
    {
        using var parser = new StateParser(_version, visitor);
        using var payload = new FilePartStream(_file, StorageEnvelope.HeaderSize, _payload);
        codec.Decode(payload, parser, long.MaxValue);
        parser.Finish();
        return (parser.Parent, parser.Trailer!.Value);
    }

    public void Dispose() => _file.Dispose();

    /// <returns>Whether there is more than a tag.</returns>
    private static async Task<bool> FillAsync(IStore store, StoreItem item, Stream stream, PooledBuffer window, CancellationToken cancellationToken)
    {
        try
        {
            window.Advance(await stream.ReadAtLeastAsync(window.GetMemory(Step)[..Step], Step, throwOnEndOfStream: false, cancellationToken));
            return window.Length > StorageEnvelope.TagSize;
        }
        catch (IOException exception)
        {
            throw new StoreException(StoreFailure.Other, $"Cannot read {item.Key} from {store.Location}: {exception.Message}", exception);
        }
    }
}
