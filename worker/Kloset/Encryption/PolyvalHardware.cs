using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Kloset.Encryption;

/// <summary>
/// POLYVAL (RFC 8452, section 3) on carry-less multiplication by the processor. The field is GF(2)[x] / (x^128 + x^127 + x^126 + x^121 + 1), and its product "dot" is
/// a * b * x^-128, so a product of 256 bits is reduced from its low end: two folds by the polynomial's upper half 0xC2 * 2^56.
/// Several blocks are multiplied by descending powers of the key and summed before one reduction.
/// </summary>
internal struct PolyvalHardware
{
    private const int BlockSize = 16;
    private const int MaxPowers = 16;

    [InlineArray(MaxPowers)]
    private struct Powers
    {
        private Vector128<ulong> _element0;
    }

    // Descending, so that a run of consecutive blocks meets them in order: the power n lies at MaxPowers - n.
    private Powers _powers;
    private int _known;
    private Vector128<ulong> _sum;

    [SkipLocalsInit]
    public PolyvalHardware(Vector128<ulong> key)
    {
        Unsafe.SkipInit(out _powers);
        _powers[MaxPowers - 1] = key;
        _known = 1;
        _sum = default;
    }

    /// <summary>Takes whole blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Update(ReadOnlySpan<byte> blocks, bool wide)
    {
        ref byte at = ref MemoryMarshal.GetReference(blocks);
        int count = blocks.Length / BlockSize;
        if (wide && count >= 16)
        {
            Know(16);
            int taken = count & ~15;
            _sum = Wide(ref _powers[0], _sum, ref at, taken);
            at = ref Unsafe.Add(ref at, taken * BlockSize);
            count -= taken;
        }

        if (count >= 8)
        {
            Know(8);
            int taken = count & ~7;
            _sum = EightByEight(ref _powers[MaxPowers - 8], _sum, ref at, taken);
            at = ref Unsafe.Add(ref at, taken * BlockSize);
            count -= taken;
        }

        Vector128<ulong> key = _powers[MaxPowers - 1];
        Vector128<ulong> sum = _sum;
        for (; count > 0; count--)
        {
            sum = Multiply(sum ^ Vector128.LoadUnsafe(ref at).AsUInt64(), key);
            at = ref Unsafe.Add(ref at, BlockSize);
        }

        _sum = sum;
    }

