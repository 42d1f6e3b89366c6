using Kloset.Msgpack;

namespace Kloset.Snapshots;

/// <summary>SNAPSHOT blobs. Signatures are computed on the serialised form, so it is canonical.</summary>
internal static class HeaderCodec
{
    private static readonly byte[][] Fields = FieldNames.Of(
        "version", "identifier", "timestamp", "duration", "identity", "name", "category", "environment", "perimeter", "job", "replicas",
        "dataset", "data_classes", "classifications", "tags", "context", "sources");

    private static readonly byte[][] Identity = FieldNames.Of("identifier", "public_key");
    private static readonly byte[][] Classification = FieldNames.Of("analyzer", "classes");
    private static readonly byte[][] Class = FieldNames.Of("name", "probability");
    private static readonly byte[][] Source = FieldNames.Of("importer", "context", "root", "indexes", "summary");
    private static readonly byte[][] Importer = FieldNames.Of("type", "origin", "directory");
    private static readonly byte[][] Vfs = FieldNames.Of("root", "xattrs", "errors");
    private static readonly byte[][] Index = FieldNames.Of("name", "type", "value");

    public static SnapshotHeader Read(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgpackReader(bytes);
        var header = new SnapshotHeader
        {
            Version = 0,
            Id = default,
            Timestamp = Timestamp.GoZero,
            Replicas = 0,
            DataClasses = null,
            Classifications = null,
            Tags = null,
            Context = null,
            Sources = null,
        };
        var cursor = reader.BeginStruct(Fields);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            switch (field)
            {
                case 0:
                    header = header with { Version = reader.ReadUInt32() };
                    break;
                case 1:
                    header = header with { Id = new SnapshotId(reader.ReadMac()) };
                    break;
                case 2:
                    header = header with { Timestamp = reader.ReadTime() };
                    break;
                case 3:
                    header = header with { DurationNanoseconds = reader.ReadInt64() };
                    break;
                case 4:
                    var identity = reader.BeginStruct(Identity);
                    for (var f = reader.NextField(ref identity); f >= 0; f = reader.NextField(ref identity))
                    {
                        if (f == 0)
                            header = header with { IdentityId = reader.ReadUuid() };
                        else
                        {
                            var key = reader.ReadBytesOrNil();
                            header = header with { IdentityPublicKey = key is null ? (ReadOnlyMemory<byte>?)null : key };
                        }
                    }

                    break;
                case 5:
                    header = header with { Name = reader.ReadString() };
                    break;
                case 6:
                    header = header with { Category = reader.ReadString() };
                    break;
                case 7:
                    header = header with { Environment = reader.ReadString() };
                    break;
                case 8:
                    header = header with { Perimeter = reader.ReadString() };
                    break;
                case 9:
                    header = header with { Job = reader.ReadString() };
                    break;
                case 10:
                    header = header with { Replicas = reader.ReadUInt32() };
                    break;
                case 11:
                    header = header with { Dataset = reader.ReadString() };
                    break;
                case 12:
                    header = header with { DataClasses = Lists.ReadStrings(ref reader) };
                    break;
                case 13:
                    header = header with { Classifications = ReadClassifications(ref reader) };
                    break;
                case 14:
                    header = header with { Tags = Lists.ReadStrings(ref reader) };
                    break;
                case 15:
                    header = header with { Context = Lists.ReadPairs(ref reader) };
                    break;
                default:
                    var count = reader.ReadArrayHeader();
                    List<SnapshotSource>? sources = count < 0 ? null : [];
                    for (var i = 0; i < count; i++)
                        sources!.Add(ReadSource(ref reader));
                    header = header with { Sources = sources };
                    break;
            }
        }

