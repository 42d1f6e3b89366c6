using System.Buffers.Binary;
using Kloset.Snapshots;

namespace Kloset.Writing.Trees;

/// <summary>A sorted record; its memory is valid until the next one is asked for.</summary>
/// <param name="Sequence">Orders records of one key.</param>
internal readonly record struct SortedRecord(ReadOnlyMemory<byte> Key, long Sequence, ReadOnlyMemory<byte> Payload);

/// <summary>Sorts more records than memory holds: full buffers are sorted and spilled to files of a folder, which are merged at the end.</summary>
internal sealed class ExternalSorter(KeyComparison compare, string folder, int bufferBytes) : IDisposable
{
    private const int HeaderSize = 16; // key length, payload length, sequence

    private readonly List<string> _runs = [];
    private readonly List<int> _offsets = [];
    private byte[] _buffer = new byte[Math.Min(bufferBytes, 1 << 20)];
    private int _length;

    public long Count { get; private set; }

    public void Add(ReadOnlySpan<byte> key, long sequence, ReadOnlySpan<byte> payload)
    {
        var size = HeaderSize + key.Length + payload.Length;
        if (_length + size > bufferBytes && _length > 0)
            Spill();
        if (_length + size > _buffer.Length)
            Array.Resize(ref _buffer, Math.Max(_length + size, Math.Min(_buffer.Length * 2, bufferBytes)));
        var record = _buffer.AsSpan(_length, size);
        BinaryPrimitives.WriteInt32LittleEndian(record, key.Length);
        BinaryPrimitives.WriteInt32LittleEndian(record[4..], payload.Length);
        BinaryPrimitives.WriteInt64LittleEndian(record[8..], sequence);
        key.CopyTo(record[HeaderSize..]);
        payload.CopyTo(record[(HeaderSize + key.Length)..]);
        _offsets.Add(_length);
        _length += size;
        Count++;
    }

    /// <summary>All records by key, then by sequence. To be called once.</summary>
    public IEnumerable<SortedRecord> Sort()
    {
        if (_runs.Count == 0)
        {
            SortBuffer();
            foreach (var offset in _offsets)
                yield return RecordAt(offset);
            yield break;
        }

        Spill();
        _buffer = [];
        var readers = new List<RunReader>();
        try
        {
            var queue = new PriorityQueue<RunReader, SortedRecord>(Comparer<SortedRecord>.Create(Compare));
            foreach (var run in _runs)
            {
                var reader = new RunReader(run);
                readers.Add(reader);
                if (reader.MoveNext())
                    queue.Enqueue(reader, reader.Current);
            }

            while (queue.TryDequeue(out var reader, out var record))
            {
                yield return record;
                if (reader.MoveNext())
                    queue.Enqueue(reader, reader.Current);
            }
        }
        finally
        {
            readers.ForEach(reader => reader.Dispose());
        }
    }

    public void Dispose()
    {
        foreach (var run in _runs)
            File.Delete(run);
        _runs.Clear();
        _buffer = [];
    }

    private int Compare(SortedRecord a, SortedRecord b)
    {
        var order = compare(a.Key.Span, b.Key.Span);
        return order != 0 ? order : a.Sequence.CompareTo(b.Sequence);
    }

    private void SortBuffer() => _offsets.Sort((a, b) =>
    {
        var order = compare(KeyAt(a), KeyAt(b));
        return order != 0 ? order : BinaryPrimitives.ReadInt64LittleEndian(_buffer.AsSpan(a + 8)).CompareTo(BinaryPrimitives.ReadInt64LittleEndian(_buffer.AsSpan(b + 8)));
    });

    private ReadOnlySpan<byte> KeyAt(int offset) => _buffer.AsSpan(offset + HeaderSize, BinaryPrimitives.ReadInt32LittleEndian(_buffer.AsSpan(offset)));

    private SortedRecord RecordAt(int offset)
    {
        var keyLength = BinaryPrimitives.ReadInt32LittleEndian(_buffer.AsSpan(offset));
        var payloadLength = BinaryPrimitives.ReadInt32LittleEndian(_buffer.AsSpan(offset + 4));
        return new SortedRecord(
            _buffer.AsMemory(offset + HeaderSize, keyLength),
            BinaryPrimitives.ReadInt64LittleEndian(_buffer.AsSpan(offset + 8)),
            _buffer.AsMemory(offset + HeaderSize + keyLength, payloadLength));
    }

    private void Spill()
    {
        SortBuffer();
        var path = Path.Combine(folder, $"run-{_runs.Count}-{Guid.CreateVersion7():n}");
        _runs.Add(path);
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);
        foreach (var offset in _offsets)
        {
            var record = RecordAt(offset);
            file.Write(_buffer.AsSpan(offset, HeaderSize + record.Key.Length + record.Payload.Length));
        }

        _offsets.Clear();
        _length = 0;
    }

    private sealed class RunReader(string path) : IDisposable
    {
        private readonly FileStream _file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        private readonly byte[] _header = new byte[HeaderSize];

        public SortedRecord Current { get; private set; }

        public bool MoveNext()
        {
            if (_file.ReadAtLeast(_header, HeaderSize, throwOnEndOfStream: false) == 0)
                return false;
            var keyLength = BinaryPrimitives.ReadInt32LittleEndian(_header);
            var payloadLength = BinaryPrimitives.ReadInt32LittleEndian(_header.AsSpan(4));
            // a fresh array: the record before may still wait in the merge
            var body = new byte[keyLength + payloadLength];
            _file.ReadExactly(body);
            Current = new SortedRecord(body.AsMemory(0, keyLength), BinaryPrimitives.ReadInt64LittleEndian(_header.AsSpan(8)), body.AsMemory(keyLength));
            return true;
        }

        public void Dispose() => _file.Dispose();
    }
}
