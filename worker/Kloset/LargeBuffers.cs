using System.Buffers;
using System.Numerics;

namespace Kloset;

/// <summary>
/// Arrays of 2 to 16 MiB, of which few are kept for the next one who asks. The shared pool keeps up to thirty-two of each size for every core,
/// for a minute or longer: chunks of a few unusual files would stay in memory as a hundred megabytes that nobody uses.
/// </summary>
internal static class LargeBuffers
{
    private const int SmallestBits = 21;

    /// <summary>By size: 2, 4, 8 and 16 MiB. Windows and chunks under way at one time need about so many.</summary>
    private static readonly int[] Kept = [4, 2, 1, 0];
    private static readonly Stack<byte[]>[] Free = [new(), new(), new(), new()];

    public static byte[] Rent(int size)
    {
        var index = IndexOf(size);
        if (index < 0)
            return ArrayPool<byte>.Shared.Rent(size);
        if (index >= Kept.Length)
            return GC.AllocateUninitializedArray<byte>(size);
        lock (Free[index])
        {
            if (Free[index].TryPop(out var kept))
                return kept;
        }

        return GC.AllocateUninitializedArray<byte>(1 << (SmallestBits + index));
    }

    public static void Return(byte[] array)
    {
        var index = IndexOf(array.Length);
        if (index < 0)
        {
            ArrayPool<byte>.Shared.Return(array);
            return;
        }

        if (index >= Kept.Length)
            return;
        lock (Free[index])
        {
            if (Free[index].Count < Kept[index])
                Free[index].Push(array);
        }
    }

    /// <summary>Negative for sizes of the shared pool.</summary>
    private static int IndexOf(int size) => BitOperations.Log2((uint)Math.Max(1, size - 1)) + 1 - SmallestBits;
}
