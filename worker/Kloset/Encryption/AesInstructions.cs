using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ArmAes = System.Runtime.Intrinsics.Arm.Aes;
using ArmSimd = System.Runtime.Intrinsics.Arm.AdvSimd;
using X86Aes = System.Runtime.Intrinsics.X86.Aes;

namespace Kloset.Encryption;

/// <summary>
/// Rounds of AES by the processor's instructions. x86 adds a round's key at its end (AESENC), ARM at its beginning (AESE), so a block is run
/// through as First, then 13 times Round with the key of that round, then Last; on ARM the key of a round is the one before.
/// </summary>
internal static class AesInstructions
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> First(in AesRoundKeys keys, Vector128<byte> block) => X86Aes.IsSupported ? block ^ keys[0] : block;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Key(in AesRoundKeys keys, int round) => X86Aes.IsSupported ? keys[round] : keys[round - 1];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Round(Vector128<byte> block, Vector128<byte> key) =>
        X86Aes.IsSupported ? X86Aes.Encrypt(block, key) : ArmAes.MixColumns(ArmAes.Encrypt(block, key));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Last(in AesRoundKeys keys, Vector128<byte> block) =>
        X86Aes.IsSupported ? X86Aes.EncryptLast(block, keys[14]) : ArmAes.Encrypt(block, keys[13]) ^ keys[14];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> InverseRound(Vector128<byte> block, Vector128<byte> key) =>
        X86Aes.IsSupported ? X86Aes.Decrypt(block, key) : ArmAes.InverseMixColumns(ArmAes.Decrypt(block, key));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> InverseLast(in AesRoundKeys keys, Vector128<byte> block) =>
        X86Aes.IsSupported ? X86Aes.DecryptLast(block, keys[14]) : ArmAes.Decrypt(block, keys[13]) ^ keys[14];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> InverseMixColumns(Vector128<byte> key) =>
        X86Aes.IsSupported ? X86Aes.InverseMixColumns(key) : ArmAes.InverseMixColumns(key);

    /// <summary>SubWord of the last word, in all words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> SubLastWord(Vector128<byte> key) => X86Aes.IsSupported
        ? Sse2.Shuffle(X86Aes.KeygenAssist(key, 0).AsUInt32(), 0xAA)
        // With all columns alike, the shift of rows within AESE moves nothing.
        : ArmAes.Encrypt(ArmSimd.DuplicateSelectedScalarToVector128(key.AsUInt32(), 3).AsByte(), Vector128<byte>.Zero).AsUInt32();

    /// <summary>The bytes moved up by one word, zeros below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> UpOneWord(Vector128<byte> key) => X86Aes.IsSupported
        ? Sse2.ShiftLeftLogical128BitLane(key, 4)
        : ArmSimd.ExtractVector128(Vector128<byte>.Zero, key, 12);

    /// <summary>The bytes moved up by two words, zeros below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> UpTwoWords(Vector128<byte> key) => X86Aes.IsSupported
        ? Sse2.ShiftLeftLogical128BitLane(key, 8)
        : ArmSimd.ExtractVector128(Vector128<byte>.Zero, key, 8);
}
