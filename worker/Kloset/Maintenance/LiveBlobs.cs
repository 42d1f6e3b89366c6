using System.Collections;
using Kloset.Repositories;
using Kloset.Snapshots;

namespace Kloset.Maintenance;

/// <summary>
/// Walks everything that snapshots refer to, and collects the packfiles that hold it. What one snapshot shares with another is walked once. A
/// reference that leads nowhere ends the walk: below it may be more that is needed, so nothing may be removed then.
/// </summary>
internal sealed class LiveBlobs(Repository repository)
{
    /// <summary>A tree of order 3 with this depth would hold more keys than there are atoms; deeper ones are hostile.</summary>
    private const int MaxDepth = 40;

    private readonly HashSet<Mac> _needed = [];

    /// <summary>By what a tree's values mean: the same node may serve two trees that refer to different things.</summary>
    private readonly Dictionary<Role, BitArray> _visited = Enum.GetValues<Role>().ToDictionary(role => role, _ => new BitArray(repository.Index.SlotCount + 1));

    /// <summary>What values of a tree, or a blob itself, stand for.</summary>
    private enum Role
    {
        None,
        Entries,
        Errors,
        Attributes,
        ContentTypes,
        Listings,
        Summaries,
    }

    public IReadOnlySet<Mac> Packfiles => _needed;

    private BlobReader Blobs => repository.Blobs;

    /// <exception cref="RepositoryException">Damaged, or Unsupported: the snapshot's references cannot all be followed.</exception>
    public async Task AddAsync(SnapshotId snapshot, CancellationToken cancellationToken)
    {
        Visit(BlobType.Snapshot, snapshot.Value);
        repository.Index.Need(BlobType.Signature, snapshot.Value, _needed);
        var header = await repository.ReadHeaderAsync(snapshot, cancellationToken);
        foreach (var source in header.Sources ?? [])
        {
            await WalkTreeAsync(TreeKind.Vfs, source.Root, Role.Entries, cancellationToken);
            await WalkTreeAsync(TreeKind.Errors, source.Errors, Role.Errors, cancellationToken);
            await WalkTreeAsync(TreeKind.Xattrs, source.ExtendedAttributes, Role.Attributes, cancellationToken);
            foreach (var index in source.Indexes ?? [])
            {
                var role = index.Name switch
                {
                    SnapshotIndex.ContentType => Role.ContentTypes,
                    SnapshotIndex.Dirpack => Role.Listings,
                    SnapshotIndex.Summary => Role.Summaries,
                    _ => throw new RepositoryException(
                        RepositoryFailure.Unsupported,
                        $"Snapshot {snapshot} has an index named '{index.Name}', which this program does not know: what it refers to cannot be told, so nothing is removed."),
                };
                await WalkTreeAsync(TreeKind.Index, index.Value, role, cancellationToken);
            }
        }
    }

    private async Task WalkTreeAsync(TreeKind kind, Mac root, Role role, CancellationToken cancellationToken)
    {
        if (Visit(kind.Root, root, role))
            await WalkNodesAsync(kind, [await Blobs.ReadAsync(kind.Root, root, TreeNodeCodec.ReadRoot, cancellationToken)], role, 0, cancellationToken);
    }

    private async Task WalkNodesAsync(TreeKind kind, Mac[] ids, Role role, int depth, CancellationToken cancellationToken)
    {
        if (depth > MaxDepth)
            throw RepositoryException.Damaged($"The {BlobReader.Describe(kind.Node, ids[0])} is damaged: its tree is too deep.");
        var nodes = await ReadNewAsync(kind.Node, ids, role, TreeNodeCodec.Read, cancellationToken);
        await WalkValuesAsync([.. nodes.SelectMany(node => node.Values)], role, cancellationToken);
        foreach (var node in nodes.Where(node => !node.IsLeaf))
            await WalkNodesAsync(kind, node.Pointers, role, depth + 1, cancellationToken);
    }

    private async Task WalkValuesAsync(IReadOnlyList<Mac> values, Role role, CancellationToken cancellationToken)
    {
        switch (role)
        {
            case Role.Entries or Role.ContentTypes:
                var entries = await ReadNewAsync(BlobType.VfsEntry, values, Role.None, EntryCodec.Read, cancellationToken);
                await WalkObjectsAsync([.. entries.Select(entry => entry.Object).Where(id => !id.IsZero)], cancellationToken);
                break;
            case Role.Attributes:
                var attributes = await ReadNewAsync(BlobType.XattrEntry, values, Role.None, ObjectCodec.ReadXattr, cancellationToken);
                await WalkObjectsAsync([.. attributes.Select(attribute => attribute.Object).Where(id => !id.IsZero)], cancellationToken);
                break;
            case Role.Listings:
                await WalkObjectsAsync(values, cancellationToken);
                break;
            default:
                foreach (var value in values)
                    Visit(role == Role.Errors ? BlobType.ErrorEntry : BlobType.VfsSummary, value);
                break;
        }
    }

    private async Task WalkObjectsAsync(IReadOnlyList<Mac> ids, CancellationToken cancellationToken)
    {
        foreach (var item in await ReadNewAsync(BlobType.Object, ids, Role.None, ObjectCodec.Read, cancellationToken))
        {
            foreach (var chunk in item.Chunks ?? [])
                Visit(BlobType.Chunk, chunk.ContentMac);
        }
    }

    /// <summary>Those that were not visited yet.</summary>
    private async Task<List<T>> ReadNewAsync<T>(BlobType type, IReadOnlyList<Mac> ids, Role role, BlobParser<T> parse, CancellationToken cancellationToken)
    {
        var read = new List<T>();
        var wanted = ids.Where(id => Visit(type, id, role)).ToList();
        if (wanted.Count > 0)
            await Blobs.ReadManyAsync(type, wanted, (id, bytes) => read.Add(BlobReader.Parse(type, in id, bytes, parse)), cancellationToken);
        return read;
    }

    /// <returns>Whether it is the first visit.</returns>
    private bool Visit(BlobType type, Mac id, Role role = Role.None)
    {
        var visited = _visited[role];
        var slot = repository.Index.SlotOf(type, in id);
        if (slot >= 0 && slot < visited.Length && visited[slot])
            return false;
        if (!repository.Index.Need(type, in id, _needed))
            throw RepositoryException.Damaged($"The {BlobReader.Describe(type, in id)} is needed by a snapshot and is nowhere, so nothing is removed. Run `kloset check`.");
        slot = repository.Index.SlotOf(type, in id);
        if (slot >= visited.Length)
            visited.Length = slot + 1024; // a writer of this process goes on while a dry run looks
        visited[slot] = true;
        return true;
    }
}
