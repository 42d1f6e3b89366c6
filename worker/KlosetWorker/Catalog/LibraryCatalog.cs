using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using System.Text.Json;
using Kloset.Snapshots;

namespace KlosetWorker.Catalog;

/// <summary>
/// The catalog while a backup works on it. The lines lie in a file of the cache; memory holds only hashes and positions, about a hundred
/// bytes an item, so it does not grow with what the items say of themselves.
/// </summary>
internal sealed class LibraryCatalog : IFolderNames, IDisposable
{
    private readonly FileStream _spool;
    private readonly List<Row> _rows = [];
    private readonly Dictionary<ulong, int> _byIdentity = [];
    private readonly Dictionary<ulong, int> _byContent = [];
    private readonly Dictionary<ulong, int> _byEntry = [];
    private readonly Dictionary<ulong, int> _byMoment = [];
    private readonly HashSet<ulong> _names = [];
    private readonly HashSet<ulong> _stems = [];
    private readonly HashSet<ulong> _ownedStems = [];
    private readonly HashSet<int> _touchedYears = [];

    private LibraryCatalog(string cacheFolder)
    {
        Directory.CreateDirectory(cacheFolder);
        var path = Path.Combine(cacheFolder, "kloset-catalog-" + Path.GetRandomFileName());
        _spool = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 64 << 10, FileOptions.DeleteOnClose);
    }

    public int Count { get; private set; }

    /// <summary>Rows of all items, in no particular order.</summary>
    public IEnumerable<int> Rows => Enumerable.Range(0, _rows.Count).Where(row => !IsGone(row));

    public long Files { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>Years whose file must be written anew.</summary>
    public IReadOnlyCollection<int> TouchedYears => _touchedYears;

    /// <param name="snapshot">The lineage's newest one; null begins a new library.</param>
    public static async Task<LibraryCatalog> LoadAsync(Snapshot? snapshot, string cacheFolder, CancellationToken cancellationToken)
    {
        var catalog = new LibraryCatalog(cacheFolder);
        try
        {
            if (snapshot is not null)
            {
                await foreach (var (item, _, line) in CatalogReader.ReadAsync(snapshot, years: null, cancellationToken))
                {
                    catalog.Index(catalog.Append(item, line.Span), item);
                }
            }

            return catalog;
        }
        catch
        {
            catalog.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Makes room for so many more items at once: tables that grow by doubling leave their smaller selves behind, and end up to half empty.
    /// </summary>
    /// <param name="files">How many files the items have together.</param>
    public void Reserve(int items, int files)
    {
        _rows.EnsureCapacity(_rows.Count + items);
        _byIdentity.EnsureCapacity(_byIdentity.Count + items);
        _byMoment.EnsureCapacity(_byMoment.Count + items);
        _byContent.EnsureCapacity(_byContent.Count + files);
        _byEntry.EnsureCapacity(_byEntry.Count + files);
        _names.EnsureCapacity(_names.Count + (2 * files)); // each with a sidecar
        _stems.EnsureCapacity(_stems.Count + files);
    }

    public CatalogItem Read(int row)
    {
        var (offset, length, _, _) = _rows[row];
        var line = new byte[length];
        _spool.Position = offset;
        _spool.ReadExactly(line);
        return CatalogReader.Parse(line, CatalogPaths.Folder);
    }

    public int Add(CatalogItem item)
    {
        var row = Append(item, JsonSerializer.SerializeToUtf8Bytes(item, CatalogJson.Readable.CatalogItem));
        Index(row, item);
        _touchedYears.Add(_rows[row].Year);
        return row;
    }

    /// <param name="before">What <see cref="Read"/> gave for the row.</param>
    public void Update(int row, CatalogItem before, CatalogItem item)
    {
        Files -= before.Files.Count;
        Bytes -= before.Files.Sum(file => file.Size);
        _touchedYears.Add(_rows[row].Year);
        _rows[row] = Place(item, JsonSerializer.SerializeToUtf8Bytes(item, CatalogJson.Readable.CatalogItem));
        _touchedYears.Add(_rows[row].Year);
        Index(row, item);
    }

    /// <summary>Takes an item out: another one was found to be the same, and has its identities from now on.</summary>
    public void Remove(int row, CatalogItem item)
    {
        Files -= item.Files.Count;
        Bytes -= item.Files.Sum(file => file.Size);
        Count--;
        _touchedYears.Add(_rows[row].Year);
        _rows[row] = default;
    }

    /// <summary>By identity or alias.</summary>
    public int? FindIdentity(string id) => Find(_byIdentity, Hash(id));

    /// <summary>An item that has this content and was taken at this time.</summary>
    public int? FindContent(string sha256, DateTimeOffset? taken) =>
        Find(_byContent, ContentKey(sha256, taken)) is { } row && Read(row).Files.Any(file => file.Sha256 == sha256) ? row : null;

    /// <summary>An item of this title that was taken in this second.</summary>
    public int? FindMoment(string title, DateTimeOffset taken) => Find(_byMoment, MomentKey(title, taken));

    /// <summary>The file that an archive entry of this name, size and CRC-32 is, when it is held already.</summary>
    public (int Row, CatalogFile File)? FindEntry(string name, long size, string crc32)
    {
        if (Find(_byEntry, EntryKey(name, size, crc32)) is not { } row)
        {
            return null;
        }

        return Read(row).Files.FirstOrDefault(file => file.Size == size && file.Crc32 == crc32) is { } found ? (row, found) : null;
    }

    public bool IsTaken(EntryPath folder, string name) => _names.Contains(NameKey(folder, name));

    public StemUse UseOf(EntryPath folder, string stem)
    {
        var key = NameKey(folder, stem);
        return _ownedStems.Contains(key) ? StemUse.Owned : _stems.Contains(key) ? StemUse.Shared : StemUse.Free;
    }

    /// <summary>Keeps a name free of others from now on.</summary>
    public void Take(EntryPath folder, string name) => _names.Add(NameKey(folder, name));

    /// <summary>Writes a year's items, sorted by time taken, then identity. Nothing is written for a year that has none.</summary>
    /// <returns>How many there are.</returns>
    public int WriteYear(int year, Stream output)
    {
        var lines = new List<(long Taken, int Row)>();
        for (var row = 0; row < _rows.Count; row++)
        {
            if (_rows[row].Year == year && !IsGone(row))
            {
                lines.Add((_rows[row].Taken, row));
            }
        }

        lines.Sort();
        for (var start = 0; start < lines.Count;)
        {
            var end = start + 1;
            while (end < lines.Count && lines[end].Taken == lines[start].Taken)
            {
                end++;
            }

            var together = lines.GetRange(start, end - start).Select(line => line.Row);
            foreach (var row in end - start == 1 ? together : together.OrderBy(row => Read(row).Id, StringComparer.Ordinal))
            {
                var (offset, length, _, _) = _rows[row];
                var line = new byte[length + 1];
                _spool.Position = offset;
                _spool.ReadExactly(line.AsSpan(0, length));
                line[length] = (byte)'\n';
                output.Write(line);
            }

            start = end;
        }

        return lines.Count;
    }

    /// <summary>Items by the year they were taken; 0 for those without a time.</summary>
    public IEnumerable<(int Year, int Count)> CountByYear() =>
        _rows.Where(row => row is { Year: not 0, Length: not 0 }).GroupBy(row => row.Year).Select(year => (year.Key, year.Count()));

    /// <summary>The years' files are written.</summary>
    public void Saved() => _touchedYears.Clear();

    /// <summary>All items, in no particular order.</summary>
    public IEnumerable<CatalogItem> ReadAll()
    {
        foreach (var row in Rows)
        {
            yield return Read(row);
        }
    }

    public void Dispose() => _spool.Dispose();

    private int Append(CatalogItem item, ReadOnlySpan<byte> line)
    {
        _rows.Add(Place(item, line));
        Count++;
        return _rows.Count - 1;
    }

    private Row Place(CatalogItem item, ReadOnlySpan<byte> line)
    {
        _spool.Position = _spool.Length;
        var offset = _spool.Position;
        _spool.Write(line);
        return new(offset, line.Length, item.Taken?.UtcDateTime.Year ?? 0, item.Taken?.ToUnixTimeSeconds() ?? 0);
    }

    private void Index(int row, CatalogItem item)
    {
        _byIdentity[Hash(item.Id)] = row;
        foreach (var alias in item.Aliases ?? [])
        {
            Point(_byIdentity, Hash(alias), row);
        }

        foreach (var file in item.Files)
        {
            Files++;
            Bytes += file.Size;
            Point(_byContent, ContentKey(file.Sha256, item.Taken), row);
            foreach (var path in file.Paths)
            {
                var place = EntryPath.Parse(path);
                Take(place.Parent, place.Name);
                Point(_byEntry, EntryKey(place.Name, file.Size, file.Crc32), row);
            }

            foreach (var name in file.EntryNames ?? [])
            {
                Point(_byEntry, EntryKey(name, file.Size, file.Crc32), row);
            }
        }

        if (item is { Title: { } title, Taken: { } taken })
        {
            Point(_byMoment, MomentKey(title, taken), row);
        }

        foreach (var path in (item.Sidecars ?? []).SelectMany(sidecar => sidecar.Paths))
        {
            var place = EntryPath.Parse(path);
            Take(place.Parent, place.Name);
        }

        foreach (var (folder, stem, owned) in ItemNames.StemsOf(item))
        {
            (owned ? _ownedStems : _stems).Add(NameKey(folder, stem));
        }
    }

    /// <summary>The first item keeps a key for as long as it is there.</summary>
    private void Point(Dictionary<ulong, int> index, ulong key, int row)
    {
        if (!index.TryAdd(key, row) && IsGone(index[key]))
        {
            index[key] = row;
        }
    }

    private bool IsGone(int row) => _rows[row].Length == 0;

    private int? Find(Dictionary<ulong, int> index, ulong key) => index.TryGetValue(key, out var row) && !IsGone(row) ? row : null;

    private static ulong MomentKey(string title, DateTimeOffset taken) =>
        Hash(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{taken.ToUnixTimeSeconds()}/{TreeNames.Fold(title)}"));

    private static ulong Hash(string text) => XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(text));

    // What is found of a content or an entry is compared: two of one key would at worst be read once more.
    private static ulong ContentKey(string sha256, DateTimeOffset? taken) => Hash($"{sha256}@{taken?.ToUnixTimeSeconds()}");

    private static ulong EntryKey(string name, long size, string crc32)
    {
        var bytes = Encoding.UTF8.GetBytes(name.IsNormalized() ? name : name.Normalize());
        Span<byte> key = stackalloc byte[bytes.Length + 8 + crc32.Length];
        bytes.CopyTo(key);
        BinaryPrimitives.WriteInt64LittleEndian(key[bytes.Length..], size);
        Encoding.ASCII.GetBytes(crc32, key[(bytes.Length + 8)..]);
        return XxHash3.HashToUInt64(key);
    }

    private static ulong NameKey(EntryPath folder, string name) => Hash(folder + "/" + TreeNames.Fold(name));

    private readonly record struct Row(long Offset, int Length, int Year, long Taken);
}
