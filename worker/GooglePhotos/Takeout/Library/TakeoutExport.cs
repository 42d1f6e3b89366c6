using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Exports;
using GooglePhotos.Takeout.Metadata;
using GooglePhotos.Takeout.Pairing;
using GooglePhotos.Takeout.Sidecars;

namespace GooglePhotos.Takeout.Library;

public enum ReadScope
{
    /// <summary>Every file.</summary>
    Everything,

    /// <summary>Sidecars, album metadata and the index: enough to say what the export holds. A tgz must be unpacked for it all the same.</summary>
    MetadataOnly,
}

/// <summary>
/// One export, opened. Directories are read at once; contents stream by in the order in which they lie in the archives, each exactly
/// once, and nothing is ever unpacked to disk. What belongs to what is asked for with <see cref="Resolve"/>, at any time: it uses all
/// that was read so far. One reader at a time.
/// </summary>
public sealed class TakeoutExport
{
    private readonly ITakeoutStorage _storage;
    private readonly ArchiveLimits _limits;
    private readonly FindingList _findings;
    private readonly List<TakeoutEntry> _entries = [];
    private readonly Dictionary<TakeoutPart, PartState> _parts = [];
    private readonly Dictionary<TakeoutPart, string?> _held = [];
    private readonly Dictionary<string, string> _folderPool = new(StringComparer.Ordinal);
    private readonly Dictionary<(TakeoutPart, string), EntryPlace> _places = [];
    private readonly NameTable _names = new();
    private PairingResult? _pairing;
    private readonly Dictionary<CompactText, TakeoutJson.OfMedia> _described = [];

    private TakeoutExport(ITakeoutStorage storage, TakeoutSet set, ArchiveLimits limits)
    {
        _storage = storage;
        _limits = limits;
        _findings = new FindingList(limits);
        Set = set;
    }

    public TakeoutSet Set { get; }

    /// <summary>All files known so far; those of a tgz appear while it is read. The index is the entry's id.</summary>
    public IReadOnlyList<TakeoutEntry> Entries => _entries;

    public IReadOnlyList<TakeoutFinding> Findings => _findings.Items;

    /// <summary>Findings beyond the limit, of which only the number is kept.</summary>
    public long FindingsDropped => _findings.Dropped;

    /// <summary>Parts that their storage does not hand out for now, with its words; null where nobody asked. Nothing more of them is read.</summary>
    public IReadOnlyDictionary<TakeoutPart, string?> HeldParts => _held;

    /// <summary>The export's own list of files, once it was read; null when there is none.</summary>
    public ExportIndex? Index { get; private set; }

    /// <summary>Reads the directories of all zip parts. A part without a readable directory is a finding and is searched while reading.</summary>
    /// <param name="hold">Parts that are not to be asked for this time.</param>
    public static async Task<TakeoutExport> OpenAsync(
        ITakeoutStorage storage, TakeoutSet set, ArchiveLimits? limits, CancellationToken ct, Func<TakeoutPart, bool>? hold = null)
    {
        TakeoutExport export = new(storage, set, limits ?? new ArchiveLimits());
        foreach (TakeoutPart part in set.Parts)
        {
            PartState state = new();
            export._parts[part] = state;
            if (hold?.Invoke(part) == true)
            {
                export._held[part] = null;
                continue;
            }

            try
            {
                switch (part.Format)
                {
                    case PartFormat.Zip:
                        await export.OpenZipAsync(part, state, ct);
                        break;
                    case PartFormat.Tgz:
                        break;
                    default:
                        await export.OpenFilesAsync(part, state, ct);
                        break;
                }
            }
            catch (PartHeldException held)
            {
                export.Hold(part, held);
            }
        }

        return export;
    }

    /// <summary>Told by whoever reads a content: its part is not handed out any further, and is left out of all that comes.</summary>
    public void Hold(TakeoutPart part, PartHeldException held) => _held[part] = held.Message;

