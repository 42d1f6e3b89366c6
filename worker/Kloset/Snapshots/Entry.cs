namespace Kloset.Snapshots;

public enum EntryKind
{
    File,
    Directory,
    Symlink,
    Device,
    Pipe,
    Socket,
    Irregular,
}

/// <summary>Bits of Go's `fs.FileMode`, which the format stores; not those of `st_mode`.</summary>
public static class GoFileMode
{
    public const uint Directory = 0x80000000;
    public const uint Symlink = 0x08000000;
    public const uint Device = 0x04000000;
    public const uint NamedPipe = 0x02000000;
    public const uint Socket = 0x01000000;
    public const uint SetUserId = 0x00800000;
    public const uint SetGroupId = 0x00400000;
    public const uint CharacterDevice = 0x00200000;
    public const uint Sticky = 0x00100000;
    public const uint Irregular = 0x00080000;
    public const uint Permissions = 0x000001FF;

    public static EntryKind KindOf(uint mode) => mode switch
    {
        _ when (mode & Directory) != 0 => EntryKind.Directory,
        _ when (mode & Symlink) != 0 => EntryKind.Symlink,
        _ when (mode & (Device | CharacterDevice)) != 0 => EntryKind.Device,
        _ when (mode & NamedPipe) != 0 => EntryKind.Pipe,
        _ when (mode & Socket) != 0 => EntryKind.Socket,
        _ when (mode & Irregular) != 0 => EntryKind.Irregular,
        _ => EntryKind.File,
    };
}

/// <summary>One file, directory, symlink or special file of a snapshot. Source: format document, section 13.3.</summary>
/// <remarks>Lists are null where the stored form has none, so that an entry serialises back to the same bytes.</remarks>
public sealed record Entry
{
    public uint Version { get; init; } = 0x00010000;

    /// <summary>`/` for the root and for first-level entries.</summary>
    public EntryPath ParentPath { get; init; }

    /// <summary>Base name, `/` for the root; lossless (<see cref="LosslessText"/>).</summary>
    public required string Name { get; init; }

    public EntryPath Path => Name == "/" ? EntryPath.Root : ParentPath.Append(Name);

    public EntryKind Kind => GoFileMode.KindOf(Mode);

    /// <summary>Bytes; for links and directories whatever the source's `lstat` said.</summary>
    public long Size { get; init; }

    /// <summary><see cref="GoFileMode"/>.</summary>
    public uint Mode { get; init; }

    public Timestamp ModTime { get; init; }

    public ulong Device { get; init; }

    public ulong Inode { get; init; }

    public ulong UserId { get; init; }

    public ulong GroupId { get; init; }

    /// <summary>A regular file with more than 1 is restored by plakar as a hard link of (<see cref="Device"/>, <see cref="Inode"/>).</summary>
    public ushort LinkCount { get; init; }

    public string UserName { get; init; } = "";

    public string GroupName { get; init; } = "";

    public uint Flags { get; init; }

    /// <summary>Inline summary of a directory; only very old repositories have it.</summary>
    public DirectorySummary? Summary { get; init; }

    public string? SymlinkTarget { get; init; }

    /// <summary>Identifier of the OBJECT blob; zero unless a regular file.</summary>
    public Mac Object { get; init; }

    public string ContentType { get; init; } = "";

    /// <summary>Bits per byte.</summary>
    public double Entropy { get; init; }

    public ulong Chunks { get; init; }

    public IReadOnlyList<string>? AlternateDataStreams { get; init; }

    public ReadOnlyMemory<byte> SecurityDescriptor { get; init; }

    public uint FileAttributes { get; init; }

    /// <summary>Names only; values by <see cref="Snapshot.ListExtendedAttributesAsync"/>.</summary>
    public IReadOnlyList<string>? ExtendedAttributes { get; init; }

    public IReadOnlyList<EntryClassification>? Classifications { get; init; }

    public IReadOnlyList<KeyValuePair<string, ReadOnlyMemory<byte>?>>? CustomMetadata { get; init; }

    public IReadOnlyList<string>? Tags { get; init; }
}

/// <summary>What a classifier said about an entry; kept, never interpreted. Lists are null where the stored form has nil.</summary>
public sealed record EntryClassification(string Analyzer, IReadOnlyList<string>? Classes, IReadOnlyList<KeyValuePair<string, double>>? Scores);

/// <summary>Something that could not be read when the snapshot was made.</summary>
public sealed record EntryError(EntryPath Path, string Message)
{
    public uint Version { get; init; } = 0x00010000;
}

/// <param name="Type">0 an extended attribute, 1 a Windows alternate data stream; others are tolerated.</param>
/// <param name="Object">The value, stored as an ordinary object.</param>
public sealed record ExtendedAttribute(EntryPath Path, string Name, long Size, byte Type, Mac Object)
{
    public uint Version { get; init; } = 0x00010000;
}

/// <summary>A stored content: how it is chunked. Source: format document, section 11.3.</summary>
public sealed record ObjectRecord
{
    public uint Version { get; init; } = 0x00010000;

    /// <summary>MAC of the whole content.</summary>
    public required Mac ContentMac { get; init; }

    /// <summary>In content order; null where the stored form has nil.</summary>
    public required IReadOnlyList<ChunkRecord>? Chunks { get; init; }

    public string ContentType { get; init; } = "";

    public double Entropy { get; init; }

    public uint Flags { get; init; }

    public long Size => Chunks?.Sum(c => (long)c.Length) ?? 0;
}

/// <param name="ContentMac">MAC of the clear bytes, which is also the identifier of the CHUNK blob.</param>
/// <param name="Length">Clear bytes.</param>
public sealed record ChunkRecord(Mac ContentMac, uint Length, double Entropy)
{
    public uint Version { get; init; } = 0x00010000;

    public uint Flags { get; init; }
}
