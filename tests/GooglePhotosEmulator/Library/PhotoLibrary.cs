using System.Collections.Concurrent;
using System.Security.Cryptography;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Media;

namespace GooglePhotosEmulator.Library;

/// <summary>
/// A person's photos. Inside one library an item is its bytes: the same bytes make no second item, whoever sends them, and keep the first name.
/// </summary>
public sealed class PhotoLibrary
{
    private readonly ConcurrentDictionary<string, MediaItem> _everywhere;
    private readonly TokenMint _mint;
    private readonly TimeProvider _time;
    private readonly EmulatorOptions _options;
    private readonly Dictionary<string, MediaItem> _byHash = new(StringComparer.Ordinal);
    private readonly List<MediaItem> _items = [];
    private readonly Dictionary<string, List<MediaItem>> _byClient = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (long Version, MediaItem[] Items)> _byTime = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Album> _albums = new(StringComparer.Ordinal);
    private readonly List<Album> _albumOrder = [];
    private long _version;
    private long _bytes;

    internal PhotoLibrary(string owner, TokenMint mint, TimeProvider time, EmulatorOptions options, ConcurrentDictionary<string, MediaItem> everywhere)
    {
        Owner = owner;
        _mint = mint;
        _time = time;
        _options = options;
        _everywhere = everywhere;
    }

    public string Owner { get; }

    /// <summary>Bytes that count against the person's storage.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>All items in the order of their arrival.</summary>
    public IReadOnlyList<MediaItem> Items
    {
        get
        {
            lock (Gate)
            {
                return [.. _items];
            }
        }
    }

    public IReadOnlyList<Album> Albums
    {
        get
        {
            lock (Gate)
            {
                return [.. _albumOrder];
            }
        }
    }

    internal Lock Gate { get; } = new();

    /// <summary>Puts a file in.</summary>
    /// <param name="client">The client that uploads it; null is the person's phone, and no client sees it.</param>
    /// <exception cref="ArgumentException">When the bytes are neither photo nor video.</exception>
    public MediaItem Add(string fileName, byte[] bytes, OAuthClient? client = null, string description = "") =>
        Add(fileName, Content.Of(bytes), client?.Id, description)?.Item ?? throw new ArgumentException($"{fileName} is neither a photo nor a video.", nameof(bytes));

    /// <summary>Puts all photos and videos below a folder in; a folder with a name becomes an album of the client.</summary>
    /// <returns>How many files were taken.</returns>
    public int AddFolder(string folder, OAuthClient? client = null)
    {
        var taken = 0;
        foreach (var group in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).GroupBy(path => Path.GetDirectoryName(path)!))
        {
            var items = new List<MediaItem>();
            foreach (var path in group)
            {
                if (new FileInfo(path).Length > 0 && Add(Path.GetFileName(path), Content.OfFile(path), client?.Id, "") is { } added)
                {
                    items.Add(added.Item);
                }
            }

            taken += items.Count;
            if (items.Count > 0 && Path.GetRelativePath(folder, group.Key) is var relative and not ".")
            {
                AddAlbum(relative, items, client);
            }
        }

