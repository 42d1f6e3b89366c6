namespace Kloset;

/// <summary>
/// Large arrays for buffers. The shared pool rounds sizes up to powers of two and keeps dozens of each size; here a few that fit are kept. Safe for
/// concurrent use.
/// </summary>
internal static class LargeArrays
{
    /// <summary>What is not larger comes from the shared pool, whose arrays of this size are not larger either.</summary>
    public const int LargestShared = 1 << 19;

    /// <summary>Sizes are multiples of this, so that arrays fit again.</summary>
    private const int Step = 256 << 10;

    private const long MostKept = 24 << 20;

    private static readonly Lock Gate = new();

    /// <summary>By size.</summary>
    private static readonly List<byte[]> Free = [];
    private static long _kept;

    public static byte[] Rent(int size)
    {
        lock (Gate)
        {
            foreach (var (i, array) in Free.Index())
            {
                if (array.Length < size)
                    continue;
                // A much larger one is worth keeping for what needs it.
                if (array.Length / 2 > size)
                    break;
                Free.RemoveAt(i);
                _kept -= array.Length;
                return array;
            }
        }

        return GC.AllocateUninitializedArray<byte>((int)Math.Min(Array.MaxLength, ((long)size + Step - 1) / Step * Step));
    }

    public static void Return(byte[] array)
    {
        lock (Gate)
        {
            var at = Free.FindIndex(other => other.Length >= array.Length);
            Free.Insert(at < 0 ? Free.Count : at, array);
            _kept += array.Length;
            // The smallest go first: they are the cheapest to make anew.
            while (_kept > MostKept)
            {
                _kept -= Free[0].Length;
                Free.RemoveAt(0);
            }
        }
    }
}
