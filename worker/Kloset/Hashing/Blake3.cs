using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Kloset.Hashing;

/// <summary>
/// BLAKE3 with 32 bytes of output, plain and keyed, in one call and without allocating.
/// Written from the paper "BLAKE3: one function, fast everywhere" (O'Connor, Aumasson, Neves, Wilcox-O'Hearn).
/// </summary>
public static class Blake3
{
    /// <summary>Bytes of a hash.</summary>
    public const int HashSize = 32;

    /// <summary>Bytes of the key of <see cref="KeyedHash(ReadOnlySpan{byte}, ReadOnlySpan{byte}, Span{byte})"/>.</summary>
    public const int KeySize = 32;

    /// <summary>Writes the hash of <paramref name="data"/> to the first 32 bytes of <paramref name="destination"/>.</summary>
    public static void Hash(ReadOnlySpan<byte> data, Span<byte> destination) => Hash(Blake3Paths.Best, data, destination);

    /// <summary>Writes the hash of <paramref name="data"/> under a 32-byte key to the first 32 bytes of <paramref name="destination"/>.</summary>
    public static void KeyedHash(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> destination) =>
        KeyedHash(Blake3Paths.Best, key, data, destination);

    internal static void Hash(Blake3Path path, ReadOnlySpan<byte> data, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, HashSize);
        Blake3Tree.Hash(path, in Blake3Words.InitialValue, 0, data, destination);
    }

    [SkipLocalsInit]
    internal static void KeyedHash(Blake3Path path, ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeySize);
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, HashSize);
        Blake3Words words = Blake3Words.From(key);
        Blake3Tree.Hash(path, in words, Blake3Flags.KeyedHash, data, destination);
        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes((Span<uint>)words));
    }
}
