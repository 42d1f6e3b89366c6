using GooglePhotos.Takeout.Pairing;
using GooglePhotos.Takeout.Sidecars;

namespace GooglePhotos.Takeout.Library;

/// <summary>One photo or video, with all its files and all the places where the export shows it.</summary>
public sealed class TakeoutItem
{
    /// <summary>The sidecar's url: the identity across exports. Null when there is none; then content decides (<c>sha256:</c>), which only the reader of the bytes knows.</summary>
    public string? Url => Sidecar?.Url;

    /// <summary>The sidecar of the year folder where there is one, else of the first album; null for a file that nothing describes.</summary>
    public SidecarIdentity? Sidecar { get; internal set; }

    /// <summary>The entry of <see cref="Sidecar"/>, or −1.</summary>
    public int SidecarEntry { get; internal set; } = -1;

    /// <summary>The main file first. Files of one role with different content are separate; copies of one content are one.</summary>
    public IReadOnlyList<TakeoutItemFile> Files { get; private set; } = [];

    /// <summary>Indexes into <see cref="TakeoutLibrary.Albums"/>.</summary>
    public IReadOnlyList<int> Albums { get; private set; } = [];

    public PairRank Rank { get; internal set; }

    public PairReason Reason { get; internal set; }

    /// <summary>The year of the photo's time in UTC, else of the year folder that holds it; null when neither tells.</summary>
    public int? Year { get; internal set; }

    /// <summary>The sidecar says so, or it lies in the bin's folder.</summary>
    public bool Trashed { get; internal set; }

    /// <summary>Google could not process this video; the file may be all there is.</summary>
    public bool InFailedVideos { get; internal set; }

    // Arrays that grow by one: nearly all items have one file and no album.
    internal void Add(TakeoutItemFile file) => Files = Append(Files, file);

    internal void AddAlbum(int album)
    {
        if (!Albums.Contains(album))
        {
            Albums = Append(Albums, album);
        }
    }

    internal static T[] Append<T>(IReadOnlyList<T> list, T last)
    {
        T[] longer = new T[list.Count + 1];
        for (int i = 0; i < list.Count; i++)
        {
            longer[i] = list[i];
        }

        longer[^1] = last;
        return longer;
    }
}

/// <summary>One content of an item.</summary>
public sealed class TakeoutItemFile
{
    public required FileRole Role { get; init; }

    /// <summary>Entry ids with this content, the one in the year folder first. Where no checksum is known, copies are told by size.</summary>
    public IReadOnlyList<int> Entries { get; private set; } = [];

    /// <summary>How this file found its item.</summary>
    public PairReason Reason { get; init; }

    public PairRank Rank { get; init; }

    internal void Add(int entry) => Entries = TakeoutItem.Append(Entries, entry);
}

/// <summary>An album folder.</summary>
public sealed class TakeoutAlbum
{
    public required string Folder { get; init; }

    public required string Title { get; init; }

    /// <summary>The entry of its JSON, or −1.</summary>
    public int MetadataEntry { get; init; }

    public AlbumMetadata? Metadata { get; init; }

    /// <summary>Item indexes in the order that exports allow to know: by time taken, then name. Takeout names neither order nor cover.</summary>
    public IReadOnlyList<int> Items { get; internal set; } = [];
}

/// <summary>What one export holds, joined: items, albums, and what is left over.</summary>
public sealed class TakeoutLibrary
{
    private TakeoutLibrary(PairingResult pairing, IReadOnlyList<TakeoutItem> items, IReadOnlyList<TakeoutAlbum> albums, IReadOnlyList<IReadOnlyList<int>> stacks)
    {
        Pairing = pairing;
        Items = items;
        Albums = albums;
        Stacks = stacks;
    }

    /// <summary>File by file; indexes are entry ids.</summary>
    public PairingResult Pairing { get; }

    /// <summary>Sorted by time taken, then name; those without a time last.</summary>
    public IReadOnlyList<TakeoutItem> Items { get; }

    public IReadOnlyList<TakeoutAlbum> Albums { get; }

    /// <summary>Items that were one shot: bursts, RAW and JPEG. Item indexes.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Stacks { get; }

