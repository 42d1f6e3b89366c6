using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Kloset.Hashing;

/// <summary>The implementations of BLAKE3's compression function. All give the same hashes; tests run every supported one.</summary>
internal enum Blake3Path
{
    /// <summary>32-bit integers, one input at a time.</summary>
    Scalar,

    /// <summary>4 inputs at once, on any processor with 128-bit vectors.</summary>
    Vector128,

    /// <summary>8 inputs at once on AVX2.</summary>
    Avx2,

    /// <summary>16 inputs at once on AVX-512 (F and VL).</summary>
    Avx512,
}

internal static class Blake3Paths
{
    public static readonly Blake3Path Best =
        IsSupported(Blake3Path.Avx512) ? Blake3Path.Avx512 :
        IsSupported(Blake3Path.Avx2) ? Blake3Path.Avx2 :
        IsSupported(Blake3Path.Vector128) ? Blake3Path.Vector128 :
        Blake3Path.Scalar;

    public static bool IsSupported(Blake3Path path) => path switch
    {
        Blake3Path.Avx512 => Avx512F.VL.IsSupported,
        Blake3Path.Avx2 => Avx2.IsSupported,
        Blake3Path.Vector128 => Vector128.IsHardwareAccelerated,
        _ => true,
    };

    public static IEnumerable<Blake3Path> Supported => Enum.GetValues<Blake3Path>().Where(IsSupported);
}
