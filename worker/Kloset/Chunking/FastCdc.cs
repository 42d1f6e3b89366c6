using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kloset.Chunking;

/// <summary>
/// FastCDC (Xia et al., USENIX ATC 2016) with the format's gear table and normalisation level 2: no cut in the first <c>MinSize</c>
/// bytes, then a strict mask up to <c>NormalSize</c> and a lax one after it. The byte that triggers a cut opens the next chunk.
/// </summary>
public sealed class FastCdc : Chunker
{
    private const int NormalisationLevel = 2;

    private readonly int _min;
    private readonly int _normal;
    private readonly int _max;
    private readonly ulong _strictMask;
    private readonly ulong _laxMask;

    /// <exception cref="NotSupportedException">Sizes that cannot be used.</exception>
    public FastCdc(ChunkingParameters parameters)
        : base(parameters)
    {
        _min = (int)parameters.MinSize;
        _normal = (int)parameters.NormalSize;
        _max = (int)parameters.MaxSize;
        bool legacy = parameters.Algorithm.Equals(ChunkingParameters.FastCdcLegacy, StringComparison.OrdinalIgnoreCase);
        if (legacy || (_min == 2048 && _normal == 8192 && _max == 65536))
        {
            // The masks of the paper, which the first version used whatever the sizes.
            _strictMask = 0x0003590703530000;
            _laxMask = 0x0000D90003530000;
        }
        else
        {
            int bits = BitOperations.Log2((uint)_normal);
            _strictMask = Spaced(bits + NormalisationLevel);
            _laxMask = Spaced(bits - NormalisationLevel);
        }
    }

    /// <inheritdoc/>
    public override int NextCut(ReadOnlySpan<byte> window)
    {
        int end = Math.Min(window.Length, _max);
        if (end <= _min)
        {
            return end;
        }

        ref byte data = ref MemoryMarshal.GetReference(window);
        int normal = Math.Min(_normal, end);
        ulong fingerprint = 0;
        nint cut = Scan(ref data, _min, normal, ref fingerprint, _strictMask);
        return (int)(cut < normal ? cut : Scan(ref data, normal, end, ref fingerprint, _laxMask));
    }

    /// <inheritdoc/>
    public override int TryNextCut(ReadOnlySpan<byte> window)
    {
        // Whether a byte is a cut depends on those before it alone.
        int cut = NextCut(window);
        return cut < window.Length || window.Length >= _max ? cut : 0;
    }

    /// <summary>The first position in [from, to) at which the fingerprint meets the mask, else <paramref name="to"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static nint Scan(ref byte data, nint from, nint to, ref ulong fingerprint, ulong mask)
    {
        ref ulong gear = ref MemoryMarshal.GetReference(GearTable.Words);
        ulong print = fingerprint;
        nint at = from;
        for (; at <= to - 8; at += 8)
        {
            // Eight steps of load, look up, shift and add (one instruction), test.
            print = (print << 1) + Unsafe.Add(ref gear, (nint)Unsafe.Add(ref data, at));
            if ((print & mask) == 0)
            {
                return at;
            }

            print = (print << 1) + Unsafe.Add(ref gear, (nint)Unsafe.Add(ref data, at + 1));
            if ((print & mask) == 0)
            {
                return at + 1;
            }

            print = (print << 1) + Unsafe.Add(ref gear, (nint)Unsafe.Add(ref data, at + 2));
            if ((print & mask) == 0)
            {
                return at + 2;
            }

            print = (print << 1) + Unsafe.Add(ref gear, (nint)Unsafe.Add(ref data, at + 3));
            if ((print & mask) == 0)
            {
                return at + 3;
            }

            print = (print << 1) + Unsafe.Add(ref gear, (nint)Unsafe.Add(ref data, at + 4));
            if ((print & mask) == 0)
            {
                return at + 4;
            }

            print = (print << 1) + Unsafe.Add(ref gear, (nint)Unsafe.Add(ref data, at + 5));
            if ((print & mask) == 0)
            {
                return at + 5;
            }

            print = (print << 1) + Unsafe.Add(ref gear, (nint)Unsafe.Add(ref data, at + 6));
            if ((print & mask) == 0)
            {
                return at + 6;
            }

            print = (print << 1) + Unsafe.Add(ref gear, (nint)Unsafe.Add(ref data, at + 7));
            if ((print & mask) == 0)
            {
                return at + 7;
            }
        }

        for (; at < to; at++)
        {
            print = (print << 1) + Unsafe.Add(ref gear, (nint)Unsafe.Add(ref data, at));
            if ((print & mask) == 0)
            {
                return at;
            }
        }

        fingerprint = print;
        return to;
    }

    /// <summary>A word with so many one bits, spread evenly from the top.</summary>
    internal static ulong Spaced(int ones)
    {
        int step = 64 / ones;
        ulong mask = 0;
        for (int i = 0; i < ones; i++)
        {
            mask |= 1UL << (63 - (i * step));
        }

        return mask;
    }
}
