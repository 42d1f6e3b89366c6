using System.Text;
using Kloset.Encryption;
using Kloset.Repositories;
using Kloset.Storage;
using Kloset.Storage.S3;
using Kloset.Tests.Storage;

namespace Kloset.Tests.Interop;

/// <summary>One repository in a folder or a bucket, and both programs' ways to it.</summary>
internal sealed class InteropPlace : IAsyncDisposable
{
    private readonly Func<IStore> _open;

    private InteropPlace(string folder, ReadOnlyMemory<byte>? passphrase, Plakar plakar, Func<IStore> open)
    {
        Folder = folder;
        Passphrase = passphrase;
        Plakar = plakar;
        _open = open;
    }

    public string Folder { get; }

    public ReadOnlyMemory<byte>? Passphrase { get; }

    public Plakar Plakar { get; }

    /// <summary>An empty place; nothing is created there yet.</summary>
    public static async Task<InteropPlace> NewAsync(S3ServerFixture servers, bool bucket, bool encrypted, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("kloset-interop-").FullName;
        var passphrase = encrypted ? "the passphrase of both programs" : null;
        ReadOnlyMemory<byte>? bytes = passphrase is null ? (ReadOnlyMemory<byte>?)null : Encoding.UTF8.GetBytes(passphrase);
        if (!bucket)
        {
            var root = Path.Combine(folder, "repository");
            return new InteropPlace(folder, bytes, new Plakar(root, passphrase), () => new FileSystemStore(root));
        }

        var server = servers.ServerOrSkip();
        var name = await server.CreateBucketAsync(cancellationToken);
        var plakar = Plakar.ForBucket($"s3://{server.Endpoint.Authority}/{name}/two/programs", server.AccessKey, server.SecretKey, passphrase);
        return new InteropPlace(folder, bytes, plakar, () => new S3Store(new S3Options
        {
            Endpoint = server.Endpoint,
            Bucket = name,
            Prefix = "two/programs",
            Credentials = new S3Credentials(server.AccessKey, server.SecretKey),
        }));
    }

    /// <summary>Creates the repository with a cheap key derivation, so that plakar does not spend its time on that.</summary>
    public async Task CreateAsync(CancellationToken cancellationToken)
    {
        await using var store = _open();
        await using var repository = await Repository.CreateAsync(
            store, new RepositoryCreation { Passphrase = Passphrase, KeyDerivation = Passphrase is null ? null : new Pbkdf2Parameters(default, 1000) }, EngineServices.System, cancellationToken);
    }

    public async Task<T> UseAsync<T>(Func<Repository, Task<T>> use, CancellationToken cancellationToken)
    {
        await using var store = _open();
        await using var repository = await Repository.OpenAsync(store, Passphrase, EngineServices.System, cancellationToken);
        return await use(repository);
    }

    public ValueTask DisposeAsync()
    {
        Plakar.Dispose();
        Directory.Delete(Folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}
