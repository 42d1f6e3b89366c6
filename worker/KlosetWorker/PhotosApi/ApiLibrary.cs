using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Writing;
using KlosetWorker.Backups;
using KlosetWorker.Catalog;
using KlosetWorker.Progress;
using KlosetWorker.Takeout;

namespace KlosetWorker.PhotosApi;

/// <summary>An item as one of Google's APIs shows it.</summary>
/// <param name="Id">With its prefix: `lib:…` or `pick:…`.</param>
/// <param name="Albums">Folders of its albums, with its place in each; null when the source knows no albums.</param>
internal sealed record ApiItem(string Id, string FileName, string? Mime, DateTimeOffset? Taken, string? Description, bool IsVideo, IReadOnlyList<CatalogMembership>? Albums)
{
    public int? Width { get; init; }

    public int? Height { get; init; }

    public string? Camera { get; init; }

    public required string Origin { get; init; }
}

/// <summary>
/// The lineage of an account while items of an API are joined to it: the same catalog and the same tree as the items of exports. What an earlier run or
/// an anchor holds is known by its identifier and not read again; nothing is ever removed.
/// </summary>
internal sealed class ApiLibrary : IAsyncDisposable
{
    private readonly RepositoryWriter _writer;
    private readonly TimeProvider _time;
    private readonly ProgressTracker _tracker;
    private readonly BackupRequest _request;
    private readonly LibraryCatalog _catalog;
    private readonly LibraryWriter _library;
    private readonly AnchorPolicy _anchors;
    private readonly Dictionary<string, CatalogAlbum> _albums = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Sighting> _sightings = new(StringComparer.Ordinal);
    private readonly Manifest? _before;
    private bool _coversChanged;

    private ApiLibrary(Repository repository, RepositoryWriter writer, TimeProvider time, ProgressTracker tracker, BackupRequest request, Snapshot? basis, Manifest? before, LibraryCatalog catalog, bool incomplete)
    {
        (_writer, _time, _tracker, _request, _before, _catalog) = (writer, time, tracker, request, before, catalog);
        _library = new(repository, writer, catalog, basis, request, time);
        _anchors = new(time);
        SnapshotId = basis?.Id.ToString();
        WasIncomplete = incomplete;
        foreach (var album in before?.Albums ?? [])
        {
            _albums[album.Folder] = album;
        }
    }

    public string? SnapshotId { get; private set; }

    /// <summary>The newest snapshot is an anchor.</summary>
    public bool WasIncomplete { get; }

    public long ItemsNew { get; private set; }

    public long BytesRead { get; private set; }

    public long Known => _catalog.Count;

    public List<ManifestGap> Gaps { get; } = [];

    public List<string> Warnings { get; } = [];

    public Manifest? Before => _before;

    public static async Task<ApiLibrary> OpenAsync(
        Repository repository, RepositoryWriter writer, TimeProvider time, ProgressTracker tracker, BackupRequest request, CancellationToken cancellationToken)
    {
        var newest = SnapshotMarks.Newest(await repository.ListSnapshotsAsync(cancellationToken), SnapshotMarks.GooglePhotosType, request.Origin, "/");
        var basis = newest is null ? null : await repository.OpenSnapshotAsync(newest.Id, cancellationToken);
        var before = basis is null ? null : await CatalogReader.ReadManifestAsync(basis, cancellationToken);
        var catalog = await LibraryCatalog.LoadAsync(basis, request.CacheFolder, cancellationToken);
        var library = new ApiLibrary(repository, writer, time, tracker, request, basis, before, catalog, newest is not null && SnapshotMarks.IsIncomplete(newest));
        if (basis is not null)
        {
            foreach (var sighting in await CatalogReader.ReadSightingsAsync(basis, cancellationToken))
            {
                library._sightings[sighting.Id] = sighting;
            }
        }

        return library;
    }

    public bool Holds(string id) => _catalog.FindIdentity(id) is not null;

    /// <summary>Newer words and albums about an item that is held.</summary>
    public async Task ReviseAsync(ApiItem item, CancellationToken cancellationToken)
    {
        var row = _catalog.FindIdentity(item.Id)!.Value;
        var before = _catalog.Read(row);
        var after = before;

        // What an export says of an item that both know is the better word.
        if (before.Id == item.Id && item.Albums is not null && before.Description != Described(item))
        {
            after = after with { Description = Described(item), Revision = after.Revision + 1 };
        }

        await SaveAsync(row, before, Enter(after, item, null), cancellationToken);
    }

