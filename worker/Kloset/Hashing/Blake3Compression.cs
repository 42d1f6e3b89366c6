using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Kloset.Hashing;

/// <summary>The compression function: one input at a time, or the same block of many inputs side by side in the lanes of vectors.</summary>
internal static class Blake3Compression
{
    /// <summary>The message words of round r in the order in which its quarter rounds take them (two words each).</summary>
    public static ReadOnlySpan<byte> Schedule =>
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8,
        3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1,
        10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6,
        12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4,
        9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7,
        11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13,
    ];

    // The same, as four vectors a round: first and second words of the columns, then of the diagonals.
    private static ReadOnlySpan<uint> RowSchedule =>
    [
        0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15,
        2, 3, 7, 4, 6, 10, 0, 13, 1, 12, 9, 15, 11, 5, 14, 8,
        3, 10, 13, 7, 4, 12, 2, 14, 6, 9, 11, 8, 5, 0, 15, 1,
        10, 12, 14, 13, 7, 9, 3, 15, 4, 11, 5, 1, 0, 2, 8, 6,
        12, 9, 15, 14, 13, 11, 10, 8, 7, 5, 0, 6, 2, 3, 1, 4,
        9, 11, 8, 15, 14, 5, 12, 1, 13, 0, 2, 4, 3, 10, 6, 7,
        11, 5, 1, 8, 15, 0, 9, 6, 14, 2, 3, 7, 10, 12, 4, 13,
    ];

    /// <summary>Replaces <paramref name="value"/> by its compression with the 64 bytes at <paramref name="block"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Compress(Blake3Path path, ref Blake3Words value, ref byte block, int blockLength, ulong counter, uint flags)
    {
        if (path == Blake3Path.Avx512 && Avx512F.VL.IsSupported)
        {
            CompressRowsAvx512(ref value, ref block, (uint)blockLength, counter, flags);
        }
        else if (path == Blake3Path.Avx2 && Avx2.IsSupported)
        {
            CompressRowsAvx2(ref value, ref block, (uint)blockLength, counter, flags);
        }
        else
        {
            CompressScalar(ref value, ref block, (uint)blockLength, counter, flags);
        }
    }

    /// <summary>
    /// Compresses <paramref name="count"/> inputs of <paramref name="blocks"/> blocks each, which lie one behind the other, and writes
    /// their chaining values (32 bytes each) to <paramref name="output"/>, which may be the place of the inputs.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CompressMany(
        Blake3Path path, ref byte input, int blocks, int count, in Blake3Words key, ulong counter, bool countsUp,
        uint flags, uint startFlag, uint endFlag, ref byte output)
    {
        while (count > 0)
        {
            int taken;
            if (path == Blake3Path.Avx512 && Avx512F.VL.IsSupported)
            {
                if (count > 8)
                {
                    taken = Math.Min(count, 16);
                    Blake3Kernel<Vector512<uint>, Blake3Lanes512>.Compress(
                        ref input, blocks, taken, in key, counter, countsUp, flags, startFlag, endFlag, ref output);
                }
                else if (count > 4)
                {
                    taken = count;
                    Blake3Kernel<Vector256<uint>, Blake3Lanes256Vl>.Compress(
                        ref input, blocks, taken, in key, counter, countsUp, flags, startFlag, endFlag, ref output);
                }
                else if (count > 1)
                {
                    taken = count;
                    Blake3Kernel<Vector128<uint>, Blake3Lanes128Vl>.Compress(
                        ref input, blocks, taken, in key, counter, countsUp, flags, startFlag, endFlag, ref output);
                }
                else
                {
                    taken = 1;
                    CompressOne(path, ref input, blocks, in key, counter, flags, startFlag, endFlag, ref output);
                }
            }
            else if (path == Blake3Path.Avx2 && Avx2.IsSupported && count > 4)
            {
                taken = Math.Min(count, 8);
                Blake3Kernel<Vector256<uint>, Blake3Lanes256>.Compress(
                    ref input, blocks, taken, in key, counter, countsUp, flags, startFlag, endFlag, ref output);
            }
            else if (path is Blake3Path.Avx2 or Blake3Path.Vector128 && Vector128.IsHardwareAccelerated && count > 1)
            {
                taken = Math.Min(count, 4);
                Blake3Kernel<Vector128<uint>, Blake3Lanes128>.Compress(
                    ref input, blocks, taken, in key, counter, countsUp, flags, startFlag, endFlag, ref output);
            }
            else
            {
                taken = 1;
                CompressOne(path, ref input, blocks, in key, counter, flags, startFlag, endFlag, ref output);
            }

            count -= taken;
            input = ref Unsafe.Add(ref input, taken * blocks * Blake3Tree.BlockSize);
            output = ref Unsafe.Add(ref output, taken * Blake3Tree.ValueSize);
            counter += countsUp ? (ulong)taken : 0;
        }
    }

    private static void CompressOne(
        Blake3Path path, ref byte input, int blocks, in Blake3Words key, ulong counter,
        uint flags, uint startFlag, uint endFlag, ref byte output)
    {
        Blake3Words value = key;
        for (int block = 0; block < blocks; block++)
        {
            uint blockFlags = flags | (block == 0 ? startFlag : 0) | (block == blocks - 1 ? endFlag : 0);
            Compress(path, ref value, ref Unsafe.Add(ref input, block * Blake3Tree.BlockSize), Blake3Tree.BlockSize, counter, blockFlags);
        }

        Unsafe.WriteUnaligned(ref output, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CompressScalar(ref Blake3Words value, ref byte block, uint blockLength, ulong counter, uint flags)
    {
        uint v0 = value[0], v1 = value[1], v2 = value[2], v3 = value[3];
        uint v4 = value[4], v5 = value[5], v6 = value[6], v7 = value[7];
        uint v8 = 0x6A09E667, v9 = 0xBB67AE85, v10 = 0x3C6EF372, v11 = 0xA54FF53A;
        uint v12 = (uint)counter, v13 = (uint)(counter >> 32), v14 = blockLength, v15 = flags;
        ref byte schedule = ref MemoryMarshal.GetReference(Schedule);
        for (int round = 0; round < 7; round++)
        {
            Mix(ref v0, ref v4, ref v8, ref v12, Word(ref block, schedule), Word(ref block, Unsafe.Add(ref schedule, 1)));
            Mix(ref v1, ref v5, ref v9, ref v13, Word(ref block, Unsafe.Add(ref schedule, 2)), Word(ref block, Unsafe.Add(ref schedule, 3)));
            Mix(ref v2, ref v6, ref v10, ref v14, Word(ref block, Unsafe.Add(ref schedule, 4)), Word(ref block, Unsafe.Add(ref schedule, 5)));
            Mix(ref v3, ref v7, ref v11, ref v15, Word(ref block, Unsafe.Add(ref schedule, 6)), Word(ref block, Unsafe.Add(ref schedule, 7)));
            Mix(ref v0, ref v5, ref v10, ref v15, Word(ref block, Unsafe.Add(ref schedule, 8)), Word(ref block, Unsafe.Add(ref schedule, 9)));
            Mix(ref v1, ref v6, ref v11, ref v12, Word(ref block, Unsafe.Add(ref schedule, 10)), Word(ref block, Unsafe.Add(ref schedule, 11)));
            Mix(ref v2, ref v7, ref v8, ref v13, Word(ref block, Unsafe.Add(ref schedule, 12)), Word(ref block, Unsafe.Add(ref schedule, 13)));
            Mix(ref v3, ref v4, ref v9, ref v14, Word(ref block, Unsafe.Add(ref schedule, 14)), Word(ref block, Unsafe.Add(ref schedule, 15)));
            schedule = ref Unsafe.Add(ref schedule, 16);
        }

        value[0] = v0 ^ v8;
        value[1] = v1 ^ v9;
        value[2] = v2 ^ v10;
        value[3] = v3 ^ v11;
        value[4] = v4 ^ v12;
        value[5] = v5 ^ v13;
        value[6] = v6 ^ v14;
        value[7] = v7 ^ v15;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Word(ref byte block, byte index) => Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref block, index * 4));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(ref uint a, ref uint b, ref uint c, ref uint d, uint first, uint second)
    {
        a += b + first;
        d = uint.RotateRight(d ^ a, 16);
        c += d;
        b = uint.RotateRight(b ^ c, 12);
        a += b + second;
        d = uint.RotateRight(d ^ a, 8);
        c += d;
        b = uint.RotateRight(b ^ c, 7);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CompressRowsAvx512(ref Blake3Words value, ref byte block, uint blockLength, ulong counter, uint flags)
    {
        ref uint words = ref Unsafe.As<Blake3Words, uint>(ref value);
        Vector128<uint> a = Vector128.LoadUnsafe(ref words);
        Vector128<uint> b = Vector128.LoadUnsafe(ref words, 4);
        Vector128<uint> c = Vector128.Create(0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A);
        Vector128<uint> d = Vector128.Create((uint)counter, (uint)(counter >> 32), blockLength, flags);
        Vector512<uint> message = Vector512.LoadUnsafe(ref block).AsUInt32();
        ref uint schedule = ref MemoryMarshal.GetReference(RowSchedule);
        for (nuint round = 0; round < 7; round++)
        {
            Vector512<uint> m = Avx512F.PermuteVar16x32(message, Vector512.LoadUnsafe(ref schedule, round * 16));
            MixRowsVl(ref a, ref b, ref c, ref d, m.GetLower().GetLower(), m.GetLower().GetUpper());
            b = Sse2.Shuffle(b, 0b_00_11_10_01);
            c = Sse2.Shuffle(c, 0b_01_00_11_10);
            d = Sse2.Shuffle(d, 0b_10_01_00_11);
            MixRowsVl(ref a, ref b, ref c, ref d, m.GetUpper().GetLower(), m.GetUpper().GetUpper());
            b = Sse2.Shuffle(b, 0b_10_01_00_11);
            c = Sse2.Shuffle(c, 0b_01_00_11_10);
            d = Sse2.Shuffle(d, 0b_00_11_10_01);
        }

        (a ^ c).StoreUnsafe(ref words);
        (b ^ d).StoreUnsafe(ref words, 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MixRowsVl(
        ref Vector128<uint> a, ref Vector128<uint> b, ref Vector128<uint> c, ref Vector128<uint> d, Vector128<uint> first, Vector128<uint> second)
    {
        a = a + first + b;
        d = Avx512F.VL.RotateRight(d ^ a, 16);
        c += d;
        b = Avx512F.VL.RotateRight(b ^ c, 12);
        a = a + second + b;
        d = Avx512F.VL.RotateRight(d ^ a, 8);
        c += d;
        b = Avx512F.VL.RotateRight(b ^ c, 7);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CompressRowsAvx2(ref Blake3Words value, ref byte block, uint blockLength, ulong counter, uint flags)
    {
        ref uint words = ref Unsafe.As<Blake3Words, uint>(ref value);
        Vector128<uint> a = Vector128.LoadUnsafe(ref words);
        Vector128<uint> b = Vector128.LoadUnsafe(ref words, 4);
        Vector128<uint> c = Vector128.Create(0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A);
        Vector128<uint> d = Vector128.Create((uint)counter, (uint)(counter >> 32), blockLength, flags);
        Vector256<uint> low = Vector256.LoadUnsafe(ref block).AsUInt32();
        Vector256<uint> high = Vector256.LoadUnsafe(ref block, 32).AsUInt32();
        ref uint schedule = ref MemoryMarshal.GetReference(RowSchedule);
        for (nuint round = 0; round < 7; round++)
        {
            Vector256<uint> m = PickWords(low, high, Vector256.LoadUnsafe(ref schedule, round * 16));
            MixRows(ref a, ref b, ref c, ref d, m.GetLower(), m.GetUpper());
            b = Sse2.Shuffle(b, 0b_00_11_10_01);
            c = Sse2.Shuffle(c, 0b_01_00_11_10);
            d = Sse2.Shuffle(d, 0b_10_01_00_11);
            m = PickWords(low, high, Vector256.LoadUnsafe(ref schedule, (round * 16) + 8));
            MixRows(ref a, ref b, ref c, ref d, m.GetLower(), m.GetUpper());
            b = Sse2.Shuffle(b, 0b_10_01_00_11);
            c = Sse2.Shuffle(c, 0b_01_00_11_10);
            d = Sse2.Shuffle(d, 0b_00_11_10_01);
        }

        (a ^ c).StoreUnsafe(ref words);
        (b ^ d).StoreUnsafe(ref words, 4);
    }

    // Eight of the sixteen message words: both halves permuted by the low three bits, chosen by the fourth.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> PickWords(Vector256<uint> low, Vector256<uint> high, Vector256<uint> indices) =>
        Avx.BlendVariable(
            Avx2.PermuteVar8x32(low, indices).AsSingle(),
            Avx2.PermuteVar8x32(high, indices).AsSingle(),
            Avx2.ShiftLeftLogical(indices, 28).AsSingle()).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MixRows(
        ref Vector128<uint> a, ref Vector128<uint> b, ref Vector128<uint> c, ref Vector128<uint> d, Vector128<uint> first, Vector128<uint> second)
    {
        a = a + first + b;
        d = Blake3Lanes128.RotateRight16(d ^ a);
        c += d;
        b = Blake3Lanes128.RotateRight12(b ^ c);
        a = a + second + b;
        d = Blake3Lanes128.RotateRight8(d ^ a);
        c += d;
        b = Blake3Lanes128.RotateRight7(b ^ c);
    }
}
