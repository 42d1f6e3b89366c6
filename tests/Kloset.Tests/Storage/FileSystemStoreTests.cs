using Kloset.Storage;

namespace Kloset.Tests.Storage;

public sealed class FileSystemStoreTests : StoreContract, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kloset-store-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    protected override async Task<IStore> NewStoreAsync()
    {
        var store = new FileSystemStore(Path.Combine(_folder, "repository"));
        await store.InitializeAsync(Cancel);
        return store;
    }

    [Fact]
    public async Task The_layout_is_plakars()
    {
        await using var store = await NewStoreAsync();
        var root = Path.Combine(_folder, "repository");
        foreach (var kind in new[] { "packfiles", "states" })
        {
            Assert.Equal(
                Enumerable.Range(0, 256).Select(bucket => $"{bucket:x2}"),
                Directory.GetDirectories(Path.Combine(root, kind)).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        }

        Assert.True(Directory.Exists(Path.Combine(root, "locks")));
        if (!OperatingSystem.IsWindows())
        {
            await store.PutAsync("CONFIG", Text("x"), Cancel);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.Combine(root, "packfiles", "0a")));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(root, "CONFIG")));
        }
    }

    [Fact]
    public async Task What_a_crash_left_behind_is_not_listed()
    {
        await using var store = await NewStoreAsync();
        var root = Path.Combine(_folder, "repository");
        await File.WriteAllTextAsync(Path.Combine(root, "packfiles", "tmp.1234"), "half a packfile", Cancel);
        await File.WriteAllTextAsync(Path.Combine(root, "tmp.5678"), "half a lock", Cancel);
        Assert.Empty(await store.ListAsync("", Cancel).ToListAsync(Cancel));
    }

    [Fact]
    public async Task A_place_that_holds_something_is_not_taken()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "repository"));
        await File.WriteAllTextAsync(Path.Combine(_folder, "repository", "thesis.odt"), "precious", Cancel);
        var failure = await Assert.ThrowsAsync<StoreException>(NewStoreAsync);
        Assert.Equal(StoreFailure.Invalid, failure.Failure);
        Assert.Contains("not empty", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../outside")]
    [InlineData("/etc/passwd")]
    [InlineData("packfiles//x")]
    [InlineData("")]
    public async Task A_key_does_not_leave_the_store(string key)
    {
        await using var store = await NewStoreAsync();
        await Assert.ThrowsAsync<StoreException>(() => store.PutAsync(key, Text("x"), Cancel));
    }
}
