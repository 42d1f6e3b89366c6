using KlosetWorker.Catalog;
using KlosetWorker.Contract;

namespace KlosetWorker.Restoring.GoogleLibrary;

/// <summary>
/// What a restore puts into a Google Photos library. The same snapshot, selection and edition give the same plan, whatever was done of it already.
/// </summary>
internal sealed record UploadPlan
{
    /// <summary>In the order of the upload: by the time they were taken, then by content.</summary>
    public required IReadOnlyList<PlannedItem> Items { get; init; }

    public required IReadOnlyList<PlannedAlbum> Albums { get; init; }

    public required IReadOnlyList<string> Losses { get; init; }

    /// <summary>Files that Google does not take: path and why.</summary>
    public required IReadOnlyList<LeftOut> LeftOut { get; init; }

    /// <summary>Items that the account may hold still: unchanged ones are recognised by Google, corrected ones would stand there twice.</summary>
    public required long LikelyDuplicates { get; init; }

    public required UploadCost Cost { get; init; }

    /// <summary>Names the plan: 32 hexadecimal digits.</summary>
    public required string Hash { get; init; }

    public long Bytes => Items.Sum(item => item.Size);

    public RestorePlan ToContract() => new(Items.Count, Bytes, Cost.Days, Hash, Losses.Count > 0 ? [.. Losses.Take(10)] : null, LikelyDuplicates);
}

/// <summary>One upload: a content, and what the library says of it. Contents are planned once, because to Google an item is its bytes.</summary>
internal sealed record PlannedItem
{
    /// <summary>SHA-1 of the content in the repository, hexadecimal; the name of the item in the journal.</summary>
    public required string Key { get; init; }

    /// <summary>A place in the snapshot.</summary>
    public required string Path { get; init; }

    public required long Size { get; init; }

    public required string Mime { get; init; }

    /// <summary>At most 255 characters, no path.</summary>
    public required string FileName { get; init; }

    /// <summary>At most 1,000 characters.</summary>
    public string? Description { get; init; }

    public DateTimeOffset? Taken { get; init; }

    /// <summary>Offset of local time from UTC, when something tells it.</summary>
    public TimeSpan? Zone { get; init; }

    public CatalogPlace? Place { get; init; }
}

/// <param name="Folder">Name of the album's folder in the snapshot.</param>
/// <param name="Text">Stands as text at the album's beginning; Google's albums have no description of their own.</param>
/// <param name="Items">Keys in the order of the album; at most 20,000.</param>
/// <param name="Cover">Key of the cover, when it is known.</param>
internal sealed record PlannedAlbum(string Folder, string Title, string? Text, IReadOnlyList<string> Items, string? Cover);

internal sealed record LeftOut(string Path, string Reason);

/// <param name="Requests">Of the project's quota per day.</param>
/// <param name="Writes">Of the person's quota per minute.</param>
internal sealed record UploadCost(long Requests, long Writes, int Days);
