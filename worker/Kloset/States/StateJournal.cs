using System.Buffers;
using System.Buffers.Binary;

namespace Kloset.States;

/// <summary>Kinds of entries in a state. Source: format document, section 10.</summary>
internal enum StateEntryKind : byte
{
    Metadata = 1,
    Location = 2,
    Coloured = 3,
    Packfile = 4,
    Configuration = 5,
    Delete = 6,
}

/// <param name="Offset">From the start of the packfile's payload.</param>
internal readonly record struct LocationEntry(BlobType Type, uint Version, Mac Blob, Mac Packfile, long Offset, uint Length, uint Flags)
{
    public const int Size = 85;
}

/// <param name="Type">5 a snapshot, 4 a packfile.</param>
internal readonly record struct ColouredEntry(byte Type, Mac Id, long Time)
{
    public const byte Snapshot = 5;
    public const byte Packfile = 4;
    public const int Size = 41;
}

internal readonly record struct PackfileEntry(Mac Packfile, Mac State, long Time)
{
    public const int Size = 72;
}

/// <param name="Kind">What is undone: a location, a colour or a packfile.</param>
internal readonly record struct DeleteEntry(StateEntryKind Kind, byte BlobType, Mac Blob, Mac Packfile)
{
    public const int Size = 66;
}

internal readonly record struct StateTrailer(uint Version, long Time, Guid Serial);

/// <summary>Everything one state says, apart from its locations, which are too many to keep twice.</summary>
internal interface IStateVisitor
{
    void Location(in LocationEntry entry);

    void Coloured(in ColouredEntry entry);

    void Packfile(in PackfileEntry entry);

    void Delete(in DeleteEntry entry);
}

/// <summary>
/// Parses a journal while it is decoded, so that a state of any size needs little memory. Feed it through <see cref="IBufferWriter{T}"/>, then
/// call <see cref="Finish"/>.
/// </summary>
internal sealed class StateParser(uint version, IStateVisitor visitor) : IBufferWriter<byte>, IDisposable
{
    public const uint NewestVersion = 0x00010100;
    public const uint FirstVersion = 0x00010000;

    private readonly PooledBuffer _pending = new(1 << 16);
    private bool _parentRead = version == FirstVersion;
    private long _skip;
    private long _consumed;

    public Mac Parent { get; private set; }

    public StateTrailer? Trailer { get; private set; }

    /// <summary>Bytes behind the trailer; tolerated.</summary>
    public long TrailingBytes { get; private set; }

    public long ClearBytes => _consumed + _pending.Length;

    public void Advance(int count)
    {
        _pending.Advance(count);
        if (_pending.Length >= 1 << 15)
            Parse();
    }

    public Memory<byte> GetMemory(int sizeHint = 0) => _pending.GetMemory(sizeHint);

    public Span<byte> GetSpan(int sizeHint = 0) => _pending.GetSpan(sizeHint);

    public void Finish()
    {
        Parse();
        if (Trailer is null)
            throw new MalformedException("it ends without a trailer");
    }

    public void Dispose() => _pending.Dispose();

    private void Parse()
    {
        var rest = _pending.Span;
        while (TryTake(ref rest))
        {
        }

        // What is left is the beginning of an entry: move it to the front.
        _consumed += _pending.Length - rest.Length;
        var tail = rest.Length;
        var copy = ArrayPool<byte>.Shared.Rent(Math.Max(1, tail));
        rest.CopyTo(copy);
        _pending.Clear();
        _pending.Write(copy.AsSpan(0, tail));
        ArrayPool<byte>.Shared.Return(copy);
    }

    private bool TryTake(ref ReadOnlySpan<byte> rest)
    {
        if (Trailer is not null)
        {
            TrailingBytes += rest.Length;
            rest = default;
            return false;
        }

        if (_skip > 0)
        {
            var now = (int)Math.Min(_skip, rest.Length);
            rest = rest[now..];
            _skip -= now;
            if (_skip > 0)
                return false;
        }

        if (!_parentRead)
        {
            if (rest.Length < Mac.Size)
                return false;
            Parent = new Mac(rest[..Mac.Size]);
            rest = rest[Mac.Size..];
            _parentRead = true;
        }

        if (rest.IsEmpty)
            return false;
        if (rest[0] == (byte)StateEntryKind.Metadata)
        {
            if (rest.Length < 29)
                return false;
            Trailer = new StateTrailer(
                BinaryPrimitives.ReadUInt32LittleEndian(rest[1..]), BinaryPrimitives.ReadInt64LittleEndian(rest[5..]),
                new Guid(rest.Slice(13, 16), bigEndian: true));
            rest = rest[29..];
            return true;
        }

        if (rest.Length < 5)
            return false;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(rest[1..]);
        var kind = (StateEntryKind)rest[0];
        var expected = kind switch
        {
            StateEntryKind.Location => LocationEntry.Size,
            StateEntryKind.Coloured => ColouredEntry.Size,
            StateEntryKind.Packfile => PackfileEntry.Size,
            // Version 1.0.0 does not know deletions; its readers skip them as unknown.
            StateEntryKind.Delete when version > FirstVersion => DeleteEntry.Size,
            _ => -1,
        };
        if (expected < 0)
        {
            rest = rest[5..];
            _skip = length;
            return true;
        }

        if (length != expected)
            throw new MalformedException($"an entry of kind {(byte)kind} has {length} bytes instead of {expected}");
        if (rest.Length < 5 + expected)
            return false;
        Visit(kind, rest.Slice(5, expected));
        rest = rest[(5 + expected)..];
        return true;
    }

