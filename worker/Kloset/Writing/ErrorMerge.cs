using Kloset.Msgpack;
using Kloset.Snapshots;

namespace Kloset.Writing;

/// <summary>What could not be read, by path: of the basis, until the path is put or removed, and of the changes.</summary>
internal sealed class ErrorMerge(WritingSession session)
{
    private readonly Dictionary<EntryPath, (Mac? Id, string Message)> _errors = [];
    private readonly MsgpackWriter _writer = new(512);

    public async Task LoadAsync(TreeReader basis, CancellationToken cancellationToken)
    {
        await foreach (var (key, id) in basis.WalkAsync(descending: false, cancellationToken))
            _errors[EntryPath.FromBytes(key)] = (id, "");
    }

    public void Put(EntryPath path, string message) => _errors[path] = (null, message);

    public void Forget(EntryPath path) => _errors.Remove(path);

    public void ForgetWhere(Func<EntryPath, bool> isGone)
    {
        foreach (var path in _errors.Keys.Where(isGone).ToList())
            _errors.Remove(path);
    }

    /// <summary>How many there are in each directory.</summary>
    public Dictionary<EntryPath, ulong> CountByDirectory()
    {
        var counts = new Dictionary<EntryPath, ulong>();
        foreach (var path in _errors.Keys)
            counts[path.Parent] = counts.GetValueOrDefault(path.Parent) + 1;
        return counts;
    }

    /// <returns>The root of the new tree.</returns>
    public async Task<Mac> WriteAsync()
    {
        var builder = new TreeBuilder(session, TreeKind.Errors);
        foreach (var (path, error) in _errors.OrderByDescending(e => e.Key))
        {
            var id = error.Id;
            if (id is null)
            {
                _writer.Reset();
                ObjectCodec.Write(_writer, new EntryError(path, error.Message));
                id = await session.StoreByContentAsync(session.Sink.Metadata, BlobType.ErrorEntry, _writer.WrittenMemory);
            }

            await builder.AddAsync(path.Bytes.ToArray(), id.Value);
        }

        return await builder.FinishAsync();
    }
}
