using Kloset.Encryption;

namespace Kloset.Tests.Encryption;

public class AesKeyWrapTests
{
    private static readonly byte[] KeyEncryptionKey = Convert.FromHexString("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");

    // RFC 3394, sections 4.3, 4.5 and 4.6.
    [Theory]
    [InlineData("00112233445566778899AABBCCDDEEFF", "64E8C3F9CE0F5BA263E9777905818A2A93C8191E7D6E8AE7")]
    [InlineData("00112233445566778899AABBCCDDEEFF0001020304050607", "A8F9BC1612C68B3FF6E6F4FBE30E71E4769C8B80A32CB8958CD5D17D6B254DA1")]
    [InlineData("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F", "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21")]
    public void Published_vectors(string key, string wrapped)
    {
        foreach (AesGcmSivPath path in AesGcmSivPaths.Supported)
        {
            using AesBlockCipher cipher = new(KeyEncryptionKey, path);
            byte[] output = new byte[wrapped.Length / 2];
            AesKeyWrap.Wrap(cipher, Convert.FromHexString(key), output);
            Assert.Equal(wrapped, Convert.ToHexString(output));
            byte[] unwrapped = new byte[key.Length / 2];
            Assert.True(AesKeyWrap.TryUnwrap(cipher, output, unwrapped));
            Assert.Equal(key, Convert.ToHexString(unwrapped));
        }
    }

    [Fact]
    public void A_damaged_key_does_not_unwrap()
    {
        foreach (AesGcmSivPath path in AesGcmSivPaths.Supported)
        {
            using AesBlockCipher cipher = new(KeyEncryptionKey, path);
            byte[] wrapped = new byte[40];
            AesKeyWrap.Wrap(cipher, KeyEncryptionKey, wrapped);
            byte[] key = new byte[32];
            for (int bit = 0; bit < wrapped.Length * 8; bit++)
            {
                wrapped[bit / 8] ^= (byte)(1 << (bit % 8));
                Assert.False(AesKeyWrap.TryUnwrap(cipher, wrapped, key));
                Assert.Equal(new byte[32], key);
                wrapped[bit / 8] ^= (byte)(1 << (bit % 8));
            }
        }
    }
}
