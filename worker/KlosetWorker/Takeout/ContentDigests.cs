using System.Diagnostics.CodeAnalysis;
using System.IO.Hashing;
using System.Security.Cryptography;

namespace KlosetWorker.Takeout;

/// <summary>SHA-256 for identity, SHA-1 because Google names uploads by it, and CRC-32 because zip directories do; all from one pass.</summary>
internal sealed class ContentDigests : IDisposable
{
    private readonly IncrementalHash _sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly IncrementalHash _sha1 = MakeSha1();
    private readonly Crc32 _crc32 = new();

    public void Append(ReadOnlyMemory<byte> bytes)
    {
        _sha256.AppendData(bytes.Span);
        _sha1.AppendData(bytes.Span);
        _crc32.Append(bytes.Span);
    }

    public (string Sha256, string Sha1, string Crc32) Finish() => (
        Convert.ToHexStringLower(_sha256.GetHashAndReset()),
        Convert.ToHexStringLower(_sha1.GetHashAndReset()),
        CrcText(_crc32.GetCurrentHashAsUInt32()));

    public static string CrcText(uint crc) => crc.ToString("x8", System.Globalization.CultureInfo.InvariantCulture);

    public void Dispose()
    {
        _sha256.Dispose();
        _sha1.Dispose();
    }

    [SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms", Justification = "Google's upload API names content by SHA-1; nothing is protected by it here.")]
    private static IncrementalHash MakeSha1() => IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
}
