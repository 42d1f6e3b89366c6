using GooglePhotos.Takeout.Sidecars;

namespace GooglePhotos.Takeout.Pairing;

/// <summary>One file of an export, as pairing sees it.</summary>
public interface IPairingFile
{
    /// <summary>The folder inside the export, '/'-separated, without trailing slash; "" for a file that lies beside the parts.</summary>
    string Folder { get; }

    string Name { get; }

    /// <summary>Bytes.</summary>
    long Size { get; }

    /// <summary>What the file holds when it is JSON and was read; null for everything else.</summary>
    TakeoutJson? Json { get; }

    /// <summary>The number of the part that holds it, or the number that a loose file takes among the parts; null when unknown.</summary>
    int? PartNumber { get; }

    /// <summary>The time inside a film (its QuickTime creation time), when it was read: decides where one name could mean several sidecars.</summary>
    DateTimeOffset? MediaTime { get; }

    /// <summary>True when the bytes were looked at and are a known kind of picture or film.</summary>
    bool KnownMediaBytes { get; }

    string Path => Folder.Length == 0 ? Name : Folder + "/" + Name;
}

/// <summary>A plain <see cref="IPairingFile"/>.</summary>
public sealed class PairingFile : IPairingFile
{
    public required string Folder { get; init; }

    public required string Name { get; init; }

    public long Size { get; init; }

    public TakeoutJson? Json { get; init; }

    public int? PartNumber { get; init; }

    public DateTimeOffset? MediaTime { get; init; }

    public bool KnownMediaBytes { get; init; }

    public string Path => Folder.Length == 0 ? Name : Folder + "/" + Name;
}

public enum FileKind : byte
{
    Media,
    Sidecar,
    AlbumMetadata,

    /// <summary>Neither media nor metadata: kept verbatim, named in the report.</summary>
    Ignored,
}

/// <summary>How sure a pair is.</summary>
public enum PairRank : byte
{
    None,

    /// <summary>The name model gives exactly this sidecar.</summary>
    Exact,

    /// <summary>Follows from another file of the item: an edited version, the clip of a live photo, a name that was cut away.</summary>
    Derived,

    /// <summary>Names differ in case or tools disagree.</summary>
    Weak,
}

/// <summary>Why a media file has this sidecar, or none.</summary>
public enum PairReason : byte
{
    NoSidecar,

    /// <summary>Several sidecars could be meant and nothing decides: none is taken.</summary>
    Ambiguous,
    SameCounter,
    SameName,

    /// <summary>Long names whose sidecars collide earlier than the media do; told apart by their titles.</summary>
    Title,
    NameWithoutExtension,
    Edited,
    EditedSuffixCut,
    LiveOrMotion,
    CounterOfCutName,
    OtherCaseOrExtension,
    SidecarSuffixCutShort,
    EditedCounter,
    Loose,
    LooseByTime,
}

/// <summary>What a media file is to its item.</summary>
public enum FileRole : byte
{
    Original,
    Edited,
    LiveVideo,
    MotionVideo,
}

/// <summary>What pairing found out about one input file; indexes refer to the list of files that was given.</summary>
public struct FileVerdict
{
    public FileKind Kind { get; set; }

    /// <summary>For media: the index of its sidecar, or −1.</summary>
    public int Sidecar { get; set; }

    public PairRank Rank { get; set; }

    public PairReason Reason { get; set; }

    public FileRole Role { get; set; }

    /// <summary>For media: the index of the item's main file (itself when it is the main one or stands alone).</summary>
    public int Primary { get; set; }

    /// <summary>For a sidecar: true when at least one media file has it.</summary>
    public bool Used { get; set; }

    /// <summary>For media: no extension or bytes that we know; kept as media all the same and worth a warning.</summary>
    public bool Unrecognised { get; set; }
}

/// <summary>An album folder. <paramref name="Metadata"/> is the index of its JSON, or −1 when the folder's name is all there is.</summary>
public sealed record PairedAlbum(string Folder, int Metadata, string Title);

/// <summary>Files of different items that belong together: a burst, or RAW and JPEG of one shot.</summary>
public sealed record PairedStack(StackKind Kind, IReadOnlyList<int> Files);

public enum StackKind
{
    Burst,
    RawAndJpeg,
}

/// <summary>The outcome for one set of files.</summary>
public sealed record PairingResult(
    IReadOnlyList<IPairingFile> Files, FileVerdict[] Verdicts, IReadOnlyList<PairedAlbum> Albums, IReadOnlyList<PairedStack> Stacks)
{
    /// <summary>The folders that hold "everything taken that year", with the year.</summary>
    public required IReadOnlyDictionary<string, int> YearFolders { get; init; }
}
