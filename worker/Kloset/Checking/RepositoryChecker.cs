using Kloset.Envelopes;
using Kloset.Packfiles;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.States;
using Kloset.Storage;

namespace Kloset.Checking;

/// <summary>
/// One check run. Damage is collected first, blob by blob and resource by resource; then one walk over the snapshots tells which of them and
/// which of their paths need what is damaged.
/// </summary>
internal sealed class RepositoryChecker(Repository repository, CheckOptions options, IProgress<CheckProgress>? progress)
{
    /// <summary>Packfiles are closed at 64 MiB; with the largest blob behind that none comes near this.</summary>
    private const int LargestPackfile = 1 << 30;

    private readonly Dictionary<(BlobType Type, Mac Id), BlobDamage> _damage = [];
    private readonly List<CheckFinding> _findings = [];

    /// <summary>Blobs that were found whole, by their numbers in the index.</summary>
    private readonly HashSet<int> _late = [];
    private System.Collections.BitArray _whole = new(0);
    private byte[] _packfile = [];
    private long _files;
    private long _chunks;
    private long _bytesRead;
    private Mac? _nextPosition;
    private long? _archiveSize;
    private IReadOnlyDictionary<Mac, List<int>>? _places;

    private RepositoryIndex Index => repository.Index;

    public async Task<CheckReport> RunAsync(CancellationToken cancellationToken)
    {
        await repository.RefreshAsync(cancellationToken);
        _whole = new System.Collections.BitArray(Index.SlotCount);
        foreach (var problem in repository.Problems)
            _findings.Add(new CheckFinding(CheckFindingKind.Damaged, problem.Key, $"The state {problem.Key} is damaged: {problem.Problem}.", [], [], 0));
        await CheckConfigurationAsync(cancellationToken);
        await CheckLocksAsync(cancellationToken);
        var damagedPackfiles = await CheckInventoryAsync(cancellationToken);
        if (options.Level >= CheckLevel.Data)
            await CheckPackfilesAsync(damagedPackfiles, cancellationToken);
        var ids = options.Snapshots ?? Index.Snapshots();
        if (options.Level >= CheckLevel.Structure)
        {
            var done = 0;
            foreach (var id in ids)
            {
                progress?.Report(new CheckProgress("structure", done++, ids.Count));
                await CheckSnapshotAsync(id, cancellationToken);
            }
        }

        foreach (var damage in _damage.Values)
            _findings.Add(damage.ToFinding());
        foreach (var packfile in damagedPackfiles.Values)
            _findings.Add(packfile.ToFinding());
        return new CheckReport(options.Level, _findings, ids.Count, _files, _chunks, _bytesRead, _nextPosition);
    }

    private async Task CheckConfigurationAsync(CancellationToken cancellationToken)
    {
        // It was read when the repository was opened; since then it may have changed.
        try
        {
            await Repository.ReadConfigurationAsync(repository.Store, cancellationToken);
        }
        catch (RepositoryException exception)
        {
            _findings.Add(new CheckFinding(CheckFindingKind.Damaged, "CONFIG", exception.Message, [], [], 0));
        }
    }

    private async Task CheckLocksAsync(CancellationToken cancellationToken)
    {
        foreach (var found in await repository.ListLocksAsync(cancellationToken))
        {
            if (found.Unreadable is { } problem)
            {
                _findings.Add(new CheckFinding(
                    CheckFindingKind.Warning, $"locks/{found.Id}", $"The lock locks/{found.Id} cannot be read ({problem}); other clients refuse to write while it is there.", [], [], 0));
            }
        }
    }

