using Kloset.Msgpack;
using Kloset.Repositories;
using Kloset.Snapshots;

namespace Kloset.Writing;

/// <summary>
/// Builds the trees of a snapshot: the basis' dirpacks and trees as streams, merged with sorted changes. Directories are held in memory,
/// entries are not. What no change touches is taken over without being opened: a directory's dirpack and summary as they are, entries as
/// (path, identifier) pairs of the basis' own trees.
/// </summary>
internal sealed class SnapshotBuilder : IDisposable
{
    private readonly WritingSession _session;
    private readonly SnapshotTree? _basis;
    private readonly SnapshotTree? _attributesOf;
    private readonly DirectoryPlan _plan = new();
    private readonly ExternalSorter _changes;
    private readonly TreeDeltas _entries;
    private readonly TreeDeltas _types;
    private readonly XattrMerge _attributes;
    private readonly ErrorMerge _errors;
    private readonly MsgpackWriter _writer = new(2048);

    /// <param name="basis">Must be one that <see cref="CanExtend"/>.</param>
    /// <param name="attributesOf">A tree that comes as changes, and whose extended attributes are to be kept.</param>
    public SnapshotBuilder(WritingSession session, SnapshotTree? basis, SnapshotTree? attributesOf, Func<string> folder)
    {
        _session = session;
        _basis = basis;
        _attributesOf = attributesOf ?? basis;
        var buffer = session.Options.SortBufferBytes;
        _changes = new ExternalSorter(folder, buffer, descending: false);
        _entries = new TreeDeltas(folder, buffer);
        _types = new TreeDeltas(folder, buffer);
        _attributes = new XattrMerge(session, folder);
        _errors = new ErrorMerge(session);
    }

    public void Dispose()
    {
        _changes.Dispose();
        _entries.Dispose();
        _types.Dispose();
        _attributes.Dispose();
    }

    /// <summary>Whether this engine can go on from a tree as it is; otherwise it is read through and written anew.</summary>
    public static bool CanExtend(SnapshotTree tree) => tree is { Dirpacks: not null, Summaries: not null, ContentTypes: not null };

    public async Task<SnapshotSource> BuildAsync(SnapshotDraft draft, IAsyncEnumerable<TreeChange> changes, CancellationToken cancellationToken)
    {
        var directory = EntryPath.Parse(draft.Directory);
        await LoadBasisAsync(cancellationToken);
        await foreach (var change in changes.WithCancellation(cancellationToken))
            await TakeAsync(change);
        foreach (var error in draft.Errors)
            TakeError(error.Path, error.Message);
        var directories = await CompleteDirectoriesAsync();
        if (Array.BinarySearch(directories, directory, TreeKeys.SubtreeOrder) < 0)
            throw new InvalidOperationException($"The snapshot's directory {directory} is not a directory of its tree.");
        var merge = new DirectoryMerge(_session, _basis, _plan, _entries, _types, _attributes);
        var summary = await merge.RunAsync(directories, _changes, _errors.CountByDirectory(), cancellationToken);
        var dirpacks = await WriteDirectoryIndexAsync(directories, merge.Dirpacks, _plan.BasisDirpacks, cancellationToken);
        var summaries = await WriteDirectoryIndexAsync(directories, merge.Summaries, _plan.BasisSummaries, cancellationToken);
        var entries = await _entries.WriteMergedAsync(
            new TreeBuilder(_session, TreeKind.Vfs), _basis?.Entries, TreeKeys.ToPath, path => TreeKeys.OfPath(path), _plan.IsRemovedPath, cancellationToken);
        var types = await _types.WriteMergedAsync(
            new TreeBuilder(_session, TreeKind.Index), _basis?.ContentTypes, key => key, key => key, _plan.IsRemovedType, cancellationToken);
        var attributes = await _attributes.WriteAsync(_plan.IsRemovedPath, cancellationToken);
        var errors = await _errors.WriteAsync();
        return new SnapshotSource
        {
            Type = draft.Type,
            Origin = draft.Origin,
            Directory = directory.ToString(),
            Root = entries,
            ExtendedAttributes = attributes,
            Errors = errors,
            Indexes =
            [
                new SnapshotIndex(SnapshotIndex.ContentType, "btree", types),
                new SnapshotIndex(SnapshotIndex.Dirpack, "btree", dirpacks),
                new SnapshotIndex(SnapshotIndex.Summary, "btree", summaries),
            ],
            Summary = summary,
        };
    }

