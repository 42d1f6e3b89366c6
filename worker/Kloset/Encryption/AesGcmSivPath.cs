using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Aes = System.Runtime.Intrinsics.X86.Aes;
using ArmAes = System.Runtime.Intrinsics.Arm.Aes;

namespace Kloset.Encryption;

/// <summary>The implementations of AES-GCM-SIV. All give the same bytes; tests run every supported one.</summary>
internal enum AesGcmSivPath
{
    /// <summary>The runtime's own AES, and carry-less multiplication by integer multiplication. Constant time.</summary>
    Portable,

    /// <summary>ARMv8's AES and PMULL, 8 blocks at once.</summary>
    Arm,

    /// <summary>AES-NI and PCLMULQDQ, 8 blocks at once.</summary>
    X86,

    /// <summary>AES-NI, and VPCLMULQDQ on 512-bit vectors: 16 blocks at once in POLYVAL.</summary>
    X86Wide,
}

internal static class AesGcmSivPaths
{
    public static readonly AesGcmSivPath Best =
        IsSupported(AesGcmSivPath.X86Wide) ? AesGcmSivPath.X86Wide :
        IsSupported(AesGcmSivPath.X86) ? AesGcmSivPath.X86 :
        IsSupported(AesGcmSivPath.Arm) ? AesGcmSivPath.Arm :
        AesGcmSivPath.Portable;

    public static bool IsSupported(AesGcmSivPath path) => path switch
    {
        AesGcmSivPath.X86Wide => IsSupported(AesGcmSivPath.X86) && Pclmulqdq.V512.IsSupported && Avx512F.IsSupported,
        AesGcmSivPath.X86 => Aes.IsSupported && Pclmulqdq.IsSupported && Sse41.IsSupported,
        AesGcmSivPath.Arm => ArmAes.IsSupported && AdvSimd.Arm64.IsSupported,
        _ => true,
    };

    public static IEnumerable<AesGcmSivPath> Supported => Enum.GetValues<AesGcmSivPath>().Where(IsSupported);
}
