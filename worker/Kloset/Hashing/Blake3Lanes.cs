using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Kloset.Hashing;

/// <summary>The operations of one vector width; lane i of a vector belongs to input i.</summary>
internal interface IBlake3Lanes<TVector>
    where TVector : struct
{
    static abstract TVector Broadcast(uint value);

    static abstract TVector Load(ref uint source);

    static abstract void Store(TVector vector, ref uint destination);

    static abstract TVector Add(TVector left, TVector right);

    static abstract TVector Xor(TVector left, TVector right);

    static abstract TVector RotateRight16(TVector vector);

    static abstract TVector RotateRight12(TVector vector);

    static abstract TVector RotateRight8(TVector vector);

    static abstract TVector RotateRight7(TVector vector);

    /// <summary>
    /// Reads one block of 64 bytes from each input and transposes them: vector w then holds word w of every input. Lanes from
    /// <paramref name="count"/> on repeat another input.
    /// </summary>
    static abstract void LoadBlocks(ref byte input, nint stride, int count, ref TVector message);
}

/// <summary>
/// The compression of many inputs at once, for any vector width. Here as in the other kernels of the primitives, AggressiveOptimization
/// keeps the runtime from beginning with unoptimised code, in which a short run would spend most of its time.
/// </summary>
internal static class Blake3Kernel<TVector, TLanes>
    where TVector : struct
    where TLanes : struct, IBlake3Lanes<TVector>
{
    [InlineArray(16)]
    private struct Message
    {
        private TVector _element0;
    }

    [InlineArray(8)]
    private struct State
    {
        private TVector _element0;
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compress(
        ref byte input, int blocks, int count, in Blake3Words key, ulong counter, bool countsUp,
        uint flags, uint startFlag, uint endFlag, ref byte output)
    {
        int lanes = Unsafe.SizeOf<TVector>() / sizeof(uint);
        Span<uint> counters = stackalloc uint[2 * 16];
        for (int lane = 0; lane < lanes; lane++)
        {
            ulong laneCounter = counter + (countsUp ? (ulong)lane : 0);
            counters[lane] = (uint)laneCounter;
            counters[lane + 16] = (uint)(laneCounter >> 32);
        }

        TVector counterLow = TLanes.Load(ref counters[0]);
        TVector counterHigh = TLanes.Load(ref counters[16]);

        Unsafe.SkipInit(out State state);
        for (int word = 0; word < 8; word++)
        {
            state[word] = TLanes.Broadcast(key[word]);
        }

        Unsafe.SkipInit(out Message message);
        ref TVector m = ref message[0];
        nint stride = blocks * Blake3Tree.BlockSize;
        for (int block = 0; block < blocks; block++)
        {
            TLanes.LoadBlocks(ref Unsafe.Add(ref input, block * Blake3Tree.BlockSize), stride, count, ref m);
            uint blockFlags = flags | (block == 0 ? startFlag : 0) | (block == blocks - 1 ? endFlag : 0);
            Rounds(ref state[0], ref m, counterLow, counterHigh, TLanes.Broadcast(blockFlags));
        }

        Span<uint> transposed = stackalloc uint[8 * 16];
        for (int word = 0; word < 8; word++)
        {
            TLanes.Store(state[word], ref transposed[word * 16]);
        }

        ref uint result = ref Unsafe.As<byte, uint>(ref output);
        ref uint from = ref MemoryMarshal.GetReference(transposed);
        for (nint lane = 0; lane < count; lane++)
        {
            for (nint word = 0; word < 8; word++)
            {
                Unsafe.WriteUnaligned(
                    ref Unsafe.As<uint, byte>(ref Unsafe.Add(ref result, (lane * 8) + word)), Unsafe.Add(ref from, (word * 16) + lane));
            }
        }
    }

    // Written out in columns, four quarter rounds abreast, so that no operation waits for the one before it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rounds(ref TVector h, ref TVector m, TVector counterLow, TVector counterHigh, TVector flags)
    {
        TVector v0 = h, v1 = Unsafe.Add(ref h, 1), v2 = Unsafe.Add(ref h, 2), v3 = Unsafe.Add(ref h, 3);
        TVector v4 = Unsafe.Add(ref h, 4), v5 = Unsafe.Add(ref h, 5), v6 = Unsafe.Add(ref h, 6), v7 = Unsafe.Add(ref h, 7);
        TVector v8 = TLanes.Broadcast(0x6A09E667), v9 = TLanes.Broadcast(0xBB67AE85);
        TVector v10 = TLanes.Broadcast(0x3C6EF372), v11 = TLanes.Broadcast(0xA54FF53A);
        TVector v12 = counterLow, v13 = counterHigh, v14 = TLanes.Broadcast(Blake3Tree.BlockSize), v15 = flags;
        ref byte s = ref MemoryMarshal.GetReference(Blake3Compression.Schedule);
        for (int round = 0; round < 7; round++)
        {
            v0 = TLanes.Add(TLanes.Add(v0, Word(ref m, ref s, 0)), v4);
            v1 = TLanes.Add(TLanes.Add(v1, Word(ref m, ref s, 2)), v5);
            v2 = TLanes.Add(TLanes.Add(v2, Word(ref m, ref s, 4)), v6);
            v3 = TLanes.Add(TLanes.Add(v3, Word(ref m, ref s, 6)), v7);
            v12 = TLanes.RotateRight16(TLanes.Xor(v12, v0));
            v13 = TLanes.RotateRight16(TLanes.Xor(v13, v1));
            v14 = TLanes.RotateRight16(TLanes.Xor(v14, v2));
            v15 = TLanes.RotateRight16(TLanes.Xor(v15, v3));
            v8 = TLanes.Add(v8, v12);
            v9 = TLanes.Add(v9, v13);
            v10 = TLanes.Add(v10, v14);
            v11 = TLanes.Add(v11, v15);
            v4 = TLanes.RotateRight12(TLanes.Xor(v4, v8));
            v5 = TLanes.RotateRight12(TLanes.Xor(v5, v9));
            v6 = TLanes.RotateRight12(TLanes.Xor(v6, v10));
            v7 = TLanes.RotateRight12(TLanes.Xor(v7, v11));
            v0 = TLanes.Add(TLanes.Add(v0, Word(ref m, ref s, 1)), v4);
            v1 = TLanes.Add(TLanes.Add(v1, Word(ref m, ref s, 3)), v5);
            v2 = TLanes.Add(TLanes.Add(v2, Word(ref m, ref s, 5)), v6);
            v3 = TLanes.Add(TLanes.Add(v3, Word(ref m, ref s, 7)), v7);
            v12 = TLanes.RotateRight8(TLanes.Xor(v12, v0));
            v13 = TLanes.RotateRight8(TLanes.Xor(v13, v1));
            v14 = TLanes.RotateRight8(TLanes.Xor(v14, v2));
            v15 = TLanes.RotateRight8(TLanes.Xor(v15, v3));
            v8 = TLanes.Add(v8, v12);
            v9 = TLanes.Add(v9, v13);
            v10 = TLanes.Add(v10, v14);
            v11 = TLanes.Add(v11, v15);
            v4 = TLanes.RotateRight7(TLanes.Xor(v4, v8));
            v5 = TLanes.RotateRight7(TLanes.Xor(v5, v9));
            v6 = TLanes.RotateRight7(TLanes.Xor(v6, v10));
            v7 = TLanes.RotateRight7(TLanes.Xor(v7, v11));

            v0 = TLanes.Add(TLanes.Add(v0, Word(ref m, ref s, 8)), v5);
            v1 = TLanes.Add(TLanes.Add(v1, Word(ref m, ref s, 10)), v6);
            v2 = TLanes.Add(TLanes.Add(v2, Word(ref m, ref s, 12)), v7);
            v3 = TLanes.Add(TLanes.Add(v3, Word(ref m, ref s, 14)), v4);
            v15 = TLanes.RotateRight16(TLanes.Xor(v15, v0));
            v12 = TLanes.RotateRight16(TLanes.Xor(v12, v1));
            v13 = TLanes.RotateRight16(TLanes.Xor(v13, v2));
            v14 = TLanes.RotateRight16(TLanes.Xor(v14, v3));
            v10 = TLanes.Add(v10, v15);
            v11 = TLanes.Add(v11, v12);
            v8 = TLanes.Add(v8, v13);
            v9 = TLanes.Add(v9, v14);
            v5 = TLanes.RotateRight12(TLanes.Xor(v5, v10));
            v6 = TLanes.RotateRight12(TLanes.Xor(v6, v11));
            v7 = TLanes.RotateRight12(TLanes.Xor(v7, v8));
            v4 = TLanes.RotateRight12(TLanes.Xor(v4, v9));
            v0 = TLanes.Add(TLanes.Add(v0, Word(ref m, ref s, 9)), v5);
            v1 = TLanes.Add(TLanes.Add(v1, Word(ref m, ref s, 11)), v6);
            v2 = TLanes.Add(TLanes.Add(v2, Word(ref m, ref s, 13)), v7);
            v3 = TLanes.Add(TLanes.Add(v3, Word(ref m, ref s, 15)), v4);
            v15 = TLanes.RotateRight8(TLanes.Xor(v15, v0));
            v12 = TLanes.RotateRight8(TLanes.Xor(v12, v1));
            v13 = TLanes.RotateRight8(TLanes.Xor(v13, v2));
            v14 = TLanes.RotateRight8(TLanes.Xor(v14, v3));
            v10 = TLanes.Add(v10, v15);
            v11 = TLanes.Add(v11, v12);
            v8 = TLanes.Add(v8, v13);
            v9 = TLanes.Add(v9, v14);
            v5 = TLanes.RotateRight7(TLanes.Xor(v5, v10));
            v6 = TLanes.RotateRight7(TLanes.Xor(v6, v11));
            v7 = TLanes.RotateRight7(TLanes.Xor(v7, v8));
            v4 = TLanes.RotateRight7(TLanes.Xor(v4, v9));
            s = ref Unsafe.Add(ref s, 16);
        }

        h = TLanes.Xor(v0, v8);
        Unsafe.Add(ref h, 1) = TLanes.Xor(v1, v9);
        Unsafe.Add(ref h, 2) = TLanes.Xor(v2, v10);
        Unsafe.Add(ref h, 3) = TLanes.Xor(v3, v11);
        Unsafe.Add(ref h, 4) = TLanes.Xor(v4, v12);
        Unsafe.Add(ref h, 5) = TLanes.Xor(v5, v13);
        Unsafe.Add(ref h, 6) = TLanes.Xor(v6, v14);
        Unsafe.Add(ref h, 7) = TLanes.Xor(v7, v15);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Word(ref TVector m, ref byte schedule, int position) => Unsafe.Add(ref m, (nint)Unsafe.Add(ref schedule, position));
}

/// <summary>Four lanes on any processor with 128-bit vectors.</summary>
internal readonly struct Blake3Lanes128 : IBlake3Lanes<Vector128<uint>>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Broadcast(uint value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Load(ref uint source) => Vector128.LoadUnsafe(ref source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<uint> vector, ref uint destination) => vector.StoreUnsafe(ref destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Add(Vector128<uint> left, Vector128<uint> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Xor(Vector128<uint> left, Vector128<uint> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RotateRight16(Vector128<uint> vector) =>
        Vector128.Shuffle(vector.AsByte(), Vector128.Create((byte)2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RotateRight12(Vector128<uint> vector) => (vector >>> 12) | (vector << 20);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RotateRight8(Vector128<uint> vector) =>
        Vector128.Shuffle(vector.AsByte(), Vector128.Create((byte)1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RotateRight7(Vector128<uint> vector) => (vector >>> 7) | (vector << 25);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadBlocks(ref byte input, nint stride, int count, ref Vector128<uint> message)
    {
        ref byte input1 = ref Unsafe.Add(ref input, count > 1 ? stride : 0);
        ref byte input2 = ref Unsafe.Add(ref input, count > 2 ? 2 * stride : 0);
        ref byte input3 = ref Unsafe.Add(ref input, count > 3 ? 3 * stride : 0);
        for (nint quarter = 0; quarter < 4; quarter++)
        {
            Vector128<uint> a = Vector128.LoadUnsafe(ref Unsafe.Add(ref input, quarter * 16)).AsUInt32();
            Vector128<uint> b = Vector128.LoadUnsafe(ref Unsafe.Add(ref input1, quarter * 16)).AsUInt32();
            Vector128<uint> c = Vector128.LoadUnsafe(ref Unsafe.Add(ref input2, quarter * 16)).AsUInt32();
            Vector128<uint> d = Vector128.LoadUnsafe(ref Unsafe.Add(ref input3, quarter * 16)).AsUInt32();
            Vector128<ulong> abLow = Interleave.Low(a, b).AsUInt64();
            Vector128<ulong> abHigh = Interleave.High(a, b).AsUInt64();
            Vector128<ulong> cdLow = Interleave.Low(c, d).AsUInt64();
            Vector128<ulong> cdHigh = Interleave.High(c, d).AsUInt64();
            Unsafe.Add(ref message, quarter * 4) = Interleave.Low(abLow, cdLow).AsUInt32();
            Unsafe.Add(ref message, (quarter * 4) + 1) = Interleave.High(abLow, cdLow).AsUInt32();
            Unsafe.Add(ref message, (quarter * 4) + 2) = Interleave.Low(abHigh, cdHigh).AsUInt32();
            Unsafe.Add(ref message, (quarter * 4) + 3) = Interleave.High(abHigh, cdHigh).AsUInt32();
        }
    }
}

/// <summary>Four lanes with AVX-512VL's rotations.</summary>
internal readonly struct Blake3Lanes128Vl : IBlake3Lanes<Vector128<uint>>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Broadcast(uint value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Load(ref uint source) => Vector128.LoadUnsafe(ref source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<uint> vector, ref uint destination) => vector.StoreUnsafe(ref destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Add(Vector128<uint> left, Vector128<uint> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Xor(Vector128<uint> left, Vector128<uint> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RotateRight16(Vector128<uint> vector) => Avx512F.VL.RotateRight(vector, 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RotateRight12(Vector128<uint> vector) => Avx512F.VL.RotateRight(vector, 12);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RotateRight8(Vector128<uint> vector) => Avx512F.VL.RotateRight(vector, 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RotateRight7(Vector128<uint> vector) => Avx512F.VL.RotateRight(vector, 7);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadBlocks(ref byte input, nint stride, int count, ref Vector128<uint> message) =>
        Blake3Lanes128.LoadBlocks(ref input, stride, count, ref message);
}

/// <summary>Eight lanes on AVX2.</summary>
internal readonly struct Blake3Lanes256 : IBlake3Lanes<Vector256<uint>>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Broadcast(uint value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Load(ref uint source) => Vector256.LoadUnsafe(ref source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<uint> vector, ref uint destination) => vector.StoreUnsafe(ref destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Add(Vector256<uint> left, Vector256<uint> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Xor(Vector256<uint> left, Vector256<uint> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RotateRight16(Vector256<uint> vector) =>
        Avx2.Shuffle(vector.AsByte(), Vector256.Create(
            (byte)2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RotateRight12(Vector256<uint> vector) => (vector >>> 12) | (vector << 20);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RotateRight8(Vector256<uint> vector) =>
        Avx2.Shuffle(vector.AsByte(), Vector256.Create(
            (byte)1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RotateRight7(Vector256<uint> vector) => (vector >>> 7) | (vector << 25);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadBlocks(ref byte input, nint stride, int count, ref Vector256<uint> message)
    {
        int last = count - 1;
        for (nint half = 0; half < 2; half++)
        {
            ref byte at = ref Unsafe.Add(ref input, half * 32);
            Vector256<uint> a = Row(ref at, stride, 0, last), b = Row(ref at, stride, 1, last);
            Vector256<uint> c = Row(ref at, stride, 2, last), d = Row(ref at, stride, 3, last);
            Vector256<uint> e = Row(ref at, stride, 4, last), f = Row(ref at, stride, 5, last);
            Vector256<uint> g = Row(ref at, stride, 6, last), h = Row(ref at, stride, 7, last);

            // Pairs of words, then of double words, then the 128-bit halves.
            Vector256<ulong> ab0 = Avx2.UnpackLow(a, b).AsUInt64(), ab2 = Avx2.UnpackHigh(a, b).AsUInt64();
            Vector256<ulong> cd0 = Avx2.UnpackLow(c, d).AsUInt64(), cd2 = Avx2.UnpackHigh(c, d).AsUInt64();
            Vector256<ulong> ef0 = Avx2.UnpackLow(e, f).AsUInt64(), ef2 = Avx2.UnpackHigh(e, f).AsUInt64();
            Vector256<ulong> gh0 = Avx2.UnpackLow(g, h).AsUInt64(), gh2 = Avx2.UnpackHigh(g, h).AsUInt64();
            Vector256<uint> abcd0 = Avx2.UnpackLow(ab0, cd0).AsUInt32(), abcd1 = Avx2.UnpackHigh(ab0, cd0).AsUInt32();
            Vector256<uint> abcd2 = Avx2.UnpackLow(ab2, cd2).AsUInt32(), abcd3 = Avx2.UnpackHigh(ab2, cd2).AsUInt32();
            Vector256<uint> efgh0 = Avx2.UnpackLow(ef0, gh0).AsUInt32(), efgh1 = Avx2.UnpackHigh(ef0, gh0).AsUInt32();
            Vector256<uint> efgh2 = Avx2.UnpackLow(ef2, gh2).AsUInt32(), efgh3 = Avx2.UnpackHigh(ef2, gh2).AsUInt32();
            ref Vector256<uint> to = ref Unsafe.Add(ref message, half * 8);
            to = Avx2.Permute2x128(abcd0, efgh0, 0x20);
            Unsafe.Add(ref to, 1) = Avx2.Permute2x128(abcd1, efgh1, 0x20);
            Unsafe.Add(ref to, 2) = Avx2.Permute2x128(abcd2, efgh2, 0x20);
            Unsafe.Add(ref to, 3) = Avx2.Permute2x128(abcd3, efgh3, 0x20);
            Unsafe.Add(ref to, 4) = Avx2.Permute2x128(abcd0, efgh0, 0x31);
            Unsafe.Add(ref to, 5) = Avx2.Permute2x128(abcd1, efgh1, 0x31);
            Unsafe.Add(ref to, 6) = Avx2.Permute2x128(abcd2, efgh2, 0x31);
            Unsafe.Add(ref to, 7) = Avx2.Permute2x128(abcd3, efgh3, 0x31);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Row(ref byte input, nint stride, int lane, int last) =>
        Vector256.LoadUnsafe(ref Unsafe.Add(ref input, stride * Math.Min(lane, last))).AsUInt32();
}

/// <summary>Eight lanes with AVX-512VL's rotations.</summary>
internal readonly struct Blake3Lanes256Vl : IBlake3Lanes<Vector256<uint>>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Broadcast(uint value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Load(ref uint source) => Vector256.LoadUnsafe(ref source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<uint> vector, ref uint destination) => vector.StoreUnsafe(ref destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Add(Vector256<uint> left, Vector256<uint> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Xor(Vector256<uint> left, Vector256<uint> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RotateRight16(Vector256<uint> vector) => Avx512F.VL.RotateRight(vector, 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RotateRight12(Vector256<uint> vector) => Avx512F.VL.RotateRight(vector, 12);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RotateRight8(Vector256<uint> vector) => Avx512F.VL.RotateRight(vector, 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RotateRight7(Vector256<uint> vector) => Avx512F.VL.RotateRight(vector, 7);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadBlocks(ref byte input, nint stride, int count, ref Vector256<uint> message) =>
        Blake3Lanes256.LoadBlocks(ref input, stride, count, ref message);
}

/// <summary>Sixteen lanes on AVX-512.</summary>
internal readonly struct Blake3Lanes512 : IBlake3Lanes<Vector512<uint>>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Broadcast(uint value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Load(ref uint source) => Vector512.LoadUnsafe(ref source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<uint> vector, ref uint destination) => vector.StoreUnsafe(ref destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Add(Vector512<uint> left, Vector512<uint> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Xor(Vector512<uint> left, Vector512<uint> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> RotateRight16(Vector512<uint> vector) => Avx512F.RotateRight(vector, 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> RotateRight12(Vector512<uint> vector) => Avx512F.RotateRight(vector, 12);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> RotateRight8(Vector512<uint> vector) => Avx512F.RotateRight(vector, 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> RotateRight7(Vector512<uint> vector) => Avx512F.RotateRight(vector, 7);

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadBlocks(ref byte input, nint stride, int count, ref Vector512<uint> message)
    {
        int last = count - 1;
        // Four rows at a time are transposed within their 128-bit quarters ...
        Quad(ref input, stride, 0, last, out Vector512<uint> a0, out Vector512<uint> a1, out Vector512<uint> a2, out Vector512<uint> a3);
        Quad(ref input, stride, 4, last, out Vector512<uint> b0, out Vector512<uint> b1, out Vector512<uint> b2, out Vector512<uint> b3);
        Quad(ref input, stride, 8, last, out Vector512<uint> c0, out Vector512<uint> c1, out Vector512<uint> c2, out Vector512<uint> c3);
        Quad(ref input, stride, 12, last, out Vector512<uint> d0, out Vector512<uint> d1, out Vector512<uint> d2, out Vector512<uint> d3);
        // ... then the quarters themselves are.
        Quarters(a0, b0, c0, d0, ref message);
        Quarters(a1, b1, c1, d1, ref Unsafe.Add(ref message, 1));
        Quarters(a2, b2, c2, d2, ref Unsafe.Add(ref message, 2));
        Quarters(a3, b3, c3, d3, ref Unsafe.Add(ref message, 3));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quad(
        ref byte input, nint stride, int lane, int last,
        out Vector512<uint> word0, out Vector512<uint> word1, out Vector512<uint> word2, out Vector512<uint> word3)
    {
        Vector512<uint> a = Row(ref input, stride, lane, last), b = Row(ref input, stride, lane + 1, last);
        Vector512<uint> c = Row(ref input, stride, lane + 2, last), d = Row(ref input, stride, lane + 3, last);
        Vector512<ulong> abLow = Avx512F.UnpackLow(a, b).AsUInt64(), abHigh = Avx512F.UnpackHigh(a, b).AsUInt64();
        Vector512<ulong> cdLow = Avx512F.UnpackLow(c, d).AsUInt64(), cdHigh = Avx512F.UnpackHigh(c, d).AsUInt64();
        word0 = Avx512F.UnpackLow(abLow, cdLow).AsUInt32();
        word1 = Avx512F.UnpackHigh(abLow, cdLow).AsUInt32();
        word2 = Avx512F.UnpackLow(abHigh, cdHigh).AsUInt32();
        word3 = Avx512F.UnpackHigh(abHigh, cdHigh).AsUInt32();
    }

    // Quarter q of each argument holds one word of four inputs: the message vectors w, w + 4, w + 8 and w + 12 are made of them.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quarters(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c, Vector512<uint> d, ref Vector512<uint> message)
    {
        Vector512<uint> ab02 = Avx512F.Shuffle4x128(a, b, 0b_10_00_10_00), ab13 = Avx512F.Shuffle4x128(a, b, 0b_11_01_11_01);
        Vector512<uint> cd02 = Avx512F.Shuffle4x128(c, d, 0b_10_00_10_00), cd13 = Avx512F.Shuffle4x128(c, d, 0b_11_01_11_01);
        message = Avx512F.Shuffle4x128(ab02, cd02, 0b_10_00_10_00);
        Unsafe.Add(ref message, 4) = Avx512F.Shuffle4x128(ab13, cd13, 0b_10_00_10_00);
        Unsafe.Add(ref message, 8) = Avx512F.Shuffle4x128(ab02, cd02, 0b_11_01_11_01);
        Unsafe.Add(ref message, 12) = Avx512F.Shuffle4x128(ab13, cd13, 0b_11_01_11_01);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Row(ref byte input, nint stride, int lane, int last) =>
        Vector512.LoadUnsafe(ref Unsafe.Add(ref input, stride * Math.Min(lane, last))).AsUInt32();
}