        return taken;
    }

    public Album AddAlbum(string title, IEnumerable<MediaItem> items, OAuthClient? client = null)
    {
        lock (Gate)
        {
            var album = CreateAlbum(title, client?.Id);
            album.Insert(new AlbumPosition.Last(), [.. items.Select(item => new AlbumEntry.Item(item.Id))]);
            return album;
        }
    }

    /// <summary>The person deletes a photo.</summary>
    public void Delete(MediaItem item)
    {
        lock (Gate)
        {
            item.Deleted = true;
            _version++;
            _items.Remove(item);
            _byHash.Remove(item.Sha1Hex);
            foreach (var mine in _byClient.Values)
            {
                mine.Remove(item);
            }

            foreach (var album in _albumOrder)
            {
                album.Remove(new HashSet<string> { item.Id });
            }

            Interlocked.Add(ref _bytes, -item.Size);
        }
    }

    /// <summary>The person deletes an album; its photos stay.</summary>
    public void Delete(Album album)
    {
        lock (Gate)
        {
            _albums.Remove(album.Id);
            _albumOrder.Remove(album);
        }
    }

    /// <returns>Null when the bytes are neither photo nor video; else the item, and whether it is new.</returns>
    internal (MediaItem Item, bool New)? Add(string fileName, Content content, string? clientId, string description)
    {
        var sha1 = content.Hash(HashAlgorithmName.SHA1);
        var hash = Convert.ToHexStringLower(sha1);
        lock (Gate)
        {
            if (_byHash.TryGetValue(hash, out var present))
            {
                if (clientId is not null && _options.MergedItemsAreVisible)
                {
                    MakeVisible(present, clientId);
                }

                return (present, false);
            }
        }

        var facts = MediaFacts.Read(content, fileName);
        if (facts is null)
        {
            return null;
        }

        lock (Gate)
        {
            if (_byHash.TryGetValue(hash, out var present))
            {
                return (present, false); // another request was faster
            }

            var now = _time.GetUtcNow();
            var item = new MediaItem(_mint.Opaque("item", $"{Owner}/{hash}/{_version}", 80), ++_version, Owner, content, sha1, facts, fileName, now, StatusOf) { Description = description };
            _byHash[hash] = item;
            _items.Add(item);
            _everywhere[item.Id] = item;
            Interlocked.Add(ref _bytes, item.Size);
            if (clientId is not null)
            {
                MakeVisible(item, clientId);
            }

            return (item, true);
        }
    }

    internal bool Holds(byte[] sha1)
    {
        lock (Gate)
        {
            return _byHash.ContainsKey(Convert.ToHexStringLower(sha1));
        }
    }

    /// <summary>Needs the gate.</summary>
    internal Album CreateAlbum(string title, string? clientId)
    {
        var album = new Album(_mint.Opaque("album", 80), title, clientId);
        _albums[album.Id] = album;
        _albumOrder.Add(album);
        return album;
    }

    /// <summary>Needs the gate.</summary>
    internal Album? FindAlbum(string id) => _albums.GetValueOrDefault(id);

    internal MediaItem? Find(string id) => _everywhere.TryGetValue(id, out var item) && item.Owner == Owner && !item.Deleted ? item : null;

    /// <summary>Needs the gate. What a client uploaded, oldest arrival first.</summary>
    internal IReadOnlyList<MediaItem> Of(string clientId) => _byClient.TryGetValue(clientId, out var mine) ? mine : [];

    /// <summary>Needs the gate. What a client uploaded, last taken first.</summary>
    internal MediaItem[] ByTime(string clientId)
    {
        if (_byTime.TryGetValue(clientId, out var sorted) && sorted.Version == _version)
        {
            return sorted.Items;
        }

        var items = Of(clientId).OrderByDescending(item => item.Created).ThenByDescending(item => item.Sequence).ToArray();
        _byTime[clientId] = (_version, items);
        return items;
    }

    private void MakeVisible(MediaItem item, string clientId)
    {
        if (item.CreatedBy.Contains(clientId))
        {
            return;
        }

        item.CreatedBy = item.CreatedBy.Add(clientId);
        _version++;
        if (!_byClient.TryGetValue(clientId, out var mine))
        {
            _byClient[clientId] = mine = [];
        }

        // a listing pages by the order of arrival, so an item that becomes visible later goes to its place
        var at = mine.Count;
        while (at > 0 && mine[at - 1].Sequence > item.Sequence)
        {
            at--;
        }

        mine.Insert(at, item);
    }

    private VideoStatus StatusOf(MediaItem item) =>
        item.VideoFails ? VideoStatus.Failed : _time.GetUtcNow() >= item.Uploaded + _options.VideoProcessing ? VideoStatus.Ready : VideoStatus.Processing;
}
