namespace KlosetOperator.Api;

/// <summary>
/// Numbers and times that may be absent, in eight bytes instead of sixteen and twenty-four. A fleet's caches hold ten runs and ten
/// snapshots of each object. Zero is absent, so that nothing has to be set for it.
/// </summary>
internal static class Packed
{
    public static long Of(DateTimeOffset? time) => time?.UtcTicks ?? 0;

    public static DateTimeOffset? Time(long packed) => packed == 0 ? null : new DateTimeOffset(packed, TimeSpan.Zero);

    public static long Of(long? number) => number is { } value ? value >= 0 ? value + 1 : value : 0;

    public static long? Number(long packed) => packed switch
    {
        0 => null,
        > 0 => packed - 1,
        _ => packed,
    };
}
