using Kloset.Msgpack;

namespace Kloset.Snapshots;

/// <summary>OBJECT, ERROR_ENTRY and XATTR_ENTRY blobs.</summary>
internal static class ObjectCodec
{
    private static readonly byte[][] Fields = FieldNames.Of("version", "contentMAC", "chunks", "content_type", "entropy", "flags");
    private static readonly byte[][] ChunkFields = FieldNames.Of("version", "contentMAC", "length", "entropy", "flags");
    private static readonly byte[][] ErrorFields = FieldNames.Of("version", "name", "error");
    private static readonly byte[][] XattrFields = FieldNames.Of("version", "path", "name", "size", "type", "object");

    public static ObjectRecord Read(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgpackReader(bytes);
        uint version = 0, flags = 0;
        var mac = Mac.Zero;
        List<ChunkRecord>? chunks = null;
        var contentType = "";
        var entropy = 0.0;
        var cursor = reader.BeginStruct(Fields);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            switch (field)
            {
                case 0:
                    version = reader.ReadUInt32();
                    break;
                case 1:
                    mac = reader.ReadMac();
                    break;
                case 2:
                    var count = reader.ReadArrayHeader();
                    chunks = count < 0 ? null : [];
                    for (var i = 0; i < count; i++)
                        chunks!.Add(ReadChunk(ref reader));
                    break;
                case 3:
                    contentType = reader.ReadString();
                    break;
                case 4:
                    entropy = reader.ReadDouble();
                    break;
                default:
                    flags = reader.ReadUInt32();
                    break;
            }
        }

        reader.ExpectEnd();
        return new ObjectRecord { Version = version, ContentMac = mac, Chunks = chunks, ContentType = contentType, Entropy = entropy, Flags = flags };
    }

    public static void Write(MsgpackWriter writer, ObjectRecord item)
    {
        writer.MapHeader(4 + (item.ContentType.Length > 0 ? 1 : 0) + (item.Entropy != 0 ? 1 : 0));
        writer.Key("version"u8);
        writer.UInt32(item.Version);
        writer.Key("contentMAC"u8);
        writer.Mac(item.ContentMac);
        writer.Key("chunks"u8);
        if (item.Chunks is null)
            writer.Nil();
        else
        {
            writer.ArrayHeader(item.Chunks.Count);
            foreach (var chunk in item.Chunks)
            {
                writer.MapHeader(5);
                writer.Key("version"u8);
                writer.UInt32(chunk.Version);
                writer.Key("contentMAC"u8);
                writer.Mac(chunk.ContentMac);
                writer.Key("length"u8);
                writer.UInt32(chunk.Length);
                writer.Key("entropy"u8);
                writer.Double(chunk.Entropy);
                writer.Key("flags"u8);
                writer.UInt32(chunk.Flags);
            }
        }

        if (item.ContentType.Length > 0)
        {
            writer.Key("content_type"u8);
            writer.String(item.ContentType);
        }

        if (item.Entropy != 0)
        {
            writer.Key("entropy"u8);
            writer.Double(item.Entropy);
        }

        writer.Key("flags"u8);
        writer.UInt32(item.Flags);
    }

    public static EntryError ReadError(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgpackReader(bytes);
        uint version = 0;
        var path = EntryPath.Root;
        var message = "";
        var cursor = reader.BeginStruct(ErrorFields);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            if (field == 0)
                version = reader.ReadUInt32();
            else if (field == 1)
                path = ReadPath(ref reader);
            else
                message = reader.ReadString();
        }

        reader.ExpectEnd();
        return new EntryError(path, message) { Version = version };
    }

    public static void Write(MsgpackWriter writer, EntryError error)
    {
        writer.MapHeader(3);
        writer.Key("version"u8);
        writer.UInt32(error.Version);
        writer.Key("name"u8);
        writer.Text(error.Path.Bytes);
        writer.Key("error"u8);
        writer.String(error.Message);
    }

    public static ExtendedAttribute ReadXattr(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgpackReader(bytes);
        uint version = 0;
        var path = EntryPath.Root;
        var name = "";
        long size = 0;
        byte type = 0;
        var mac = Mac.Zero;
        var cursor = reader.BeginStruct(XattrFields);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            switch (field)
            {
                case 0:
                    version = reader.ReadUInt32();
                    break;
                case 1:
                    path = ReadPath(ref reader);
                    break;
                case 2:
                    name = reader.ReadString();
                    break;
                case 3:
                    size = reader.ReadInt64();
                    break;
                case 4:
                    type = reader.ReadByte();
                    break;
                default:
                    mac = reader.ReadMac();
                    break;
            }
        }

        reader.ExpectEnd();
        return new ExtendedAttribute(path, name, size, type, mac) { Version = version };
    }

    public static void Write(MsgpackWriter writer, ExtendedAttribute item)
    {
        writer.MapHeader(6);
        writer.Key("version"u8);
        writer.UInt32(item.Version);
        writer.Key("path"u8);
        writer.Text(item.Path.Bytes);
        writer.Key("name"u8);
        writer.String(item.Name);
        writer.Key("size"u8);
        writer.Int64(item.Size);
        writer.Key("type"u8);
        writer.UInt8(item.Type);
        writer.Key("object"u8);
        writer.Mac(item.Object);
    }

    private static EntryPath ReadPath(ref MsgpackReader reader)
    {
        var bytes = reader.ReadText();
        return EntryPath.IsClean(bytes)
            ? EntryPath.FromBytes(bytes)
            : throw new MalformedException($"'{LosslessText.Decode(bytes)}' is not a clean absolute path");
    }

    private static ChunkRecord ReadChunk(ref MsgpackReader reader)
    {
        uint version = 0, length = 0, flags = 0;
        var mac = Mac.Zero;
        var entropy = 0.0;
        var cursor = reader.BeginStruct(ChunkFields);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            switch (field)
            {
                case 0:
                    version = reader.ReadUInt32();
                    break;
                case 1:
                    mac = reader.ReadMac();
                    break;
                case 2:
                    length = reader.ReadUInt32();
                    break;
                case 3:
                    entropy = reader.ReadDouble();
                    break;
                default:
                    flags = reader.ReadUInt32();
                    break;
            }
        }

        return new ChunkRecord(mac, length, entropy) { Version = version, Flags = flags };
    }
}
