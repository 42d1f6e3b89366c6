namespace KlosetWorker.Catalog;

/// <summary>`/.kloset/manifest.json`: what the library was made of, and what is known to be missing.</summary>
internal sealed record Manifest
{
    public const int CurrentSchema = 1;
    public const int MostUnmatched = 1000;

    public int Schema { get; init; } = CurrentSchema;

    public required string Account { get; init; }

    public string? RunId { get; init; }

    public DateTimeOffset Time { get; init; }

    /// <summary>False in an anchor, and while something is missing.</summary>
    public bool Complete { get; init; }

    /// <summary>Digest of the listing that is ingested completely; null while something of it is open.</summary>
    public string? IngestedDigest { get; init; }

    public DateTimeOffset? CoveredThrough { get; init; }

    /// <summary>Number of sets in the unbroken chain.</summary>
    public int Chain { get; init; }

    public required ManifestCounts Counts { get; init; }

    public IReadOnlyList<ManifestSet> Sets { get; init; } = [];

    public IReadOnlyList<CatalogAlbum> Albums { get; init; } = [];

    /// <summary>What is known to be missing: parts, entries, holes in the chain. Stays until it is replaced or accepted.</summary>
    public IReadOnlyList<ManifestGap> Missing { get; init; } = [];

    /// <summary>Hash of <see cref="Missing"/>, for accepting it.</summary>
    public string? GapHash { get; init; }

    public IReadOnlyList<string> AcceptedGaps { get; init; } = [];

    /// <summary>Files that are kept but belong to no item: path and why. At most <see cref="MostUnmatched"/> are named.</summary>
    public IReadOnlyList<ManifestNote> Unmatched { get; init; } = [];

    /// <summary>Set while the newest export that looks like all of the library shows far less than is known: nothing is forgotten then.</summary>
    public ManifestShrink? Shrunk { get; init; }

    public IReadOnlyList<string> Warnings { get; init; } = [];

    public ManifestSelection? Selection { get; init; }

    /// <summary>What this kind of source cannot show at all.</summary>
    public IReadOnlyList<string> CannotShow { get; init; } = [];
}

internal sealed record ManifestCounts(long Items, long Files, long Bytes, long Albums, long Unmatched);

/// <summary>One export.</summary>
internal sealed record ManifestSet
{
    public required string Name { get; init; }

    public DateTimeOffset? Time { get; init; }

    /// <summary>full, increment, selection.</summary>
    public required string Kind { get; init; }

    /// <summary>Why it is of this kind.</summary>
    public string? Reason { get; init; }

    /// <summary>proven, assumed, incomplete, pending.</summary>
    public required string Completeness { get; init; }

    /// <summary>Earliest upload among its items that were new: tells a missed export.</summary>
    public DateTimeOffset? OldestNewItem { get; init; }

    /// <summary>The address that its index names; null when there is none.</summary>
    public string? Account { get; init; }

    /// <summary>Digest of its parts' names, sizes and versions.</summary>
    public string? Listing { get; init; }

    /// <summary>Since when, by the worker's clock, it has lain there like that. The clock of a store may be wrong.</summary>
    public DateTimeOffset? ListedSince { get; init; }

    public IReadOnlyList<ManifestPart> Parts { get; init; } = [];
}

internal sealed record ManifestPart
{
    public required string Name { get; init; }

    public required long Size { get; init; }

    /// <summary>Version, etag or checksum of the store, or the time of the last change: what tells that it is still the same.</summary>
    public string? Version { get; init; }

    /// <summary>Everything readable of it is in.</summary>
    public bool Ingested { get; init; }

    public IReadOnlyList<ManifestNote>? Damaged { get; init; }

    /// <summary>Its storage does not hand it out before this time; null when it does.</summary>
    public DateTimeOffset? HeldUntil { get; init; }

    /// <summary>How often its storage refused it in a row.</summary>
    public int? HeldTimes { get; init; }
}

internal sealed record ManifestNote(string Name, string Reason);

/// <param name="Set">The export that showed it.</param>
/// <param name="Known">Items that the library had before.</param>
/// <param name="Shown">Items that the export has.</param>
internal sealed record ManifestShrink(string Set, DateTimeOffset Time, long Known, long Shown);

/// <param name="Kind">part, entry, chain, base, export.</param>
/// <param name="Set">The export that it belongs to.</param>
internal sealed record ManifestGap(string Kind, string Name, string Reason, string? Set = null);

internal sealed record ManifestSelection(IReadOnlyList<string>? IncludeAlbums, IReadOnlyList<string>? ExcludeAlbums, bool IncludeTrashed);

/// <param name="Folder">Name of its folder in the tree; stays when the title changes.</param>
/// <param name="Items">How many items it has.</param>
internal sealed record CatalogAlbum(
    string Folder, string Title, string? Description, long Items, string? Access = null, DateTimeOffset? Date = null, string? Cover = null);

/// <summary>A line of `/.kloset/sightings.ndjson`: exceptions only.</summary>
/// <param name="LastSeen">Name of the last full export that had it.</param>
/// <param name="MissingSince">Time of the first full export that no longer had it.</param>
internal sealed record Sighting(string Id, string? LastSeen, DateTimeOffset MissingSince);
