using System.Buffers;
using System.Security.Cryptography;
using Kloset.Checking;
using Kloset.Configuration;
using Kloset.Copying;
using Kloset.Encryption;
using Kloset.Hashing;
using Kloset.Locks;
using Kloset.Maintenance;
using Kloset.Snapshots;
using Kloset.States;
using Kloset.Storage;
using Kloset.Usage;
using Kloset.Writing;

namespace Kloset.Repositories;

/// <summary>An opened repository: the way in to snapshots, writing and checking. Disposing it zeroes the key; the store is its owner's.</summary>
public sealed class Repository : IAsyncDisposable
{
    internal const string ConfigurationKey = "CONFIG";

    private readonly SemaphoreSlim _refreshing = new(1, 1);
    private readonly StateLoader _states;
    private readonly Dictionary<SnapshotId, SnapshotHeader> _headers = [];
    private bool _loaded;

    private Repository(IStore store, RepositoryConfiguration configuration, BlobCodec codec, EngineServices services)
    {
        Store = store;
        Configuration = configuration;
        Codec = codec;
        Services = services;
        Index = new RepositoryIndex(() => services.ScratchFolder);
        Blobs = new BlobReader(store, codec, Index, configuration.Chunking.MaxSize);
        _states = new StateLoader(store, codec, () => services.ScratchFolder, configuration.RepositoryId);
        KeyFingerprint = configuration.Encryption is null ? null : codec.ComputeMac("kloset repository key fingerprint"u8).ToString()[..32];
    }

    public IStore Store { get; }

    public RepositoryConfiguration Configuration { get; }

    public Guid Id => Configuration.RepositoryId;

    /// <summary>32 hexadecimal digits that name the key without telling it; null in a plaintext repository.</summary>
    public string? KeyFingerprint { get; }

    /// <summary>
    /// States that could not be read at the last refresh, one sentence each. Snapshots can be opened by identifier without them; listing and
    /// writing refuse to.
    /// </summary>
    public IReadOnlyList<string> StateProblems => [.. Problems.Select(p => $"{p.Key} is damaged: {p.Problem}.")];

    internal IReadOnlyList<StateProblem> Problems { get; private set; } = [];

    internal BlobCodec Codec { get; }

    internal EngineServices Services { get; }

    internal RepositoryIndex Index { get; }

    internal BlobReader Blobs { get; }

    internal StateLoader States => _states;

