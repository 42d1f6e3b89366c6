using System.Buffers.Binary;
using Kloset.Snapshots;

namespace Kloset.Writing;

/// <summary>Bytes by which paths are sorted: in trees, in lists of differences, and in the list of changes.</summary>
internal static class TreeKeys
{
    /// <summary>Orders directories so that each stands directly before all that is below it.</summary>
    public static Comparer<EntryPath> SubtreeOrder { get; } = Comparer<EntryPath>.Create((a, b) =>
    {
        if (a.IsRoot || b.IsRoot)
            return (a.IsRoot ? 0 : 1) - (b.IsRoot ? 0 : 1);
        ReadOnlySpan<byte> x = a.Bytes, y = b.Bytes;
        var common = x.CommonPrefixLength(y);
        // Whichever ends first goes on with a slash.
        var left = common < x.Length ? x[common] : common < y.Length ? (byte)'/' : 0;
        var right = common < y.Length ? y[common] : common < x.Length ? (byte)'/' : 0;
        return left != right ? left - right : x.Length - y.Length;
    });

    /// <summary>Bytes that sort in path order: the depth, then the path.</summary>
    public static byte[] OfPath(ReadOnlySpan<byte> path)
    {
        var depth = path.Count((byte)'/');
        if (depth > ushort.MaxValue)
            throw new InvalidOperationException("A path has more than 65,535 names.");
        var key = new byte[2 + path.Length];
        BinaryPrimitives.WriteUInt16BigEndian(key, (ushort)depth);
        path.CopyTo(key.AsSpan(2));
        return key;
    }

    /// <summary>The path in what <see cref="OfPath"/> made.</summary>
    public static byte[] ToPath(byte[] key) => key[2..];

    /// <summary>The key of an entry in the index of content types: `/type/subtype`, without parameters, and then the path.</summary>
    public static byte[] OfType(ReadOnlySpan<byte> contentType, ReadOnlySpan<byte> path)
    {
        var end = contentType.IndexOf((byte)';');
        if (end >= 0)
            contentType = contentType[..end];
        return [(byte)'/', .. contentType, .. path];
    }

    /// <summary>The path in a key of the index of content types; null when it holds none.</summary>
    public static byte[]? PathOfType(byte[] key)
    {
        var path = key.AsSpan();
        for (var slashes = 0; slashes < 2; slashes++)
        {
            var next = path[1..].IndexOf((byte)'/');
            if (next < 0)
                return null;
            path = path[(1 + next)..];
        }

        return path.ToArray();
    }

    /// <summary>The directory with a slash, then a byte that no path holds: changes come directory by directory, in <see cref="SubtreeOrder"/>.</summary>
    public static byte[] ChangePrefix(EntryPath directory) => directory.IsRoot ? "/\0"u8.ToArray() : [.. directory.Bytes, (byte)'/', 0];

    public static byte[] OfChange(EntryPath path) => [.. ChangePrefix(path.Parent), .. path.NameBytes];
}
