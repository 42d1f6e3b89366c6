using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Kloset.Repositories;

namespace Kloset.States;

[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal readonly record struct SealedPackfile(Mac Id, Mac IntroducedBy, long Time, long DataEnd, int IsDeclared, int IsDeleted);

[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal readonly record struct SealedColour(Mac Id, long Time, long Since, int Type, int IsColoured);

[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal readonly record struct SealedDeletion(Mac Blob, Mac Packfile, int Type);

[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal readonly record struct SealedSnapshot(Mac Id, int Packfile);

/// <param name="Tag">The last bytes of the stored piece.</param>
/// <param name="Places">How many it holds.</param>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal readonly record struct SealedPiece(Mac Tag, int Places);

/// <summary>What an index says beside the places of blobs: the head of a sealed index.</summary>
internal sealed record SealedTables
{
    /// <summary>The states that it covers.</summary>
    public required Mac[] States { get; init; }

    /// <summary>States that these name as their parents.</summary>
    public required Mac[] Parents { get; init; }

    public required Mac NewestState { get; init; }

    public required long NewestTime { get; init; }

    public required SealedPackfile[] Packfiles { get; init; }

    public required SealedColour[] Colours { get; init; }

    public required SealedDeletion[] Deletions { get; init; }

    public required SealedSnapshot[] Snapshots { get; init; }

    public SealedPiece[] Pieces { get; init; } = [];

    public long Places => Pieces.Sum(piece => (long)piece.Places);
}

/// <summary>
/// The stored form: `kloset-operator/index/ID/head` and `…/000000` and so on, each sealed like a state: magic, kind, version; payload, compressed and
/// encrypted as the repository is; MAC over all before. Numbers are little-endian. The head's payload is the repository's identifier and the
/// tables, each with a count before it; a piece's payload is 48 bytes a place, and all pieces together are in order.
/// </summary>
internal static class SealedIndexFormat
{
    private const int HeaderSize = 16;
    private const uint Version = 1;
    private const long MaxClear = 1L << 30;

    /// <summary>Places in one piece at most: what a head claims decides how much memory is asked for.</summary>
    public const int PlacesPerPiece = 1 << 17;

    private static ReadOnlySpan<byte> Magic => "_KLIDX1_"u8;

    public enum Part : uint
    {
        Head = 1,
        Piece = 2,
    }

    /// <summary>Records are written as they lie in memory.</summary>
    public static bool IsPossible => BitConverter.IsLittleEndian;

    public static PooledBuffer Seal(BlobCodec codec, Part part, ReadOnlySpan<byte> payload, out Mac tag)
    {
        var resource = new PooledBuffer(payload.Length + 1024);
        var header = resource.GetSpan(HeaderSize);
        Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], (uint)part);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], Version);
        resource.Advance(HeaderSize);
        codec.Encode(payload, resource);
        tag = codec.ComputeMac(resource.Span);
        resource.Write(Mac.BytesOf(in tag));
        return resource;
    }

    /// <exception cref="MalformedException">Not what this repository wrote.</exception>
    public static void Open(BlobCodec codec, Part part, ReadOnlySpan<byte> resource, PooledBuffer payload, out Mac tag)
    {
        if (resource.Length < HeaderSize + Mac.Size || !resource[..8].SequenceEqual(Magic)
            || BinaryPrimitives.ReadUInt32LittleEndian(resource[8..]) != (uint)part || BinaryPrimitives.ReadUInt32LittleEndian(resource[12..]) != Version)
            throw new MalformedException("it is not a part of a sealed index of a version that is known");
        tag = new Mac(resource[^Mac.Size..]);
        if (codec.ComputeMac(resource[..^Mac.Size]) != tag)
            throw new MalformedException("its content does not match its tag");
        codec.Decode(resource[HeaderSize..^Mac.Size], payload, MaxClear);
    }

    public static void Write(PooledBuffer output, Guid repository, SealedTables tables)
    {
        repository.TryWriteBytes(output.GetSpan(16), bigEndian: true, out _);
        output.Advance(16);
        output.Write(Mac.BytesOf(tables.NewestState));
        WriteTable<long>(output, [tables.NewestTime]);
        WriteTable<Mac>(output, tables.States);
        WriteTable<Mac>(output, tables.Parents);
        WriteTable<SealedPackfile>(output, tables.Packfiles);
        WriteTable<SealedColour>(output, tables.Colours);
        WriteTable<SealedDeletion>(output, tables.Deletions);
        WriteTable<SealedSnapshot>(output, tables.Snapshots);
        WriteTable<SealedPiece>(output, tables.Pieces);
    }

    /// <exception cref="MalformedException">Of another repository, or cut.</exception>
    public static SealedTables Read(ReadOnlySpan<byte> payload, Guid repository)
    {
        if (payload.Length < 16 + Mac.Size || new Guid(payload[..16], bigEndian: true) != repository)
            throw new MalformedException("it belongs to another repository");
        var newest = new Mac(payload.Slice(16, Mac.Size));
        var rest = payload[(16 + Mac.Size)..];
        var time = ReadTable<long>(ref rest);
        var tables = new SealedTables
        {
            NewestState = newest,
            NewestTime = time is [var only] ? only : throw new MalformedException("it has no time"),
            States = ReadTable<Mac>(ref rest),
            Parents = ReadTable<Mac>(ref rest),
            Packfiles = ReadTable<SealedPackfile>(ref rest),
            Colours = ReadTable<SealedColour>(ref rest),
            Deletions = ReadTable<SealedDeletion>(ref rest),
            Snapshots = ReadTable<SealedSnapshot>(ref rest),
            Pieces = ReadTable<SealedPiece>(ref rest),
        };
        if (!rest.IsEmpty || tables.Places > int.MaxValue || tables.Pieces.Any(piece => piece.Places is <= 0 or > PlacesPerPiece)
            || tables.Packfiles.DistinctBy(packfile => packfile.Id).Count() != tables.Packfiles.Length
            || tables.Snapshots.Any(snapshot => (uint)snapshot.Packfile >= (uint)tables.Packfiles.Length))
            throw new MalformedException("its tables contradict one another");
        return tables;
    }

    private static void WriteTable<T>(PooledBuffer output, ReadOnlySpan<T> table)
        where T : unmanaged
    {
        BinaryPrimitives.WriteInt32LittleEndian(output.GetSpan(4), table.Length);
        output.Advance(4);
        output.Write(MemoryMarshal.AsBytes(table));
    }

    private static T[] ReadTable<T>(ref ReadOnlySpan<byte> rest)
        where T : unmanaged
    {
        if (rest.Length < 4)
            throw new MalformedException("it ends inside a table");
        var count = BinaryPrimitives.ReadInt32LittleEndian(rest);
        rest = rest[4..];
        if (count < 0 || (long)count * Unsafe.SizeOf<T>() > rest.Length)
            throw new MalformedException("it ends inside a table");
        var table = MemoryMarshal.Cast<byte, T>(rest[..(count * Unsafe.SizeOf<T>())]).ToArray();
        rest = rest[(count * Unsafe.SizeOf<T>())..];
        return table;
    }
}
