namespace GooglePhotosEmulator.Library;

/// <summary>One place in an album: a media item or an enrichment.</summary>
public abstract record AlbumEntry(string Id)
{
    public sealed record Item(string Id) : AlbumEntry(Id);

    public sealed record Text(string Id, string Content) : AlbumEntry(Id);

    public sealed record Location(string Id, string Name, double Latitude, double Longitude) : AlbumEntry(Id);

    public sealed record Map(string Id, string Origin, string Destination) : AlbumEntry(Id);
}

/// <summary>Where in an album something is put.</summary>
internal abstract record AlbumPosition
{
    public sealed record First : AlbumPosition;

    public sealed record Last : AlbumPosition;

    public sealed record After(string EntryId) : AlbumPosition;
}

public sealed class Album
{
    private readonly List<AlbumEntry> _entries = [];
    private readonly HashSet<string> _items = new(StringComparer.Ordinal);

    internal Album(string id, string title, string? clientId)
    {
        Id = id;
        Title = title;
        ClientId = clientId;
    }

    public string Id { get; }

    public string Title { get; set; }

    /// <summary>The client that made it; null when the person did.</summary>
    public string? ClientId { get; }

    /// <summary>Id of the cover that was chosen; null takes the first item.</summary>
    public string? CoverItemId { get; set; }

    /// <summary>Items and enrichments in order.</summary>
    public IReadOnlyList<AlbumEntry> Entries => _entries;

    public IEnumerable<string> ItemIds => _entries.OfType<AlbumEntry.Item>().Select(item => item.Id);

    public int Count => _items.Count;

    internal bool Contains(string itemId) => _items.Contains(itemId);

    /// <summary>Adds what is not in it yet; order is kept.</summary>
    internal void Insert(AlbumPosition position, IReadOnlyList<AlbumEntry> entries)
    {
        var fresh = entries.Where(entry => entry is not AlbumEntry.Item || _items.Add(entry.Id)).ToList();
        _entries.InsertRange(IndexOf(position), fresh);
    }

    internal bool Knows(string entryId, bool item) => _entries.Any(entry => entry.Id == entryId && entry is AlbumEntry.Item == item);

    internal void Remove(IReadOnlySet<string> itemIds)
    {
        _entries.RemoveAll(entry => entry is AlbumEntry.Item && itemIds.Contains(entry.Id));
        _items.ExceptWith(itemIds);
        if (CoverItemId is { } cover && itemIds.Contains(cover))
        {
            CoverItemId = null;
        }
    }

    private int IndexOf(AlbumPosition position) => position switch
    {
        AlbumPosition.First => 0,
        AlbumPosition.After after => _entries.FindIndex(entry => entry.Id == after.EntryId) + 1,
        _ => _entries.Count,
    };
}
