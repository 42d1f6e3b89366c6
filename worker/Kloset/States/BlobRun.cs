using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Kloset.States;

/// <summary>
/// Places of blobs in a file, sorted by identifier, never changed. In memory are the first identifier of each block and a filter: about two
/// bytes a blob. Read by position rather than mapped: mapped pages count as memory of the process, and a file that got shorter would end it.
/// Reading is safe for concurrent use; users are counted by the owner, under its lock.
/// </summary>
internal sealed class BlobRun
{
    private const int BlockRecords = 16;

    private readonly SafeFileHandle _file;
    private readonly ulong[] _fences;
    private readonly BlobFilter _filter;
    private int _users = 1;

    private BlobRun(SafeFileHandle file, int count, int level, ulong[] fences, BlobFilter filter)
    {
        _file = file;
        _fences = fences;
        _filter = filter;
        Count = count;
        Level = level;
    }

    public int Count { get; }

    /// <summary>How often its records were merged: runs of one level are of about one size.</summary>
    public int Level { get; }

    /// <summary>Adds all places of a blob.</summary>
    public void Find(BlobType type, in Mac id, int firstNumber, List<(int Number, BlobSlot Place)> found)
    {
        if (!_filter.MayContain(in id))
            return;
        var key = id.SortKey;
        var block = Array.BinarySearch(_fences, key);
        if (block < 0)
            block = ~block;
        else
        {
            // Equal keys: go to the first of them.
            while (block > 0 && _fences[block - 1] == key)
                block--;
        }

        // The records may begin in the block before.
        block = Math.Max(0, block - 1);
        Span<BlobSlot> records = stackalloc BlobSlot[BlockRecords];
        for (; block < _fences.Length && _fences[block] <= key; block++)
        {
            var first = block * BlockRecords;
            var part = records[..Math.Min(BlockRecords, Count - first)];
            Read(first, part);
            for (var i = 0; i < part.Length; i++)
            {
                if (part[i].Id == id && part[i].Type == type)
                    found.Add((firstNumber + first + i, part[i]));
            }

            if (part[^1].Id.SortKey > key)
                return;
        }
    }

    public void Read(int first, Span<BlobSlot> records)
    {
        var bytes = MemoryMarshal.AsBytes(records);
        var offset = (long)first * BlobSlot.Size;
        while (!bytes.IsEmpty)
        {
            var read = RandomAccess.Read(_file, bytes, offset);
            if (read == 0)
                throw new IOException("A file of the index in the cache folder has become shorter.");
            bytes = bytes[read..];
            offset += read;
        }
    }

    public void AddUser() => _users++;

    public void Release()
    {
        if (--_users == 0)
            _file.Dispose();
    }

    /// <summary>Writes a run; records come in order.</summary>
    internal sealed class Writer : IDisposable
    {
        private const int BufferRecords = 4096;

        private readonly SafeFileHandle _file;
        private readonly BlobFilter _filter;
        private readonly List<ulong> _fences;
        private readonly BlobSlot[] _buffer = new BlobSlot[BufferRecords];
        private int _buffered;
        private bool _finished;

        /// <param name="expected">Records that will come at most.</param>
        public Writer(string folder, int expected)
        {
            _filter = new BlobFilter(expected);
            _fences = new List<ulong>((expected / BlockRecords) + 1);
            _file = TemporaryFile.Create(folder, "index");
        }

        public int Count { get; private set; }

        public void Add(in BlobSlot record)
        {
            if (Count % BlockRecords == 0)
                _fences.Add(record.Id.SortKey);
            _filter.Add(record.Id);
            _buffer[_buffered++] = record;
            Count++;
            if (_buffered == BufferRecords)
                Flush();
        }

        public BlobRun Finish(int level)
        {
            Flush();
            _finished = true;
            return new BlobRun(_file, Count, level, [.. _fences], _filter);
        }

        public void Dispose()
        {
            if (!_finished)
                _file.Dispose();
        }

        private void Flush()
        {
            RandomAccess.Write(_file, MemoryMarshal.AsBytes<BlobSlot>(_buffer.AsSpan(0, _buffered)), (long)(Count - _buffered) * BlobSlot.Size);
            _buffered = 0;
        }
    }
}
