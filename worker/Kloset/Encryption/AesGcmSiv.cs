namespace Kloset.Encryption;

/// <summary>
/// AES-256-GCM-SIV (RFC 8452) without associated data. Safe for concurrent use. Nothing is allocated by a call, except on the
/// portable path. The round keys are cleared by <see cref="Dispose"/>.
/// </summary>
public sealed class AesGcmSiv : IDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int KeySize = 32;

    /// <summary>Bytes of a nonce.</summary>
    public const int NonceSize = 12;

    /// <summary>Bytes of a tag.</summary>
    public const int TagSize = 16;

    private AesGcmSivKey _key;
    private bool _disposed;

    /// <summary>Expands a 32-byte key.</summary>
    public AesGcmSiv(ReadOnlySpan<byte> key32)
        : this(key32, AesGcmSivPaths.Best)
    {
    }

    internal AesGcmSiv(ReadOnlySpan<byte> key32, AesGcmSivPath path)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key32.Length, KeySize);
        _key.Expand(key32, path);
    }

    /// <summary>For tests: the expanded key.</summary>
    internal ref readonly AesGcmSivKey Key => ref _key;

    /// <summary>
    /// Encrypts <paramref name="plaintext"/> to as many bytes of <paramref name="ciphertext"/> (which may be the same memory, but not
    /// overlap it otherwise) and writes the tag.
    /// </summary>
    public void Encrypt(ReadOnlySpan<byte> nonce12, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext, Span<byte> tag16)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonce12.Length, NonceSize);
        ArgumentOutOfRangeException.ThrowIfNotEqual(tag16.Length, TagSize);
        ArgumentOutOfRangeException.ThrowIfLessThan(ciphertext.Length, plaintext.Length);
        _key.Encrypt(nonce12, plaintext, ciphertext[..plaintext.Length], tag16);
    }

    /// <summary>
    /// Decrypts <paramref name="ciphertext"/> to as many bytes of <paramref name="plaintext"/>. When the tag is wrong the result is
    /// false and those bytes are cleared.
    /// </summary>
    public bool TryDecrypt(ReadOnlySpan<byte> nonce12, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag16, Span<byte> plaintext)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonce12.Length, NonceSize);
        ArgumentOutOfRangeException.ThrowIfNotEqual(tag16.Length, TagSize);
        ArgumentOutOfRangeException.ThrowIfLessThan(plaintext.Length, ciphertext.Length);
        return _key.TryDecrypt(nonce12, ciphertext, tag16, plaintext[..ciphertext.Length]);
    }

    /// <summary>Clears the round keys.</summary>
    public void Dispose()
    {
        _disposed = true;
        _key.Clear();
    }
}
