using System.Globalization;
using System.Text;
using Kloset.Snapshots;

namespace KlosetWorker.Restoring;

/// <summary>Paths of a snapshot, which are bytes, as the text that targets want.</summary>
internal static class PlaceNames
{
    /// <summary>'/'-separated, without leading slash; empty for the root.</summary>
    public static string Of(ReadOnlySpan<byte> relative)
    {
        var names = Encoding.Latin1.GetString(relative).Split('/', StringSplitOptions.RemoveEmptyEntries);
        return string.Join('/', names.Select(name => Name(Encoding.Latin1.GetBytes(name))));
    }

    /// <summary>What follows the root; a path outside of it stays whole.</summary>
    public static ReadOnlySpan<byte> Relative(EntryPath path, EntryPath root) =>
        !path.IsAtOrBelow(root) ? path.Bytes
        : path.Bytes.Length == root.Bytes.Length ? []
        : path.Bytes[(root.IsRoot ? 1 : root.Bytes.Length + 1)..];

    /// <summary>Names that are not UTF-8 cannot be given to .NET; their odd bytes become %XX.</summary>
    private static string Name(byte[] name)
    {
        if (System.Text.Unicode.Utf8.IsValid(name))
        {
            return Encoding.UTF8.GetString(name);
        }

        var builder = new StringBuilder();
        ReadOnlySpan<byte> rest = name;
        while (!rest.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(rest, out var rune, out var used) == System.Buffers.OperationStatus.Done)
            {
                builder.Append(rune.ToString());
                rest = rest[used..];
            }
            else
            {
                builder.Append(CultureInfo.InvariantCulture, $"%{rest[0]:X2}");
                rest = rest[1..];
            }
        }

        return builder.ToString();
    }
}
