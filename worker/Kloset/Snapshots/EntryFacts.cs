using Kloset.Msgpack;

namespace Kloset.Snapshots;

/// <summary>What building trees and summaries needs of a serialised entry, read in place.</summary>
internal readonly ref struct EntryFacts
{
    private static readonly byte[][] Fields = FieldNames.Of(
        "version", "parent_path", "file_info", "summary", "symlink_target", "object", "content_type", "entropy", "chunks", "extended_attributes");

    private static readonly byte[][] FileInfo = FieldNames.Of("name", "size", "mode", "mod_time");

    private EntryFacts(ReadOnlySpan<byte> name, ReadOnlySpan<byte> contentType)
    {
        Name = name;
        ContentType = contentType;
    }

    public ReadOnlySpan<byte> Name { get; }

    public ReadOnlySpan<byte> ContentType { get; }

    public long Size { get; private init; }

    public uint Mode { get; private init; }

    /// <summary>Unix seconds.</summary>
    public long ModTime { get; private init; }

    public bool HasObject { get; private init; }

    public double Entropy { get; private init; }

    public ulong Chunks { get; private init; }

    public bool HasXattrs { get; private init; }

    public bool IsDirectory => (Mode & GoFileMode.Directory) != 0;

    public static EntryFacts Read(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgpackReader(bytes);
        ReadOnlySpan<byte> name = default, contentType = default;
        long size = 0, modTime = 0;
        uint mode = 0;
        bool hasObject = false, hasXattrs = false;
        var entropy = 0.0;
        ulong chunks = 0;
        // Both lists of names are prefixes of longer structs: unknown fields are skipped.
        var cursor = reader.BeginStruct(Fields);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            switch (field)
            {
                case 2:
                    var info = reader.BeginStruct(FileInfo);
                    for (var f = reader.NextField(ref info); f >= 0; f = reader.NextField(ref info))
                    {
                        if (f == 0)
                            name = reader.ReadText();
                        else if (f == 1)
                            size = reader.ReadInt64();
                        else if (f == 2)
                            mode = reader.ReadUInt32();
                        else
                            modTime = reader.ReadTime().Seconds;
                    }

                    break;
                case 5:
                    hasObject = !reader.ReadMac().IsZero;
                    break;
                case 6:
                    contentType = reader.ReadText();
                    break;
                case 7:
                    entropy = reader.ReadDouble();
                    break;
                case 8:
                    chunks = reader.ReadUInt64();
                    break;
                case 9:
                    hasXattrs = true;
                    reader.Skip();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        reader.ExpectEnd();
        if (!EntryPath.IsName(name) && !name.SequenceEqual("/"u8))
            throw new MalformedException($"'{LosslessText.Decode(name)}' is not a name that a directory can hold");
        return new EntryFacts(name, contentType)
        {
            Size = size,
            Mode = mode,
            ModTime = modTime,
            HasObject = hasObject,
            Entropy = entropy,
            Chunks = chunks,
            HasXattrs = hasXattrs,
        };
    }
}