    /// <summary>Creates a repository in an empty store. Writing CONFIG is the last step.</summary>
    /// <exception cref="RepositoryException">AlreadyExists, Unsupported.</exception>
    public static async Task<Repository> CreateAsync(IStore store, RepositoryCreation creation, EngineServices services, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(creation);
        ArgumentNullException.ThrowIfNull(services);
        if (await ExistsAsync(store, cancellationToken))
            throw AlreadyExists(store);
        var configuration = new RepositoryConfiguration
        {
            Timestamp = Timestamp.From(services.Time.GetUtcNow()),
            RepositoryId = creation.RepositoryId ?? services.Random.NextGuid(),
            Packfile = creation.Packfile,
            Chunking = creation.Chunking,
            Hashing = creation.Hashing,
            Compression = creation.Compression,
        };
        byte[] key = [];
        StreamCipher? cipher = null;
        try
        {
            if (creation.Passphrase is { } passphrase)
            {
                if (passphrase.IsEmpty)
                    throw new RepositoryException(RepositoryFailure.PassphraseNeeded, "The passphrase is empty.");
                var derivation = creation.KeyDerivation ?? KeyDerivationParameters.CreateDefault(services.Random.Fill);
                if (derivation.Salt.IsEmpty)
                {
                    var salt = new byte[KeyDerivationParameters.DefaultSaltSize];
                    services.Random.Fill(salt);
                    derivation = derivation with { Salt = salt };
                }

                var encryption = new EncryptionConfiguration(
                    creation.SubKeyAlgorithm, StreamCipherParameters.AesGcmSiv, new StreamCipherParameters().ChunkSize, derivation, default);
                ConfigurationCodec.RefuseUnknown(configuration with { Encryption = encryption });
                key = Derive(derivation, passphrase.Span);
                cipher = CreateCipher(key, encryption, services);
                configuration = configuration with { Encryption = encryption with { Canary = MakeCanary(cipher, services.Random) } };
            }

            ConfigurationCodec.RefuseUnknown(configuration);
            await store.InitializeAsync(cancellationToken);
            var resource = ConfigurationCodec.Write(configuration, key);
            if (!await store.PutIfAbsentAsync(ConfigurationKey, new ReadOnlySequence<byte>(resource), cancellationToken))
                throw AlreadyExists(store);
            return new Repository(store, configuration, CreateCodec(configuration, key, cipher), services);
        }
        catch
        {
            cipher?.Dispose();
            throw;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <summary>Reads CONFIG and derives the key; states are loaded when first needed, or by <see cref="RefreshAsync"/>.</summary>
    /// <exception cref="RepositoryException">NoRepository, PassphraseNeeded, WrongPassphrase, Damaged, Unsupported.</exception>
    public static async Task<Repository> OpenAsync(IStore store, ReadOnlyMemory<byte>? passphrase, EngineServices services, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(services);
        using var resource = new PooledBuffer(1024);
        var configuration = await ReadConfigurationAsync(store, resource, cancellationToken);
        if (configuration.Encryption is not { } encryption)
        {
            if (!ConfigurationCodec.HasValidTag(resource.Span, []))
                throw Damaged(store, "its content does not match its tag");
            return new Repository(store, configuration, CreateCodec(configuration, [], null), services);
        }

        if (passphrase is not { IsEmpty: false } given)
            throw new RepositoryException(RepositoryFailure.PassphraseNeeded, $"The repository {store.Location} is encrypted: its passphrase is needed.");
        // A derivation keeps one core busy for most of a second.
        var deriving = Task.Run(() => Derive(encryption.KeyDerivation, given.Span), CancellationToken.None);
        CodecPreparation.Run();
        var key = await deriving;
        StreamCipher? cipher = null;
        try
        {
            cipher = CreateCipher(key, encryption, services);
            using var canary = new PooledBuffer(128);
            if (!cipher.TryOpen(encryption.Canary.Span, canary))
                throw new RepositoryException(RepositoryFailure.WrongPassphrase, $"The passphrase does not open the repository {store.Location}.");
            if (!ConfigurationCodec.HasValidTag(resource.Span, key))
                throw Damaged(store, "its content does not match its tag");
            return new Repository(store, configuration, CreateCodec(configuration, key, cipher), services);
        }
        catch
        {
            cipher?.Dispose();
            throw;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <summary>Reads CONFIG without a passphrase: what the repository is, before its key is derived. The tag is checked for plaintext ones only.</summary>
    public static async Task<RepositoryConfiguration> ReadConfigurationAsync(IStore store, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        using var resource = new PooledBuffer(1024);
        var configuration = await ReadConfigurationAsync(store, resource, cancellationToken);
        return configuration.Encryption is not null || ConfigurationCodec.HasValidTag(resource.Span, [])
            ? configuration
            : throw Damaged(store, "its content does not match its tag");
    }

    /// <summary>Loads the states that are not loaded yet.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await _refreshing.WaitAsync(cancellationToken);
        try
        {
            Problems = await _states.LoadAsync(Index, cancellationToken);
            _loaded = true;
        }
        finally
        {
            _refreshing.Release();
        }
    }

    /// <summary>Snapshots that exist and are not deleted, oldest first.</summary>
    /// <exception cref="RepositoryException">
    /// Damaged, when a state or a header cannot be read: a list that may lack something is not given out as whole. Snapshots can still be opened by
    /// their identifiers.
    /// </exception>
    public async Task<IReadOnlyList<SnapshotHeader>> ListSnapshotsAsync(CancellationToken cancellationToken)
    {
        await EnsureLoadedAsync(cancellationToken);
        if (Problems is [var problem, ..])
        {
            throw RepositoryException.Damaged(
                $"{problem.Key} in {Store.Location} is damaged: {problem.Problem}. The list of snapshots may lack some; those whose identifiers are known can still be opened.");
        }

        var headers = new List<SnapshotHeader>();
        foreach (var id in Index.Snapshots())
            headers.Add(await ReadHeaderAsync(id, cancellationToken));
        headers.Sort((a, b) => a.Timestamp != b.Timestamp ? a.Timestamp.CompareTo(b.Timestamp) : a.Id.CompareTo(b.Id));
        return headers;
    }

    /// <summary>`latest`, or a prefix of an identifier.</summary>
    /// <exception cref="RepositoryException">SnapshotNotFound, Ambiguous.</exception>
    public async Task<SnapshotId> ResolveSnapshotAsync(string text, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(text);
        await EnsureLoadedAsync(cancellationToken);
        if (text == "latest")
        {
            var all = await ListSnapshotsAsync(cancellationToken);
            return all.Count > 0 ? all[^1].Id : throw NotFound($"The repository {Store.Location} holds no snapshot.");
        }

        var found = Index.Snapshots().Where(id => text.Length > 0 && id.ToString().StartsWith(text, StringComparison.OrdinalIgnoreCase)).ToList();
        return found.Count switch
        {
            1 => found[0],
            0 => throw NotFound($"No snapshot's identifier starts with '{text}' in {Store.Location}."),
            _ => throw new RepositoryException(
                RepositoryFailure.Ambiguous, $"{found.Count} snapshots start with '{text}': {string.Join(", ", found.Take(5).Select(id => id.ToString()[..16]))}. Give more digits."),
        };
    }

    public async Task<Snapshot> OpenSnapshotAsync(SnapshotId id, CancellationToken cancellationToken)
    {
        await EnsureLoadedAsync(cancellationToken);
        if (!Index.Snapshots().Contains(id))
            throw NotFound($"There is no snapshot {id} in {Store.Location}.");
        return new Snapshot(await ReadHeaderAsync(id, cancellationToken), Blobs, Services.Parallelism);
    }

    /// <summary>
    /// Starts a writing session: takes and refreshes the shared lock, loads the states, lists the packfiles so that missing ones are not
    /// deduplicated against.
    /// </summary>
    /// <exception cref="RepositoryException">Locked, when an exclusive lock is there.</exception>
    public Task<RepositoryWriter> BeginWriteAsync(WriterOptions options, CancellationToken cancellationToken) =>
        RepositoryWriter.BeginAsync(this, options, cancellationToken);

    /// <summary>Takes the shared lock without writing: while it is held, no maintenance starts that would delete what is being read.</summary>
    /// <exception cref="RepositoryException">Locked, when an exclusive lock is there.</exception>
    public Task<RepositoryLock> LockSharedAsync(CancellationToken cancellationToken) =>
        RepositoryLock.AcquireAsync(Store, Codec, Services, exclusive: false, cancellationToken);

    /// <summary>Takes the exclusive lock: no other client writes while it is held. For maintenance and repair.</summary>
    /// <exception cref="RepositoryException">Locked, when any other fresh lock is there.</exception>
    public Task<RepositoryLock> LockExclusiveAsync(CancellationToken cancellationToken) =>
        RepositoryLock.AcquireAsync(Store, Codec, Services, exclusive: true, cancellationToken);

    /// <summary>
    /// Marks snapshots as deleted, one state each, exactly as `plakar rm` does. Their data stays until maintenance finds that nothing needs it.
    /// What is deleted already is passed over.
    /// </summary>
    /// <returns>Those that were there.</returns>
    /// <exception cref="RepositoryException">Damaged, when a state cannot be read: what is there cannot be told then.</exception>
    public async Task<IReadOnlyList<SnapshotId>> ForgetAsync(IReadOnlyCollection<SnapshotId> snapshots, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(snapshots);
        await RefreshAsync(cancellationToken);
        RefuseProblems("Nothing is forgotten");
        var present = Index.Snapshots().ToHashSet();
        var forgotten = new List<SnapshotId>();
        foreach (var id in snapshots.Where(present.Contains).Distinct())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var now = Timestamp.From(Services.Time.GetUtcNow()).UnixNanoseconds;
            await StateWriter.PutAsync(this, state => state.Coloured(new ColouredEntry(ColouredEntry.Snapshot, id.Value, now)));
            forgotten.Add(id);
        }

        return forgotten;
    }

    /// <summary>
    /// Finds what no snapshot needs, marks it, and removes what was marked longer than the grace period ago. Holds the exclusive lock.
    /// </summary>
    /// <exception cref="RepositoryException">
    /// Locked, when anybody else works on the repository. Damaged, when a state or something that a snapshot needs is missing: nothing is removed then.
    /// LockLapsed.
    /// </exception>
    public Task<MaintenanceReport> MaintainAsync(MaintenanceOptions options, IProgress<MaintenanceProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new RepositoryMaintenance(this, options, progress).RunAsync(cancellationToken);
    }

    /// <summary>
    /// Sees to it that all that snapshots need stays locked for as long as the store's policy promises. Does nothing where objects are not locked.
    /// </summary>
    /// <returns>How many locks were prolonged; mostly none, since they are set longer than promised.</returns>
    public async Task<int> ExtendObjectLocksAsync(CancellationToken cancellationToken)
    {
        if (Store.ObjectLock is null)
            return 0;
        await RefreshAsync(cancellationToken);
        return await ObjectLockExtension.RunAsync(this, always: false, cancellationToken);
    }

    /// <summary>
    /// Copies snapshots to another repository, under its key. They keep their identifiers; what the target has already is not written again.
    /// Interrupted, nothing is lost and the next call goes on.
    /// </summary>
    /// <exception cref="RepositoryException">Damaged, when something of the source cannot be read; Unsupported; Locked; AlreadyExists, when both are the same.</exception>
    public Task<CopyReport> CopyToAsync(Repository target, CopyOptions options, IProgress<CopyProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(options);
        return new RepositoryCopy(this, target, options, progress).RunAsync(cancellationToken);
    }

    public async Task<RepositoryTotals> GetTotalsAsync(CancellationToken cancellationToken)
    {
        await EnsureLoadedAsync(cancellationToken);
        long blobs = 0, bytes = 0;
        foreach (var (type, _, location) in Index.VisibleBlobs())
        {
            if (type == BlobType.Random)
                continue;
            blobs++;
            bytes += location.Length;
        }

        return new RepositoryTotals(Index.Snapshots().Count, Index.Packfiles().Count(p => p.Packfile.IsVisible), Index.StateCount, blobs, bytes);
    }

    public Task<IReadOnlyList<LockInfo>> ListLocksAsync(CancellationToken cancellationToken) =>
        RepositoryLock.ListAsync(Store, Codec, Services.Time, cancellationToken);

    /// <summary>Looks for damage. Never throws because of what is stored; it reports it.</summary>
    public Task<CheckReport> CheckAsync(CheckOptions options, IProgress<CheckProgress>? progress, CancellationToken cancellationToken) =>
        new RepositoryChecker(this, options, progress).RunAsync(cancellationToken);

    /// <summary>What the snapshots need, together and each alone. Reads all metadata of all snapshots.</summary>
    public Task<RepositoryUsage> MeasureUsageAsync(IProgress<CheckProgress>? progress, CancellationToken cancellationToken) =>
        new UsageMeter(this).RunAsync(progress, cancellationToken);

    /// <summary>When checks with a budget last had read all data; null: never, or it is not known.</summary>
    public async Task<DateTimeOffset?> FindLastFullReadAsync(CancellationToken cancellationToken) =>
        (await DataRotation.LoadAsync(Store, cancellationToken)).LastRound;

    /// <summary>Rebuilds what can be rebuilt: lost or damaged states, from the packfiles' own indexes. Holds the exclusive lock, unless it only plans.</summary>
    /// <exception cref="RepositoryException">Locked. Unsupported, when a state was written by a newer program.</exception>
    public Task<RepairReport> RepairAsync(RepairOptions options, IProgress<CheckProgress>? progress, CancellationToken cancellationToken) =>
        new RepositoryRepair(this, options, progress).RunAsync(cancellationToken);

    public ValueTask DisposeAsync()
    {
        Codec.Dispose();
        Index.Dispose();
        _refreshing.Dispose();
        return ValueTask.CompletedTask;
    }

    internal void RefuseProblems(string consequence)
    {
        if (Problems is [var problem, ..])
        {
            throw RepositoryException.Damaged(
                $"{problem.Key} is damaged: {problem.Problem}. {consequence} before the repository is repaired, because what is stored cannot be told for sure.");
        }
    }

    internal async Task EnsureLoadedAsync(CancellationToken cancellationToken)
    {
        if (!_loaded)
            await RefreshAsync(cancellationToken);
    }

    internal async Task<SnapshotHeader> ReadHeaderAsync(SnapshotId id, CancellationToken cancellationToken)
    {
        lock (_headers)
        {
            if (_headers.TryGetValue(id, out var known))
                return known;
        }

        var header = await Blobs.ReadAsync(BlobType.Snapshot, id.Value, HeaderCodec.Read, cancellationToken);
        if (header.Id != id)
            throw RepositoryException.Damaged($"The header of snapshot {id} is damaged: it calls itself {header.Id}.");
        lock (_headers)
            _headers[id] = header;
        return header;
    }

    private static async Task<bool> ExistsAsync(IStore store, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var item in store.ListAsync(ConfigurationKey, cancellationToken))
            {
                if (item.Key == ConfigurationKey)
                    return true;
            }
        }
        catch (StoreException exception) when (exception.Failure is StoreFailure.NotFound or StoreFailure.BucketMissing)
        {
            // Whether it may be made is the store's business.
        }

        return false;
    }

