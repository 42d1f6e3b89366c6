namespace Kloset.States;

/// <summary>An index on its way out: the tables as they were, and the places in order, with packfiles numbered as the tables number them.</summary>
/// <param name="ordinals">The new number of each packfile; −1 for what is not worth keeping.</param>
internal sealed class IndexExport(SealedTables tables, SortedPlaces places, int[] ordinals, Action end) : IDisposable
{
    public SealedTables Tables => tables;

    /// <summary>The next places.</summary>
    /// <returns>How many; 0 at the end.</returns>
    public int Read(Span<BlobSlot> records)
    {
        var count = 0;
        while (count < records.Length && places.MoveNext())
        {
            // A session in this process may have opened packfiles since.
            var packfile = places.Current.Packfile < ordinals.Length ? ordinals[places.Current.Packfile] : -1;
            if (packfile >= 0)
                records[count++] = places.Current with { Packfile = packfile };
        }

        return count;
    }

    public void Dispose() => end();
}

/// <summary>An index on its way in: nothing of it counts before it is finished.</summary>
internal sealed class IndexImport(SealedTables tables, string folder, Func<SealedTables, BlobRun, bool> adopt) : IDisposable
{
    private readonly BlobRun.Writer _writer = new(folder, (int)tables.Places);
    private BlobSlot _last;

    /// <exception cref="MalformedException">Out of order, or in a packfile that the tables do not hold.</exception>
    public void Add(ReadOnlySpan<BlobSlot> records)
    {
        foreach (ref readonly var record in records)
        {
            if ((uint)record.Packfile >= (uint)tables.Packfiles.Length || record.Offset < 0)
                throw new MalformedException("a place is in a packfile that it does not name");
            if (_writer.Count > 0 && (_last.Id.SortKey > record.Id.SortKey || (_last.Id.SortKey == record.Id.SortKey && _last.Id > record.Id)))
                throw new MalformedException("its places are not in order");
            _last = record;
            _writer.Add(in record);
        }
    }

    /// <returns>False when the index was filled by somebody else meanwhile.</returns>
    public bool Finish()
    {
        var run = _writer.Finish(level: 1);
        if (adopt(tables, run))
            return true;
        run.Release();
        return false;
    }

    public void Dispose() => _writer.Dispose();
}
