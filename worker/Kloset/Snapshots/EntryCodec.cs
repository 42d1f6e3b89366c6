using Kloset.Msgpack;

namespace Kloset.Snapshots;

/// <summary>ENTRY blobs, byte for byte in both directions.</summary>
internal static class EntryCodec
{
    private static readonly byte[][] Fields = FieldNames.Of(
        "version", "parent_path", "file_info", "summary", "symlink_target", "object", "content_type", "entropy", "chunks",
        "alternate_data_streams", "security_descriptor", "file_attributes", "extended_attributes", "classifications", "custom_metadata", "tags");

    private static readonly byte[][] FileInfo = FieldNames.Of(
        "name", "size", "mode", "mod_time", "dev", "ino", "uid", "gid", "nlink", "username", "groupname", "flags");

    private static readonly byte[][] Classification = FieldNames.Of("analyzer", "classes", "scores");

    private static readonly byte[][] KeyValue = FieldNames.Of("key", "value");

    /// <exception cref="MalformedException">Not an entry, or one whose names could not be those of a tree.</exception>
    public static Entry Read(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgpackReader(bytes);
        var entry = new Entry { Version = 0, Name = "" };
        var isRoot = false;
        var parent = ReadOnlySpan<byte>.Empty;
        var nameBytes = ReadOnlySpan<byte>.Empty;
        string name = "", userName = "", groupName = "", contentType = "";
        string? symlink = null;
        uint version = 0, mode = 0, flags = 0, attributes = 0;
        long size = 0;
        ulong device = 0, inode = 0, user = 0, group = 0, chunks = 0;
        ushort links = 0;
        var modTime = Timestamp.GoZero;
        var mac = Mac.Zero;
        var entropy = 0.0;
        DirectorySummary? summary = null;
        IReadOnlyList<string>? streams = null, xattrs = null, tags = null;
        byte[]? descriptor = null;
        IReadOnlyList<EntryClassification>? classifications = null;
        IReadOnlyList<KeyValuePair<string, ReadOnlyMemory<byte>?>>? custom = null;

        var cursor = reader.BeginStruct(Fields);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            switch (field)
            {
                case 0:
                    version = reader.ReadUInt32();
                    break;
                case 1:
                    parent = reader.ReadText();
                    break;
                case 2:
                    var info = reader.BeginStruct(FileInfo);
                    for (var f = reader.NextField(ref info); f >= 0; f = reader.NextField(ref info))
                    {
                        switch (f)
                        {
                            case 0:
                                nameBytes = reader.ReadText();
                                break;
                            case 1:
                                size = reader.ReadInt64();
                                break;
                            case 2:
                                mode = reader.ReadUInt32();
                                break;
                            case 3:
                                modTime = reader.ReadTime();
                                break;
                            case 4:
                                device = reader.ReadUInt64();
                                break;
                            case 5:
                                inode = reader.ReadUInt64();
                                break;
                            case 6:
                                user = reader.ReadUInt64();
                                break;
                            case 7:
                                group = reader.ReadUInt64();
                                break;
                            case 8:
                                links = reader.ReadUInt16();
                                break;
                            case 9:
                                userName = reader.ReadString();
                                break;
                            case 10:
                                groupName = reader.ReadString();
                                break;
                            default:
                                flags = reader.ReadUInt32();
                                break;
                        }
                    }

                    break;
                case 3:
                    summary = reader.TryReadNil() ? null : SummaryCodec.Read(ref reader);
                    break;
                case 4:
                    symlink = reader.ReadString();
                    break;
                case 5:
                    mac = reader.ReadMac();
                    break;
                case 6:
                    contentType = reader.ReadString();
                    break;
                case 7:
                    entropy = reader.ReadDouble();
                    break;
                case 8:
                    chunks = reader.ReadUInt64();
                    break;
                case 9:
                    streams = Lists.ReadStrings(ref reader);
                    break;
                case 10:
                    descriptor = reader.ReadBytesOrNil();
                    break;
                case 11:
                    attributes = reader.ReadUInt32();
                    break;
                case 12:
                    xattrs = Lists.ReadStrings(ref reader);
                    break;
                case 13:
                    classifications = ReadClassifications(ref reader);
                    break;
                case 14:
                    custom = ReadCustomMetadata(ref reader);
                    break;
                default:
                    tags = Lists.ReadStrings(ref reader);
                    break;
            }
        }

