using System.Text;
using Kloset.Encryption;

namespace Kloset.Tests.Encryption;

public class KeyDerivationTests
{
    // Section 21.3 of the format description, at the full cost of a real repository.
    [Fact]
    public void The_key_of_the_formats_vector()
    {
        byte[] salt = [.. Enumerable.Range(0, 16).Select(i => (byte)i)];
        byte[] key = new Argon2idParameters(salt).Derive("correct horse battery staple"u8);
        Assert.Equal("58adf8f2eb38053b06b6d9365fd8f5de698bcfc69f2c02c0ba8d8c4634816db0", Convert.ToHexStringLower(key));
    }

    // From the reference implementation's own tests; salts of 8 bytes and two lanes are beyond libsodium.
    [Theory]
    [InlineData(2, 256, 1, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe")]
    [InlineData(2, 256, 2, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037")]
    public void Published_Argon2id_vectors(uint time, uint memory, byte threads, string key) =>
        Assert.Equal(key, Convert.ToHexStringLower(new Argon2idParameters("somesalt"u8.ToArray(), time, memory, threads).Derive("password"u8)));

    [Fact]
    public void Both_libraries_derive_the_same_Argon2id_key()
    {
        byte[] salt = [.. Enumerable.Range(7, 16).Select(i => (byte)i)];
        Argon2idParameters parameters = new(salt, Time: 3, Memory: 512);
        Assert.Equal(parameters.DeriveInManagedCode("passphrase"u8), parameters.Derive("passphrase"u8));
    }

    // RFC 7914, section 12 (its outputs are longer; the first 32 bytes do not depend on the length).
    [Theory]
    [InlineData("password", "NaCl", 1024, 8, 16, "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162")]
    [InlineData("pleaseletmein", "SodiumChloride", 16384, 8, 1, "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2")]
    public void Published_scrypt_vectors(string passphrase, string salt, int n, int r, int p, string key) =>
        Assert.Equal(
            key, Convert.ToHexStringLower(new ScryptParameters(Encoding.ASCII.GetBytes(salt), n, r, p).Derive(Encoding.ASCII.GetBytes(passphrase))));

    // RFC 7914, section 11, and the inputs of RFC 6070 with SHA-256.
    [Theory]
    [InlineData("passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc")]
    [InlineData("Password", "NaCl", 80000, "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56")]
    [InlineData("password", "salt", 1, "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b")]
    [InlineData("password", "salt", 4096, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a")]
    public void Published_PBKDF2_vectors(string passphrase, string salt, int iterations, string key) =>
        Assert.Equal(
            key, Convert.ToHexStringLower(new Pbkdf2Parameters(Encoding.ASCII.GetBytes(salt), iterations).Derive(Encoding.ASCII.GetBytes(passphrase))));

    [Fact]
    public void New_repositories_use_Argon2id_with_256_MiB_and_a_random_salt()
    {
        Argon2idParameters parameters = Assert.IsType<Argon2idParameters>(KeyDerivationParameters.CreateDefault(destination => destination.Fill(9)));
        Assert.Equal((4u, 262144u, (byte)1, 32u), (parameters.Time, parameters.Memory, parameters.Threads, parameters.KeyLength));
        Assert.Equal(Enumerable.Repeat((byte)9, 16), parameters.Salt.ToArray());
    }

    public static TheoryData<KeyDerivationParameters, string> Forged => new()
    {
        { new Argon2idParameters(new byte[16], Memory: uint.MaxValue), "4294967295 KiB" },
        { new Argon2idParameters(new byte[16], Memory: 7), "7 KiB" },
        { new Argon2idParameters(new byte[16], Time: 0), "0 passes" },
        { new Argon2idParameters(new byte[16], Threads: 0), "no lane" },
        { new Argon2idParameters(new byte[16]) { KeyLength = 16 }, "16 bytes" },
        { new Argon2idParameters(Array.Empty<byte>()), "0 bytes" },
        { new ScryptParameters(new byte[16], N: 1 << 30), "memory" },
        { new ScryptParameters(new byte[16], N: 1000), "N = 1000" },
        { new ScryptParameters(new byte[16], R: -1), "r = -1" },
        { new Pbkdf2Parameters(new byte[16], 0), "0 rounds" },
        { new Pbkdf2Parameters(new byte[16], Hashing: "MD5"), "MD5" },
    };

    [Theory]
    [MemberData(nameof(Forged), DisableDiscoveryEnumeration = true)]
    public void Settings_that_cannot_be_used_are_refused_by_name(KeyDerivationParameters parameters, string named)
    {
        NotSupportedException refused = Assert.Throws<NotSupportedException>(() => parameters.Derive("x"u8));
        Assert.Contains(named, refused.Message, StringComparison.Ordinal);
        Assert.Contains(parameters.Name, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("secret\n", "secret")]
    [InlineData("secret\n\n", "secret\n")]
    [InlineData("secret\r\n", "secret\r")]
    [InlineData(" secret ", " secret ")]
    [InlineData("\n", "")]
    [InlineData("", "")]
    public void A_key_file_loses_exactly_one_newline(string content, string passphrase) =>
        Assert.Equal(passphrase, Encoding.ASCII.GetString(Passphrase.FromKeyFile(Encoding.ASCII.GetBytes(content)).Span));
}