        reader.ExpectEnd();
        return header;
    }

    public static void Write(MsgpackWriter writer, SnapshotHeader header)
    {
        writer.MapHeader(17);
        writer.Key("version"u8);
        writer.UInt32(header.Version);
        writer.Key("identifier"u8);
        writer.Mac(header.Id.Value);
        writer.Key("timestamp"u8);
        writer.Time(header.Timestamp);
        writer.Key("duration"u8);
        writer.Int64(header.DurationNanoseconds);
        writer.Key("identity"u8);
        writer.MapHeader(2);
        writer.Key("identifier"u8);
        writer.Uuid(header.IdentityId);
        writer.Key("public_key"u8);
        if (header.IdentityPublicKey is { } key)
            writer.Bytes(key.Span);
        else
            writer.Nil();
        writer.Key("name"u8);
        writer.String(header.Name);
        writer.Key("category"u8);
        writer.String(header.Category);
        writer.Key("environment"u8);
        writer.String(header.Environment);
        writer.Key("perimeter"u8);
        writer.String(header.Perimeter);
        writer.Key("job"u8);
        writer.String(header.Job);
        writer.Key("replicas"u8);
        writer.UInt32(header.Replicas);
        writer.Key("dataset"u8);
        writer.String(header.Dataset);
        writer.Key("data_classes"u8);
        Lists.WriteStrings(writer, header.DataClasses);
        writer.Key("classifications"u8);
        if (header.Classifications is null)
            writer.Nil();
        else
        {
            writer.ArrayHeader(header.Classifications.Count);
            foreach (var item in header.Classifications)
            {
                writer.MapHeader(2);
                writer.Key("analyzer"u8);
                writer.String(item.Analyzer);
                writer.Key("classes"u8);
                if (item.Classes is null)
                {
                    writer.Nil();
                    continue;
                }

                writer.ArrayHeader(item.Classes.Count);
                foreach (var (name, probability) in item.Classes)
                {
                    writer.MapHeader(2);
                    writer.Key("name"u8);
                    writer.String(name);
                    writer.Key("probability"u8);
                    writer.Double(probability);
                }
            }
        }

        writer.Key("tags"u8);
        Lists.WriteStrings(writer, header.Tags);
        writer.Key("context"u8);
        Lists.WritePairs(writer, header.Context);
        writer.Key("sources"u8);
        if (header.Sources is null)
        {
            writer.Nil();
            return;
        }

        writer.ArrayHeader(header.Sources.Count);
        foreach (var source in header.Sources)
            Write(writer, source);
    }

    private static void Write(MsgpackWriter writer, SnapshotSource source)
    {
        writer.MapHeader(5);
        writer.Key("importer"u8);
        writer.MapHeader(3);
        writer.Key("type"u8);
        writer.String(source.Type);
        writer.Key("origin"u8);
        writer.String(source.Origin);
        writer.Key("directory"u8);
        writer.String(source.Directory);
        writer.Key("context"u8);
        Lists.WritePairs(writer, source.Context);
        writer.Key("root"u8);
        writer.MapHeader(3);
        writer.Key("root"u8);
        writer.Mac(source.Root);
        writer.Key("xattrs"u8);
        writer.Mac(source.ExtendedAttributes);
        writer.Key("errors"u8);
        writer.Mac(source.Errors);
        writer.Key("indexes"u8);
        if (source.Indexes is null)
            writer.Nil();
        else
        {
            writer.ArrayHeader(source.Indexes.Count);
            foreach (var index in source.Indexes)
            {
                writer.MapHeader(3);
                writer.Key("name"u8);
                writer.String(index.Name);
                writer.Key("type"u8);
                writer.String(index.Type);
                writer.Key("value"u8);
                writer.Mac(index.Value);
            }
        }

        writer.Key("summary"u8);
        SummaryCodec.Write(writer, source.Summary);
    }

    private static SnapshotSource ReadSource(ref MsgpackReader reader)
    {
        var source = new SnapshotSource { Directory = "", Context = null, Indexes = null };
        var cursor = reader.BeginStruct(Source);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            switch (field)
            {
                case 0:
                    var importer = reader.BeginStruct(Importer);
                    for (var f = reader.NextField(ref importer); f >= 0; f = reader.NextField(ref importer))
                    {
                        var text = reader.ReadString();
                        source = f switch
                        {
                            0 => source with { Type = text },
                            1 => source with { Origin = text },
                            _ => source with { Directory = text },
                        };
                    }

                    break;
                case 1:
                    source = source with { Context = Lists.ReadPairs(ref reader) };
                    break;
                case 2:
                    var vfs = reader.BeginStruct(Vfs);
                    for (var f = reader.NextField(ref vfs); f >= 0; f = reader.NextField(ref vfs))
                    {
                        var mac = reader.ReadMac();
                        source = f switch
                        {
                            0 => source with { Root = mac },
                            1 => source with { ExtendedAttributes = mac },
                            _ => source with { Errors = mac },
                        };
                    }

                    break;
                case 3:
                    var count = reader.ReadArrayHeader();
                    List<SnapshotIndex>? indexes = count < 0 ? null : [];
                    for (var i = 0; i < count; i++)
                    {
                        string name = "", type = "";
                        var value = Mac.Zero;
                        var index = reader.BeginStruct(Index);
                        for (var f = reader.NextField(ref index); f >= 0; f = reader.NextField(ref index))
                        {
                            if (f == 0)
                                name = reader.ReadString();
                            else if (f == 1)
                                type = reader.ReadString();
                            else
                                value = reader.ReadMac();
                        }

                        indexes!.Add(new SnapshotIndex(name, type, value));
                    }

                    source = source with { Indexes = indexes };
                    break;
                default:
                    source = source with { Summary = SummaryCodec.Read(ref reader) };
                    break;
            }
        }

        return source;
    }

    private static List<SnapshotClassification>? ReadClassifications(ref MsgpackReader reader)
    {
        var count = reader.ReadArrayHeader();
        if (count < 0)
            return null;
        var list = new List<SnapshotClassification>();
        for (var i = 0; i < count; i++)
        {
            var analyzer = "";
            List<KeyValuePair<string, double>>? classes = null;
            var cursor = reader.BeginStruct(Classification);
            for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
            {
                if (field == 0)
                {
                    analyzer = reader.ReadString();
                    continue;
                }

                var classCount = reader.ReadArrayHeader();
                classes = classCount < 0 ? null : [];
                for (var c = 0; c < classCount; c++)
                {
                    var name = "";
                    var probability = 0.0;
                    var pair = reader.BeginStruct(Class);
                    for (var f = reader.NextField(ref pair); f >= 0; f = reader.NextField(ref pair))
                    {
                        if (f == 0)
                            name = reader.ReadString();
                        else
                            probability = reader.ReadDouble();
                    }

                    classes!.Add(new(name, probability));
                }
            }

            list.Add(new SnapshotClassification(analyzer, classes));
        }

        return list;
    }
}
