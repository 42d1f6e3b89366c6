using Kloset.Encryption;

namespace Kloset.Repositories;

/// <summary>
/// Uses every primitive of the usual settings once, on bytes of its own, so that the runtime compiles their vector code (which cannot be compiled
/// ahead, because the processor decides about it) while another core derives the key, and not when data waits for it.
/// </summary>
internal static class CodecPreparation
{
    /// <summary>Reaches the widest paths of hash and cipher.</summary>
    private const int Size = 96 << 10;

    private static int _done;

    /// <summary>Does nothing after the first time.</summary>
    public static void Run()
    {
        if (Interlocked.Exchange(ref _done, 1) != 0)
            return;
        var clear = new byte[Size];
        using var cipher = new StreamCipher(clear.AsSpan(0, KeyDerivationParameters.KeySize), new StreamCipherParameters(), bytes => bytes.Clear());
        using var codec = new BlobCodec(clear.AsSpan(0, Mac.Size), "BLAKE3", "LZ4", cipher);
        using var hasher = codec.CreateHasher();
        hasher.Append(clear);
        hasher.Finish();
        codec.ComputeMac(clear);
        using var stored = new PooledBuffer(2 * Size);
        using var opened = new PooledBuffer(2 * Size);
        codec.Encode(clear, stored);
        // Zeroes would shrink to nothing, and the cipher would see little of them.
        stored.Clear();
        cipher.Seal(clear, stored);
        cipher.TryOpen(stored.Span, opened);
    }
}
