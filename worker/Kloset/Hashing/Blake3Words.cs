using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kloset.Hashing;

/// <summary>Eight 32-bit words: a key or a chaining value. Its bytes in memory are the little-endian form that the hash is made of.</summary>
[InlineArray(8)]
internal struct Blake3Words
{
    private uint _element0;

    /// <summary>The initial value of BLAKE3, that of SHA-256: fractional parts of the square roots of the first eight primes.</summary>
    public static readonly Blake3Words InitialValue = From(
        [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]);

    public static Blake3Words From(ReadOnlySpan<uint> words)
    {
        Blake3Words result = default;
        words.CopyTo(result);
        return result;
    }

    public static Blake3Words From(ReadOnlySpan<byte> bytes)
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("The Kloset engine runs on little-endian processors only.");
        }

        return MemoryMarshal.Read<Blake3Words>(bytes);
    }
}

/// <summary>Domain flags of the compression function.</summary>
internal static class Blake3Flags
{
    public const uint ChunkStart = 1;
    public const uint ChunkEnd = 2;
    public const uint Parent = 4;
    public const uint Root = 8;
    public const uint KeyedHash = 16;
}
