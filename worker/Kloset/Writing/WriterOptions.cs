namespace Kloset.Writing;

/// <summary>How a writing session works.</summary>
public sealed record WriterOptions
{
    /// <summary>Where sorted runs are spilled; a folder of its own is made inside and removed at the end. Default: the system's temporary folder.</summary>
    public string? CacheDirectory { get; init; }

    /// <summary>A state with what is stored so far is put about this often while objects are written.</summary>
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Packfiles on their way to the store at the same time.</summary>
    public int ConcurrentUploads { get; init; } = 2;

    /// <summary>Memory that each of a commit's four sorts may hold before it spills, in bytes.</summary>
    public int SortBufferBytes { get; init; } = 8 << 20;

    /// <summary>A packfile is closed when its blobs exceed this. Default: what the repository's configuration says, within bounds.</summary>
    internal long? PackfileBytes { get; init; }
}

/// <summary>What the session knows about a content that it stores.</summary>
public sealed record ObjectOptions
{
    public static ObjectOptions Default { get; } = new();

    /// <summary>Helps to name the type when the content itself does not tell.</summary>
    public string? FileName { get; init; }

    /// <summary>Taken as it is instead of sniffing the content.</summary>
    public string? ContentType { get; init; }

    /// <summary>Called with every piece of the content, in order, on the calling flow: a tee for digests of the caller's own.</summary>
    public Action<ReadOnlyMemory<byte>>? Tee { get; init; }
}

/// <summary>A content that the session wrote, or found to be known.</summary>
/// <param name="Id">Identifier of the OBJECT blob.</param>
/// <param name="ContentMac">MAC of the whole content.</param>
/// <param name="Size">Bytes.</param>
/// <param name="NewBytes">Clear bytes of chunks that were not known before.</param>
public sealed record StoredObject(Mac Id, Mac ContentMac, long Size, int Chunks, double Entropy, string ContentType, long NewBytes);

/// <summary>What a session did so far.</summary>
public sealed record WriterStatistics(
    long BytesRead, long BytesStored, long ChunksNew, long ChunksKnown, long ObjectsNew, long ObjectsKnown, long Packfiles, long States);