    private void Visit(StateEntryKind kind, ReadOnlySpan<byte> body)
    {
        switch (kind)
        {
            case StateEntryKind.Location:
                var offset = BinaryPrimitives.ReadUInt64LittleEndian(body[69..]);
                if (offset > long.MaxValue / 2)
                    throw new MalformedException($"a location at offset {offset}");
                visitor.Location(new LocationEntry(
                    (BlobType)body[0], BinaryPrimitives.ReadUInt32LittleEndian(body[1..]), new Mac(body.Slice(5, 32)), new Mac(body.Slice(37, 32)),
                    (long)offset, BinaryPrimitives.ReadUInt32LittleEndian(body[77..]), BinaryPrimitives.ReadUInt32LittleEndian(body[81..])));
                break;
            case StateEntryKind.Coloured:
                visitor.Coloured(new ColouredEntry(body[0], new Mac(body.Slice(1, 32)), BinaryPrimitives.ReadInt64LittleEndian(body[33..])));
                break;
            case StateEntryKind.Packfile:
                visitor.Packfile(new PackfileEntry(
                    new Mac(body[..32]), new Mac(body.Slice(32, 32)), BinaryPrimitives.ReadInt64LittleEndian(body[64..])));
                break;
            default:
                var undone = (StateEntryKind)body[0];
                if (undone is not (StateEntryKind.Location or StateEntryKind.Coloured or StateEntryKind.Packfile))
                    throw new MalformedException($"a deletion of kind {body[0]}");
                visitor.Delete(new DeleteEntry(undone, body[1], new Mac(body.Slice(2, 32)), new Mac(body.Slice(34, 32))));
                break;
        }
    }
}

/// <summary>Builds a journal of version 1.1.0.</summary>
internal sealed class StateBuilder : IDisposable
{
    private readonly PooledBuffer _journal = new(1 << 16);

    public StateBuilder(in Mac parent) => _journal.Write(Mac.BytesOf(in parent));

    public ReadOnlySpan<byte> Journal => _journal.Span;

    public int Entries { get; private set; }

    public void Location(in LocationEntry entry)
    {
        var body = Begin(StateEntryKind.Location, LocationEntry.Size);
        body[0] = (byte)entry.Type;
        BinaryPrimitives.WriteUInt32LittleEndian(body[1..], entry.Version);
        entry.Blob.CopyTo(body[5..]);
        entry.Packfile.CopyTo(body[37..]);
        BinaryPrimitives.WriteInt64LittleEndian(body[69..], entry.Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(body[77..], entry.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(body[81..], entry.Flags);
    }

    public void Coloured(in ColouredEntry entry)
    {
        var body = Begin(StateEntryKind.Coloured, ColouredEntry.Size);
        body[0] = entry.Type;
        entry.Id.CopyTo(body[1..]);
        BinaryPrimitives.WriteInt64LittleEndian(body[33..], entry.Time);
    }

    public void Packfile(in PackfileEntry entry)
    {
        var body = Begin(StateEntryKind.Packfile, PackfileEntry.Size);
        entry.Packfile.CopyTo(body);
        entry.State.CopyTo(body[32..]);
        BinaryPrimitives.WriteInt64LittleEndian(body[64..], entry.Time);
    }

    public void Delete(in DeleteEntry entry)
    {
        var body = Begin(StateEntryKind.Delete, DeleteEntry.Size);
        body[0] = (byte)entry.Kind;
        body[1] = entry.BlobType;
        entry.Blob.CopyTo(body[2..]);
        entry.Packfile.CopyTo(body[34..]);
    }

    /// <summary>Ends the journal; nothing may follow.</summary>
    public void Trailer(in StateTrailer trailer)
    {
        var body = _journal.GetSpan(29);
        body[0] = (byte)StateEntryKind.Metadata;
        BinaryPrimitives.WriteUInt32LittleEndian(body[1..], trailer.Version);
        BinaryPrimitives.WriteInt64LittleEndian(body[5..], trailer.Time);
        trailer.Serial.TryWriteBytes(body.Slice(13, 16), bigEndian: true, out _);
        _journal.Advance(29);
    }

    public void Dispose() => _journal.Dispose();

    private Span<byte> Begin(StateEntryKind kind, int length)
    {
        var span = _journal.GetSpan(5 + length);
        span[0] = (byte)kind;
        BinaryPrimitives.WriteInt32LittleEndian(span[1..], length);
        _journal.Advance(5 + length);
        Entries++;
        return span.Slice(5, length);
    }
}