    internal static TakeoutLibrary Build(IReadOnlyList<TakeoutEntry> entries, PairingResult pairing)
    {
        Builder builder = new(entries, pairing);
        builder.AddMedia();
        builder.AddAlbums();
        return builder.Finish();
    }

    private sealed class Builder(IReadOnlyList<TakeoutEntry> entries, PairingResult pairing)
    {
        private readonly Dictionary<CompactText, TakeoutItem> _byUrl = [];
        private readonly Dictionary<(string Title, long Taken, long Size), TakeoutItem> _byTitle = [];
        private readonly Dictionary<(string Name, long Size, uint Crc), TakeoutItem> _byContent = [];
        private readonly Dictionary<(string Title, long Taken), TakeoutItem?> _byTitleOnly = [];
        private readonly TakeoutItem?[] _itemOf = new TakeoutItem?[entries.Count];
        private readonly List<TakeoutItem> _items = [];
        private readonly List<TakeoutAlbum> _albums = [];

        internal void AddMedia()
        {
            // Year folders first, so that their files and sidecars lead; ids keep the rest in order.
            int[] primaries = [.. Enumerable.Range(0, entries.Count)
                .Where(i => pairing.Verdicts[i].Kind == FileKind.Media && pairing.Verdicts[i].Primary == i)
                .OrderBy(i => pairing.YearFolders.ContainsKey(entries[i].Folder) ? 0 : 1)];
            foreach (int index in primaries)
            {
                Place(index, null);
            }

            for (int i = 0; i < entries.Count; i++)
            {
                FileVerdict verdict = pairing.Verdicts[i];
                if (verdict.Kind == FileKind.Media && verdict.Primary != i)
                {
                    Place(i, _itemOf[verdict.Primary]);
                }
            }
        }

        internal void AddAlbums()
        {
            Dictionary<string, int> byFolder = new(StringComparer.Ordinal);
            foreach (PairedAlbum album in pairing.Albums)
            {
                byFolder[album.Folder] = _albums.Count;
                _albums.Add(new TakeoutAlbum
                {
                    Folder = album.Folder,
                    Title = album.Title,
                    MetadataEntry = album.Metadata,
                    Metadata = album.Metadata < 0 ? null : ((TakeoutJson.OfAlbum)entries[album.Metadata].Json!).Album,
                });
            }

            for (int i = 0; i < entries.Count; i++)
            {
                if (!byFolder.TryGetValue(entries[i].Folder, out int album))
                {
                    continue;
                }

                // A sidecar without its file puts the item of the year folder into the album.
                TakeoutItem? item = pairing.Verdicts[i].Kind switch
                {
                    FileKind.Media => _itemOf[i],
                    FileKind.Sidecar => Describe(i) is { UrlKey: { IsNull: false } url }
                        ? _byUrl.GetValueOrDefault(url)
                        : _byTitleOnly.GetValueOrDefault((Describe(i)!.Title, Describe(i)!.TakenSeconds ?? long.MinValue)),
                    _ => null,
                };
                item?.AddAlbum(album);
            }
        }

        internal TakeoutLibrary Finish()
        {
            _items.Sort((a, b) => Compare(a, b));
            List<int>[] members = [.. _albums.Select(_ => new List<int>())];
            Dictionary<TakeoutItem, int> indexes = pairing.Stacks.Count > 0 ? new(_items.Count) : [];
            for (int i = 0; i < _items.Count; i++)
            {
                foreach (int album in _items[i].Albums)
                {
                    members[album].Add(i);
                }

                if (pairing.Stacks.Count > 0)
                {
                    indexes[_items[i]] = i;
                }
            }

            for (int i = 0; i < members.Length; i++)
            {
                _albums[i].Items = members[i];
            }

            List<IReadOnlyList<int>> stacks = [];
            HashSet<string> seen = new(StringComparer.Ordinal);
            foreach (PairedStack stack in pairing.Stacks)
            {
                int[] items = [.. stack.Files.Select(f => _itemOf[f]).OfType<TakeoutItem>().Select(i => indexes[i]).Distinct().Order()];
                if (items.Length > 1 && seen.Add(string.Join(' ', items)))
                {
                    stacks.Add(items);
                }
            }

            return new TakeoutLibrary(pairing, _items, _albums, stacks);
        }

