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

    private readonly List<FileStream> _runs = [];
    private readonly List<int> _offsets = [];
    private readonly PooledBuffer _buffer = new(1 << 16);
    private bool _reading;

    public long Count { get; private set; }

    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (_reading)
            throw new InvalidOperationException("Records cannot be added once they are read.");
        var size = HeaderSize + key.Length + value.Length;
        if (_offsets.Count > 0 && _buffer.Length + size > bufferBytes)
            Spill();
        _offsets.Add(_buffer.Length);
        var span = _buffer.GetSpan(size);
        BinaryPrimitives.WriteInt32LittleEndian(span, key.Length);
        BinaryPrimitives.WriteInt32LittleEndian(span[4..], value.Length);
        key.CopyTo(span[HeaderSize..]);
        value.CopyTo(span[(HeaderSize + key.Length)..]);
        _buffer.Advance(size);
        Count++;
    }

    /// <summary>All records in order. Their memory is valid until the next one is asked for.</summary>
    public IEnumerable<SortedRecord> Read()
    {
        _reading = true;
        SortBuffer();
        if (_runs.Count == 0)
        {
            foreach (var offset in _offsets)
                yield return RecordAt(_buffer.Memory, offset);
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
            sources.Add(_offsets.Select(offset => RecordAt(_buffer.Memory, offset)).GetEnumerator());
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
        _buffer.Dispose();
    }

    private static SortedRecord RecordAt(ReadOnlyMemory<byte> buffer, int offset)
    {
        var record = buffer[offset..];
        var key = BinaryPrimitives.ReadInt32LittleEndian(record.Span);
        var value = BinaryPrimitives.ReadInt32LittleEndian(record.Span[4..]);
        return new SortedRecord(record.Slice(HeaderSize, key), record.Slice(HeaderSize + key, value));
    }

    private void SortBuffer()
    {
        var buffer = _buffer.Memory;
        _offsets.Sort((a, b) =>
        {
            var order = KeyAt(buffer.Span, a).SequenceCompareTo(KeyAt(buffer.Span, b));
            return order == 0 ? a.CompareTo(b) : descending ? -order : order;
        });

        static ReadOnlySpan<byte> KeyAt(ReadOnlySpan<byte> buffer, int offset) =>
            buffer.Slice(offset + HeaderSize, BinaryPrimitives.ReadInt32LittleEndian(buffer[offset..]));
    }

    private void Spill()
    {
        SortBuffer();
        var path = Path.Combine(folder(), $"sorted-{Guid.CreateVersion7():N}");
        var run = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 1 << 18, Options = FileOptions.DeleteOnClose,
        });
        _runs.Add(run);
        foreach (var offset in _offsets)
        {
            var span = _buffer.Span[offset..];
            run.Write(span[..(HeaderSize + BinaryPrimitives.ReadInt32LittleEndian(span) + BinaryPrimitives.ReadInt32LittleEndian(span[4..]))]);
        }

        run.Flush();
        _offsets.Clear();
        _buffer.Clear();
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