    /// <summary>
    /// Whether an export has brought the item already: the same name, second and pixels. Its bytes there are the better ones, so that it is only told under
    /// which name this interface knows it, and not loaded.
    /// </summary>
    public async Task<bool> JoinAsync(ApiItem item, CancellationToken cancellationToken)
    {
        var source = item.Id[..(item.Id.IndexOf(':', StringComparison.Ordinal) + 1)];
        if (item.Taken is not { } taken || _catalog.FindMoment(item.FileName, taken) is not { } row || _catalog.Read(row) is not { } known
            || ItemJoin.IsProvisional(known) || (known.Aliases ?? []).Any(alias => alias.StartsWith(source, StringComparison.Ordinal))
            || !ItemJoin.HasPixels(known, item.Width, item.Height))
        {
            return false;
        }

        await SaveAsync(row, known, Enter(known with { Aliases = [.. known.Aliases ?? [], item.Id] }, item, null), cancellationToken);
        return true;
    }

    /// <summary>Takes an item in whose bytes have just been stored.</summary>
    public async Task AddAsync(ApiItem item, StoredContent content, CancellationToken cancellationToken)
    {
        ItemsNew++;
        _tracker.AddItems(1);
        if (_catalog.FindContent(content.Sha256, item.Taken) is { } row)
        {
            var held = _catalog.Read(row);
            await SaveAsync(row, held, Enter(held with { Aliases = [.. held.Aliases ?? [], item.Id] }, item, null), cancellationToken);
            return;
        }

        var incoming = new IncomingItem(null, null, "none", _time.GetUtcNow(), false, item.Taken?.UtcDateTime.Year);
        var file = new IncomingFile(CatalogRoles.Original, item.FileName, item.Taken is null ? CatalogPaths.Photos.Append("Undated") : null, null, content, null);
        var joined = ItemJoin.Join(null, incoming, file, _catalog) with
        {
            Id = item.Id,
            Taken = item.Taken,
            TakenFrom = item.Taken is null ? null : "api",
            Title = item.FileName,
            Description = Described(item),
            Origin = item.Origin,
        };
        joined = joined with { Camera = joined.Camera ?? item.Camera, Width = joined.Width ?? item.Width, Height = joined.Height ?? item.Height };
        var entered = Enter(joined, item, content);
        _catalog.Add(entered);
        Count(null, entered);
        await _library.PlaceAsync(null, entered, [], cancellationToken);
    }

    public async Task<StoredContent> StoreAsync(Stream content, ApiItem item, CancellationToken cancellationToken)
    {
        var stored = _library.Contents.Read(
            await _library.StoreAsync(content, item.FileName, () => item.Mime, isMedia: true, sidecar: null, bytes => _tracker.AddBytes(bytes), cancellationToken));
        BytesRead += stored.Size;
        return stored;
    }

    /// <summary>The folder of an album in the tree; a title that another album has gets a number.</summary>
    /// <param name="cover">Identity of the item on the album's cover, when it is known.</param>
    public string Register(string title, string? cover, HashSet<string> used)
    {
        var clean = TreeNames.Clean(title.Length > 0 ? title : "Untitled");
        var folder = clean;
        for (var counter = 1; !used.Add(folder); counter++)
        {
            folder = $"{clean}({counter})";
        }

        var known = _albums.GetValueOrDefault(folder) ?? new(folder, title, null, 0);
        _albums[folder] = known with { Cover = cover ?? known.Cover };
        _coversChanged |= _albums[folder] != known;
        return folder;
    }

    /// <summary>Items that the source showed before and shows no longer; they stay.</summary>
    public void NoteAbsent(string prefix, HashSet<string> seen)
    {
        foreach (var item in _catalog.ReadAll())
        {
            var id = item.Id.StartsWith(prefix, StringComparison.Ordinal) ? item.Id : item.Aliases?.FirstOrDefault(alias => alias.StartsWith(prefix, StringComparison.Ordinal));
            if (id is null)
            {
                continue;
            }

            if (seen.Contains(id))
            {
                _sightings.Remove(item.Id);
            }
            else if (item.Id == id)
            {
                _sightings.TryAdd(item.Id, new(item.Id, null, _time.GetUtcNow()));
            }
        }
    }

