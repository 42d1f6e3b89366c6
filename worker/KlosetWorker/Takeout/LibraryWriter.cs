using System.Globalization;
using System.Text;
using System.Text.Json;
using GooglePhotos.Takeout.Metadata;
using GooglePhotos.Takeout.Sidecars;
using Kloset;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Writing;
using KlosetWorker.Backups;
using KlosetWorker.Catalog;

namespace KlosetWorker.Takeout;

/// <summary>
/// The library's tree while a run changes it: contents go in as they are read, placements follow from the catalog, and a snapshot can be
/// cut at any time, as an anchor or as the end.
/// </summary>
internal sealed class LibraryWriter(Repository repository, RepositoryWriter writer, LibraryCatalog catalog, Snapshot? basis, BackupRequest request, TimeProvider time) : IAsyncDisposable
{
    private const uint FileMode = 0x1A4; // 0644
    private const uint FolderMode = 0x1ED; // 0755

    /// <summary>Where in <see cref="Contents"/> the objects are that this session stored and that the basis does not show yet, by <see cref="KeyOf"/>.</summary>
    private readonly Dictionary<ulong, RecentContent> _recent = [];

    /// <summary>Objects that were given another path since the basis, and a path at which the basis has them.</summary>
    private readonly Dictionary<ulong, string> _moved = [];
    private readonly HashSet<EntryPath> _folders = [];
    private readonly DateTimeOffset _started = time.GetUtcNow();
    private readonly string _cacheFolder = request.CacheFolder;
    private Snapshot? _basis = basis;
    private OpenCommit? _commit;

    /// <summary>Bytes of contents that no snapshot held before.</summary>
    public long NewBytes { get; private set; }

    public bool HasChanges => _commit is not null;

    public Snapshot? Basis => _basis;

    /// <summary>What is known of contents between their storing and their placing.</summary>
    public ContentSpool Contents { get; } = new(request.CacheFolder);

    /// <param name="sidecar">What it says, when it is one.</param>
    /// <returns>Where in <see cref="Contents"/> it lies.</returns>
    public async Task<long> StoreAsync(
        Stream stream, string fileName, Func<string?> mime, bool isMedia, Sidecar? sidecar, Action<int>? progress, CancellationToken cancellationToken)
    {
        using var digests = new ContentDigests();
        using var probe = isMedia ? new MediaProbe() : null;
        var stored = await writer.WriteObjectAsync(
            stream,
            new ObjectOptions
            {
                FileName = fileName,
                Tee = bytes =>
                {
                    digests.Append(bytes);
                    probe?.Append(bytes.Span);
                    progress?.Invoke(bytes.Length);
                },
            },
            cancellationToken);
        var (sha256, sha1, crc32) = digests.Finish();
        var content = new StoredContent(sha256, sha1, crc32, stored.Size, stored.Id.ToString(), mime() ?? stored.ContentType, stored) { Facts = probe?.Finish(), Sidecar = sidecar };
        var position = Contents.Add(content);
        _recent[KeyOf(content.Object)] = new(position, isPlaced: false);
        NewBytes += stored.NewBytes;
        return position;
    }

    /// <summary>True when the content can still be placed: this session wrote it, or it lies at the path in the basis.</summary>
    public async Task<bool> HoldsAsync(CatalogFile file, CancellationToken cancellationToken) =>
        Recent(file.Object) is not null || await FindAsync(file.Object, file.Paths, cancellationToken) is not null;

    /// <summary>Puts what differs between two states of an item into the tree.</summary>
    /// <param name="sources">Other paths at which the basis may hold a content.</param>
    public async Task PlaceAsync(CatalogItem? before, CatalogItem after, IReadOnlyList<string> sources, CancellationToken cancellationToken)
    {
        var old = ItemJoin.Placements(before).ToDictionary(place => place.Path, place => (place.Object, place.Time), StringComparer.Ordinal);
        foreach (var (path, objectId, taken) in ItemJoin.Placements(after))
        {
            if (old.Remove(path, out var was) && was == (objectId, taken))
            {
                continue;
            }

            var place = EntryPath.Parse(path);
            await MakeFolderAsync(place.Parent, cancellationToken);
            var modified = Timestamp.From(taken ?? DateTimeOffset.UnixEpoch);
            if (Recent(objectId) is { } stored)
            {
                _recent[KeyOf(objectId)] = new(_recent[KeyOf(objectId)].Position, isPlaced: true);
                await PutAsync(new PutFile(place, stored, FileMode, modified), cancellationToken);
                continue;
            }

            var paths = ItemJoin.Placements(before).Where(held => held.Object == objectId).Select(held => held.Path).Concat(sources);
            var entry = await FindAsync(objectId, paths, cancellationToken)
                ?? throw new RepositoryException(RepositoryFailure.Damaged, $"The content of {path} is in no snapshot of the account any more.");
            _moved.TryAdd(KeyOf(objectId), entry.Path.ToString());
            await PutAsync(new PutEntry(place, entry with { ModTime = modified, Mode = FileMode }), cancellationToken);
        }

        foreach (var path in old.Keys)
        {
            await PutAsync(new Remove(EntryPath.Parse(path)), cancellationToken);
        }
    }

