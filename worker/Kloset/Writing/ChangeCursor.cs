using Kloset.Snapshots;

namespace Kloset.Writing;

/// <summary>Reads sorted changes, directory by directory.</summary>
internal sealed class ChangeCursor : IDisposable
{
    private const byte PutKind = 1;
    private const byte RemoveKind = 2;

    private readonly IEnumerator<SortedRecord> _records;
    private bool _hasCurrent;

    public ChangeCursor(IEnumerable<SortedRecord> records)
    {
        _records = records.GetEnumerator();
        _hasCurrent = _records.MoveNext();
    }

    /// <summary>Adds what <see cref="TakeLast"/> gives back: an entry.</summary>
    public static void Put(ExternalSorter changes, EntryPath path, ReadOnlySpan<byte> entry)
    {
        var value = new byte[1 + entry.Length];
        value[0] = PutKind;
        entry.CopyTo(value.AsSpan(1));
        changes.Add(TreeKeys.OfChange(path), value);
    }

    /// <summary>Adds what <see cref="TakeLast"/> gives back: nothing.</summary>
    public static void Remove(ExternalSorter changes, EntryPath path) => changes.Add(TreeKeys.OfChange(path), [RemoveKind]);

    /// <summary>Changes in directories that the new tree does not have are removals, and done with.</summary>
    public void SkipBefore(byte[] prefix)
    {
        while (_hasCurrent && _records.Current.Key.Span.SequenceCompareTo(prefix) < 0)
            _hasCurrent = _records.MoveNext();
    }

    public bool TryPeekName(byte[] prefix, out ReadOnlyMemory<byte> name)
    {
        name = default;
        if (!_hasCurrent || !_records.Current.Key.Span.StartsWith(prefix))
            return false;
        name = _records.Current.Key[prefix.Length..];
        return true;
    }

    /// <summary>Takes all changes of the current path; the last one counts.</summary>
    /// <returns>The name, and the entry that is put; null: it is removed.</returns>
    public (byte[] Name, ReadOnlyMemory<byte>? Entry) TakeLast(byte[] prefix)
    {
        var key = _records.Current.Key.ToArray();
        byte[] value;
        do
        {
            value = _records.Current.Value.ToArray();
            _hasCurrent = _records.MoveNext();
        }
        while (_hasCurrent && _records.Current.Key.Span.SequenceEqual(key));
        return (key[prefix.Length..], value[0] == RemoveKind ? (ReadOnlyMemory<byte>?)null : value.AsMemory(1));
    }

    public void Dispose() => _records.Dispose();
}