    /// <summary>
    /// Streams the contents. With cheap seeks all sidecars and pages come first, part by part, then everything else; without, each part
    /// is read front to back. A content whose stream is not opened is skipped and costs nothing (in a tgz: its unpacking).
    /// </summary>
    public async IAsyncEnumerable<TakeoutContent> ReadAsync(ReadScope scope, [EnumeratorCancellation] CancellationToken ct)
    {
        foreach (bool? metadata in _storage.SeeksAreCheap || scope == ReadScope.MetadataOnly ? new bool?[] { true, false } : [null])
        {
            if (metadata == false && scope == ReadScope.MetadataOnly)
            {
                // Who pairs before the films are read needs the clocks of those that names cannot place.
                await ReadClipTimesAsync(ct);
                yield break;
            }

            foreach (TakeoutPart part in Set.Parts)
            {
                if (_held.ContainsKey(part))
                {
                    continue;
                }

                // A tgz cannot be read in two goes; its only pass is the last one that is made.
                if (part.Format == PartFormat.Tgz)
                {
                    if (metadata != true || scope == ReadScope.MetadataOnly)
                    {
                        await foreach (TakeoutContent content in ReadTgzAsync(part, scope, ct))
                        {
                            yield return content;
                        }
                    }

                    continue;
                }

                await foreach (TakeoutContent content in ReadPartAsync(part, metadata, ct))
                {
                    yield return content;
                }
            }
        }
    }

    /// <summary>Reads the sidecars and the index, and throws the rest away. For callers that only want to know what is there.</summary>
    public async Task ReadMetadataAsync(CancellationToken ct)
    {
        await foreach (TakeoutContent _ in ReadAsync(ReadScope.MetadataOnly, ct))
        {
        }
    }

