using Kloset.Checking;
using Kloset.Configuration;
using Kloset.Snapshots;
using Kloset.Storage;
using Kloset.Writing;

namespace Kloset.Repositories;

/// <summary>An opened repository: the way in to snapshots, writing and checking. Disposing it zeroes the key, not the store.</summary>
public sealed class Repository : IAsyncDisposable
{
    private Repository(IStore store, RepositoryConfiguration configuration)
    {
        Store = store;
        Configuration = configuration;
    }

    public IStore Store { get; }

    public RepositoryConfiguration Configuration { get; }

    public Guid Id => Configuration.RepositoryId;

    /// <summary>32 hexadecimal digits that name the key without telling it; null in a plaintext repository.</summary>
    public string? KeyFingerprint => throw new NotImplementedException();

    /// <summary>Creates a repository in an empty store. Writing CONFIG is the last step.</summary>
    /// <exception cref="RepositoryException">AlreadyExists, Unsupported.</exception>
    public static Task<Repository> CreateAsync(IStore store, RepositoryCreation creation, EngineServices services, CancellationToken cancellationToken) =>
        throw new NotImplementedException();

    /// <summary>Reads CONFIG and derives the key; states are loaded when first needed, or by <see cref="RefreshAsync"/>.</summary>
    /// <exception cref="RepositoryException">NoRepository, PassphraseNeeded, WrongPassphrase, Damaged, Unsupported.</exception>
    public static Task<Repository> OpenAsync(IStore store, ReadOnlyMemory<byte>? passphrase, EngineServices services, CancellationToken cancellationToken) =>
        throw new NotImplementedException();

    /// <summary>Reads CONFIG without a passphrase: what the repository is, before its key is derived. The tag is checked for plaintext ones only.</summary>
    public static Task<RepositoryConfiguration> ReadConfigurationAsync(IStore store, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>Loads the states that are not loaded yet.</summary>
    public Task RefreshAsync(CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>Snapshots that exist and are not deleted, oldest first.</summary>
    public Task<IReadOnlyList<SnapshotHeader>> ListSnapshotsAsync(CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>`latest`, or a prefix of an identifier.</summary>
    /// <exception cref="RepositoryException">SnapshotNotFound, Ambiguous.</exception>
    public Task<SnapshotId> ResolveSnapshotAsync(string text, CancellationToken cancellationToken) => throw new NotImplementedException();

    public Task<Snapshot> OpenSnapshotAsync(SnapshotId id, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>
    /// Starts a writing session: takes and refreshes the shared lock, loads the states, lists the packfiles so that missing ones are not
    /// deduplicated against.
    /// </summary>
    /// <exception cref="RepositoryException">Locked, when an exclusive lock is there.</exception>
    public Task<RepositoryWriter> BeginWriteAsync(WriterOptions options, CancellationToken cancellationToken) => throw new NotImplementedException();

    public Task<RepositoryTotals> GetTotalsAsync(CancellationToken cancellationToken) => throw new NotImplementedException();

    public Task<IReadOnlyList<LockInfo>> ListLocksAsync(CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>Looks for damage. Never throws because of what is stored; it reports it.</summary>
    public Task<CheckReport> CheckAsync(CheckOptions options, IProgress<CheckProgress>? progress, CancellationToken cancellationToken) => throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
