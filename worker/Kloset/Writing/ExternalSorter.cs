using System.Buffers;
using System.Buffers.Binary;

namespace Kloset.Writing;

/// <summary>
/// Sorts records of bytes by key, outside memory when there are many: full buffers become sorted runs in files, which are merged while they are
/// read. Records with equal keys come in the order in which they were added.
/// </summary>
internal sealed class ExternalSorter(Func<string> folder, int bufferBytes, bool descending) : IDisposable
{
    private const int HeaderSize = 8;
    private const int SegmentSize = SegmentPool.SegmentSize;

    /// <summary>A sort of millions has hundreds of runs, each of which holds one.</summary>
    private const int RunBufferSize = 1 << 14;

    private readonly List<FileStream> _runs = [];

    /// <summary>Records in memory, as (segment, offset): segments of one size are reused, where one growing buffer would leave its smaller selves behind.</summary>
    private readonly List<(int Segment, int Offset)> _records = [];
    private readonly List<byte[]> _segments = [];
    private int _segment;
    private int _used;
    private long _held;
    private bool _reading;

    public long Count { get; private set; }

    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (_reading)
            throw new InvalidOperationException("Records cannot be added once they are read.");
        var size = HeaderSize + key.Length + value.Length;
        if (_records.Count > 0 && _held + size > bufferBytes)
            Spill();
        var span = Reserve(size);
        _held += size;
        BinaryPrimitives.WriteInt32LittleEndian(span, key.Length);
        BinaryPrimitives.WriteInt32LittleEndian(span[4..], value.Length);
        key.CopyTo(span[HeaderSize..]);
        value.CopyTo(span[(HeaderSize + key.Length)..]);
        Count++;
    }

    /// <summary>All records in order. Their memory is valid until the next one is asked for.</summary>
    public IEnumerable<SortedRecord> Read()
    {
        _reading = true;
        SortBuffer();
        if (_runs.Count == 0)
        {
            foreach (var position in _records)
                yield return RecordAt(position);
            yield break;
        }

        // The rest stays in memory as the last run.
        var sources = new List<IEnumerator<SortedRecord>>();
        var queue = new PriorityQueue<int, (byte[] Key, int Run)>(Comparer<(byte[] Key, int Run)>.Create((a, b) =>
        {
            var order = a.Key.AsSpan().SequenceCompareTo(b.Key);
            return order == 0 ? a.Run.CompareTo(b.Run) : descending ? -order : order;
        }));
        try
        {
            foreach (var run in _runs)
                sources.Add(ReadRun(run).GetEnumerator());
            sources.Add(_records.Select(RecordAt).GetEnumerator());
            for (var i = 0; i < sources.Count; i++)
                Enqueue(i);
            while (queue.TryDequeue(out var source, out _))
            {
                yield return sources[source].Current;
                Enqueue(source);
            }
        }
        finally
        {
            foreach (var source in sources)
                source.Dispose();
        }

        void Enqueue(int source)
        {
            if (sources[source].MoveNext())
                queue.Enqueue(source, (sources[source].Current.Key.ToArray(), source));
        }
    }

    public void Dispose()
    {
        foreach (var run in _runs)
            run.Dispose();
        _runs.Clear();
        foreach (var segment in _segments.Where(s => s.Length == SegmentSize))
            SegmentPool.Return(segment);
        _segments.Clear();
    }

    private Span<byte> Reserve(int size)
    {
        while (_segment == _segments.Count || _segments[_segment].Length - _used < size)
        {
            if (_segment < _segments.Count && _used > 0)
            {
                _segment++;
                _used = 0;
            }
            else
                _segments.Insert(_segment, size > SegmentSize ? new byte[size] : SegmentPool.Rent());
        }

        _records.Add((_segment, _used));
        var span = _segments[_segment].AsSpan(_used, size);
        _used += size;
        return span;
    }

    private SortedRecord RecordAt((int Segment, int Offset) position)
    {
        var record = _segments[position.Segment].AsMemory(position.Offset);
        var key = BinaryPrimitives.ReadInt32LittleEndian(record.Span);
        var value = BinaryPrimitives.ReadInt32LittleEndian(record.Span[4..]);
        return new SortedRecord(record.Slice(HeaderSize, key), record.Slice(HeaderSize + key, value));
    }

    private ReadOnlySpan<byte> KeyAt((int Segment, int Offset) position)
    {
        var record = _segments[position.Segment].AsSpan(position.Offset);
        return record.Slice(HeaderSize, BinaryPrimitives.ReadInt32LittleEndian(record));
    }

    private void SortBuffer() => _records.Sort((a, b) =>
    {
        var order = KeyAt(a).SequenceCompareTo(KeyAt(b));
        return order == 0 ? a.CompareTo(b) : descending ? -order : order;
    });

    private void Spill()
    {
        SortBuffer();
        var path = Path.Combine(folder(), $"sorted-{Guid.CreateVersion7():N}");
        var run = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            BufferSize = RunBufferSize,
            Options = FileOptions.DeleteOnClose,
        });
        _runs.Add(run);
        foreach (var position in _records)
        {
            var record = _segments[position.Segment].AsSpan(position.Offset);
            run.Write(record[..(HeaderSize + BinaryPrimitives.ReadInt32LittleEndian(record) + BinaryPrimitives.ReadInt32LittleEndian(record[4..]))]);
        }

        run.Flush();
        _records.Clear();
        _segment = 0;
        _used = 0;
        _held = 0;
    }

    private static IEnumerable<SortedRecord> ReadRun(FileStream run)
    {
        run.Position = 0;
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 12);
        try
        {
            while (run.ReadAtLeast(buffer.AsSpan(0, HeaderSize), HeaderSize, throwOnEndOfStream: false) == HeaderSize)
            {
                var key = BinaryPrimitives.ReadInt32LittleEndian(buffer);
                var value = BinaryPrimitives.ReadInt32LittleEndian(buffer.AsSpan(4));
                if (key + value > buffer.Length)
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = ArrayPool<byte>.Shared.Rent(key + value);
                }

                run.ReadExactly(buffer.AsSpan(0, key + value));
                yield return new SortedRecord(buffer.AsMemory(0, key), buffer.AsMemory(key, value));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}

/// <summary>A record of a sorter; valid until the next one is asked for.</summary>
internal readonly record struct SortedRecord(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value);
