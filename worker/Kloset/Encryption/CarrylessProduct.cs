using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ArmAes = System.Runtime.Intrinsics.Arm.Aes;
using ArmSimd = System.Runtime.Intrinsics.Arm.AdvSimd;

namespace Kloset.Encryption;

/// <summary>The 256-bit product of polynomials over GF(2), in three parts, by PCLMULQDQ on x86 and PMULL on ARM.</summary>
internal static class CarrylessProduct
{
    /// <summary>Lower half times lower half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Low(Vector128<ulong> a, Vector128<ulong> b) => Pclmulqdq.IsSupported
        ? Pclmulqdq.CarrylessMultiply(a, b, 0x00)
        : ArmAes.PolynomialMultiplyWideningLower(a.GetLower(), b.GetLower());

    /// <summary>The sum of both products of a lower and an upper half, which belongs 64 bits higher.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Middle(Vector128<ulong> a, Vector128<ulong> b)
    {
        if (Pclmulqdq.IsSupported)
        {
            return Pclmulqdq.CarrylessMultiply(a, b, 0x01) ^ Pclmulqdq.CarrylessMultiply(a, b, 0x10);
        }

        b = SwapHalves(b);
        return ArmAes.PolynomialMultiplyWideningLower(a.GetLower(), b.GetLower()) ^ ArmAes.PolynomialMultiplyWideningUpper(a, b);
    }

    /// <summary>Upper half times upper half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> High(Vector128<ulong> a, Vector128<ulong> b) => Pclmulqdq.IsSupported
        ? Pclmulqdq.CarrylessMultiply(a, b, 0x11)
        : ArmAes.PolynomialMultiplyWideningUpper(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> SwapHalves(Vector128<ulong> a) => Sse2.IsSupported
        ? Sse2.Shuffle(a.AsUInt32(), 0b_01_00_11_10).AsUInt64()
        : ArmSimd.ExtractVector128(a, a, 1);

    /// <summary>The lower half in the upper one's place, zeros below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> HalfUp(Vector128<ulong> a) => Sse2.IsSupported
        ? Sse2.ShiftLeftLogical128BitLane(a, 8)
        : ArmSimd.ExtractVector128(Vector128<ulong>.Zero, a, 1);

    /// <summary>The upper half in the lower one's place, zeros above.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> HalfDown(Vector128<ulong> a) => Sse2.IsSupported
        ? Sse2.ShiftRightLogical128BitLane(a, 8)
        : ArmSimd.ExtractVector128(a, Vector128<ulong>.Zero, 1);

    /// <summary>Both lower halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> LowerHalves(Vector128<ulong> a, Vector128<ulong> b) => Sse2.IsSupported
        ? Sse2.UnpackLow(a, b)
        : System.Runtime.Intrinsics.Arm.AdvSimd.Arm64.ZipLow(a, b);
}
