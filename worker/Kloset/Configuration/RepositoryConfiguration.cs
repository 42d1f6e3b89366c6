using Kloset.Chunking;
using Kloset.Encryption;

namespace Kloset.Configuration;

/// <summary>What CONFIG says; fixed at creation. Source: format document, section 5.</summary>
public sealed record RepositoryConfiguration
{
    /// <summary>The only version of CONFIG there is.</summary>
    public const uint CurrentVersion = 0x00010000;

    public required Timestamp Timestamp { get; init; }

    public required Guid RepositoryId { get; init; }

    public PackfileConfiguration Packfile { get; init; } = new(0, 0, 64 << 20);

    public ChunkingParameters Chunking { get; init; } = new("fastcdc-v1.0.0", 512 << 10, 1 << 20, 8 << 20);

    public HashingConfiguration Hashing { get; init; } = new("BLAKE3", 256);

    /// <summary>Null: nothing is compressed.</summary>
    public CompressionConfiguration? Compression { get; init; } = CompressionConfiguration.Default;

    /// <summary>Null: a plaintext repository.</summary>
    public EncryptionConfiguration? Encryption { get; init; }
}

/// <summary>Bytes of blob area; a packfile is closed as soon as it exceeds <paramref name="MaxSize"/>.</summary>
public sealed record PackfileConfiguration(ulong MinSize, ulong AvgSize, ulong MaxSize);

/// <param name="Algorithm">BLAKE3 or SHA256.</param>
public sealed record HashingConfiguration(string Algorithm, uint Bits);

/// <summary>Only <paramref name="Algorithm"/> (LZ4 or GZIP) is ever used; the rest is kept as written.</summary>
public sealed record CompressionConfiguration(string Algorithm, long Level, long WindowSize, long ChunkSize, long BlockSize, bool EnableCrc)
{
    public static CompressionConfiguration Default { get; } = new("LZ4", 131072, -1, -1, -1, false);
}

/// <param name="SubKeyAlgorithm">AES256-KW or AES256-GCM.</param>
/// <param name="DataAlgorithm">AES256-GCM-SIV.</param>
/// <param name="ChunkSize">Clear bytes in one sealed record.</param>
/// <param name="Canary">An encrypted stream that opens with the right key only.</param>
public sealed record EncryptionConfiguration(
    string SubKeyAlgorithm, string DataAlgorithm, long ChunkSize, KeyDerivationParameters KeyDerivation, ReadOnlyMemory<byte> Canary);
