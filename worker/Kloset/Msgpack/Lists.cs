namespace Kloset.Msgpack;

/// <summary>Lists that several structures of the format share. Null is nil.</summary>
internal static class Lists
{
    private static readonly byte[][] KeyValue = FieldNames.Of("key", "value");

    public static List<string>? ReadStrings(ref MsgpackReader reader)
    {
        var count = reader.ReadArrayHeader();
        if (count < 0)
            return null;
        var list = new List<string>();
        for (var i = 0; i < count; i++)
            list.Add(reader.ReadString());
        return list;
    }

    public static void WriteStrings(MsgpackWriter writer, IReadOnlyList<string>? list)
    {
        if (list is null)
        {
            writer.Nil();
            return;
        }

        writer.ArrayHeader(list.Count);
        foreach (var item in list)
            writer.String(item);
    }

    public static List<KeyValuePair<string, string>>? ReadPairs(ref MsgpackReader reader)
    {
        var count = reader.ReadArrayHeader();
        if (count < 0)
            return null;
        var list = new List<KeyValuePair<string, string>>();
        for (var i = 0; i < count; i++)
        {
            string key = "", value = "";
            var cursor = reader.BeginStruct(KeyValue);
            for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
            {
                if (field == 0)
                    key = reader.ReadString();
                else
                    value = reader.ReadString();
            }

            list.Add(new(key, value));
        }

        return list;
    }

    public static void WritePairs(MsgpackWriter writer, IReadOnlyList<KeyValuePair<string, string>>? list)
    {
        if (list is null)
        {
            writer.Nil();
            return;
        }

        writer.ArrayHeader(list.Count);
        foreach (var (key, value) in list)
        {
            writer.MapHeader(2);
            writer.Key("key"u8);
            writer.String(key);
            writer.Key("value"u8);
            writer.String(value);
        }
    }
}