    /// <summary>What states declare against what the store lists.</summary>
    private async Task<Dictionary<Mac, PackfileDamage>> CheckInventoryAsync(CancellationToken cancellationToken)
    {
        var damaged = new Dictionary<Mac, PackfileDamage>();
        var present = new Dictionary<Mac, StoreItem>();
        await foreach (var item in repository.Store.ListAsync("packfiles/", cancellationToken))
        {
            if (Mac.TryParse(item.Key.AsSpan(item.Key.LastIndexOf('/') + 1), out var id))
                present[id] = item;
        }

        // A ptar names its only packfile as it likes.
        var isArchive = present.Count == 1 && present.ContainsKey(Mac.Zero);
        _archiveSize = isArchive ? present[Mac.Zero].Size : null;
        var declared = Index.Packfiles();
        progress?.Report(new CheckProgress("inventory", 0, declared.Count));
        foreach (var (packfile, _) in declared)
        {
            if (!packfile.Declared || packfile.Coloured)
                continue;
            if (!present.TryGetValue(isArchive ? Mac.Zero : packfile.Id, out var item))
                damaged.Add(packfile.Id, new PackfileDamage(packfile.Id, CheckFindingKind.Missing, "it is not in the store"));
            else if (item.Size < StorageEnvelope.HeaderSize + packfile.DataEnd + StorageEnvelope.TagSize)
                damaged.Add(packfile.Id, new PackfileDamage(packfile.Id, CheckFindingKind.Damaged, $"it has {item.Size} bytes, and its last blob ends behind them"));
        }

        if (!isArchive)
        {
            var known = declared.Select(p => p.Packfile.Id).ToHashSet();
            foreach (var (id, item) in present)
            {
                if (!known.Contains(id))
                {
                    _findings.Add(new CheckFinding(
                        CheckFindingKind.Orphan, item.Key, $"{item.Key} is named by no state: a run that did not finish left it behind. Maintenance removes it.", [], [], 0));
                }
            }

            Index.MarkMissing([.. present.Keys]);
        }

        return damaged;
    }

    /// <summary>Reads packfiles: up to the budget from the last position on, or all of them.</summary>
    private async Task CheckPackfilesAsync(Dictionary<Mac, PackfileDamage> damaged, CancellationToken cancellationToken)
    {
        var packfiles = Index.Packfiles().Where(p => p.Packfile.IsVisible && !(damaged.TryGetValue(p.Packfile.Id, out var d) && d.Kind == CheckFindingKind.Missing))
            .Select(p => p.Packfile.Id).Order().ToList();
        if (options.Level == CheckLevel.Data && options.DataPosition is { } position)
        {
            // Rotating: from the position to the end, then from the start.
            var split = packfiles.FindIndex(id => id >= position);
            if (split > 0)
                packfiles = [.. packfiles[split..], .. packfiles[..split]];
        }

        for (var i = 0; i < packfiles.Count; i++)
        {
            if (options.Level == CheckLevel.Data && options.DataBytes is { } budget && _bytesRead >= budget)
            {
                _nextPosition = packfiles[i];
                break;
            }

            progress?.Report(new CheckProgress("packfiles", i, packfiles.Count));
            var id = packfiles[i];
            try
            {
                await CheckPackfileAsync(id, damaged, cancellationToken);
            }
            catch (MalformedException exception)
            {
                damaged[id] = new PackfileDamage(id, CheckFindingKind.Damaged, exception.Message);
            }
            catch (StoreException exception)
            {
                damaged[id] = new PackfileDamage(
                    id, exception.Failure == StoreFailure.NotFound ? CheckFindingKind.Missing : CheckFindingKind.Damaged, exception.Message.TrimEnd('.'));
            }
        }
    }

    /// <summary>Envelope, tag, footer, index MAC, and every blob; then the index against the states.</summary>
    private async Task CheckPackfileAsync(Mac id, Dictionary<Mac, PackfileDamage> damaged, CancellationToken cancellationToken)
    {
        var file = await ReadPackfileAsync(id, cancellationToken);
        _bytesRead += file.Length;
        var problem = "";
        PackfileIndex? index = null;
        try
        {
            StorageEnvelope.ReadHeader(file.Span, ResourceType.Packfile, PackfileIndex.NewestVersion);
            if (repository.Codec.ComputeMac(file.Span[..^StorageEnvelope.TagSize]) != new Mac(file.Span[^StorageEnvelope.TagSize..]))
                problem = "its content does not match its tag";
            index = PackfileIndex.Read(repository.Codec, StorageEnvelope.Payload(file.Span), 0, out _);
        }
        catch (MalformedException exception)
        {
            problem = problem.Length > 0 ? $"{problem}, and {exception.Message}" : exception.Message;
        }

        if (problem.Length > 0)
            damaged[id] = new PackfileDamage(id, CheckFindingKind.Damaged, problem);
        // The states' places are what readers use; the packfile's own index is for repair.
        var places = (_places ??= Index.PlacesByPackfile()).GetValueOrDefault(id, []).Select(Index.PlaceAt).ToList();
        if (index is not null)
        {
            var indexed = index.Records.ToDictionary(r => (r.Type, r.Id), r => (r.Offset, r.Length));
            foreach (var (type, blob, location) in places)
            {
                if (!indexed.TryGetValue((type, blob), out var record) || record != (location.Offset, location.Length))
                {
                    damaged.TryAdd(id, new PackfileDamage(
                        id, CheckFindingKind.Damaged, $"a state places the {BlobReader.Describe(type, in blob)} where the packfile's index does not"));
                }
            }
        }

        Parallel.ForEach(
            places, new ParallelOptions { MaxDegreeOfParallelism = repository.Services.Parallelism, CancellationToken = cancellationToken },
            place =>
            {
                var (type, blob, location) = place;
                if (type == BlobType.Random)
                    return;
                try
                {
                    if (StorageEnvelope.HeaderSize + location.Offset + location.Length > file.Length - StorageEnvelope.TagSize)
                        throw new MalformedException("it lies behind the end of the packfile");
                    using var clear = new PooledBuffer((int)Math.Min(location.Length + 1024L, 16 << 20));
                    repository.Blobs.Decode(
                        type, in blob, file.Span.Slice((int)(StorageEnvelope.HeaderSize + location.Offset), (int)location.Length), clear);
                }
                catch (MalformedException exception)
                {
                    // Another whole copy makes it a damage of the packfile only.
                    if (Index.FindAll(type, in blob).Count(p => p.Packfile.IsVisible) <= 1)
                        Report(type, blob, $"The {BlobReader.Describe(type, in blob)} in packfile {id} is damaged: {exception.Message}.");
                }
            });
    }

