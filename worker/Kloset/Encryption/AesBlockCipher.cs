using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Kloset.Encryption;

/// <summary>AES-256 on single blocks, both ways, for key wrapping. Safe for concurrent use.</summary>
internal sealed class AesBlockCipher : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Aes? _portable;
    private AesRoundKeys _encryption;
    private AesRoundKeys _decryption;

    public AesBlockCipher(ReadOnlySpan<byte> key32, AesGcmSivPath path)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key32.Length, 32);
        if (path == AesGcmSivPath.Portable)
        {
            _portable = AesGcmSivPortable.CreateAes(key32);
        }
        else
        {
            _encryption.Expand(key32);
            _encryption.Invert(ref _decryption);
        }
    }

    /// <summary>For tests: whether no round key is left.</summary>
    internal bool IsCleared
    {
        get
        {
            Vector128<byte> any = default;
            for (int round = 0; round < AesRoundKeys.Count; round++)
            {
                any |= _encryption[round] | _decryption[round];
            }

            return any == default;
        }
    }

    public Vector128<byte> Encrypt(Vector128<byte> block) => _portable is null ? _encryption.EncryptBlock(block) : Portable(block, encrypt: true);

    public Vector128<byte> Decrypt(Vector128<byte> block) => _portable is null ? _decryption.DecryptBlock(block) : Portable(block, encrypt: false);

    public void Dispose()
    {
        _encryption.Clear();
        _decryption.Clear();
        _portable?.Dispose();
    }

    private Vector128<byte> Portable(Vector128<byte> block, bool encrypt)
    {
        Span<byte> bytes = stackalloc byte[16];
        block.CopyTo(bytes);
        lock (_gate)
        {
            _ = encrypt ? _portable!.EncryptEcb(bytes, bytes, PaddingMode.None) : _portable!.DecryptEcb(bytes, bytes, PaddingMode.None);
        }

        return Vector128.Create((ReadOnlySpan<byte>)bytes);
    }
}
