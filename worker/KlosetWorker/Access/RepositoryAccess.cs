using System.Security.Cryptography.X509Certificates;
using System.Text;
using Kloset.Repositories;
using Kloset.Storage;
using Kloset.Storage.S3;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Hosting;

namespace KlosetWorker.Access;

/// <summary>What the command line says about the store.</summary>
internal sealed record StoreSettings
{
    public required string Location { get; init; }

    public string? S3Endpoint { get; init; }

    public string? S3Region { get; init; }

    public string? S3CaFile { get; init; }

    public bool S3VirtualHost { get; init; }

    /// <summary>Bytes a second that are sent to a bucket at most; null is without limit.</summary>
    public long? UploadLimit { get; init; }

    public string? S3StorageClass { get; init; }

    /// <summary>`AES256`, `aws:kms`, or `aws:kms:KEY`.</summary>
    public string? S3Encryption { get; init; }

    /// <summary>File with the 32 bytes of an SSE-C key, raw or in base64.</summary>
    public string? S3CustomerKeyFile { get; init; }

    /// <summary>Shows a bucket that keeps versions as it was then, and writes nothing.</summary>
    public DateTimeOffset? AsOf { get; init; }

    /// <summary>Object locks to put; null puts none.</summary>
    public ObjectLockPolicy? ObjectLock { get; init; }
}

/// <summary>From settings and run files to stores.</summary>
internal static class StoreFactory
{
    private const string DefaultRegion = "us-east-1";

    public static IStore Open(StoreSettings settings, WorkerHost host)
    {
        Uri? endpoint = null;
        if (settings.S3Endpoint is { } text && !Uri.TryCreate(text, UriKind.Absolute, out endpoint))
        {
            throw new WorkerException(ErrorCatalogue.InvalidLocation, $"'{text}' is not an endpoint: give https://host[:port].");
        }

        return Kloset.Storage.StoreLocation.Parse(settings.Location, endpoint) switch
        {
            FileSystemLocation or PtarLocation when settings.AsOf is not null || settings.ObjectLock is not null =>
                throw new WorkerException(ErrorCatalogue.InvalidArguments, "Only buckets keep versions and lock objects."),
            FileSystemLocation folder => new FileSystemStore(folder.Path),
            PtarLocation archive => PtarStore.Open(archive.Path),
            S3Location s3 => new S3Store(new S3Options
            {
                Endpoint = s3.Endpoint,
                Bucket = s3.Bucket,
                Prefix = s3.Prefix,
                Region = settings.S3Region ?? host.Environment("AWS_REGION") ?? DefaultRegion,
                VirtualHost = settings.S3VirtualHost,
                Credentials = FromEnvironment(host),
                TrustedCertificates = settings.S3CaFile is { } file ? Certificates(file, () => File.ReadAllText(file)) : null,
                UploadLimit = Limit(settings.UploadLimit, host.Time),
                AsOf = settings.AsOf,
                ObjectLock = settings.ObjectLock,
                Time = host.Time,
                StorageClass = settings.S3StorageClass,
                ServerSideEncryption = settings.S3Encryption is { } encryption ? Encryption(encryption).Method : null,
                ServerSideEncryptionKmsKey = settings.S3Encryption is { } method ? Encryption(method).Key : null,
                ServerSideEncryptionCustomerKey = settings.S3CustomerKeyFile is { } keyFile ? CustomerKey(keyFile, () => File.ReadAllBytes(keyFile)) : null,
            }),
            var other => throw new WorkerException(ErrorCatalogue.Unsupported, $"The location {other} cannot be used for this."),
        };
    }

    /// <param name="uploadLimit">Bytes a second that are sent to a bucket at most.</param>
    /// <param name="locked">Object locks to put.</param>
    public static IStore Open(
        RunLocation location, MountedSecrets secrets, MountedVolumes volumes, long? uploadLimit, TimeProvider time, RunObjectLock? locked = null) => location switch
        {
            { Volume: { } volume } => new FileSystemStore(volumes.Resolve(volume)),
            { S3: { } s3 } => new S3Store(Options(s3, secrets, uploadLimit, time) with { ObjectLock = Policy(locked) }),
            _ => throw new WorkerException(ErrorCatalogue.InvalidRunFile, "A store must be a bucket or a volume."),
        };

    public static S3Options Options(RunS3 s3, MountedSecrets secrets, long? uploadLimit, TimeProvider time)
    {
        if (!Uri.TryCreate(s3.Endpoint, UriKind.Absolute, out var endpoint))
        {
            throw new WorkerException(ErrorCatalogue.InvalidLocation, $"'{s3.Endpoint}' is not an endpoint: give https://host[:port].");
        }

        return new S3Options
        {
            Endpoint = endpoint,
            Bucket = s3.Bucket,
            Prefix = s3.Prefix ?? "",
            Region = s3.Region ?? DefaultRegion,
            UploadLimit = Limit(uploadLimit, time),
            Time = time,
            VirtualHost = s3.VirtualHost,
            StorageClass = s3.StorageClass,
            ServerSideEncryption = s3.Encryption?.Algorithm,
            ServerSideEncryptionKmsKey = s3.Encryption?.KmsKeyId,
            ServerSideEncryptionCustomerKey = s3.Encryption?.CustomerKey is { } key ? CustomerKey($"{key.Secret}/{key.Key}", () => secrets.Read(key)) : null,
            Credentials = s3.CredentialsSecret is { } name
                ? new S3Credentials(
                    secrets.ReadText(name, SecretKeys.AccessKeyId),
                    secrets.ReadText(name, SecretKeys.SecretAccessKey),
                    secrets.TryReadText(name, SecretKeys.SessionToken))
                : null,
            TrustedCertificates = s3.CaBundle is { } bundle
                ? Certificates($"{bundle.Secret}/{bundle.Key}", () => Encoding.UTF8.GetString(secrets.Read(bundle)))
                : null,
        };
    }

