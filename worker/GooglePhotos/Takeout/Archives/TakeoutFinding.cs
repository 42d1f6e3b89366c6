namespace GooglePhotos.Takeout.Archives;

public enum FindingKind
{
    /// <summary>A part that cannot be opened at all, or only in pieces.</summary>
    DamagedPart,

    /// <summary>A part or loose file that was replaced or written to while it was read: what was read until then is kept.</summary>
    ChangedPart,

    /// <summary>An entry whose bytes cannot be had: cut, wrong checksum, lying size, encrypted.</summary>
    DamagedEntry,

    /// <summary>A name that tries to leave its folder or is not a name; the file is kept under a harmless one.</summary>
    UnsafeName,

    /// <summary>Symbolic links and devices are not followed and not kept.</summary>
    NotAFile,

    /// <summary>Two entries of one name in one part with different content; the first is kept.</summary>
    DuplicateName,
    TooLarge,

    /// <summary>A file named .json that is not JSON; kept as it is.</summary>
    InvalidJson,

    /// <summary>A picture's or film's name, and bytes that nothing recognises; kept as media.</summary>
    UnknownMedia,

    /// <summary>Google itself could not export this item.</summary>
    FailedByGoogle,
    MissingPart,
    MissingFile,
    StillDownloading,
    AmbiguousLooseFile,
    WrongAccount,

    /// <summary>More files in one part than are read; see <see cref="ArchiveLimits"/>.</summary>
    ReaderLimit,
}

/// <summary>Something that went wrong, or that a person should know. <paramref name="Message"/> says what and, where it helps, what to do.</summary>
public sealed record TakeoutFinding(FindingKind Kind, string? Part, string? Path, string Message)
{
    /// <summary>Whether something of the library is missing because of this.</summary>
    public bool LosesData => Kind is FindingKind.DamagedPart or FindingKind.ChangedPart or FindingKind.DamagedEntry or FindingKind.TooLarge or FindingKind.MissingPart
        or FindingKind.MissingFile or FindingKind.FailedByGoogle or FindingKind.StillDownloading or FindingKind.ReaderLimit;
}

/// <summary>An entry's content is not what the archive promised. The bytes read so far must be thrown away.</summary>
public sealed class TakeoutDamageException : IOException
{
    public TakeoutDamageException(TakeoutFinding finding, Exception? inner = null)
        : base(finding.Message, inner) => Finding = finding;

    public TakeoutFinding Finding { get; }

    /// <summary>What an archive does to its reader by being broken, in contrast to a storage that does not answer.</summary>
    internal static bool IsDamage(Exception exception) => exception is InvalidDataException or EndOfStreamException or ArchiveChangedException;
}

internal sealed class FindingList(ArchiveLimits limits)
{
    private readonly List<TakeoutFinding> _findings = [];

    internal IReadOnlyList<TakeoutFinding> Items => _findings;

    internal long Dropped { get; private set; }

    internal void Add(FindingKind kind, string? part, string? path, string message) => Add(new TakeoutFinding(kind, part, path, message));

    internal void Add(TakeoutFinding finding)
    {
        if (_findings.Count < limits.MaxFindings)
        {
            _findings.Add(finding);
        }
        else
        {
            Dropped++;
        }
    }
}
