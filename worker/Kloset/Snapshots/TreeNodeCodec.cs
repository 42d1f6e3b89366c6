using Kloset.Msgpack;

namespace Kloset.Snapshots;

/// <summary>A node of a persisted B+tree. Source: format document, section 13.1.</summary>
/// <param name="Keys">In a leaf one per value; in an internal node the smallest keys of all children but the first.</param>
/// <param name="Pointers">Children; empty in a leaf.</param>
internal sealed record TreeNode(byte[][] Keys, Mac[] Pointers, Mac[] Values, Mac? Next)
{
    public bool IsLeaf => Pointers.Length == 0;
}

internal static class TreeNodeCodec
{
    private static readonly byte[][] NodeFields = FieldNames.Of("version", "keys", "pointers", "values", "prev", "next");
    private static readonly byte[][] RootFields = FieldNames.Of("Version", "Order", "Count", "Root");

    /// <summary>The root blob: returns the root node's identifier.</summary>
    public static Mac ReadRoot(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgpackReader(bytes);
        var root = Mac.Zero;
        long order = 0;
        var cursor = reader.BeginStruct(RootFields);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            switch (field)
            {
                case 1:
                    order = reader.ReadInt64();
                    break;
                case 3:
                    root = reader.ReadMac();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        reader.ExpectEnd();
        return order >= 3 ? root : throw new MalformedException($"a tree of order {order}");
    }

    public static void WriteRoot(MsgpackWriter writer, Mac rootNode, int order)
    {
        writer.MapHeader(4);
        writer.Key("Version"u8);
        writer.UInt32(0);
        writer.Key("Order"u8);
        writer.CompactInt(order);
        writer.Key("Count"u8);
        writer.CompactInt(0);
        writer.Key("Root"u8);
        writer.Mac(rootNode);
    }

    public static TreeNode Read(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgpackReader(bytes);
        byte[][] keys = [];
        Mac[] pointers = [], values = [];
        Mac? next = null;
        var cursor = reader.BeginStruct(NodeFields);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            switch (field)
            {
                case 1:
                    var count = Math.Max(0, reader.ReadArrayHeader());
                    var list = new List<byte[]>();
                    for (var i = 0; i < count; i++)
                        list.Add(reader.ReadText().ToArray());
                    keys = [.. list];
                    break;
                case 2:
                    pointers = ReadMacs(ref reader);
                    break;
                case 3:
                    values = ReadMacs(ref reader);
                    break;
                case 5:
                    next = reader.TryReadNil() ? null : reader.ReadMac();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        reader.ExpectEnd();
        var wellFormed = pointers.Length == 0 ? keys.Length == values.Length : pointers.Length == keys.Length + 1;
        return wellFormed
            ? new TreeNode(keys, pointers, values, next)
            : throw new MalformedException($"a node of {keys.Length} keys, {pointers.Length} pointers and {values.Length} values");
    }

    public static void Write(MsgpackWriter writer, TreeNode node)
    {
        writer.MapHeader(node.Next is null ? 4 : 5);
        writer.Key("version"u8);
        writer.UInt32(0);
        writer.Key("keys"u8);
        if (node.Keys.Length == 0)
            writer.Nil();
        else
        {
            writer.ArrayHeader(node.Keys.Length);
            foreach (var key in node.Keys)
                writer.Text(key);
        }

        writer.Key("pointers"u8);
        WriteMacs(writer, node.Pointers);
        writer.Key("values"u8);
        WriteMacs(writer, node.Values);
        if (node.Next is { } next)
        {
            writer.Key("next"u8);
            writer.Mac(next);
        }
    }

    private static Mac[] ReadMacs(ref MsgpackReader reader)
    {
        var count = Math.Max(0, reader.ReadArrayHeader());
        var list = new List<Mac>();
        for (var i = 0; i < count; i++)
            list.Add(reader.ReadMac());
        return [.. list];
    }

    private static void WriteMacs(MsgpackWriter writer, Mac[] macs)
    {
        if (macs.Length == 0)
        {
            writer.Nil();
            return;
        }

        writer.ArrayHeader(macs.Length);
        foreach (var mac in macs)
            writer.Mac(mac);
    }
}
