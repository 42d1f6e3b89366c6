using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Kloset.Encryption;

/// <summary>An expanded AES-GCM-SIV key as a value, so that the key of one sealed stream costs no allocation.</summary>
[SuppressMessage("Design", "CA1001", Justification = "Clear is its Dispose; the value lives inside its owner.")]
internal struct AesGcmSivKey
{
    private AesGcmSivPath _path;
    private AesRoundKeys _roundKeys;
    private Aes? _portable;

    /// <summary>For tests: the expanded key of the paths on the processor's instructions.</summary>
    [UnscopedRef]
    public readonly ref readonly AesRoundKeys RoundKeys => ref _roundKeys;

    public void Expand(ReadOnlySpan<byte> key32, AesGcmSivPath path)
    {
        _path = path;
        if (path == AesGcmSivPath.Portable)
        {
            _portable = AesGcmSivPortable.CreateAes(key32);
        }
        else
        {
            _roundKeys.Expand(key32);
        }
    }

    public readonly void Encrypt(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext, Span<byte> tag)
    {
        if (_path == AesGcmSivPath.Portable)
        {
            AesGcmSivPortable.Encrypt(_portable!, nonce, plaintext, ciphertext, tag);
        }
        else
        {
            AesGcmSivHardware.Encrypt(in _roundKeys, nonce, plaintext, ciphertext, tag, _path == AesGcmSivPath.X86Wide);
        }
    }

    public readonly bool TryDecrypt(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, Span<byte> plaintext)
    {
        Span<byte> expected = stackalloc byte[AesGcmSiv.TagSize];
        if (_path == AesGcmSivPath.Portable)
        {
            AesGcmSivPortable.Decrypt(_portable!, nonce, ciphertext, tag, plaintext, expected);
        }
        else
        {
            AesGcmSivHardware.Decrypt(in _roundKeys, nonce, ciphertext, tag, plaintext, expected, _path == AesGcmSivPath.X86Wide);
        }

        if (CryptographicOperations.FixedTimeEquals(expected, tag))
        {
            return true;
        }

        CryptographicOperations.ZeroMemory(plaintext);
        return false;
    }

    public void Clear()
    {
        _roundKeys.Clear();
        _portable?.Dispose();
        _portable = null;
    }
}