    private async Task LoadBasisAsync(CancellationToken cancellationToken)
    {
        if (_attributesOf is not null)
            await _attributes.LoadAsync(_attributesOf.Xattrs, cancellationToken);
        if (_basis is null)
            return;
        await foreach (var (key, id) in _basis.Dirpacks!.WalkAsync(descending: false, cancellationToken))
            _plan.AddBasisDirpack(EntryPath.FromBytes(key), id);
        await foreach (var (key, id) in _basis.Summaries!.WalkAsync(descending: false, cancellationToken))
            _plan.AddBasisSummary(EntryPath.FromBytes(key), id);
        await _errors.LoadAsync(_basis.Errors, cancellationToken);
        if (await _basis.Entries.FindAsync("/"u8.ToArray(), cancellationToken) is null)
            throw RepositoryException.Damaged("The basis has no root directory.");
    }

    private async ValueTask TakeAsync(TreeChange change)
    {
        switch (change)
        {
            case PutError error:
                TakeError(error.Path, error.Message);
                return;
            case Remove remove:
                _plan.Remove(remove.Path);
                _errors.Forget(remove.Path);
                ChangeCursor.Remove(_changes, remove.Path);
                return;
            default:
                await PutAsync(ChangedEntry.Of(change), change switch
                {
                    PutFile file => file.ExtendedAttributes,
                    PutEntry put => put.ExtendedAttributes,
                    _ => [],
                });
                return;
        }
    }

    private void TakeError(EntryPath path, string message)
    {
        _errors.Put(path, message);
        _plan.Touch(path.Parent);
    }

    private async ValueTask PutAsync(Entry entry, IReadOnlyList<KeyValuePair<string, StoredObject>> attributes)
    {
        var path = entry.Path;
        if (entry.Kind == EntryKind.Directory)
            _plan.PutDirectory(path);
        else
            _plan.PutOther(path);
        _writer.Reset();
        EntryCodec.Write(_writer, entry);
        if (path.IsRoot)
        {
            var id = await _session.StoreByContentAsync(_session.Sink.Metadata, BlobType.VfsEntry, _writer.WrittenMemory);
            _entries.Put(TreeKeys.OfPath(path.Bytes), id);
            return;
        }

        // A path that is put anew has no error any more, unless one follows.
        _errors.Forget(path);
        ChangeCursor.Put(_changes, path, _writer.Written);
        foreach (var (name, content) in attributes)
            await _attributes.PutAsync(path, name, content);
    }

    /// <summary>Makes up missing parents, and returns all directories of the new tree, each before what lies below it.</summary>
    private async Task<EntryPath[]> CompleteDirectoriesAsync()
    {
        var (all, missing) = _plan.Complete();
        foreach (var path in missing)
            await PutAsync(ChangedEntry.Synthesised(path), []);
        _errors.ForgetWhere(path => _plan.IsRemoved(path) && !all.Contains(path.Parent));
        var directories = all.ToArray();
        Array.Sort(directories, TreeKeys.SubtreeOrder);
        return directories;
    }

    private async Task<Mac> WriteDirectoryIndexAsync(
        EntryPath[] directories, IReadOnlyDictionary<EntryPath, Mac> changed, IReadOnlyDictionary<EntryPath, Mac> basis, CancellationToken cancellationToken)
    {
        var builder = new TreeBuilder(_session, TreeKind.Index);
        foreach (var directory in directories.OrderDescending())
        {
            cancellationToken.ThrowIfCancellationRequested();
            await builder.AddAsync(directory.Bytes.ToArray(), changed.TryGetValue(directory, out var id) ? id : basis[directory]);
        }

        return await builder.FinishAsync();
    }
}