    /// <summary>Takes an item out of the tree that another one has taken in.</summary>
    public async Task RemoveAsync(CatalogItem item, CancellationToken cancellationToken)
    {
        foreach (var (path, _, _) in ItemJoin.Placements(item))
        {
            await PutAsync(new Remove(EntryPath.Parse(path)), cancellationToken);
        }
    }

    /// <summary>Puts a file that belongs to no item: album metadata, noise, what no sidecar describes.</summary>
    /// <param name="sources">Where the basis may hold it, when it was not stored by this session.</param>
    public async Task PutFileAsync(EntryPath path, StoredContent content, DateTimeOffset? modified, IEnumerable<string> sources, CancellationToken cancellationToken)
    {
        await MakeFolderAsync(path.Parent, cancellationToken);
        var time = Timestamp.From(modified ?? DateTimeOffset.UnixEpoch);
        if (content.Stored is { } stored)
        {
            await PutAsync(new PutFile(path, stored, FileMode, time), cancellationToken);
        }
        else if (await FindAsync(content.Object, sources, cancellationToken) is { } entry)
        {
            await PutAsync(new PutEntry(path, entry with { ModTime = time, Mode = FileMode }), cancellationToken);
        }
    }

    /// <summary>Takes a file or a folder with all that is below it out of the tree.</summary>
    public async Task RemoveAsync(EntryPath path, CancellationToken cancellationToken) => await PutAsync(new Remove(path), cancellationToken);

    /// <summary>A file of the cache, gone when it is closed.</summary>
    public FileStream OpenScratch()
    {
        Directory.CreateDirectory(_cacheFolder);
        return new FileStream(
            Path.Combine(_cacheFolder, "kloset-scratch-" + Path.GetRandomFileName()), System.IO.FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 64 << 10, FileOptions.DeleteOnClose);
    }

    public async Task PutErrorAsync(EntryPath path, string message, CancellationToken cancellationToken) =>
        await PutAsync(new PutError(path, message), cancellationToken);

    /// <summary>Whether the basis has this very content at a path.</summary>
    public async Task<bool> HasAtAsync(EntryPath path, long size, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        if (_basis is null || await _basis.FindAsync(path, cancellationToken) is not { Kind: EntryKind.File } entry || entry.Size != size)
        {
            return false;
        }

        await using var held = _basis.OpenRead(entry);
        var bytes = new byte[size];
        await held.ReadExactlyAsync(bytes, cancellationToken);
        return content.Span.SequenceEqual(bytes);
    }

    /// <summary>Cuts a snapshot: writes catalog, sightings and manifest, and what was placed since the last one.</summary>
    public async Task<SnapshotHeader> SaveAsync(Manifest manifest, IReadOnlyCollection<Sighting> sightings, bool incomplete, CancellationToken cancellationToken)
    {
        foreach (var year in catalog.TouchedYears.Order())
        {
            var path = CatalogPaths.OfYear(year);
            await using var file = OpenScratch();
            if (catalog.WriteYear(year, file) == 0)
            {
                await PutAsync(new Remove(path), cancellationToken);
                continue;
            }

            file.Position = 0;
            await PutOwnAsync(path, file, cancellationToken);
        }

        catalog.Saved();
        if (sightings.Count > 0)
        {
            var lines = new StringBuilder();
            foreach (var sighting in sightings.OrderBy(sighting => sighting.Id, StringComparer.Ordinal))
            {
                lines.Append(JsonSerializer.Serialize(sighting, CatalogJson.Readable.Sighting)).Append('\n');
            }

            await PutOwnAsync(CatalogPaths.Sightings, new MemoryStream(Encoding.UTF8.GetBytes(lines.ToString())), cancellationToken);
        }

        await PutOwnAsync(
            CatalogPaths.Manifest, new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(manifest, CatalogJson.Indented.Manifest)), cancellationToken);

