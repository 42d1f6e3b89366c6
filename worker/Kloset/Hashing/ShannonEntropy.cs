using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kloset.Hashing;

/// <summary>
/// Shannon entropy of the bytes of a chunk, in bits a byte (0 to 8). The format stores it as a 64-bit float inside objects, so its
/// last bit decides whether an object is known: the sum runs in byte order with Go's own logarithm (<see cref="GoMath"/>).
/// </summary>
public static class ShannonEntropy
{
    private const int Tables = 8;

    /// <summary>The entropy of <paramref name="data"/>; 0 for nothing.</summary>
    [SkipLocalsInit]
    public static double Compute(ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty)
        {
            return 0;
        }

        Span<uint> counts = stackalloc uint[Tables * 256];
        counts.Clear();
        Count(data, ref MemoryMarshal.GetReference(counts));

        double entropy = 0;
        double length = data.Length;
        for (int value = 0; value < 256; value++)
        {
            uint count = 0;
            for (int table = 0; table < Tables; table++)
            {
                count += counts[(table * 256) + value];
            }

            if (count > 0)
            {
                double share = count / length;
                entropy -= share * GoMath.Log2(share);
            }
        }

        return entropy;
    }

    // Eight tables, so that equal neighbours do not wait for one another's increment.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Count(ReadOnlySpan<byte> data, ref uint counts)
    {
        ref byte at = ref MemoryMarshal.GetReference(data);
        nint length = data.Length;
        nint i = 0;
        for (; i <= length - 8; i += 8)
        {
            Unsafe.Add(ref counts, (nint)Unsafe.Add(ref at, i))++;
            Unsafe.Add(ref counts, 256 + (nint)Unsafe.Add(ref at, i + 1))++;
            Unsafe.Add(ref counts, 512 + (nint)Unsafe.Add(ref at, i + 2))++;
            Unsafe.Add(ref counts, 768 + (nint)Unsafe.Add(ref at, i + 3))++;
            Unsafe.Add(ref counts, 1024 + (nint)Unsafe.Add(ref at, i + 4))++;
            Unsafe.Add(ref counts, 1280 + (nint)Unsafe.Add(ref at, i + 5))++;
            Unsafe.Add(ref counts, 1536 + (nint)Unsafe.Add(ref at, i + 6))++;
            Unsafe.Add(ref counts, 1792 + (nint)Unsafe.Add(ref at, i + 7))++;
        }

        for (; i < length; i++)
        {
            Unsafe.Add(ref counts, (nint)Unsafe.Add(ref at, i))++;
        }
    }
}
