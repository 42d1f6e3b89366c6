using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace GooglePhotosEmulator.Identity;

/// <summary>Identifiers and tokens that look like Google's; the same seed makes the same ones in the same order.</summary>
internal sealed class TokenMint(string seed)
{
    private readonly byte[] _key = SHA256.HashData(Encoding.UTF8.GetBytes(seed));
    private long _counter;

    public string AccessToken() => "ya29.emulated-" + Opaque("access", 60);

    public string RefreshToken() => "1//0e" + Opaque("refresh", 60);

    public string Code() => "4/0" + Opaque("code", 48);

    /// <summary>A decimal number of 21 digits, as accounts have.</summary>
    public string Subject(string name) => "1" + BinaryPrimitives.ReadUInt64BigEndian(Hash("subject", name)).ToString("D20", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Base64url letters without meaning.</summary>
    public string Opaque(string purpose, int length) => Opaque(purpose, Interlocked.Increment(ref _counter).ToString(System.Globalization.CultureInfo.InvariantCulture), length);

    public string Opaque(string purpose, string name, int length) => Base64Url.EncodeToString(Hash(purpose, name))[..length];

    /// <summary>Proof that a text was given out here.</summary>
    public string Seal(string text) => Base64Url.EncodeToString(HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(text)))[..22];

    private byte[] Hash(string purpose, string name) => HMACSHA512.HashData(_key, Encoding.UTF8.GetBytes($"{purpose}\n{name}"));
}
