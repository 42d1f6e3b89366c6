using System.Buffers;

namespace Kloset.States;

/// <summary>
/// Places of blobs by (type, identifier) in memory: open addressing over slots in segments, so that growing copies only the small table. A blob
/// may have several places. Not safe for concurrent use.
/// </summary>
internal sealed class BlobTable
{
    private const int SegmentBits = 14;
    private const int SegmentSize = 1 << SegmentBits;

    private readonly List<BlobSlot[]> _segments = [];
    private int[] _table = new int[1 << 10]; // slot number + 1; 0 is free
    private int _count;

    public int Count => _count;

    /// <summary>Walks over its slots that are under way; counted by the owner, under its lock.</summary>
    public int Users { get; set; }

    /// <summary>Forgets all places and keeps the memory.</summary>
    public void Clear()
    {
        Array.Clear(_table);
        _count = 0;
    }

    public ref BlobSlot this[int slot] => ref _segments[slot >> SegmentBits][slot & (SegmentSize - 1)];

    /// <summary>Adds a place, without looking whether it is there.</summary>
    public void Add(in BlobSlot place)
    {
        if (_count + 1 > _table.Length / 4 * 3)
            Grow();
        var slot = _count++;
        if (slot >> SegmentBits == _segments.Count)
            _segments.Add(new BlobSlot[SegmentSize]);
        this[slot] = place;
        Insert(slot);
    }

    /// <summary>Starts a walk over the places of one blob: call <see cref="Next"/> until it returns −1.</summary>
    public int First(BlobType type, in Mac id, out int position)
    {
        position = Home(type, in id);
        return Scan(type, in id, ref position);
    }

    public int Next(BlobType type, in Mac id, ref int position)
    {
        position = (position + 1) & (_table.Length - 1);
        return Scan(type, in id, ref position);
    }

    /// <summary>The slots' numbers in the order of <see cref="BlobSlot.Compare"/>.</summary>
    public int[] Sort()
    {
        var keys = ArrayPool<ulong>.Shared.Rent(_count);
        var slots = new int[_count];
        for (var i = 0; i < _count; i++)
        {
            keys[i] = this[i].Id.SortKey;
            slots[i] = i;
        }

        Array.Sort(keys, slots, 0, _count);
        // Keys are the identifiers' first eight bytes, which hardly ever agree: what is left to order is next to one another.
        for (var start = 0; start < _count;)
        {
            var end = start + 1;
            while (end < _count && keys[end] == keys[start])
                end++;
            if (end - start > 1)
                slots.AsSpan(start, end - start).Sort((a, b) => BlobSlot.Compare(in this[a], in this[b]));
            start = end;
        }

        ArrayPool<ulong>.Shared.Return(keys);
        return slots;
    }

    private int Scan(BlobType type, in Mac id, ref int position)
    {
        while (true)
        {
            var entry = _table[position];
            if (entry == 0)
                return -1;
            ref var slot = ref this[entry - 1];
            if (slot.Type == type && slot.Id == id)
                return entry - 1;
            position = (position + 1) & (_table.Length - 1);
        }
    }

    private int Home(BlobType type, in Mac id)
    {
        // MACs are evenly spread; snapshot identifiers are random. The multiplication mixes the type into the upper bits.
        var hash = (id.Prefix ^ ((ulong)type << 32)) * 0x9E3779B97F4A7C15;
        return (int)(hash >> 33) & (_table.Length - 1);
    }

    private void Insert(int slot)
    {
        var added = this[slot];
        var position = Home(added.Type, added.Id);
        while (_table[position] != 0)
            position = (position + 1) & (_table.Length - 1);
        _table[position] = slot + 1;
    }

    private void Grow()
    {
        _table = new int[_table.Length * 2];
        for (var slot = 0; slot < _count; slot++)
            Insert(slot);
    }
}