    /// <summary>A whole packfile in a buffer that all of them share: its size is known from the listing.</summary>
    private async Task<ReadOnlyMemory<byte>> ReadPackfileAsync(Mac id, CancellationToken cancellationToken)
    {
        var key = PackfileIndex.KeyOf(in id);
        var size = _archiveSize ?? -1;
        await foreach (var item in repository.Store.ListAsync(key, cancellationToken))
            size = item.Size;
        if (size < 0)
            throw new StoreException(StoreFailure.NotFound, $"{key} is not in the store.");
        if (size > LargestPackfile)
            throw new MalformedException($"it has {size} bytes");
        if (_packfile.Length < size)
            _packfile = GC.AllocateUninitializedArray<byte>((int)size);
        var bytes = _packfile.AsMemory(0, (int)size);
        await repository.Store.ReadRangeAsync(key, 0, bytes, cancellationToken);
        return bytes;
    }

    private async Task CheckSnapshotAsync(SnapshotId id, CancellationToken cancellationToken)
    {
        SnapshotHeader header;
        try
        {
            header = await repository.ReadHeaderAsync(id, cancellationToken);
            // Another thread's copy may be cached: what is stored counts.
            await repository.Blobs.ReadAsync(BlobType.Snapshot, id.Value, HeaderCodec.Read, cancellationToken);
        }
        catch (Exception exception) when (IsDamage(exception))
        {
            Affect(Report(BlobType.Snapshot, id.Value, exception.Message), id, null);
            return;
        }

        var snapshot = new Snapshot(header, repository.Blobs, repository.Services.Parallelism);
        if (snapshot.Trees.Count == 0)
            Affect(Report(BlobType.Snapshot, id.Value, $"Snapshot {id} has no source; other clients stop at it."), id, null);
        foreach (var tree in snapshot.Trees)
        {
            foreach (var index in (tree.Source.Indexes ?? []).Where(i => i.Name is not (SnapshotIndex.ContentType or SnapshotIndex.Dirpack or SnapshotIndex.Summary)))
                _findings.Add(new CheckFinding(CheckFindingKind.Warning, $"snapshot {id}", $"Snapshot {id} has an index named '{index.Name}'; plakar's maintenance stops at it.", [id], [], 0));
            await CheckTreeAsync(snapshot, tree, cancellationToken);
        }
    }

