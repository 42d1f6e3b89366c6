using GooglePhotos.Takeout.Exports;
using GooglePhotos.Takeout.Pairing;
using GooglePhotos.Takeout.Sidecars;

namespace GooglePhotos.Takeout.Library;

/// <summary>One file inside an export. Kept compact: a library has hundreds of thousands.</summary>
public sealed class TakeoutEntry : IPairingFile
{
    private readonly EntryPlace _place;
    private readonly int _name;
    private readonly long _modifiedTicks;
    private long _mediaTicks;
    private uint _crc;
    private bool _crcKnown;

    internal TakeoutEntry(EntryPlace place, string name)
    {
        _place = place;
        _name = place.Names.Add(name);
        IsJson = name.EndsWith(".json", StringComparison.OrdinalIgnoreCase);
        IsPage = name.EndsWith(".html", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".htm", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Counts from 0 within its export; an index into <see cref="TakeoutExport.Entries"/> and the caller's own tables.</summary>
    public required int Id { get; init; }

    public TakeoutPart Part => _place.Part;

    /// <summary>Inside the export, '/'-separated, harmless; "" for a file beside the parts.</summary>
    public string Folder => _place.Folder;

    /// <summary>A new string each time.</summary>
    public string Name => _place.Names.Read(_name);

    /// <summary>Unpacked bytes, as the archive promises.</summary>
    public required long Size { get; init; }

    /// <summary>From the zip's directory, or computed while a tgz was read; null before that and for loose and unpacked files.</summary>
    public uint? Crc32
    {
        get => _crcKnown ? _crc : null;
        internal set => (_crc, _crcKnown) = (value ?? 0, value.HasValue);
    }

    /// <summary>In exports this is the time of the export, not of the photo.</summary>
    public DateTimeOffset Modified
    {
        get => new(_modifiedTicks, TimeSpan.Zero);
        init => _modifiedTicks = value.UtcTicks;
    }

    /// <summary>What it holds when it is JSON and was read.</summary>
    public TakeoutJson? Json { get; internal set; }

    /// <summary>The MIME type that its first bytes show, once it was read; null when unknown.</summary>
    public string? MimeType { get; internal set; }

    public bool Damaged { get; internal set; }

    public string Path => Folder.Length == 0 ? Name : Folder + "/" + Name;

    internal long HeaderOffset { get; init; }

    internal long CompressedSize { get; init; }

    internal ushort Method { get; init; }

    internal ushort Flags { get; init; }

    internal DateTimeOffset? MediaTime
    {
        get => _mediaTicks == 0 ? null : new(_mediaTicks, TimeSpan.Zero);
        set => _mediaTicks = value?.UtcTicks ?? 0;
    }

    /// <summary>What reading its bytes told so far.</summary>
    public EntryFacts Facts => new(Crc32, MimeType, MediaTime);

    int? IPairingFile.PartNumber => Part.IsIndex ? null : Part.Number;

    DateTimeOffset? IPairingFile.MediaTime => MediaTime;

    bool IPairingFile.KnownMediaBytes => MimeType is not null;

    internal bool HeadRead { get; set; }

    internal bool IsJson { get; }

    internal bool IsPage { get; }
}

/// <summary>What is known of an entry only when its bytes were read, and what telling its item from others may need.</summary>
public sealed record EntryFacts(uint? Crc32, string? MimeType, DateTimeOffset? MediaTime);