    /// <summary>`governance:90`, as people write it.</summary>
    public static ObjectLockPolicy ObjectLock(string text) =>
        text.Split(':') is [var mode, var days] && Enum.TryParse<ObjectLockMode>(mode, ignoreCase: true, out var known) && !int.TryParse(mode, out _)
            && int.TryParse(days, System.Globalization.CultureInfo.InvariantCulture, out var number) && number is >= 1 and <= 36_500
            ? new(known, number)
            : throw new WorkerException(ErrorCatalogue.InvalidArguments, $"'{text}' is no object lock: give governance:DAYS or compliance:DAYS.");

    /// <summary>A protection that was asked for and is not there must not look as if it were.</summary>
    public static async Task RequireObjectLockAsync(IStore store, CancellationToken cancellationToken)
    {
        if (store.ObjectLock is not { } locks)
        {
            return;
        }

        try
        {
            await locks.ProbeAsync(cancellationToken);
        }
        catch (StoreException none) when (none.Failure == StoreFailure.Invalid)
        {
            throw new WorkerException(ErrorCatalogue.NoObjectLock, none.Message, none);
        }
    }

    private static ObjectLockPolicy? Policy(RunObjectLock? locked) => locked is null ? null : new(Enum.Parse<ObjectLockMode>(locked.Mode), locked.Days);

    private static BandwidthLimit? Limit(long? bytesPerSecond, TimeProvider time) => bytesPerSecond is { } rate ? new(rate, time) : null;

    private static S3Credentials? FromEnvironment(WorkerHost host) =>
        host.Environment(SecretKeys.AccessKeyId) is { Length: > 0 } id && host.Environment(SecretKeys.SecretAccessKey) is { Length: > 0 } key
            ? new S3Credentials(id, key, host.Environment(SecretKeys.SessionToken) is { Length: > 0 } token ? token : null)
            : null;

    private static (string Method, string? Key) Encryption(string text) => text switch
    {
        "AES256" or "aws:kms" => (text, null),
        _ when text.StartsWith("aws:kms:", StringComparison.Ordinal) => ("aws:kms", text["aws:kms:".Length..]),
        _ => throw new WorkerException(ErrorCatalogue.InvalidArguments, $"'{text}' is no encryption that S3 knows: give AES256, aws:kms, or aws:kms:KEY."),
    };

    /// <summary>As S3 wants it: base64 of exactly 32 bytes.</summary>
    private static string CustomerKey(string name, Func<byte[]> read)
    {
        byte[] bytes;
        try
        {
            bytes = read();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WorkerException(ErrorCatalogue.InvalidArguments, $"The key {name} cannot be read: {exception.Message}", exception);
        }

        const int KeySize = 32;
        if (bytes.Length == KeySize)
        {
            return Convert.ToBase64String(bytes);
        }

        var text = Encoding.ASCII.GetString(bytes).Trim();
        Span<byte> key = stackalloc byte[KeySize + 1];
        return Convert.TryFromBase64String(text, key, out var length) && length == KeySize
            ? text
            : throw new WorkerException(ErrorCatalogue.InvalidArguments, $"The key {name} holds neither 32 bytes nor their base64.");
    }

    private static X509Certificate2Collection Certificates(string name, Func<string> read)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(read());
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            throw new WorkerException(ErrorCatalogue.InvalidArguments, $"The CA bundle {name} cannot be used: {exception.Message}", exception);
        }

        return certificates.Count > 0
            ? certificates
            : throw new WorkerException(ErrorCatalogue.InvalidArguments, $"The CA bundle {name} holds no certificate in PEM form.");
    }
}

/// <summary>An open repository together with its store.</summary>
internal sealed class OpenRepository(IStore store, Repository repository) : IAsyncDisposable
{
    public IStore Store { get; } = store;

    public Repository Repository { get; } = repository;

    /// <summary>Opens the repository in a store; the store is disposed of when that fails.</summary>
    public static async Task<OpenRepository> OpenAsync(IStore store, Func<Passphrase?> passphrase, EngineServices services, CancellationToken cancellationToken)
    {
        try
        {
            // CONFIG first: a missing repository must be told before anybody is asked for a passphrase, and before a key is derived.
            var configuration = await ReadConfigurationAsync(store, cancellationToken);
            var encrypted = configuration.Encryption is not null;
            using var secret = encrypted ? passphrase() : null;
            if (encrypted && secret is null)
            {
                throw new WorkerException(ErrorCatalogue.PassphraseNeeded, $"The repository at {store.Location} is encrypted, and no passphrase was given.");
            }

            return new(store, await Repository.OpenAsync(store, secret?.Bytes, services, cancellationToken));
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    /// <summary>CONFIG, which needs no key. A folder that is not there holds no repository; a missing bucket is another matter.</summary>
    public static async Task<Kloset.Configuration.RepositoryConfiguration> ReadConfigurationAsync(IStore store, CancellationToken cancellationToken)
    {
        try
        {
            return await Repository.ReadConfigurationAsync(store, cancellationToken);
        }
        catch (StoreException missing) when (missing.Failure == StoreFailure.BucketMissing && store is FileSystemStore)
        {
            throw new RepositoryException(RepositoryFailure.NoRepository, $"There is no repository at {store.Location}: the folder does not exist.", missing);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Repository.DisposeAsync();
        await Store.DisposeAsync();
    }
}