        // Even an empty library has the folder that everything else looks for.
        await MakeFolderAsync(CatalogPaths.Photos, cancellationToken);
        List<KeyValuePair<string, string>> context =
        [
            .. SnapshotContext.Of(request.RunId),
            new(SnapshotMarks.Items, manifest.Counts.Items.ToString(CultureInfo.InvariantCulture)),
            new(SnapshotMarks.Bytes, manifest.Counts.Bytes.ToString(CultureInfo.InvariantCulture)),
            new(SnapshotMarks.Missing, manifest.Missing.Count.ToString(CultureInfo.InvariantCulture)),
        ];
        var header = await _commit!.CompleteAsync(incomplete ? [.. request.Tags, SnapshotMarks.IncompleteTag] : request.Tags, context);
        await _commit.DisposeAsync();
        _commit = null;
        foreach (var (key, content) in _recent)
        {
            if (content.IsPlaced)
            {
                _recent.Remove(key);
            }
        }

        _recent.TrimExcess();
        _moved.Clear();
        _basis = await repository.OpenSnapshotAsync(header.Id, cancellationToken);
        return header;
    }

    public async ValueTask DisposeAsync()
    {
        if (_commit is not null)
        {
            await _commit.DisposeAsync();
        }

        Contents.Dispose();
    }

    /// <summary>64 bits of an object's identifier, itself a hash: enough to find it, and what is found is compared.</summary>
    private static ulong KeyOf(string objectId) => ulong.Parse(objectId.AsSpan(0, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private StoredObject? Recent(string objectId) =>
        _recent.TryGetValue(KeyOf(objectId), out var recent) && Contents.Read(recent.Position) is var content && content.Object == objectId ? content.Stored : null;

    /// <summary>Puts a file of ours, such as the catalog.</summary>
    public async Task PutOwnAsync(EntryPath path, Stream content, CancellationToken cancellationToken)
    {
        await MakeFolderAsync(path.Parent, cancellationToken);
        var stored = await writer.WriteObjectAsync(content, new ObjectOptions { FileName = path.Name, ContentType = "application/json" }, cancellationToken);
        await PutAsync(new PutFile(path, stored, FileMode, Timestamp.From(_started)), cancellationToken);
    }

    private async Task MakeFolderAsync(EntryPath folder, CancellationToken cancellationToken)
    {
        if (!_folders.Add(folder))
        {
            return;
        }

        if (!folder.IsRoot)
        {
            await MakeFolderAsync(folder.Parent, cancellationToken);
        }

        if (_basis is null || await _basis.FindAsync(folder, cancellationToken) is null)
        {
            await PutAsync(new PutDirectory(folder, FolderMode, Timestamp.From(_started)), cancellationToken);
        }
    }

    private async Task PutAsync(TreeChange change, CancellationToken cancellationToken)
    {
        _commit ??= new OpenCommit(
            writer,
            new SnapshotDraft { Type = SnapshotMarks.GooglePhotosType, Origin = request.Origin, Timestamp = SnapshotMarks.After(_basis, time.GetUtcNow()) },
            _basis);
        await _commit.WriteAsync(change, cancellationToken);
    }

    private async Task<Entry?> FindAsync(string objectId, IEnumerable<string> paths, CancellationToken cancellationToken)
    {
        if (_basis is null)
        {
            return null;
        }

        foreach (var path in _moved.TryGetValue(KeyOf(objectId), out var moved) ? paths.Prepend(moved) : paths)
        {
            if (await _basis.FindAsync(EntryPath.Parse(path), cancellationToken) is { Kind: EntryKind.File } entry && entry.Object.ToString() == objectId)
            {
                return entry;
            }
        }

        return null;
    }

    /// <summary>A content that this session stored, as one number: there are as many as files.</summary>
    private readonly struct RecentContent(long position, bool isPlaced)
    {
        private readonly long _value = (position << 1) | (isPlaced ? 1L : 0L);

        /// <summary>In <see cref="Contents"/>.</summary>
        public long Position => _value >> 1;

        /// <summary>It has a path in the tree, so that the next snapshot shows it.</summary>
        public bool IsPlaced => (_value & 1) != 0;
    }
}