    /// <summary>Cuts an anchor when it is worth its price.</summary>
    public async Task AnchorAsync(IReadOnlyList<string> cannotShow, CancellationToken cancellationToken)
    {
        if (_library.HasChanges && _anchors.IsDue(partFinished: false, _library.NewBytes))
        {
            await SaveAsync(cannotShow, coveredThrough: null, complete: false, cancellationToken);
            _anchors.Written(_library.NewBytes, _writer.Statistics.BytesStored);
            _tracker.Phase = "Reading";
        }
    }

    /// <param name="coveredThrough">Time of a complete listing; null when there was none.</param>
    /// <param name="complete">False for an anchor.</param>
    public async Task<Manifest> FinishAsync(IReadOnlyList<string> cannotShow, DateTimeOffset? coveredThrough, bool complete, CancellationToken cancellationToken)
    {
        _tracker.Phase = "Committing";
        return _library.HasChanges || _coversChanged || SnapshotId is null || WasIncomplete == complete
            ? await SaveAsync(cannotShow, coveredThrough, complete, cancellationToken)
            : _before!;
    }

    public async ValueTask DisposeAsync()
    {
        await _library.DisposeAsync();
        _catalog.Dispose();
    }

    private async Task<Manifest> SaveAsync(IReadOnlyList<string> cannotShow, DateTimeOffset? coveredThrough, bool complete, CancellationToken cancellationToken)
    {
        // Holes of the exports stay what they are; only an export can close them.
        ManifestGap[] missing = [.. (_before?.Missing ?? []).Where(gap => gap.Kind != "api"), .. Gaps];
        var exports = _before?.Sets.Count > 0;
        var manifest = (_before ?? new Manifest { Account = _request.Origin, Counts = new(0, 0, 0, 0, 0) }) with
        {
            RunId = _request.RunId,
            Time = _time.GetUtcNow(),
            Complete = complete && missing.Length == 0,
            IngestedDigest = exports ? _before!.IngestedDigest : null,
            CoveredThrough = exports ? _before!.CoveredThrough : coveredThrough ?? _before?.CoveredThrough,
            Counts = new(_catalog.Count, _catalog.Files, _catalog.Bytes, _albums.Count, _before?.Counts.Unmatched ?? 0),
            Albums = [.. _albums.Values.OrderBy(album => album.Folder, StringComparer.Ordinal)],
            Missing = missing,
            GapHash = ExportChain.Hash(missing),
            AcceptedGaps = _request.AcceptedGaps,
            Warnings = [.. Warnings.Take(200)],
            CannotShow = exports ? _before!.CannotShow : cannotShow,
        };
        SnapshotId = (await _library.SaveAsync(manifest, _sightings.Values, incomplete: !complete, cancellationToken)).Id.ToString();
        return manifest;
    }

    private async Task SaveAsync(int row, CatalogItem before, CatalogItem after, CancellationToken cancellationToken)
    {
        if (!ReferenceEquals(before, after))
        {
            _catalog.Update(row, before, after);
            Count(before, after);
            await _library.PlaceAsync(before, after, [], cancellationToken);
        }
    }

    /// <summary>Shows the item in its albums, too.</summary>
    private CatalogItem Enter(CatalogItem item, ApiItem shown, StoredContent? content)
    {
        foreach (var membership in shown.Albums ?? [])
        {
            var held = (item.Albums ?? []).FirstOrDefault(one => one.Folder == membership.Folder);
            if (held is null)
            {
                var main = item.Files.FirstOrDefault(file => file.Role == CatalogRoles.Original) ?? item.Files[0];
                var file = new IncomingFile(
                    main.Role, EntryPath.Parse(main.Paths[0]).Name, CatalogPaths.Photos.Append(membership.Folder), membership.Folder, content ?? StoredContent.Of(main), null);
                item = ItemJoin.Join(item, new(null, null, item.Rank, _time.GetUtcNow(), false, item.Taken?.UtcDateTime.Year), file, _catalog);
            }

            if (held?.Order != membership.Order)
            {
                item = item with { Albums = [.. (item.Albums ?? []).Select(one => one.Folder == membership.Folder ? one with { Order = membership.Order } : one)] };
            }
        }

        return item;
    }

    private void Count(CatalogItem? before, CatalogItem after)
    {
        foreach (var membership in after.Albums ?? [])
        {
            if (!(before?.Albums ?? []).Any(one => one.Folder == membership.Folder) && _albums.TryGetValue(membership.Folder, out var album))
            {
                _albums[membership.Folder] = album with { Items = album.Items + 1 };
            }
        }
    }

    private static string? Described(ApiItem item) => string.IsNullOrEmpty(item.Description) ? null : item.Description;
}
