using System.Text;
using Kloset.Encryption;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Storage;
using Kloset.Writing;

namespace Kloset.Tests.Writing;

/// <summary>A repository of our own making in a temporary folder, with randomness from a seed.</summary>
internal sealed class TestRepository : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kloset-writing-").FullName;

    private TestRepository(string? passphrase, EngineServices services)
    {
        Passphrase = passphrase is null ? (ReadOnlyMemory<byte>?)null : Encoding.UTF8.GetBytes(passphrase);
        Services = services;
        Root = Path.Combine(_folder, "repo");
        Store = new FileSystemStore(Root);
    }

    public ReadOnlyMemory<byte>? Passphrase { get; }

    public EngineServices Services { get; }

    public string Root { get; }

    public string Folder => _folder;

    public FileSystemStore Store { get; }

    public Repository Repository { get; private set; } = null!;

    public WriterOptions Options => new() { CacheDirectory = Path.Combine(_folder, "cache"), SortBufferBytes = 4096 };

    /// <summary>Every blob lies in a packfile of its own, so that whatever a maintenance does not know to be needed is lost when it sweeps.</summary>
    public WriterOptions OneBlobEach => Options with { PackfileBytes = 1 };

    public static SnapshotDraft Draft => new() { Type = "folder", Origin = "test", Directory = "/" };

    public static async Task<TestRepository> CreateAsync(string? passphrase = null, TimeProvider? time = null, RepositoryCreation? creation = null)
    {
        var services = new EngineServices(time ?? TimeProvider.System, RandomSource.System, "test-host") { Parallelism = 2 };
        var test = new TestRepository(passphrase, services);
        creation ??= new RepositoryCreation();
        test.Repository = await Repository.CreateAsync(
            test.Store, creation with { Passphrase = test.Passphrase, KeyDerivation = passphrase is null ? null : new Pbkdf2Parameters(default, 1000) },
            services, TestContext.Current.CancellationToken);
        return test;
    }

    public Task<Repository> ReopenAsync() => Repository.OpenAsync(Store, Passphrase, Services, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await Repository.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}

internal static class TreeChanges
{
    public static Timestamp Time { get; } = new(1_700_000_000, 123_456_789);

    public static async Task<PutFile> FileAsync(this RepositoryWriter writer, string path, byte[] content, uint mode = 0x1A4) =>
        new(EntryPath.Parse(path), await writer.WriteObjectAsync(new MemoryStream(content), new ObjectOptions { FileName = path }, TestContext.Current.CancellationToken), mode, Time);

    public static async IAsyncEnumerable<TreeChange> Of(IEnumerable<TreeChange> changes)
    {
        await Task.Yield();
        foreach (var change in changes)
            yield return change;
    }

    public static byte[] Noise(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public static async Task<byte[]> ReadAsync(Snapshot snapshot, Entry entry)
    {
        await using var content = snapshot.OpenRead(entry);
        var bytes = new MemoryStream();
        await content.CopyToAsync(bytes, TestContext.Current.CancellationToken);
        return bytes.ToArray();
    }

    public static async Task<Dictionary<string, Entry>> WalkAsync(Snapshot snapshot)
    {
        var entries = new Dictionary<string, Entry>();
        await foreach (var entry in snapshot.WalkAsync(EntryPath.Root, TestContext.Current.CancellationToken))
            entries.Add(entry.Path.ToString(), entry);
        return entries;
    }
}
