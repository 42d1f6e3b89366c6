namespace Kloset.Snapshots;

/// <summary>
/// An absolute, cleaned path inside a snapshot: bytes, '/'-separated, no trailing slash except the root. Compared bytewise.
/// </summary>
public readonly struct EntryPath : IEquatable<EntryPath>, IComparable<EntryPath>
{
    private static readonly byte[] RootBytes = "/"u8.ToArray();

    private readonly byte[]? _bytes;

    private EntryPath(byte[] bytes) => _bytes = bytes;

    public static EntryPath Root => default;

    /// <summary>The raw bytes; names need not be UTF-8.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes ?? RootBytes;

    public bool IsRoot => Bytes.Length == 1;

    /// <summary>Number of names; 0 for the root.</summary>
    public int Depth => IsRoot ? 0 : Bytes.Count((byte)'/');

    /// <summary>The last name; "/" for the root.</summary>
    public ReadOnlySpan<byte> NameBytes => IsRoot ? Bytes : Bytes[(Bytes.LastIndexOf((byte)'/') + 1)..];

    public string Name => LosslessText.Decode(NameBytes);

    /// <summary>The root is its own parent.</summary>
    public EntryPath Parent
    {
        get
        {
            var slash = Bytes.LastIndexOf((byte)'/');
            return slash <= 0 ? Root : new EntryPath(Bytes[..slash].ToArray());
        }
    }

    /// <summary>Makes the path absolute and clean: empty names and `.` vanish, `..` removes a name and stops at the root.</summary>
    /// <exception cref="FormatException">It holds a NUL.</exception>
    public static EntryPath Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return FromBytes(LosslessText.Encode(text));
    }

    /// <inheritdoc cref="Parse"/>
    public static EntryPath FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (IsClean(bytes))
            return bytes.Length == 1 ? Root : new EntryPath(bytes.ToArray());
        if (bytes.Contains((byte)0))
            throw new FormatException("A path must not hold a NUL.");
        var names = new List<byte[]>();
        foreach (var range in bytes.Split((byte)'/'))
        {
            var name = bytes[range];
            if (name.IsEmpty || name.SequenceEqual("."u8))
                continue;
            if (!name.SequenceEqual(".."u8))
                names.Add(name.ToArray());
            else if (names.Count > 0)
                names.RemoveAt(names.Count - 1);
        }

        if (names.Count == 0)
            return Root;
        var clean = new byte[names.Sum(n => n.Length + 1)];
        var at = 0;
        foreach (var name in names)
        {
            clean[at++] = (byte)'/';
            name.CopyTo(clean, at);
            at += name.Length;
        }

        return new EntryPath(clean);
    }

    /// <summary>What a tree's key names; the root for a key that is no path.</summary>
    internal static EntryPath FromKey(ReadOnlySpan<byte> key) => IsClean(key) ? FromBytes(key) : Root;

    /// <summary>One name below this path.</summary>
    /// <exception cref="FormatException">Not a single name: empty, `.`, `..`, or with a slash or NUL.</exception>
    public EntryPath Append(string name) => Append(LosslessText.Encode(name));

    /// <inheritdoc cref="Append(string)"/>
    public EntryPath Append(ReadOnlySpan<byte> name)
    {
        if (!IsName(name))
            throw new FormatException($"'{LosslessText.Decode(name)}' is not a file name.");
        var prefix = IsRoot ? 0 : Bytes.Length;
        var bytes = new byte[prefix + 1 + name.Length];
        Bytes[..prefix].CopyTo(bytes);
        bytes[prefix] = (byte)'/';
        name.CopyTo(bytes.AsSpan(prefix + 1));
        return new EntryPath(bytes);
    }

    /// <summary>True also for the path itself.</summary>
    public bool IsAtOrBelow(EntryPath ancestor) =>
        ancestor.IsRoot || (Bytes.StartsWith(ancestor.Bytes) && (Bytes.Length == ancestor.Bytes.Length || Bytes[ancestor.Bytes.Length] == (byte)'/'));

    /// <summary>A name that a directory can hold.</summary>
    public static bool IsName(ReadOnlySpan<byte> name) =>
        !name.IsEmpty && !name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8) && name.IndexOfAny((byte)'/', (byte)0) < 0;

    /// <summary>Absolute, without empty names, `.`, `..`, NUL or a trailing slash.</summary>
    public static bool IsClean(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty || bytes[0] != (byte)'/')
            return false;
        if (bytes.Length == 1)
            return true;
        foreach (var range in bytes[1..].Split((byte)'/'))
        {
            if (!IsName(bytes[1..][range]))
                return false;
        }

        return true;
    }

    public bool Equals(EntryPath other) => Bytes.SequenceEqual(other.Bytes);

    public override bool Equals(object? obj) => obj is EntryPath other && Equals(other);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    public int CompareTo(EntryPath other) => Bytes.SequenceCompareTo(other.Bytes);

    /// <summary>Lossless; see <see cref="LosslessText"/> for names that are not UTF-8.</summary>
    public override string ToString() => LosslessText.Decode(Bytes);

    public static bool operator ==(EntryPath left, EntryPath right) => left.Equals(right);

    public static bool operator !=(EntryPath left, EntryPath right) => !left.Equals(right);

    public static bool operator <(EntryPath left, EntryPath right) => left.CompareTo(right) < 0;

    public static bool operator <=(EntryPath left, EntryPath right) => left.CompareTo(right) <= 0;

    public static bool operator >(EntryPath left, EntryPath right) => left.CompareTo(right) > 0;

    public static bool operator >=(EntryPath left, EntryPath right) => left.CompareTo(right) >= 0;
}
