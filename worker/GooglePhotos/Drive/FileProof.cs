using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using File = GooglePhotos.Drive.Data.File;

namespace GooglePhotos.Drive;

/// <summary>The best of the checksums that Drive names of a file, followed while the file is read in order; what is read in jumps proves itself otherwise.</summary>
internal sealed class FileProof : IDisposable
{
    private readonly IncrementalHash _hash;
    private readonly string _expected;
    private bool _inOrder = true;
    private bool? _isRight;

    private FileProof(IncrementalHash hash, string expected) => (_hash, _expected) = (hash, expected);

    /// <summary>Bytes from the beginning on that were seen in order.</summary>
    public long Length { get; private set; }

    /// <returns>Null when Drive names none.</returns>
    [SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms", Justification = "Drive's checksum, where it has no better one.")]
    [SuppressMessage("Security", "CA5351:Do Not Use Broken Cryptographic Algorithms", Justification = "Drive's checksum, where it has no better one.")]
    public static FileProof? Of(File file) => file switch
    {
        { Sha256Checksum: { Length: > 0 } sha256 } => new(IncrementalHash.CreateHash(HashAlgorithmName.SHA256), sha256),
        { Sha1Checksum: { Length: > 0 } sha1 } => new(IncrementalHash.CreateHash(HashAlgorithmName.SHA1), sha1),
        { Md5Checksum: { Length: > 0 } md5 } => new(IncrementalHash.CreateHash(HashAlgorithmName.MD5), md5),
        _ => null,
    };

    public void Append(long offset, ReadOnlySpan<byte> bytes)
    {
        _inOrder &= offset == Length;
        if (_inOrder)
        {
            _hash.AppendData(bytes);
            Length += bytes.Length;
        }
    }

    /// <summary>Once all was seen.</summary>
    public bool IsRight() => _isRight ??= string.Equals(Convert.ToHexString(_hash.GetHashAndReset()), _expected, StringComparison.OrdinalIgnoreCase);

    public void Dispose() => _hash.Dispose();
}
