using GooglePhotos.Takeout.Archives;

namespace GooglePhotos.Takeout.Exports;

public enum PartFormat
{
    Zip,
    Tgz,

    /// <summary>Unpacked files, all of them together.</summary>
    Folder,

    /// <summary>One file too big for a part, bare beside the parts.</summary>
    Loose,
}

/// <summary>One archive of a set, one loose file, or the whole of an unpacked export.</summary>
public sealed class TakeoutPart
{
    /// <summary>Relative to the storage; for <see cref="PartFormat.Folder"/> the folder, which may be "".</summary>
    public required string Path { get; init; }

    public required PartFormat Format { get; init; }

    /// <summary>The part number in the name; null when there is none.</summary>
    public int? Number { get; init; }

    /// <summary>The zip without a set number beside parts that have one: it holds only the index and takes no part number.</summary>
    public bool IsIndex { get; init; }

    /// <summary>One file, or for <see cref="PartFormat.Folder"/> all of them.</summary>
    public required IReadOnlyList<StoredFile> Files { get; init; }

    public long Size => Files.Sum(f => f.Size);

    public string Name => Path[(Path.LastIndexOf('/') + 1)..];
}

/// <summary>One export: the archives and loose files of one time stamp.</summary>
public sealed class TakeoutSet
{
    /// <summary><c>takeout-20260921T101112Z</c>, or for files without such a name their folder.</summary>
    public required string Name { get; init; }

    /// <summary>When Google made the export; null when no name tells.</summary>
    public DateTimeOffset? Timestamp { get; init; }

    /// <summary>What stands before the paths of this set's entries in <see cref="PartFormat.Folder"/> parts; "" or ends with "/".</summary>
    public string Prefix { get; init; } = "";

    /// <summary>By number, the index last.</summary>
    public required IReadOnlyList<TakeoutPart> Parts { get; init; }

    /// <summary>Numbers between 1 and the highest that neither a zip nor a loose file has.</summary>
    public required IReadOnlyList<int> MissingNumbers { get; init; }

    public long Size => Parts.Sum(p => p.Size);

    /// <summary>The newest change of any of its files: the set is settled when this is long enough ago.</summary>
    public DateTimeOffset LastChanged => Parts.SelectMany(p => p.Files).Max(f => f.Modified);
}
