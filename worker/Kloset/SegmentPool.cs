using System.Collections.Concurrent;

namespace Kloset;

/// <summary>
/// Pieces of one size, of which packfiles and sorts are made. What comes back is kept for the next one: the shared pool keeps so few arrays of this
/// size that most would be garbage at once, and large garbage stays until a collection of everything.
/// </summary>
internal static class SegmentPool
{
    public const int SegmentSize = 1 << 20;

    private static readonly ConcurrentStack<byte[]> Free = new();

    public static byte[] Rent() => Free.TryPop(out var segment) ? segment : GC.AllocateUninitializedArray<byte>(SegmentSize);

    public static void Return(byte[] segment) => Free.Push(segment);
}
