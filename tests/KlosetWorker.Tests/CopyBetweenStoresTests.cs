using System.Diagnostics;
using System.Text.Json;
using Kloset.Encryption;
using Kloset.Repositories;
using Kloset.Storage;
using Kloset.Storage.S3;
using S3Server;
using TakeoutGenerator;

namespace KlosetWorker.Tests;

/// <summary>A library of a Takeout goes from a folder to a bucket, to another bucket, and back: under another key each time, killed on the way.</summary>
public sealed class CopyBetweenStoresTests : IAsyncLifetime, IDisposable
{
    private const string First = "the passphrase of the first bucket, 2026";
    private const string Second = "the passphrase of the second bucket, 2027";

    private readonly TestHost _host = new();
    private S3TestServer? _server;
    private string? _whyNot;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        (_server, _whyNot) = await S3TestServer.TryStartAsync(Cancel);
        if (_server is not null)
        {
            _host.Set("AWS_ACCESS_KEY_ID", _server.AccessKey);
            _host.Set("AWS_SECRET_ACCESS_KEY", _server.SecretKey);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    public void Dispose() => _host.Dispose();

    [Fact]
    public async Task A_library_is_copied_from_store_to_store_and_every_copy_is_searched_verified_and_goes_on_as_the_lineage()
    {
        Assert.SkipWhen(_server is null, _whyNot ?? "");
        Directory.CreateDirectory(_host.At("drop"));
        var library = Library.Generate(new LibraryOptions { Items = 60, MediaSize = 60_000, Seed = 5, Until = new(2025, 6, 1, 12, 0, 0, TimeSpan.Zero) });
        Export.Write(library, new ExportOptions { Time = library.Options.Until, Parts = 2, SetNumber = 3 }, _host.At("drop"));
        var later = library.Later(library.Options.Until.AddDays(61), 6);
        var folder = "fs:" + _host.Repository;
        var (one, two, back) = (await BucketAsync("one"), await BucketAsync("deep/two"), "fs:" + _host.At("back"));
        await CreateAsync(new FileSystemStore(_host.Repository), null);
        await CreateAsync(Store(one), First);
        await CreateAsync(Store(two), Second);
        await CreateAsync(new FileSystemStore(_host.At("back")), null);
        Use(folder, null);
        (await _host.RunAsync("backup", "takeout:" + _host.At("drop"), "--account", "alice")).Exits(0);
        var wanted = await DescribeAsync();

        // From the folder to a bucket, by processes that die on the way.
        await KillAsync(folder, one, First);
        var copied = await CopyAsync(folder, null, one, First);
        Assert.Equal(1, copied.GetProperty("copied").GetArrayLength() + copied.GetProperty("present").GetArrayLength());
        // From bucket to bucket, and back to a folder.
        Assert.Equal(1, (await CopyAsync(one, First, two, Second)).GetProperty("copied").GetArrayLength());
        Assert.Equal(1, (await CopyAsync(two, Second, back, null)).GetProperty("copied").GetArrayLength());
        foreach (var (location, passphrase) in new[] { (one, First), (two, Second), (back, null) })
        {
            Use(location, passphrase);
            (await _host.RunAsync("check", "--full")).Exits(0);
            Assert.Equal(wanted, await DescribeAsync());
        }

        // The second time nothing is read.
        var again = await CopyAsync(one, First, two, Second);
        Assert.Equal((0, 0L), (again.GetProperty("copied").GetArrayLength(), again.GetProperty("bytesRead").GetInt64()));

        // Google's next export goes on in the copy: what it shows again is known there, the chain is not broken, and the next copy is of the difference.
        Export.Write(later, new ExportOptions { Time = later.Options.Until, Since = library.Options.Until, Parts = 1, SetNumber = 4 }, _host.At("drop"));
        Use(two, Second);
        var report = JsonDocument.Parse((await _host.RunAsync("backup", "takeout:" + _host.At("drop"), "--account", "alice", "--json")).Exits(0).Output).RootElement;
        Assert.Equal(2, report.GetProperty("exports").GetProperty("chain").GetInt32());
        Assert.Equal(later.Options.Until, report.GetProperty("exports").GetProperty("coveredThrough").GetDateTimeOffset());
        Assert.Equal(later.Items.Count, report.GetProperty("library").GetProperty("items").GetInt64());
        var difference = await CopyAsync(two, Second, one, First);
        Assert.Equal((1, 1), (difference.GetProperty("copied").GetArrayLength(), difference.GetProperty("present").GetArrayLength()));
        Assert.True(difference.GetProperty("bytesRead").GetInt64() < copied.GetProperty("bytesRead").GetInt64() / 2 || copied.GetProperty("bytesRead").GetInt64() == 0);
        var newest = await DescribeAsync();
        Use(one, First);
        Assert.Equal(newest, await DescribeAsync());
        (await _host.RunAsync("check", "--full")).Exits(0);
    }

    [Fact]
    public async Task What_a_bucket_was_at_a_time_is_copied_into_one_that_is_written_now()
    {
        Assert.SkipWhen(_server is null, _whyNot ?? "");
        var from = $"s3+http://{_server.Endpoint.Authority}/{await _server.CreateLockingBucketAsync(Cancel)}/old";
        await CreateAsync(Store(from), null);
        await CreateAsync(new FileSystemStore(_host.At("back")), null);
        Use(from, null);
        _host.Write("source/a.txt", "first");
        (await _host.RunAsync("backup", "folder:" + _host.At("source"), "--origin", "here")).Exits(0);
        await Task.Delay(TimeSpan.FromSeconds(1.1), TimeProvider.System, Cancel);
        var then = TimeProvider.System.GetUtcNow();
        await Task.Delay(TimeSpan.FromSeconds(1.1), TimeProvider.System, Cancel);
        _host.Write("source/a.txt", "second");
        (await _host.RunAsync("backup", "folder:" + _host.At("source"), "--origin", "here")).Exits(0);

        (await _host.RunAsync("copy", "--to", "fs:" + _host.At("back"), "--as-of", then.ToString("O", System.Globalization.CultureInfo.InvariantCulture))).Exits(0);

        Use("fs:" + _host.At("back"), null);
        Assert.Equal("first", System.Text.Encoding.UTF8.GetString((await _host.RunAsync("cat", "latest:a.txt")).Exits(0).Bytes));
        Assert.Single(JsonDocument.Parse((await _host.RunAsync("snapshots", "--json")).Exits(0).Output).RootElement.GetProperty("snapshots").EnumerateArray());
    }

    private async Task<string> BucketAsync(string prefix) => $"s3+http://{_server!.Endpoint.Authority}/{await _server.CreateBucketAsync(Cancel)}/{prefix}";

    private S3Store Store(string location)
    {
        var s3 = (S3Location)StoreLocation.Parse(location, null);
        return new S3Store(new S3Options { Endpoint = s3.Endpoint, Bucket = s3.Bucket, Prefix = s3.Prefix, Credentials = new(_server!.AccessKey, _server.SecretKey) });
    }

    /// <summary>With a derivation that costs nothing: there are many commands.</summary>
    private static async Task CreateAsync(IStore store, string? passphrase)
    {
        await using var _ = store;
        await using var repository = await Repository.CreateAsync(
            store,
            new RepositoryCreation
            {
                Passphrase = passphrase is null ? (ReadOnlyMemory<byte>?)null : System.Text.Encoding.UTF8.GetBytes(passphrase),
                KeyDerivation = passphrase is null ? null : new Pbkdf2Parameters(default, 1000),
            },
            EngineServices.System, Cancel);
    }

    private void Use(string location, string? passphrase)
    {
        _host.Set("KLOSET_REPOSITORY", location);
        _host.Set("KLOSET_PASSPHRASE", passphrase ?? "");
    }

    private async Task<JsonElement> CopyAsync(string from, string? fromPassphrase, string to, string? toPassphrase)
    {
        Use(from, fromPassphrase);
        _host.Set("KLOSET_TO_PASSPHRASE", toPassphrase ?? "");
        var report = JsonDocument.Parse((await _host.RunAsync("copy", "--to", to, "--json")).Exits(0).Output).RootElement;
        Use(to, toPassphrase);
        return report;
    }

    private async Task KillAsync(string from, string to, string passphrase)
    {
        var random = new Random(11);
        for (var death = 0; death < 3; death++)
        {
            var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "KlosetWorker.dll"), "copy", "--to", to]) { RedirectStandardOutput = true, RedirectStandardError = true };
            foreach (var (name, value) in new[]
            {
                ("KLOSET_REPOSITORY", from), ("KLOSET_CACHE", _host.At("cache")), ("KLOSET_TO_PASSPHRASE", passphrase), ("AWS_ACCESS_KEY_ID", _server!.AccessKey), ("AWS_SECRET_ACCESS_KEY", _server.SecretKey),
            })
            {
                start.Environment[name] = value;
            }

