using Kloset.Snapshots;

namespace Kloset.Writing;

/// <summary>Differences between the basis' tree and the new one: keys that get a value, and keys that go. Sorted from right to left, outside memory.</summary>
internal sealed class TreeDeltas(Func<string> folder, int bufferBytes) : IDisposable
{
    internal const byte DeletedFlag = 0;
    internal const byte PresentFlag = 1;

    private readonly ExternalSorter _sorter = new(folder, bufferBytes, descending: true);

    public void Put(ReadOnlySpan<byte> key, Mac id)
    {
        Span<byte> value = stackalloc byte[1 + Mac.Size];
        value[0] = PresentFlag;
        id.CopyTo(value[1..]);
        _sorter.Add(key, value);
    }

    public void Remove(ReadOnlySpan<byte> key) => _sorter.Add(key, [DeletedFlag]);

    /// <summary>The tree of the basis, from right to left, with the differences applied.</summary>
    /// <param name="toKey">The tree's key of a difference's.</param>
    /// <param name="toDelta">And the other way round.</param>
    /// <returns>The root of the new tree.</returns>
    public async Task<Mac> WriteMergedAsync(
        TreeBuilder builder, TreeReader? basis, Func<byte[], byte[]> toKey, Func<byte[], byte[]> toDelta, Func<byte[], bool> isRemoved,
        CancellationToken cancellationToken)
    {
        using var cursor = new DeltaCursor(_sorter.Read());
        if (basis is not null)
        {
            await foreach (var (key, id) in basis.WalkAsync(descending: true, cancellationToken))
            {
                var position = toDelta(key);
                while (cursor.HasCurrent && cursor.Key.AsSpan().SequenceCompareTo(position) > 0)
                    await EmitAsync();
                if (cursor.HasCurrent && cursor.Key.AsSpan().SequenceEqual(position))
                    await EmitAsync();
                else if (!isRemoved(key))
                    await builder.AddAsync(key, id);
            }
        }

        while (cursor.HasCurrent)
            await EmitAsync();
        return await builder.FinishAsync();

        async ValueTask EmitAsync()
        {
            var (key, id) = cursor.Take();
            if (id is { } present)
                await builder.AddAsync(toKey(key), present);
        }
    }

    public void Dispose() => _sorter.Dispose();

    private sealed class DeltaCursor : IDisposable
    {
        private readonly IEnumerator<SortedRecord> _records;
        private bool _more;

        public DeltaCursor(IEnumerable<SortedRecord> records)
        {
            _records = records.GetEnumerator();
            _more = _records.MoveNext();
            Load();
        }

        public bool HasCurrent { get; private set; }

        public byte[] Key { get; private set; } = [];

        private Mac? Id { get; set; }

        public (byte[] Key, Mac? Id) Take()
        {
            var taken = (Key, Id);
            Load();
            return taken;
        }

        public void Dispose() => _records.Dispose();

        private void Load()
        {
            HasCurrent = _more;
            if (!_more)
                return;
            Key = _records.Current.Key.ToArray();
            do
            {
                var value = _records.Current.Value.Span;
                Id = value[0] == PresentFlag ? new Mac(value[1..]) : null;
                _more = _records.MoveNext();
            }
            while (_more && _records.Current.Key.Span.SequenceEqual(Key));
        }
    }
}
