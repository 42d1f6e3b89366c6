using System.Security.Cryptography;
using KlosetWorker.Access;

namespace KlosetWorker.Tests;

public sealed class PassphraseStrengthTests
{
    [Theory]
    [InlineData("")]
    [InlineData("password")]
    [InlineData("hunter2")]
    [InlineData("Tr0ub4dor&3")]
    [InlineData("correct horse battery staple")]
    [InlineData("correcthorsebatterystaple")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("12345678901234567890")]
    [InlineData("photos photos photos photos photos photos photos photos")]
    public void What_can_be_guessed_is_weak(string passphrase) =>
        Assert.True(PassphraseStrength.EstimateBits(passphrase) < PassphraseStrength.RequiredBits, passphrase);

    [Theory]
    [InlineData("cradle-onion-walnut-ferry-mosaic-tundra-pillow")]
    [InlineData("grape lantern orbit velvet cinder maple thimble")]
    [InlineData("7Q#vR2!pZx9&Lm4$")]
    [InlineData("hT9kQ2vXw7RbN4mJzL")]
    public void What_is_long_and_drawn_at_random_is_strong(string passphrase) =>
        Assert.True(PassphraseStrength.EstimateBits(passphrase) >= PassphraseStrength.RequiredBits, passphrase);

    [Fact]
    public void The_recipe_that_we_give_is_strong_enough()
    {
        for (byte seed = 0; seed < 200; seed++)
        {
            var passphrase = Base32(SHA256.HashData([seed]).AsSpan(0, 16));

            Assert.True(PassphraseStrength.EstimateBits(passphrase) >= PassphraseStrength.RequiredBits, passphrase);
        }
    }

    private static string Base32(ReadOnlySpan<byte> bytes)
    {
        const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        var text = new System.Text.StringBuilder();
        var bits = 0;
        var value = 0;
        foreach (var b in bytes)
        {
            value = ((value << 8) | b) & 0xFFFF;
            bits += 8;
            while (bits >= 5)
            {
                text.Append(Alphabet[(value >> (bits - 5)) & 31]);
                bits -= 5;
            }
        }

        return text + "A======";
    }
}
