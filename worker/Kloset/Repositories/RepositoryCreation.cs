using Kloset.Chunking;
using Kloset.Configuration;
using Kloset.Encryption;

namespace Kloset.Repositories;

/// <summary>How a new repository is to be. The defaults are those of `plakar create`.</summary>
public sealed record RepositoryCreation
{
    /// <summary>Raw bytes, no normalisation. Null: a plaintext repository, readable by everybody who can read the store.</summary>
    public ReadOnlyMemory<byte>? Passphrase { get; init; }

    /// <summary>Null: drawn at random. Never reuse one for different content: clients cache by it.</summary>
    public Guid? RepositoryId { get; init; }

    /// <summary>Null: the default key derivation (Argon2id, 4 passes, 256 MiB). Tests use something cheap. The salt is replaced by a random one when empty.</summary>
    public KeyDerivationParameters? KeyDerivation { get; init; }

    public string SubKeyAlgorithm { get; init; } = "AES256-KW";

    public HashingConfiguration Hashing { get; init; } = new("BLAKE3", 256);

    public CompressionConfiguration? Compression { get; init; } = CompressionConfiguration.Default;

    public ChunkingParameters Chunking { get; init; } = new("fastcdc-v1.0.0", 512 << 10, 1 << 20, 8 << 20);

    public PackfileConfiguration Packfile { get; init; } = new(0, 0, 64 << 20);
}

/// <summary>Sizes and counts of a repository, as its states tell them; no listing of the store is needed.</summary>
/// <param name="Blobs">Visible blobs, padding not counted.</param>
/// <param name="StoredBytes">Encoded bytes of those blobs.</param>
public sealed record RepositoryTotals(int Snapshots, int Packfiles, int States, long Blobs, long StoredBytes);

/// <summary>A lock as found in the store.</summary>
/// <param name="Unreadable">Why it could not be read; null when it could. Other clients refuse to work while such a lock is there.</param>
public sealed record LockInfo(Mac Id, Timestamp Timestamp, string HostName, bool Exclusive, bool Stale, string? Unreadable);