    private async Task CheckTreeAsync(Snapshot snapshot, SnapshotTree tree, CancellationToken cancellationToken)
    {
        var id = snapshot.Id;
        await GuardAsync(BlobType.VfsTree, tree.Source.Root, id, null, async () =>
        {
            await foreach (var (key, entryId) in tree.Entries.WalkAsync(descending: false, cancellationToken))
            {
                var path = EntryPath.IsClean(key) ? EntryPath.FromBytes(key) : EntryPath.Root;
                await CheckEntryAsync(snapshot, tree, path, entryId, cancellationToken);
            }
        });
        await GuardAsync(BlobType.ErrorTree, tree.Source.Errors, id, null, async () =>
        {
            await foreach (var (key, value) in tree.Errors.WalkAsync(descending: false, cancellationToken))
                await VerifyAsync(BlobType.ErrorEntry, value, id, EntryPath.FromBytes(key), bytes => ObjectCodec.ReadError(bytes), cancellationToken);
        });
        await GuardAsync(BlobType.XattrTree, tree.Source.ExtendedAttributes, id, null, async () =>
        {
            await foreach (var (_, value) in tree.Xattrs.WalkAsync(descending: false, cancellationToken))
            {
                var attribute = await VerifyAsync(BlobType.XattrEntry, value, id, null, bytes => ObjectCodec.ReadXattr(bytes), cancellationToken);
                if (attribute is not null)
                    await CheckObjectAsync(id, attribute.Object, attribute.Path, cancellationToken);
            }
        });
        if (tree.Summaries is { } summaries)
        {
            await GuardAsync(BlobType.IndexTree, summaries.Root, id, null, async () =>
            {
                await foreach (var (key, value) in summaries.WalkAsync(descending: false, cancellationToken))
                    await VerifyAsync(BlobType.VfsSummary, value, id, EntryPath.FromBytes(key), bytes => SummaryCodec.Read(bytes), cancellationToken);
            });
        }

        if (tree.ContentTypes is { } types)
        {
            await GuardAsync(BlobType.IndexTree, types.Root, id, null, async () =>
            {
                await foreach (var _ in types.WalkAsync(descending: false, cancellationToken))
                {
                }
            });
        }

        if (tree.Dirpacks is { } dirpacks)
        {
            await GuardAsync(BlobType.IndexTree, dirpacks.Root, id, null, async () =>
            {
                await foreach (var (key, value) in dirpacks.WalkAsync(descending: false, cancellationToken))
                    await CheckDirpackAsync(tree, id, EntryPath.FromBytes(key), value, cancellationToken);
            });
        }
    }

    private async Task CheckEntryAsync(Snapshot snapshot, SnapshotTree tree, EntryPath path, Mac entryId, CancellationToken cancellationToken)
    {
        var entry = await VerifyAsync(BlobType.VfsEntry, entryId, snapshot.Id, path, bytes => EntryCodec.Read(bytes), cancellationToken);
        if (entry is null)
            return;
        if (entry.Path != path)
        {
            Affect(Report(BlobType.VfsEntry, entryId, $"The {BlobReader.Describe(BlobType.VfsEntry, in entryId)} calls itself {entry.Path}, and the tree calls it {path}."), snapshot.Id, path);
            return;
        }

        if (entry.Kind == EntryKind.Directory && tree.Dirpacks is { } dirpacks)
        {
            await GuardAsync(BlobType.IndexTree, dirpacks.Root, snapshot.Id, path, async () =>
            {
                if (await dirpacks.FindAsync(path.Bytes.ToArray(), cancellationToken) is null)
                    throw RepositoryException.Damaged($"Snapshot {snapshot.Id} has no listing of {path}.");
            });
        }

        if (entry.Kind != EntryKind.File)
            return;
        _files++;
        if (entry.Object.IsZero)
            Affect(Report(BlobType.VfsEntry, entryId, $"{path} has no content in snapshot {snapshot.Id}."), snapshot.Id, path);
        else
            await CheckObjectAsync(snapshot.Id, entry.Object, path, cancellationToken);
    }

    private async Task CheckObjectAsync(SnapshotId snapshot, Mac id, EntryPath path, CancellationToken cancellationToken)
    {
        // A whole object is looked at once; a damaged one tells each of its paths.
        if (IsWhole(Index.SlotOf(BlobType.Object, in id)))
            return;
        var item = await VerifyAsync(BlobType.Object, id, snapshot, path, bytes => ObjectCodec.Read(bytes), cancellationToken);
        if (item is null)
            return;
        var whole = true;
        foreach (var chunk in item.Chunks ?? [])
        {
            _chunks++;
            var slot = Index.SlotOf(BlobType.Chunk, chunk.ContentMac);
            if (IsWhole(slot))
                continue;
            if (_damage.TryGetValue((BlobType.Chunk, chunk.ContentMac), out var known))
            {
                Affect(known, snapshot, path);
                whole = false;
            }
            else if (slot < 0)
            {
                Affect(Report(BlobType.Chunk, chunk.ContentMac, $"The {BlobReader.Describe(BlobType.Chunk, chunk.ContentMac)} cannot be read: no packfile in the store holds it."), snapshot, path);
                whole = false;
            }
            else
                MarkWhole(slot);
        }

        if (whole)
            MarkWhole(Index.SlotOf(BlobType.Object, in id));
    }

