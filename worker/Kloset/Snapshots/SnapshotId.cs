namespace Kloset.Snapshots;

/// <summary>32 random bytes that name a snapshot; written as 64 lower-case hexadecimal digits.</summary>
public readonly record struct SnapshotId(Mac Value) : IComparable<SnapshotId>
{
    /// <exception cref="FormatException">Not 64 hexadecimal digits.</exception>
    public static SnapshotId Parse(string hex) => new(Mac.Parse(hex));

    public static bool TryParse(string hex, out SnapshotId id)
    {
        var parsed = Mac.TryParse(hex, out var mac);
        id = new SnapshotId(mac);
        return parsed;
    }

    /// <summary>The first eight digits, as listings show them.</summary>
    public string Short => ToString()[..8];

    public int CompareTo(SnapshotId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString();

    public static bool operator <(SnapshotId left, SnapshotId right) => left.CompareTo(right) < 0;

    public static bool operator <=(SnapshotId left, SnapshotId right) => left.CompareTo(right) <= 0;

    public static bool operator >(SnapshotId left, SnapshotId right) => left.CompareTo(right) > 0;

    public static bool operator >=(SnapshotId left, SnapshotId right) => left.CompareTo(right) >= 0;
}