        private int Compare(TakeoutItem a, TakeoutItem b)
        {
            int order = (a.Sidecar?.TakenSeconds ?? long.MaxValue).CompareTo(b.Sidecar?.TakenSeconds ?? long.MaxValue);
            if (order == 0)
            {
                order = string.CompareOrdinal(entries[a.Files[0].Entries[0]].Name, entries[b.Files[0].Entries[0]].Name);
            }

            return order != 0 ? order : a.Files[0].Entries[0].CompareTo(b.Files[0].Entries[0]);
        }

        private void Place(int index, TakeoutItem? item)
        {
            TakeoutEntry entry = entries[index];
            FileVerdict verdict = pairing.Verdicts[index];
            SidecarIdentity? sidecar = verdict.Sidecar < 0 ? null : Describe(verdict.Sidecar);
            item ??= Find(entry, sidecar);
            if (item is null)
            {
                item = new TakeoutItem { Rank = verdict.Rank, Reason = verdict.Reason };
                _items.Add(item);
            }

            _itemOf[index] = item;
            if (sidecar is not null)
            {
                if (item.Sidecar is null)
                {
                    item.Sidecar = sidecar;
                    item.SidecarEntry = verdict.Sidecar;
                    item.Rank = verdict.Rank;
                    item.Reason = verdict.Reason;
                }

                Remember(item, sidecar, entry);
            }
            else if (item.Sidecar is null && entry.Crc32 is { } crc)
            {
                _byContent.TryAdd((entry.Name, entry.Size, crc), item);
            }

            string folder = entry.Folder[(entry.Folder.LastIndexOf('/') + 1)..];
            item.Trashed |= sidecar is { Trashed: true } || FolderNames.IsTrash(folder);
            item.InFailedVideos |= FolderNames.IsFailedVideos(folder);
            item.Year ??= item.Sidecar?.TakenAt?.UtcDateTime.Year
                ?? (pairing.YearFolders.TryGetValue(entry.Folder, out int year) ? year : null);
            if (item.Sidecar?.TakenAt is { } taken)
            {
                item.Year = taken.UtcDateTime.Year;
            }

            AddFile(item, index, entry, verdict);
        }

        private TakeoutItem? Find(TakeoutEntry entry, SidecarIdentity? sidecar)
        {
            if (sidecar is { UrlKey: { IsNull: false } url })
            {
                return _byUrl.GetValueOrDefault(url);
            }

            return sidecar is not null
                ? _byTitle.GetValueOrDefault((sidecar.Title, sidecar.TakenSeconds ?? long.MinValue, entry.Size))
                : entry.Crc32 is { } crc ? _byContent.GetValueOrDefault((entry.Name, entry.Size, crc)) : null;
        }

        private void Remember(TakeoutItem item, SidecarIdentity sidecar, TakeoutEntry entry)
        {
            if (sidecar.UrlKey is { IsNull: false } url)
            {
                _byUrl.TryAdd(url, item);
            }
            else
            {
                _byTitle.TryAdd((sidecar.Title, sidecar.TakenSeconds ?? long.MinValue, entry.Size), item);
            }

            (string, long) key = (sidecar.Title, sidecar.TakenSeconds ?? long.MinValue);
            if (!_byTitleOnly.TryAdd(key, item) && _byTitleOnly[key] != item)
            {
                _byTitleOnly[key] = null;
            }
        }

        private void AddFile(TakeoutItem item, int index, TakeoutEntry entry, FileVerdict verdict)
        {
            foreach (TakeoutItemFile file in item.Files)
            {
                TakeoutEntry known = entries[file.Entries[0]];
                bool same = file.Role == verdict.Role && known.Size == entry.Size
                    && (known.Crc32 is null || entry.Crc32 is null || known.Crc32 == entry.Crc32)
                    && MediaTypes.OfName(known.Name) == MediaTypes.OfName(entry.Name);
                if (same)
                {
                    file.Add(index);
                    return;
                }
            }

            TakeoutItemFile added = new() { Role = verdict.Role, Reason = verdict.Reason, Rank = verdict.Rank };
            added.Add(index);
            item.Add(added);
        }

        private SidecarIdentity? Describe(int sidecar) => entries[sidecar].Json is TakeoutJson.OfMedia { Sidecar: var facts } ? facts : null;
    }
}
