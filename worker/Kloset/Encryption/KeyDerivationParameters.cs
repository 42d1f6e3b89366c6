using System.Security.Cryptography;
using NSec.Cryptography;
using Org.BouncyCastle.Crypto.Generators;
using LanesArgon2Parameters = Org.BouncyCastle.Crypto.Parameters.Argon2Parameters;

namespace Kloset.Encryption;

/// <summary>
/// How a passphrase becomes the 32-byte repository key: <c>KDFParams</c> of CONFIG. The limits keep a forged CONFIG from taking all
/// memory or hours of a reader.
/// </summary>
public abstract record KeyDerivationParameters(ReadOnlyMemory<byte> Salt)
{
    /// <summary>Bytes of the key.</summary>
    public const int KeySize = 32;

    /// <summary>Bytes of the salt of a new repository.</summary>
    public const int DefaultSaltSize = 16;

    /// <summary>The most memory that a derivation may take: 4 GiB.</summary>
    public const long MaxMemoryBytes = 4L << 30;

    private const int MaxSaltSize = 1024;

    /// <summary>The name of the function in CONFIG.</summary>
    public abstract string Name { get; }

    /// <summary>Bytes of the key that CONFIG asks for; only 32 can be used.</summary>
    public uint KeyLength { get; init; } = KeySize;

    /// <summary>What a new repository uses: Argon2id, 4 passes, 256 MiB, 1 lane.</summary>
    public static KeyDerivationParameters CreateDefault(RandomFill random)
    {
        ArgumentNullException.ThrowIfNull(random);
        byte[] salt = new byte[DefaultSaltSize];
        random(salt);
        return new Argon2idParameters(salt);
    }

    /// <summary>The repository key. The caller clears it after use.</summary>
    /// <exception cref="NotSupportedException">A setting that cannot be used; the message names it.</exception>
    public byte[] Derive(ReadOnlySpan<byte> passphrase)
    {
        Require(KeyLength == KeySize, $"a key of {KeyLength} bytes (32 is possible)");
        Require(Salt.Length is > 0 and <= MaxSaltSize, $"a salt of {Salt.Length} bytes (1 to {MaxSaltSize} are possible)");
        Validate();
        return Compute(passphrase);
    }

    internal abstract void Validate();

    internal abstract byte[] Compute(ReadOnlySpan<byte> passphrase);

    private protected void Require(bool condition, string setting)
    {
        if (!condition)
        {
            throw new NotSupportedException($"The repository's key derivation {Name} asks for {setting}.");
        }
    }

    // BouncyCastle takes arrays; the copy is cleared.
    private protected static byte[] WithCopy(ReadOnlySpan<byte> passphrase, Func<byte[], byte[]> compute)
    {
        byte[] copy = passphrase.ToArray();
        try
        {
            return compute(copy);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(copy);
        }
    }
}

/// <summary>Argon2id version 1.3 without secret and associated data.</summary>
/// <param name="Salt">Usually 16 bytes.</param>
/// <param name="Time">Passes over the memory.</param>
/// <param name="Memory">KiB.</param>
/// <param name="Threads">Lanes.</param>
public sealed record Argon2idParameters(ReadOnlyMemory<byte> Salt, uint Time = 4, uint Memory = 262144, byte Threads = 1)
    : KeyDerivationParameters(Salt)
{
    public const string AlgorithmName = "ARGON2ID";

    private const int SodiumSaltSize = 16;

    public override string Name => AlgorithmName;

    internal override void Validate()
    {
        Require(Time is >= 1 and <= 1000, $"{Time} passes (1 to 1000 are possible)");
        Require(Threads >= 1, "no lane (1 to 255 are possible)");
        Require(
            Memory >= 8u * Threads && Memory * 1024L <= MaxMemoryBytes,
            $"{Memory} KiB of memory ({8 * Threads} to {MaxMemoryBytes / 1024} are possible)");
    }

    internal override byte[] Compute(ReadOnlySpan<byte> passphrase)
    {
        // libsodium is twice as fast as BouncyCastle, but knows one lane and salts of 16 bytes only.
        if (Threads == 1 && Salt.Length == SodiumSaltSize)
        {
            Argon2id argon2 = PasswordBasedKeyDerivationAlgorithm.Argon2id(
                new Argon2Parameters { DegreeOfParallelism = 1, MemorySize = Memory, NumberOfPasses = Time });
            byte[] key = new byte[KeySize];
            argon2.DeriveBytes(passphrase, Salt.Span, key);
            return key;
        }

        return DeriveInManagedCode(passphrase);
    }

    internal byte[] DeriveInManagedCode(ReadOnlySpan<byte> passphrase) =>
        WithCopy(passphrase, copy =>
        {
            Argon2BytesGenerator generator = new();
            generator.Init(
                new LanesArgon2Parameters.Builder(LanesArgon2Parameters.Argon2id)
                    .WithVersion(LanesArgon2Parameters.Version13)
                    .WithIterations((int)Time)
                    .WithMemoryAsKB((int)Memory)
                    .WithParallelism(Threads)
                    .WithSalt(Salt.ToArray())
                    .Build());
            byte[] key = new byte[KeySize];
            generator.GenerateBytes(copy, key);
            return key;
        });
}

/// <summary>scrypt (RFC 7914).</summary>
/// <param name="Salt">Usually 16 bytes.</param>
/// <param name="N">Cost, a power of two.</param>
/// <param name="R">Block size.</param>
/// <param name="P">Parallelisation.</param>
public sealed record ScryptParameters(ReadOnlyMemory<byte> Salt, int N = 32768, int R = 8, int P = 1)
    : KeyDerivationParameters(Salt)
{
    public const string AlgorithmName = "SCRYPT";

    public override string Name => AlgorithmName;

    internal override void Validate()
    {
        Require(N > 1 && (N & (N - 1)) == 0, $"N = {N} (a power of two above 1 is possible)");
        Require(R is >= 1 and <= 1024, $"r = {R} (1 to 1024 are possible)");
        Require(P is >= 1 and <= 1024, $"p = {P} (1 to 1024 are possible)");
        Require(128L * N * R <= MaxMemoryBytes, $"{128L * N * R} bytes of memory (up to {MaxMemoryBytes} are possible)");
    }

    internal override byte[] Compute(ReadOnlySpan<byte> passphrase) =>
        WithCopy(passphrase, copy => SCrypt.Generate(copy, Salt.ToArray(), N, R, P, KeySize));
}

/// <summary>PBKDF2 (RFC 8018).</summary>
/// <param name="Salt">Usually 16 bytes.</param>
/// <param name="Iterations">Rounds.</param>
/// <param name="Hashing">The hash of its HMAC: <c>SHA256</c>.</param>
public sealed record Pbkdf2Parameters(ReadOnlyMemory<byte> Salt, int Iterations = 100_000, string Hashing = "SHA256")
    : KeyDerivationParameters(Salt)
{
    public const string AlgorithmName = "PBKDF2";

    public override string Name => AlgorithmName;

    internal override void Validate()
    {
        Require(Iterations is >= 1 and <= 100_000_000, $"{Iterations} rounds (1 to 100000000 are possible)");
        Require(Hashing == "SHA256", $"the hash \"{Hashing}\" (SHA256 is possible)");
    }

    internal override byte[] Compute(ReadOnlySpan<byte> passphrase) =>
        Rfc2898DeriveBytes.Pbkdf2(passphrase, Salt.Span, Iterations, HashAlgorithmName.SHA256, KeySize);
}
