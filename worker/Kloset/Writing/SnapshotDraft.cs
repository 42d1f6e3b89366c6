using Kloset.Snapshots;

namespace Kloset.Writing;

/// <summary>What a snapshot is to say of itself.</summary>
public sealed record SnapshotDraft
{
    /// <summary>"googlephotos", "folder", …</summary>
    public required string Type { get; init; }

    public required string Origin { get; init; }

    /// <summary>An existing directory of the tree; absolute.</summary>
    public string Directory { get; init; } = "/";

    public string Name { get; init; } = "default";

    public string Category { get; init; } = "";

    public string Environment { get; init; } = "";

    public string Perimeter { get; init; } = "";

    public string Job { get; init; } = "";

    public IReadOnlyList<string> Tags { get; init; } = [];

    public IReadOnlyList<KeyValuePair<string, string>> Context { get; init; } = [];

    /// <summary>Default: now.</summary>
    public DateTimeOffset? Timestamp { get; init; }

    /// <summary>When the work for this snapshot began; its duration counts from here. Default: <see cref="Timestamp"/> when given, else the start of the commit.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>A header of another repository that the snapshot is a copy of: all but its trees is taken over, its identifier too.</summary>
    internal SnapshotHeader? Copies { get; init; }

    /// <summary>Things that could not be read, beside those that come as <see cref="PutError"/>.</summary>
    public IReadOnlyList<EntryError> Errors { get; init; } = [];
}

/// <summary>
/// One difference between the basis and the new tree. Changes may come in any order (they are sorted outside memory); of several for one
/// path the last one counts. Missing parent directories are made.
/// </summary>
public abstract record TreeChange
{
    private protected TreeChange(EntryPath path) => Path = path;

    public EntryPath Path { get; }
}

/// <summary>Adds or replaces a regular file.</summary>
/// <param name="Mode">Permission bits, and of <see cref="GoFileMode"/> at most the set-id and sticky bits.</param>
public sealed record PutFile(EntryPath Path, StoredObject Object, uint Mode, Timestamp ModTime) : TreeChange(Path)
{
    public ulong UserId { get; init; }

    public ulong GroupId { get; init; }

    public string UserName { get; init; } = "";

    public string GroupName { get; init; } = "";

    public IReadOnlyList<KeyValuePair<string, StoredObject>> ExtendedAttributes { get; init; } = [];
}

/// <summary>Adds a directory, or gives an existing one new attributes; what it holds stays.</summary>
public sealed record PutDirectory(EntryPath Path, uint Mode, Timestamp ModTime) : TreeChange(Path)
{
    public ulong UserId { get; init; }

    public ulong GroupId { get; init; }

    public string UserName { get; init; } = "";

    public string GroupName { get; init; } = "";
}

/// <summary>Adds or replaces a symbolic link.</summary>
public sealed record PutSymlink(EntryPath Path, string Target, Timestamp ModTime) : TreeChange(Path)
{
    public ulong UserId { get; init; }

    public ulong GroupId { get; init; }

    public string UserName { get; init; } = "";

    public string GroupName { get; init; } = "";
}

/// <summary>Adds or replaces an entry that exists in some snapshot of the same repository, at a path of choice, with the same attributes and object.</summary>
public sealed record PutEntry(EntryPath Path, Entry Entry) : TreeChange(Path)
{
    /// <summary>Values that this session stored for the entry's extended attributes.</summary>
    public IReadOnlyList<KeyValuePair<string, StoredObject>> ExtendedAttributes { get; init; } = [];
}

/// <summary>
/// Removes a file of the basis, or a directory with all that the basis has below it; what the same changes put below stays. Absent is fine.
/// </summary>
public sealed record Remove(EntryPath Path) : TreeChange(Path);

/// <summary>Records that something could not be read. The entry of the basis, if there is one, stays.</summary>
public sealed record PutError(EntryPath Path, string Message) : TreeChange(Path);
