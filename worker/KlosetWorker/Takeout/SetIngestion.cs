using System.Globalization;
using System.IO.Hashing;
using System.Security.Cryptography;
using System.Text;
using GooglePhotos.Services;
using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Exports;
using GooglePhotos.Takeout.Library;
using GooglePhotos.Takeout.Pairing;
using GooglePhotos.Takeout.Sidecars;
using Kloset.Snapshots;
using KlosetWorker.Backups;
using KlosetWorker.Catalog;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Progress;

namespace KlosetWorker.Takeout;

/// <summary>
/// One export into the library. Sidecars first, where that is cheap, so that each photo is named and joined the moment it is read; a tgz
/// is stored in one pass and named at its end. A file whose name, size and CRC-32 the catalog knows is not read again.
/// </summary>
internal sealed class SetIngestion(
    ITakeoutStorage storage,
    TakeoutSet set,
    TimeSpan settle,
    BackupRequest request,
    LibraryCatalog catalog,
    LibraryWriter library,
    ProgressTracker tracker,
    TakeoutTotals totals,
    ManifestSet? held,
    Dictionary<string, CatalogAlbum> albums,
    string? owner,
    DateTimeOffset now)
{
    /// <summary>How long a part is left alone that Google limits downloads of: the first time, the second, and from then on.</summary>
    private static readonly TimeSpan[] HoldFor = [TimeSpan.FromHours(1), TimeSpan.FromHours(4), TimeSpan.FromHours(24)];

    /// <summary>One known file in a hundred is read all the same and compared.</summary>
    private const uint SampleOneIn = 100;

    /// <summary>Of an export of terabytes the sample would be a day's reading.</summary>
    private const long LargestSample = 512 << 20;

    /// <summary>The tables of the catalog grow with the files that are joined, and leave their smaller selves behind.</summary>
    private const int ForgetEvery = 8_192;

    /// <summary>By entry: where in the writer's spool its content is, plus one; 0 when it is not held.</summary>
    private readonly List<long> _contents = [];
    private readonly Dictionary<string, string> _albumFolders = new(StringComparer.Ordinal);
    private readonly HashSet<string> _finished = new(StringComparer.Ordinal);
    private readonly DateTimeOffset _from = set.Timestamp ?? set.LastChanged;
    private PendingContents? _pending;

    /// <summary>Bytes of known files that may still be read to compare them.</summary>
    private long _sample;
    private TakeoutExport? _export;
    private TakeoutLibrary? _library;
    private int[] _itemOf = [];
    private int?[] _rowOf = [];
    private DateTimeOffset? _oldestNew;
    private ExportClass _class = ExportClass.Selection;
    private string _classReason = "";

    /// <summary>When the export counts as settled, if nothing changes until then.</summary>
    public DateTimeOffset SettledAt => SetCompleteness.SettledAt(set, ListedSince, settle);

    /// <summary>Since when, by our own clock, the export lies there as it does now.</summary>
    private DateTimeOffset ListedSince => held?.Listing == ListingOf(set) && held.ListedSince is { } since && since <= now ? since : now;

    /// <summary>The export as it stands while it is read. Costly where there are many parts.</summary>
    public ManifestSet Describe()
    {
        Describe(complete: false);
        return Record;
    }

    public ManifestSet Record { get; private set; } = new() { Name = set.Name, Time = set.Timestamp ?? set.LastChanged, Kind = "selection", Completeness = "pending" };

    public List<ManifestGap> Gaps { get; } = [];

    /// <summary>Up to as many as a manifest names.</summary>
    public List<ManifestNote> Unmatched { get; } = [];

    /// <summary>Paths of files that belonged to nothing so far.</summary>
    public IReadOnlySet<string> Noted { get; init; } = new HashSet<string>();

    /// <summary>Those of <see cref="Noted"/> that belong to an item now.</summary>
    public HashSet<string> Matched { get; } = new(StringComparer.Ordinal);

    public List<string> Warnings { get; } = [];

    /// <summary>Rows of the catalog that this export shows.</summary>
    public HashSet<int> Seen { get; } = [];

    /// <summary>Names of files that other exports failed to give, to be told when this one has them.</summary>
    public IReadOnlySet<string> Missed { get; init; } = new HashSet<string>();

    /// <summary>Those of <see cref="Missed"/> that this export has.</summary>
    public HashSet<string> Supplied { get; } = new(StringComparer.Ordinal);

    /// <summary>Set when this export looks like all of the library, and shows far less of it than is known.</summary>
    public ManifestShrink? Shrink { get; private set; }

    /// <summary>A file in an export, whatever the names of the folders above its own.</summary>
    public static string NameInFolder(string path) => path.LastIndexOf('/') is > 0 and var slash ? path[(path.LastIndexOf('/', slash - 1) + 1)..] : path;

    /// <summary>What tells that a part is still the same.</summary>
    public static string VersionOf(TakeoutPart part)
    {
        if (part.Files.Count == 1)
        {
            return part.Files[0].Version ?? part.Files[0].Modified.ToString("O", CultureInfo.InvariantCulture);
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in part.Files.OrderBy(file => file.Path, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{file.Path}\0{file.Size}\0{file.Modified.UtcTicks}\0{file.Version}\n")));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }

    /// <summary>The part that its storage holds back for the shortest time; null when none is held back.</summary>
    public PartHold? HeldBack { get; private set; }

    /// <summary>A file of it was replaced or written to while it was read: what lies there now was not read.</summary>
    public bool SourceChanged { get; private set; }

    private ManifestPart? HeldBefore(TakeoutPart part) => held?.Parts.FirstOrDefault(known => known.Name == part.Path && known.Version == VersionOf(part) && known.HeldUntil is not null);

    private PartHold? HeldNow(TakeoutPart part)
    {
        if (_export?.HeldParts.TryGetValue(part, out var words) != true)
        {
            return null;
        }

        var before = HeldBefore(part);
        var times = (before?.HeldTimes ?? 0) + (words is null ? 0 : 1);
        return new(part.Path, words, words is null ? before!.HeldUntil!.Value : now + HoldFor[Math.Min(times, HoldFor.Length) - 1], times);
    }

    /// <summary>What tells that an export as a whole is still the same.</summary>
    private static string ListingOf(TakeoutSet set) => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', set.Parts.Select(part => $"{part.Path}\0{part.Size}\0{VersionOf(part)}")))).AsSpan(0, 8));

    /// <param name="newestExport">Time of the newest export before this one.</param>
    /// <param name="anchor">Called where a snapshot may be cut; true when a part has just been finished.</param>
    /// <param name="cancellationToken">Ends the reading, and what was read is kept.</param>
    /// <param name="abort">Ends everything.</param>
    public async Task RunAsync(DateTimeOffset? newestExport, Func<bool, Task> anchor, CancellationToken cancellationToken, CancellationToken abort)
    {
        tracker.Phase = "Reading";
        try
        {
            _export = await TakeoutExport.OpenAsync(storage, set, limits: null, cancellationToken, part => HeldBefore(part) is { HeldUntil: { } until } && until > now);
            _contents.EnsureCapacity(_export.Entries.Count);
            if (set.Parts.Any(part => part.Format == PartFormat.Tgz))
            {
                _pending = new(library, set);
                await _pending.LoadAsync(cancellationToken);
                await StoreEverythingAsync(anchor, cancellationToken);
                Resolve(newestExport);
                for (var entry = 0; entry < _export.Entries.Count; entry++)
                {
                    await JoinAsync(_export.Entries[entry], cancellationToken);
                }
            }
            else
            {
                await foreach (var content in _export.ReadAsync(ReadScope.MetadataOnly, cancellationToken))
                {
                    await StoreAsync(content, cancellationToken);
                }

                Resolve(newestExport);
                await ReadMediaAsync(anchor, cancellationToken);
            }

            await FinishAsync(cancellationToken);
            if (_pending is not null && _export.HeldParts.Count == 0)
            {
                await _pending.ClearAsync(cancellationToken);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or GoogleServiceException && !abort.IsCancellationRequested)
        {
            await PreserveAsync(abort);
            throw;
        }
        finally
        {
            Describe(complete: _export is not null && _finished.Count == set.Parts.Count);
            HeldBack = set.Parts.Select(HeldNow).OfType<PartHold>().MinBy(hold => hold.Until);
            SourceChanged = _export?.Findings.Any(finding => finding.Kind == FindingKind.ChangedPart) == true;
            Release();
        }
    }

    /// <summary>Before a snapshot is cut: what is stored and has no place yet gets one for the time being.</summary>
    public async Task PreserveAsync(CancellationToken cancellationToken)
    {
        if (_pending is not null && _export is not null && _library is null)
        {
            await _pending.KeepAsync(_export.Entries, Held, cancellationToken);
        }
    }

    private async Task StoreEverythingAsync(Func<bool, Task> anchor, CancellationToken cancellationToken)
    {
        TakeoutPart? part = null;
        await foreach (var content in _export!.ReadAsync(ReadScope.Everything, cancellationToken))
        {
            if (part is not null && part != content.Entry.Part)
            {
                await anchor(true);
            }

            part = content.Entry.Part;
            await StoreAsync(content, cancellationToken);
            await anchor(false);
        }
    }

    /// <summary>The snapshot that follows needs memory of its own: what only this export needed makes room for it.</summary>
    private void Release()
    {
        var entries = _export?.Entries.Count ?? 0;
        (_export, _library, _itemOf, _rowOf) = (null, null, [], []);
        _contents.Clear();
        _contents.TrimExcess();
        TakeoutExport.Forget(entries);
    }

    private async Task ReadMediaAsync(Func<bool, Task> anchor, CancellationToken cancellationToken)
    {
        var media = _export!.Entries.Where(entry => _library!.Pairing.Verdicts[entry.Id].Kind == FileKind.Media && !_export.HeldParts.ContainsKey(entry.Part)).ToArray();
        var bytes = media.Sum(entry => entry.Size);
        _sample = Math.Min(bytes / SampleOneIn, LargestSample);
        tracker.Expect(tracker.ItemsDone + media.Length, tracker.BytesDone + bytes);
        TakeoutPart? part = null;
        var joined = 0;
        await foreach (var content in _export.ReadAsync(ReadScope.Everything, cancellationToken))
        {
            if (part is not null && part != content.Entry.Part && !_export.HeldParts.ContainsKey(part))
            {
                _finished.Add(part.Path);
                await anchor(true);
            }

            part = content.Entry.Part;
            if (IsUnwanted(content.Entry))
            {
                tracker.AddBytes(content.Entry.Size);
                tracker.AddItems(1);
                continue;
            }

            if (!IsHeld(content.Entry.Id))
            {
                await StoreAsync(content, cancellationToken);
            }

            await JoinAsync(content.Entry, cancellationToken);
            if (++joined % ForgetEvery == 0)
            {
                TakeoutExport.Forget(_export.Entries.Count);
            }

            await anchor(false);
        }
    }

    /// <summary>Stores an entry's bytes, or finds that they are held. Damage is noted and the rest goes on.</summary>
    private async Task StoreAsync(TakeoutContent content, CancellationToken cancellationToken)
    {
        var entry = content.Entry;
        if (_pending?.Recall(content) is { } recalled)
        {
            Hold(entry.Id, library.Contents.Add(recalled));
            tracker.AddBytes(entry.Size);
            return;
        }

        var isJson = entry.Name.EndsWith(".json", StringComparison.OrdinalIgnoreCase);
        if (isJson && await KnownSidecarAsync(content, cancellationToken))
        {
            return;
        }

        if (!isJson && Known(entry) is { } known && await library.HoldsAsync(known, cancellationToken))
        {
            // What an anchor of this very export holds is not read twice; only an old copy is worth a sample.
            if (held is not null || !IsSampled(entry) || entry.Size > _sample)
            {
                Hold(entry.Id, library.Contents.Add(StoredContent.Of(known)));
                tracker.AddBytes(entry.Size);
                return;
            }

            _sample -= entry.Size;
            tracker.Moved();
        }

        try
        {
            await using var stream = await content.OpenAsync(cancellationToken);
            Hold(entry.Id, await library.StoreAsync(stream, entry.Name, () => entry.MimeType, !isJson, content.Sidecar, bytes => tracker.AddBytes(bytes), cancellationToken));
            if (!isJson)
            {
                totals.FilesRead++;
                totals.BytesRead += entry.Size;
            }
        }
        catch (TakeoutDamageException damage)
        {
            await library.PutErrorAsync(PathOf(entry), damage.Message, cancellationToken);
        }
        catch (PartHeldException held)
        {
            _export!.Hold(entry.Part, held);
        }
    }

    /// <summary>An unchanged sidecar of a known item is not stored again.</summary>
    private async Task<bool> KnownSidecarAsync(TakeoutContent content, CancellationToken cancellationToken)
    {
        if (content.Entry.Json is not TakeoutJson.OfMedia { Sidecar.Url: { } url } || catalog.FindIdentity("url:" + url) is not { } row
            || catalog.Read(row).Sidecars is not { } sidecars || !sidecars.Any(sidecar => sidecar.Size == content.Entry.Size))
        {
            return false;
        }

        // Sidecars are small and were buffered for parsing; reading them costs nothing more.
        await using var stream = await content.OpenAsync(cancellationToken);
        using var bytes = new MemoryStream();
        await stream.CopyToAsync(bytes, cancellationToken);
        var sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)));
        if (sidecars.FirstOrDefault(sidecar => sidecar.Sha256 == sha256) is { } known)
        {
            Hold(content.Entry.Id, library.Contents.Add(StoredContent.Of(known) with { Sidecar = content.Sidecar }));
            return true;
        }

        bytes.Position = 0;
        Hold(content.Entry.Id, await library.StoreAsync(bytes, content.Entry.Name, static () => "application/json", isMedia: false, content.Sidecar, progress: null, cancellationToken));
        return true;
    }

    private void Hold(int entry, long position)
    {
        while (_contents.Count <= entry)
        {
            _contents.Add(0);
        }

        _contents[entry] = position + 1;
    }

    private bool IsHeld(int entry) => entry >= 0 && entry < _contents.Count && _contents[entry] != 0;

    private StoredContent? Held(int entry) => IsHeld(entry) ? library.Contents.Read(_contents[entry] - 1) : null;

    private CatalogFile? Known(TakeoutEntry entry) =>
        entry.Crc32 is { } crc && entry.Size > 0 ? catalog.FindEntry(entry.Name, entry.Size, ContentDigests.CrcText(crc))?.File : null;

    private static bool IsSampled(TakeoutEntry entry) => XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(entry.Path), entry.Crc32 ?? 0) % SampleOneIn == 0;

    private void Resolve(DateTimeOffset? newestExport)
    {
        if (request.Email is { } email && _export!.Index?.AccountEmail is { } account && !string.Equals(email, account, StringComparison.OrdinalIgnoreCase))
        {
            throw new WorkerException(ErrorCatalogue.WrongAccount, $"{set.Name} belongs to {account}, and {email} was expected.");
        }

        if (request.Email is null && owner is not null && _export!.Index?.AccountEmail is { } other && !string.Equals(owner, other, StringComparison.OrdinalIgnoreCase))
        {
            throw new WorkerException(ErrorCatalogue.WrongAccount, $"{set.Name} belongs to {other}, and the exports before it to {owner}.")
            {
                Remedy = "Take it out of the folder; or, if the account has another address now, set account.email to it.",
            };
        }

        _library = _export!.Resolve();
        _itemOf = new int[_export.Entries.Count];
        Array.Fill(_itemOf, -1);
        _rowOf = new int?[_library.Items.Count];
        for (var index = 0; index < _library.Items.Count; index++)
        {
            foreach (var entry in _library.Items[index].Files.SelectMany(file => file.Entries))
            {
                _itemOf[entry] = index;
            }
        }

        var news = _library.Items.Where(item => item.Url is not { } url || catalog.FindIdentity("url:" + url) is null).ToArray();
        catalog.Reserve(news.Length, news.Sum(item => item.Files.Sum(file => file.Entries.Count)));
        foreach (var album in _library.Albums)
        {
            RegisterAlbum(album);
        }

        var years = new Dictionary<int, int>();
        foreach (var (year, count) in catalog.CountByYear())
        {
            years[year] = count;
        }

        var history = new SetHistory { LastTimestamp = newestExport, ItemsByYear = years, IsKnown = url => catalog.FindIdentity("url:" + url) is not null };
        var facts = SetFacts.Of(set, _library) with { Timestamp = _from, Standing = catalog.Count == 0 ? null : Standing() };
        // What an export is was decided when its items were new. Copied anew, or with a part mended, it shows what is known by now, which
        // looks like a choice. Without a time stamp in its name it may be another export.
        var decided = held is { Kind: not "selection" } && (held.Completeness == "pending" || set.Timestamp is not null);
        var verdict = decided && Enum.TryParse<ExportClass>(held!.Kind, ignoreCase: true, out var before)
            ? new SetClass(before, held.Reason ?? "")
            : SetClassifier.Classify(facts, history);
        (_class, _classReason) = (verdict.Class, verdict.Reason);
        Shrink = _class != ExportClass.Increment && SetClassifier.LooksShrunken(facts, history) ? new(set.Name, _from, catalog.Count, facts.Items) : null;
        _oldestNew = held?.OldestNewItem ?? _library.Items
            .Where(item => item.Url is { } url && catalog.FindIdentity("url:" + url) is null && item.Sidecar?.CreatedAt is not null)
            .Min(item => item.Sidecar!.CreatedAt);
    }

    private Dictionary<ItemStanding, int> Standing()
    {
        var standing = new Dictionary<ItemStanding, int>();
        foreach (var item in _library!.Items)
        {
            var row = item.Url is { } url ? catalog.FindIdentity("url:" + url) : null;
            var kind = row is not { } known ? ItemStanding.New
                : Held(item.SidecarEntry) is { } sidecar && catalog.Read(known).Sidecars?.Any(one => one.Sha256 == sidecar.Sha256) == true
                    && item.Files.All(file => Known(_export!.Entries[file.Entries[0]]) is not null)
                    ? ItemStanding.Unchanged
                    : ItemStanding.Changed;
            standing[kind] = standing.GetValueOrDefault(kind) + 1;
        }

        return standing;
    }

    private void RegisterAlbum(TakeoutAlbum album)
    {
        var folder = TreeNames.Clean(LastName(album.Folder));
        _albumFolders[album.Folder] = folder;
        if (!albums.TryGetValue(folder, out var known) || album.Metadata is not null)
        {
            albums[folder] = new(
                folder,
                album.Title,
                album.Metadata?.Description is { Length: > 0 } text ? text : known?.Description,
                known?.Items ?? 0,
                album.Metadata?.Access ?? known?.Access,
                album.Metadata?.DateSeconds is { } seconds ? DateTimeOffset.FromUnixTimeSeconds(seconds) : known?.Date,
                known?.Cover);
        }
    }

    /// <summary>Joins one entry, now that its bytes are held.</summary>
    private async Task JoinAsync(TakeoutEntry entry, CancellationToken cancellationToken)
    {
        var verdict = _library!.Pairing.Verdicts[entry.Id];
        if (Held(entry.Id) is not { } content)
        {
            return; // damaged: named among the findings
        }

        switch (verdict.Kind)
        {
            case FileKind.Media when _itemOf[entry.Id] >= 0:
                await JoinMediaAsync(entry, verdict, content, cancellationToken);
                tracker.AddItems(1);
                _contents[entry.Id] = 0;
                break;
            case FileKind.AlbumMetadata when _albumFolders.TryGetValue(entry.Folder, out var album):
                await PutVerbatimAsync(CatalogPaths.Photos.Append(album).Append("metadata.json"), content, entry, cancellationToken);
                break;
            case FileKind.Sidecar when !verdict.Used:
                break; // at the end, when all items are known
            case FileKind.Ignored or FileKind.AlbumMetadata or FileKind.Media:
                await PutVerbatimAsync(PathOf(entry), content, entry, cancellationToken);
                break;
            default:
                break;
        }
    }

    private async Task JoinMediaAsync(TakeoutEntry entry, FileVerdict verdict, StoredContent content, CancellationToken cancellationToken)
    {
        var index = _itemOf[entry.Id];
        var item = _library!.Items[index];
        var main = Held(item.SidecarEntry);
        var incoming = new IncomingItem(
            main?.Sidecar,
            main,
            item.Rank.ToString().ToLowerInvariant(),
            _from,
            item.Trashed,
            item.Year)
        {
            MainEntryName = item.Files.FirstOrDefault(one => one.Role == FileRole.Original) is { } original ? _export!.Entries[original.Entries[0]].Name : null,
            Family = [.. item.Files.Where(one => one.Role != FileRole.Original).Select(one => new ItemRelative(RoleOf(one.Role), _export!.Entries[one.Entries[0]].Name))],
        };
        var role = RoleOf(verdict.Role);
        var row = _rowOf[index] ?? Find(item, role, content);
        if (row is null && !IsWanted(item))
        {
            return;
        }

        var isYear = _library.Pairing.YearFolders.ContainsKey(entry.Folder);
        var album = _albumFolders.GetValueOrDefault(entry.Folder);
        EntryPath? folder = album is not null ? CatalogPaths.Photos.Append(album)
            : isYear || item.Year is not null ? null
            : entry.Folder.Length == 0 ? CatalogPaths.Photos.Append("Undated")
            : CatalogPaths.Photos.Append(TreeNames.Clean(LastName(entry.Folder)));
        var own = verdict.Sidecar >= 0 && _export!.Entries[verdict.Sidecar].Folder == entry.Folder ? Held(verdict.Sidecar) : null;
        var file = new IncomingFile(role, entry.Name, folder, album, content, own);
        var before = row is { } known ? catalog.Read(known) : null;
        var after = ItemJoin.Join(before, incoming, file, catalog);
        var absorbed = FindPart(row, item, content);
        if (absorbed is { Item: { } part })
        {
            after = ItemJoin.Absorb(after, part, incoming, file, catalog);
        }

        await SaveAsync(index, row, before, after, [.. SourcesOf(entry, content), .. PendingPaths(item.SidecarEntry, main), .. PendingPaths(verdict.Sidecar, own), .. absorbed?.Item.Files.SelectMany(one => one.Paths) ?? []], cancellationToken);
        if (absorbed is { } gone)
        {
            catalog.Remove(gone.Row, gone.Item);
            catalog.Update(_rowOf[index]!.Value, after, after);
            await library.RemoveAsync(gone.Item, cancellationToken);
        }

        // While parts are held back, what describes it may lie in one of them: the reading that has them all tells.
        if (item.Sidecar is null && (before is null || (held is not null && before.Sidecars is null)) && _export!.HeldParts.Count == 0)
        {
            Note(after.Files[0].Paths[0], "no sidecar describes it");
        }
        else if (item.Sidecar is not null && Noted.Count > 0)
        {
            Matched.UnionWith(after.Files.Concat(absorbed?.Item.Files ?? []).SelectMany(one => one.Paths)
                .Append(PathOf(_export!.Entries[item.SidecarEntry]).ToString()).Where(Noted.Contains));
        }
    }

    private void Note(string path, string what)
    {
        if (Unmatched.Count < Manifest.MostUnmatched)
        {
            Unmatched.Add(new(path, what));
        }
    }

    private async Task SaveAsync(int? index, int? row, CatalogItem? before, CatalogItem after, IReadOnlyList<string> sources, CancellationToken cancellationToken)
    {
        if (row is not { } known)
        {
            known = catalog.Add(after);
            totals.ItemsNew++;
            CountMemberships(null, after);
            await library.PlaceAsync(null, after, sources, cancellationToken);
        }
        else if (!ReferenceEquals(before, after))
        {
            catalog.Update(known, before!, after);
            CountMemberships(before, after);
            await library.PlaceAsync(before, after, sources, cancellationToken);
        }

        if (index is { } item)
        {
            _rowOf[item] = known;
        }

        Seen.Add(known);
    }

    private void CountMemberships(CatalogItem? before, CatalogItem after)
    {
        foreach (var membership in after.Albums ?? [])
        {
            if (!(before?.Albums ?? []).Any(one => one.Folder == membership.Folder) && albums.TryGetValue(membership.Folder, out var album))
            {
                albums[membership.Folder] = album with { Items = album.Items + 1 };
            }
        }
    }

    /// <summary>By url, then by content and time; an item that has a url of its own is never taken for another one.</summary>
    private int? Find(TakeoutItem item, string role, StoredContent content)
    {
        if (item.Url is { Length: > 0 } url && catalog.FindIdentity("url:" + url) is { } byUrl)
        {
            return byUrl;
        }

        // An item that was saved while its sidecar was missing has no time yet.
        if ((catalog.FindContent(content.Sha256, item.Sidecar?.TakenAt) ?? catalog.FindContent(content.Sha256, null)) is not { } row)
        {
            return FindProvisional(item, content)?.Row;
        }

        var known = catalog.Read(row);
        return (item.Url is { Length: > 0 } && known.Id.StartsWith("url:", StringComparison.Ordinal))
            || !known.Files.Any(file => file.Sha256 == content.Sha256 && file.Role == role)
                ? null
                : row;
    }

    private (int Row, CatalogItem Item)? FindProvisional(TakeoutItem item, StoredContent content) =>
        item.Sidecar is { Title: { } title, TakenAt: { } taken } && catalog.FindMoment(title, taken) is { } row && catalog.Read(row) is var known
            && ItemJoin.IsProvisional(known) && ItemJoin.HasPixels(known, content.Facts)
            ? (row, known)
            : null;

    /// <summary>
    /// Another item that turns out to be this one: the same file, saved while nothing said what it belongs to (its sidecar's part was
    /// damaged), or the provisional copy.
    /// </summary>
    private (int Row, CatalogItem Item)? FindPart(int? into, TakeoutItem item, StoredContent content)
    {
        if (catalog.FindIdentity("sha256:" + content.Sha256) is { } nameless && nameless != into && catalog.Read(nameless) is var part
            && part.Id == "sha256:" + content.Sha256 && part.Sidecars is null && part.Files.Count == 1)
        {
            return (nameless, part);
        }

        return FindProvisional(item, content) is { } provisional && provisional.Row != into ? provisional : null;
    }

    /// <summary>Where the basis may hold this content, although it belongs to another item.</summary>
    private IEnumerable<string> SourcesOf(TakeoutEntry entry, StoredContent content) =>
        content.Stored is null && entry.Crc32 is not null && Known(entry) is { } known ? PendingPaths(entry.Id, content).Concat(known.Paths) : PendingPaths(entry.Id, content);

    private IEnumerable<string> PendingPaths(int entry, StoredContent? content) =>
        _pending is not null && content is { Stored: null } ? [_pending.PathOf(_export!.Entries[entry], content)] : [];

    /// <summary>A file of a new item that the selection leaves out is not even read.</summary>
    private bool IsUnwanted(TakeoutEntry entry) => _itemOf[entry.Id] is >= 0 and var index && _rowOf[index] is null && _library!.Items[index] is { Url: { Length: > 0 } url } item
        && !IsWanted(item) && catalog.FindIdentity("url:" + url) is null;

    /// <summary>The selection filters what is new; what is held is always kept up to date.</summary>
    private bool IsWanted(TakeoutItem item)
    {
        if (item.Trashed && request.Selection?.IncludeTrashed != true)
        {
            return false;
        }

        var names = item.Albums.Select(album => _library!.Albums[album].Title).ToArray();
        bool In(IReadOnlyList<string>? wanted) => wanted is not null && names.Any(name => wanted.Any(pattern =>
            System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern.Replace("\\", "\\\\", StringComparison.Ordinal), name)));
        return !In(request.Selection?.ExcludeAlbums)
            && (request.Selection?.IncludeAlbums is not { Count: > 0 } include || include.Contains("*", StringComparer.Ordinal) || In(include));
    }

    /// <summary>Sidecars whose file is not in this export: newer words about a known item, a member of an album, or an orphan that is kept.</summary>
    private async Task FinishAsync(CancellationToken cancellationToken)
    {
        if (_export!.HeldParts.Count > 0)
        {
            // What seems to belong to nothing may belong to what is held back.
            _finished.UnionWith(set.Parts.Where(part => !_export.HeldParts.ContainsKey(part)).Select(part => part.Path));
            return;
        }

        for (var id = 0; id < _export.Entries.Count; id++)
        {
            var verdict = _library!.Pairing.Verdicts[id];
            var entry = _export.Entries[id];
            if (verdict.Kind != FileKind.Sidecar || verdict.Used || Held(id) is not { Sidecar: { } sidecar } content)
            {
                continue;
            }

            var row = sidecar.Url is { Length: > 0 } url ? catalog.FindIdentity("url:" + url) : null;
            if (row is not { } known)
            {
                await PutVerbatimAsync(PathOf(entry), content, entry, cancellationToken);
                Note(PathOf(entry).ToString(), "a sidecar without its file");
                continue;
            }

            var before = catalog.Read(known);
            var incoming = new IncomingItem(sidecar, content, before.Rank, _from, sidecar.Trashed, null);
            var album = _albumFolders.GetValueOrDefault(entry.Folder);
            var after = album is null
                ? ItemJoin.Revise(before, incoming, catalog)
                : ItemJoin.JoinAlbum(before, incoming, CatalogPaths.Photos.Append(album), album, catalog);
            await SaveAsync(null, known, before, after, [.. PendingPaths(id, content)], cancellationToken);
        }

        if (Missed.Count > 0)
        {
            Supplied.UnionWith(_export.Entries.Where(entry => !entry.Damaged).Select(entry => NameInFolder(entry.Path)).Where(Missed.Contains));
        }

        foreach (var part in set.Parts)
        {
            _finished.Add(part.Path);
        }
    }

    private async Task PutVerbatimAsync(EntryPath path, StoredContent content, TakeoutEntry entry, CancellationToken cancellationToken)
    {
        catalog.Take(path.Parent, path.Name);
        await library.PutFileAsync(path, content, entry.Modified, PendingPaths(entry.Id, content), cancellationToken);
    }

    /// <summary>Where a file lies that belongs to no item: as in the export, with the translated folder above the albums in English.</summary>
    private EntryPath PathOf(TakeoutEntry entry)
    {
        var names = entry.Folder.Split('/', StringSplitOptions.RemoveEmptyEntries).SkipWhile(name => name is "Takeout" or ".").ToArray();
        if (names.Length == 0 && entry.Name.EndsWith(".html", StringComparison.OrdinalIgnoreCase))
        {
            return CatalogPaths.Root.Append("exports").Append(TreeNames.Clean(set.Name)).Append(TreeNames.Clean(entry.Name));
        }

        var path = names.Skip(1).Aggregate(CatalogPaths.Photos, (folder, name) => folder.Append(FolderName(entry, name)));
        return path.Append(TreeNames.Clean(entry.Name));
    }

    private string FolderName(TakeoutEntry entry, string name) =>
        _albumFolders.TryGetValue(entry.Folder, out var album) ? album
        : _library is not null && _library.Pairing.YearFolders.TryGetValue(entry.Folder, out var year) ? ItemJoin.YearFolder(year).Name
        : TreeNames.Clean(name);

    private void Describe(bool complete)
    {
        var completeness = _export is null || !complete ? null : SetCompleteness.Judge(_export, now);
        var findings = (_export?.Findings ?? []).Concat(completeness?.Findings ?? []).ToArray();
        var settled = completeness?.State == CompletenessState.Proven || SettledAt <= now;
        Record = new()
        {
            Name = set.Name,
            Time = _from,
            Kind = _class.ToString().ToLowerInvariant(),
            Reason = _classReason,
            Completeness = completeness is null || !settled ? "pending" : completeness.State.ToString().ToLowerInvariant(),
            OldestNewItem = _oldestNew,
            Account = _export?.Index?.AccountEmail ?? held?.Account,
            Listing = ListingOf(set),
            ListedSince = ListedSince,
            Parts =
            [
                .. set.Parts.Select(part =>
                {
                    var damaged = findings
                        .Where(finding => finding.LosesData && finding.Part == part.Path)
                        .Select(finding => new ManifestNote(finding.Path ?? part.Path, finding.Message))
                        .ToArray();
                    return new ManifestPart
                    {
                        Name = part.Path,
                        Size = part.Size,
                        Version = VersionOf(part),
                        Ingested = _finished.Contains(part.Path),
                        Damaged = damaged.Length > 0 ? damaged : null,
                        HeldUntil = HeldNow(part)?.Until,
                        HeldTimes = HeldNow(part)?.Times,
                    };
                }),
            ],
        };
        Gaps.Clear();
        Warnings.Clear();
        foreach (var finding in findings)
        {
            Warnings.Add(finding.Message);
            if (finding.LosesData && complete && (settled || finding.Kind is FindingKind.DamagedEntry or FindingKind.DamagedPart or FindingKind.ChangedPart or FindingKind.TooLarge))
            {
                Gaps.Add(new(
                    finding.Kind switch
                    {
                        FindingKind.DamagedEntry or FindingKind.TooLarge => "entry",
                        FindingKind.DamagedPart or FindingKind.MissingPart => "part",
                        FindingKind.ChangedPart => "changed",
                        _ => "file",
                    },
                    finding.Path ?? finding.Part ?? set.Name,
                    finding.Message,
                    set.Name));
            }
        }
    }

    private static string RoleOf(FileRole role) => role switch
    {
        FileRole.Edited => CatalogRoles.Edited,
        FileRole.LiveVideo => CatalogRoles.Live,
        FileRole.MotionVideo => CatalogRoles.Motion,
        _ => CatalogRoles.Original,
    };

    private static string LastName(string folder) => folder[(folder.LastIndexOf('/') + 1)..];
}

/// <summary>A part that its storage does not hand out for now.</summary>
/// <param name="Words">The storage's; null when it was not asked, because the time has not come.</param>
/// <param name="Times">How often it was refused.</param>
internal sealed record PartHold(string Part, string? Words, DateTimeOffset Until, int Times);
