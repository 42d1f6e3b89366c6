using Kloset.Msgpack;
using Kloset.Snapshots;

namespace Kloset.Writing;

/// <summary>Extended attributes of the new tree: those of the basis whose entries stay as they are, and those that come with changes.</summary>
internal sealed class XattrMerge(WritingSession session, Func<string> folder) : IDisposable
{
    private readonly ExternalSorter _attributes = new(folder, session.Options.SortBufferBytes, descending: true);
    private readonly MsgpackWriter _writer = new(512);
    private readonly HashSet<Mac> _new = [];
    private readonly HashSet<string> _forgotten = [];
    private bool _basisHasAny;

    /// <summary>What the basis holds comes before all changes.</summary>
    public async Task LoadAsync(TreeReader basis, CancellationToken cancellationToken)
    {
        await foreach (var (key, id) in basis.WalkAsync(descending: false, cancellationToken))
        {
            _basisHasAny = true;
            _attributes.Add(key, Mac.BytesOf(in id));
        }
    }

    public async ValueTask PutAsync(EntryPath path, string name, StoredObject content)
    {
        _writer.Reset();
        ObjectCodec.Write(_writer, new ExtendedAttribute(path, name, content.Size, 0, content.Id));
        var id = await session.StoreByContentAsync(session.Sink.Metadata, BlobType.XattrEntry, _writer.WrittenMemory);
        _new.Add(id);
        _attributes.Add([.. path.Bytes, .. LosslessText.Encode(name), (byte)':'], Mac.BytesOf(in id));
    }

    /// <summary>An entry of the basis is replaced or removed, and its attributes with it.</summary>
    public void Forget(EntryPath path, in EntryFacts facts, ReadOnlySpan<byte> entry)
    {
        if (!_basisHasAny || !facts.HasXattrs)
            return;
        foreach (var name in EntryCodec.Read(entry).ExtendedAttributes ?? [])
        {
            foreach (var separator in ":@"u8)
                _forgotten.Add(Convert.ToHexString([.. path.Bytes, .. LosslessText.Encode(name), separator]));
        }
    }

    /// <param name="isRemoved">Whether a key of the tree lies below a directory that is gone.</param>
    /// <returns>The root of the new tree.</returns>
    public async Task<Mac> WriteAsync(Func<byte[], bool> isRemoved, CancellationToken cancellationToken)
    {
        var builder = new TreeBuilder(session, TreeKind.Xattrs);
        byte[]? last = null;
        var values = new List<Mac>();
        foreach (var record in _attributes.Read())
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (last is not null && !record.Key.Span.SequenceEqual(last))
                await EmitAsync();
            last = record.Key.ToArray();
            values.Add(new Mac(record.Value.Span));
        }

        if (last is not null)
            await EmitAsync();
        return await builder.FinishAsync();

        async ValueTask EmitAsync()
        {
            // The basis' own value was added first. It goes with its entry; what changes put stays.
            var id = values[^1];
            var gone = values.Count == 1 && (_forgotten.Contains(Convert.ToHexString(last!)) || isRemoved(last!));
            values.Clear();
            if (!gone || _new.Contains(id))
                await builder.AddAsync(last!, id);
        }
    }

    public void Dispose() => _attributes.Dispose();
}