        reader.ExpectEnd();
        name = LosslessText.Decode(nameBytes);
        isRoot = nameBytes.SequenceEqual("/"u8);
        if (isRoot ? !(parent.IsEmpty || parent.SequenceEqual("/"u8)) : !EntryPath.IsName(nameBytes))
            throw new MalformedException($"'{name}' is not a name that a directory can hold");
        if (!isRoot && !EntryPath.IsClean(parent))
            throw new MalformedException($"'{LosslessText.Decode(parent)}' is not a clean absolute path");
        return entry with
        {
            Version = version,
            ParentPath = isRoot ? EntryPath.Root : EntryPath.FromBytes(parent),
            Name = name,
            Size = size,
            Mode = mode,
            ModTime = modTime,
            Device = device,
            Inode = inode,
            UserId = user,
            GroupId = group,
            LinkCount = links,
            UserName = userName,
            GroupName = groupName,
            Flags = flags,
            Summary = summary,
            SymlinkTarget = symlink,
            Object = mac,
            ContentType = contentType,
            Entropy = entropy,
            Chunks = chunks,
            AlternateDataStreams = streams,
            SecurityDescriptor = descriptor,
            FileAttributes = attributes,
            ExtendedAttributes = xattrs,
            Classifications = classifications,
            CustomMetadata = custom,
            Tags = tags,
        };
    }

    public static void Write(MsgpackWriter writer, Entry entry)
    {
        var optional = (entry.SymlinkTarget is { Length: > 0 } ? 1 : 0) + (entry.ContentType.Length > 0 ? 1 : 0) + (entry.Entropy != 0 ? 1 : 0)
            + (entry.Chunks != 0 ? 1 : 0) + Any(entry.AlternateDataStreams) + (entry.SecurityDescriptor.Length > 0 ? 1 : 0)
            + (entry.FileAttributes != 0 ? 1 : 0) + Any(entry.ExtendedAttributes) + Any(entry.Classifications) + Any(entry.CustomMetadata)
            + Any(entry.Tags);
        writer.MapHeader(5 + optional);
        writer.Key("version"u8);
        writer.UInt32(entry.Version);
        writer.Key("parent_path"u8);
        writer.Text(entry.ParentPath.Bytes);
        writer.Key("file_info"u8);
        writer.MapHeader(12);
        writer.Key("name"u8);
        writer.String(entry.Name);
        writer.Key("size"u8);
        writer.Int64(entry.Size);
        writer.Key("mode"u8);
        writer.UInt32(entry.Mode);
        writer.Key("mod_time"u8);
        writer.Time(entry.ModTime);
        writer.Key("dev"u8);
        writer.UInt64(entry.Device);
        writer.Key("ino"u8);
        writer.UInt64(entry.Inode);
        writer.Key("uid"u8);
        writer.UInt64(entry.UserId);
        writer.Key("gid"u8);
        writer.UInt64(entry.GroupId);
        writer.Key("nlink"u8);
        writer.UInt16(entry.LinkCount);
        writer.Key("username"u8);
        writer.String(entry.UserName);
        writer.Key("groupname"u8);
        writer.String(entry.GroupName);
        writer.Key("flags"u8);
        writer.UInt32(entry.Flags);
        writer.Key("summary"u8);
        if (entry.Summary is null)
            writer.Nil();
        else
            SummaryCodec.Write(writer, entry.Summary);
        if (entry.SymlinkTarget is { Length: > 0 } target)
        {
            writer.Key("symlink_target"u8);
            writer.String(target);
        }

        writer.Key("object"u8);
        writer.Mac(entry.Object);
        if (entry.ContentType.Length > 0)
        {
            writer.Key("content_type"u8);
            writer.String(entry.ContentType);
        }

        if (entry.Entropy != 0)
        {
            writer.Key("entropy"u8);
            writer.Double(entry.Entropy);
        }

        if (entry.Chunks != 0)
        {
            writer.Key("chunks"u8);
            writer.UInt64(entry.Chunks);
        }

        WriteStrings("alternate_data_streams"u8, entry.AlternateDataStreams);
        if (entry.SecurityDescriptor.Length > 0)
        {
            writer.Key("security_descriptor"u8);
            writer.Bytes(entry.SecurityDescriptor.Span);
        }

        if (entry.FileAttributes != 0)
        {
            writer.Key("file_attributes"u8);
            writer.UInt32(entry.FileAttributes);
        }

        WriteStrings("extended_attributes"u8, entry.ExtendedAttributes);
        if (entry.Classifications is { Count: > 0 } classifications)
        {
            writer.Key("classifications"u8);
            writer.ArrayHeader(classifications.Count);
            foreach (var item in classifications)
                Write(writer, item);
        }

        if (entry.CustomMetadata is { Count: > 0 } custom)
        {
            writer.Key("custom_metadata"u8);
            writer.ArrayHeader(custom.Count);
            foreach (var (key, value) in custom)
            {
                writer.MapHeader(2);
                writer.Key("key"u8);
                writer.String(key);
                writer.Key("value"u8);
                if (value is { } bytes)
                    writer.Bytes(bytes.Span);
                else
                    writer.Nil();
            }
        }

        WriteStrings("tags"u8, entry.Tags);

        void WriteStrings(ReadOnlySpan<byte> key, IReadOnlyList<string>? list)
        {
            if (list is not { Count: > 0 })
                return;
            writer.Key(key);
            Lists.WriteStrings(writer, list);
        }
    }

    private static int Any<T>(IReadOnlyList<T>? list) => list is { Count: > 0 } ? 1 : 0;

    private static void Write(MsgpackWriter writer, EntryClassification item)
    {
        writer.MapHeader(3);
        writer.Key("analyzer"u8);
        writer.String(item.Analyzer);
        writer.Key("classes"u8);
        Lists.WriteStrings(writer, item.Classes);
        writer.Key("scores"u8);
        if (item.Scores is null)
        {
            writer.Nil();
            return;
        }

        writer.ArrayHeader(item.Scores.Count);
        foreach (var (key, value) in item.Scores)
        {
            writer.MapHeader(2);
            writer.Key("key"u8);
            writer.String(key);
            writer.Key("value"u8);
            writer.Double(value);
        }
    }

    private static List<EntryClassification>? ReadClassifications(ref MsgpackReader reader)
    {
        var count = reader.ReadArrayHeader();
        if (count < 0)
            return null;
        var list = new List<EntryClassification>();
        for (var i = 0; i < count; i++)
        {
            var analyzer = "";
            List<string>? classes = null;
            List<KeyValuePair<string, double>>? scores = null;
            var cursor = reader.BeginStruct(Classification);
            for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
            {
                if (field == 0)
                    analyzer = reader.ReadString();
                else if (field == 1)
                    classes = Lists.ReadStrings(ref reader);
                else
                {
                    var scoreCount = reader.ReadArrayHeader();
                    scores = scoreCount < 0 ? null : [];
                    for (var s = 0; s < scoreCount; s++)
                    {
                        var key = "";
                        var value = 0.0;
                        var pair = reader.BeginStruct(KeyValue);
                        for (var f = reader.NextField(ref pair); f >= 0; f = reader.NextField(ref pair))
                        {
                            if (f == 0)
                                key = reader.ReadString();
                            else
                                value = reader.ReadDouble();
                        }

                        scores!.Add(new(key, value));
                    }
                }
            }

            list.Add(new EntryClassification(analyzer, classes, scores));
        }

        return list;
    }

    private static List<KeyValuePair<string, ReadOnlyMemory<byte>?>>? ReadCustomMetadata(ref MsgpackReader reader)
    {
        var count = reader.ReadArrayHeader();
        if (count < 0)
            return null;
        var list = new List<KeyValuePair<string, ReadOnlyMemory<byte>?>>();
        for (var i = 0; i < count; i++)
        {
            var key = "";
            byte[]? value = null;
            var cursor = reader.BeginStruct(KeyValue);
            for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
            {
                if (field == 0)
                    key = reader.ReadString();
                else
                    value = reader.ReadBytesOrNil();
            }

            list.Add(new(key, value is null ? (ReadOnlyMemory<byte>?)null : value));
        }

        return list;
    }
}