    /// <summary>Takes the last block, clears the powers of the key and returns the sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Vector128<ulong> Finish(Vector128<ulong> lengths)
    {
        Vector128<ulong> result = Multiply(_sum ^ lengths, _powers[MaxPowers - 1]);
        Span<Vector128<ulong>> powers = _powers;
        powers[(MaxPowers - _known)..].Clear();
        _sum = default;
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Know(int powers)
    {
        for (; _known < powers; _known++)
        {
            _powers[MaxPowers - _known - 1] = Multiply(_powers[MaxPowers - _known], _powers[MaxPowers - 1]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Multiply(Vector128<ulong> a, Vector128<ulong> b) =>
        Reduce(CarrylessProduct.Low(a, b), CarrylessProduct.Middle(a, b), CarrylessProduct.High(a, b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Reduce(Vector128<ulong> low, Vector128<ulong> middle, Vector128<ulong> high)
    {
        low ^= CarrylessProduct.HalfUp(middle);
        high ^= CarrylessProduct.HalfDown(middle);
        Vector128<ulong> polynomial = Vector128.Create(0xC200000000000000UL);
        low = CarrylessProduct.SwapHalves(low) ^ CarrylessProduct.Low(low, polynomial);
        low = CarrylessProduct.SwapHalves(low) ^ CarrylessProduct.Low(low, polynomial);
        return low ^ high;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Vector128<ulong> EightByEight(ref Vector128<ulong> powers, Vector128<ulong> sum, ref byte at, int count)
    {
        for (; count > 0; count -= 8)
        {
            Vector128<ulong> x = Vector128.LoadUnsafe(ref at).AsUInt64() ^ sum;
            Vector128<ulong> power = powers;
            Vector128<ulong> low = CarrylessProduct.Low(x, power);
            Vector128<ulong> middle = CarrylessProduct.Middle(x, power);
            Vector128<ulong> high = CarrylessProduct.High(x, power);
            for (nuint i = 1; i < 8; i++)
            {
                x = Vector128.LoadUnsafe(ref at, i * BlockSize).AsUInt64();
                power = Unsafe.Add(ref powers, i);
                low ^= CarrylessProduct.Low(x, power);
                middle ^= CarrylessProduct.Middle(x, power);
                high ^= CarrylessProduct.High(x, power);
            }

            sum = Reduce(low, middle, high);
            at = ref Unsafe.Add(ref at, 8 * BlockSize);
        }

        return sum;
    }

    // Four vectors of four blocks; the four lanes of the products are summed before the reduction.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Vector128<ulong> Wide(ref Vector128<ulong> powers, Vector128<ulong> sum, ref byte at, int count)
    {
        ref Vector512<ulong> wide = ref Unsafe.As<Vector128<ulong>, Vector512<ulong>>(ref powers);
        Vector512<ulong> p0 = Vector512.LoadUnsafe(ref Unsafe.As<Vector512<ulong>, ulong>(ref wide));
        Vector512<ulong> p1 = Vector512.LoadUnsafe(ref Unsafe.As<Vector512<ulong>, ulong>(ref wide), 8);
        Vector512<ulong> p2 = Vector512.LoadUnsafe(ref Unsafe.As<Vector512<ulong>, ulong>(ref wide), 16);
        Vector512<ulong> p3 = Vector512.LoadUnsafe(ref Unsafe.As<Vector512<ulong>, ulong>(ref wide), 24);
        for (; count > 0; count -= 16)
        {
            Vector512<ulong> x0 = Vector512.LoadUnsafe(ref at).AsUInt64() ^ Vector512.Create(Vector256.Create(sum, default), default);
            Vector512<ulong> x1 = Vector512.LoadUnsafe(ref at, 64).AsUInt64();
            Vector512<ulong> x2 = Vector512.LoadUnsafe(ref at, 128).AsUInt64();
            Vector512<ulong> x3 = Vector512.LoadUnsafe(ref at, 192).AsUInt64();
            Vector512<ulong> low =
                Pclmulqdq.V512.CarrylessMultiply(x0, p0, 0x00) ^ Pclmulqdq.V512.CarrylessMultiply(x1, p1, 0x00) ^
                Pclmulqdq.V512.CarrylessMultiply(x2, p2, 0x00) ^ Pclmulqdq.V512.CarrylessMultiply(x3, p3, 0x00);
            Vector512<ulong> middle =
                Pclmulqdq.V512.CarrylessMultiply(x0, p0, 0x01) ^ Pclmulqdq.V512.CarrylessMultiply(x1, p1, 0x01) ^
                Pclmulqdq.V512.CarrylessMultiply(x2, p2, 0x01) ^ Pclmulqdq.V512.CarrylessMultiply(x3, p3, 0x01) ^
                Pclmulqdq.V512.CarrylessMultiply(x0, p0, 0x10) ^ Pclmulqdq.V512.CarrylessMultiply(x1, p1, 0x10) ^
                Pclmulqdq.V512.CarrylessMultiply(x2, p2, 0x10) ^ Pclmulqdq.V512.CarrylessMultiply(x3, p3, 0x10);
            Vector512<ulong> high =
                Pclmulqdq.V512.CarrylessMultiply(x0, p0, 0x11) ^ Pclmulqdq.V512.CarrylessMultiply(x1, p1, 0x11) ^
                Pclmulqdq.V512.CarrylessMultiply(x2, p2, 0x11) ^ Pclmulqdq.V512.CarrylessMultiply(x3, p3, 0x11);
            sum = Reduce(Fold(low), Fold(middle), Fold(high));
            at = ref Unsafe.Add(ref at, 16 * BlockSize);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Fold(Vector512<ulong> wide)
    {
        Vector256<ulong> half = wide.GetLower() ^ wide.GetUpper();
        return half.GetLower() ^ half.GetUpper();
    }
}