    private static async Task<RepositoryConfiguration> ReadConfigurationAsync(IStore store, PooledBuffer resource, CancellationToken cancellationToken)
    {
        try
        {
            await StoreReading.ReadAllAsync(store, ConfigurationKey, resource, cancellationToken);
            return ConfigurationCodec.Read(resource.Span);
        }
        catch (StoreException exception) when (exception.Failure == StoreFailure.NotFound)
        {
            throw new RepositoryException(
                RepositoryFailure.NoRepository, $"There is no repository at {store.Location}: it has no CONFIG. Check the location, or create one with `kloset create`.", exception);
        }
        catch (MalformedException exception)
        {
            throw Damaged(store, exception.Message, exception);
        }
    }

    private static byte[] Derive(KeyDerivationParameters parameters, ReadOnlySpan<byte> passphrase)
    {
        try
        {
            return parameters.Derive(passphrase);
        }
        catch (NotSupportedException exception)
        {
            throw new RepositoryException(RepositoryFailure.Unsupported, exception.Message, exception);
        }
    }

    private static StreamCipher CreateCipher(byte[] key, EncryptionConfiguration encryption, EngineServices services)
    {
        try
        {
            return new StreamCipher(
                key, new StreamCipherParameters(encryption.SubKeyAlgorithm, encryption.DataAlgorithm, (int)encryption.ChunkSize), services.Random.Fill);
        }
        catch (NotSupportedException exception)
        {
            throw new RepositoryException(RepositoryFailure.Unsupported, exception.Message, exception);
        }
    }