            using var process = Process.Start(start)!;
            _ = process.StandardOutput.ReadToEndAsync(Cancel);
            _ = process.StandardError.ReadToEndAsync(Cancel);
            // Once something of it is in the bucket, so that it dies at its work and not at its start.
            await using var store = Store(to);
            while (!process.HasExited && await store.ListAsync("packfiles/", Cancel).CountAsync(Cancel) <= death)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(150)), TimeProvider.System, Cancel);
            process.Kill();
            await process.WaitForExitAsync(Cancel);
            Use(to, passphrase);
            (await _host.RunAsync("check", "--full")).Exits(0);
        }
    }

    /// <summary>What is searched and what is stored: every item with its files, and every file with its digest.</summary>
    private async Task<string> DescribeAsync()
    {
        var found = (await _host.RunAsync("find", "--json")).Exits(0).Output;
        var target = _host.At("restored-" + Guid.CreateVersion7().ToString("N"));
        (await _host.RunAsync("restore", "latest", "--to", target)).Exits(0);
        var files = Directory.EnumerateFiles(target, "*", SearchOption.AllDirectories)
            .Where(path => !path.Contains("/.kloset/", StringComparison.Ordinal)) // names objects, which another key calls otherwise
            .Select(path => $"{Path.GetRelativePath(target, path)} {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path)))} {File.GetLastWriteTimeUtc(path):O}");
        var items = JsonDocument.Parse(found).RootElement.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetString() + " " + item.GetProperty("size"));
        return string.Join('\n', items.Concat(files.Order(StringComparer.Ordinal)));
    }
}