    private bool IsWhole(int slot) => slot >= 0 && (slot < _whole.Length ? _whole[slot] : _late.Contains(slot));

    private void MarkWhole(int slot)
    {
        // A writer in the same process may add blobs while this runs.
        if (slot >= _whole.Length)
            _late.Add(slot);
        else if (slot >= 0)
            _whole[slot] = true;
    }

    /// <summary>A listing against the tree: every record must be what the tree names at that path.</summary>
    private async Task CheckDirpackAsync(SnapshotTree tree, SnapshotId snapshot, EntryPath directory, Mac dirpack, CancellationToken cancellationToken)
    {
        await CheckObjectAsync(snapshot, dirpack, directory, cancellationToken);
        await GuardAsync(BlobType.Object, dirpack, snapshot, directory, async () =>
        {
            await foreach (var record in tree.FramesAsync(dirpack, directory, cancellationToken))
            {
                if (repository.Codec.ComputeMac(record.Entry.Span) != record.EntryId)
                    throw RepositoryException.Damaged($"The listing of {directory} in snapshot {snapshot} holds an entry that does not match its MAC.");
                var entry = BlobReader.Parse(BlobType.VfsEntry, record.EntryId, record.Entry.Span, EntryCodec.Read);
                // Readers of listings and readers of the tree must see the same snapshot.
                if (entry.ParentPath != directory || await tree.Entries.FindAsync(entry.Path.Bytes.ToArray(), cancellationToken) != record.EntryId)
                    throw RepositoryException.Damaged($"The listing of {directory} in snapshot {snapshot} and its tree disagree about {entry.Path}.");
            }
        });
    }

    private async Task<T?> VerifyAsync<T>(
        BlobType type, Mac id, SnapshotId snapshot, EntryPath? path, BlobParser<T> parse, CancellationToken cancellationToken)
        where T : class
    {
        if (_damage.TryGetValue((type, id), out var known))
        {
            Affect(known, snapshot, path);
            return null;
        }

        try
        {
            return await repository.Blobs.ReadAsync(type, id, parse, cancellationToken);
        }
        catch (Exception exception) when (IsDamage(exception))
        {
            Affect(Report(type, id, exception.Message), snapshot, path);
            return null;
        }
    }

    private async Task GuardAsync(BlobType type, Mac id, SnapshotId snapshot, EntryPath? path, Func<Task> check)
    {
        try
        {
            await check();
        }
        catch (Exception exception) when (IsDamage(exception))
        {
            Affect(Report(type, id, exception.Message), snapshot, path);
        }
    }

    private static bool IsDamage(Exception exception) =>
        exception is RepositoryException or MalformedException or StoreException { Failure: StoreFailure.NotFound };

    private BlobDamage Report(BlobType type, Mac id, string message)
    {
        lock (_damage)
        {
            if (!_damage.TryGetValue((type, id), out var damage))
                _damage.Add((type, id), damage = new BlobDamage(BlobReader.Describe(type, in id), message));
            return damage;
        }
    }

    private static void Affect(BlobDamage damage, SnapshotId snapshot, EntryPath? path)
    {
        damage.Snapshots.Add(snapshot);
        if (path is not { } affected)
            return;
        damage.AffectedPaths++;
        if (damage.Paths.Count < CheckFinding.MaxPaths)
            damage.Paths.Add(affected);
    }

    private sealed class BlobDamage(string name, string message)
    {
        public HashSet<SnapshotId> Snapshots { get; } = [];

        public HashSet<EntryPath> Paths { get; } = [];

        public long AffectedPaths { get; set; }

        public CheckFinding ToFinding() =>
            new(CheckFindingKind.Damaged, name, message, [.. Snapshots.Order()], [.. Paths.Order()], AffectedPaths);
    }

    private sealed record PackfileDamage(Mac Id, CheckFindingKind Kind, string Problem)
    {
        public CheckFinding ToFinding()
        {
            var key = PackfileIndex.KeyOf(Id);
            return new CheckFinding(Kind, key, $"The packfile {key} is {(Kind == CheckFindingKind.Missing ? "missing" : "damaged")}: {Problem}.", [], [], 0);
        }
    }
}