    private static byte[] MakeCanary(StreamCipher cipher, RandomSource random)
    {
        Span<byte> clear = stackalloc byte[32];
        random.Fill(clear);
        using var stored = new PooledBuffer(128);
        cipher.Seal(clear, stored);
        return stored.ToArray();
    }

    private static BlobCodec CreateCodec(RepositoryConfiguration configuration, byte[] key, StreamCipher? cipher)
    {
        Span<byte> macKey = stackalloc byte[Mac.Size];
        if (key.Length > 0)
            key.CopyTo(macKey);
        else
        {
            Span<byte> id = stackalloc byte[16];
            configuration.RepositoryId.TryWriteBytes(id, bigEndian: true, out _);
            if (configuration.Hashing.Algorithm == "SHA256")
                SHA256.HashData(id, macKey);
            else
                Blake3.Hash(id, macKey);
        }

        try
        {
            return new BlobCodec(macKey, configuration.Hashing.Algorithm, configuration.Compression?.Algorithm, cipher);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(macKey);
        }
    }

    private static RepositoryException AlreadyExists(IStore store) =>
        new(RepositoryFailure.AlreadyExists, $"There is a repository at {store.Location} already.");

    private static RepositoryException Damaged(IStore store, string why, Exception? cause = null) =>
        RepositoryException.Damaged($"The CONFIG of {store.Location} is damaged: {why}.", cause);

    private static RepositoryException NotFound(string message) => new(RepositoryFailure.SnapshotNotFound, message);
}
