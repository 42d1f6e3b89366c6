using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Kloset.Envelopes;
using Microsoft.Win32.SafeHandles;

namespace Kloset.Storage;

/// <summary>
/// A `.ptar` file as a read-only store: one CONFIG, one packfile, one state. Source: format document, section 17. The packfile is listed
/// under a name of zeros, and found under whatever name the state gives it, because that name is random.
/// </summary>
public sealed class PtarStore : IStore
{
    private const int HeaderSize = 12;
    private const int FooterSize = 48;
    private const int MaxConfiguration = 32 << 10;

    private static readonly string StateKey = States.StateLoader.KeyOf(Mac.Zero);

    private readonly SafeFileHandle _file;
    private readonly (long Offset, long Length)[] _parts;
    private readonly DateTimeOffset _modified;

    private PtarStore(string path, SafeFileHandle file, (long, long)[] parts)
    {
        Location = "ptar:" + path;
        _file = file;
        _parts = parts;
        _modified = File.GetLastWriteTimeUtc(file);
    }

    public string Location { get; }

    public StoreCounters Counters { get; } = new();

    public static PtarStore Open(string path)
    {
        SafeFileHandle file;
        try
        {
            file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            var failure = exception is FileNotFoundException or DirectoryNotFoundException ? StoreFailure.NotFound
                : exception is UnauthorizedAccessException ? StoreFailure.AccessDenied : StoreFailure.Other;
            throw new StoreException(failure, $"Cannot open {path}: {exception.Message}", exception);
        }

        try
        {
            return new PtarStore(path, file, ReadParts(path, file));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public Task InitializeAsync(CancellationToken cancellationToken) => throw ReadOnly();

    public async IAsyncEnumerable<StoreItem> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        foreach (var (key, part) in new[] { ("CONFIG", 0), (Packfiles.PackfileIndex.KeyOf(Mac.Zero), 1), (StateKey, 2) })
        {
            if (key.StartsWith(prefix, StringComparison.Ordinal))
                yield return new StoreItem(key, _parts[part].Length, _modified);
        }
    }

    public Task<Stream> OpenReadAsync(string key, CancellationToken cancellationToken)
    {
        var (offset, length) = PartOf(key);
        return Task.FromResult<Stream>(new FilePartStream(_file, offset, length));
    }

    public Task ReadRangeAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        var (start, length) = PartOf(key);
        if (offset < 0 || offset + destination.Length > length)
            throw new StoreException(StoreFailure.NotFound, $"{key} in {Location} ends before byte {offset + destination.Length}.");
        ReadExactly(_file, start + offset, destination.Span);
        return Task.CompletedTask;
    }

    public Task PutAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken) => throw ReadOnly();

    public Task<bool> PutIfAbsentAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken) => throw ReadOnly();

    public Task DeleteAsync(string key, CancellationToken cancellationToken) => throw ReadOnly();

    public ValueTask DisposeAsync()
    {
        _file.Dispose();
        return ValueTask.CompletedTask;
    }

    private static (long, long)[] ReadParts(string path, SafeFileHandle file)
    {
        var size = RandomAccess.GetLength(file);
        if (size < HeaderSize + FooterSize)
            throw Invalid(path, "it is too short");
        Span<byte> header = stackalloc byte[HeaderSize];
        ReadExactly(file, 0, header);
        if (!header[..8].SequenceEqual("_PLATAR_"u8))
            throw Invalid(path, "it does not start with _PLATAR_");
        var version = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        if (version != 0x00010000)
            throw Invalid(path, $"its version {StorageEnvelope.FormatVersion(version)} is not 1.0.0");
        Span<byte> footer = stackalloc byte[FooterSize];
        ReadExactly(file, size - FooterSize, footer);
        var parts = new (long, long)[3];
        for (var part = 0; part < 3; part++)
        {
            var offset = BinaryPrimitives.ReadInt64LittleEndian(footer[(part * 16)..]);
            var length = BinaryPrimitives.ReadInt64LittleEndian(footer[((part * 16) + 8)..]);
            if (offset < HeaderSize || length < 0 || offset > size - FooterSize || length > size - FooterSize - offset || (part == 0 && length > MaxConfiguration))
                throw Invalid(path, "its table of contents points outside it");
            parts[part] = (offset, length);
        }

        return parts;
    }

    private (long Offset, long Length) PartOf(string key) => key switch
    {
        "CONFIG" => _parts[0],
        _ when key.StartsWith("packfiles/", StringComparison.Ordinal) => _parts[1],
        _ when key == StateKey => _parts[2],
        _ => throw new StoreException(StoreFailure.NotFound, $"{Location} holds no {key}."),
    };

    private static void ReadExactly(SafeFileHandle file, long offset, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            var read = RandomAccess.Read(file, destination, offset);
            if (read == 0)
                throw new StoreException(StoreFailure.NotFound, $"The file ends before byte {offset + destination.Length}.");
            destination = destination[read..];
            offset += read;
        }
    }

    private static StoreException Invalid(string path, string why) => new(StoreFailure.Invalid, $"{path} is not a ptar archive: {why}.");

    private StoreException ReadOnly() => new(StoreFailure.AccessDenied, $"{Location} is an archive and cannot be written.");
}
