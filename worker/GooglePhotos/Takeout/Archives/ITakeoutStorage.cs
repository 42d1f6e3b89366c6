namespace GooglePhotos.Takeout.Archives;

/// <summary>A place where exports lie: a folder here, a bucket or a Drive folder elsewhere. Read-only.</summary>
public interface ITakeoutStorage
{
    /// <summary>For people; never holds a secret.</summary>
    string Location { get; }

    /// <summary>
    /// True when jumping costs next to nothing (a local disk): then all sidecars are read before the first photo. Elsewhere every part is
    /// read once, front to back, and named at the end.
    /// </summary>
    bool SeeksAreCheap { get; }

    /// <summary>What the listing and the reading so far could not make use of, in words for people.</summary>
    IReadOnlyCollection<string> Remarks => [];

    IAsyncEnumerable<StoredFile> ListAsync(CancellationToken ct);

    /// <summary>Opens the file as it was listed: once it is another one, reading throws <see cref="ArchiveChangedException"/>.</summary>
    Task<RangeStream> OpenReadAsync(StoredFile file, CancellationToken ct);
}

/// <summary>A file was replaced, written to or removed while it was read. <paramref name="message"/> says how, for people, without a full stop.</summary>
public sealed class ArchiveChangedException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>One file of a storage.</summary>
/// <param name="Path">Relative to the storage, '/'-separated.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Version">Whatever changes when the content does (an ETag, a revision); null when the storage has none.</param>
public sealed record StoredFile(string Path, long Size, DateTimeOffset Modified, string? Version = null)
{
    public string Name => Path[(Path.LastIndexOf('/') + 1)..];

    public string Folder => Path.LastIndexOf('/') is >= 0 and int slash ? Path[..slash] : "";
}