    /// <summary>
    /// Looks at the first bytes of all media that were not read: names what nothing recognises. Only sensible where seeks are cheap.
    /// </summary>
    public async Task SniffAsync(CancellationToken ct)
    {
        byte[] head = new byte[MediaSniffer.HeadBytes];
        foreach (TakeoutPart part in Set.Parts)
        {
            PartState state = _parts[part];
            if (part.Format == PartFormat.Tgz)
            {
                continue;
            }

            Stream? archive = null;
            try
            {
                foreach (TakeoutEntry entry in state.Entries)
                {
                    if (state.Changed || entry.HeadRead || entry.Damaged || entry.IsJson || entry.IsPage)
                    {
                        continue;
                    }

                    ct.ThrowIfCancellationRequested();
                    try
                    {
                        archive ??= part.Format == PartFormat.Zip ? await _storage.OpenReadAsync(part.Files[0], ct) : null;
                        await using Stream content = archive is null
                            ? await _storage.OpenReadAsync(state.Files[entry], ct)
                            : await ZipContent.OpenAsync(archive, entry.HeaderOffset, entry.CompressedSize, entry.Method, entry.Flags, state.DirectoryStart, ct);
                        int read = await content.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, ct);
                        entry.HeadRead = true;
                        entry.MimeType = MediaSniffer.Sniff(head.AsSpan(0, read));
                    }
                    catch (ArchiveChangedException e) when (part.Format == PartFormat.Zip)
                    {
                        MarkChanged(part, state, e);
                        break;
                    }
                    catch (Exception e) when (TakeoutDamageException.IsDamage(e))
                    {
                        Damage(entry, e.Message, e is ArchiveChangedException ? FindingKind.ChangedPart : FindingKind.DamagedEntry);
                    }
                }
            }
            finally
            {
                if (archive is not null)
                {
                    await archive.DisposeAsync();
                }
            }
        }
    }

    /// <summary>
    /// Reads the clocks of those clips that names alone cannot place (one clip, two pictures of its stem): few and small films. Otherwise
    /// the clock is noted while a clip streams by.
    /// </summary>
    private async Task ReadClipTimesAsync(CancellationToken ct)
    {
        if (!_entries.Exists(e => e is { Damaged: false, MediaTime: null } && IsClip(e)))
        {
            return;
        }

        PairingResult pairing = Pair();
        foreach (IGrouping<TakeoutPart, TakeoutEntry> unplaced in _entries
            .Where(e => e is { Damaged: false, MediaTime: null } && pairing.Verdicts[e.Id].Reason == PairReason.Ambiguous && IsClip(e)).GroupBy(e => e.Part))
        {
            if (unplaced.Key.Format == PartFormat.Tgz || _held.ContainsKey(unplaced.Key))
            {
                continue;
            }

            PartState state = _parts[unplaced.Key];
            await using Stream? archive = unplaced.Key.Format == PartFormat.Zip ? await _storage.OpenReadAsync(unplaced.Key.Files[0], ct) : null;
            foreach (TakeoutEntry entry in unplaced)
            {
                try
                {
                    await using Stream film = await OpenEntryAsync(entry, state, archive, ct);
                    using FilmClock clock = new();
                    byte[] buffer = new byte[64 << 10];
                    int read;
                    while (!clock.Done && (read = await film.ReadAsync(buffer, ct)) > 0)
                    {
                        clock.Append(buffer.AsSpan(0, read));
                    }

                    entry.MediaTime = clock.Created;
                    _pairing = null;
                }
                catch (TakeoutDamageException)
                {
                }
                catch (PartHeldException held)
                {
                    Hold(unplaced.Key, held);
                    break;
                }
            }
        }
    }

    internal static bool IsClip(TakeoutEntry entry) => MediaTypes.OfName(entry.Name) is MediaKind.Video or MediaKind.MotionClip;

    /// <summary>Pairs, groups and joins what was read so far. Pure; call it again when more was read.</summary>
    public TakeoutLibrary Resolve()
    {
        PairingResult pairing = Pair();
        _pairing = null;
        Forget();
        TakeoutLibrary library = TakeoutLibrary.Build((IReadOnlyList<TakeoutEntry>)pairing.Files, pairing);
        Forget();
        return library;
    }

    private PairingResult Pair()
    {
        if (_pairing is { } known)
        {
            return known;
        }

        // Only needed while sidecars are read, and many urls.
        _described.Clear();
        _described.TrimExcess();
        Forget();

        // Reading a tgz may go on adding to our list.
        _entries.TrimExcess();
        return _pairing = TakeoutPairing.Pair(Set.Parts.Any(part => part.Format == PartFormat.Tgz) ? (TakeoutEntry[])[.. _entries] : _entries, Forget);
    }

    /// <summary>
    /// What a step needed is garbage by now, but old garbage that nobody comes for until the heap has nearly doubled: at a hundred
    /// thousand items that is the difference between 400 and 700 MB.
    /// </summary>
    private void Forget() => Forget(_entries.Count);

    /// <summary>Gives memory back, where there is much: to be called when much of what an export of so many files needed is needed no longer.</summary>
    public static void Forget(int entries)
    {
        if (entries > ManyEntries)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
    }

    /// <summary>From how many files on it is worth the time to collect garbage where much has just become some.</summary>
    private const int ManyEntries = 20_000;

    // ---- opening -----------------------------------------------------------------------------------------------------------------

    private async Task OpenZipAsync(TakeoutPart part, PartState state, CancellationToken ct)
    {
        try
        {
            await using Stream archive = await _storage.OpenReadAsync(part.Files[0], ct);
            (state.DirectoryStart, bool hasMore) = await ZipDirectory.ReadAsync(archive, _limits, zip => AddZipEntry(part, state, zip), ct);
            if (hasMore)
            {
                NoteLimit(part);
            }
        }
        catch (ArchiveChangedException e)
        {
            MarkChanged(part, state, e);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            _findings.Add(FindingKind.DamagedPart, part.Path, null,
                $"{part.Path} is damaged: {e.Message}. What can be found in it is kept; download this part again.");
            state.DirectoryStart = state.Entries.Count > 0 ? long.MaxValue : 0;
            if (state.Entries.Count == 0)
            {
                try
                {
                    await using Stream archive = await _storage.OpenReadAsync(part.Files[0], ct);
                    state.DirectoryStart = await ZipRecovery.ScanAsync(archive, _limits, zip => AddZipEntry(part, state, zip), ct);
                }
                catch (ArchiveChangedException changed)
                {
                    MarkChanged(part, state, changed);
                }
                catch (InvalidDataException)
                {
                    // Its storage does not hand it out: there is nothing to find in it.
                    state.DirectoryStart = 0;
                }
            }
            else
            {
                state.DirectoryStart = part.Files[0].Size;
            }
        }

        state.Entries.Sort(static (a, b) => a.HeaderOffset.CompareTo(b.HeaderOffset));
        RefuseOverlaps(part, state);
    }

    private void AddZipEntry(TakeoutPart part, PartState state, ZipEntry zip)
    {
        if (zip.IsDirectory)
        {
            return;
        }

        if (zip.IsSpecial)
        {
            _findings.Add(FindingKind.NotAFile, part.Path, zip.Name,
                $"{EntryNames.Display(zip.Name)} in {part.Path} is a link or device; it is not followed.");
            return;
        }

        TakeoutEntry? entry = AddEntry(part, state, zip.Name, zip.Size, zip.Crc32, zip.Modified, zip.HeaderOffset, zip.CompressedSize, zip.Method, zip.Flags);
        if (entry is not null && zip.Size > _limits.BombFloorBytes && zip.Size / _limits.MaxRatio > zip.CompressedSize)
        {
            entry.Damaged = true;
            _findings.Add(FindingKind.TooLarge, part.Path, entry.Path,
                $"{EntryNames.Display(entry.Path)} in {part.Path} would unpack {zip.CompressedSize} bytes to {zip.Size}: it is not read.");
        }
    }

    private TakeoutEntry? AddEntry(
        TakeoutPart part, PartState state, string rawPath, long size, uint? crc, DateTimeOffset modified, long offset, long compressed, ushort method, ushort flags)
    {
        string path = EntryNames.MakeSafe(rawPath, out bool changed);
        int slash = path.LastIndexOf('/');
        string folder = Pool(slash < 0 ? "" : path[..slash]);
        string name = path[(slash + 1)..];
        if (changed)
        {
            // A file whose name climbs out of the archive has no place among the albums; it is kept apart.
            _findings.Add(FindingKind.UnsafeName, part.Path, path,
                $"{part.Path} holds a file with the unsafe name {EntryNames.Display(Printable(rawPath))}; it is kept as {EntryNames.Display(path)}.");
        }

        if (part.Format is PartFormat.Zip or PartFormat.Tgz && folder.Length == 0)
        {
            // Only what lies beside the parts is loose; a zip's top level is a folder of its own.
            folder = Pool(".");
        }

        (string, string) key = (folder, name);
        if (state.Names.TryGetValue(key, out TakeoutEntry? earlier))
        {
            if (earlier.Size != size || earlier.Crc32 != crc)
            {
                _findings.Add(FindingKind.DuplicateName, part.Path, path,
                    $"{EntryNames.Display(path)} is in {part.Path} twice, with different content; the first is kept.");
            }

            return null;
        }

        TakeoutEntry entry = new(PlaceOf(part, folder), name)
        {
            Id = _entries.Count,
            Size = size,
            Crc32 = crc,
            Modified = modified,
            HeaderOffset = offset,
            CompressedSize = compressed,
            Method = method,
            Flags = flags,
        };
        state.Names.Add(key, entry);
        state.Entries.Add(entry);
        _entries.Add(entry);
        _pairing = null;
        return entry;
    }

    private void RefuseOverlaps(TakeoutPart part, PartState state)
    {
        long end = 0;
        foreach (TakeoutEntry entry in state.Entries)
        {
            if (entry.HeaderOffset < end && !entry.Damaged)
            {
                entry.Damaged = true;
                _findings.Add(FindingKind.DamagedEntry, part.Path, entry.Path,
                    $"{EntryNames.Display(entry.Path)} in {part.Path} shares its bytes with another file: this is no archive that Google made, and it is not read.");
                continue;
            }

            end = Math.Max(end, entry.HeaderOffset + 30 + entry.CompressedSize);
        }

        // Names are only needed while a directory is read.
        state.Names.Clear();
        state.Names.TrimExcess();
        state.Entries.TrimExcess();
    }

    private async Task OpenFilesAsync(TakeoutPart part, PartState state, CancellationToken ct)
    {
        foreach (StoredFile file in part.Files)
        {
            string path = file.Path.StartsWith(Set.Prefix, StringComparison.Ordinal) ? file.Path[Set.Prefix.Length..] : file.Path;
            int slash = path.LastIndexOf('/');
            TakeoutEntry entry = new(PlaceOf(part, Pool(part.Format == PartFormat.Loose || slash < 0 ? "" : path[..slash])), path[(slash + 1)..])
            {
                Id = _entries.Count,
                Size = file.Size,
                Modified = file.Modified,
            };
            state.Entries.Add(entry);
            state.Files[entry] = file;
            _entries.Add(entry);
            if (part.Format == PartFormat.Loose && MediaTypes.OfName(entry.Name) is MediaKind.Video)
            {
                try
                {
                    await using Stream film = await _storage.OpenReadAsync(file, ct);
                    entry.MediaTime = await QuickTimeClock.ReadAsync(film, ct);
                }
                catch (ArchiveChangedException)
                {
                    // told where its content is read
                }
            }
        }
    }

    // ---- reading -----------------------------------------------------------------------------------------------------------------

    private async IAsyncEnumerable<TakeoutContent> ReadPartAsync(TakeoutPart part, bool? metadata, [EnumeratorCancellation] CancellationToken ct)
    {
        PartState state = _parts[part];
        RangeStream? archive = null;
        try
        {
            for (int i = 0; i < state.Entries.Count && !state.Changed; i++)
            {
                TakeoutEntry entry = state.Entries[i];
                bool small = entry.IsJson || (entry.IsPage && IsTopLevel(entry));
                if (entry.Damaged || (metadata is { } wanted && wanted != small))
                {
                    continue;
                }

                ct.ThrowIfCancellationRequested();
                if (part.Format == PartFormat.Zip && archive is null)
                {
                    archive = await _storage.OpenReadAsync(part.Files[0], ct);
                }

                if (metadata == true)
                {
                    archive?.Expect(entry.HeaderOffset, EndOfRun(state, i));
                }

                TakeoutContent content = new(entry, token => OpenEntryAsync(entry, state, archive, token));
                if (await PrepareOrHoldAsync(content, ct))
                {
                    yield return content;
                    await FinishOrHoldAsync(content, ct);
                }

                if (_held.ContainsKey(part))
                {
                    yield break;
                }

                if (entry.Damaged)
                {
                    await VerifyAsync(part, state, archive, ct);
                }
            }

            await VerifyAsync(part, state, archive, ct);
        }
        finally
        {
            if (archive is not null)
            {
                await archive.DisposeAsync();
            }
        }
    }

    /// <summary>At the end of a part, and where it seems damaged: perhaps it is only another one by now.</summary>
    private async Task VerifyAsync(TakeoutPart part, PartState state, RangeStream? archive, CancellationToken ct)
    {
        if (archive is null || state.Changed)
        {
            return;
        }

        try
        {
            await archive.VerifyAsync(ct);
        }
        catch (ArchiveChangedException e)
        {
            MarkChanged(part, state, e);
        }
        catch (InvalidDataException e) when (!state.IsDoubted)
        {
            state.IsDoubted = true;
            _findings.Add(FindingKind.DamagedPart, part.Path, null, $"{part.Path} is damaged: {e.Message}. What can be found in it is kept; download this part again.");
        }
        catch (InvalidDataException)
        {
            // told before
        }
    }

    private void MarkChanged(TakeoutPart part, PartState state, ArchiveChangedException how)
    {
        state.Changed = true;
        _findings.Add(FindingKind.ChangedPart, part.Path, null,
            $"{part.Path} changed while it was read: {how.Message}. What was read until then is kept; the rest is read once it lies there unchanged.");
    }

    /// <summary>Where the sidecars end that lie so near to one another that fetching what is between them costs less than asking again.</summary>
    private static long EndOfRun(PartState state, int first)
    {
        long End(int index) => index + 1 < state.Entries.Count ? state.Entries[index + 1].HeaderOffset : state.DirectoryStart;
        long end = End(first);
        long limit = state.Entries[first].HeaderOffset + RunBytes;
        for (int next = first + 1; next < state.Entries.Count && state.Entries[next].HeaderOffset - end <= NearBytes && end < limit; next++)
        {
            if (state.Entries[next].IsJson && !state.Entries[next].Damaged)
            {
                end = End(next);
            }
        }

        return end;
    }

    // A request takes about as long as half a megabyte.
    private const long NearBytes = 512 << 10;
    private const long RunBytes = 8 << 20;

    private async IAsyncEnumerable<TakeoutContent> ReadTgzAsync(TakeoutPart part, ReadScope scope, [EnumeratorCancellation] CancellationToken ct)
    {
        PartState state = _parts[part];
        if (state.Entries.Count > 0)
        {
            // Read before (an inspection, then a backup): entries keep their ids.
            foreach (TakeoutEntry entry in state.Entries)
            {
                state.Names[(entry.Folder, entry.Name)] = entry;
            }
        }

        await using RangeStream packed = await _storage.OpenReadAsync(part.Files[0], ct);
        await using GZipStream unpacked = new(packed, CompressionMode.Decompress);
        await using GuardedTarStream guarded = new(unpacked, () => packed.Position, _limits);
        await using TarReader reader = new(guarded);
        HashSet<TakeoutEntry> seen = [];
        while (!state.Changed)
        {
            TarEntry? tar = null;
            string? failure = null;
            try
            {
                tar = await reader.GetNextEntryAsync(copyData: false, ct);
            }
            catch (ArchiveChangedException e)
            {
                MarkChanged(part, state, e);
            }
            catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException or ArgumentException)
            {
                failure = e.Message;
            }
            catch (PartHeldException held)
            {
                Hold(part, held);
                yield break;
            }

            if (state.Changed)
            {
                yield break;
            }

            if (failure is not null)
            {
                await VerifyAsync(part, state, packed, ct);
                if (state.Changed)
                {
                    yield break;
                }

                _findings.Add(FindingKind.DamagedPart, part.Path, null,
                    $"{part.Path} is damaged and cannot be read further: {failure} What came before is kept; download this part again.");
                yield break;
            }

            if (tar is null)
            {
                await VerifyAsync(part, state, packed, ct);
                break;
            }

            ct.ThrowIfCancellationRequested();
            if (tar.EntryType is TarEntryType.Directory or TarEntryType.GlobalExtendedAttributes)
            {
                continue;
            }

            if (tar.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile))
            {
                _findings.Add(FindingKind.NotAFile, part.Path, tar.Name, $"{EntryNames.Display(tar.Name)} in {part.Path} is a link or device; it is not followed.");
                continue;
            }

            if (seen.Count >= _limits.MaxEntriesPerPart)
            {
                NoteLimit(part);
                yield break;
            }

            string name = tar.Name.Contains('\uFFFD', StringComparison.Ordinal) ? guarded.EntryName : tar.Name;
            TakeoutEntry? entry = Known(state, name, tar.Length, seen) ?? AddEntry(part, state, name, tar.Length, null, tar.ModificationTime, 0, 0, 0, 0);
            if (entry is null || !seen.Add(entry))
            {
                continue;
            }

            bool small = entry.IsJson || (entry.IsPage && IsTopLevel(entry));
            if (scope == ReadScope.MetadataOnly && !small)
            {
                continue;
            }

            Stream data = tar.DataStream ?? Stream.Null;
            TakeoutContent content = new(entry, _ => Task.FromResult<Stream>(new VerifiedStream(data, entry.Size, null, part.Path, entry.Path, _findings)));
            if (await PrepareOrHoldAsync(content, ct))
            {
                yield return content;
                await FinishOrHoldAsync(content, ct);
            }

            if (_held.ContainsKey(part))
            {
                yield break;
            }

            if (entry.Damaged)
            {
                await VerifyAsync(part, state, packed, ct);
            }
        }
    }

    private void NoteLimit(TakeoutPart part) => _findings.Add(FindingKind.ReaderLimit, part.Path, null,
        $"{part.Path} holds more than {_limits.MaxEntriesPerPart} files; the rest is not read. Google makes no such parts: unpack it, and take the folder in its place.");

    private static TakeoutEntry? Known(PartState state, string name, long size, HashSet<TakeoutEntry> seen)
    {
        string path = EntryNames.MakeSafe(name, out _);
        int slash = path.LastIndexOf('/');
        return state.Names.TryGetValue((slash < 0 ? "." : path[..slash], path[(slash + 1)..]), out TakeoutEntry? known)
            && known.Size == size && !seen.Contains(known)
                ? known
                : null;
    }

    private async Task<bool> PrepareOrHoldAsync(TakeoutContent content, CancellationToken ct)
    {
        try
        {
            return await PrepareAsync(content, ct);
        }
        catch (PartHeldException held)
        {
            Hold(content.Entry.Part, held);
            return false;
        }
    }

    private async Task FinishOrHoldAsync(TakeoutContent content, CancellationToken ct)
    {
        try
        {
            await content.FinishAsync(ct);
        }
        catch (PartHeldException held)
        {
            Hold(content.Entry.Part, held);
        }
    }

    /// <summary>Reads what we must know ourselves. False when the entry is damaged: it is named in the findings and not handed out.</summary>
    private async Task<bool> PrepareAsync(TakeoutContent content, CancellationToken ct)
    {
        TakeoutEntry entry = content.Entry;
        if (entry.IsPage && IsTopLevel(entry))
        {
            ExportIndexParser parser = new(KnownFiles());
            content.Watch(parser.Feed, () =>
            {
                if (parser.Index.IsIndex && (Index is null || parser.Index.Rows > Index.Rows))
                {
                    Index = parser.Index;
                }
            });
            return true;
        }

        // What was parsed before (metadata first, everything after) is not read again unless the caller asks.
        if (!entry.IsJson || entry.Json is not null || entry.Size > TakeoutJsonParser.MaxBytes)
        {
            return true;
        }

        try
        {
            byte[] json = await content.BufferAsync(ct);
            TakeoutJson parsed = TakeoutJsonParser.Parse(json);
            content.Sidecar = (parsed as TakeoutJson.OfMedia)?.Sidecar as Sidecar;
            entry.Json = Share(parsed);
            _pairing = null;
            if (entry.Json is TakeoutJson.Unreadable { Reason: var reason })
            {
                _findings.Add(FindingKind.InvalidJson, entry.Part.Path, entry.Path, $"{EntryNames.Display(entry.Path)} is not a readable JSON file ({reason}); it is kept as it is.");
            }

            return true;
        }
        catch (TakeoutDamageException)
        {
            entry.Damaged = true;
            return false;
        }
    }

    /// <summary>The files that are known when the index is read: of rows about them only the number is kept.</summary>
    private HashSet<ulong> KnownFiles()
    {
        HashSet<ulong> known = new(_entries.Count);
        foreach (TakeoutEntry entry in _entries)
        {
            known.Add(ExportIndex.KeyOf(entry.Folder[(entry.Folder.LastIndexOf('/') + 1)..], entry.Name));
        }

        return known;
    }

    private async Task<Stream> OpenEntryAsync(TakeoutEntry entry, PartState state, Stream? archive, CancellationToken ct)
    {
        try
        {
            Stream raw = archive is null
                ? await _storage.OpenReadAsync(state.Files[entry], ct)
                : await ZipContent.OpenAsync(archive, entry.HeaderOffset, entry.CompressedSize, entry.Method, entry.Flags, state.DirectoryStart, ct);
            return new VerifiedStream(raw, entry.Size, entry.Crc32, entry.Part.Path.Length > 0 ? entry.Part.Path : _storage.Location, entry.Path, _findings);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FileNotFoundException or DirectoryNotFoundException or ArchiveChangedException)
        {
            if (e is ArchiveChangedException changed && archive is not null)
            {
                MarkChanged(entry.Part, state, changed);
            }

            string what = e switch
            {
                ArchiveChangedException => "changed while it was read: " + e.Message,
                InvalidDataException => e.Message,
                _ => "cannot be opened: " + e.Message,
            };
            throw new TakeoutDamageException(Damage(entry, what, e is ArchiveChangedException ? FindingKind.ChangedPart : FindingKind.DamagedEntry), e);
        }
    }

    private TakeoutFinding Damage(TakeoutEntry entry, string what, FindingKind kind = FindingKind.DamagedEntry)
    {
        entry.Damaged = true;
        TakeoutFinding finding = new(kind, entry.Part.Path, entry.Path,
            $"{EntryNames.Display(entry.Path)} in {(entry.Part.Path.Length > 0 ? entry.Part.Path : _storage.Location)} {what}. Download this part again.");
        _findings.Add(finding);
        return finding;
    }

    /// <summary>Of a sidecar only what pairing needs is kept, and once: an album's copy says the same again.</summary>
    private TakeoutJson Share(TakeoutJson json)
    {
        if (json is not TakeoutJson.OfMedia { Sidecar: Sidecar { Identity: var identity } })
        {
            return json;
        }

        if (identity.UrlKey is not { IsNull: false } url)
        {
            return new TakeoutJson.OfMedia(identity);
        }

        ref TakeoutJson.OfMedia? known = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_described, url, out _);
        return known is null ? known = new(identity) : known.Sidecar == identity ? known : new TakeoutJson.OfMedia(identity);
    }

    private string Pool(string folder)
    {
        ref string? known = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_folderPool, folder, out _);
        return known ??= folder;
    }

    private EntryPlace PlaceOf(TakeoutPart part, string folder)
    {
        ref EntryPlace? known = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_places, (part, folder), out _);
        return known ??= new(part, folder, _names);
    }

    private static bool IsTopLevel(TakeoutEntry entry) => entry.Folder is "Takeout" or "" or ".";

    private static string Printable(string raw) => string.Create(Math.Min(raw.Length, 300), raw, static (span, source) =>
    {
        for (int i = 0; i < span.Length; i++)
        {
            span[i] = char.IsControl(source[i]) ? '?' : source[i];
        }
    });

    private sealed class PartState
    {
        internal List<TakeoutEntry> Entries { get; } = [];

        internal Dictionary<(string, string), TakeoutEntry> Names { get; } = [];

        internal Dictionary<TakeoutEntry, StoredFile> Files { get; } = [];

        internal long DirectoryStart { get; set; }

        /// <summary>It is another file by now; nothing more is read of it.</summary>
        internal bool Changed { get; set; }

        /// <summary>Its bytes as a whole are not those that its storage names a checksum of.</summary>
        internal bool IsDoubted { get; set; }
    }
}
